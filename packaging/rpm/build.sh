#!/usr/bin/env bash
# Builds the two rpm packages from the release binaries: preshift (the desk) and preshift-collector.
#
#   packaging/rpm/build.sh [--version V] [--programs FOLDER] [--out FOLDER]      to target/dist
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/linux/common.sh
arch=$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rpmbuild -bb --quiet --target "$arch-linux" \
    --define "_topdir $work" --define "_rpmdir $work/rpms" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
    --define "sources $PWD" --define "programs $programs" --define "number $version" \
    packaging/rpm/preshift.spec > "$work/said.log" 2>&1 || { cat "$work/said.log" >&2; exit 1; }
for package in "$work"/rpms/*.rpm; do
    mv "$package" "$out/"
    echo "$out/$(basename "$package")"
done
