//! `preshift doctor`: what this desk can and cannot measure, and why.

mod selftest;

use super::{
    Exit, delivery,
    owner::{self, Owner},
    render::{STRONG, progress::Progress, text, time},
    view::View,
};
use crate::{
    audio,
    config::Settings,
    control::{Answer, CheckRequest, Request},
    desk,
    store::keys,
};
use clap::Args;
use readiness::words;
use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};
use telemetry::{
    GatewayMethod, LinkKind, MicrophonePermission, MicrophoneUse, Outcome, ProbeId, Readiness,
    TimestampQuality, Value,
};

type Rows = Vec<(String, String)>;

const EXAMPLES: &str = "\
Examples:
  preshift doctor                                    What this desk can measure
  preshift doctor --selftest --output selftest.txt   Try everything; a file to send to who asked for it
  preshift doctor --selftest --json | jq .failed     For programs

Exit codes of --selftest: 0 no check failed, 4 at least one did.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Try everything that Preshift needs of this computer. The result holds no personal data
    #[arg(long)]
    selftest: bool,
    /// Write the result of the self-test to this file
    #[arg(long, value_name = "FILE", requires = "selftest")]
    output: Option<PathBuf>,
    /// Let the self-test open the microphone for some seconds, and note its level
    #[arg(long, requires = "selftest")]
    microphone: bool,
    /// Print the result of the self-test as JSON
    #[arg(long, requires = "selftest")]
    json: bool,
}

pub fn run(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    if options.selftest {
        return selftest::run(settings, options);
    }
    let (readiness, daemon, sandbox) = owner::runtime()?.block_on(async {
        let mut progress = Progress::on_stderr();
        progress.begin("Looking at what this desk can measure. The microphone stays closed.");
        // Every probe by name: then nothing of it is reported.
        let request = Request::Check(CheckRequest {
            only: ProbeId::ALL.to_vec(),
            offline: false,
            no_microphone: true,
            profile: None,
        });
        let (readiness, daemon) = match Owner::find(settings.clone()).await? {
            Owner::Us(desk) => (super::check::here(&desk, &request, progress).await?, false),
            Owner::Daemon(client) => {
                let answer = client.ask(request, |step| progress.step(&step)).await;
                progress.end();
                match answer? {
                    Answer::Checked(readiness) => (*readiness, true),
                    _ => anyhow::bail!("the daemon gave an answer that does not fit the question"),
                }
            }
        };
        anyhow::Ok((readiness, daemon, audio::Children::of_this_program().self_test().await))
    })?;
    let mut out = anstream::stdout().lock();
    section(&mut out, "What this desk can measure", &probes(&readiness))?;
    writeln!(out)?;
    section(&mut out, "How", &how(&readiness, &sandbox))?;
    writeln!(out)?;
    section(&mut out, "This desk", &here(&settings, daemon)?)?;
    Ok(Exit::Done)
}

fn section(out: &mut dyn Write, title: &str, rows: &Rows) -> io::Result<()> {
    writeln!(out, "{STRONG}{title}{STRONG:#}")?;
    let width = text::width();
    rows.iter().try_for_each(|(name, said)| text::entry(out, 2, (name, Default::default()), 27, said, width))
}

/// Each probe: yes, or why not.
fn probes(readiness: &Readiness) -> Rows {
    let mut rows = Rows::new();
    for reading in &readiness.readings {
        let mut name = words::probe(reading.probe).to_owned();
        if let Some(target) = &reading.target {
            name = format!("{name} ({target})");
        }
        let said = match (&reading.outcome, reading.probe) {
            (Outcome::Measured(_), _) => "yes".into(),
            (Outcome::NotChecked(telemetry::NotChecked::NotAsked), ProbeId::Noise) => {
                "in a check that you start; in between only with your consent".into()
            }
            (other, _) => words::missing(other).unwrap_or_default(),
        };
        rows.push((name, said));
    }
    rows
}

