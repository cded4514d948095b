#!/usr/bin/env bash
# Writes what a program is made of, as CycloneDX 1.5 in JSON.
#
#   packaging/release/sbom.sh PACKAGE TARGET FILE [PROGRAM]
#
#   packaging/release/sbom.sh preshift x86_64-unknown-linux-gnu target/dist/preshift.cdx.json target/release/preshift
#
# Each crate that is linked in for this target: name, version, licence, the checksum of its sources as in
# Cargo.lock, and what it needs. Crates that only help to build (macros, compilers' helpers) are not in the program and
# not in the list. PROGRAM adds the program's own checksum. The same sources give the same bytes.
#
# By cargo's own `tree`, which resolves features as the build does: cargo-cyclonedx (0.5) lists as required what only
# tests or other systems use, such as a reader of macOS's files on Linux.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -ge 3 ] || { sed -n '2,7p' "$0" >&2; exit 64; }
package=$1 target=$2 file=$3 program=${4:-}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# name and version of each crate in the program, one on a line
cargo tree --quiet --locked --package "$package" --target "$target" --edges normal,no-proc-macro --prefix none --format '{p}' |
    sed -nE 's/^([^ ]+) v([^ ]+).*/\1 \2/p' | LC_ALL=C sort -u > "$work/linked"
cargo metadata --quiet --locked --format-version 1 --filter-platform "$target" > "$work/metadata.json"
# name, version and checksum, as Cargo.lock has them
awk -F'"' '/^name/ { n = $2 } /^version/ { v = $2 } /^checksum/ { print n, v, $2 }' Cargo.lock > "$work/checksums"
hash=
[ -z "$program" ] || hash=$(sha256sum "$program" | cut -d' ' -f1)
# A number that is the same for the same program, and another for another: not at random.
id=$(printf '%s\n' "$package" "$target" "$SOURCE_DATE_EPOCH" "$hash" | cat - Cargo.lock | sha256sum)
serial=urn:uuid:${id:0:8}-${id:8:4}-8${id:13:3}-8${id:17:3}-${id:20:12}

mkdir -p "$(dirname "$file")"
jq -n --rawfile linked "$work/linked" --rawfile checksums "$work/checksums" --slurpfile metadata "$work/metadata.json" \
    --arg package "$package" --arg target "$target" --arg serial "$serial" --arg hash "$hash" \
    --arg time "$(date -ud "@$SOURCE_DATE_EPOCH" +%FT%TZ)" --arg rustc "$(rustc -V | cut -d' ' -f2)" '
    def lines: split("\n") | map(select(. != ""));
    def purl: "pkg:cargo/\(.name)@\(.version)";
    def sha256: if . == null or . == "" then {} else { hashes: [{ alg: "SHA-256", content: . }] } end;
    # An old way to write "or", which SPDX does not know.
    def licence: if .license == null then {} else { licenses: [{ expression: (.license | gsub(" */ *"; " OR ")) }] } end;
    ($linked | lines | map({ key: ., value: true }) | from_entries) as $in
    | ($checksums | lines | map(split(" ") | { key: "\(.[0]) \(.[1])", value: .[2] }) | from_entries) as $sums
    | [$metadata[0].packages[] | select($in["\(.name) \(.version)"])] as $packages
    | ($packages | map({ key: .id, value: purl }) | from_entries) as $refs
    | ($packages | map({ key: .id, value: . }) | from_entries) as $by_id
    | ([$packages[] | select(.name == $package)][0]) as $root
    | {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        bomFormat: "CycloneDX", specVersion: "1.5", serialNumber: $serial, version: 1,
        metadata: {
            timestamp: $time,
            lifecycles: [{ phase: "build" }],
            tools: { components: [{ type: "application", name: "rustc", version: $rustc }] },
            component: ({ type: "application", "bom-ref": ($root | purl), name: $root.name, version: $root.version,
                description: $root.description, purl: ($root | purl) } + ($root | licence) + ($hash | sha256)),
            properties: [{ name: "cdx:rustc:sbom:target:triple", value: $target }]
        },
        components: [$packages[] | select(.id != $root.id)
            | { type: "library", "bom-ref": purl, name, version, scope: "required", purl: purl }
            + (if .description then { description: (.description | gsub("\\s+"; " ") | gsub("^ | $"; "")) } else {} end)
            + licence + ($sums["\(.name) \(.version)"] | sha256)
            + (if .repository then { externalReferences: [{ type: "vcs", url: .repository }] } else {} end)] | sort_by(.purl),
        dependencies: [$metadata[0].resolve.nodes[] | select($refs[.id]) | {
            ref: $refs[.id],
            dependsOn: ([.deps[] | select(any(.dep_kinds[]; .kind == null)) | $refs[.pkg] | values] | unique)
        }] | sort_by(.ref)
    } | .components |= sort_by(.purl)' > "$file"
# Every crate that cargo links must be there, and each must say under what licence.
jq -e --rawfile linked "$work/linked" '(.components | length) + 1 == ($linked | split("\n") | map(select(. != "")) | length)' "$file" > /dev/null ||
    { echo "sbom.sh: $file has not all crates of cargo tree" >&2; exit 1; }
jq -e 'all(.components[]; .licenses)' "$file" > /dev/null ||
    { echo "sbom.sh: without a licence: $(jq -r '[.components[] | select(.licenses | not) | .name] | join(", ")' "$file")" >&2; exit 1; }
echo "$file: $(jq '.components | length' "$file") crates"
