//! A path to a reflector and back, over a socket that lets nothing be cut into pieces.

use super::{Path, Tried, search};
use datagram::{Socket, SocketError, Stamps};
use stamp::{ErrorEstimate, Reply, Request, Timestamp};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use telemetry::Mtu;

/// Packets of one size: one of three comes through whatever a usual line loses.
const TRIES: u32 = 3;
/// How long an answer is waited for before the round trip is known, and at least and at most afterwards.
const FIRST_WAIT: Duration = Duration::from_millis(800);
const WAIT: (Duration, Duration) = (Duration::from_millis(120), Duration::from_millis(800));
/// Headers of IP and UDP.
const HEADERS_V4: u32 = 28;
const HEADERS_V6: u32 = 48;
/// The bytes of a small packet: any size that passes for sure.
const SMALL: u32 = super::LEAST;
/// Our own count begins here, so that a reflector which merely repeats it is known by that.
const FIRST_SEQUENCE: u32 = 1 << 30;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MtuError {
    /// No socket, or no way to the reflector.
    #[error("cannot look for the largest packet: {0}")]
    Socket(#[from] SocketError),
    /// The system would not set it up.
    #[error("cannot look for the largest packet: {0}")]
    System(#[from] io::Error),
    /// This system cannot be told to leave packets whole.
    #[error("this system cannot be told to leave packets whole: {0}")]
    Unsupported(#[source] io::Error),
}

/// Looks for the largest packet to a reflector and back, on this thread, which takes some seconds where large ones
/// vanish.
pub fn measure(reflector: SocketAddr, deadline: Instant, cancel: &AtomicBool) -> Result<Mtu, MtuError> {
    let mut path = Reflected::open(reflector, deadline, cancel)?;
    let (bytes, limit) = search(&mut path);
    Ok(Mtu { bytes, limit, ipv6: reflector.is_ipv6(), sent: path.sent })
}

/// A path over a socket.
pub struct Reflected<'a> {
    socket: Socket,
    headers: u32,
    ssid: u16,
    /// Packets sent, which is also our count.
    sent: u32,
    round_trip: Option<Duration>,
    /// The reflector's count in the last answer, unless it merely repeats ours.
    count: Option<u32>,
    deadline: Instant,
    cancel: &'a AtomicBool,
}

impl<'a> Reflected<'a> {
    /// To this reflector.
    pub fn open(reflector: SocketAddr, deadline: Instant, cancel: &'a AtomicBool) -> Result<Self, MtuError> {
        let (any, headers): (IpAddr, u32) = match reflector {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), HEADERS_V4),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), HEADERS_V6),
        };
        let socket = Socket::bind(SocketAddr::new(any, 0), Stamps::None)?;
        socket.connect(reflector)?;
        socket.forbid_fragments().map_err(MtuError::Unsupported)?;
        let ssid = getrandom::u32().map_err(io::Error::other)? as u16 | 1;
        Ok(Self { socket, headers, ssid, sent: 0, round_trip: None, count: None, deadline, cancel })
    }

    /// Sends one packet; its number.
    fn send(&mut self, bytes: u32) -> io::Result<u32> {
        let sequence = FIRST_SEQUENCE + self.sent;
        let mut packet = vec![0; bytes.saturating_sub(self.headers) as usize];
        // The reflector's clock and ours do not matter here.
        let sent = Timestamp::default();
        let request = Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid: self.ssid };
        request.write(&mut packet, 0).map_err(io::Error::other)?;
        let result = match self.socket.send(&packet) {
            // That is about an earlier packet, and this one was not sent. If it stays so it is about this one.
            Err(error) if datagram::refused(&error) || datagram::too_large(&error) => {
                self.socket.send(&packet)
            }
            result => result,
        };
        result.map(|()| {
            self.sent += 1;
            sequence
        })
    }

    /// Waits for the answer to a packet of this size.
    fn answer(&mut self, sequence: u32, bytes: u32) -> Tried {
        let begun = Instant::now();
        let wait = self
            .round_trip
            .map_or(FIRST_WAIT, |rtt| (rtt * 2 + Duration::from_millis(50)).clamp(WAIT.0, WAIT.1));
        let until = begun + wait;
        let mut told = false;
        let mut buffer = [0; 2048];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.socket.set_timeout(left).is_err() {
                return if told { Tried::TooLargeThere } else { Tried::Lost };
            }
            match self.socket.receive(&mut buffer) {
                Ok(received) => {
                    let whole = received.length as u32 + self.headers == bytes && !received.truncated;
                    match Reply::read(&buffer[..received.length]) {
                        Ok(reply)
                            if reply.ssid == self.ssid && reply.sender_sequence == sequence && whole =>
                        {
                            self.round_trip =
                                Some(self.round_trip.map_or(begun.elapsed(), |r| r.min(begun.elapsed())));
                            self.count = Some(reply.sequence).filter(|count| *count != sequence);
                            return Tried::Passed;
                        }
                        _ => {}
                    }
                }
                Err(error) if datagram::nothing_came(&error) => {}
                Err(error) if datagram::too_large(&error) => {
                    // It may be about an earlier, larger one: what was learnt says.
                    told = true;
                    if self.learnt().is_some_and(|learnt| bytes > learnt) {
                        return Tried::TooLargeThere;
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// The reflector's count and our own, as they were when a small packet came back.
    fn counts(&mut self) -> Option<(u32, u32)> {
        (self.pass(SMALL) == Tried::Passed).then_some(())?;
        Some((self.count?, self.sent))
    }
}

impl Path for Reflected<'_> {
    fn pass(&mut self, bytes: u32) -> Tried {
        let mut worst = Tried::Lost;
        for _ in 0..TRIES {
            if self.over() {
                break;
            }
            match self.send(bytes) {
                Ok(sequence) => match self.answer(sequence, bytes) {
                    Tried::Lost => {}
                    Tried::TooLargeThere => worst = Tried::TooLargeThere,
                    other => return other,
                },
                Err(error) if datagram::too_large(&error) => return Tried::TooLargeHere,
                // A full queue or a missing route: no word about the size.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
            if worst == Tried::TooLargeThere {
                break;
            }
        }
        worst
    }

    fn learnt(&self) -> Option<u32> {
        self.socket.path_mtu()
    }

    fn arrives(&mut self, bytes: u32) -> Option<bool> {
        let before = self.counts()?;
        let mut large = 0;
        for _ in 0..TRIES {
            large += u32::from(self.send(bytes).is_ok());
        }
        let after = self.counts()?;
        // Small ones that had to be repeated may have got there or not.
        let small = after.1.wrapping_sub(before.1).wrapping_sub(large);
        match after.0.wrapping_sub(before.0) {
            1 if large > 0 => Some(false),
            arrived if arrived > small => Some(true),
            _ => None,
        }
    }

    fn over(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::UdpSocket, thread};
    use telemetry::MtuLimit;

    fn found(reflector: SocketAddr) -> Mtu {
        let deadline = Instant::now() + Duration::from_secs(60);
        measure(reflector, deadline, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn loopback_takes_all_that_is_tried() {
        let limits = reflector::Limits::default();
        let reflector = reflector::Reflector::bind("[::]:0".parse().unwrap(), limits).unwrap();
        for host in ["127.0.0.1", "::1"] {
            let at = SocketAddr::new(host.parse().unwrap(), reflector.local_addr().port());
            let mtu = found(at);
            assert_eq!((mtu.bytes, mtu.limit, mtu.ipv6), (1_500, MtuLimit::None, at.is_ipv6()));
            assert!(mtu.sent <= 6, "{mtu:?}");
        }
    }

    /// A reflector behind something that swallows packets over a size: on the way there, or on the way back.
    fn swallowing(there: usize, back: usize, stateful: bool) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let (mut buffer, mut count) = ([0; 2048], 0);
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(request) = Request::read(&buffer[..length]) else { continue };
                if length + 28 > there {
                    continue;
                }
                let sequence = if stateful { count } else { request.sequence };
                count += 1;
                let seen = stamp::Seen {
                    sequence,
                    received: Timestamp::default(),
                    error: ErrorEstimate::UNSYNCHRONIZED,
                    ttl: 0,
                    traffic_class: None,
                };
                stamp::reflect(&mut buffer[..length], &request, &seen).unwrap();
                if length + 28 <= back {
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
        });
        address
    }

    #[test]
    fn where_large_ones_vanish_is_told_by_the_reflectors_count() {
        let there = found(swallowing(1_402, 9_000, true));
        assert_eq!((there.bytes, there.limit), (1_402, MtuLimit::BlackHole));
        let back = found(swallowing(9_000, 1_402, true));
        assert_eq!((back.bytes, back.limit), (1_402, MtuLimit::WayBack));
        let mute = found(swallowing(1_402, 9_000, false));
        assert_eq!((mute.bytes, mute.limit), (1_402, MtuLimit::Undetermined));
        assert!(there.sent < 80, "{there:?}");
    }

    #[test]
    fn nobody_and_no_time_are_no_size() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mtu = measure(silent.local_addr().unwrap(), deadline, &AtomicBool::new(true)).unwrap();
        assert_eq!((mtu.bytes, mtu.limit, mtu.sent), (0, MtuLimit::Undetermined, 0));
        let mtu = measure(silent.local_addr().unwrap(), deadline, &AtomicBool::new(false)).unwrap();
        assert_eq!((mtu.bytes, mtu.limit), (0, MtuLimit::Undetermined));
    }
}
