//! macOS: when a datagram came, by the kernel's own clock.
//!
//! Source: xnu, `bsd/sys/socket.h`, `bsd/netinet/ip_input.c` (`ip_savecontrol`) and
//! `bsd/netinet6/ip6_input.c` (`ip6_savecontrol_v4`), read at xnu-11417.101.15. A stamp is taken when the
//! datagram is put into the socket's queue. There are three kinds:
//!
//! | option | message | what it holds |
//! |---|---|---|
//! | `SO_TIMESTAMP` | `SCM_TIMESTAMP` | wall clock as a `struct timeval`: microseconds |
//! | `SO_TIMESTAMP_MONOTONIC` | `SCM_TIMESTAMP_MONOTONIC` | `mach_absolute_time()` as a `uint64_t` |
//! | `SO_TIMESTAMP_CONTINUOUS` | `SCM_TIMESTAMP_CONTINUOUS` | `mach_continuous_time()`; the name is private to Apple |
//!
//! The second is the finest that is public: ticks of 1 ns on Intel and of 125/3 ns on Apple silicon
//! (`mach_timebase_info`). It is asked for first; the first one where it is refused. Nothing tells when
//! a datagram left: macOS has no stamps for that, and the reading says so.

use crate::{Stamps, control, system::set};
use std::{
    net::UdpSocket,
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// `bsd/sys/socket.h`; libc does not name it.
pub(crate) const SCM_TIMESTAMP_MONOTONIC: i32 = 0x04;
/// Reading both clocks takes well under a microsecond unless the thread was put aside in between.
const PUT_ASIDE_NS: u64 = 20_000;

/// `struct mach_timebase_info` of `osfmk/mach/mach_time.h`: a tick is `numer / denom` nanoseconds.
#[repr(C)]
struct Timebase {
    numer: u32,
    denom: u32,
}

// osfmk/mach/mach_time.h. libc has deprecated its own declarations of these.
unsafe extern "C" {
    fn mach_absolute_time() -> u64;
    fn mach_timebase_info(info: *mut Timebase) -> libc::c_int;
}

static TIMEBASE: LazyLock<Timebase> = LazyLock::new(|| {
    let mut base = Timebase { numer: 1, denom: 1 };
    // SAFETY: `base` is ours, has the layout of the header, and is written within the call.
    unsafe { mach_timebase_info(&raw mut base) };
    base
});

pub(crate) fn ask_for_stamps(socket: &UdpSocket, stamps: Stamps) -> Stamps {
    let ask = |option| set(socket, libc::SOL_SOCKET, option, 1).is_ok();
    match stamps {
        Stamps::None => Stamps::None,
        _ if ask(libc::SO_TIMESTAMP_MONOTONIC) || ask(libc::SO_TIMESTAMP) => Stamps::Receive,
        _ => Stamps::None,
    }
}

/// What a `SCM_TIMESTAMP_MONOTONIC` is by the wall clock, in nanoseconds: now, less its age.
pub(crate) fn wall_time(data: &[u8]) -> Option<u64> {
    let stamp = u64::from_ne_bytes(data.first_chunk::<8>().copied()?);
    let (mut now, mut wall, mut took) = clocks();
    if took > PUT_ASIDE_NS {
        let again = clocks();
        if again.2 < took {
            (now, wall, took) = again;
        }
    }
    // Between the two readings of the one clock lies that of the other.
    let age = control::nanos_between(stamp, now, TIMEBASE.numer, TIMEBASE.denom)?;
    wall.checked_sub(age.saturating_sub(took / 2))
}

/// The kernel's clock in ticks, the wall clock in nanoseconds, and how long reading both took.
fn clocks() -> (u64, u64, u64) {
    // SAFETY: only reads a clock.
    let before = unsafe { mach_absolute_time() };
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    // SAFETY: as above.
    let after = unsafe { mach_absolute_time() };
    let took = control::nanos_between(before, after, TIMEBASE.numer, TIMEBASE.denom).unwrap_or(0);
    (after, wall, took)
}
