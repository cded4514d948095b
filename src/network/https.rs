//! Visits one address the way a browser would, and times each phase by hand: name, TCP, TLS, first byte.
//!
//! Owns the order of the phases and their limits. Blocking on purpose: resolving a name and
//! verifying a certificate block on every system whatever one does, so a visit runs on a thread of its
//! own and writes down each phase as it is done. The answer's body is never read.

mod connect;
mod http;

pub use http::{Head, websocket_answer};

use super::{
    proxy::Proxy,
    trust::{Certificate, Trust},
};
use connect::Bounded;
use readiness::Host;
use rustls::pki_types::ServerName;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use telemetry::Failure;
use url::Url;

/// What is visited, and how.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The address.
    pub url: Url,
    /// Whose choice the address is: a policy's host is held to `allowed`.
    pub host: Host,
    /// The proxy on the way.
    pub proxy: Option<Proxy>,
    /// Who is trusted; needed for https only.
    pub trust: Option<Arc<Trust>>,
}

/// What a visit has seen so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Resolving the name; none for an address.
    pub dns: Option<Duration>,
    /// The TCP handshake that succeeded.
    pub tcp: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the request to the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// The answer's head.
    pub head: Option<Head>,
    /// The certificate, if one was shown.
    pub certificate: Option<Certificate>,
    /// Why it ended before an answer.
    pub stopped: Option<Stop>,
    /// Whether it ended.
    pub done: bool,
}

/// Why a visit ended before an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It failed.
    Failed(Failure),
    /// Everything the name resolves to is where no policy may send a desk.
    Forbidden,
    /// The proxy is of a kind that this program does not speak to.
    Unsupported,
}

/// What is to be spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Web,
    /// Something else, of which TLS is told nothing.
    Other,
}

/// An open connection on which nothing is waited for beyond a moment that can be set.
pub trait Connection: io::Read + io::Write {
    /// Sets another moment.
    fn until(&mut self, deadline: Instant);
}

impl Connection for Bounded {
    fn until(&mut self, deadline: Instant) {
        Bounded::until(self, deadline);
    }
}

impl Connection for rustls::StreamOwned<rustls::ClientConnection, Bounded> {
    fn until(&mut self, deadline: Instant) {
        self.sock.until(deadline);
    }
}

/// One phase takes at most this long: a call would long have failed.
const PHASE: Duration = Duration::from_secs(4);

impl Visit {
    /// Visits; blocks until it is done or `deadline` is over, except while a name is being resolved,
    /// which no program can call off. `seen` has each phase as soon as it is over.
    pub fn run(&self, deadline: Instant, seen: &Mutex<Seen>) {
        let stopped = self.walk(deadline, seen).err();
        note(seen, |s| {
            s.stopped = stopped;
            s.done = true;
        });
    }

    /// The same, asking to go on as a WebSocket (RFC 6455) instead of for a page. The head of the answer says
    /// whether it may; the connection is closed either way.
    pub fn run_websocket(&self, deadline: Instant, seen: &Mutex<Seen>) {
        let ask = || http::upgrade(&mut *self.open(Protocol::Web, deadline, seen)?, &self.url, seen);
        let stopped = ask().err();
        note(seen, |s| {
            s.stopped = stopped;
            s.done = true;
        });
    }

    fn walk(&self, deadline: Instant, seen: &Mutex<Seen>) -> Result<(), Stop> {
        http::get(&mut *self.open(Protocol::Web, deadline, seen)?, &self.url, seen)
    }

