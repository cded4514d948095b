//! Asks the kernel over netlink. What it answers is read by `network::netlink`.

use crate::network::netlink::{NLMSG_DONE, NLMSG_ERROR, error, messages};
use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

/// An answer that would be longer is cut off: a desk's tables have some kilobytes.
const MAX_ANSWER: usize = 4 << 20;

/// A netlink socket.
pub struct Netlink(OwnedFd);

impl Netlink {
    /// Opens one of a family (`NETLINK_ROUTE`, `NETLINK_GENERIC`).
    pub fn open(family: i32) -> io::Result<Self> {
        // SAFETY: plain arguments; the result is checked and then owned.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, family) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just opened here and belongs to nobody else.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        // The kernel answers at once; the limit is for a kernel that does not.
        let limit = libc::timeval { tv_sec: 1, tv_usec: 0 };
        // SAFETY: the pointer and the length describe `limit`, which outlives the call.
        let set = unsafe {
            libc::setsockopt(
                socket.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const limit).cast(),
                size_of::<libc::timeval>() as libc::socklen_t,
            )
        };
        if set < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
    }

    /// Sends a request and hands each message of the answer to `take`, up to the end of the answer.
    /// `several` says that the answer has parts and an end mark.
    pub fn ask(&self, request: &[u8], several: bool, mut take: impl FnMut(u16, &[u8])) -> io::Result<()> {
        // SAFETY: the pointer and the length describe `request`.
        let sent = unsafe {
            libc::send(self.0.as_raw_fd(), request.as_ptr().cast(), request.len(), libc::MSG_NOSIGNAL)
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut buffer = vec![0u8; 32 << 10];
        let mut taken = 0;
        while taken < MAX_ANSWER {
            // SAFETY: the pointer and the length describe `buffer`, which is ours to write.
            let read = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
            taken += read.max(1);
            for (kind, payload) in messages(&buffer[..read]) {
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => {
                        return match error(payload) {
                            Some(0) | None => Ok(()),
                            Some(number) => Err(io::Error::from_raw_os_error(number)),
                        };
                    }
                    _ => take(kind, payload),
                }
            }
            if !several {
                return Ok(());
            }
        }
        Ok(())
    }
}
