//! Linux: kernel timestamps by `SO_TIMESTAMPING`, which needs no rights.

use crate::{
    Complaint, Departure, Stamps, Told, complaint, control,
    system::{CONTROL, Control, each_control, set},
};
use std::{mem, net::UdpSocket, os::fd::AsRawFd};

/// `scm_timestamping` and the error come in one message; this is what an error record says is a timestamp.
const ORIGIN_TIMESTAMPING: u8 = libc::SO_EE_ORIGIN_TIMESTAMPING;
/// `SCM_TSTAMP_SND`: stamped at the driver.
const AT_DRIVER: u32 = 0;
/// So much of what an ICMP error quotes of a datagram is looked at.
const QUOTED: usize = 256;

pub(crate) fn ask_for_stamps(socket: &UdpSocket, stamps: Stamps) -> Stamps {
    let receive = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
    // Some drivers never stamp; queueing for the driver is then the best that the kernel knows.
    let both = receive
        | libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_TX_SCHED
        | libc::SOF_TIMESTAMPING_OPT_ID
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    let ask = |flags: u32| set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as i32).is_ok();
    match stamps {
        Stamps::Both if ask(both) => Stamps::Both,
        Stamps::Both | Stamps::Receive if ask(receive) => Stamps::Receive,
        _ => Stamps::None,
    }
}

/// Asks for ICMP errors of both families that the socket may have.
pub(crate) fn hear_complaints(socket: &UdpSocket) -> bool {
    let four = set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1).is_ok();
    let six = set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1).is_ok();
    four || six
}

/// Reads the error queue until it is empty.
pub(crate) fn told(socket: &UdpSocket, each: &mut dyn FnMut(Told<'_>)) {
    loop {
        let mut control = Control([0; CONTROL]);
        let mut quoted = [0u8; QUOTED];
        let mut vector = libc::iovec { iov_base: quoted.as_mut_ptr().cast(), iov_len: QUOTED };
        // SAFETY: all-zero is a valid value of this plain C structure.
        let mut message = unsafe { mem::zeroed::<libc::msghdr>() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        // SAFETY: the pointers in `message` are to `control` and `quoted`, of the stated lengths, which outlive the call.
        let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
        let Ok(length) = usize::try_from(length) else { return };
        let (mut at, mut which, mut said) = (None, None, None);
        // SAFETY: `message` was filled by a successful recvmsg and its control buffer still lives.
        unsafe {
            each_control(&message, |level, kind, data| match (level, kind) {
                (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => at = control::time(data, 1),
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                    which = departure(data);
                    said = complaint::read(data);
                }
                _ => {}
            });
        }
        if let (Some(at), Some((id, at_driver))) = (at, which) {
            each(Told::Departed(Departure { id, at, at_driver }));
        } else if let Some((says, from)) = said {
            let quoted = &quoted[..length.min(QUOTED)];
            each(Told::Complained(Complaint { says, from, at, quoted }));
        }
    }
}

/// Reads a `sock_extended_err`: errno, origin, type, code, padding, info, data.
fn departure(data: &[u8]) -> Option<(u32, bool)> {
    let word = |at: usize| Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?));
    (*data.get(4)? == ORIGIN_TIMESTAMPING).then_some(())?;
    Some((word(12)?, word(8)? == AT_DRIVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_timestamps_are_departures() {
        let record = |origin: u8, info: u32, id: u32| {
            let head = [42, 0, 0, 0, origin, 0, 0, 0];
            [&head[..], &info.to_ne_bytes(), &id.to_ne_bytes()].concat()
        };
        assert_eq!(departure(&record(4, 0, 9)), Some((9, true)));
        assert_eq!(departure(&record(4, 1, 9)), Some((9, false)));
        assert_eq!(departure(&record(2, 0, 9)), None, "an ICMP error is none");
        assert_eq!(departure(&record(4, 0, 9)[..15]), None);
        assert_eq!(departure(&[]), None);
    }
}