    /// Opens a connection to the host and port of the address, through the proxy if there is one, and encrypted
    /// if the address says `https`; what is spoken on it is the caller's business.
    pub fn open(
        &self,
        protocol: Protocol,
        deadline: Instant,
        seen: &Mutex<Seen>,
    ) -> Result<Box<dyn Connection>, Stop> {
        if self.proxy.as_ref().is_some_and(|p| !p.supported) {
            return Err(Stop::Unsupported);
        }
        let (stream, authority) = self.reach(deadline, seen)?;
        let mut stream = Bounded::new(stream, phase(deadline));
        if let Some(proxy) = &self.proxy {
            http::through_proxy(&mut stream, &authority, proxy.authorization.as_deref())?;
        }
        if self.url.scheme() != "https" {
            stream.until(phase(deadline));
            return Ok(Box::new(stream));
        }
        let trust = self.trust.as_ref().ok_or(Stop::Failed(Failure::System))?;
        let (mut config, watch) = trust.watch().map_err(|_| Stop::Failed(Failure::System))?;
        if protocol == Protocol::Other {
            config.alpn_protocols.clear();
        }
        let name = ServerName::try_from(host_of(&self.url)?.to_owned())
            .map_err(|_| Stop::Failed(Failure::NameNotFound))?;
        let mut tls = rustls::ClientConnection::new(Arc::new(config), name)
            .map_err(|_| Stop::Failed(Failure::System))?;
        stream.until(phase(deadline));
        let began = Instant::now();
        let mut shaken = Ok(());
        while shaken.is_ok() && tls.is_handshaking() {
            shaken = tls.complete_io(&mut stream).map(drop);
        }
        let took = began.elapsed();
        note(seen, |s| {
            s.certificate = watch.seen();
            s.tls = shaken.is_ok().then_some(took);
        });
        shaken.map_err(|error| Stop::Failed(failure(&error)))?;
        stream.until(phase(deadline));
        Ok(Box::new(rustls::StreamOwned::new(tls, stream)))
    }

    /// Connects to the address or to its proxy; gives the address as `CONNECT` wants it.
    fn reach(&self, deadline: Instant, seen: &Mutex<Seen>) -> Result<(std::net::TcpStream, String), Stop> {
        let host = host_of(&self.url)?;
        let port = self.url.port_or_known_default().ok_or(Stop::Failed(Failure::System))?;
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let authority = format!("{bracketed}:{port}");
        // An address that is written out is refused here, also where a proxy would do the connecting.
        if host.parse().is_ok_and(|address| !super::allowed::may_point_at(&self.host, address)) {
            return Err(Stop::Forbidden);
        }
        let (to, to_port) = self.proxy.as_ref().map_or((host, port), |p| (p.host.as_str(), p.port));
        let mut addresses = connect::resolve(to, to_port, deadline, seen)?;
        if self.proxy.is_none() {
            addresses.retain(|a| super::allowed::may_point_at(&self.host, a.ip()));
            if addresses.is_empty() {
                return Err(Stop::Forbidden);
            }
        }
        let stream = connect::connect(&addresses, phase(deadline), seen).map_err(Stop::Failed)?;
        Ok((stream, authority))
    }
}

fn host_of(url: &Url) -> Result<&str, Stop> {
    let host = url.host_str().ok_or(Stop::Failed(Failure::System))?;
    Ok(host.trim_matches(['[', ']']))
}

fn phase(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + PHASE)
}

fn note(seen: &Mutex<Seen>, change: impl FnOnce(&mut Seen)) {
    change(&mut seen.lock().unwrap_or_else(PoisonError::into_inner));
}

/// What an error on an open connection means.
pub fn failure(error: &io::Error) -> Failure {
    use io::ErrorKind as Kind;
    if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return match tls {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Failure::BadCertificate
            }
            _ => Failure::BadAnswer,
        };
    }
    match error.kind() {
        Kind::TimedOut | Kind::WouldBlock | Kind::UnexpectedEof => Failure::NoAnswer,
        Kind::ConnectionRefused | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            Failure::Refused
        }
        Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::AddrNotAvailable | Kind::NetworkDown => {
            Failure::NoRoute
        }
        Kind::InvalidData => Failure::BadAnswer,
        _ => Failure::System,
    }
}

#[cfg(test)]
mod tests;
