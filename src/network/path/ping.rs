//! ICMP echoes from an unprivileged socket, one after the other at an even pace: macOS, and Linux with a
//! `ping_group_range`. macOS also hands out what routers say of echoes that died (see `platform::macos::gateway`).

use super::{Ask, Sampled};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket},
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How long to look for answers at a time.
const PATIENCE: Duration = Duration::from_millis(20);
/// What comes later is lost for a call.
const LATEST: Duration = Duration::from_secs(1);

/// Asks until `end`; none where this user may not.
pub fn sample(ask: &Ask, end: &AtomicBool) -> Option<Sampled> {
    let mut run = Run::open(ask).ok()?;
    let begin = Instant::now() + ask.first;
    let mut last = begin;
    loop {
        let due = begin + ask.every * run.sent.len() as u32;
        let ending = end.load(Ordering::Relaxed);
        // What was sent last may still be under way.
        if ending && (last.elapsed() > LATEST || run.unanswered() == 0) {
            break;
        }
        if !ending && Instant::now() >= due {
            run.send();
            last = Instant::now();
        }
        run.receive();
    }
    let times: Vec<f64> = run.sent.iter().filter_map(|s| s.took).map(|t| t.as_secs_f64() * 1e3).collect();
    Some(Sampled { sent: run.sent.len(), answered: times.len(), times, from: run.from })
}

struct Run {
    socket: UdpSocket,
    v4: bool,
    expires: bool,
    to: SocketAddr,
    own: Option<IpAddr>,
    identity: u16,
    nonce: [u8; 8],
    sent: Vec<Sent>,
    from: Option<IpAddr>,
}

struct Sent {
    at: Instant,
    took: Option<Duration>,
}

impl Run {
    fn open(ask: &Ask) -> io::Result<Self> {
        let to: SocketAddr = match ask.to {
            IpAddr::V4(v4) => (v4, 0).into(),
            IpAddr::V6(v6) => {
                let scope = ask.interface.filter(|_| v6.is_unicast_link_local()).unwrap_or(0);
                SocketAddrV6::new(v6, 0, 0, scope).into()
            }
        };
        let v4 = to.is_ipv4();
        let protocol = if v4 { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(protocol))?;
        leave_by(&socket, v4, ask.interface.and_then(NonZeroU32::new));
        match ask.hops {
            Some(hops) if v4 => socket.set_ttl_v4(u32::from(hops))?,
            Some(hops) => socket.set_unicast_hops_v6(u32::from(hops))?,
            None => {}
        }
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let (identity, nonce) = (u16::from_be_bytes([random[8], random[9]]), random);
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            own: socket.local_addr().ok().map(|a| a.ip()),
            socket,
            v4,
            expires: ask.hops.is_some(),
            to,
            identity,
            nonce: nonce[..8].try_into().unwrap_or_default(),
            sent: Vec::new(),
            from: None,
        })
    }

    fn unanswered(&self) -> usize {
        self.sent.iter().filter(|s| s.took.is_none() && s.at.elapsed() < LATEST).count()
    }

    fn send(&mut self) {
        let kind = if self.v4 { 8 } else { 128 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.identity.to_be_bytes());
        packet.extend((self.sent.len() as u16).to_be_bytes());
        packet.extend(self.nonce);
        // Of IPv6 it covers the addresses, and the system writes it.
        if self.v4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        let at = Instant::now();
        // What could not be sent is lost like the rest.
        let _ = self.socket.send_to(&packet, self.to);
        self.sent.push(Sent { at, took: None });
    }

    fn receive(&mut self) {
        let mut buffer = [0; 1500];
        let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { return };
        let now = Instant::now();
        let Some(heard) = read(&buffer[..length], self.v4) else { return };
        let fits = match heard {
            Heard::Answer { nonce, .. } => !self.expires && nonce == self.nonce && from.ip() == self.to.ip(),
            // A router quotes identity and number; what this machine says itself has its own address.
            Heard::Died { identity, .. } => {
                self.expires && identity == self.identity && Some(from.ip()) != self.own
            }
        };
        let (Heard::Answer { sequence, .. } | Heard::Died { sequence, .. }) = heard;
        // Numbers go round after 65,536: two hours.
        if let Some(sent) = self.sent.get_mut(usize::from(sequence)).filter(|s| fits && s.took.is_none()) {
            let took = now - sent.at;
            if took <= LATEST {
                sent.took = Some(took);
                self.from = Some(from.ip());
            }
        }
    }
}

