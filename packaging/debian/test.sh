#!/usr/bin/env bash
# Installs, starts, upgrades, removes and purges both packages in a Debian of their own, as root.
#
#   packaging/debian/test.sh [SUITE]       (bookworm by default; needs debootstrap and root)
#
# Works where PID 1 is not systemd: a debootstrap folder, and systemd as PID 1 in private mount,
# PID and UTS namespaces. The folder is made once (about a minute) and kept in $E2E_DIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${1:-bookworm}
work=${E2E_DIR:-${TMPDIR:-/tmp}/preshift-deb-test}
pristine=$work/$suite.tar
root=$work/$suite
mkdir -p "$work"
say() { printf '== %s\n' "$*"; }
die() {
    printf 'FAILED: %s\n' "$*" >&2
    if [ -n "${init:-}" ]; then
        inside systemctl status --no-pager --lines=30 preshift-collector.service >&2 || true
        inside systemctl --user -M alice@ status --no-pager --lines=30 preshift.service >&2 || true
        inside journalctl --no-pager -n 30 >&2 2>/dev/null || true
    fi
    exit 1
}
[ "$(id -u)" = 0 ] || { echo "SKIPPED: package test: needs root"; [ -z "${PRESHIFT_LABS:-}" ]; exit; }

say "packages"
first=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
next=$first+next1
packaging/debian/build.sh >/dev/null
packaging/debian/build.sh --version "$next" >/dev/null
debs=${CARGO_TARGET_DIR:-target}/debian
arch=$(dpkg --print-architecture)

if [ ! -e "$pristine" ]; then
    say "a fresh Debian $suite (once)"
    mirror=$(sed -n 's/^URIs: *\(.*\/debian\)\/*$/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
    rm -rf "$root"
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,init-system-helpers,ca-certificates,libasound2 \
        "$suite" "$root" ${mirror:+"$mirror"} > "$work/debootstrap.log" || { tail -5 "$work/debootstrap.log"; exit 1; }
    chroot "$root" useradd -m alice
    tar -C "$root" -cf "$pristine.part" . && mv "$pristine.part" "$pristine"
fi
rm -rf "$root" && mkdir "$root" && tar -C "$root" -xpf "$pristine"
for v in "$first" "$next"; do for p in preshift preshift-collector; do cp "$debs/${p}_${v}_$arch.deb" "$root/root/"; done; done

say "install"
chroot "$root" dpkg -i "/root/preshift_${first}_$arch.deb" "/root/preshift-collector_${first}_$arch.deb" > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; die "install"; }

say "boot"
cat > "$work/boot.sh" <<B
set -e
mount --make-rprivate /; mount --bind $root $root
mount -t tmpfs tmpfs $root/run; mkdir -p $root/run/lock; mount -t tmpfs tmpfs $root/tmp; mount -t proc proc $root/proc
mount -t sysfs -o ro sysfs $root/sys; mount -t tmpfs tmpfs $root/sys/fs/cgroup
mkdir $root/sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup $root/sys/fs/cgroup/systemd
mount -t tmpfs tmpfs $root/dev; for n in null zero full random urandom tty; do cp -a /dev/\$n $root/dev/; done
mkdir -p $root/dev/pts $root/dev/shm; ln -s /proc/self/fd $root/dev/fd; ln -s pts/ptmx $root/dev/ptmx
exec env -i container=chroot PATH=/usr/sbin:/usr/bin chroot $root /lib/systemd/systemd --log-target=console --show-status=no --unit=multi-user.target
B
unshare -m -p -u -n -f --kill-child bash "$work/boot.sh" > "$work/boot.log" 2>&1 &
boot=$!
trap 'kill -9 $boot 2>/dev/null || true' EXIT
init=
until [ -n "$init" ] && [ "$(cat "/proc/$init/comm" 2>/dev/null)" = systemd ]; do
    kill -0 "$boot" 2>/dev/null || die "systemd did not start"
    init=$(pgrep -P "$boot" | head -1 || true)
    sleep 0.2
done
inside() { nsenter -t "$init" -m -p -u -n chroot "$root" "$@"; }
inside_ip() { nsenter -t "$init" -n ip "$@"; }
wait_for() { # what seconds command...
    local what=$1 tries=$(( $2 * 5 )); shift 2
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1)); [ $tries -gt 0 ] || die "$what"
        sleep 0.2
    done
    say "ok: $what"
}
booted() { case $(inside systemctl is-system-running 2>/dev/null) in running|degraded) ;; *) false ;; esac; }
wait_for "the system runs" 60 booted
inside_ip link set lo up
collector() { inside systemctl "$1" preshift-collector.service; }
daemon() { inside systemctl --user -M alice@ "$1" preshift.service; }
main_pid() { inside systemctl "$@" show -p MainPID --value; }

wait_for "the collector is active" 30 collector is-active
wait_for "the collector is enabled" 5 collector is-enabled
inside loginctl enable-linger alice
wait_for "alice's daemon is active" 30 daemon is-active
wait_for "alice's daemon has its store" 30 test -e "$root/home/alice/.local/share/preshift"

say "use: a code, an enrolment"
code=$(inside preshift-collector enroll-code --team packaging --data /var/lib/preshift-collector 2>/dev/null | tail -1)
[ -n "$code" ] || die "no enrolment code"
printf '%s\n' "$code" | inside runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/"$(inside id -u alice)" HOME=/home/alice \
    preshift enroll http://127.0.0.1:8443 --code-stdin > "$work/enroll.log" 2>&1 || { cat "$work/enroll.log"; die "enrol"; }
desks() { inside preshift-collector desks list --data /var/lib/preshift-collector 2>/dev/null | grep -c packaging || true; }
[ "$(desks)" = 1 ] || die "the collector does not know the desk"
owner=$(inside stat -c %U /var/lib/preshift-collector)
[ "$owner" = preshift-collector ] || die "the store belongs to $owner"
strangers=$(inside find /var/lib/preshift-collector ! -user preshift-collector -printf '%p\n')
[ -z "$strangers" ] || die "files that the service cannot write: $strangers"

say "upgrade"
before=$(inside systemctl show -p MainPID --value preshift-collector.service)
daemon_before=$(inside systemctl --user -M alice@ show -p MainPID --value preshift.service)
inside dpkg -i "/root/preshift_${next}_$arch.deb" "/root/preshift-collector_${next}_$arch.deb" > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; die "upgrade"; }
wait_for "the collector is active again" 30 collector is-active
wait_for "alice's daemon is active again" 30 daemon is-active
[ "$before" != "$(inside systemctl show -p MainPID --value preshift-collector.service)" ] || die "the collector was not restarted"
[ "$daemon_before" != "$(inside systemctl --user -M alice@ show -p MainPID --value preshift.service)" ] || die "the daemon was not restarted"
[ "$(desks)" = 1 ] || die "the upgrade lost the desk"

say "remove"
inside dpkg -r preshift preshift-collector > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; die "remove"; }
inside test -d /var/lib/preshift-collector || die "a removal must keep the store"
gone() { ! inside pgrep -x "$1"; }
wait_for "the collector has stopped" 10 gone preshift-collect
wait_for "the daemon has stopped" 10 gone preshift

say "purge"
inside dpkg -P preshift preshift-collector > "$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; die "purge"; }
left=$(inside find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path /home -o -path /tmp -o -path /run -o -path /var/log \) -prune -o -name '*preshift*' -print)
[ -z "$left" ] || die "left behind: $left"
say "all good: install, start, enrol, upgrade, remove, purge on $suite"
