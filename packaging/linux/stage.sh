#!/usr/bin/env bash
# Lays out the files of one package below a folder, for every format the same.
#
#   packaging/linux/stage.sh preshift|preshift-collector PROGRAMS FOLDER [ZSH]
#
# PROGRAMS is the folder with the release binaries, ZSH the one below /usr/share/zsh for completions, in which the
# distributions differ. What only one format has (its scripts, its copyright
# file, its change log) is added by that format's own build.sh or spec.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1 programs=$2 root=$3 zsh=${4:-vendor-completions}
umask 022
put() { install -Dm"$1" "$2" "$root$3"; } # mode file place

put 755 "$programs/$name" "/usr/bin/$name"
put 644 README.md "/usr/share/doc/$name/README.md"
put 644 CHANGELOG.md "/usr/share/doc/$name/CHANGELOG.md"
# What the program says of itself; it writes the pages and the shells' completions.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$programs/$name" manual "$made"
for page in "$made"/man/*; do put 644 "$page" "/usr/share/man/man1/$(basename "$page")"; done
gzip -9n "$root"/usr/share/man/man1/*
put 644 "$made/bash/$name.bash" "/usr/share/bash-completion/completions/$name"
put 644 "$made/zsh/_$name" "/usr/share/zsh/$zsh/_$name"
put 644 "$made/fish/$name.fish" "/usr/share/fish/vendor_completions.d/$name.fish"
case $name in
preshift)
    put 644 systemd/preshift.service /usr/lib/systemd/user/preshift.service
    put 644 docs/what-is-sent.md "/usr/share/doc/$name/what-is-sent.md"
    # IT may put enrolment.toml here, and every user's daemon reads it.
    install -dm755 "$root/etc/preshift"
    ;;
preshift-collector)
    put 644 systemd/preshift-collector.service /usr/lib/systemd/system/preshift-collector.service
    put 644 packaging/linux/preshift-collector/sysusers.conf /usr/lib/sysusers.d/preshift-collector.conf
    install -dm750 "$root/etc/preshift-collector"
    put 640 packaging/linux/preshift-collector/collector.env /etc/preshift-collector/collector.env
    put 644 docs/operations.md "/usr/share/doc/$name/operations.md"
    put 644 docs/policy.md "/usr/share/doc/$name/policy.md"
    ;;
*) echo "stage.sh: unknown package '$name'" >&2; exit 64 ;;
esac
