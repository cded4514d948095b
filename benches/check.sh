#!/usr/bin/env bash
# How long an agent waits for a self-check: until the first line, and until the verdict.
#
#   benches/check.sh [RUNS]        5 by default; root; uses the release binaries (`make release`)
#
# All eight probes have something to measure: a desk in the network lab (40 ms round trip, some jitter) with a
# resolver of its own, a collector behind TLS at the far end, and a headset in the audio lab.
# Needs dnsmasq (Debian: dnsmasq-base), openssl, and what the labs need.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
bin=$PWD/${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
export AUDIOLAB_DIR=$work/audio PRESHIFT_DATA_DIR=$work/desk PRESHIFT_TLS_ROOTS_FILE=$work/ca.pem
audio=tests/labs/audio/audiolab.sh
lab=pc$$
clean() {
    "$audio" stop >/dev/null 2>&1 || true
    "$bin/netshape" ctl "$work/nl.sock" quit >/dev/null 2>&1 || true
    kill $(jobs -p) 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work" "/etc/netns/$lab-ws"
}
trap clean EXIT
for tool in dnsmasq openssl ip pulseaudio sox; do command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 1; }; done

cargo build --quiet --release -p netshape
"$bin/netshape" lab "$lab" "$work/nl.sock" > "$work/lab.log" 2>&1 &
for _ in $(seq 100); do [ -S "$work/nl.sock" ] && ip netns list | grep -q "$lab-srv" && break; sleep 0.1; done
for link in wifi:5ms:2ms access:10ms:1ms transit:5ms:0ms; do
    IFS=: read -r name delay jitter <<< "$link"
    "$bin/netshape" ctl "$work/nl.sock" "set $name delay=$delay jitter=$jitter dist=normal seed=7" >/dev/null
done
mkdir -p "/etc/netns/$lab-ws"
echo "nameserver 192.168.77.1" > "/etc/netns/$lab-ws/resolv.conf"
ip netns exec "$lab-gw" dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file="$work/dns.pid" \
    --bind-interfaces --listen-address=192.168.77.1 --address=/collector.lab/203.0.113.9 --address=/collector.lab/:: 2>/dev/null &

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Lab authority" \
    -addext "basicConstraints=critical,CA:TRUE" -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=collector.lab" -keyout "$work/key.pem" -out "$work/req.pem" 2>/dev/null
openssl x509 -req -in "$work/req.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 2 -out "$work/cert.pem" \
    -extfile <(printf 'subjectAltName=DNS:collector.lab\nbasicConstraints=critical,CA:FALSE\n') 2>/dev/null
ip netns exec "$lab-srv" "$bin/preshift-collector" serve --data "$work/collector" --listen 203.0.113.9:8443 \
    --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" --announce "$work/address" > "$work/collector.log" 2>&1 &
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
[ -s "$work/address" ] || { cat "$work/collector.log"; exit 1; }

"$audio" start
eval "$("$audio" env)"
"$audio" plug usb headset
"$audio" default headset
sox -n -r 48000 -c 1 "$work/room.wav" synth 600 pinknoise gain -45
"$audio" play headset "$work/room.wav" >/dev/null

desk=(ip netns exec "$lab-ws" "$bin/preshift")
"$bin/preshift-collector" enroll-code --data "$work/collector" --team bench --quiet | "${desk[@]}" enroll https://collector.lab:8443 --code-stdin > /dev/null 2>&1
for _ in $(seq "$runs"); do
    python3 - "${desk[@]}" check <<'P'
import subprocess, sys, time
begin = time.monotonic()
check = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
first = check.stderr.readline()
line = time.monotonic() - begin
rest, _ = check.communicate()
total = time.monotonic() - begin
took = next((l.split(". ")[0] for l in rest.splitlines() if l.startswith("Took")), "?")
print(f"first line {line:.2f} s, verdict {rest.splitlines()[0]!r} ({took}), command ended after {total:.2f} s")
P
done
"${desk[@]}" check 2>/dev/null || true
