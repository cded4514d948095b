#!/usr/bin/env bash
# All tests of the Linux packages, side by side: each has a machine of its own and mostly waits.
#
#   packaging/linux/test.sh [TEST...]       (Debian 12, Debian 13 and rpm by default)
#
# A test is a script with its argument, as in "packaging/debian/test.sh bookworm".
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "SKIPPED: package tests: need root"; [ -z "${PRESHIFT_LABS:-}" ]; exit; }
[ $# -gt 0 ] || set -- "packaging/debian/test.sh bookworm" "packaging/debian/test.sh trixie" packaging/rpm/test.sh
. packaging/linux/machine.sh
machines bookworm trixie
logs=$(mktemp -d)
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; wait; rm -rf "$logs"' EXIT
for test in "$@"; do
    # In words: a script and its argument.
    $test > "$logs/${#running[@]}" 2>&1 &
    running+=($!)
done
failed=0
number=0
for test in "$@"; do
    printf '\n-- %s\n' "$test"
    wait "${running[number]}" || { failed=1; printf 'FAILED: %s\n' "$test" >> "$logs/$number"; }
    cat "$logs/$number"
    number=$((number + 1))
done
exit $failed
