#!/bin/bash
# Installs Preshift on this Mac: by a double click, from a terminal, or by device management.
#
#   install.command [--enrolment FILE] [--no-start]
#
# For you alone, without rights: the app goes to ~/Applications and starts at your logon.
# As root (sudo, Jamf and the like), for everybody: it goes to /Applications and starts at everybody's logon.
# --enrolment FILE   a file that says which collector this desk belongs to and by which code; one named
#                    enrolment.toml beside this command is taken by itself
# --no-start         put the app in place, start nothing
# PRESHIFT_ROOT in the environment stands for / when root installs: for trying it out elsewhere.
#
# Run again with a newer version it replaces the app. A daemon that runs is left alone: it takes over to the
# new version by itself when no shift is on.
set -euo pipefail

label=com.preshift.desk
here=$(cd "$(dirname "$0")" && pwd)
enrolment=
start=yes
[ -f "$here/enrolment.toml" ] && enrolment=$here/enrolment.toml
while [ $# -gt 0 ]; do
    case $1 in
    --enrolment)
        [ $# -ge 2 ] || { echo "install.command: --enrolment needs a file" >&2; exit 64; }
        enrolment=$2
        shift 2
        ;;
    --no-start) start=; shift ;;
    *) sed -n '2,15p' "$0" >&2; exit 64 ;;
    esac
done
fail() { echo "install.command: $1" >&2; exit 1; }

from=$here/Preshift.app
[ -x "$from/Contents/MacOS/preshift" ] || fail "there is no Preshift.app beside this command; unpack the whole zip"
[ -z "$enrolment" ] || [ -r "$enrolment" ] || fail "cannot read the enrolment file $enrolment"

if [ "$(id -u)" = 0 ]; then
    folder=${PRESHIFT_ROOT:-}/Applications
    agent=${PRESHIFT_ROOT:-}/Library/LaunchAgents/$label.plist
    settings="${PRESHIFT_ROOT:-}/Library/Application Support/Preshift"
else
    folder=$HOME/Applications
    agent=$HOME/Library/LaunchAgents/$label.plist
    settings="$HOME/Library/Application Support/preshift"
fi
app=$folder/Preshift.app
program=$app/Contents/MacOS/preshift

# Beside its place first, then swapped: a program that runs must never have its file written over.
mkdir -p "$folder"
work=$(mktemp -d "$folder/.Preshift.XXXXXX")
new=$work/Preshift.app
old=$work/old
# Whatever ends it, and be it between the two moves: the app is the old one or the new one.
trap '[ -e "$app" ] || [ ! -e "$old" ] || mv "$old" "$app"; rm -rf "$work"' EXIT
cp -Rp "$from" "$new"
# A copy keeps its owner and rights, and whoever unpacked the zip must not own what everybody runs.
if [ "$(id -u)" = 0 ]; then chown -R root:wheel "$new"; fi
chmod -RN "$new"
chmod -R go-w "$new"
# The copy, which nobody else can change any more.
codesign --verify --strict "$new" || fail "the app is not as it was signed; fetch the zip anew"
if [ -e "$app" ]; then mv "$app" "$old"; fi
mv "$new" "$app" || fail "could not put the app to $folder"

if [ -n "$enrolment" ]; then
    mkdir -p "$settings"
    if [ "$(id -u)" = 0 ]; then
        # Everybody's daemon has to read it; the code in it is for this computer only.
        install -m 644 "$enrolment" "$settings/enrolment.toml"
    else
        chmod 700 "$settings"
        install -m 600 "$enrolment" "$settings/enrolment.toml"
    fi
fi

if [ -n "$start" ]; then
    if [ "$(id -u)" = 0 ]; then
        # Whoever is logged on now; at the logon window that is root, and nobody.
        user=$(stat -f %u /dev/console 2>/dev/null || echo 0)
        mkdir -p "$(dirname "$agent")"
        # For everybody there is no one file for what the daemon says.
        sed -e "s|__PROGRAM__|$program|" -e '/StandardErrorPath/d' -e '/__LOG__/d' \
            "$app/Contents/Resources/$label.plist" > "$agent.new"
        chmod 644 "$agent.new"
        mv "$agent.new" "$agent"
        if [ "$user" != 0 ] && ! launchctl print "gui/$user/$label" >/dev/null 2>&1; then
            # Whoever switched it off ("preshift autostart off") is not overruled, and the installation is whole.
            launchctl bootstrap "gui/$user" "$agent" || echo "It starts at the next logon." >&2
        fi
    elif [ -f "$agent" ] && grep -qF "<string>$program</string>" "$agent" &&
        launchctl print "gui/$(id -u)/$label" >/dev/null 2>&1; then
        echo "Preshift runs already and takes over to this version by itself."
    else
        "$program" autostart on
    fi
fi

cat <<EOF
Preshift is in $app.
Is this desk fit to take calls?   $program check
To remove it again:               $here/uninstall.command
EOF
