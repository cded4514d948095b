# To be sourced, in the workspace: makes what cargo builds from here on the same wherever it is built.
#
# The compiler writes the place of a source file into the program (a panic says where), and C compilers do so by
# __FILE__. Both are told to write another place instead: /preshift for our sources, /cargo for the crates. So
# the program holds no path of the machine that built it, and the same sources give the same bytes.
# Cargo's own `trim-paths` will do this one day; it is not in a stable release yet.

_root=$(pwd -P)
_cargo=${CARGO_HOME:-$HOME/.cargo}
# Where the crates are unpacked is known only after they were fetched: one folder for each registry.
cargo fetch --quiet --locked
_flags=
_prefixes=("$_root=/preshift")
for _crates in "$_cargo"/registry/src/*/; do _prefixes+=("${_crates%/}=/cargo"); done
for _prefix in "${_prefixes[@]}"; do _flags+=${_flags:+$'\x1f'}--remap-path-prefix=$_prefix; done
# The encoded form is separated by a byte that no path holds; a folder's name may hold a blank.
if [ -n "${RUSTFLAGS:-}" ]; then _flags=${RUSTFLAGS// /$'\x1f'}$'\x1f'$_flags; fi
export CARGO_ENCODED_RUSTFLAGS=$_flags
# The cc crate splits CFLAGS at blanks: without one is the rule for these folders.
for _prefix in "${_prefixes[@]}"; do
    case $_prefix in *' '*) ;; *) CFLAGS="${CFLAGS:-} -ffile-prefix-map=$_prefix" ;; esac
done
export CFLAGS
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
unset _root _cargo _flags _prefix _prefixes _crates
