#!/usr/bin/env bash
# Installs, starts, upgrades and removes both rpm packages, as root, with a book of packages of their own.
#
#   packaging/rpm/test.sh
#
# In a Debian, because no mirror of a distribution of rpm's can be taken for granted: what is tested is that rpm finds
# everything that the packages name, puts each file in its place with its owner and mode, and that the scripts do
# under a real systemd what they shall. That Fedora's own libraries fit is judged by their names and versions only.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "SKIPPED: rpm test: needs root"; [ -z "${PRESHIFT_LABS:-}" ]; exit; }
. packaging/linux/machine.sh
. packaging/linux/story.sh
first=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
next=$first+next1
arch=$(uname -m)
# The suite whose C library is at least as new as the one that was built with.
suite=bookworm
[ "$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' /etc/os-release)" = 12 ] || suite=trixie

# The newest C library that is asked for: enterprise Linux 9 has 2.34, and Debian 12 can build for it.
NEWEST_GLIBC=2.34

rpm_there() { beside rpm --root "$root" --define '_dbpath /var/lib/rpm' "$@"; }
file_of() { printf '%s/packages/%s-%s-1.%s.rpm' "$root" "$1" "$2" "$arch"; }
install() {
    local files=()
    for p in "$@"; do files+=("$(file_of "$p" "$first")"); done
    quietly "install $*" rpm_there -i "${files[@]}"
}
upgrade() { quietly "upgrade" rpm_there -U "$(file_of preshift "$next")" "$(file_of preshift-collector "$next")"; }
remove() { quietly "remove" rpm_there -e preshift preshift-collector; }
# rpm has no purge: what a removal leaves is what somebody wrote.
purge() {
    if rpm_there -q preshift > /dev/null; then remove; fi
    [ "$(ours | sort | tr '\n' ' ')" = "$left_by_people" ] || die "left behind: $(ours | sort | tr '\n' ' ')"
    rm -rf "$root$data" "$root/etc/preshift" "$root/etc/preshift-collector"
    inside userdel preshift-collector 2>/dev/null || true
    left_by_people="/etc/preshift /etc/preshift-collector $data "
}
left_by_people=
start_collector() { inside systemctl enable --quiet --now preshift-collector.service; }

# The machine's libraries as a package: what rpm's own tool says that they provide. So that the packages are installed
# with all that they ask for, and what they ask for beyond that is an error.
stand_in() {
    local library
    {
        printf 'Name: debian-stand-in\nVersion: 1\nRelease: 1\nSummary: What this machine has\nLicense: none\n'
        printf 'Provides: /bin/sh\nProvides: systemd\nProvides: rtld(GNU_HASH)\n'
        for library in libc.so.6 libm.so.6 libgcc_s.so.1 libasound.so.2 ld-linux-x86-64.so.2; do
            find "$root/usr/lib" "$root/lib64/" -name "$library" -exec readlink -f {} + | sort -u | /usr/lib/rpm/elfdeps --provides
        done | sort -u | sed 's/^/Provides: /'
        printf '%%description\nWhat this machine has.\n%%files\n'
    } > "$work/stand-in.spec"
    rpmbuild -bb --quiet --define "_topdir $work/stand-in" "$work/stand-in.spec" > "$work/said.log" 2>&1 || { cat "$work/said.log" >&2; die "stand-in"; }
    quietly "stand-in" rpm_there -i "$work"/stand-in/RPMS/*/*.rpm
}

machine "$suite"
mkdir -m755 "$root/packages"
say "packages"
packaging/rpm/build.sh --out "$root/packages" > /dev/null
packaging/rpm/build.sh --version "$next" --out "$root/packages" > /dev/null
for p in preshift preshift-collector; do
    quietly "digests" rpm -K "$(file_of "$p" "$first")"
    glibc=$(rpm -qp --requires "$(file_of "$p" "$first")" | sed -nE 's/.*\(GLIBC_([0-9.]+)\).*/\1/p' | sort -V | tail -1)
    say "$p needs glibc $glibc"
    [ "$suite" != bookworm ] || [ "$(printf '%s\n' "$glibc" $NEWEST_GLIBC | sort -V | tail -1)" = $NEWEST_GLIBC ] ||
        die "$p needs a C library newer than $NEWEST_GLIBC"
done
quietly "rpmlint" rpmlint -c packaging/rpm/rpmlint.toml "$(file_of preshift "$first")" "$(file_of preshift-collector "$first")"
say "ok: rpmlint"
mkdir -p "$root/var/lib/rpm"
stand_in
story
say "all good as rpm: install, start, enrol, upgrade, remove"
