//! Enrolling by a file, against a collector: what is tried, how often, and what becomes of the file.

use super::server::{Server, Trick};
use crate::{
    config::EnrolmentFile,
    deliver::*,
    identity::Identity,
    random::Random,
    report::Reporter,
    store::{Store, keys},
};
use readiness::Policy;
use std::{path::PathBuf, sync::Arc, time::Duration};
use telemetry::{ErrorCode, UnixMs};

const CODE: &str = "abcde-fghjk-mnpqr-stuvw-xyz23";
const OTHER: &str = "zzzzz-fghjk-mnpqr-stuvw-xyz23";

struct Desk {
    dir: tempfile::TempDir,
    server: Server,
    identity: Arc<Identity>,
    store: Store,
    reporter: Reporter,
}

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start().await;
        server.with(|s| s.code = Some(CODE.into()));
        let clock: crate::probe::Clock = Arc::new(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            UnixMs::new(now.as_millis() as i64)
        });
        let data = dir.path().join("data");
        let identity = Arc::new(Identity::open(&data, &Random::system()).unwrap());
        let store = Store::open(&data, clock).unwrap();
        let reporter = Reporter::new(store.clone(), identity.clone(), Policy::builtin().reference());
        Self { dir, server, identity, store, reporter }
    }

    fn file(&self, own: bool) -> EnrolmentFile {
        EnrolmentFile { path: self.dir.path().join(if own { "own.toml" } else { "system.toml" }), own }
    }

    fn write(&self, own: bool, code: &str) -> PathBuf {
        let path = self.file(own).path;
        std::fs::write(&path, format!("collector = \"{}\"\ncode = \"{code}\"\n", self.server.url)).unwrap();
        path
    }

    /// As a daemon that just started.
    fn presets(&self) -> Presets {
        let settings = Settings {
            connect: Duration::from_secs(2),
            whole: Duration::from_secs(2),
            // So long that nothing is tried again in a test that does not say so.
            pace: Pace { first: Duration::from_secs(900), most: Duration::from_secs(900), ..Pace::default() },
            ..Settings::default()
        };
        let files = vec![self.file(true), self.file(false)];
        Presets::new(self.reporter.clone(), settings, Random::seeded(1), files)
    }

    fn asked(&self) -> usize {
        self.server.with(|s| s.asked("/v1/enroll"))
    }

    fn status(&self) -> Option<PresetStatus> {
        self.store.get(keys::PRESET).unwrap()
    }

    fn enrolled(&self) -> bool {
        self.identity.enrolment().is_some()
    }
}

#[tokio::test]
async fn the_users_own_file_is_used_first_and_deleted_and_the_administrators_stays() {
    let desk = Desk::new().await;
    let (own, system) = (desk.write(true, CODE), desk.write(false, OTHER));
    desk.presets().look().await.unwrap();
    assert!(desk.enrolled());
    assert!(!own.exists() && system.exists());
    assert_eq!(desk.status(), None);

    let desk = Desk::new().await;
    let system = desk.write(false, CODE);
    desk.presets().look().await.unwrap();
    assert!(desk.enrolled() && system.exists());
    // Nothing more is asked, whatever lies there.
    let own = desk.write(true, OTHER);
    desk.presets().look().await.unwrap();
    assert_eq!(desk.asked(), 1);
    assert!(own.exists(), "it was not used");
}

