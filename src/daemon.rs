//! `preshift run`: the loop that measures by schedule, answers commands and delivers.
//!
//! One thing is measured at a time. Whatever the agent asks for goes before what the schedule
//! wants. Owns when things happen to this desk; what a reading means is the judge's, and what
//! leaves is `report`'s. Nothing here waits without an end.

mod commands;
mod stop;
mod upgrade;
mod watching;
mod work;

pub(crate) use commands::said;
pub use stop::{GRACE, Stop, watch as watch_for_stop};
pub use upgrade::Program;

use crate::{
    control::{Answer, Asked, Next, Request, Server},
    deliver::{Deliverer, InForce, Presets},
    desk::Desk,
    environment::{Fingerprint, Places},
    platform::clock,
    random::Random,
    report::Reporter,
    schedule::{self, Due, Last, Moment, Pause, Planned},
    store::{self, Entry, LastGoodShift, Store, Wanted, keys},
};
use readiness::{Judged, Policy, last_good_shift};
use std::{sync::Arc, time::Duration};
use telemetry::{
    Body, Consent, Episode, Event, EventKind, Id, ProbeId, Seconds, Severity, Trigger, UnixMs, Verdict,
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
};
use upgrade::Upgrade;
use watching::Watching;
use work::{Done, Waiting, Work};

/// Commands that wait for the loop; a person has fewer windows.
const REQUESTS: usize = 8;
/// A check this fresh is not repeated because the daemon was started again.
const FRESH: Duration = Duration::from_secs(300);
/// How far back judgements matter to whether a shift was good.
const LONGEST_SHIFT_MS: i64 = 26 * 3_600_000;
/// The environment is looked over this often at most, however often the loop goes round.
const LOOKS_APART: Duration = Duration::from_secs(10);
/// What is looked at when something of the environment moved.
const LOOK: [ProbeId; 3] = [ProbeId::Link, ProbeId::AudioDevices, ProbeId::Environment];

/// Threads for what can block: a store, a look at the system. Each that hangs is one less.
const BLOCKING_THREADS: usize = 8;
/// An idle daemon keeps no thread for later.
const KEEP_THREADS: Duration = Duration::from_secs(2);
/// How long what is in a thread may take to end with the daemon.
const LEAVE: Duration = Duration::from_millis(100);

/// Why the daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed at the start.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Commands cannot be answered.
    #[error("commands could not be listened for")]
    Control(#[source] std::io::Error),
}

/// The runtime of the daemon: one thread for what never blocks, a few for what can.
pub fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(KEEP_THREADS)
        .build()
}

/// Ends the runtime. What hangs in it is left to the end of the process.
pub fn leave(runtime: Runtime) {
    runtime.shutdown_timeout(LEAVE);
}

/// Why the daemon ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Told,
    /// A new version of it was installed, which is to go on.
    For(Box<Program>),
}

/// Runs until it is told to stop, or until another version may take the place of `program`.
pub async fn run(desk: Desk, mut stop: Stop, program: Option<Program>) -> Result<Ended, RunError> {
    let server = Server::bind(&desk.settings.data_dir).map_err(RunError::Control)?;
    let deliverer = Deliverer::new(desk.reporter.clone(), desk.delivery(), Random::system())?;
    let mut in_force = deliverer.in_force();
    let files = desk.settings.enrolment_files.clone();
    let presets = Presets::new(desk.reporter.clone(), desk.delivery(), Random::system(), files);
    let nudge = deliverer.nudge().and(presets.nudge());
    let (end_presets, presets_end) = oneshot::channel::<()>();
    let enrolling = tokio::spawn(presets.run(async {
        let _ = presets_end.await;
    }));
    let (end_delivery, delivery_ends) = oneshot::channel::<()>();
    let delivery = tokio::spawn(deliverer.run(async {
        let _ = delivery_ends.await;
    }));
    let (to, mut requests) = mpsc::channel::<Asked>(REQUESTS);
    let serving = tokio::spawn(server.serve(to));
    let mut daemon = Daemon::start(Arc::new(desk), in_force.borrow_and_update().clone()).await?;
    daemon.upgrade = Upgrade::watch(program, clock::since_boot());
    tracing::info!("measuring by schedule");
    let ended = loop {
        let wait = daemon.tick(&nudge).await;
        if let Some(program) = daemon.successor(requests.is_empty()) {
            tracing::info!("the new version takes over");
            stop::end_within(GRACE, program.clone(), stop.clone());
            break Ended::For(Box::new(program));
        }
        tokio::select! {
            biased;
            () = stop.requested() => break Ended::Told,
            Some(asked) = requests.recv() => match asked.request {
                Request::Stop => {
                    asked.replies.send(Answer::Done);
                    stop.now();
                }
                _ => daemon.command(asked).await,
            },
            done = work::progress(&mut daemon.work) => daemon.finish(done).await,
            Ok(()) = in_force.changed() => daemon.go_by(in_force.borrow_and_update().clone()),
            () = daemon.upgrade.progress() => {}
            () = tokio::time::sleep(wait) => {}
        }
    };
    daemon.end().await;
    let _ = end_presets.send(());
    let _ = end_delivery.send(());
    let _ = enrolling.await;
    let _ = delivery.await;
    serving.abort();
    tracing::info!("ended");
    Ok(ended)
}

