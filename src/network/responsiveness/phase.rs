//! The phases: a few round trips on the quiet line, then one direction under load with asking beside it.

use super::{
    Way, ask,
    body::Share,
    figures::{self, INTERVAL, WINDOW, confidence, goodput, is_stable, median, rpm, with_waiting},
    line::{Line, Trouble},
    load::{self, Ended, Open},
    notes::{Kind, Notes},
    why,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{Failure, Kilobits, Millis, UnderLoad, VoiceUnderLoad};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{interval, sleep_until, timeout_at},
};

/// Round trips on the quiet line, and how far apart they begin.
const QUIET: (usize, Duration) = (6, Duration::from_millis(70));
/// Connections at the beginning of a load (INP). The draft begins with one and has longer.
const FIRST: usize = 2;
/// One more after so many intervals, until the line is full (INC).
const MORE_EVERY: usize = 2;
/// Most connections (MNP).
const CONNECTIONS: usize = 16;
/// Asking may take this share of what the line carries (PTC).
const ASKING: f64 = 0.05;
/// What one round of asking takes in the loaded direction: a certificate comes down, little goes up.
const ROUND_DOWN: f64 = 4_500.0;
const ROUND_UP: f64 = 1_500.0;
/// How far apart rounds begin.
const APART: (Duration, Duration) = (Duration::from_millis(90), Duration::from_millis(500));
/// Rounds under way at once: a line that swallows everything must not collect them.
const ROUNDS: usize = 40;
/// A figure rests on so many samples, or on all there are.
const SAMPLES: usize = 6;

/// A few round trips on the quiet line.
pub async fn idle(line: &Arc<Line>, until: tokio::time::Instant) -> Result<Notes, Trouble> {
    let notes = Arc::new(Notes::default());
    let mut rounds = JoinSet::new();
    let mut trouble = Trouble::Failed(Failure::NoAnswer);
    let all = async {
        let (count, apart) = QUIET;
        for _ in 0..count {
            rounds.spawn(ask::foreign(line.clone(), notes.clone()));
            tokio::time::sleep(apart).await;
        }
        while let Some(round) = rounds.join_next().await {
            if let Ok(Err(why)) = round {
                trouble = why;
            }
        }
    };
    // What has come by then is what there is.
    let _ = timeout_at(until, all).await;
    rounds.shutdown().await;
    let notes = Arc::try_unwrap(notes).map_err(|_| Trouble::Failed(Failure::System))?;
    if notes.of(Kind::Http).is_empty() { Err(trouble) } else { Ok(notes) }
}

/// One direction under load, as it was measured.
pub struct Loaded {
    /// Which.
    pub way: Way,
    /// When the load began.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// Why it ended before its time, where that was a fault.
    pub failure: Option<Failure>,
    bytes_per_second: f64,
    rpm: Option<f64>,
    rtt: Option<f64>,
    handshakes: usize,
    intervals: usize,
    settled: bool,
    connections: usize,
}

impl Loaded {
    /// As it is told. Voice says best what a call would feel; without it, a TCP handshake does.
    pub fn told(&self, idle_rtt: f64, voice: Option<VoiceUnderLoad>) -> UnderLoad {
        let added = match &voice {
            Some(voice) => Some(voice.median.get() - voice.idle.get()),
            None => self.rtt.map(|rtt| rtt - idle_rtt),
        };
        UnderLoad {
            throughput: Kilobits::new(self.bytes_per_second * 8.0 / 1e3),
            rpm: self.rpm.map(|rpm| rpm.round().clamp(0.0, 1e6) as u32),
            rtt: self.rtt.map(Millis::new),
            added_delay: added.map(Millis::new),
            voice,
            confidence: confidence(self.intervals, self.handshakes, self.settled),
            connections: self.connections.min(CONNECTIONS) as u8,
            duration: Millis::new((self.ended - self.began).as_secs_f64() * 1e3),
        }
    }
}

