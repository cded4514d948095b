# To be sourced after machine.sh: what must be true of our packages in every format.
#
# The format's test.sh hands in: `install PACKAGE...`, `upgrade`, `remove`, `purge` and
# `start_collector` (rpm's custom is that an installation starts no service). Two users are logged in, and nobody
# types anything: IT's file enrols both desks. Alice's desk has a shift while the upgrade comes, bob's has none.

data=/var/lib/preshift-collector
collector() { inside systemctl "$1" --quiet preshift-collector.service; }
daemon() { inside systemctl --user -M "$1@" "$2" --quiet preshift.service; }
collector_pid() { inside systemctl show -p MainPID --value preshift-collector.service; }
daemon_pid() { inside systemctl --user -M "$1@" show -p MainPID --value preshift.service; }
# The program that runs there, as the kernel names it: "(deleted)" once its file was replaced.
program() { inside readlink "/proc/$(daemon_pid "$1")/exe"; }
runs_new() { [ "$(program "$1")" = /usr/bin/preshift ]; }
desks() { inside preshift-collector desks list --data $data 2>/dev/null | grep -c ,packaging, || true; }
gone() { ! inside pgrep -x "$1"; }
# In one line: it is wrapped for a terminal.
status_says() { as "$1" preshift status 2>/dev/null | tr -s '[:space:]' ' ' | grep -q "$2"; }
store_of() { inside test -e "/home/$1/.local/share/preshift"; }

# Everything with our name in the machine, but for homes, what is only there while it runs, and the package
# managers' own books.
ours() {
    inside find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path /home -o -path /tmp -o -path /run -o -path /dev \
        -o -path /var/log -o -path /packages \) -prune -o -name '*preshift*' -print
}

story() {
    say "into an image that does not run, and out of it"
    install preshift preshift-collector
    inside test -e /etc/systemd/user/default.target.wants/preshift.service || die "the user unit is not enabled in an image"
    purge
    [ -z "$(ours)" ] || die "left in the image: $(ours)"

    machine_on
    for user in alice bob; do
        inside loginctl enable-linger "$user"
        wait_for "$user is logged in" 30 inside systemctl --user -M "$user@" is-active default.target
    done

    say "install"
    install preshift-collector
    start_collector
    wait_for "the collector is active" 30 collector is-active
    wait_for "the collector is enabled" 5 collector is-enabled
    [ "$(inside stat -c %U:%G:%a $data)" = preshift-collector:preshift-collector:700 ] ||
        die "the store is $(inside stat -c %U:%G:%a $data)"
    [ "$(inside stat -c %U:%G:%a /etc/preshift-collector/collector.env)" = root:preshift-collector:640 ] ||
        die "the collector's settings are $(inside stat -c %U:%G:%a /etc/preshift-collector/collector.env)"
    say "install a desk that IT's file enrols"
    invite 2
    install preshift
    for user in alice bob; do
        wait_for "$user's daemon is active" 30 daemon "$user" is-active
        wait_for "$user's daemon has its store" 30 store_of "$user"
    done
    for user in alice bob; do wait_for "$user's desk is enrolled" 30 status_says "$user" "team packaging"; done
    [ "$(desks)" = 2 ] || die "the collector knows $(desks) desks instead of two"

    say "use: a shift"
    strangers=$(inside find $data ! -user preshift-collector -printf '%p\n')
    [ -z "$strangers" ] || die "files that the service cannot write: $strangers"
    plan alice
    status_says bob "none is planned" || die "bob has a shift: $(as bob preshift status 2>&1)"
    inside sed -i '$a# a line of this site' /etc/preshift-collector/collector.env

    say "upgrade, in the middle of alice's shift"
    before=$(collector_pid)
    alice=$(daemon_pid alice)
    bob=$(daemon_pid bob)
    asked=$(listen alice)
    upgrade
    wait_for "the collector is active again" 30 collector is-active
    [ "$before" != "$(collector_pid)" ] || die "the collector was not restarted"
    [ "$(desks)" = 2 ] || die "the upgrade lost a desk"
    inside grep -q '^# a line of this site' /etc/preshift-collector/collector.env || die "the upgrade lost the settings"
    # They would see it within the next minute; nobody has to call this.
    for user in alice bob; do quietly "tell $user's daemon" as "$user" preshift upgraded; done
    wait_for "bob's daemon takes over, for no shift is on" 60 runs_new bob
    [ "$bob" = "$(daemon_pid bob)" ] || die "bob's daemon is another process: it was restarted"
    wait_for "alice's daemon waits for the end of her shift" 60 status_says alice "takes over after the shift"
    [ "$alice" = "$(daemon_pid alice)" ] || die "alice's daemon was restarted in her shift"
    [ "$(program alice)" = "/usr/bin/preshift (deleted)" ] || die "alice's daemon is not the one from before: $(program alice)"
    # The old program measures on: what it starts as a child is found although its file is another one now.
    again=$(listen alice)
    [ "$asked" = "$again" ] || die "the daemon measures otherwise after its file was replaced: $asked; now $again"
    status_says alice "team packaging" || die "the upgrade lost alice's enrolment: $(as alice preshift status 2>&1)"

    say "remove"
    remove
    inside test -d $data || die "a removal must keep the store"
    for user in alice bob; do store_of "$user" || die "a removal must keep $user's store"; done
    wait_for "the collector has stopped" 10 gone preshift-collect
    wait_for "the daemons have stopped" 10 gone preshift

    say "purge"
    purge
}

# The file that enrols as many desks, where every user's daemon can read it and nobody change it.
invite() { # uses
    local code
    code=$(inside preshift-collector enroll-code --team packaging --uses "$1" --data $data 2>/dev/null | tail -1)
    [ -n "$code" ] || die "no enrolment code"
    command install -Dm644 /dev/stdin "$root/etc/preshift/enrolment.toml" <<END
collector = "http://127.0.0.1:8443"
code = "$code"
END
}

# A shift of two hours around now, which the daemon learns of at its start.
plan() { # user
    local desk
    desk=$(as "$1" preshift status | grep -oE '[0-9a-f]{32}')
    printf 'desk,shift,begin,end,zone\n%s,now,%s,%s,Etc/UTC\n' "$desk" \
        "$(date -ud '-1 hour' +%FT%H:%M)" "$(date -ud '+1 hour' +%FT%H:%M)" > "$root/packages/shifts.csv"
    quietly "shifts" inside preshift-collector shifts set --data $data /packages/shifts.csv
    daemon "$1" restart
    wait_for "$1's daemon knows of the shift" 30 status_says "$1" "Next shift now"
}

# What a check of the microphone says of it, without what differs from one time to the next. Its other words and
# exit codes are about the desk; only one that does not understand the question is none.
listen() { # user
    local said code=0 line
    said=$(as "$1" preshift check --only noise 2>&1) || code=$?
    [ $code != 64 ] || die "preshift does not know the probe: $said"
    line=$(grep -m1 '^ *microphone:' <<< "$said" | sed 's/-\?[0-9][0-9.]* *[a-zA-Z%]*//g') || true
    [ -n "$line" ] || die "no word of the microphone: $said"
    printf '%s\n' "$line"
}
