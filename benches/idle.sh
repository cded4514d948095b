#!/usr/bin/env bash
# What the daemon costs a computer: CPU (with all of its children) and memory over some minutes in a shift,
# with every probe that the schedule asks for, delivery included.
#
#   benches/idle.sh [MINUTES]        10 by default; uses the release binaries (`make release`)
#
# Run it where a sound server is (`eval "$(tests/labs/audio/audiolab.sh env)"` for the lab's) so that sound is part of it.
# zabbix-agent2 or node_exporter can be put beside it: their pids as further arguments after the minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-10}; shift || true
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
export PRESHIFT_DATA_DIR=$work/desk

"$bin/preshift-collector" serve --data "$work/collector" --listen 127.0.0.1:0 --reflector-port 0 --announce "$work/address" > "$work/collector.log" 2>&1 &
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
url=$(cat "$work/address")
"$bin/preshift-collector" enroll-code --data "$work/collector" --team bench --quiet | "$bin/preshift" enroll "$url" --code-stdin >/dev/null 2>&1
desk=$("$bin/preshift-collector" desks list --data "$work/collector" | grep -oE '[0-9a-f]{32}' | head -1)
# A shift that has begun an hour ago and lasts all day: routine, media and change watch are all due.
printf 'desk,shift,begin,end,zone\n%s,bench,%s,%s,UTC\n' "$desk" "$(date -u -d '-1 hour' +%Y-%m-%dT%H:%M)" "$(date -u -d '+8 hours' +%Y-%m-%dT%H:%M)" > "$work/shifts.csv"
"$bin/preshift-collector" shifts set "$work/shifts.csv" --data "$work/collector" >/dev/null
# With the agent's consent the microphone is measured between calls too; without a sound server it is not.
"$bin/preshift" consent give background >/dev/null
"$bin/preshift" run > "$work/daemon.log" 2>&1 &
daemon=$!

ticks() { awk '{sub(/.*\) /, ""); print $12 + $13 + $14 + $15}' "/proc/$1/stat"; } # own and waited-for children
rss() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
hz=$(getconf CLK_TCK)
pids=("$daemon" "$@")
declare -A begin peak
for p in "${pids[@]}"; do begin[$p]=$(ticks "$p"); peak[$p]=0; done
start=$(date +%s)
while [ $(($(date +%s) - start)) -lt $((minutes * 60)) ]; do
    sleep 5
    for p in "${pids[@]}"; do r=$(rss "$p"); [ "$r" -gt "${peak[$p]}" ] && peak[$p]=$r; done
done
elapsed=$(($(date +%s) - start))
for p in "${pids[@]}"; do
    awk -v name="$(cat "/proc/$p/comm")" -v t=$(($(ticks "$p") - begin[$p])) -v hz="$hz" -v s="$elapsed" -v rss="$(rss "$p")" -v peak="${peak[$p]}" \
        'BEGIN { printf "%-16s %4d s   CPU %.3f %% of a core   RSS %.1f MB now, %.1f MB at most\n", name, s, 100 * t / hz / s, rss / 1024, peak / 1024 }'
done
echo 'readings in what was sent:'; "$bin/preshift" sent --last 1000 2>/dev/null | grep -oE '"probe": "[a-z_]+"' | sort | uniq -c
printf 'binary: %s bytes stripped\n' "$(stat -c %s "$bin/preshift")"
