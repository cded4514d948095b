//! A voice-like stream against a STAMP reflector: 50 packets a second, as a call sends them.
//!
//! Owns the sending and the receiving thread and their socket. What the packets experienced is
//! written down in the ledger; what that means is computed from it by `figures`, purely. Must not
//! know policies: who wants a longer stream says so when asked.

mod below;
mod figures;
mod hops;
mod ledger;
mod look;

pub use look::Look;

use crate::network::timing::{Moment, Pacer};
use datagram::{Departure, Received, Socket, SocketError, Stamps, Told};
use hops::Hops;
use ledger::{Came, Ledger, Sent};
use stamp::{ErrorEstimate, Reply, Request, Timestamp};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use telemetry::{Codec, Media, Path};

/// Between two packets: 20 ms of speech each, as G.711 is sent nearly everywhere.
pub const INTERVAL: Duration = Duration::from_millis(20);
/// UDP payload of a packet: 12 bytes of RTP and 160 of G.711.
pub const PAYLOAD: usize = 172;

/// How often the receiving thread looks whether it should end, when nothing comes.
const PATIENCE: Duration = Duration::from_millis(50);
/// Least and longest wait for packets still under way when the last one was sent.
const WAIT: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(2));
/// After so many packets without one that the system would send, there is no way to the reflector.
const GIVE_UP: usize = 50;
/// After so many packets without a single answer the stream ends: that says it, and no policy shall make
/// desks send at somebody who did not ask for it.
const SILENT: usize = 100;
/// Packets sent after the stream, one at a time, to learn the reflector's count when some are missing.
const CLOSING: usize = 10;
/// The computer slept, or its clock was set: what was measured across that is no network's doing.
const GAP: Duration = Duration::from_secs(2);

/// What is sent where.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The reflector.
    pub target: SocketAddr,
    /// How the packets are marked.
    pub dscp: u8,
    /// The session's id: random, so that strays of another session are not taken for ours.
    pub ssid: u16,
    /// How long the stream lasts.
    pub length: Duration,
    /// How long it may become if it is asked to go on.
    pub longest: Duration,
    /// The timestamps asked of the kernel; less than all is for tests.
    pub stamps: Stamps,
    /// The codec for which quality is estimated. What is sent is the same for each.
    pub codec: Codec,
}

