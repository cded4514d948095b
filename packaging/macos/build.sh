#!/usr/bin/env bash
# Builds Preshift.app and packs it into a zip with its install command. The zip goes to target/dist/.
#
#   packaging/macos/build.sh [--version V] [--binary FILE] [--out FOLDER]
#
# On a Mac: builds for Apple silicon and Intel, joins both, signs, zips. Needs Xcode's command line tools and
# `rustup target add aarch64-apple-darwin x86_64-apple-darwin`. Environment:
#   PRESHIFT_SIGN_IDENTITY    who signs, as `security find-identity -v -p codesigning` names it
#                             ("Developer ID Application: …"); without it the signature is ad hoc, which is
#                             enough for the Mac that built it and for trying out
#   PRESHIFT_NOTARY_PROFILE   a profile of `xcrun notarytool store-credentials`; then Apple is asked to notarise
#                             the app, and its answer is stapled to it
# Elsewhere: --binary names a program that is there already, and nothing is signed: the layout can be tested.
#
# The same input gives the same bytes (SOURCE_DATE_EPOCH, else the time of the last commit), but for a
# signature with a timestamp. Written without a Mac at hand: see docs/platforms.md for what was checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/macos
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=${CARGO_TARGET_DIR:-target}
out=$target/dist
binary=
while [ $# -gt 0 ]; do
    case $1 in
    --version) version=$2; shift 2 ;;
    --binary) binary=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    *) sed -n '2,20p' "$0" >&2; exit 64 ;;
    esac
done
# CFBundleShortVersionString takes three numbers and nothing else.
case $version in
*[!0-9.]* | '' | .* | *. | *..*) echo "build.sh: '$version' is no version that macOS takes: digits and dots, such as 1.2.3" >&2; exit 64 ;;
esac
command -v zip >/dev/null || { echo "build.sh: zip is missing (Debian: apt-get install zip)" >&2; exit 69; }
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# The oldest macOS it runs on is said in one place.
MACOSX_DEPLOYMENT_TARGET=$(sed -n '/LSMinimumSystemVersion/{n;s/.*<string>\(.*\)<\/string>.*/\1/p;}' $here/Info.plist)
export MACOSX_DEPLOYMENT_TARGET

if [ -z "$binary" ]; then
    [ "$(uname -s)" = Darwin ] || { echo "build.sh: this is no Mac; name a program by --binary" >&2; exit 69; }
    both=()
    for arch in aarch64 x86_64; do
        cargo build --release --locked --package preshift --bin preshift --target "$arch-apple-darwin"
        both+=("$target/$arch-apple-darwin/release/preshift")
    done
    binary=$work/preshift
    lipo -create -output "$binary" "${both[@]}"
fi
[ -f "$binary" ] || { echo "build.sh: there is no program at $binary" >&2; exit 66; }

folder=Preshift-$version
app=$work/$folder/Preshift.app
put() { # mode source destination
    mkdir -p "$(dirname "$3")"
    cp "$2" "$3"
    chmod "$1" "$3"
}
put 755 "$binary" "$app/Contents/MacOS/preshift"
put 644 $here/com.preshift.desk.plist "$app/Contents/Resources/com.preshift.desk.plist"
put 644 docs/what-is-sent.md "$app/Contents/Resources/what-is-sent.md"
put 644 LICENSE-MIT "$app/Contents/Resources/LICENSE-MIT"
put 644 LICENSE-APACHE "$app/Contents/Resources/LICENSE-APACHE"
put 644 "$here/Read me.txt" "$work/$folder/Read me.txt"
put 755 $here/install.command "$work/$folder/install.command"
put 755 $here/uninstall.command "$work/$folder/uninstall.command"
sed "s/__VERSION__/$version/" $here/Info.plist > "$app/Contents/Info.plist"
printf 'APPL????' > "$app/Contents/PkgInfo"
chmod 644 "$app/Contents/Info.plist" "$app/Contents/PkgInfo"

if command -v codesign >/dev/null; then
    identity=${PRESHIFT_SIGN_IDENTITY:--}
    # Apple's time server does not sign for nobody.
    timestamp=--timestamp
    [ "$identity" = - ] && timestamp=--timestamp=none
    codesign --force --sign "$identity" --identifier com.preshift.desk --options runtime $timestamp \
        --entitlements $here/entitlements.plist "$app"
    codesign --verify --strict --verbose=2 "$app"
else
    echo "*** build.sh: NOT SIGNED: there is no codesign here. This zip shows the layout only. ***" >&2
fi

epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
# BSD's date first, GNU's else.
stamp=$(date -u -r "$epoch" +%Y%m%d%H%M.%S 2>/dev/null || date -u -d "@$epoch" +%Y%m%d%H%M.%S)
pack() { # zip
    rm -f "$1"
    # Times, order and owners are what makes two zips differ.
    find "$work/$folder" -exec env TZ=UTC touch -h -t "$stamp" {} +
    (cd "$work" && find "$folder" -print | LC_ALL=C sort | TZ=UTC zip -X -9 -q -@ "$1")
}
zip=$out/$folder-macos.zip
pack "$zip"
if [ -n "${PRESHIFT_NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$zip" --keychain-profile "$PRESHIFT_NOTARY_PROFILE" --wait
    xcrun stapler staple "$app"
    pack "$zip"
fi
echo "$zip"
