#!/usr/bin/env bash
# The SBOMs are valid CycloneDX 1.5, complete, the same twice and free of this machine's paths; the checksums find
# a changed file. Needs jq and Debian's python3-jsonschema.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || ! command -v jq > /dev/null; then
    echo "SKIPPED: SBOM: needs jq and python3-jsonschema: scripts/setup.sh test"
    [ -z "${PRESHIFT_LABS:-}" ]
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "FAILED: $*" >&2; exit 1; }

valid() { # file...
    /usr/bin/python3 - packaging/release/schema "$@" <<'P'
import json, pathlib, sys
import jsonschema
folder = pathlib.Path(sys.argv[1])
schemas = [json.loads(path.read_text()) for path in folder.glob("*.schema.json")]
# Each by its own name, and nothing is fetched: a reference that is not here is an error.
store = {schema["$id"]: schema for schema in schemas}
main = json.loads((folder / "bom-1.5.schema.json").read_text())
check = jsonschema.Draft7Validator(main, resolver=jsonschema.RefResolver.from_schema(main, store=store))
wrong = [f"{file}: {'/'.join(map(str, e.path))}: {e.message[:200]}"
         for file in sys.argv[2:] for e in check.iter_errors(json.loads(pathlib.Path(file).read_text()))]
print("\n".join(wrong), end="")
sys.exit(bool(wrong))
P
}

# Stand-ins for the packages of all systems: the list is of the program's sources and not of the package.
dist=$work/dist
mkdir "$dist"
for file in preshift_1_amd64.deb preshift-collector_1_amd64.deb preshift-1-1.x86_64.rpm preshift-1-x64.msi Preshift-1.zip; do
    echo "$file" > "$dist/$file"
done
packaging/release/checksums.sh "$dist" > "$work/said"
[ "$(find "$dist" -name '*.cdx.json' | wc -l)" = 5 ] || die "not an SBOM for each program and system: $(ls "$dist")"
valid "$dist"/*.cdx.json || die "not valid CycloneDX"
for file in "$dist"/*.cdx.json; do
    for path in "$PWD" "$HOME" "${CARGO_HOME:-$HOME/.cargo}"; do
        if grep -qF "$path/" "$file"; then die "$(basename "$file") holds a path of this machine: $path"; fi
    done
done
linux=$(ls "$dist"/preshift-[0-9]*-"$(rustc -vV | sed -n 's/^host: //p')".cdx.json)
names() { jq -r '.components[].name' "$1"; }
names "$linux" | grep -qx libsqlite3-sys || die "the store's library is missing"
if names "$linux" | grep -qxE 'windows-sys|objc2|proptest|cc|syn'; then die "crates that are not in the program on Linux"; fi
names "$dist"/*windows-gnu.cdx.json | grep -qx windows-sys || die "windows-sys is missing on Windows"

# What is wrong must be seen to be wrong.
jq '.components[0].type = "sound"' "$linux" > "$work/wrong.json"
if valid "$work/wrong.json" > /dev/null; then die "a wrong SBOM was taken for valid"; fi
jq '.components[0].licenses = [{ license: { id: "No-Such-Licence" } }]' "$linux" > "$work/wrong.json"
if valid "$work/wrong.json" > /dev/null; then die "a licence that SPDX does not know was taken for valid"; fi

(cd "$dist" && sha256sum --quiet --check SHA256SUMS) || die "the checksums do not fit"
[ "$(wc -l < "$dist/SHA256SUMS")" = "$(($(find "$dist" -type f | wc -l) - 1))" ] || die "not every file has a checksum"
cp "$dist/SHA256SUMS" "$work/first"
packaging/release/checksums.sh "$dist" > "$work/said"
cmp "$work/first" "$dist/SHA256SUMS" || die "a second run writes something else"
echo changed >> "$dist/preshift-1-x64.msi"
if (cd "$dist" && sha256sum --quiet --check SHA256SUMS > /dev/null 2>&1); then die "a changed file was not noticed"; fi
if packaging/release/checksums.sh "$work/nothing" 2> /dev/null; then die "a folder that is not there was taken"; fi
echo "SBOMs of 5 programs are valid CycloneDX 1.5, and the checksums fit"
