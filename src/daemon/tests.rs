//! The end of a daemon in which something hangs. The test's own program is started again as that daemon.

use super::*;
use crate::{
    config::{Flags, Settings},
    control::{Answer, CheckRequest, Client, ConsentUse, Lock, Replies, Request, Step, Successor},
    desk,
    probe::{Medium, Probe},
};
use std::{path::Path, process, time::Instant};
use telemetry::NotChecked;

/// Says in which folder, and how it hangs, in the daemon that the test starts.
const FOLDER: &str = "PRESHIFT_TEST_HANGING_DAEMON";
const HOW: &str = "PRESHIFT_TEST_HOW_IT_HANGS";
const DEADLINE: Duration = Duration::from_secs(60);

fn for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// A blocked thread, which no task can cancel.
const ON_A_THREAD: Probe = Probe {
    id: ProbeId::Load,
    medium: Medium::Local,
    timeout: |_| Duration::from_secs(100),
    run: |_| Box::pin(async { tokio::task::spawn_blocking(|| for_ever()).await.unwrap() }),
};

/// A mistake: the daemon's only thread is blocked, and with it everything else.
const ON_THE_LOOP: Probe = Probe { run: |_| Box::pin(async { for_ever() }), ..ON_A_THREAD };

fn settings(folder: &Path) -> Arc<Settings> {
    let flags = Flags { data_dir: Some(folder.into()), ..Flags::default() };
    Arc::new(Settings::load_from(None, &|_| None, &flags).unwrap())
}

/// What `preshift run` does, with a probe that hangs.
fn become_daemon(folder: &Path) -> ! {
    let stop = watch_for_stop().unwrap();
    let probe = if std::env::var_os(HOW).unwrap() == "loop" { ON_THE_LOOP } else { ON_A_THREAD };
    let runtime = runtime().unwrap();
    runtime.block_on(async {
        let lock = Lock::take(folder).unwrap();
        let desk = Desk::open_with(settings(folder), lock, desk::system_clock(), &[probe]).unwrap();
        run(desk, stop, None).await.unwrap();
    });
    leave(runtime);
    process::exit(0)
}

/// Waits until the daemon answers nobody any more.
async fn until_silent(folder: &Path) {
    let patience = Duration::from_millis(500);
    while let Ok(client) = Client::connect(folder).await {
        if tokio::time::timeout(patience, client.ask(Request::Status, |_| ())).await.is_err() {
            return;
        }
    }
}

fn ends_in_time(name: &str, how: &str) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        become_daemon(Path::new(&folder));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, dir.path())
        .env(HOW, how)
        .stdout(process::Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    crate::daemon::runtime().unwrap().block_on(async {
        let client = loop {
            match Client::connect(dir.path()).await {
                Ok(client) => break client,
                Err(_) => assert!(began.elapsed() < DEADLINE, "the daemon does not answer"),
            }
            tokio::task::yield_now().await;
        };
        let (started, mut has_started) = mpsc::unbounded_channel();
        let asks = client.ask(Request::Check(CheckRequest::default()), |step| {
            if matches!(step, Step::Started(_)) {
                let _ = started.send(());
            }
        });
        tokio::select! {
            answer = asks => panic!("it cannot end: {answer:?}"),
            // A loop that hangs cannot even say that it started something.
            _ = has_started.recv(), if how != "loop" => {}
            () = until_silent(dir.path()), if how == "loop" => {}
        }
    });
    let told = Instant::now();
    // SAFETY: the process is our own child and was not waited for yet.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    let status = child.wait().unwrap();
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
    assert_eq!(status.code(), Some(0));
    // The store is sound, and can be owned again.
    let lock = Lock::take_within(dir.path(), DEADLINE).unwrap();
    let again = Desk::open(settings(dir.path()), lock, desk::system_clock()).unwrap();
    assert!(!again.store.untold_reset().unwrap());
}