/// The state of the loop.
struct Daemon {
    desk: Arc<Desk>,
    policy: Arc<Policy>,
    shifts: Vec<Planned>,
    /// Shifts whose window was open, until it is known how they were.
    open: Vec<Planned>,
    consent: Consent,
    pause: Pause,
    seed: u64,
    since: UnixMs,
    started: Duration,
    before: Moment,
    last: Last,
    woke: Option<Duration>,
    changed: Option<Duration>,
    /// Something of the environment moved: look at it from then on.
    look: Option<Duration>,
    fingerprint: Option<Fingerprint>,
    looked: Duration,
    watching: Watching,
    verdict: Option<(UnixMs, Verdict)>,
    work: Option<Work>,
    waiting: Vec<Waiting>,
    /// Held by each command that is being answered beside the loop.
    answering: Arc<()>,
    upgrade: Upgrade,
}

impl Daemon {
    async fn start(desk: Arc<Desk>, in_force: InForce) -> Result<Self, store::Error> {
        let now = moment(&desk);
        let reporter = desk.reporter.clone();
        let Known { consent, pause, verdict, fresh } =
            desk.store.run(move |_| take_over(&reporter, now.utc)).await?;
        let seed = u64::from_str_radix(&desk.identity.hash("schedule").as_str()[..16], 16).unwrap_or(0);
        let mut daemon = Self {
            policy: in_force.policy.clone(),
            shifts: Vec::new(),
            open: Vec::new(),
            since: now.utc,
            started: now.boot,
            before: now,
            last: Last::default(),
            woke: None,
            changed: None,
            look: None,
            fingerprint: None,
            looked: Duration::ZERO,
            watching: Watching::default(),
            work: None,
            waiting: Vec::new(),
            answering: Arc::new(()),
            upgrade: Upgrade::watch(None, now.boot),
            desk,
            consent,
            pause,
            seed,
            verdict,
        };
        daemon.go_by(in_force);
        // Of shifts that ended while no daemon ran, it can be told now how they were.
        daemon.open = daemon.shifts.clone();
        // A daemon that is started again and again must not check again and again.
        if let (Some((shift, ready)), Some(open)) = (fresh, daemon.window(now.utc))
            && open.id == shift
        {
            let pre = daemon.policy.schedule.pre_shift_minutes;
            daemon.last.checked(&now, &daemon.shifts, pre, ready);
        }
        Ok(daemon)
    }

    /// A policy and shifts take effect.
    fn go_by(&mut self, in_force: InForce) {
        self.policy = in_force.policy;
        self.shifts = in_force.assignment.map(|a| Planned::from_shifts(&a.shifts)).unwrap_or_default();
        tracing::info!(policy = %self.policy.id, version = self.policy.version, shifts = self.shifts.len(), "goes by");
    }

    /// Looks at the clocks, starts what is due, and says how long to wait.
    async fn tick(&mut self, nudge: &crate::deliver::Nudge) -> Duration {
        let now = moment(&self.desk);
        self.notice(&now, nudge).await;
        if self.window(now.utc).is_none() {
            self.end_episodes(now.utc).await;
        }
        self.close_shifts(now.utc).await;
        self.look_around(&now).await;
        self.upgrade.look(now.boot).await;
        if let Some(next) = self.next_waiting() {
            self.work = Some(next);
        }
        let decision = schedule::decide(&now, &self.as_desk(now.utc));
        if self.work.is_some() || self.successor(true).is_some() {
            return schedule::LONGEST_WAIT;
        }
        if let Some(due) = decision.due.or_else(|| self.due_look(&now)) {
            self.begin(due, &now);
            return schedule::LONGEST_WAIT;
        }
        let until = |at: Option<Duration>| at.map(|at| at.saturating_sub(now.boot));
        let shift_ends = self.upgrade.version().and_then(|_| self.waits_until(now.utc));
        let shift_ends = shift_ends.map(|end| Duration::from_millis(end.since_ms(now.utc).max(0) as u64));
        let soonest = [until(self.look), until(self.upgrade.next_look()), shift_ends];
        soonest.into_iter().flatten().fold(decision.wait, Duration::min)
    }

