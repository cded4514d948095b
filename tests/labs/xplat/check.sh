#!/usr/bin/env bash
# check.sh - the whole workspace, type-checked and linted for Windows and macOS on a Debian machine.
#
#   check.sh [--required]
#
# Sets up by xplat.sh what is missing (some 6 minutes, once on a machine). Where that cannot be had -
# no Debian, no source of this compiler in any of its suites - it says SKIPPED and ends with 0, or with 1
# if --required is given. wine.sh beside it runs what is built for Windows.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
X=${XPLAT_DIR:-$HOME/.cache/xplat}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/xplat}
WIN=x86_64-pc-windows-gnu
MAC=aarch64-apple-darwin
INTEL=x86_64-apple-darwin
# The emulated links of the network lab and the scenarios on them are Linux's own and stay there.
WORKSPACE=(--workspace --exclude netshape --exclude attribution)
required=
for argument in "$@"; do
    case "$argument" in
        --required) required=1 ;;
        *) sed -n '2,10p' "$0"; exit 64 ;;
    esac
done

skip() {
    printf '\n*** SKIPPED: the Windows and macOS check: %s ***\n\n' "$1"
    [ -z "$required" ]
    exit
}

# The private toolchain must be of the compiler in use: another's libraries do not fit. (In the fallback
# with Debian's own compiler the versions differ, and the file says which it stands in for.)
ready() {
    [ -e "$X/tc/lib/rustlib/$WIN/lib" ] && [ -e "$X/tc/lib/rustlib/$MAC/lib" ] &&
        [ -e "$X/tc/lib/rustlib/$INTEL/lib" ] && [ "$(cat "$X/for-rustc" 2>/dev/null)" = "$(rustc -V)" ]
}

if ! ready; then
    command -v apt-get >/dev/null || skip "it needs Debian's apt"
    [ -e /etc/apt/sources.list.d/debian.sources ] || skip "it needs Debian's sources in debian.sources"
    [ "$(id -u)" = 0 ] || skip "the first run installs packages and so needs root"
    # One that fits is kept, and only gets what it lacks.
    log=$(mktemp)
    if ! "$here/xplat.sh" setup 2>&1 | tee "$log"; then
        skip "no library source for $(rustc -V) could be had, or it did not build: $(tail -n 1 "$log")"
    fi
    rm -f "$log"
    ready || skip "the set-up left no library for $WIN, $MAC and $INTEL"
fi

# clippy belongs to one compiler; the fallback has none.
lint=(clippy)
flags=(-- -D warnings)
if [ "$("$X/tc/bin/rustc" -V)" != "$(rustc -V)" ]; then
    lint=(check)
    flags=()
fi

failed=0
for system in win macs; do
    printf '== %s: cargo %s %s --all-targets\n' "$system" "${lint[0]}" "${WORKSPACE[*]}"
    began=$SECONDS
    if "$here/xplat.sh" "$system" "${lint[@]}" --quiet --locked "${WORKSPACE[@]}" --all-targets "${flags[@]}"; then
        printf '== %s: clean, %s s\n' "$system" $((SECONDS - began))
    else
        printf '== %s: FAILED\n' "$system"
        failed=1
    fi
done

exit $failed
