#!/usr/bin/env bash
# Builds the Windows package from programs that were cross-built: target/dist/preshift-VERSION-x64.msi
#
#   packaging/windows/build.sh [--version V] [--programs FOLDER] [--out FOLDER]
#
# Without --programs it takes what programs.sh built.
#
# Needs wixl, msitools, faketime and mingw-w64's objdump, all of Debian. The same programs make the same
# bytes. It is not signed: see docs/deploy.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=${CARGO_TARGET_DIR:-target}
programs=${XPLAT_TARGET_DIR:-target/xplat}/x86_64-pc-windows-gnu/release
out=$target/dist
while [ $# -gt 0 ]; do
    case $1 in
    --version) version=$2 ;;
    --programs) programs=$2 ;;
    --out) out=$2 ;;
    *) sed -n '2,9p' "$0" >&2; exit 64 ;;
    esac
    shift 2
done
die() { echo "packaging/windows/build.sh: $*" >&2; exit 1; }

# Windows Installer compares three numbers and no more (ProductVersion: 255.255.65535 at most).
msi_version=${version%%[-+]*}
[[ $msi_version =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,5})$ ]] || die "'$version' is no version such as 1.2.3"
[ "${BASH_REMATCH[1]}" -le 255 ] && [ "${BASH_REMATCH[2]}" -le 255 ] && [ "${BASH_REMATCH[3]}" -le 65535 ] ||
    die "Windows Installer knows no version above 255.255.65535: '$version'"
for tool in wixl msibuild msiinfo faketime x86_64-w64-mingw32-objdump; do
    command -v "$tool" >/dev/null || die "$tool is missing: scripts/setup.sh msi"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in preshift preshiftw; do
    [ -f "$programs/$program.exe" ] || die "$programs/$program.exe is missing: make msi builds it"
    cp "$programs/$program.exe" "$work/"
    # A program that needs a library of the compiler would not start on anybody's computer.
    foreign=$(x86_64-w64-mingw32-objdump -p "$work/$program.exe" | sed -n 's/^\tDLL Name: //p' |
        grep -vixF -f packaging/windows/libraries.txt || true)
    [ -z "$foreign" ] || die "$program.exe needs libraries that are not Windows' own: $foreign"
done
crlf() { sed 's/$/\r/'; }
crlf < docs/what-is-sent.md > "$work/what-is-sent.txt"
{ cat LICENSE-MIT; printf '\n\n'; cat LICENSE-APACHE; } | crlf > "$work/licence.txt"

# The same in, the same out: the times in the cabinet and the summary, and the two ids that would be random.
export TZ=UTC LC_ALL=C
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
find "$work" -type f -exec touch -hd "@$epoch" {} +
uuid5() { # name: a UUID of version 5 (RFC 9562) in a namespace of our own
    local hash
    hash=$(printf '\x3a\x27\x74\xbd\x72\x6e\x4e\xab\xb7\x2d\xb8\xcf\xfe\xe7\x3c\x5a%s' "$1" | sha1sum | cut -c1-32 | tr a-f A-F)
    printf '{%s-%s-5%s-%X%s-%s}' "${hash:0:8}" "${hash:8:4}" "${hash:13:3}" \
        $((0x${hash:16:1} & 3 | 8)) "${hash:17:3}" "${hash:20:12}"
}
product=$(uuid5 "product $msi_version")
package=$(uuid5 "package $msi_version $(cd "$work" && sha256sum -- * | sha256sum; sha256sum < "$OLDPWD/packaging/windows/preshift.wxs")")

msi=$work/preshift.msi
cp packaging/windows/preshift.wxs "$work/"
(cd "$work" && faketime -f "$(date -u -d "@$epoch" '+%Y-%m-%d %H:%M:%S')" \
    wixl --arch x64 -D "Version=$msi_version" -D "ProductCode=$product" -o "$msi" preshift.wxs)
# What wixl cannot say: see the top of preshift.wxs.
query() { msibuild "$msi" -q "$1" || die "msibuild failed: $1"; }
for program in preshift preshiftw; do
    query "UPDATE \`File\` SET \`Version\` = '$msi_version.0', \`Language\` = '0' WHERE \`File\` = '$program.exe'"
    # Files with a version are compared by it and must have no hash.
    query "DELETE FROM \`MsiFileHash\` WHERE \`File_\` = '$program.exe'"
done
# 18 a program that was installed, + 64 whatever becomes of it, + 1024 deferred, + 256 when rolling back.
query "UPDATE \`CustomAction\` SET \`Type\` = 1362 WHERE \`Action\` = 'UndoSetUp'"
msibuild "$msi" -i packaging/windows/Environment.idt
msibuild "$msi" -s "Preshift $msi_version" "The Preshift authors" "x64;1033" "$package"

# Nothing of it was silently left out.
holds() { # table what
    local rows
    rows=$(msiinfo export "$msi" "$1")
    [[ $rows == *"$2"* ]] || die "the table $1 of the package lacks $2"
}
holds File "$msi_version.0"
holds Environment '[~];[INSTALLDIR]'
holds CustomAction $'UndoSetUp\t1362\t'
mkdir -p "$out"
name=preshift-$version-x64.msi
mv "$msi" "$out/$name"
chmod 644 "$out/$name"
echo "$out/$name"
