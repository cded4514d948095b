//! When an enrolment file is tried: while the desk is not enrolled, and with the back-off of delivery.
//!
//! What became of a try is in the store, for `preshift status`. A code that the collector refused is not
//! tried again before the file says something else.

use super::{Preset, PresetError, Source};
use crate::{
    config::EnrolmentFile,
    deliver::{
        backoff::Backoff,
        client::Settings,
        enroll::{EnrollError, enroll_unless_left},
        run::Nudge,
    },
    random::Random,
    report::Reporter,
    store::{self, keys},
};
use serde::{Deserialize, Serialize};
use std::{future::Future, sync::Arc, time::Duration};
use telemetry::{Hash, UnixMs};
use tokio::{sync::Notify, time::Instant};

/// How often it is looked whether there is a file, or another one: it costs two looks at a folder.
const LOOK: Duration = Duration::from_secs(60);

/// How enrolling by a file goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetStatus {
    /// Which file.
    pub file: String,
    /// What it said when it was last tried: a hash that only this desk can make.
    pub tried: Option<Hash>,
    /// When that was.
    pub last_try: Option<UnixMs>,
    /// What is wrong with the file, or why the last try failed.
    pub why: Option<String>,
    /// The collector said no: it is not tried again before the file changes.
    pub refused: bool,
    /// When it is tried again.
    pub next_try: Option<UnixMs>,
}

/// Enrols one desk by a file.
pub struct Presets {
    reporter: Reporter,
    settings: Settings,
    random: Random,
    files: Vec<EnrolmentFile>,
    backoff: Backoff,
    not_before: Option<Instant>,
    nudge: Arc<Notify>,
}

/// What a failed try leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Try again soon: it may pass.
    Again,
    /// Try again rarely: one side has to be changed.
    Rarely,
    /// Do not try this code again.
    Never,
}

impl Presets {
    /// Makes one for files in their order: the first that is there counts.
    pub fn new(reporter: Reporter, settings: Settings, random: Random, files: Vec<EnrolmentFile>) -> Self {
        let backoff = Backoff::new(settings.pace.clone(), random.clone());
        Self { reporter, settings, random, files, backoff, not_before: None, nudge: Arc::default() }
    }

    /// A way to wake it: the network may be back.
    pub fn nudge(&self) -> Nudge {
        Nudge::of(self.nudge.clone())
    }

