#!/usr/bin/env bash
# wine.sh - the desk as a Windows program, run under Wine on a Debian machine.
#
#   wine.sh [--required]     build without warnings, run the tests of every crate, run the desk from end to end
#   wine.sh prefix FOLDER    make a copy of the prepared Wine prefix, for programs that shall have one of their own
#
# Sets up by xplat.sh what is missing. Where that cannot be had it says SKIPPED and ends with 0, or with 1 if
# --required is given. Nothing runs in the prepared prefix itself, and every Wine that is started is ended.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
X=${XPLAT_DIR:-$HOME/.cache/xplat}
TARGET=${XPLAT_TARGET_DIR:-$root/target/xplat}
WIN=x86_64-pc-windows-gnu
WINE=/usr/lib/wine/wine64
SERVER=/usr/lib/wine/wineserver64

# What cannot run here, and why: test program, part of the tests' names (nothing is all of them), reason. An entry
# that fits no test any more is an error.
CANNOT=(
    "preshift|network::dns::tests::a_closed_port_is_unreachable_at_once|Wine 8 does not tell a UDP socket that the port at the other end is closed"
    "preshift|rights::tests::nobody_adds_a_pipe_of_the_same_name|Wine 8 lets a second program add an instance to a pipe that asked to be the first"
    "preshift|network::https::tests::certificates_nobody_vouches_for_are_bad|Wine 8 does not judge whether issuers lead to a root: it says that it cannot look up revocations"
    "preshift|network::responsiveness::tests::a_line_without_limits_ends_at_its_bytes|under Wine the test's own server counts nothing of what it was sent; why is not known"
    "preshift|probe::turn::tests::a_real_relay_is_used_by_udp_tcp_and_tls|coturn is a Linux program, which cannot open its certificate by the path that Wine has for it"
    "cli|the_first_line_is_there_within_a_second|here the start of Wine is in that second"
    "samples||it asks the compiler what does not compile, and there is no compiler in Wine"
)

# --- a prefix of one's own ---------------------------------------------------------------------------
# What Windows itself consists of is only read: links. Everything else is copied.
prefix() { # FOLDER
    local from=$X/wine to=$1 part
    mkdir -p "$to/drive_c/windows"
    for part in "$from"/drive_c/windows/*; do
        case ${part##*/} in
            system32 | syswow64 | winsxs | assembly | Microsoft.NET | Fonts | inf)
                cp -al "$part" "$to/drive_c/windows/" 2>/dev/null || cp -a "$part" "$to/drive_c/windows/" || return ;;
            *) cp -a "$part" "$to/drive_c/windows/" || return ;;
        esac
    done
    for part in "$from"/drive_c/*; do
        [ "${part##*/}" = windows ] || cp -a "$part" "$to/drive_c/" || return
    done
    for part in "$from"/*.reg "$from"/.update-timestamp "$from"/dosdevices; do
        cp -a "$part" "$to/" || return
    done
}
if [ "${1:-}" = prefix ] && [ -n "${2:-}" ]; then
    prefix "$2"
    exit
fi

required=
case "${1:-}" in
    "") ;;
    --required) required=1 ;;
    *) sed -n '2,8p' "$0"; exit 64 ;;
esac
cd "$root" || exit

skip() {
    printf '\n*** SKIPPED: Windows under Wine: %s ***\n\n' "$1"
    [ -z "$required" ]
    exit
}
ready() { [ -e "$X/tc/lib/rustlib/$WIN/lib" ] && [ -x "$WINE" ] && [ -e "$X/wine/system.reg" ]; }
if ! ready; then
    command -v apt-get >/dev/null || skip "it needs Debian's apt"
    [ -e /etc/apt/sources.list.d/debian.sources ] || skip "it needs Debian's sources in debian.sources"
    [ "$(id -u)" = 0 ] || skip "the first run installs packages and so needs root"
    log=$(mktemp)
    "$here/xplat.sh" setup 2>&1 | tee "$log"
    ready || skip "no library source for $(rustc -V) could be had, or it did not build: $(tail -n 1 "$log")"
    rm -f "$log"
fi

work=$(mktemp -d)
export WINEPREFIX=$work/prefix WINEDEBUG=-all WINEARCH=win64
tidy() {
    "$SERVER" -k 2>/dev/null
    rm -rf "$work"
}
trap tidy EXIT
began=$SECONDS
took() { printf '%s s' $((SECONDS - began)); began=$SECONDS; }

# --- build -------------------------------------------------------------------------------------------
printf '== Windows: cargo test --workspace --no-run\n'
# The emulated links of the network lab and the scenarios on them are Linux's own and stay there.
if ! CARGO_TARGET_DIR=$TARGET "$here/xplat.sh" win test --quiet --locked --workspace --exclude netshape --exclude attribution --no-run \
    --message-format=json-render-diagnostics > "$work/built" 2> "$work/said"; then
    cat "$work/said"
    printf '== Windows: FAILED to build\n'
    exit 1
fi
if grep -q '^warning' "$work/said"; then
    cat "$work/said"
    printf '== Windows: FAILED: warnings\n'
    exit 1
fi
printf '== Windows: built without warnings, %s\n' "$(took)"

# --- the tests of every crate ------------------------------------------------------------------------
prefix "$WINEPREFIX" || exit 1
# A server that stays, and what Windows starts with itself, before any program of ours.
"$SERVER" -p > /dev/null 2>&1
"$WINE" cmd /c ver > /dev/null 2>&1 < /dev/null
sed -n '/"test":true},"features"/ s/.*"manifest_path":"\([^"]*\)\/Cargo.toml".*"name":"\([^"]*\)".*"executable":"\([^"]*\)".*/\1 \2 \3/p' \
    "$work/built" > "$work/programs"