/// An ICMP message that may be about an echo of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Answer { sequence: u16, nonce: [u8; 8] },
    Died { identity: u16, sequence: u16 },
}

/// Reads a message; macOS hands it out behind its IPv4 header, Linux without.
fn read(bytes: &[u8], v4: bool) -> Option<Heard> {
    let behind_header = |bytes: &[u8]| {
        let length = usize::from(*bytes.first()? & 0x0f) * 4;
        (length >= 20).then_some(length)
    };
    let message = match bytes.first()? >> 4 {
        4 if v4 => bytes.get(behind_header(bytes)?..)?,
        _ => bytes,
    };
    let number = |of: &[u8], at: usize| Some(u16::from_be_bytes(*of.get(at..)?.first_chunk()?));
    let (reply, expired, asked) = if v4 { (0, 11, 8) } else { (129, 3, 128) };
    match (*message.first()?, *message.get(1)?) {
        (kind, 0) if kind == reply => {
            Some(Heard::Answer { sequence: number(message, 6)?, nonce: *message.get(8..)?.first_chunk()? })
        }
        (kind, 0) if kind == expired => {
            let quoted = message.get(8..)?;
            let echo = quoted.get(if v4 { behind_header(quoted)? } else { 40 }..)?;
            (*echo.first()? == asked).then_some(())?;
            Some(Heard::Died { identity: number(echo, 4)?, sequence: number(echo, 6)? })
        }
        _ => None,
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Otherwise a VPN would be asked for the way to the home router. Where the system does not let us, the routes decide.
#[cfg(target_os = "macos")]
fn leave_by(socket: &Socket, v4: bool, interface: Option<NonZeroU32>) {
    let _ = match v4 {
        true => socket.bind_device_by_index_v4(interface),
        false => socket.bind_device_by_index_v6(interface),
    };
}

/// A home router is on a link of its own, which is nearer than any default route.
#[cfg(not(target_os = "macos"))]
fn leave_by(_: &Socket, _: bool, _: Option<NonZeroU32>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_deaths_are_read() {
        let answer = [0, 0, 9, 9, 1, 2, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8];
        let nonce = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(read(&answer, true), Some(Heard::Answer { sequence: 7, nonce }));
        let mut header = vec![0; 20];
        header[0] = 0x45;
        let whole = [&header[..], &answer].concat();
        assert_eq!(read(&whole, true), Some(Heard::Answer { sequence: 7, nonce }), "behind its header");
        let echo = [8, 0, 0, 0, 1, 2, 0, 9];
        let died = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &header, &echo].concat();
        assert_eq!(read(&died, true), Some(Heard::Died { identity: 0x0102, sequence: 9 }));
        let six = [&[3, 0, 0, 0, 0, 0, 0, 0][..], &[0x60], &[0; 39], &[128, 0, 0, 0, 1, 2, 0, 9]].concat();
        assert_eq!(read(&six, false), Some(Heard::Died { identity: 0x0102, sequence: 9 }));
    }

    #[test]
    fn all_else_is_nothing() {
        assert_eq!(read(&[8, 0, 0, 0, 1, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0], true), None, "an echo");
        assert_eq!(read(&[3, 1, 0, 0, 0, 0, 0, 0], true), None, "unreachable");
        let died = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &[0x45], &[0; 19], &[8, 0, 0, 0, 1, 2, 0, 9]].concat();
        for end in 0..died.len() {
            assert_eq!(read(&died[..end], true), None, "{end}");
        }
    }

    #[test]
    fn the_checksum_is_the_internets() {
        // RFC 1071 §3.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[]), 0xffff);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(0u8..=255, 0..90), v4: bool) {
            read(&bytes, v4);
        }
    }
}
