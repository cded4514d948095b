#!/usr/bin/env bash
# Builds the programs that people install, in such a way that the same sources give the same bytes.
#
#   packaging/release/build.sh [what cargo build takes]      to target/release
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/release/flags.sh
cargo build --release --locked --package preshift --package preshift-collector --bins "$@"