#[tokio::test]
async fn a_file_whose_desk_was_enrolled_just_before_the_power_went_is_deleted_at_the_next_start() {
    let desk = Desk::new().await;
    let path = desk.write(true, CODE);
    let before = std::fs::read(&path).unwrap();
    desk.server.play(Trick::LoseAnswer);
    desk.presets().look().await.unwrap();
    let status = desk.status();
    desk.presets().look().await.unwrap();
    assert!(desk.enrolled() && !path.exists());
    desk.store.set(keys::PRESET, &status.unwrap()).unwrap();
    std::fs::write(&path, before).unwrap();
    desk.presets().look().await.unwrap();
    assert!(!path.exists());
    assert_eq!(desk.status(), None);
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_and_waited_for() {
    let desk = Desk::new().await;
    desk.write(false, CODE);
    let mut presets = desk.presets();
    desk.server.play(Trick::status(503, Some(ErrorCode::Busy)));
    presets.look().await.unwrap();
    let status = desk.status().unwrap();
    assert_eq!(status.why.as_deref(), Some("the collector is busy"));
    assert!(!status.refused && status.next_try > status.last_try);
    for _ in 0..5 {
        presets.look().await.unwrap();
    }
    assert_eq!(desk.asked(), 1, "not before its time");
    // Another start tries at once.
    desk.presets().look().await.unwrap();
    assert!(desk.enrolled());
    assert_eq!(desk.server.with(|s| s.keys.len()), 1, "as the same desk");
}

#[tokio::test]
async fn a_refused_code_is_not_tried_again_before_the_file_changes() {
    let desk = Desk::new().await;
    desk.write(false, OTHER);
    let mut presets = desk.presets();
    presets.look().await.unwrap();
    let status = desk.status().unwrap();
    assert!(status.refused && status.next_try.is_none());
    assert!(status.why.unwrap().contains("ask IT for a new one"));
    for _ in 0..3 {
        presets.look().await.unwrap();
        // Not after a start either, and not because somebody only touched the file.
        desk.presets().look().await.unwrap();
        desk.write(false, OTHER);
    }
    assert_eq!(desk.asked(), 1);
    desk.write(false, CODE);
    presets.look().await.unwrap();
    assert!(desk.enrolled());
    assert_eq!(desk.asked(), 2);
}

#[tokio::test]
async fn versions_that_do_not_fit_are_tried_rarely() {
    let desk = Desk::new().await;
    desk.write(false, CODE);
    desk.server.play(Trick::status(426, Some(ErrorCode::Version)));
    desk.presets().look().await.unwrap();
    let status = desk.status().unwrap();
    let wait = status.next_try.unwrap().since_ms(status.last_try.unwrap());
    assert!((54 * 60_000..=66 * 60_000).contains(&wait), "{wait}");
}

#[tokio::test]
async fn an_agent_who_unenrolled_is_not_enrolled_by_a_file_again() {
    let desk = Desk::new().await;
    desk.write(false, CODE);
    let mut presets = desk.presets();
    presets.look().await.unwrap();
    assert!(desk.enrolled());
    unenroll(&desk.reporter, &Settings::default(), &Random::system()).await.unwrap();
    desk.server.with(|s| s.code = Some(CODE.into()));
    presets.look().await.unwrap();
    desk.presets().look().await.unwrap();
    assert!(!desk.enrolled());
    assert_eq!(desk.asked(), 1);
    // By hand it goes, and says that the no is over.
    let code = CODE.parse().unwrap();
    enroll(&desk.reporter, &Settings::default(), &Random::system(), &desk.server.url, &code).await.unwrap();
    assert!(desk.enrolled() && desk.identity.left().is_none());

    // Also one who said no before it worked.
    let desk = Desk::new().await;
    desk.write(true, OTHER);
    desk.presets().look().await.unwrap();
    assert!(desk.status().unwrap().refused);
    let said = unenroll(&desk.reporter, &Settings::default(), &Random::system()).await.unwrap();
    assert_eq!(said, Goodbye::NotEnrolled);
    let path = desk.write(true, CODE);
    desk.presets().look().await.unwrap();
    assert!(!desk.enrolled() && path.exists());
    assert_eq!(desk.status(), None);
}

#[tokio::test]
async fn a_file_that_is_wrong_is_said_and_the_next_one_is_not_taken_instead() {
    let desk = Desk::new().await;
    desk.write(false, CODE);
    std::fs::write(desk.file(true).path, "collector = 1").unwrap();
    desk.presets().look().await.unwrap();
    assert!(!desk.enrolled());
    let status = desk.status().unwrap();
    assert_eq!(status.why.as_deref(), Some("line 1: invalid type: integer `1`, expected a string"));
    assert_eq!(status.file, desk.file(true).path.display().to_string());
    // Without any file nothing is left to say.
    std::fs::remove_file(desk.file(true).path).unwrap();
    std::fs::remove_file(desk.file(false).path).unwrap();
    desk.presets().look().await.unwrap();
    assert_eq!(desk.status(), None);
}

#[tokio::test]
async fn the_loop_enrols_by_itself_wakes_on_a_nudge_and_ends_when_told() {
    let desk = Desk::new().await;
    desk.write(true, CODE);
    desk.server.play(Trick::status(503, Some(ErrorCode::Busy)));
    let presets = desk.presets();
    let nudge = presets.nudge();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut enrolment = desk.identity.follow();
    let task = tokio::spawn(presets.run(async { drop(stopped.await) }));
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, async {
        while desk.status().is_none_or(|s| s.next_try.is_none()) {
            tokio::task::yield_now().await;
        }
        nudge.nudge();
        enrolment.wait_for(Option::is_some).await.unwrap();
    })
    .await
    .unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
}
