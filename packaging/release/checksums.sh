#!/usr/bin/env bash
# Writes an SBOM beside each program that lies packed in a folder, and SHA256SUMS over everything in it.
#
#   packaging/release/checksums.sh [FOLDER]      (target/dist by default)
#
# To be run last, when the packages of all systems are there. To be verified by: sha256sum --check SHA256SUMS
set -euo pipefail
cd "$(dirname "$0")/../.."
dist=${1:-${CARGO_TARGET_DIR:-target}/dist}
[ -d "$dist" ] || { echo "$dist is missing: make packages" >&2; exit 1; }
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
shopt -s nullglob

# An SBOM for a program on a system.
sbom() { # package target
    packaging/release/sbom.sh "$1" "$2" "$dist/$1-$version-$2.cdx.json"
}
native=$(rustc -vV | sed -n 's/^host: //p')
for package in preshift preshift-collector; do
    # The package's name ends where its version begins: preshift is not preshift-collector.
    packed=("$dist/${package}_"[0-9]*.deb "$dist/$package-"[0-9]*.rpm)
    if [ ${#packed[@]} -gt 0 ]; then sbom "$package" "$native"; fi
done
packed=("$dist"/*.msi)
if [ ${#packed[@]} -gt 0 ]; then sbom preshift x86_64-pc-windows-gnu; fi
# The program in the zip is for both kinds of Mac.
packed=("$dist"/Preshift-*.zip)
if [ ${#packed[@]} -gt 0 ]; then
    for target in aarch64-apple-darwin x86_64-apple-darwin; do sbom preshift "$target"; done
fi

(
    cd "$dist"
    rm -f SHA256SUMS
    find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' -printf '%P\n' | LC_ALL=C sort > .names
    [ -s .names ] || { rm .names; echo "nothing is in $dist: make packages" >&2; exit 1; }
    xargs -d '\n' sha256sum -- < .names | grep -v ' \.names$' > SHA256SUMS
    rm .names
)
echo "$dist/SHA256SUMS: $(wc -l < "$dist/SHA256SUMS") files"
