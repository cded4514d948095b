#!/usr/bin/env bash
# Every check there is, in the order in which a failure is cheapest to find.
#
#   scripts/test.sh            everything
#   scripts/test.sh lint       format, clippy, doc warnings only
#
# With root, the labs run, and what they need is installed: a missing need is a failure. Without root, what needs it is
# skipped. So are the other systems' programs where Debian has no source of this compiler's libraries. Whatever was
# skipped is said where it is, and again at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
# The same cases in every run, so that a change is not blamed for what chance found. To look elsewhere:
# PROPTEST_RNG_SEED=$RANDOM make test
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20261101}
skipped=()
step() {
    [ -z "${began:-}" ] || printf '    %s: %d s\n' "$current" $((SECONDS - began))
    began=$SECONDS current=$*
    printf '\n=== %s  (%s)\n' "$*" "$(date -u +%H:%M:%S)"
}
watched() { # command... : remembers each line by which it says that it left something out
    local said line
    said=$(mktemp)
    "$@" 2>&1 | tee "$said"
    while read -r line; do skipped+=("$current: $line"); done < <(grep SKIPPED "$said")
    rm -f "$said"
}
root() { [ "$(id -u)" = 0 ]; }

step "format"
cargo fmt --all --check
step "clippy"
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
step "docs"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items
[ "${1:-}" = lint ] && exit

# From here on a need that is missing is a failure, where there are the rights to meet it.
if root; then export PRESHIFT_LABS=1; else skipped+=("the labs of network and audio: need root"); fi

step "units"
scripts/check-units.sh

step "licences and bans"
if ! cargo deny --version >/dev/null 2>&1; then
    cargo install --quiet --locked cargo-deny
fi
cargo deny --log-level error check licenses bans sources

step "tests"
PRESHIFT_INCONCLUSIVE=$(mktemp)
export PRESHIFT_INCONCLUSIVE
cargo build --quiet --workspace --all-features --bins --examples
# Built just now: the tests that start it need not build it again with other features.
export PRESHIFT_COLLECTOR_BIN=${CARGO_TARGET_DIR:-$PWD/target}/debug/preshift-collector
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast --all-features
    cargo test --quiet --workspace --doc
else
    # One at a time: the labs measure time, and must have the machine for themselves.
    cargo test --workspace --all-features -- --test-threads=1
fi

while read -r line; do skipped+=("$current: $line"); done < "$PRESHIFT_INCONCLUSIVE"
rm -f "$PRESHIFT_INCONCLUSIVE"

step "whose fault: every scenario of tests/attribution, one seed"
# The goals themselves are those of `make bench-attribution`, on a quiet machine. Here others may share the processors, so
# that a few answers may be wrong or late before it fails.
watched target/debug/attribution --seeds 1 --tolerate 4 --right 60

step "another's STAMP as a peer"
# In a workspace and target folder of its own: its features must not mix with ours.
CARGO_TARGET_DIR=$PWD/target/interop cargo test --quiet --locked --manifest-path tests/interop/Cargo.toml

# Beside what follows, for a release build keeps one processor busy, and what runs under Wine mostly waits.
linux=$(mktemp)
(
    if root; then
        packaging/release/build.sh --quiet
        packaging/debian/build.sh
        packaging/rpm/build.sh
        packaging/debian/lint.sh
        packaging/linux/test.sh
    else
        echo "SKIPPED: the packages: need root"
    fi
    packaging/release/test.sh
    packaging/release/reproducible.sh
) > "$linux" 2>&1 &
linux_packages=$!
trap 'kill "$linux_packages" 2>/dev/null || true; rm -f "$linux"' EXIT

step "Windows and macOS: types and lints"
watched tests/labs/xplat/check.sh

step "Windows under Wine"
watched tests/labs/xplat/wine.sh

step "the Windows package, under Wine"
watched packaging/windows/test.sh

step "Linux packages, SBOMs, checksums, the same bytes from a second build"
wait "$linux_packages" || { cat "$linux"; echo "FAILED: the Linux packages"; exit 1; }
watched cat "$linux"

step "done"
for s in "${skipped[@]}"; do echo "SKIPPED: $s"; done
printf 'All in %d min %d s.\n' $((SECONDS / 60)) $((SECONDS % 60))
