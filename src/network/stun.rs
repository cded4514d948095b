//! Asks STUN servers from one socket what they see of it (RFC 8489), and how long they take.
//!
//! Owns the requests, the answers and their times. What the answers together say of a router is computed from
//! them by `mapping`, purely. The addresses that are learnt here must go no further than that.

mod mapping;

pub use mapping::mapping;

use crate::network::timing::Moment;
use datagram::{Departure, Socket, SocketError, Stamps};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use stun_types::{
    attribute::{Software, XorMappedAddress},
    message::{
        BINDING, Message, MessageClass, MessageWrite as _, MessageWriteExt as _, MessageWriteVec,
        TransactionId,
    },
};

/// Says who asks; long enough that an answer with an IPv6 address is not longer than the request, which is
/// what our own reflector asks for.
const SOFTWARE: &str = "preshift self-check";
/// How often the socket looks whether it is time for something else, when nothing comes.
const PATIENCE: Duration = Duration::from_millis(20);
/// A longer answer is no answer to a binding request.
const LONGEST: usize = 1500;
/// A kernel's stamps lie within what user space saw, but for the time by which the clock is corrected as it runs.
const SLACK: Duration = Duration::from_millis(1);

/// Who is asked, and how often.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The servers, all of one family.
    pub servers: Vec<SocketAddr>,
    /// How often each is asked.
    pub rounds: u32,
    /// The time between two rounds.
    pub apart: Duration,
    /// How long the last answers are waited for.
    pub patience: Duration,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How long it took.
    pub rtt: Duration,
    /// What the server saw.
    pub mapped: SocketAddr,
}

/// What became of one server's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The server.
    pub server: Option<SocketAddr>,
    /// From where we ask it, as we see it ourselves.
    pub local: Option<SocketAddr>,
    /// Requests that left.
    pub sent: u32,
    /// Answers, in their order.
    pub answers: Vec<Answer>,
    /// Whether something came that was no answer.
    pub nonsense: bool,
    /// Why the last request that did not leave did not.
    pub error: Option<io::ErrorKind>,
}

/// A request under way.
struct Sent {
    server: usize,
    id: TransactionId,
    at: Instant,
    left: Option<u64>,
    answered: bool,
}

/// Asks every server in each round, on this thread. Ends early when told to.
pub fn ask(plan: &Plan, cancel: &AtomicBool) -> Result<Vec<Asked>, SocketError> {
    let v6 = plan.servers.first().is_some_and(SocketAddr::is_ipv6);
    let any: IpAddr = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let failed = |operation| move |source| SocketError { operation, source };
    let socket = Socket::bind(SocketAddr::new(any, 0), Stamps::Both)?;
    socket.set_timeout(PATIENCE).map_err(failed("set a timeout"))?;
    let port = socket.local_addr().map_err(failed("read the local address"))?.port();
    let asked = plan.servers.iter().map(|server| Asked {
        server: Some(*server),
        local: way_to(*server).map(|ip| SocketAddr::new(ip, port)),
        ..Asked::default()
    });
    let mut asking = Asking { socket: &socket, asked: asked.collect(), sent: Vec::new(), cancel };
    let begin = Instant::now();
    for round in 0..plan.rounds {
        for server in 0..plan.servers.len() {
            asking.send(server);
        }
        let last = round + 1 == plan.rounds;
        let until = begin + plan.apart * round + if last { plan.patience } else { plan.apart };
        if !asking.receive(until, last) {
            break;
        }
    }
    Ok(asking.asked)
}

/// The address from which the system would speak to a server, if it knows a way. Nothing is sent.
pub fn way_to(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if server.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

struct Asking<'a> {
    socket: &'a Socket,
    asked: Vec<Asked>,
    sent: Vec<Sent>,
    cancel: &'a AtomicBool,
}

impl Asking<'_> {
    fn send(&mut self, server: usize) {
        let Some(to) = self.asked[server].server else { return };
        let (id, request) = request();
        let at = Instant::now();
        match self.socket.send_to(&request, to) {
            Ok(()) => {
                self.asked[server].sent += 1;
                self.sent.push(Sent { server, id, at, left: None, answered: false });
            }
            Err(error) => self.asked[server].error = Some(error.kind()),
        }
    }

    /// Takes what comes until then, or until everything is there that can come. Says whether to go on.
    fn receive(&mut self, until: Instant, or_all: bool) -> bool {
        let mut buffer = [0; LONGEST];
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return false;
            }
            if Instant::now() >= until || (or_all && self.sent.iter().all(|s| s.answered)) {
                return true;
            }
            match self.socket.receive(&mut buffer) {
                Ok(received) => {
                    let now = Moment::now();
                    self.note(&buffer[..received.length], received.from, received.at, now);
                }
                Err(error) if datagram::nothing_came(&error) => {}
                // An error that stays must not become a busy loop.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn note(&mut self, bytes: &[u8], from: SocketAddr, at: Option<u64>, now: Moment) {
        let Some(server) = self.asked.iter().position(|a| a.server.is_some_and(|s| same(s, from))) else {
            return;
        };
        let Some((id, mapped)) = read(bytes) else {
            self.asked[server].nonsense = true;
            return;
        };
        // The system counts the datagrams of a socket as we do.
        let sent = &mut self.sent;
        self.socket.departures(|Departure { id, at, .. }| {
            if let Some(request) = sent.get_mut(id as usize) {
                request.left = Some(at);
            }
        });
        let Some(request) = sent.iter_mut().find(|s| s.id == id && s.server == server && !s.answered) else {
            return;
        };
        request.answered = true;
        let seen = now.instant.saturating_duration_since(request.at);
        let kernel =
            at.zip(request.left).and_then(|(came, left)| came.checked_sub(left)).map(Duration::from_nanos);
        let rtt = kernel.filter(|k| *k <= seen + SLACK).unwrap_or(seen);
        self.asked[server].answers.push(Answer { rtt, mapped });
    }
}

/// Whether both are one place; a link-local address may come with its scope.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.ip().to_canonical() == b.ip().to_canonical() && a.port() == b.port()
}

fn request() -> (TransactionId, Vec<u8>) {
    let mut message = Message::builder_request(BINDING, MessageWriteVec::new());
    if let Ok(software) = Software::new(SOFTWARE) {
        // It may be left out: every usual server answers without it.
        let _ = message.add_attribute(&software);
    }
    let id = message.transaction_id();
    (id, message.finish())
}

/// Reads an answer: which request it belongs to, and from where that seemed to come.
pub fn read(bytes: &[u8]) -> Option<(TransactionId, SocketAddr)> {
    let message = Message::from_bytes(bytes).ok()?;
    if !message.has_class(MessageClass::Success) || !message.has_method(BINDING) {
        return None;
    }
    let id = message.transaction_id();
    let mapped = message.attribute::<XorMappedAddress>().ok()?.addr(id);
    Some((id, SocketAddr::new(mapped.ip().to_canonical(), mapped.port())))
}

#[cfg(test)]
mod tests;
