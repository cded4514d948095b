#!/bin/bash
# Removes Preshift from this Mac: the twin of install.command.
#
#   uninstall.command [--purge | --keep-data]
#
# For you alone, or as root for everybody, as it was installed. The app and what starts it go. What it measured,
# its settings and this desk's identity are asked about in a terminal, and otherwise stay:
# --purge       remove them too (as root: only what was set for everybody; each user's own is that user's)
# --keep-data   keep them, and do not ask
set -euo pipefail

label=com.preshift.desk
data=
case ${1:-} in
--purge) data=remove ;;
--keep-data) data=keep ;;
'') ;;
*) sed -n '2,9p' "$0" >&2; exit 64 ;;
esac

if [ "$(id -u)" = 0 ]; then
    app=${PRESHIFT_ROOT:-}/Applications/Preshift.app
    agent=${PRESHIFT_ROOT:-}/Library/LaunchAgents/$label.plist
    kept=("${PRESHIFT_ROOT:-}/Library/Application Support/Preshift")
    # Everybody who is logged on, also those who are switched away from. Root's is the logon window itself.
    users=$(ps -axo uid=,comm= | awk '$1 != 0 && /\/loginwindow$/ { print $1 }' | sort -un)
else
    app=$HOME/Applications/Preshift.app
    agent=$HOME/Library/LaunchAgents/$label.plist
    kept=("$HOME/Library/Application Support/preshift" "$HOME/Library/Logs/Preshift.log")
    users=$(id -u)
fi
program=$app/Contents/MacOS/preshift

if [ -z "$data" ]; then
    data=keep
    if [ -t 0 ]; then
        printf 'Also remove what Preshift measured, its settings and this desk'\''s identity? [y/N] '
        read -r answer
        case $answer in [yY]*) data=remove ;; esac
    fi
fi

# Says goodbye to the collector, for what proves who this desk is goes with the data. Without a network it does
# not wait longer than 20 s.
goodbye() {
    local tries=100 pid
    "$program" unenroll </dev/null >/dev/null 2>&1 &
    pid=$!
    while [ $tries -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        tries=$((tries - 1))
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

if [ "$(id -u)" != 0 ] && [ -x "$program" ]; then
    if [ $data = remove ]; then goodbye; fi
    "$program" autostart off || echo "It could not be deregistered by itself; that is done by hand now." >&2
fi
# Whatever is left of it.
for user in $users; do
    if launchctl print "gui/$user/$label" >/dev/null 2>&1; then
        launchctl bootout "gui/$user/$label" || true
    fi
done
rm -f "$agent"
rm -rf "$app"
# What was allowed to it is forgotten with it.
tccutil reset Microphone "$label" >/dev/null 2>&1 || true

if [ $data = keep ]; then
    echo "Preshift is removed. What it kept stays in ${kept[0]}."
    exit
fi
rm -rf "${kept[@]}"
if [ "$(id -u)" = 0 ]; then
    echo "Preshift is removed, with what was set for everybody. Each user's own data stays with that user."
else
    echo "Preshift is removed, with all that it kept."
fi