#[test]
fn a_probe_that_hangs_on_a_thread_does_not_delay_the_end() {
    ends_in_time("daemon::tests::a_probe_that_hangs_on_a_thread_does_not_delay_the_end", "thread");
}

#[test]
fn a_loop_that_hangs_does_not_delay_the_end() {
    ends_in_time("daemon::tests::a_loop_that_hangs_does_not_delay_the_end", "loop");
}

/// A microphone that is held open until it is cancelled.
const HELD: Probe = Probe {
    id: ProbeId::Noise,
    medium: Medium::Microphone,
    timeout: |_| Duration::from_secs(100),
    run: |_| Box::pin(std::future::pending()),
};

/// A daemon in the middle of a shift, whose agent agreed to the microphone between calls.
async fn in_a_shift(folder: &Path) -> Daemon {
    let lock = Lock::take(folder).unwrap();
    let desk = Desk::open_with(settings(folder), lock, desk::system_clock(), &[HELD]).unwrap();
    desk.consent(ConsentUse::Background, true).unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let shift = readiness::Shift {
        id: "early".parse().unwrap(),
        begin: now.checked_sub(hour).unwrap(),
        end: now.checked_add(hour).unwrap(),
        zone: "UTC".into(),
    };
    let policy = Policy::builtin();
    let assignment =
        readiness::Assignment { team: "demo".parse().unwrap(), policy: policy.clone(), shifts: vec![shift] };
    let in_force = InForce { policy: Arc::new(policy), assignment: Some(Arc::new(assignment)), digest: None };
    Daemon::start(Arc::new(desk), in_force).await.unwrap()
}

async fn command(daemon: &mut Daemon, request: Request) {
    let (replies, mut answers) = Replies::channel();
    daemon.command(Asked { request, replies }).await;
    assert_eq!(answers.recv().await, Some(Answer::Done));
}

fn check_of_the_shift() -> Due {
    Due::Check { trigger: Trigger::Logon, shift: "early".parse().unwrap() }
}

#[tokio::test]
async fn a_withdrawn_consent_closes_the_microphone_at_once_and_keeps_it_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = in_a_shift(dir.path()).await;
    let now = moment(&daemon.desk);
    assert_eq!(daemon.microphone(now.utc), Ok(()));
    for due in [Due::Routine(vec![ProbeId::Noise]), check_of_the_shift()] {
        command(&mut daemon, Request::Consent { about: ConsentUse::Background, given: true }).await;
        daemon.begin(due, &now);
        let held = tokio::time::timeout(Duration::from_millis(50), work::progress(&mut daemon.work)).await;
        assert!(held.is_err() && daemon.work.is_some(), "it is open");
        command(&mut daemon, Request::Consent { about: ConsentUse::Background, given: false }).await;
        assert!(daemon.work.is_none(), "it is closed");
    }
    daemon.begin(check_of_the_shift(), &now);
    assert!(!daemon.work.as_ref().unwrap().background_microphone, "a check goes on without it");
    assert!(!daemon.as_desk(now.utc).microphone, "and the schedule does not ask for it");
}

#[tokio::test]
async fn a_pause_closes_the_microphone_and_outside_a_shift_it_stays_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = in_a_shift(dir.path()).await;
    let now = moment(&daemon.desk);
    daemon.begin(Due::Routine(vec![ProbeId::Noise]), &now);
    command(&mut daemon, Request::Pause { until: now.utc.plus_ms(60_000) }).await;
    assert!(daemon.work.is_none());
    assert_eq!(daemon.microphone(now.utc), Err(NotChecked::Paused));
    command(&mut daemon, Request::Resume).await;
    assert_eq!(daemon.microphone(now.utc), Ok(()));
    let after = now.utc.plus_ms(2 * 3_600_000);
    assert_eq!(daemon.microphone(after), Err(NotChecked::OutsideShift));
    daemon.go_by(InForce::builtin());
    assert_eq!(daemon.microphone(now.utc), Err(NotChecked::OutsideShift), "without a shift there is none");
}