    /// Looks and tries until `shutdown` is ready. What is under way then is dropped: the next start asks again as
    /// the same desk.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        if self.files.is_empty() {
            return shutdown.await;
        }
        tokio::pin!(shutdown);
        let mut enrolment = self.reporter.identity().follow();
        let nudge = self.nudge.clone();
        loop {
            enrolment.mark_unchanged();
            let wait = tokio::select! {
                biased;
                () = &mut shutdown => return,
                looked = self.look() => looked.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the store failed while enrolling by a file");
                    LOOK
                }),
            };
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                changed = enrolment.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.begin_anew();
                }
                () = nudge.notified() => self.begin_anew(),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn begin_anew(&mut self) {
        self.backoff.reset();
        self.not_before = None;
    }

    /// Looks once, tries if it is time to, and says how long to wait.
    pub(in crate::deliver) async fn look(&mut self) -> Result<Duration, store::Error> {
        let rarely = self.settings.pace.stopped;
        let before = self.status().await?;
        let identity = self.reporter.identity().clone();
        if identity.enrolment().is_some() {
            self.tidy(before).await?;
            return Ok(rarely);
        }
        if identity.left().is_some() {
            self.note(&before, None).await?;
            return Ok(rarely);
        }
        let (file, preset) = match self.read().await {
            None => {
                self.note(&before, None).await?;
                return Ok(LOOK);
            }
            Some((file, Err(error))) => {
                let why = Some(error.wrong.to_string());
                let status = PresetStatus { file: shown(&file), why, ..PresetStatus::default() };
                if before.as_ref() != Some(&status) {
                    tracing::warn!("the enrolment file is not valid; preshift status says why");
                }
                self.note(&before, Some(status)).await?;
                return Ok(LOOK);
            }
            Some((file, Ok(preset))) => (file, preset),
        };
        let says = identity.hash(&format!("{}\n{}", preset.collector, preset.code));
        let known = before.clone().filter(|b| b.tried.as_ref() == Some(&says) && b.file == shown(&file));
        match &known {
            Some(known) if known.refused => return Ok(LOOK),
            Some(_) => {
                let wait =
                    self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
                if !wait.is_zero() {
                    return Ok(wait.min(LOOK));
                }
            }
            None => self.begin_anew(),
        }
        let now = self.reporter.store().now();
        let trying = PresetStatus {
            file: shown(&file),
            tried: Some(says),
            last_try: Some(now),
            next_try: None,
            ..known.unwrap_or_default()
        };
        self.note(&before, Some(trying.clone())).await?;
        let (reporter, settings, random) = (&self.reporter, &self.settings, &self.random);
        let tried = enroll_unless_left(reporter, settings, random, &preset.collector, &preset.code).await;
        match tried {
            // The agent said no, or did it by hand, in the meantime.
            None | Some(Err(EnrollError::AlreadyEnrolled)) => Ok(Duration::ZERO),
            Some(Ok(team)) => {
                tracing::info!(%team, "enrolled by the enrolment file");
                self.tidy(Some(trying)).await?;
                Ok(rarely)
            }
            Some(Err(error)) => {
                let after = after(&error);
                let wait = match after {
                    After::Again => Some(self.backoff.next(None)),
                    After::Rarely => Some(self.backoff.spread(rarely)),
                    After::Never => None,
                };
                tracing::warn!(?after, "enrolling by the enrolment file failed; preshift status says why");
                let next_try = wait.map(|w| now.plus_ms(w.as_millis() as i64));
                self.not_before = wait.map(|w| Instant::now() + w);
                let refused = after == After::Never;
                let why = Some(crate::daemon::said(error));
                self.note(&None, Some(PresetStatus { why, refused, next_try, ..trying })).await?;
                Ok(wait.unwrap_or(LOOK).min(LOOK))
            }
        }
    }

    /// The first file that is there, and what it says.
    async fn read(&self) -> Option<(EnrolmentFile, Result<Preset, PresetError>)> {
        let files = self.files.clone();
        let read = move || {
            let there = |f: &EnrolmentFile| !matches!(std::fs::symlink_metadata(&f.path), Err(e) if is_absent(e.kind()));
            let file = files.into_iter().find(there)?;
            let read = Preset::read(&file.path, Source::Found);
            Some((file, read))
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    /// On a desk that is enrolled: the user's own file that led to it holds a secret and goes.
    async fn tidy(&mut self, status: Option<PresetStatus>) -> Result<(), store::Error> {
        let Some(status) = status else { return Ok(()) };
        let own = self.files.iter().find(|f| f.own && shown(f) == status.file).cloned();
        let identity = self.reporter.identity().clone();
        let gone = tokio::task::spawn_blocking(move || {
            let Some(own) = own else { return Ok(()) };
            // Another one that came since was not used for this.
            let says = Preset::read(&own.path, Source::Found)
                .ok()
                .map(|p| identity.hash(&format!("{}\n{}", p.collector, p.code)));
            if says.is_some() && says == status.tried { std::fs::remove_file(&own.path) } else { Ok(()) }
        });
        if !matches!(gone.await, Ok(Ok(()))) {
            tracing::warn!(
                "the enrolment file was used and could not be deleted; delete it, because it holds a code"
            );
        }
        self.reporter.store().run(|store| store.unset(keys::PRESET)).await
    }

    async fn status(&self) -> Result<Option<PresetStatus>, store::Error> {
        self.reporter.store().run(|store| store.get(keys::PRESET)).await
    }

    /// Notes how it goes, if that is news.
    async fn note(
        &self,
        before: &Option<PresetStatus>,
        now: Option<PresetStatus>,
    ) -> Result<(), store::Error> {
        if *before == now {
            return Ok(());
        }
        self.reporter
            .store()
            .run(move |store| match &now {
                Some(status) => store.set(keys::PRESET, status),
                None => store.unset(keys::PRESET),
            })
            .await
    }
}

fn shown(file: &EnrolmentFile) -> String {
    file.path.display().to_string()
}

fn is_absent(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn after(error: &EnrollError) -> After {
    match error {
        EnrollError::Code => After::Never,
        EnrollError::Version | EnrollError::Refused(_) | EnrollError::AlreadyEnrolled => After::Rarely,
        EnrollError::NoAnswer(_)
        | EnrollError::Client(_)
        | EnrollError::Identity(_)
        | EnrollError::Store(_)
        | EnrollError::Key(_) => After::Again,
    }
}
