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
    user=$(stat -f %u /dev/console 2>/dev/null || echo 0)
else
    app=$HOME/Applications/Preshift.app
    agent=$HOME/Library/LaunchAgents/$label.plist
    kept=("$HOME/Library/Application Support/preshift" "$HOME/Library/Logs/Preshift.log")
    user=$(id -u)
fi

if [ "$(id -u)" != 0 ] && [ -x "$app/Contents/MacOS/preshift" ]; then
    "$app/Contents/MacOS/preshift" autostart off || echo "It could not be deregistered by itself; that is done by hand now." >&2
fi
# Whatever is left of it.
if [ "$user" != 0 ] && launchctl print "gui/$user/$label" >/dev/null 2>&1; then
    launchctl bootout "gui/$user/$label" || true
fi
rm -f "$agent"
rm -rf "$app"
# What was allowed to it is forgotten with it.
tccutil reset Microphone "$label" >/dev/null 2>&1 || true

if [ -z "$data" ]; then
    data=keep
    if [ -t 0 ]; then
        printf 'Also remove what Preshift measured, its settings and this desk'\''s identity? [y/N] '
        read -r answer
        case $answer in [yY]*) data=remove ;; esac
    fi
fi
if [ $data = remove ]; then
    rm -rf "${kept[@]}"
    echo "Preshift is removed, with all that it kept."
else
    echo "Preshift is removed. What it kept stays in ${kept[0]}."
fi