/// Loads one direction with at most so many bytes, and asks meanwhile.
pub async fn load(line: &Arc<Line>, way: Way, most: u64, until: Instant) -> Result<Loaded, Trouble> {
    let (opened, open) = unbounded_channel();
    let mut phase = Phase {
        line: line.clone(),
        way,
        share: Arc::new(Share::new(most)),
        notes: Arc::new(Notes::default()),
        began: Instant::now(),
        loads: JoinSet::new(),
        rounds: JoinSet::new(),
        opened,
        open,
        senders: Vec::new(),
        up: 0,
        started: 0,
        turn: 0,
        carried: vec![(0.0, 0)],
        averages: Vec::new(),
        rpms: Vec::new(),
        intervals: 0,
    };
    phase.run(until).await
}

struct Phase {
    line: Arc<Line>,
    way: Way,
    share: Arc<Share>,
    notes: Arc<Notes>,
    began: Instant,
    loads: JoinSet<Ended>,
    rounds: JoinSet<Result<(), Trouble>>,
    opened: UnboundedSender<Open>,
    open: UnboundedReceiver<Open>,
    /// Connections of the load that can be asked on.
    senders: Vec<hyper::client::conn::http2::SendRequest<super::body::Sent>>,
    /// Connections that were open, and that were begun.
    up: usize,
    started: usize,
    /// On which connection is asked next.
    turn: usize,
    /// What had been carried at the end of each interval: seconds, bytes.
    carried: Vec<(f64, u64)>,
    averages: Vec<f64>,
    rpms: Vec<f64>,
    intervals: usize,
}

impl Phase {
    async fn run(&mut self, until: Instant) -> Result<Loaded, Trouble> {
        (0..FIRST).for_each(|_| self.add());
        let mut ticks = interval(INTERVAL);
        ticks.tick().await;
        let mut next_round = tokio::time::Instant::now();
        let mut failure = None;
        loop {
            tokio::select! {
                () = sleep_until(until.into()) => break,
                Some(ended) = self.loads.join_next() => match ended {
                    Ok(Ended { why: Trouble::Spent, .. }) => break,
                    // One more that does not come up on a full line is no fault while others carry.
                    Ok(Ended { open: false, .. }) if self.up > 0 || !self.loads.is_empty() => {}
                    Ok(Ended { why: trouble, .. }) if self.intervals == 0 && self.up == 0 => return Err(trouble),
                    Ok(Ended { why: trouble, .. }) => {
                        failure = Some(why(trouble));
                        break;
                    }
                    Err(_) => return Err(Trouble::Failed(Failure::System)),
                },
                Some(open) = self.open.recv() => {
                    self.up += 1;
                    self.senders.extend(open);
                }
                Some(_) = self.rounds.join_next() => {}
                () = sleep_until(next_round) => {
                    self.ask();
                    next_round = tokio::time::Instant::now() + self.apart();
                }
                _ = ticks.tick() => if self.interval() { break },
            }
            // A server need not answer an upload that has ended for this to be seen.
            if self.line.is_spent() || self.share.is_spent() {
                break;
            }
        }
        Ok(self.told(failure))
    }

    /// Begins one more connection of the load.
    fn add(&mut self) {
        self.started += 1;
        let (line, share, opened) = (self.line.clone(), self.share.clone(), self.opened.clone());
        self.loads.spawn(load::run(line, self.way, share, opened));
    }

    /// Begins a round of asking: on a connection of its own, and on one of the load.
    fn ask(&mut self) {
        if self.rounds.len() >= ROUNDS {
            return;
        }
        self.rounds.spawn(ask::foreign(self.line.clone(), self.notes.clone()));
        self.senders.retain(|s| !s.is_closed());
        if !self.senders.is_empty() {
            // In turn, which is as even as by chance and needs none.
            self.turn = (self.turn + 1) % self.senders.len();
            let sender = self.senders[self.turn].clone();
            self.rounds.spawn(ask::own(self.line.clone(), sender, self.notes.clone()));
        }
    }

