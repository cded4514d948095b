# To be sourced by the tests of the packages: a Debian of its own with systemd as process 1, where nothing
# of this machine is touched. Works where process 1 is no systemd.
#
# Owns: the debootstrap folders (made once, kept as archives in $PRESHIFT_ROOTS), the namespaces, the control group.
# Must not know what is installed in it. Needs root.

roots=${PRESHIFT_ROOTS:-${TMPDIR:-/tmp}/preshift-roots}
work= root= init= boot= group=

say() { printf '== %s\n' "$*"; }
die() {
    printf 'FAILED: %s\n' "$*" >&2
    if [ -n "$init" ]; then
        inside systemctl status --no-pager --lines=30 preshift-collector.service >&2 || true
        inside systemctl --user -M alice@ status --no-pager --lines=30 preshift.service >&2 || true
        inside journalctl --no-pager -n 40 -t preshift -t preshift-collector -t systemd >&2 2>/dev/null || true
    fi
    exit 1
}

# The packages that a desk and a server have and a minimal Debian has not. alsa's library is called
# otherwise since the change to 64 bit times. Prints the list, and the archive of such a machine.
archive() { # suite
    local sound=libasound2t64 wanted
    [ "$1" != bookworm ] || sound=libasound2
    wanted=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,init-system-helpers,ca-certificates,$sound
    printf '%s\n%s/%s-%s.tar\n' "$wanted" "$roots" "$1" "$(sha256sum <<< "$wanted" | cut -c1-12)"
}

# Debootstraps what is missing, all suites at once: it is mostly waiting for the mirror.
machines() { # suite...
    local suite wanted tar mirror jobs=()
    mkdir -p "$roots"
    # debootstrap reads one line with the mirror of this machine, and knows Debian's own otherwise.
    mirror=$(sed -n 's/^URIs: *\(.*\/debian\)\/*$/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
    for suite in "$@"; do
        { read -r wanted; read -r tar; } < <(archive "$suite")
        [ ! -e "$tar" ] || continue
        say "a fresh Debian $suite (once)"
        {
            fresh=$(mktemp -d "$roots/$suite.XXXXXX")
            debootstrap --variant=minbase --include="$wanted" "$suite" "$fresh" ${mirror:+"$mirror"} \
                > "$roots/$suite.log" 2>&1 || { tail -5 "$roots/$suite.log" >&2; rm -rf --one-file-system "$fresh"; exit 1; }
            for user in alice bob; do chroot "$fresh" useradd -m "$user"; done
            rm -rf "$fresh"/var/cache/apt/archives/*.deb
            chmod 755 "$fresh"
            tar -C "$fresh" -cf "$tar.part" . && mv "$tar.part" "$tar"
            rm -rf --one-file-system "$fresh"
        } &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job"; done
}

# A machine as it was made, in $root; $work is for logs. Both end with the script.
machine() { # suite
    machines "$1"
    work=$(mktemp -d "$roots/run.XXXXXX")
    root=$work/root
    trap machine_off EXIT
    mkdir "$root"
    tar -C "$root" -xpf "$(archive "$1" | tail -1)"
}

machine_off() {
    if [ -n "$boot" ]; then
        kill -9 "$boot" 2>/dev/null || true
        # What is killed here is meant to be, and bash shall not tell of it.
        { wait "$boot"; } 2>/dev/null || true
        boot= init=
    fi
    if [ -n "$group" ]; then
        # Empty by now, and in a view of its own, so that it does not matter where this machine has its own.
        unshare -m bash -c '
            mount -t cgroup2 cgroup2 "$1" && own=$1$(sed -n "s/^0:://p" /proc/self/cgroup)/$2 &&
            for _ in $(seq 20); do find "$own" -depth -type d -exec rmdir {} + 2>/dev/null; [ -e "$own" ] || break; sleep 0.1; done
        ' clean "$work/cgroup" "$group" || true
        group=
    fi
    [ -z "$work" ] || rm -rf --one-file-system "$work"
    work=
}

# Starts it: first a control group for it and everything that is of the kernel, then systemd.
machine_on() {
    cat > "$work/boot.sh" <<'B'
set -e
root=$1 group=$2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
own=$root/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir "$own/$group"
echo $$ > "$own/$group/cgroup.procs"
umount "$root/sys/fs/cgroup"
# In a namespace of control groups the new one is the topmost: systemd has it for itself.
exec unshare -C bash -c '
set -e
root=$1
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"; mkdir "$root/run/lock"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev"
for n in null zero full random urandom tty; do cp -a /dev/$n "$root/dev/"; done
mkdir "$root/dev/pts" "$root/dev/shm"; ln -s /proc/self/fd "$root/dev/fd"; ln -s pts/ptmx "$root/dev/ptmx"
exec env -i container=chroot PATH=/usr/sbin:/usr/bin chroot "$root" /lib/systemd/systemd \
    --log-target=console --show-status=no --unit=multi-user.target' boot "$root"
B
    group=preshift-test-$BASHPID
    mkdir -p "$work/cgroup"
    unshare -m -p -u -n -f --kill-child bash "$work/boot.sh" "$root" "$group" > "$work/boot.log" 2>&1 &
    boot=$!
    until [ -n "$init" ] && [ "$(cat "/proc/$init/comm" 2>/dev/null)" = systemd ]; do
        kill -0 "$boot" 2>/dev/null || { cat "$work/boot.log" >&2; init= die "systemd did not start"; }
        init=$(pgrep -P "$boot" | head -1 || true)
        sleep 0.2
    done
    wait_for "the system runs" 60 booted
    nsenter -t "$init" -n ip link set lo up
}
booted() { case $(inside systemctl is-system-running 2>/dev/null) in running|degraded) ;; *) false ;; esac; }

# A command in the machine; in its namespaces once it runs, in its folder before.
inside() {
    if [ -n "$init" ]; then nsenter -t "$init" -m -p -u -n chroot "$root" "$@"; else chroot "$root" "$@"; fi
}
# A command of this machine that works on that one's folder, with that one's processes and network.
beside() {
    if [ -n "$init" ]; then nsenter -t "$init" -m -p -u -n "$@"; else "$@"; fi
}
# A command as a user who is logged in there.
as() { # user command...
    local user=$1; shift
    inside runuser -u "$user" -- env XDG_RUNTIME_DIR="/run/user/$(inside id -u "$user")" HOME="/home/$user" "$@"
}

wait_for() { # what seconds command...
    local what=$1 tries=$(( $2 * 5 )); shift 2
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries - 1)); [ $tries -gt 0 ] || die "$what"
        sleep 0.2
    done
    say "ok: $what"
}

# Runs quietly, and shows what was said if it failed.
quietly() { # what command...
    local what=$1; shift
    "$@" > "$work/said.log" 2>&1 || { cat "$work/said.log" >&2; die "$what"; }
}
