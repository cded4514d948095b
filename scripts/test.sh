#!/usr/bin/env bash
# Every check there is, in the order in which a failure is cheapest to find.
#
#   scripts/test.sh            everything
#   scripts/test.sh lint       format, clippy, doc warnings only
#
# With root, the labs run and a missing need is a failure. Without root, what needs it is skipped
# with a clear word and counted at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
# The same cases in every run, so that a change is not blamed for what chance found. To look elsewhere:
# PROPTEST_RNG_SEED=$RANDOM make test
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20261101}
skipped=()
step() { printf '\n=== %s  (%s)\n' "$*" "$(date -u +%H:%M:%S)"; }
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
cargo build --quiet --workspace --all-features --bins --examples
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast --all-features
    cargo test --quiet --workspace --doc
else
    # One at a time: the labs measure time, and must have the machine for themselves.
    cargo test --workspace --all-features -- --test-threads=1
fi

step "another's STAMP as a peer"
# In a workspace and target folder of its own: its features must not mix with ours.
CARGO_TARGET_DIR=$PWD/target/interop cargo test --quiet --locked --manifest-path tests/interop/Cargo.toml

step "Windows and macOS: types and lints"
xplat=$(mktemp)
tests/labs/xplat/check.sh 2>&1 | tee "$xplat"
grep -q SKIPPED "$xplat" && skipped+=("Windows and macOS: $(grep -m1 SKIPPED "$xplat")")
rm -f "$xplat"

step "Windows under Wine"
wine=$(mktemp)
tests/labs/xplat/wine.sh 2>&1 | tee "$wine"
grep -q '\*\*\* SKIPPED' "$wine" && skipped+=("$(grep -m1 '\*\*\* SKIPPED' "$wine")")
rm -f "$wine"

step "packages"
if root; then
    packages=$(mktemp)
    packaging/release/build.sh --quiet
    packaging/debian/build.sh
    packaging/rpm/build.sh
    packaging/debian/lint.sh
    packaging/linux/test.sh 2>&1 | tee "$packages"
    grep -q SKIPPED "$packages" && skipped+=("the packages: $(grep -m1 SKIPPED "$packages")")
    rm -f "$packages"
else
    skipped+=("the packages: need root")
fi

step "SBOMs and checksums"
packaging/release/test.sh

step "the same bytes from a second build"
packaging/release/reproducible.sh

step "the Windows package, under Wine"
msi=$(mktemp)
packaging/windows/test.sh 2>&1 | tee "$msi"
grep -q SKIPPED "$msi" && skipped+=("the Windows package: $(grep -m1 SKIPPED "$msi")")
rm -f "$msi"

step "done"
for s in "${skipped[@]}"; do echo "SKIPPED: $s"; done