#[tokio::test]
async fn what_the_agent_asks_for_goes_before_the_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = in_a_shift(dir.path()).await;
    let now = moment(&daemon.desk);
    daemon.begin(Due::Routine(vec![ProbeId::Noise]), &now);
    let (replies, answers) = Replies::channel();
    daemon.command(Asked { request: Request::Check(CheckRequest::default()), replies }).await;
    daemon.work = daemon.next_waiting();
    let work = daemon.work.as_ref().expect("it begins at once");
    assert!(work.is_for_agent() && !work.background_microphone);
    // The agent's own check is not closed by a pause: starting it is the agent's act.
    command(&mut daemon, Request::Pause { until: now.utc.plus_ms(60_000) }).await;
    assert!(daemon.work.is_some());
    // The window was closed: so is the microphone.
    drop(answers);
    let done = tokio::time::timeout(DEADLINE, work::progress(&mut daemon.work)).await;
    assert!(matches!(done, Ok(Done::Abandoned)));
}

#[tokio::test]
async fn a_new_version_waits_for_the_shift_for_what_is_measured_and_for_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = in_a_shift(dir.path()).await;
    let now = moment(&daemon.desk);
    let version: telemetry::Version = "0.2.0".parse().unwrap();
    daemon.upgrade = Upgrade::ready(version.clone());
    let end = daemon.shifts[0].span.end;
    let (replies, mut answers) = Replies::channel();
    daemon.command(Asked { request: Request::Status, replies }).await;
    let Some(Answer::Status(status)) = answers.recv().await else { panic!("no status") };
    assert_eq!(status.successor, Some(Successor { version, after: Some(end) }));
    assert!(daemon.successor(true).is_none(), "a shift is on");
    // A pause changes nothing about the shift.
    command(&mut daemon, Request::Pause { until: now.utc.plus_ms(60_000) }).await;
    assert!(daemon.successor(true).is_none());

    daemon.go_by(InForce::builtin());
    assert!(daemon.successor(true).is_some(), "nothing is in the way");
    assert!(daemon.successor(false).is_none(), "somebody asks");
    daemon.begin(Due::Routine(vec![ProbeId::Noise]), &now);
    assert!(daemon.successor(true).is_none(), "something is measured");
    daemon.work = None;
    let (replies, _answers) = Replies::channel();
    daemon.command(Asked { request: Request::Check(CheckRequest::default()), replies }).await;
    assert!(daemon.successor(true).is_none(), "a check waits");
    daemon.waiting.clear();
    let answering = daemon.answering.clone();
    assert!(daemon.successor(true).is_none(), "a command is being answered");
    drop(answering);
    assert!(daemon.successor(true).is_some());
    // Without a version that was tried there is nothing to take over to.
    daemon.upgrade = Upgrade::watch(Program::of_this_process().ok(), now.boot);
    assert!(daemon.successor(true).is_none());
}

#[tokio::test]
async fn the_line_is_loaded_by_the_first_check_before_a_shift_and_by_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = in_a_shift(dir.path()).await;
    let now = moment(&daemon.desk);
    let early: Id = "early".parse().unwrap();
    assert!(!daemon.may_load_the_line(&early, &now), "the shift has begun");
    let before = Moment { utc: daemon.shifts[0].span.begin.plus_ms(-60_000), ..now };
    assert!(daemon.may_load_the_line(&early, &before));
    assert!(!daemon.may_load_the_line(&"late".parse().unwrap(), &before), "there is no such shift");
    // It was checked: to look again until it is ready must not cost its data again.
    let (shifts, pre) = (daemon.shifts.clone(), daemon.policy.schedule.pre_shift_minutes);
    daemon.last.checked(&before, &shifts, pre, false);
    assert!(!daemon.may_load_the_line(&early, &before));
}
