# To be sourced, in the workspace, by what builds a package: the options and values that all formats share.
#
#   build.sh [--version V] [--programs FOLDER] [--out FOLDER]
#
# Sets version, programs (the release binaries) and out (where the package goes), all checked.

_target=${CARGO_TARGET_DIR:-target}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
programs=$_target/release
out=$_target/dist
while [ $# -gt 0 ]; do
    case $1 in
    --version) version=$2 ;;
    --programs) programs=$2 ;;
    --out) out=$2 ;;
    *) echo "unknown option '$1'; there are --version, --programs and --out" >&2; exit 64 ;;
    esac
    shift 2
done
for _name in preshift preshift-collector; do
    [ -x "$programs/$_name" ] || { echo "$programs/$_name is missing: make release" >&2; exit 1; }
done
umask 022
mkdir -p "$out"
out=$(readlink -f "$out")
programs=$(readlink -f "$programs")
# No file in a package is newer than the sources it was made from: so it is the same whenever it is made.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
unset _target _name