    /// How long until the next round: it must not be what fills the line.
    fn apart(&self) -> Duration {
        let round = if self.way == Way::Down { ROUND_DOWN } else { ROUND_UP };
        let (least, most) = APART;
        match goodput(&self.carried).filter(|rate| *rate > 0.0) {
            Some(rate) => Duration::from_secs_f64((round / (ASKING * rate)).min(10.0)).clamp(least, most),
            None => (least + most) / 2,
        }
    }

    /// The end of an interval; true when everything has settled.
    fn interval(&mut self) -> bool {
        let now = Instant::now();
        self.intervals += 1;
        let carried = self.carried_by(now);
        if self.carried.last().is_none_or(|last| last.0 < carried.0) {
            self.carried.push(carried);
        }
        if self.carried.len() > WINDOW {
            self.averages.extend(goodput(&self.carried));
        }
        let full = is_stable(&self.averages);
        if !full && self.intervals.is_multiple_of(MORE_EVERY) && self.started < CONNECTIONS {
            self.add();
        }
        if full {
            self.rpms.extend(self.rpm(now - INTERVAL * WINDOW as u32, now));
        }
        full && is_stable(&self.rpms)
    }

    /// What was carried until now: as the server counts it where it tells, for a sender knows only what it gave
    /// to its own system.
    fn carried_by(&self, now: Instant) -> (f64, u64) {
        let arrived = self.notes.last_arrived().filter(|_| self.way == Way::Up);
        let (at, bytes) = arrived.unwrap_or((now, self.share.moved()));
        (at.saturating_duration_since(self.began).as_secs_f64(), bytes)
    }

    fn samples(&self, kind: Kind, from: Instant, to: Instant) -> Vec<f64> {
        let (done, waiting) = self.notes.between(kind, from, to);
        with_waiting(&done, &waiting)
    }

    fn rpm(&self, from: Instant, to: Instant) -> Option<f64> {
        let of = |kind| self.samples(kind, from, to);
        rpm(&of(Kind::Tcp), &of(Kind::Tls), &of(Kind::Http), &of(Kind::Own))
    }

    /// The figures of the last intervals; of more where there is too little in them.
    fn told(&mut self, failure: Option<Failure>) -> Loaded {
        let ended = Instant::now();
        let window = INTERVAL * WINDOW as u32;
        let mut from = ended.checked_sub(window).unwrap_or(self.began).max(self.began);
        while from > self.began && self.samples(Kind::Http, from, ended).len() < SAMPLES {
            from = from.checked_sub(INTERVAL).unwrap_or(self.began).max(self.began);
        }
        let last = self.carried_by(ended);
        if self.carried.last().is_none_or(|before| before.0 < last.0) {
            self.carried.push(last);
        }
        let tcp = self.samples(Kind::Tcp, from, ended);
        let of = |kind| figures::trimmed_mean(&self.samples(kind, from, ended)).unwrap_or_default();
        let count = |kind| self.samples(kind, from, ended).len();
        tracing::debug!(
            way = ?self.way, tcp = of(Kind::Tcp), tls = of(Kind::Tls), http = of(Kind::Http), own = of(Kind::Own),
            handshakes = tcp.len(), asked = count(Kind::Http), asked_on_load = count(Kind::Own),
            window_ms = (ended - from).as_millis() as u64, averages = ?self.averages, rpms = ?self.rpms, "under load"
        );
        Loaded {
            way: self.way,
            began: self.began,
            ended,
            failure,
            bytes_per_second: figures::throughput(&self.carried).unwrap_or_default(),
            rpm: self.rpm(from, ended),
            rtt: median(&tcp),
            handshakes: tcp.len(),
            intervals: self.intervals,
            settled: is_stable(&self.averages) && is_stable(&self.rpms),
            connections: self.up,
        }
    }
}