    /// The end of the shift that a new version would have to wait for.
    fn waits_until(&self, now: UnixMs) -> Option<UnixMs> {
        schedule::waits_until(now, &self.shifts, self.policy.schedule.pre_shift_minutes)
    }

    /// What takes over now: a new version, if there is one and nothing would be interrupted.
    fn successor(&self, nobody_asks: bool) -> Option<Program> {
        let free = nobody_asks && !self.is_busy() && self.waits_until(self.desk.now()).is_none();
        self.upgrade.successor().filter(|_| free)
    }

    fn as_desk(&self, now: UnixMs) -> schedule::Desk<'_> {
        schedule::Desk {
            schedule: &self.policy.schedule,
            shifts: &self.shifts,
            pause: self.pause,
            microphone: self.microphone(now).is_ok(),
            seed: self.seed,
            started: self.started,
            last: &self.last,
            woke: self.woke,
            changed: self.changed,
        }
    }

    fn window(&self, now: UnixMs) -> Option<&Planned> {
        self.shifts.iter().rev().find(|s| s.covers(now, self.policy.schedule.pre_shift_minutes))
    }

    /// Whether the microphone may be opened by the daemon itself at this moment.
    fn microphone(&self, now: UnixMs) -> Result<(), telemetry::NotChecked> {
        let allowed = self.policy.microphone.background;
        schedule::microphone(&self.consent, allowed, self.window(now).is_some(), self.pause.holds(now))
    }

    /// A sleep and a set clock are events, and end what was being watched.
    async fn notice(&mut self, now: &Moment, nudge: &crate::deliver::Nudge) {
        let noticed = schedule::notice(&self.before, now);
        let before = std::mem::replace(&mut self.before, *now);
        if let Some(slept) = noticed.slept {
            self.end_episodes(before.utc).await;
            self.event(EventKind::Suspended, Some(slept)).await;
            // What ran across a sleep measured the sleep. What the agent asked for is asked again.
            if self.work.as_ref().is_some_and(|w| !w.is_for_agent()) {
                self.work = None;
            }
            if slept >= schedule::SLEEP_MATTERS {
                self.woke = Some(now.boot);
            }
            nudge.nudge();
        }
        if let Some(jumped) = noticed.jumped_ms {
            self.end_episodes(before.utc).await;
            self.event(EventKind::ClockJump, Some(Duration::from_millis(jumped.unsigned_abs()))).await;
        }
    }

    /// Whether something of the environment moved since the last time.
    async fn look_around(&mut self, now: &Moment) {
        let paused = self.pause.holds(now.utc) && self.window(now.utc).is_none();
        if paused || self.work.is_some() || now.boot < self.looked + LOOKS_APART {
            return;
        }
        self.looked = now.boot;
        let utc = now.utc;
        let taken = tokio::task::spawn_blocking(move || Fingerprint::take(&Places::here(), utc)).await;
        let Ok(taken) = taken else { return };
        let before = self.fingerprint.replace(taken);
        if before.is_some_and(|before| before != taken) && self.look.is_none() {
            self.look = Some(now.boot + schedule::CHANGE_SETTLE);
        }
    }

    fn due_look(&mut self, now: &Moment) -> Option<Due> {
        self.look.filter(|at| *at <= now.boot).map(|_| Due::Routine(LOOK.to_vec()))
    }

    fn begin(&mut self, due: Due, now: &Moment) {
        match due {
            Due::Check { trigger, shift } => {
                let mut plan = crate::supervisor::Plan::all();
                if let Err(why) = self.microphone(now.utc) {
                    plan.skip(ProbeId::Noise, why);
                }
                // Once for each shift, before it begins: it is felt on the line, and takes data.
                if !self.may_load_the_line(&shift, now) {
                    plan.run.retain(|p| *p != ProbeId::Responsiveness);
                }
                let order =
                    crate::desk::Order { trigger, shift: Some(shift), plan, remember: true, profile: None };
                tracing::info!(?trigger, "checking");
                self.work = Some(Work::check(self.desk.clone(), self.policy.clone(), order, None, *now));
            }
            Due::Routine(probes) => {
                if probes.contains(&ProbeId::Environment) {
                    self.look = None;
                }
                self.last.measured(now, &probes);
                self.work = Some(Work::measure(self.desk.clone(), self.policy.clone(), probes, *now));
            }
        }
    }

    /// Whether this is the first check of a shift that has not begun.
    fn may_load_the_line(&self, shift: &Id, now: &Moment) -> bool {
        let next = self.shifts.iter().find(|s| s.id == *shift && now.utc < s.span.begin);
        next.is_some_and(|s| !self.last.checked.iter().any(|c| c.shift == s.id && c.begin == s.span.begin))
    }

    /// Takes in what a piece of work led to.
    async fn finish(&mut self, done: Done) {
        let Some(work) = self.work.take() else { return };
        let now = self.desk.now();
        match done {
            Done::Checked(Ok(readiness)) => {
                if work.remembers() {
                    self.woke = None;
                    self.changed = None;
                    self.look = None;
                    self.verdict = Some((now, readiness.verdict));
                    let ready = readiness.verdict == Verdict::Ready;
                    let pre = self.policy.schedule.pre_shift_minutes;
                    self.last.checked(&work.began, &self.shifts, pre, ready);
                    tracing::info!(verdict = ?readiness.verdict, "checked");
                    self.watch(now, &readiness.readings, false).await;
                }
                work.answer(Ok(readiness));
            }
            Done::Checked(Err(error)) => {
                tracing::error!(%error, "a check could not be kept");
                if work.remembers() {
                    // It is not tried again at once: the disk that failed needs time, or somebody.
                    self.woke = None;
                    self.changed = None;
                    let pre = self.policy.schedule.pre_shift_minutes;
                    self.last.checked(&work.began, &self.shifts, pre, false);
                }
                work.answer(Err(error));
            }
            Done::Measured(Ok((readings, changes))) => {
                let moved = !changes.is_empty();
                self.watch(now, &readings, moved).await;
            }
            Done::Measured(Err(error)) => tracing::error!(%error, "a measurement could not be kept"),
            // The command that asked went away.
            Done::Abandoned => {}
        }
    }

    /// Judges in between, inside a window only; outside nobody waits for calls.
    async fn watch(&mut self, now: UnixMs, readings: &[telemetry::Reading], moved: bool) {
        if self.window(now).is_none() {
            return;
        }
        let seen = self.watching.take(&self.policy, now, readings);
        if moved || seen.matters {
            self.changed = Some(clock::since_boot());
        }
        self.report(seen.episodes.into_iter().map(Body::Episode).collect()).await;
    }

    async fn end_episodes(&mut self, at: UnixMs) {
        let ended = self.watching.end(at);
        self.report(ended.into_iter().map(Body::Episode).collect()).await;
    }

    /// Remembers how shifts were that are over by now.
    async fn close_shifts(&mut self, now: UnixMs) {
        let (over, open): (Vec<Planned>, _) =
            std::mem::take(&mut self.open).into_iter().partition(|s| s.span.end <= now);
        self.open = open;
        let pre = self.policy.schedule.pre_shift_minutes;
        for shift in self.shifts.iter().filter(|s| s.covers(now, pre)) {
            if !self.open.contains(shift) {
                self.open.push(shift.clone());
            }
        }
        if over.is_empty() {
            return;
        }
        let kept = self.desk.store.run(move |store| remember_good(store, &over, now)).await;
        if let Err(error) = kept {
            tracing::error!(%error, "how the shift was could not be kept");
        }
    }

    async fn event(&self, event: EventKind, lasted: Option<Duration>) {
        let duration = lasted.map(|d| Seconds::new(d.as_secs_f64()));
        self.report(vec![Body::Event(Event { event, duration, count: None })]).await;
    }

    async fn report(&self, bodies: Vec<Body>) {
        if bodies.is_empty() {
            return;
        }
        let reporter = self.desk.reporter.clone();
        let kept = self
            .desk
            .store
            .run(move |_| bodies.into_iter().try_for_each(|body| reporter.report(None, body).map(drop)));
        if let Err(error) = kept.await {
            tracing::error!(%error, "a report could not be kept");
        }
    }

    /// The next shift, for whoever asks.
    fn next(&self, now: UnixMs) -> Option<Next> {
        let shift = self.shifts.iter().find(|s| s.span.end > now)?;
        Some(Next {
            shift: shift.id.clone(),
            begin: shift.span.begin,
            end: shift.span.end,
            opens: shift.opens(self.policy.schedule.pre_shift_minutes),
        })
    }

    /// Ends in order. The thread in `stop` ends what does not.
    async fn end(mut self) {
        self.work = None;
        self.waiting.clear();
        self.end_episodes(self.desk.now()).await;
        self.event(EventKind::Stopped, None).await;
    }
}

