//! Over what messages travel: datagrams, or a stream that is cut into messages.

use crate::network::https::Connection;
use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// A longer message is none that we asked for.
const LONGEST: usize = 4096;
/// Length of a message's head (RFC 8489, section 5), and of channel data's (RFC 8656, section 12.4).
const HEAD: usize = 20;
const CHANNEL_HEAD: usize = 4;

/// A connection that carries messages.
pub trait Wire {
    /// Sends one.
    fn send(&mut self, message: &[u8]) -> io::Result<()>;
    /// The next that comes whole; `TimedOut` or `WouldBlock` if none does by then.
    fn receive(&mut self, until: Instant) -> io::Result<Vec<u8>>;
    /// Whether what is sent arrives without being repeated.
    fn is_reliable(&self) -> bool;
}

/// Datagrams.
pub struct Udp(UdpSocket);

impl Udp {
    /// To this relay.
    pub fn connect(relay: SocketAddr) -> io::Result<Self> {
        let any: IpAddr =
            if relay.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(relay)?;
        Ok(Self(socket))
    }
}

impl Wire for Udp {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.0.send(message).map(drop)
    }

    fn receive(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        self.0.set_read_timeout(Some(left(until)?))?;
        let mut buffer = [0; LONGEST];
        loop {
            match self.0.recv(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                received => return received.map(|length| buffer[..length].to_vec()),
            }
        }
    }

    fn is_reliable(&self) -> bool {
        false
    }
}

/// TCP or TLS.
pub struct Stream {
    connection: Box<dyn Connection>,
    came: Vec<u8>,
}

impl Stream {
    /// Over this connection, on which nothing was said yet.
    pub fn new(connection: Box<dyn Connection>) -> Self {
        Self { connection, came: Vec::new() }
    }
}

impl Wire for Stream {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.connection.until(Instant::now() + Duration::from_secs(2));
        self.connection.write_all(message)?;
        self.connection.flush()
    }

    fn receive(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        self.connection.until(until);
        let mut chunk = [0; 1024];
        loop {
            if let Some(length) = whole(&self.came)? {
                let rest = self.came.split_off(length);
                return Ok(std::mem::replace(&mut self.came, rest));
            }
            match self.connection.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.came.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_reliable(&self) -> bool {
        true
    }
}

/// How long the message is that these bytes begin with, once it is there as a whole; an error if it is none.
fn whole(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(head) = bytes.first_chunk::<CHANNEL_HEAD>() else { return Ok(None) };
    let said = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let length = match head[0] >> 6 {
        0 if said.is_multiple_of(4) => HEAD + said,
        // Channel data, which is padded on a stream. We bind no channel, but it is no reason to lose the place.
        1 => CHANNEL_HEAD + said.next_multiple_of(4),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    match length {
        ..=LONGEST => Ok((bytes.len() >= length).then_some(length)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stream_is_cut_where_messages_end() {
        let message = |kind: u8, said: u16, length: usize| {
            let mut bytes = vec![kind, 1];
            bytes.extend(said.to_be_bytes());
            bytes.resize(length, 9);
            bytes
        };
        assert_eq!(whole(&[]).unwrap(), None);
        assert_eq!(whole(&message(0, 8, 27)).unwrap(), None);
        assert_eq!(whole(&message(0, 8, 28)).unwrap(), Some(28));
        assert_eq!(whole(&message(0, 8, 400)).unwrap(), Some(28));
        assert_eq!(whole(&message(0x40, 5, 11)).unwrap(), None);
        assert_eq!(whole(&message(0x40, 5, 12)).unwrap(), Some(12));
        assert!(whole(b"HTTP/1.1 400 Bad Request").is_err(), "an odd length");
        assert!(whole(&message(0, 6, 40)).is_err(), "no multiple of four");
        assert!(whole(&message(0x80, 8, 40)).is_err(), "neither of both");
        assert!(whole(&message(0, 65_532, 40)).is_err(), "longer than anything asked for");
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_cutting(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(Some(length)) = whole(&bytes) {
                prop_assert!(length <= bytes.len() && length >= 4);
            }
        }
    }
}
