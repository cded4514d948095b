#!/usr/bin/env bash
# Installs, enrols, upgrades and removes the Windows package under Wine, against a real collector on loopback.
#
#   packaging/windows/test.sh [--required]
#
# Uses a copy of the Wine prefix that tests/labs/xplat prepares, and programs of the development profile: it is the
# package that is tested here. Where Wine or wixl is missing it says SKIPPED, and fails if --required is given.
set -euo pipefail
cd "$(dirname "$0")/../.."
X=${XPLAT_DIR:-$HOME/.cache/xplat}
wine=/usr/lib/wine/wine64
skip() { printf '\n*** SKIPPED: the Windows package: %s ***\n\n' "$1"; [ "${required:-}" != 1 ]; exit; }
[ "${1:-}" = --required ] && required=1
[ -x "$wine" ] && [ -d "$X/wine/drive_c" ] || skip "no Wine prefix: tests/labs/xplat/check.sh prepares one"
command -v wixl >/dev/null || skip "wixl is missing: scripts/setup.sh msi"
say() { printf '== %s\n' "$*"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/preshift-msi.XXXXXX")
export WINEPREFIX=$work/wine WINEARCH=win64 WINEDEBUG=-all
# No menus and no file types of Wine's on this machine.
export WINEDLLOVERRIDES="winemenubuilder.exe=d"
collector=
end() {
    status=$?
    [ "$status" = 0 ] || report
    WINEPREFIX=$work/wine wineserver64 -k 2>/dev/null || /usr/lib/wine/wineserver64 -k 2>/dev/null || true
    [ -z "$collector" ] || kill "$collector" 2>/dev/null || true
    [ -n "${KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"
    exit "$status"
}
home=
trap end EXIT
report() {
    printf 'FAILED; what was said:\n'
    tail -n 20 "$work"/*.log "$home/AppData/Local/preshift/daemon.log" $(find "$home" -name preshift-setup.log) 2>/dev/null || true
} >&2
die() { echo "FAILED: $*" >&2; exit 1; }

say "programs"
[ -n "${PRESHIFT_BUILT:-}" ] || tests/labs/xplat/xplat.sh win build --quiet --locked -p preshift -p preshift-launcher --bins
[ -n "${PRESHIFT_BUILT:-}" ] || cargo build --quiet --locked -p preshift-collector
built=${CARGO_TARGET_DIR:-target/xplat}/x86_64-pc-windows-gnu/debug
mkdir "$work/programs" "$work/dist"
for program in preshift preshiftw; do
    x86_64-w64-mingw32-strip -o "$work/programs/$program.exe" "$built/$program.exe"
done

say "packages"
first=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
first=${first%%[-+]*}
next=${first%.*}.$((${first##*.} + 1))
package() { packaging/windows/build.sh --programs "$work/programs" --out "$work/dist" "$@" >/dev/null; }
package
# Another program, though it does the same: bytes after a program's end mean nothing.
sha256sum "$work/dist"/*.msi > "$work/sums"
touch "$work/programs"/*.exe
package
sha256sum --quiet -c "$work/sums" || die "two builds of the same programs differ"
cp "$work/programs/preshift.exe" "$work/first.exe"
printf 'next version' >> "$work/programs/preshift.exe"
package --version "$next"
cp "$work/programs/preshift.exe" "$work/next.exe"
printf ' and the one after' >> "$work/programs/preshift.exe"
last=${next%.*}.$((${next##*.} + 1))
package --version "$last"

say "a computer"
cp -a "$X/wine" "$WINEPREFIX"
# Under Wine the user has the name of this machine's.
home=$WINEPREFIX/drive_c/users/$(id -un)
programs=$home/AppData/Local/Programs/Preshift
ours=$home/AppData/Local/preshift
run() { timeout 120 "$wine" "$@" < /dev/null; }
preshift() { run "$programs/preshift.exe" "$@"; }
cp "$work/dist"/*.msi "$WINEPREFIX/drive_c/"
mkdir "$WINEPREFIX/drive_c/IT share & Co"
share='C:\IT share & Co'
msi() { # version-or-x arguments...
    run msiexec "$1" "C:\\preshift-$2-x64.msi" /qn /l*v 'C:\install.log' "${@:3}"
}
query() { run reg query "$@" 2>/dev/null | tr -d '\r'; }
snapshot() { # what is on the disk and in the registry, without what Wine and Windows Installer keep for themselves
    (cd "$WINEPREFIX/drive_c" && find . -mindepth 1 \( -path './IT share & Co' -o -path ./windows/Installer -o -path '*/Temp' -o -name install.log \) -prune -o -print | sort) > "$work/$1.files"
    { query HKCU /s; query 'HKLM\Software\Microsoft\Windows\CurrentVersion' /s; } |
        grep -vE 'Software\\Wine|Microsoft\\Installer|CurrentVersion\\Installer' | grep . | sort -u > "$work/$1.registry"
}
same() { # two snapshots
    diff "$work/$1.files" "$work/$2.files" && diff "$work/$1.registry" "$work/$2.registry"
}
wait_for() { # what seconds command...
    local what=$1 end=$((SECONDS + $2)); shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || die "$what"
        sleep 0.3
    done
    say "ok: $what"
}

say "a collector"
serve=target/debug/preshift-collector
"$serve" serve --data "$work/collector" --listen 127.0.0.1:0 --reflector-port 0 --announce "$work/address" \
    > "$work/collector.log" 2>&1 &
collector=$!
wait_for "the collector listens" 20 test -s "$work/address"
url=$(cat "$work/address")
enrolment() { # a file as IT would hand it out, with a code of its own
    printf 'collector = "%s"\ncode = "%s"\n' "$url" "$("$serve" enroll-code --data "$work/collector" --team windows --quiet)"
}
desks() { "$serve" desks list --data "$work/collector" | tail -n +2; }
desk_count() { desks | wc -l; }
one_desk() { [ "$(desk_count)" = 1 ]; }
task() { test -e "$WINEPREFIX/drive_c/windows/system32/tasks/Preshift"; }
run_key() { query 'HKCU\Software\Microsoft\Windows\CurrentVersion\Run' /v Preshift | grep preshiftw > /dev/null; }
# Windows has it in the user's list of programs, Wine in the computer's.
listed() { for hive in HKCU HKLM; do query "$hive\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall" /s || true; done; }
user_path() { query 'HKCU\Environment' /v Path | grep -F 'Programs\Preshift' > /dev/null; }
running() { preshift status 2>/dev/null | grep process > /dev/null; }
process() { preshift autostart show | tr -d '\r' | sed -n 's/.*(process \([0-9]*\)).*/\1/p'; }
no_process() { # pattern: none in this prefix; others may be testing in theirs
    local pid
    for pid in $(pgrep -f "$1"); do
        ! tr '\0' '\n' < "/proc/$pid/environ" 2>/dev/null | grep -qxF "WINEPREFIX=$WINEPREFIX" || return 1
    done
}
snapshot before

say "an enrolment file that is missing, and one that is none"
setup_log=$(find "$home" -type d -iname temp | head -1)/preshift-setup.log
printf 'collector = "%s"\ncode = "not a code"\n' "$url" > "$WINEPREFIX/drive_c/IT share & Co/bad.toml"
for bad in missing.toml bad.toml; do
    rm -f "$setup_log"
    if msi /i "$first" "ENROLMENT=$share\\$bad"; then die "an installation with $bad must fail"; fi
    grep -qF "$bad" "$setup_log" || die "the log does not say what is wrong with $bad"
    [ ! -e "$ours/config/enrolment.toml" ] || die "$bad was taken in"
    ! task || die "a task although the installation failed"
    [ ! -e "$programs/preshift.exe" ] || { say "note: Wine's installer does not roll its files back"; run msiexec /x "C:\\preshift-$first-x64.msi" /qn || true; rm -rf "$programs"; }
done
cat "$setup_log"
rm -f "$setup_log"

say "install"
enrolment > "$WINEPREFIX/drive_c/IT share & Co/enrolment.toml"
msi /i "$first" "ENROLMENT=$share\\enrolment.toml" || die "install"
task || die "no task"
! run_key || die "a task and a Run key as well"
user_path || die "not in the user's PATH"
listed | grep > /dev/null 'DisplayName.*Preshift' || die "not in the list of programs"
[ -e "$home/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Preshift self-check.lnk" ] || die "not in the Start menu"
running || die "the daemon does not run"
wait_for "the desk is enrolled" 60 one_desk
wait_for "the code is gone" 20 test ! -e "$ours/config/enrolment.toml"
preshift autostart show
say "on twice, off, on"
before=$(process)
preshift autostart on
[ "$(process)" = "$before" ] || die "a second 'autostart on' started another daemon"
preshift autostart off
! task || die "a task after 'autostart off'"
! running || die "a daemon after 'autostart off'"
preshift autostart off

say "where tasks are forbidden"
tasks=$WINEPREFIX/drive_c/windows/system32/tasks
mv "$tasks" "$tasks.away" && : > "$tasks"
preshift autostart on
run_key || die "no value of the Run key where tasks are forbidden"
running || die "the daemon does not run"
preshift autostart show | grep > /dev/null 'Run key' || die "'show' does not say what is in force"
rm "$tasks" && mv "$tasks.away" "$tasks"
preshift autostart on
task || die "no task where they are allowed again"
! run_key || die "the Run key is still there"
[ "$(desk_count)" = 1 ] || die "another desk"

say "upgrade while the daemon runs"
before=$(process)
known=$(desks | cut -d, -f1)
[ -n "$before" ] || die "no daemon"
msi /i "$next" || die "upgrade"
cmp -s "$programs/preshift.exe" "$work/next.exe" || die "the program was not replaced"
listed | grep > /dev/null "DisplayVersion.*$next" || die "the list of programs does not know $next"
[ "$(listed | grep -c 'DisplayName.*Preshift')" = 1 ] || die "twice in the list of programs"
[ ! -e "$programs/upgrading" ] || die "the mark of the upgrade is left"
wait_for "a daemon answers after the upgrade" 90 running
taken_over() { local now; now=$(process); [ -n "$now" ] && [ "$now" != "$before" ]; }
wait_for "the new version has taken over" 90 taken_over
[ "$(desks | cut -d, -f1)" = "$known" ] || die "the desk is another one"
task || die "the task is gone"
if msi /i "$first"; then die "an older version must not replace a newer one"; fi

say "upgrade after 'autostart off'"
preshift autostart off
msi /i "$last" || die "upgrade"
next=$last
cmp -s "$programs/preshift.exe" "$work/programs/preshift.exe" || die "the program was not replaced"
! task && ! run_key || die "the upgrade undid 'autostart off'"
! running || die "the upgrade started the daemon"
preshift autostart on

say "remove, with the data kept"
msi /x "$next" KEEPDATA=1 || die "remove"
wait_for "no program of ours runs" 20 no_process 'Programs.Preshift.preshift'
snapshot kept
diff "$work/before.registry" "$work/kept.registry" || die "left in the registry"
left=$(comm -13 "$work/before.files" "$work/kept.files")
[ -e "$ours/data/preshift.db" ] && [ -e "$ours/data/identity.json" ] || die "the store was not kept: $left"
others=$(grep -v '/AppData/Local/preshift\(/\|$\)' <<< "$left" || true)
[ -z "$others" ] || die "left beside the store: $others"
[ -z "$(comm -23 "$work/before.files" "$work/kept.files")" ] || die "something of others is gone"

say "install again: the same desk"
msi /i "$next" || die "install again"
running || die "the daemon does not run"
preshift status
[ "$(desks | cut -d, -f1)" = "$known" ] || die "the desk is another one"

say "remove"
preshift autostart show
began=$SECONDS
msi /x "$next" || die "remove"
say "ok: removed in $((SECONDS - began)) s"
wait_for "no program of ours runs" 20 no_process 'Programs.Preshift.preshift'
snapshot after
same before after || die "the removal left something"
desks
desks | grep > /dev/null "$known" || die "the collector forgot the desk"

say "remove while nobody answers"
enrolment > "$WINEPREFIX/drive_c/IT share & Co/enrolment.toml"
msi /i "$next" "ENROLMENT=$share\\enrolment.toml" || die "install"
two_desks() { [ "$(desk_count)" = 2 ]; }
wait_for "a new desk is enrolled" 60 two_desks
kill "$collector" && wait "$collector" || true
collector=
began=$SECONDS
msi /x "$next" || die "a removal must not need a collector"
say "ok: removed in $((SECONDS - began)) s"
wait_for "no program of ours runs" 20 no_process 'Programs.Preshift.preshift'
snapshot last
same before last || die "the removal left something"
say "all good: the Windows package installs, enrols, upgrades and goes"
