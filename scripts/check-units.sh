#!/usr/bin/env bash
# systemd's own opinion of our units: valid, and the collector's exposure at 2.0 or lower.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v systemd-analyze >/dev/null; then
    echo "SKIPPED: units: needs systemd-analyze"
    [ -z "${PRESHIFT_LABS:-}" ]
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# verify looks for the program; before a package is installed there is none.
for unit in systemd/*.service; do sed 's#^ExecStart=/usr/bin/[^ ]*#ExecStart=/bin/true#' "$unit" > "$work/$(basename "$unit")"; done
said=$(systemd-analyze verify "$work/preshift-collector.service" 2>&1) || { echo "$said"; exit 1; }
said+=$(XDG_RUNTIME_DIR=$work systemd-analyze --user verify "$work/preshift.service" 2>&1) || { echo "$said"; exit 1; }
if grep -qE 'Unknown key|Unknown section|Failed to parse' <<< "$said"; then echo "$said"; exit 1; fi
exposure=$(systemd-analyze security --offline=true --threshold=20 "$PWD/systemd/preshift-collector.service" | tail -1) ||
    { echo "$exposure"; echo "the collector's exposure must be 2.0 or lower"; exit 1; }
echo "${exposure#→ }"