/// By what means, and what that is worth.
fn how(readiness: &Readiness, sandbox: &Result<audio::wire::SelfTest, audio::AudioError>) -> Rows {
    let mut rows = Rows::new();
    let mut row = |name: &str, said: String| rows.push((name.to_owned(), said));
    for value in readiness.readings.iter().filter_map(|r| r.measured()) {
        match value {
            Value::Link(link) => {
                row(
                    "router",
                    match link.gateway_method {
                        Some(GatewayMethod::IcmpEcho) => "asked by ICMP echo",
                        Some(GatewayMethod::TtlLimitedUdp | GatewayMethod::TtlLimitedEcho) => {
                            "asked by packets that end there: ICMP echoes are closed to users here, or are not answered"
                        }
                        Some(GatewayMethod::Neighbour) => {
                            "only the system's table of neighbours tells of it"
                        }
                        None => "cannot be asked here",
                    }
                    .into(),
                );
                row(
                    "Wi-Fi",
                    match (link.kind, &link.wifi) {
                        (Some(LinkKind::Wifi), Some(w)) if w.signal_dbm.is_some() => {
                            "signal and rate are told by the system"
                        }
                        (Some(LinkKind::Wifi), _) => "in use, but the system does not tell its signal",
                        _ => "not in use",
                    }
                    .into(),
                );
            }
            Value::Media(media) => row(
                "voice timing",
                match media.timestamps {
                    TimestampQuality::Kernel => {
                        "stamped by the system on sending and receiving: a busy computer does not blur it"
                    }
                    TimestampQuality::KernelReceive => "stamped by the system on receiving only",
                    TimestampQuality::UserSpace => {
                        "by our own clock: a busy computer may read as a bad network"
                    }
                }
                .into(),
            ),
            Value::AudioDevices(devices) => {
                row(
                    "microphone in use",
                    match devices.microphone_use {
                        MicrophoneUse::Unknown => "the system does not tell whether a program uses it",
                        MicrophoneUse::Free | MicrophoneUse::InUse => {
                            "the system tells; Preshift never opens it beside another program"
                        }
                    }
                    .into(),
                );
                row(
                    "microphone permission",
                    match devices.microphone_permission {
                        None => "this system asks for none",
                        Some(MicrophonePermission::Granted) => "granted by the system",
                        Some(MicrophonePermission::Denied) => "denied by the system, to all programs",
                        Some(MicrophonePermission::DeniedToPreshift) => "denied to Preshift by the system",
                        Some(MicrophonePermission::NotAsked) => {
                            "not asked yet: the system will ask when it is first used"
                        }
                        Some(MicrophonePermission::Unknown) => "the system does not tell",
                    }
                    .into(),
                );
            }
            _ => {}
        }
    }
    row(
        "what hears is shut in",
        match sandbox {
            Ok(test) => {
                let landlock = test.shut_in.landlock.map_or_else(
                    || "no Landlock on this system".to_owned(),
                    |version| format!("Landlock version {version}"),
                );
                let seccomp = if test.shut_in.seccomp { "system calls filtered" } else { "no call filter" };
                let memory = if test.dumpable { "its memory could be read" } else { "its memory is closed" };
                format!("{landlock}, {seccomp}, {memory}")
            }
            Err(_) => "could not be tried".into(),
        },
    );
    rows
}

/// Store, collector, clock, daemon.
fn here(settings: &Settings, daemon: bool) -> anyhow::Result<Rows> {
    let now = (desk::system_clock())();
    let mut rows = Rows::new();
    let mut row = |name: &str, said: String| rows.push((name.to_owned(), said));
    row("daemon", if daemon { "running" } else { "not running; start it: preshift run" }.into());
    row("data", settings.data_dir.display().to_string());
    row("settings", settings.file.as_ref().map_or("none".into(), |p| p.display().to_string()));
    let Some(view) = View::open(settings)? else { return Ok(rows) };
    match view.identity.enrolment() {
        Some(e) => row("collector", format!("{}, team {}", e.collector, e.team)),
        None => row("collector", "not enrolled: nothing leaves, and voice quality has no server".into()),
    }
    row(
        "clock",
        match view.store.get(keys::CLOCK_OFFSET)? {
            Some(offset) => {
                format!("off by {:.1} s against the collector", offset.get() / 1000.0)
            }
            None => "not compared with a collector yet".into(),
        },
    );
    if let Some((at, verdict)) = desk::last_verdict(&view.store)? {
        row("last check", format!("{}, {}", words::verdict(verdict), time::ago(at, now)));
    }
    if view.identity.enrolment().is_some() {
        rows.extend(delivery::rows(&view, now)?.into_iter().map(|(n, s)| (n.to_lowercase(), s)));
    }
    Ok(rows)
}
