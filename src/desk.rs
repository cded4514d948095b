//! One desk at work: its settings, store, identity, policy and probes, held together by whoever
//! owns the lock: the daemon, or a single command.
//!
//! Owns the way from a plan to a judged and remembered result. Must not decide when to measure,
//! nor show anything.

use crate::{
    config::Settings,
    control::{ConsentUse, Lock, Request},
    deliver::{self, InForce},
    environment::Snapshot,
    identity::{self, Identity},
    probe::{Clock, Collector, Context, Occasion, Probe, REGISTRY, Sign},
    random::Random,
    report::Reporter,
    store::{self, Store, keys},
    supervisor::{Listener, Plan, Supervisor, WireLock},
};
use readiness::{History, Input, Judgement, Policy, PolicyError, profile::Addition};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{sync::Arc, time::Instant};
use telemetry::{
    Body, Change, ConsentState, EventKind, Finding, FindingCode, Id, Millis, NotChecked, ProbeId, Readiness,
    Reading, Routine, Trigger, UnixMs, Value, Verdict,
};

/// Most changes that a readiness report carries.
const CHANGES: u32 = 48;

/// Most readings of a routine report.
const ROUTINE_READINGS: usize = 16;

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The identity failed.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The certificates of the settings could not be read again.
    #[error("the certificates of tls_roots_file cannot be read")]
    Roots,
}

/// One desk at work.
pub struct Desk {
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Its store.
    pub store: Store,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The one way into the spool.
    pub reporter: Reporter,
    /// What runs its probes.
    pub supervisor: Supervisor,
    /// The wire that probes and delivery share.
    pub wire: WireLock,
    /// Roots that are trusted beside the system's.
    pub extra_roots: Arc<[CertificateDer<'static>]>,
    clock: Clock,
    _lock: Lock,
}

/// What a check is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Why it is run.
    pub trigger: Trigger,
    /// For which shift.
    pub shift: Option<Id>,
    /// What is run.
    pub plan: Plan,
    /// Whether it is remembered and reported. A self-check of a few probes says nothing about the desk as a
    /// whole, so it is for the agent's eyes only; and so is one by another measure than the policy's.
    pub remember: bool,
    /// What a platform needs, on top of the policy in force.
    pub profile: Option<Box<Addition>>,
}

impl Order {
    /// A self-check as the agent wants it.
    pub fn self_check(only: &[ProbeId], offline: bool, no_microphone: bool) -> Self {
        let mut plan = Plan::all();
        if !only.is_empty() {
            let asked = |p: &ProbeId| only.iter().any(|o| o == p || o.made_by() == *p);
            for probe in ProbeId::ALL.into_iter().filter(|p| !asked(p)) {
                plan.skip(probe, NotChecked::NotAsked);
            }
        }
        if offline {
            for probe in [
                ProbeId::Link,
                ProbeId::Dns,
                ProbeId::Https,
                ProbeId::Media,
                ProbeId::Stun,
                ProbeId::Turn,
                ProbeId::Signalling,
                ProbeId::Mtu,
                ProbeId::Responsiveness,
            ] {
                plan.skip(probe, NotChecked::Offline);
            }
        }
        if no_microphone {
            plan.skip(ProbeId::Noise, NotChecked::NotAsked);
        }
        let remember = only.is_empty() && !offline;
        Self { trigger: Trigger::SelfCheck, shift: None, plan, remember, profile: None }
    }

    /// The self-check of a request.
    pub fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Check(r) => {
                let order = Self::self_check(&r.only, r.offline, r.no_microphone);
                let remember = order.remember && r.profile.is_none();
                Some(Self { remember, profile: r.profile.clone(), ..order })
            }
            _ => None,
        }
    }

    /// What this check goes by: the policy in force, with the profile on top if there is one.
    pub fn policy(&self, in_force: &Arc<Policy>) -> Result<Arc<Policy>, PolicyError> {
        match &self.profile {
            Some(profile) => profile.apply(in_force).map(Arc::new),
            None => Ok(in_force.clone()),
        }
    }
}

impl Desk {
    /// Opens the desk whose lock this is. Blocks.
    pub fn open(settings: Arc<Settings>, lock: Lock, clock: Clock) -> Result<Self, OpenError> {
        Self::open_with(settings, lock, clock, REGISTRY)
    }

