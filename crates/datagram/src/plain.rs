//! Systems on which we ask the kernel nothing: Windows gives class and times only through
//! `WSARecvMsg` and its own drivers, and ignores a marking that a program sets.

use crate::{Received, Stamps};
use std::{io, net::UdpSocket};

pub(crate) fn prepare(_: &UdpSocket, _: bool, _: Stamps) -> Stamps {
    Stamps::None
}

pub(crate) fn set_traffic_class(socket: &UdpSocket, class: u8) -> io::Result<()> {
    match socket.local_addr()? {
        address if address.is_ipv4() => socket2::SockRef::from(socket).set_tos_v4(u32::from(class)),
        _ => Ok(()),
    }
}

pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let (length, from) = socket.recv_from(buffer)?;
    Ok(Received { length, truncated: false, from, to: None, at: None, traffic_class: None, ttl: None })
}

pub(crate) fn answer(socket: &UdpSocket, datagram: &[u8], request: &Received, _: u8) -> io::Result<()> {
    socket.send_to(datagram, request.from).map(drop)
}