/// What a running stream listens and talks to.
pub struct Control<'a> {
    /// Set to end it within a packet's interval.
    pub cancel: &'a AtomicBool,
    /// Whether what was measured so far is too little to judge by.
    pub needs_longer: &'a dyn Fn(&Media) -> bool,
    /// How far it is, from 0 to 1; `None` while it goes on longer than planned.
    pub progress: &'a dyn Fn(Option<f32>),
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// No socket.
    #[error("cannot stream: {0}")]
    Socket(#[from] SocketError),
    /// No thread, or no way to set the socket up.
    #[error("cannot stream: {0}")]
    System(#[from] io::Error),
    /// The system has no way to the reflector: nothing could be sent.
    #[error("no packet could be sent to the reflector: {0}")]
    NoRoute(#[source] io::Error),
    /// The reflector's host says that nobody listens there.
    #[error("no reflector listens on that port")]
    Refused,
    /// The computer was suspended or its clock was set.
    #[error("the computer was suspended or its clock was set during the stream")]
    Interrupted,
    /// It was asked to end.
    #[error("the stream was cancelled")]
    Cancelled,
}

/// What came of a stream.
#[derive(Debug)]
pub struct Measured {
    /// What it experienced.
    pub media: Media,
    /// Nothing came back but the word that nobody listens there.
    pub refused: bool,
    /// How far along the way it was still well, if that was looked at.
    pub path: Option<Path>,
    /// How much later than due each packet left, in milliseconds.
    pub send_errors: Vec<f64>,
}

/// Runs a stream on this thread, which must be one of its own, until it has a result.
pub fn run(plan: &Plan, control: &Control<'_>) -> Result<Media, StreamError> {
    measure(plan, control).map(|(media, _)| media)
}

/// The same, and how much later than due each packet left, in milliseconds.
pub fn measure(plan: &Plan, control: &Control<'_>) -> Result<(Media, Vec<f64>), StreamError> {
    let measured = measure_and_look(plan, control, None)?;
    if measured.refused { Err(StreamError::Refused) } else { Ok((measured.media, measured.send_errors)) }
}

/// The same, and looks along the way if that is wanted.
pub fn measure_and_look(
    plan: &Plan,
    control: &Control<'_>,
    look: Option<&Look<'_>>,
) -> Result<Measured, StreamError> {
    let any: IpAddr = match plan.target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = Socket::bind(SocketAddr::new(any, 0), plan.stamps)?;
    socket.connect(plan.target).map_err(|error| match no_route(&error.source) {
        true => StreamError::NoRoute(error.source),
        false => error.into(),
    })?;
    socket.set_timeout(PATIENCE)?;
    // Where the system does not let us mark packets they go unmarked, and nothing else is claimed.
    let dscp_sent = socket.set_traffic_class(plan.dscp << 2).map_or(0, |()| plan.dscp);

    let (done, refusals) = (AtomicBool::new(false), AtomicU32::new(0));
    let (arrivals, replies) = mpsc::channel();
    thread::scope(|scope| {
        thread::Builder::new()
            .name("media-receive".into())
            .spawn_scoped(scope, || receive(&socket, plan.ssid, arrivals, &done, &refusals))?;
        let mut stream = Stream {
            plan,
            control,
            socket: &socket,
            dscp_sent,
            pacer: Pacer::new(),
            begin: Instant::now(),
            packet: [0; PAYLOAD],
            ledger: Ledger::default(),
            hops: None,
            replies,
        };
        let result = stream.measure(look);
        done.store(true, Ordering::Relaxed);
        let (media, path) = result?;
        let refused = media.received == 0 && refusals.load(Ordering::Relaxed) > 0;
        Ok(Measured { refused, path, send_errors: figures::send_errors(&stream.ledger), media })
    })
}

/// The sending side, which keeps the ledger.
struct Stream<'a> {
    plan: &'a Plan,
    control: &'a Control<'a>,
    socket: &'a Socket,
    dscp_sent: u8,
    pacer: Pacer,
    begin: Instant,
    packet: [u8; PAYLOAD],
    ledger: Ledger,
    /// Packets that die on the way, once it is looked along it.
    hops: Option<Hops>,
    replies: mpsc::Receiver<Came>,
}

impl Stream<'_> {
    fn measure(&mut self, look: Option<&Look<'_>>) -> Result<(Media, Option<Path>), StreamError> {
        let packets = |length: Duration| (length.as_nanos() / INTERVAL.as_nanos()).max(1) as usize;
        let (planned, most) = (packets(self.plan.length), packets(self.plan.longest));
        let media = self.send_until(planned, |n| Some(n as f32 / planned as f32))?;
        let unwell = |media: &Media| look.is_some_and(|look| (look.wanted)(media));
        // Looking along the way makes the stream longer too.
        let longer = media.received > 0 && most > planned && !unwell(&media);
        let mut media = match longer && (self.control.needs_longer)(&media) {
            true => self.send_until(most, |_| None)?,
            false => media,
        };
        let mut path = None;
        if let Some(look) = look.filter(|_| unwell(&media)) {
            path = Some(self.look(look, &media)?);
            media = self.figures();
        }
        if media.received == 0 || media.received == media.sent {
            return Ok((media, path));
        }
        self.close()?;
        Ok((self.figures(), path))
    }

    /// Sends until there are `packets` in all, and waits for what is under way.
    fn send_until(
        &mut self,
        packets: usize,
        progress: impl Fn(usize) -> Option<f32>,
    ) -> Result<Media, StreamError> {
        let first = self.ledger.sent().len();
        let start = self.pause_over();
        for n in first..packets {
            if n % 5 == 0 {
                (self.control.progress)(progress(n));
            }
            if n >= SILENT && self.ledger.answers().is_empty() {
                break;
            }
            self.send(start + INTERVAL * (n - first) as u32)?;
            self.note();
        }
        (self.control.progress)(progress(packets));
        let longest = self.ledger.longest_round_trip() * 2 + Duration::from_millis(100);
        self.wait(longest.clamp(WAIT.0, WAIT.1), |ledger| ledger.complete())?;
        Ok(self.figures())
    }

    /// When the next packet is due: now for the first, else a whole number of intervals after it.
    fn pause_over(&self) -> Instant {
        let gone = self.begin.elapsed().as_nanos() / INTERVAL.as_nanos();
        match self.ledger.sent().is_empty() {
            true => self.begin,
            false => self.begin + INTERVAL * (gone as u32 + 1),
        }
    }

    fn send(&mut self, due: Instant) -> Result<(), StreamError> {
        self.pacer.sleep_until(due);
        if self.control.cancel.load(Ordering::Relaxed) {
            return Err(StreamError::Cancelled);
        }
        let now = Moment::now();
        if now.instant.saturating_duration_since(due) > GAP || self.ledger.clock_jumped(now, self.begin, GAP)
        {
            return Err(StreamError::Interrupted);
        }
        let sequence = self.ledger.sent().len() as u32;
        let sent = Timestamp::from_unix_nanos(now.wall);
        let request = Request { sequence, sent, error: ErrorEstimate::UNSYNCHRONIZED, ssid: self.plan.ssid };
        request.write(&mut self.packet, self.plan.dscp).expect("a voice packet has room for both TLVs");
        let result = again(|| self.socket.send(&self.packet));
        self.ledger.sent_one(Sent::new(due, now, self.begin), result.is_ok());
        match result {
            Err(error) if no_route(&error) && self.ledger.nothing_left_in(GIVE_UP) => {
                Err(StreamError::NoRoute(error))
            }
            _ => Ok(()),
        }
    }

    /// Takes what has come by now; never waits.
    fn note(&mut self) {
        while let Ok(came) = self.replies.try_recv() {
            self.ledger.came_one(came, self.begin);
        }
        let (ledger, hops) = (&mut self.ledger, &mut self.hops);
        self.socket.told(|told| match (told, hops.as_mut()) {
            (Told::Departed(Departure { id, at, at_driver }), _) => ledger.departed(id, at, at_driver),
            (Told::Complained(complaint), Some(hops)) => hops.heard(&complaint, ledger, Moment::now().wall),
            (Told::Complained(_), None) => {}
        });
    }

    /// Takes what comes until `enough`, at most for `time`.
    fn wait(&mut self, time: Duration, enough: impl Fn(&Ledger) -> bool) -> Result<(), StreamError> {
        let deadline = Instant::now() + time;
        loop {
            self.note();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || enough(&self.ledger) {
                return Ok(());
            }
            if self.control.cancel.load(Ordering::Relaxed) {
                return Err(StreamError::Cancelled);
            }
            if let Ok(came) = self.replies.recv_timeout(left.min(INTERVAL)) {
                self.ledger.came_one(came, self.begin);
            }
        }
    }

    /// Learns how many packets reached the reflector: its count in a reply to one packet more. Whatever
    /// is lost at the end of the stream would otherwise belong to no direction.
    fn close(&mut self) -> Result<(), StreamError> {
        self.ledger.close();
        for _ in 0..CLOSING {
            self.send(self.pause_over())?;
            let patience = self.ledger.longest_round_trip() * 2 + Duration::from_millis(50);
            self.wait(patience.min(WAIT.0), Ledger::closed)?;
            if self.ledger.closed() {
                break;
            }
        }
        Ok(())
    }

    fn figures(&self) -> Media {
        figures::media(&self.ledger, self.dscp_sent, self.plan.target.is_ipv6(), self.plan.codec)
    }
}

