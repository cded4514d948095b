//! TAP and TUN devices: interfaces whose other side is a file.

use crate::inside;
use std::{
    ffi::c_char,
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
};

/// `struct ifreq` as TUNSETIFF reads it.
#[repr(C)]
struct Request {
    name: [c_char; libc::IFNAMSIZ],
    flags: i16,
    rest: [u8; 22],
}

/// What an interface carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// Ethernet frames.
    Frames,
    /// IP packets, as a VPN's does.
    Packets,
}

/// Makes an interface in a namespace. It goes with the file, whatever becomes of us.
pub(crate) fn open(namespace: &str, interface: &str, carries: Carries) -> io::Result<File> {
    let bytes = interface.as_bytes();
    if bytes.len() >= libc::IFNAMSIZ {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the interface's name is too long"));
    }
    let kind = match carries {
        Carries::Frames => libc::IFF_TAP,
        Carries::Packets => libc::IFF_TUN,
    };
    let mut request =
        Request { name: [0; libc::IFNAMSIZ], flags: (kind | libc::IFF_NO_PI) as i16, rest: [0; 22] };
    for (to, from) in request.name.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    inside(namespace, move || {
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
        // SAFETY: the descriptor is open, and `request` has the layout and size that the call reads and writes.
        match unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } {
            0.. => Ok(file),
            _ => Err(io::Error::last_os_error()),
        }
    })?
}
