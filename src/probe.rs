//! What a probe is, and the list of all of them.
//!
//! A probe measures one thing once and returns readings. It knows nothing of schedules,
//! verdicts or reports. A new probe is one file in `probe/` and one line in `REGISTRY`.

use readiness::{Host, Policy};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use telemetry::{Hash, Id, Millis, Outcome, ProbeId, Reading, UnixMs};

/// A future that can be sent between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a probe uses, and so what it may run beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Nothing that another probe could notice: runs beside anything.
    Local,
    /// A few packets: runs beside other such probes.
    Network,
    /// The wire for itself: no other packet of ours while it runs.
    Stream,
    /// The microphone, alone; nothing on the wire.
    Microphone,
}

/// A probe: a small struct round a function.
#[derive(Clone, Copy)]
pub struct Probe {
    /// Its id.
    pub id: ProbeId,
    /// What it uses.
    pub medium: Medium,
    /// How long it may take before the supervisor ends it.
    pub timeout: fn(&Context) -> Duration,
    /// Measures once. One reading for each target; at least one.
    pub run: fn(Arc<Context>) -> BoxFuture<Vec<Reading>>,
}

/// Why a probe is run, as far as a probe may care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The agent is looking: take the time it needs to be right.
    SelfCheck,
    /// Before a shift, on wake or at logon.
    PreShift,
    /// In between.
    Routine,
}

/// The collector that this desk is enrolled with.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Its base URL: `https`, or `http` on loopback.
    pub url: url::Url,
    /// Signs what is asked of it in the desk's name.
    pub sign: Option<Sign>,
}

/// Makes the headers that sign a GET of a path.
#[derive(Clone)]
pub struct Sign(pub crate::network::responsiveness::Sign);

impl std::fmt::Debug for Sign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sign")
    }
}

/// The wall clock, handed in so that tests can set it.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// Turns something that must not leave the desk into a keyed hash.
pub type Hasher = Arc<dyn Fn(&str) -> Hash + Send + Sync>;

/// What a probe says while it runs, for the agent's eyes only: it never leaves the desk.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Which probe.
    pub probe: ProbeId,
    /// How far, from 0 to 1, if it can tell.
    pub done: Option<f32>,
}

/// Everything that a probe may know.
#[derive(Clone)]
pub struct Context {
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// The collector, if the desk is enrolled.
    pub collector: Option<Collector>,
    /// Why it is run.
    pub occasion: Occasion,
    /// The wall clock.
    pub clock: Clock,
    /// Keyed hashes.
    pub hasher: Hasher,
    /// How far this desk's clock was ahead of the collector's.
    pub clock_offset: Option<Millis>,
    /// Where progress goes.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    /// The folder of the local store: the disk that `load` looks at.
    pub data_dir: std::path::PathBuf,
    /// Roots that this desk's own settings trust beside the operating system's; mostly none.
    pub extra_roots: Arc<[rustls::pki_types::CertificateDer<'static>]>,
}

impl Context {
    /// Begins a reading: remembers when, so that `finish` can say how long it took.
    pub fn begin(&self, probe: ProbeId, target: Option<Id>) -> Begun {
        Begun { probe, target, at: (self.clock)(), started: std::time::Instant::now() }
    }

    /// The name or address behind a policy's host; `None` for `@collector` on a desk that has none.
    pub fn host(&self, host: &Host) -> Option<String> {
        match host {
            Host::Named(name) => Some(name.clone()),
            Host::Collector => Some(self.collector.as_ref()?.url.host_str()?.to_owned()),
        }
    }
}

/// A reading that has begun.
#[derive(Debug, Clone)]
pub struct Begun {
    probe: ProbeId,
    target: Option<Id>,
    at: UnixMs,
    started: std::time::Instant,
}

impl Begun {
    /// The same moment and target, for a reading of another probe.
    pub fn of(self, probe: ProbeId) -> Self {
        Self { probe, ..self }
    }

    /// Ends the reading with its outcome.
    pub fn finish(self, outcome: Outcome) -> Reading {
        let took_ms = self.started.elapsed().as_millis().min(600_000) as u32;
        Reading { probe: self.probe, target: self.target, at: self.at, took_ms, outcome }
    }
}

pub mod audio_devices;
pub mod dns;
pub mod environment;
pub mod https;
pub mod link;
pub mod load;
pub mod media;
pub mod mtu;
pub mod noise;
mod on_thread;
pub mod responsiveness;
pub mod signalling;
pub mod stun;
pub mod turn;

/// Every probe, in the order in which they are shown.
pub const REGISTRY: &[Probe] = &[
    link::PROBE,
    dns::PROBE,
    https::PROBE,
    media::PROBE,
    audio_devices::PROBE,
    noise::PROBE,
    load::PROBE,
    environment::PROBE,
    stun::PROBE,
    turn::PROBE,
    signalling::PROBE,
    mtu::PROBE,
    // Last: it is felt by whatever else goes over the line.
    responsiveness::PROBE,
];