/// The three clocks now.
fn moment(desk: &Desk) -> Moment {
    Moment { utc: desk.now(), awake: clock::awake(), boot: clock::since_boot() }
}

/// What the store tells a daemon that starts. Blocks.
struct Known {
    consent: Consent,
    pause: Pause,
    verdict: Option<(UnixMs, Verdict)>,
    /// The shift of a check that was made just before, and whether the desk was ready.
    fresh: Option<(Id, bool)>,
}

/// Tells what is left to tell of the daemon before, that this one started, and what it knows. Blocks.
fn take_over(reporter: &Reporter, now: UnixMs) -> Result<Known, store::Error> {
    let store = reporter.store();
    let last_seen = store.history(&Wanted { last: Some(1), ..Wanted::default() })?.pop();
    for episode in unended(store, now)? {
        let end = last_seen.as_ref().map_or(now, |e| e.at).max(episode.begin);
        reporter.report(None, Body::Episode(Episode { end: Some(end), ..episode }))?;
    }
    reporter.event(EventKind::Started)?;
    let mut known = Known {
        consent: store.get(keys::CONSENT)?.unwrap_or_default(),
        pause: Pause::from_stored(store.get(keys::PAUSED_UNTIL)?),
        verdict: None,
        fresh: None,
    };
    let last = store.history(&Wanted { last: Some(1), kinds: &["readiness"], ..Wanted::default() })?.pop();
    if let Some(Entry { at, verdict, body: Body::Readiness(readiness) }) = last {
        known.verdict = verdict.map(|v| (at, v));
        let age = now.since_ms(at);
        if (0..FRESH.as_millis() as i64).contains(&age) {
            known.fresh = readiness.shift.map(|shift| (shift, readiness.verdict == Verdict::Ready));
        }
    }
    Ok(known)
}