/// Sends once more where sending failed with the word about an earlier packet: then this one was not sent.
fn again(send: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let earlier = |error: &io::Error| datagram::refused(error) || no_route(error);
    match send() {
        Err(error) if earlier(&error) => match send() {
            Err(error) if earlier(&error) => send(),
            result => result,
        },
        result => result,
    }
}

fn receive(
    socket: &Socket,
    ssid: u16,
    arrivals: mpsc::Sender<Came>,
    done: &AtomicBool,
    refusals: &AtomicU32,
) {
    // Only for its effect on this thread: what user space sees should be the computer's doing, not the timer's.
    let _punctual = Pacer::new();
    let mut buffer = [0; 2048];
    while !done.load(Ordering::Relaxed) {
        match socket.receive(&mut buffer) {
            Ok(received) => {
                let now = Moment::now();
                if let Some(came) = read(&buffer[..received.length], &received, ssid, now) {
                    let _ = arrivals.send(came);
                }
            }
            Err(error) if datagram::nothing_came(&error) => {}
            Err(error) => {
                if datagram::refused(&error) {
                    refusals.fetch_add(1, Ordering::Relaxed);
                }
                // An error that stays, as when the interface goes, must not become a busy loop.
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn read(bytes: &[u8], received: &Received, ssid: u16, now: Moment) -> Option<Came> {
    let reply = Reply::read(bytes).ok()?;
    // A reflector that knows RFC 8762 alone leaves the session id zero.
    if reply.ssid != ssid && reply.ssid != 0 {
        return None;
    }
    let dscp = Reply::class_of_service(bytes).map(|class| class.seen);
    Some(Came { reply, dscp, now, kernel: received.at })
}

fn no_route(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    matches!(error.kind(), NetworkUnreachable | HostUnreachable | NetworkDown | AddrNotAvailable)
}