    /// Opens it with other probes. Blocks.
    pub fn open_with(
        settings: Arc<Settings>,
        lock: Lock,
        clock: Clock,
        probes: &[Probe],
    ) -> Result<Self, OpenError> {
        let identity = Arc::new(Identity::open(&settings.data_dir, &Random::system())?);
        let store = Store::open(&settings.data_dir, clock.clone())?;
        let policy = in_force(&store, &identity)?.policy;
        let extra_roots = match &settings.tls_roots_file {
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|_| OpenError::Roots)?
                .into(),
            None => Arc::new([]) as Arc<[_]>,
        };
        let wire = WireLock::new();
        Ok(Self {
            reporter: Reporter::new(store.clone(), identity.clone(), policy.reference()),
            supervisor: Supervisor::new(probes, wire.clone()),
            wire,
            extra_roots,
            store,
            identity,
            settings,
            clock,
            _lock: lock,
        })
    }

    /// The time by the clock that was handed in.
    pub fn now(&self) -> UnixMs {
        (self.clock)()
    }

    /// The clock that was handed in.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// What this desk goes by. Reports name its policy from now on. Blocks.
    pub fn in_force(&self) -> Result<InForce, store::Error> {
        let in_force = in_force(&self.store, &self.identity)?;
        self.reporter.set_policy(in_force.policy.reference());
        Ok(in_force)
    }

    /// How delivery from this desk goes.
    pub fn delivery(&self) -> deliver::Settings {
        deliver::Settings {
            proxy: self.settings.proxy.clone(),
            roots: self.extra_roots.clone(),
            wire: self.wire.clone(),
            ..deliver::Settings::default()
        }
    }

    /// What probes may know.
    pub async fn context(&self, policy: Arc<Policy>, occasion: Occasion) -> Result<Context, store::Error> {
        let collector = self.identity.enrolment().map(|e| {
            let sign = deliver::sign_get(e.clone(), self.identity.clone(), self.clock());
            Collector { url: e.collector.clone(), sign: Some(Sign(sign)) }
        });
        Ok(Context {
            policy,
            collector,
            occasion,
            clock: self.clock(),
            hasher: self.identity.hasher(),
            clock_offset: self.store.run(|store| store.get(keys::CLOCK_OFFSET)).await?,
            progress: Arc::new(|_| {}),
            data_dir: self.settings.data_dir.clone(),
            extra_roots: self.extra_roots.clone(),
        })
    }

    /// Pauses measuring. Blocks.
    pub fn pause(&self, until: UnixMs) -> Result<(), store::Error> {
        self.store.set(keys::PAUSED_UNTIL, &until)?;
        self.reporter.event(EventKind::Paused).map(drop)
    }

    /// Measures again. Blocks.
    pub fn resume(&self) -> Result<(), store::Error> {
        if self.store.get(keys::PAUSED_UNTIL)?.is_none() {
            return Ok(());
        }
        self.store.unset(keys::PAUSED_UNTIL)?;
        self.reporter.event(EventKind::Resumed).map(drop)
    }

    /// Notes what the agent consents to. Blocks.
    pub fn consent(&self, about: ConsentUse, given: bool) -> Result<(), store::Error> {
        let mut consent = self.store.get(keys::CONSENT)?.unwrap_or_default();
        let state = match about {
            ConsentUse::Background => &mut consent.background,
            ConsentUse::Calls => &mut consent.calls,
        };
        // Taking back what was never given is a no that was never asked for.
        let new = match (given, *state) {
            (true, _) => ConsentState::Given,
            (false, ConsentState::NotAsked) => ConsentState::NotAsked,
            (false, _) => ConsentState::Withdrawn,
        };
        if *state == new {
            return Ok(());
        }
        *state = new;
        self.store.set(keys::CONSENT, &consent)?;
        self.reporter.event(EventKind::ConsentChanged).map(drop)
    }

    /// Measures in between: reports the readings and what changed. Says what changed.
    pub async fn measure(
        &self,
        probes: Vec<ProbeId>,
        policy: Arc<Policy>,
    ) -> Result<(Vec<Reading>, Vec<Change>), store::Error> {
        let context = self.context(policy, Occasion::Routine).await?;
        let plan = Plan { run: probes, skip: Vec::new() };
        let readings = self.supervisor.run(&plan, &context, &(Arc::new(|_| ()) as Listener)).await;
        let (reporter, now) = (self.reporter.clone(), self.now());
        self.store
            .run(move |_| {
                let changes = learn(&reporter, &readings, now)?;
                for some in readings.chunks(ROUTINE_READINGS) {
                    reporter.report(None, Body::Routine(Routine { readings: some.to_vec().into() }))?;
                }
                Ok((readings, changes))
            })
            .await
    }

    /// Measures, judges, and remembers and reports if that is wanted.
    pub async fn check(
        &self,
        order: &Order,
        policy: Arc<Policy>,
        listener: &Listener,
    ) -> Result<Readiness, store::Error> {
        let occasion = match order.trigger {
            Trigger::SelfCheck => Occasion::SelfCheck,
            _ => Occasion::PreShift,
        };
        let context = self.context(policy.clone(), occasion).await?;
        let began = Instant::now();
        let readings = self.supervisor.run(&order.plan, &context, listener).await;
        let took = Millis::new(began.elapsed().as_secs_f64() * 1000.0);
        let input = Input { now: self.now(), readings: &readings, history: &History::default() };
        let Judgement { verdict, mut findings, fault, valid_until, .. } = readiness::judge(&policy, &input);
        // The agent knows what they left out; the verdict says that it is not the whole.
        let left_out = |f: &Finding| {
            let missing = [FindingCode::RequiredReadingMissing, FindingCode::OptionalReadingMissing];
            let skipped = order.plan.skip.iter().any(|(p, why)| *p == f.probe && why_left_out(*why));
            missing.contains(&f.code) && skipped
        };
        findings.retain(|f| !left_out(f));
        let readiness = Readiness {
            trigger: order.trigger,
            shift: order.shift.clone(),
            verdict,
            valid_until,
            took,
            findings: findings.into(),
            fault: fault.into(),
            readings: readings.into(),
            changes: Vec::new().into(),
        };
        let (reporter, remember, now) = (self.reporter.clone(), order.remember, self.now());
        self.store
            .run(move |store| {
                let mut readiness = readiness;
                if remember {
                    learn(&reporter, &readiness.readings, now)?;
                }
                readiness.changes = since_last_good_shift(store)?.into();
                if remember {
                    reporter.report(Some(verdict), Body::Readiness(readiness.clone()))?;
                }
                Ok(readiness)
            })
            .await
    }
}

