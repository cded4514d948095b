//! From a name to an open connection, and a connection that cannot be waited for beyond its time.

use super::{Seen, Stop, failure, note};
use crate::network::look_up::look_up_waiting;
use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    sync::Mutex,
    time::{Duration, Instant},
};
use telemetry::Failure;

/// More addresses of a name are not tried: a desk that reaches none of four reaches nobody.
const MAX_ADDRESSES: usize = 4;
/// How long one address may take while there are others. A handshake over the worst line that can
/// carry a call takes less than half.
const EACH: Duration = Duration::from_millis(1500);

/// Resolves a name as every program on this computer does, and asks again where a question was lost.
pub fn resolve(
    host: &str,
    port: u16,
    deadline: Instant,
    seen: &Mutex<Seen>,
) -> Result<Vec<SocketAddr>, Stop> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let began = Instant::now();
    let found = look_up_waiting(host, port, deadline).map_err(|error| {
        let silent = error.kind() == io::ErrorKind::TimedOut;
        Stop::Failed(if silent { Failure::Timeout } else { Failure::NameNotFound })
    })?;
    note(seen, |s| s.dns = Some(began.elapsed()));
    Ok(in_turn(found))
}

/// The addresses in the system's order, but the families in turn, so that a family that leads
/// nowhere costs one wait and not all of them (RFC 8305, section 4).
fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = found.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| a.is_ipv4() == first_is_v4);
    let mut out = Vec::new();
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return out,
            (a, b) => out.extend(a.into_iter().chain(b)),
        }
    }
}

/// Tries the addresses one after the other; the first that answers counts.
pub fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
    seen: &Mutex<Seen>,
) -> Result<TcpStream, Failure> {
    let tried = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let mut worst = Failure::NoAnswer;
    for (number, address) in tried.iter().enumerate() {
        let began = Instant::now();
        let left = deadline.saturating_duration_since(began);
        let limit = if number + 1 == tried.len() { left } else { left.min(EACH) };
        if limit.is_zero() {
            return Err(Failure::NoAnswer);
        }
        match TcpStream::connect_timeout(address, limit) {
            Ok(stream) => {
                note(seen, |s| s.tcp = Some(began.elapsed()));
                // A request goes out at once, and not when the one before was acknowledged.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            // A refusal says most, for somebody was reached; silence says more than a missing route,
            // which may be of the other family.
            Err(error) => worst = graver(worst, failure(&error), number == 0),
        }
    }
    Err(worst)
}

fn graver(before: Failure, now: Failure, first: bool) -> Failure {
    let rank = |f: Failure| match f {
        Failure::Refused => 3,
        Failure::NoAnswer => 2,
        Failure::NoRoute => 1,
        _ => 0,
    };
    if first || rank(now) > rank(before) { now } else { before }
}

/// A connection on which nothing is waited for beyond a moment that is set: a server that sends a
/// byte every second cannot hold it.
pub struct Bounded {
    stream: TcpStream,
    deadline: Instant,
}

impl Bounded {
    /// Bounds a connection.
    pub fn new(stream: TcpStream, deadline: Instant) -> Self {
        Self { stream, deadline }
    }

    /// Sets another moment.
    pub fn until(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let found = addresses(&["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "[2001:db8::3]:1"]);
        let turned = addresses(&["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "[2001:db8::3]:1"]);
        assert_eq!(in_turn(found), turned);
        assert!(in_turn(Vec::new()).is_empty());
    }

    #[test]
    fn what_says_most_is_told() {
        assert_eq!(graver(Failure::NoAnswer, Failure::NoRoute, true), Failure::NoRoute);
        assert_eq!(graver(Failure::NoRoute, Failure::Refused, false), Failure::Refused);
        assert_eq!(graver(Failure::Refused, Failure::NoRoute, false), Failure::Refused);
    }
}
