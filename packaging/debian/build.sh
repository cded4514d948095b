#!/usr/bin/env bash
# Builds the two Debian packages from the release binaries: preshift (the desk) and preshift-collector.
#
#   packaging/debian/build.sh [--version V] [--programs FOLDER] [--out FOLDER]      to target/dist
#
# Plain dpkg-deb: what is in a package can be read here from top to bottom.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/linux/common.sh
# With more than one, the archive depends on the machine's number of processors.
export DPKG_DEB_THREADS_MAX=1
arch=$(dpkg --print-architecture)

# What the binary needs of the system's libraries, as Debian's own tool works it out. alsa's library got
# another name in Debian 13: the package names both, so that one built on 12 installs on 13.
library_depends() {
    local work
    work=$(mktemp -d)
    mkdir "$work/debian"
    printf 'Source: x\n\nPackage: x\nArchitecture: any\n' > "$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O "$1" 2>/dev/null | sed -E \
        -e 's/^shlibs:Depends=//' -e 's/libasound2(t64)?( \([^)]*\))?/libasound2t64\2 | libasound2\2/')
    rm -rf "$work"
}

# What Debian calls a change log: one entry that names the version; the words are in CHANGELOG.md.
change_log() { # name
    printf '%s (%s) unstable; urgency=medium\n\n' "$1" "$version"
    printf '  * What is new is in /usr/share/doc/%s/CHANGELOG.md.gz\n\n' "$1"
    printf ' -- The Preshift authors <team@preshift.invalid>  %s\n' "$(LC_ALL=C date -uRd "@$SOURCE_DATE_EPOCH")"
}

package() { # name
    local name=$1 root source=packaging/debian/$1 doc=usr/share/doc/$1 file=$out/$1_${version}_$arch.deb
    root=$(mktemp -d)
    chmod 755 "$root"
    packaging/linux/stage.sh "$name" "$programs" "$root"
    install -m644 packaging/debian/copyright "$root/$doc/copyright"
    change_log "$name" > "$root/$doc/changelog"
    gzip -9n "$root/$doc/changelog" "$root/$doc/CHANGELOG.md"
    [ ! -f "$source/lintian-overrides" ] ||
        install -Dm644 "$source/lintian-overrides" "$root/usr/share/lintian/overrides/$name"
    mkdir "$root/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" \
        -e "s/@LIBRARIES@/$(library_depends "$programs/$name")/" \
        -e "s/@SIZE@/$(size "$root")/" "$source/control" > "$root/DEBIAN/control"
    for script in preinst postinst prerm postrm; do
        [ ! -f "$source/$script" ] || install -m755 "$source/$script" "$root/DEBIAN/$script"
    done
    (cd "$root" && find etc -type f -printf '/%p\n' | sort > DEBIAN/conffiles)
    [ -s "$root/DEBIAN/conffiles" ] || rm "$root/DEBIAN/conffiles"
    (cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum > DEBIAN/md5sums)
    find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$file" >/dev/null
    rm -rf "$root"
    echo "$file"
}

# In KiB and from the files alone: what a folder takes is another on each file system.
size() { find "$1" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }'; }

for name in preshift preshift-collector; do package "$name"; done