/// Why a profile cannot be used with the policy in force, for the agent.
pub fn does_not_fit(error: &PolicyError) -> String {
    format!("the profile and the policy in force do not go together: {error}")
}

fn why_left_out(why: NotChecked) -> bool {
    matches!(why, NotChecked::NotAsked | NotChecked::Offline)
}

/// Takes facts into the snapshot, and reports what changed. Blocks.
pub fn learn(reporter: &Reporter, readings: &[Reading], now: UnixMs) -> Result<Vec<Change>, store::Error> {
    let store = reporter.store();
    let facts = readings.iter().find_map(|r| match r.measured() {
        Some(Value::Environment(facts)) => Some(facts),
        _ => None,
    });
    let Some(facts) = facts else { return Ok(Vec::new()) };
    let mut snapshot = Snapshot::from(store.snapshot()?.as_slice());
    let later = Snapshot::from(&facts[..]);
    let changes = snapshot.advance(&later, now);
    store.replace_snapshot(&snapshot.facts(), &changes)?;
    if !changes.is_empty() {
        reporter.report(None, Body::Change(changes.clone().into()))?;
    }
    Ok(changes)
}

/// What changed since the last good shift; nothing if there was none yet. Blocks.
pub fn since_last_good_shift(store: &Store) -> Result<Vec<Change>, store::Error> {
    match store.get(keys::LAST_GOOD_SHIFT)? {
        Some(shift) => store.changes(shift.at, CHANGES),
        None => Ok(Vec::new()),
    }
}

/// The verdict of the last check that was remembered, and when. Blocks.
pub fn last_verdict(store: &Store) -> Result<Option<(UnixMs, Verdict)>, store::Error> {
    let wanted = store::Wanted { last: Some(1), kinds: &["readiness"], ..store::Wanted::default() };
    Ok(store.history(&wanted)?.pop().and_then(|e| Some((e.at, e.verdict?))))
}

/// What a desk goes by: the collector's word, or what is built in. Blocks.
pub fn in_force(store: &Store, identity: &Identity) -> Result<InForce, store::Error> {
    InForce::load(store, identity.enrolment().is_some())
}

/// The wall clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMs::new(since.map_or(0, |d| d.as_millis() as i64))
    })
}
