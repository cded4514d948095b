//! Systems on which we ask the kernel nothing: Windows gives class and times only through
//! `WSARecvMsg` and its own drivers, and ignores a marking that a program sets.

use crate::{Received, Stamps};
use socket2::{MaybeUninitSlice, SockRef};
use std::{
    io,
    mem::MaybeUninit,
    net::{Ipv4Addr, UdpSocket},
};

pub(crate) fn prepare(_: &UdpSocket, _: bool, _: Stamps) -> Stamps {
    Stamps::None
}

pub(crate) fn set_traffic_class(socket: &UdpSocket, class: u8) -> io::Result<()> {
    match socket.local_addr()? {
        address if address.is_ipv4() => SockRef::from(socket).set_tos_v4(u32::from(class)),
        _ => Ok(()),
    }
}

pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    // SAFETY: every byte is written already, so it does no harm to look at them as if they might not be; and the
    // system only writes to them.
    let room = unsafe { &mut *(&raw mut *buffer as *mut [MaybeUninit<u8>]) };
    // The plain call makes an error of a datagram that is longer than the room: anybody could send one.
    let (length, flags, from) =
        SockRef::from(socket).recv_from_vectored(&mut [MaybeUninitSlice::new(room)])?;
    // Not every system says who sent what it cut off. Port 0 is nobody: nobody is answered.
    let from = from.as_socket().unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into());
    let (length, truncated) = (length.min(buffer.len()), flags.is_truncated());
    Ok(Received { length, truncated, from, to: None, at: None, traffic_class: None, ttl: None })
}

pub(crate) fn answer(socket: &UdpSocket, datagram: &[u8], request: &Received, _: u8) -> io::Result<()> {
    socket.send_to(datagram, request.from).map(drop)
}
