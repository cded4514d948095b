#!/usr/bin/env bash
# lintian's opinion of the Debian packages: no error, and no warning either but for those with a reason in
# packaging/debian/*/lintian-overrides.
#
#   packaging/debian/lint.sh [FILE.deb...]      (those in target/dist by default)
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- "${CARGO_TARGET_DIR:-target}"/dist/*.deb
if ! command -v lintian >/dev/null; then
    echo "SKIPPED: lintian: it is not installed"
    [ -z "${PRESHIFT_LABS:-}" ]
    exit
fi
lintian --allow-root --fail-on error,warning "$@"
echo "lintian: $# packages are clean"
