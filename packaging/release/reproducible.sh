#!/usr/bin/env bash
# Builds the programs and the Linux packages a second time - from another folder, with another home folder, time zone,
# language and file mask - and compares byte by byte with what is in target/release.
#
#   packaging/release/reproducible.sh
#
# The first of the two builds is the usual one, which is brought up to date here if it is not.
set -euo pipefail
cd "$(dirname "$0")/../.."
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
first=$(readlink -f "${CARGO_TARGET_DIR:-target}")/release
packaging/release/build.sh --quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

there=$work/elsewhere/deeper/sources
mkdir -p "$there" "$work/home/cargo"
git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$there"
# The crates that were fetched serve both; their path is another one.
ln -s "$(readlink -f "${CARGO_HOME:-$HOME/.cargo}")/registry" "$work/home/cargo/registry"
again() ( # command... : in the other circumstances
    cd "$there"
    umask 077
    export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    export HOME=$work/home CARGO_HOME=$work/home/cargo TZ=Pacific/Kiritimati LC_ALL=C.UTF-8
    unset CARGO_TARGET_DIR CARGO_BUILD_JOBS
    "$@"
)
printf '== the second build, in %s\n' "$there"
again packaging/release/build.sh --quiet

compare() { # file file
    if cmp "$1" "$2"; then
        printf '== the same: %s  %s\n' "$(sha256sum < "$1" | cut -c1-16)" "$(basename "$1")"
    else
        printf 'FAILED: built twice, and not the same: %s\n' "$(basename "$1")"
        if command -v diffoscope >/dev/null; then diffoscope --max-report-size 20000 "$1" "$2" || true; fi
        failed=1
    fi
}
for program in preshift preshift-collector; do
    compare "$first/$program" "$there/target/release/$program"
    # No path of the machine that built it: neither of this folder nor of any home.
    for path in "$PWD/" "$there/" "${CARGO_HOME:-$HOME/.cargo}/" "$HOME/" "$work/"; do
        if grep -qaF "$path" "$first/$program"; then
            printf 'FAILED: %s holds a path of this machine: %s\n' "$program" "$(grep -aoF -m1 "$path" "$first/$program" | head -1)"
            failed=1
        fi
    done
done

printf '== the packages, twice\n'
for format in debian rpm; do
    packaging/$format/build.sh --programs "$first" --out "$work/one" > /dev/null
    again packaging/$format/build.sh --out "$work/two" > /dev/null
done
[ "$(ls "$work/one")" = "$(ls "$work/two")" ] || { echo "FAILED: not the same packages"; failed=1; }
for package in "$work"/one/*; do compare "$package" "$work/two/$(basename "$package")"; done
exit $failed
