#!/usr/bin/env bash
# Builds the two Debian packages from the release binaries: preshift (the desk) and preshift-collector.
#
#   packaging/debian/build.sh [--version V]      packages go to target/debian/
#
# Plain dpkg-deb: what is in a package can be read here from top to bottom.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "${1:-}" = --version ] && version=$2
arch=$(dpkg --print-architecture)
out=${CARGO_TARGET_DIR:-target}/debian
bin=${CARGO_TARGET_DIR:-target}/release
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
mkdir -p "$out"
out=$(readlink -f "$out")

# What the binary needs of the system's libraries, as Debian's own tool works it out.
library_depends() {
    local work
    work=$(mktemp -d)
    mkdir "$work/debian"
    printf 'Source: x\n\nPackage: x\nArchitecture: any\n' > "$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O "$1" 2>/dev/null | sed 's/^shlibs:Depends=//')
    rm -rf "$work"
}

package() { # name
    local name=$1 root source=packaging/debian/$1
    root=$(mktemp -d)
    install -Dm755 "$bin/$name" "$root/usr/bin/$name"
    install -Dm644 README.md "$root/usr/share/doc/$name/README.md"
    install -Dm644 packaging/debian/copyright "$root/usr/share/doc/$name/copyright"
    gzip -9n < CHANGELOG.md > "$root/usr/share/doc/$name/changelog.gz"
    chmod 644 "$root/usr/share/doc/$name/changelog.gz"
    case $name in
    preshift)
        install -Dm644 systemd/preshift.service "$root/usr/lib/systemd/user/preshift.service"
        install -Dm644 docs/what-is-sent.md "$root/usr/share/doc/$name/what-is-sent.md"
        ;;
    preshift-collector)
        install -Dm644 systemd/preshift-collector.service "$root/lib/systemd/system/preshift-collector.service"
        install -Dm644 "$source/sysusers.conf" "$root/usr/lib/sysusers.d/preshift-collector.conf"
        install -Dm640 "$source/collector.env" "$root/etc/preshift-collector/collector.env"
        ;;
    esac
    mkdir "$root/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" \
        -e "s/@LIBRARIES@/$(library_depends "$(readlink -f "$bin/$name")")/" \
        -e "s/@SIZE@/$(du -ks --apparent-size "$root" | cut -f1)/" "$source/control" > "$root/DEBIAN/control"
    for script in preinst postinst prerm postrm; do
        [ -f "$source/$script" ] && install -m755 "$source/$script" "$root/DEBIAN/$script"
    done
    [ -d "$root/etc" ] && (cd "$root" && find etc -type f -printf '/%p\n' > DEBIAN/conffiles)
    (cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | sort | xargs md5sum > DEBIAN/md5sums)
    find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out/${name}_${version}_$arch.deb" >/dev/null
    rm -rf "$root"
    echo "$out/${name}_${version}_$arch.deb"
}

for name in preshift preshift-collector; do
    [ -x "$bin/$name" ] || { echo "$bin/$name is missing: cargo build --release --workspace" >&2; exit 1; }
    package "$name"
done
