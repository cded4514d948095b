#!/usr/bin/env bash
# Builds the programs that the Windows package brings, as people get them, and holds them free of paths of this machine.
#
#   packaging/windows/programs.sh      to target/xplat/x86_64-pc-windows-gnu/release
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/labs/xplat/xplat.sh setup
. packaging/release/flags.sh
export CARGO_TARGET_DIR=${XPLAT_TARGET_DIR:-target/xplat}
tests/labs/xplat/xplat.sh win build --release --locked -p preshift -p preshift-launcher --bins "$@"

failed=0
for program in preshift preshiftw; do
    file=$CARGO_TARGET_DIR/x86_64-pc-windows-gnu/release/$program.exe
    for path in "$PWD/" "${CARGO_HOME:-$HOME/.cargo}/" "$HOME/"; do
        # Somebody whose home is / has no path of his own to give away.
        if [ "$path" = // ] || ! grep -qaF "$path" "$file"; then continue; fi
        printf 'FAILED: %s holds a path of this machine: %s\n' "$program.exe" \
            "$(grep -aoE -m1 "$(printf %s "$path" | sed 's/[][\.*^$+?(){}|]/\\&/g')[[:graph:]]{0,60}" "$file" | head -1)" >&2
        failed=1
    done
done
[ "$failed" = 0 ] || {
    echo "If it is a path of Rust's own library, it was prepared before that was seen to: remove" >&2
    echo "${XPLAT_DIR:-$HOME/.cache/xplat}/tc/lib/rustlib/x86_64-pc-windows-gnu and try again." >&2
    exit 1
}