/// Episodes that a daemon before this one began and, being killed, never ended. Blocks.
fn unended(store: &Store, now: UnixMs) -> Result<Vec<Episode>, store::Error> {
    let since = Some(now.plus_ms(-LONGEST_SHIFT_MS));
    let mut open: Vec<Episode> = Vec::new();
    for entry in store.history(&Wanted { since, kinds: &["episode"], ..Wanted::default() })? {
        let Body::Episode(episode) = entry.body else { continue };
        open.retain(|o| {
            (o.finding.code, &o.finding.target) != (episode.finding.code, &episode.finding.target)
        });
        if episode.end.is_none() {
            open.push(episode);
        }
    }
    Ok(open)
}

/// Notes the last of these shifts that was good. Blocks.
fn remember_good(store: &Store, over: &[Planned], now: UnixMs) -> Result<(), store::Error> {
    let Some(first) = over.iter().map(|s| s.span.begin).min() else { return Ok(()) };
    let wanted = Wanted {
        since: Some(first.plus_ms(-LONGEST_SHIFT_MS)),
        kinds: &["readiness", "episode"],
        ..Wanted::default()
    };
    let judged: Vec<Judged> = store
        .history(&wanted)?
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::Readiness(r) => Some(Judged::new(entry.at, r.valid_until, r.verdict, &r.findings)),
            Body::Episode(e) if e.severity == Severity::Blocking => {
                let verdict = Verdict::NotReady;
                Some(Judged { at: entry.at, valid_until: entry.at, verdict, blocking: true })
            }
            _ => None,
        })
        .collect();
    let spans: Vec<_> = over.iter().map(|s| s.span).collect();
    let Some(good) = last_good_shift(&spans, &judged, now) else { return Ok(()) };
    let Some(shift) = over.iter().find(|s| s.span == good) else { return Ok(()) };
    if store.get(keys::LAST_GOOD_SHIFT)?.is_none_or(|before: LastGoodShift| before.at < good.begin) {
        store.set(keys::LAST_GOOD_SHIFT, &LastGoodShift { shift: shift.id.clone(), at: good.begin })?;
    }
    Ok(())
}

/// Whether a check was asked for by the agent.
fn for_agent(trigger: Trigger) -> bool {
    trigger == Trigger::SelfCheck
}

#[cfg(all(test, unix))]
mod tests;
