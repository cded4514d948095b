#!/usr/bin/env bash
# Installs, starts, upgrades, removes and purges both packages in Debians of their own, as root.
#
#   packaging/debian/test.sh [SUITE...]       (bookworm and trixie by default; needs debootstrap and root)
#
# A suite whose C library is older than this machine's cannot run what is built here: it is skipped, and said so.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "SKIPPED: package test: needs root"; [ -z "${PRESHIFT_LABS:-}" ]; exit; }
. packaging/linux/machine.sh
. packaging/linux/story.sh
first=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
next=$first+next1
arch=$(dpkg --print-architecture)

install() { for p in "$@"; do quietly "install $p" apt "/packages/${p}_${first}_$arch.deb"; done; }
upgrade() { quietly "upgrade" apt "/packages/preshift_${next}_$arch.deb" "/packages/preshift-collector_${next}_$arch.deb"; }
remove() { quietly "remove" inside dpkg -r preshift preshift-collector; }
purge() { quietly "purge" inside dpkg -P preshift preshift-collector; }
start_collector() { :; }
# As IT does it, and from the file alone: without a source of packages, what is missing is an error.
apt() {
    inside env DEBIAN_FRONTEND=noninteractive apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
        install -qq -y --no-install-recommends "$@"
}

[ $# -gt 0 ] || set -- bookworm trixie
machines "$@"
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
say "packages, and a next version of them"
packaging/debian/build.sh --out "$packages" > /dev/null
packaging/debian/build.sh --version "$next" --out "$packages" > /dev/null

try() { # suite
    machine "$1"
    cp -r "$packages" "$root/packages"
    chmod 755 "$root/packages"
    needed=$(dpkg-deb -f "$root/packages/preshift_${first}_$arch.deb" Depends | sed -n 's/.*libc6 (>= \([^)]*\)).*/\1/p')
    there=$(inside dpkg-query -W -f '${Version}' libc6)
    if dpkg --compare-versions "$there" lt "$needed"; then
        echo "SKIPPED: package test on $1: what is built here needs libc6 $needed, and it has $there"
        return
    fi
    story
    left=$(ours)
    [ -z "$left" ] || die "left behind: $left"
    inside test ! -e /etc/preshift || die "left behind: /etc/preshift"
    say "all good on $1: install, start, enrol, upgrade, remove, purge"
}
for suite in "$@"; do (try "$suite"); done
