#!/usr/bin/env bash
# `make run`: Preshift's main job on this machine, from nothing to the board.
#
# Starts a collector on loopback with its embedded store, enrols this desk, runs the self-check and
# prints where the board is. What it makes is under .run/ in this folder; the collector goes on
# running for the board until `make stop`. A second run uses the same desk again.
set -euo pipefail
cd "$(dirname "$0")/.."
run=$PWD/.run
pid_file=$run/collector.pid
desk=(env PRESHIFT_DATA_DIR="$run/desk" target/debug/preshift)
collector=target/debug/preshift-collector

alive() { [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null && grep -qa preshift-collector "/proc/$(cat "$pid_file")/cmdline"; }
stop() {
    if alive; then
        kill "$(cat "$pid_file")"
        for _ in $(seq 50); do alive || break; sleep 0.1; done
    fi
    rm -f "$pid_file"
}
if [ "${1:-}" = stop ]; then stop; echo "Stopped. What was measured is kept in .run/; 'make clean' removes it."; exit; fi

echo "Building (the first time takes some minutes)…" >&2
cargo build --quiet --workspace --bins
mkdir -p "$run" && chmod 700 "$run"
stop

# One port number for TCP and for the reflector's UDP, kept for the next run: the desk enrolled at it.
start() { # port
    rm -f "$run/address"
    setsid "$collector" serve --data "$run/collector" --listen "127.0.0.1:$1" --reflector-port "$1" \
        --announce "$run/address" </dev/null > "$run/collector.log" 2>&1 &
    echo $! > "$pid_file"
    for _ in $(seq 100); do [ -s "$run/address" ] && return; alive || return 1; sleep 0.1; done
    return 1
}
if ! { [ -s "$run/port" ] && start "$(cat "$run/port")"; }; then
    # The first run, or somebody else took the port in the meantime: the desk enrols anew.
    rm -rf "$run/desk"
    for port in $(shuf -i 20000-32000 -n 20); do
        start "$port" && echo "$port" > "$run/port" && break
    done
    [ -s "$run/address" ] || { echo "The collector did not start:" >&2; cat "$run/collector.log" >&2; exit 1; }
fi
url=$(cat "$run/address")
[ -s "$run/token" ] || (umask 077; "$collector" token rotate --data "$run/collector" --quiet > "$run/token")

if ! "${desk[@]}" status 2>/dev/null | grep -q "$url"; then
    "$collector" enroll-code --data "$run/collector" --team demo --quiet | "${desk[@]}" enroll "$url" --code-stdin >&2
fi

verdict=0
"${desk[@]}" check || verdict=$?
[ "$verdict" -lt 64 ] || exit "$verdict"

cat <<END

The board: $url/
Sign in with this token: $(cat "$run/token")
'make stop' ends the collector.
END
