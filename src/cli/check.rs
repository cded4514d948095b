//! `preshift check`: the agent's own check.

use super::{
    Exit,
    exit::Ends,
    owner::{self, Owner},
    profiles,
    render::{FAINT, findings, progress::Progress, text},
    welcome,
};
use crate::{
    config::Settings,
    control::{Answer, CheckRequest, Request, Step},
    deliver::{Deliverer, Pass},
    desk::{Desk, Order, does_not_fit},
    random::Random,
    store::Store,
    supervisor::Listener,
};
use clap::Args;
use readiness::{Targets, profile::Addition};
use std::{
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use telemetry::{ProbeId, Readiness};

const EXAMPLES: &str = "\
Examples:
  preshift check                         Everything; takes ten to twenty seconds
  preshift check --no-microphone         Everything but the microphone
  preshift check --only link dns https   Only the network
  preshift check --profile twilio-flex/dublin   What a platform needs as well; see 'preshift profiles'
  preshift check --json | jq .verdict    For programs

Probes: link, dns, https, media, audio_devices, noise, load, environment,
        stun, turn, signalling, mtu, path, responsiveness.
A check with --only, --offline or --profile is shown to you and not reported.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Print the result as JSON: the content of a readiness report
    #[arg(long)]
    json: bool,
    /// Run these probes only
    #[arg(long, value_name = "PROBE", num_args = 1.., value_delimiter = ',')]
    only: Vec<ProbeId>,
    /// Send nothing on the network. (A daemon that runs goes on delivering what it has.)
    #[arg(long)]
    offline: bool,
    /// Keep the microphone closed
    #[arg(long)]
    no_microphone: bool,
    /// Measure what this platform needs as well, and judge by the limits that it publishes
    #[arg(long, value_name = "NAME[/REGION]", conflicts_with = "offline")]
    profile: Option<String>,
    /// A profile of your own, to use beside those that are built in
    #[arg(long, value_name = "FILE", requires = "profile")]
    profile_file: Option<PathBuf>,
}

impl Options {
    /// A check of a part, without the network or by another measure leads to no report: there is nothing to send.
    fn is_reported(&self) -> bool {
        self.only.is_empty() && !self.offline && self.profile.is_none()
    }
}

pub fn run(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    let profile = match &options.profile {
        Some(choice) => Some(Box::new(profiles::addition(choice, options.profile_file.as_deref())?)),
        None => None,
    };
    let mut progress = Progress::on_stderr();
    let request = CheckRequest {
        only: options.only.clone(),
        offline: options.offline,
        no_microphone: options.no_microphone,
        profile: profile.clone(),
    };
    let profile = profile.as_deref();
    let data_dir = settings.data_dir.clone();
    let readiness = owner::runtime()?.block_on(async {
        match Owner::find(settings).await? {
            Owner::Us(desk) => {
                if !options.json {
                    welcome::once(&desk.store)?;
                }
                progress.begin(BEGINS);
                let readiness = here(&desk, &Request::Check(request), progress).await?;
                if !options.is_reported() {
                    show(options, &readiness, profile)?;
                    return Ok(readiness);
                }
                // A daemon would send it; without one this is the moment.
                let sent = tokio::spawn(deliver_now(*desk));
                show(options, &readiness, profile)?;
                sent.await?;
                Ok(readiness)
            }
            Owner::Daemon(client) => {
                // The daemon has no terminal to say it on. One row in its store is all that this writes.
                if !options.json
                    && let Ok(store) = Store::open_beside(&data_dir, crate::desk::system_clock())
                {
                    welcome::once(&store)?;
                }
                progress.begin(BEGINS);
                let answer = client.ask(Request::Check(request), |step| progress.step(&step)).await;
                progress.end();
                match answer? {
                    Answer::Checked(readiness) => {
                        show(options, &readiness, profile)?;
                        anyhow::Ok(*readiness)
                    }
                    _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
                }
            }
        }
    })?;
    Ok(readiness.verdict.into())
}

/// The agent has the answer by then; the report can wait.
const DELIVERY_TIME: Duration = Duration::from_secs(5);

/// The first line, on screen before anything is measured.
const BEGINS: &str = "Checking this desk. It takes ten to twenty seconds.";

fn show(options: &Options, readiness: &Readiness, profile: Option<&Addition>) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if options.json {
        let mut said = serde_json::to_value(readiness)?;
        // It is shown and never sent: the wire has no such field.
        if let (Some(profile), Some(fields)) = (profile, said.as_object_mut()) {
            fields.insert("profile".into(), serde_json::json!({
                "id": profile.profile, "region": profile.region, "version": profile.version, "digest": profile.digest,
            }));
        }
        serde_json::to_writer_pretty(&mut out, &said)?;
        writeln!(out)?;
    } else {
        let width = text::width();
        findings::write(&mut out, readiness, (crate::desk::system_clock())(), width)?;
        if let Some(profile) = profile {
            let (choice, version, digest) =
                (profile.choice(), profile.version, &profile.digest.as_str()[..12]);
            let nothing = match profile.targets == Targets::default() {
                true => " It names no host, so that nothing of the platform itself was measured.",
                false => "",
            };
            let said = format!(
                "With what {choice} needs (version {version}, digest {digest}) on top of this desk's policy. Shown to \
                 you and not reported: what decides about a shift is the policy alone.{nothing}"
            );
            writeln!(out, "{FAINT}")?;
            text::paragraph(&mut out, 0, &said, width)?;
            write!(out, "{FAINT:#}")?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Sends what waits. What cannot be sent now is kept, and sent by the next check or the daemon.
async fn deliver_now(desk: Desk) {
    if desk.identity.enrolment().is_none() {
        return;
    }
    let delivery = desk.delivery();
    let reporter = desk.reporter.clone();
    let made = tokio::task::spawn_blocking(move || Deliverer::new(reporter, delivery, Random::system()));
    let Ok(Ok(mut deliverer)) = made.await else { return };
    match deliverer.pass_within(DELIVERY_TIME).await {
        Pass::Done { .. } | Pass::NotEnrolled => {}
        Pass::Again { trouble, .. } => {
            anstream::eprintln!("The report could not be sent yet ({}); it is kept.", trouble.words());
        }
        Pass::Stopped(why) => {
            anstream::eprintln!("The report was not sent ({}); it is kept.", why.words());
        }
    }
}

/// Checks in this process.
pub async fn here(
    desk: &Desk,
    request: &Request,
    progress: Progress<impl std::io::Write + Send + 'static>,
) -> anyhow::Result<Readiness> {
    let order = Order::of(request).expect("it is a check");
    let progress = Arc::new(Mutex::new(progress));
    let shown = progress.clone();
    let listener: Listener = Arc::new(move |happening| {
        if let Some(step) = Step::of(&happening) {
            shown.lock().unwrap_or_else(PoisonError::into_inner).step(&step);
        }
    });
    let policy = order
        .policy(&desk.in_force()?.policy)
        .map_err(|error| Ends::with(Exit::Data, does_not_fit(&error)))?;
    let readiness = desk.check(&order, policy, &listener).await;
    progress.lock().unwrap_or_else(PoisonError::into_inner).end();
    Ok(readiness?)
}