failed=0 passed=0 skipped=0 programs=0

# One test program: what it has, what of it cannot run, and how the rest went. Leaves files for the sums.
one() { # FOLDER NAME PROGRAM FILES
    local entry of part found leave=() verdict=FAILED good out
    cd "$1" || return
    if ! "$WINE" "$3" --list 2> /dev/null < /dev/null > "$4.list"; then
        printf 'FAILED 0 0\n' > "$4.result"
        printf '   %-20s FAILED: it does not start\n' "$2"
        return
    fi
    tr -d '\r' < "$4.list" | sed -n 's/: test$//p' > "$4.tests"
    [ -s "$4.tests" ] || return
    for entry in "${CANNOT[@]}"; do
        IFS='|' read -r of part _ <<< "$entry"
        [ "$of" = "$2" ] && found=$(grep -cF -- "$part" "$4.tests") || continue
        printf '%s %s\n' "$found" "$entry" >> "$4.cannot"
        leave+=(--skip "$part")
    done
    timeout 600 "$WINE" "$3" "${leave[@]}" < /dev/null > "$4.log" 2>&1 && verdict=ok
    tr -d '\r' < "$4.log" > "$4.said"
    read -r good out <<< "$(sed -n 's/^test result:.* \([0-9]*\) passed;.* \([0-9]*\) filtered out.*/\1 \2/p' "$4.said")"
    printf '%s %s %s\n' "$verdict" "${good:-0}" "${out:-0}" > "$4.result"
    printf '   %-20s %4s passed, %2s cannot run here: %s\n' "$2" "${good:-?}" "${out:-?}" "$verdict"
    [ $verdict = ok ] || grep -v '\.\.\. ok$' "$4.said"
}

# Two at a time: they wait more than they work. The one that kills and restarts takes longest, so it begins.
export PRESHIFT_COLLECTOR_BIN=$TARGET/$WIN/debug/preshift-collector.exe PRESHIFT_KILL_MOMENTS=30
sort -k2,2 "$work/programs" | awk '$2 == "kill"; $2 != "kill" { rest = rest $0 "\n" } END { printf "%s", rest }' > "$work/order"
number=0
while read -r folder name program; do
    number=$((number + 1))
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    one "$folder" "$name" "$program" "$work/$number" &
done < "$work/order"
wait
for result in "$work"/*.result; do
    read -r verdict good out < "$result"
    programs=$((programs + 1)) passed=$((passed + good)) skipped=$((skipped + out))
    [ "$verdict" = ok ] || failed=1
done
for entry in "${CANNOT[@]}"; do
    IFS='|' read -r of part why <<< "$entry"
    fits=$(cat "$work"/*.cannot 2> /dev/null | grep -F -- " $entry" | awk '{ sum += $1 } END { print sum + 0 }')
    if [ "$fits" -gt 0 ]; then
        printf '   SKIPPED %s of %s %s: %s\n' "$fits" "$of" "${part:-(all)}" "$why"
    else
        printf '   FAILED: nothing in %s is called %s: take it from the list\n' "$of" "$part"
        failed=1
    fi
done
[ "$passed" -gt 500 ] || { printf '   FAILED: so few tests cannot be all\n'; failed=1; }
printf '== Windows programs under Wine: %s programs, %s passed, %s skipped, %s\n' "$programs" "$passed" "$skipped" "$(took)"

# --- the desk, from end to end -----------------------------------------------------------------------
if [ "$(id -u)" != 0 ]; then
    printf '\n*** SKIPPED: the desk under Wine from end to end: it needs root ***\n\n'
    [ -z "$required" ] || failed=1
else
    printf '== The desk under Wine, from end to end\n'
    # As scripts/test.sh builds, so that nothing is built twice.
    cargo build --quiet --locked --workspace --all-features --bins || exit 1
    native=${CARGO_TARGET_DIR:-$root/target}/debug
    unset PRESHIFT_KILL_MOMENTS
    if PRESHIFT_LABS=1 PRESHIFT_WINDOWS_EXE=$TARGET/$WIN/debug/preshift.exe \
        PRESHIFT_COLLECTOR_BIN=$native/preshift-collector \
        cargo test --quiet --locked --workspace --all-features --test windows_desk -- --test-threads=1; then
        printf '== The desk under Wine, from end to end: passed, %s\n' "$(took)"
    else
        printf '== The desk under Wine, from end to end: FAILED\n'
        failed=1
    fi
fi
exit $failed
