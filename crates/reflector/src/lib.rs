//! A stateful STAMP session reflector (RFC 8762, RFC 8972), alone or inside the collector, which answers STUN
//! (RFC 8489) on the same port.
//!
//! Owns a socket, a thread and the sessions on it. Each session has a count of its own, which is
//! what lets the sender split loss by direction. It is no amplifier: a reply is never longer than
//! its request, each source has a rate, replies are never answered, and memory is bounded whatever
//! comes. It never logs or keeps an address beyond the life of a session.

mod core;
mod counters;
mod rate;
mod stun;
mod table;

pub use crate::counters::Counters;
use crate::{
    core::{Core, Reply},
    counters::Count,
};
use datagram::{Socket, SocketError, Stamps};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How often the thread looks whether it should end, when nothing comes.
const PATIENCE: Duration = Duration::from_millis(200);
/// After an error that is not about one datagram, so that it cannot become a busy loop.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// Two hundred voice streams that come at once while the thread is off the processor for 100 ms.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Longer requests are not answered: a voice packet has 172 bytes, an Ethernet frame holds 1,472.
const LONGEST: usize = 1472;

/// Bounds on what a reflector takes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at a time. When there are more, the one that was silent longest goes.
    pub sessions: usize,
    /// A session without packets for so long is over.
    pub session_idle: Duration,
    /// Packets a second that one source may send. A source is an IPv4 address or an IPv6 /64, behind which
    /// a whole office may sit: each voice stream needs 50.
    pub source_rate: u32,
    /// Packets that one source may send at once, beyond its rate.
    pub source_burst: u32,
    /// Packets a second that are answered at all.
    pub total_rate: u32,
    /// Requests that arrive with less than this left of their TTL are not answered: they are probes for
    /// a hop before us that came too far, and would disturb their session's count.
    pub least_ttl: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 16_384,
            session_idle: Duration::from_secs(30),
            source_rate: 2_500,
            source_burst: 500,
            total_rate: 50_000,
            least_ttl: 3,
        }
    }
}

/// Why a reflector could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ReflectorError {
    /// The address is taken, not ours, or needs rights.
    #[error("cannot start the reflector: {0}")]
    Socket(#[from] SocketError),
    /// The system would not start a thread or set the socket up.
    #[error("cannot start the reflector: {operation}: {source}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A reflector that runs until it is shut down or dropped.
#[derive(Debug)]
pub struct Reflector {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    count: Arc<Count>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Reflector {
    /// Binds `address` and answers from then on. `[::]` takes IPv4 too; port 0 takes a free one.
    pub fn bind(address: SocketAddr, limits: Limits) -> Result<Self, ReflectorError> {
        let failed = |operation| move |source| ReflectorError::System { operation, source };
        let socket = Socket::bind(address, Stamps::Receive)?;
        // A reply as large as its request passes whole or not at all: whoever looks for the largest packet that
        // passes must not be told of one that came in pieces. Not granted everywhere.
        let _ = socket.forbid_fragments();
        socket.set_timeout(PATIENCE).map_err(failed("set a timeout"))?;
        // Not granted everywhere; the default then has to do.
        let _ = socket.set_receive_buffer(RECEIVE_BUFFER);
        let address = socket.local_addr().map_err(failed("read the local address"))?;
        let end = Arc::new(AtomicBool::new(false));
        let count = Arc::new(Count::default());
        let (ended, counts) = (end.clone(), count.clone());
        let thread = thread::Builder::new()
            .name("reflector".into())
            .spawn(move || serve(&socket, &limits, &counts, &ended))
            .map_err(failed("start a thread"))?;
        Ok(Self { address, end, count, thread: Some(thread) })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What it did so far.
    pub fn counters(&self) -> Counters {
        self.count.read()
    }

    /// Ends it, within a fifth of a second. Dropping does the same.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed by the panic hook; there is nothing left to save.
            let _ = thread.join();
        }
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(socket: &Socket, limits: &Limits, count: &Count, end: &AtomicBool) {
    let started = Instant::now();
    let mut core = Core::new(limits);
    let mut buffer = [0; LONGEST];
    while !end.load(Ordering::Relaxed) {
        let received = match socket.receive(&mut buffer) {
            Ok(received) => received,
            Err(error) if datagram::nothing_came(&error) => continue,
            Err(error) => {
                tracing::debug!(kind = ?error.kind(), "the reflector's socket failed");
                count.error();
                thread::sleep(AFTER_ERROR);
                continue;
            }
        };
        let arrived = received.at.unwrap_or_else(wall_clock);
        let packet = &mut buffer[..received.length];
        let reply = match core.answer(packet, &received, arrived, started.elapsed(), count) {
            None => continue,
            Some(Reply::Stun { length }) => socket.answer(&packet[..length], &received, 0),
            Some(Reply::Stamp { dscp }) => {
                stamp::set_sent(packet, stamp::Timestamp::from_unix_nanos(wall_clock()));
                let ecn = 0; // A reply starts its own way: congestion on the way here is said in the TLV.
                socket.answer(packet, &received, dscp << 2 | ecn)
            }
        };
        match reply {
            Ok(()) => count.reflected(),
            Err(_) => count.error(),
        }
    }
}

fn wall_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}
