//! `preshift doctor --selftest`: gathers what is to be tried, and shows what came of it.

use super::super::{
    Exit, check,
    exit::Ends,
    owner::{self, Owner},
    render::{figures, progress::Progress, text},
    view::View,
};
use super::Options;
use crate::{
    config::Settings,
    control::{Answer, CheckRequest, Client, Lock, Request},
    desk::{self, Desk},
    selftest::{self, Bench, Check, Document, OpenTrouble, Scratch},
};
use readiness::words;
use std::{
    io::{self, Write},
    sync::Arc,
};
use telemetry::{FactValue, ProbeId, Readiness, Reading};

/// What the reader has to know before they send it.
const PROMISE: &str = "This file holds no names, addresses, paths or serial numbers: Preshift can put into it only its \
    own words, figures, versions, and vendor and product numbers of devices. Read it, and then send it to whoever asked for it.";

pub fn run(settings: Arc<Settings>, options: &Options) -> anyhow::Result<Exit> {
    let document = owner::runtime()?.block_on(find_out(settings, options.microphone))?;
    let exit = if document.failed == 0 { Exit::Done } else { Exit::SelfTest };
    match &options.output {
        Some(path) => {
            let failed = |e: io::Error| Ends::with(Exit::Io, format!("cannot write {}: {e}", path.display()));
            let mut file = std::fs::File::create(path).map_err(failed)?;
            show(&mut file, options, &document).and_then(|()| file.flush()).map_err(failed)?;
            anstream::eprintln!("{}. Written to {}", counts(&document), path.display());
        }
        None => {
            let mut out = io::stdout().lock();
            show(&mut out, options, &document)?;
            out.flush()?;
            anstream::eprintln!("{}.", counts(&document));
        }
    }
    Ok(exit)
}

async fn find_out(settings: Arc<Settings>, microphone: bool) -> anyhow::Result<Document> {
    let mut progress = Progress::on_stderr();
    progress.begin(if microphone {
        "Trying what Preshift needs of this computer. It takes half a minute at most, and opens the microphone for some seconds."
    } else {
        "Trying what Preshift needs of this computer. It takes ten to twenty seconds. The microphone stays closed."
    });
    let scratch = Scratch::new()
        .map_err(|e| Ends::with(Exit::Io, format!("no folder for trying things in could be made: {e}")))?;
    let request = Request::Check(CheckRequest {
        only: ProbeId::ALL.to_vec(),
        offline: false,
        no_microphone: !microphone,
        profile: None,
    });
    // Held until the end: while it is tried, the desk is ours.
    let (state, readiness, _held) = measure(&settings, &request, progress, &scratch).await?;
    let enrolled = match View::open(&settings) {
        Ok(Some(view)) => Some(view.identity.enrolment().is_some()),
        Ok(None) => Some(false),
        Err(_) => None,
    };
    let bench = Bench::new(settings, state, readiness.readings.to_vec(), enrolled, scratch);
    let of = selftest::checks().count();
    let mut number = 0;
    let tell = |check: &Check| {
        number += 1;
        anstream::eprintln!("{number:>2} of {of}: {}", check.name);
    };
    Ok(selftest::run(bench, tell).await)
}

/// Measures with the desk that is there. One that cannot be opened is the first thing that the document shall
/// say, and no reason to try nothing else: then the probes run with a new desk in the scratch folder.
async fn measure(
    settings: &Arc<Settings>,
    request: &Request,
    progress: Progress<impl Write + Send + 'static>,
    scratch: &Scratch,
) -> anyhow::Result<(selftest::Desk, Readiness, Option<Box<Desk>>)> {
    let mut progress = progress;
    let trouble = match Owner::find(settings.clone()).await {
        Ok(Owner::Us(desk)) => {
            let readiness = check::here(&desk, request, progress).await?;
            return Ok((selftest::Desk::Ours, readiness, Some(desk)));
        }
        Ok(Owner::Daemon(client)) => match beside(settings, client, request, &mut progress).await {
            Ok((desk, readiness)) => return Ok((desk, readiness, None)),
            Err(error) => OpenTrouble::of(&error),
        },
        Err(error) => OpenTrouble::of(&error),
    };
    let folder = scratch.folder("desk")?;
    let settings = Arc::new(Settings { data_dir: folder.clone(), ..Settings::clone(settings) });
    let desk = Box::new(Desk::open(settings, Lock::take(&folder)?, desk::system_clock())?);
    let readiness = check::here(&desk, request, progress).await?;
    Ok((selftest::Desk::Closed(trouble), readiness, Some(desk)))
}

/// Has a daemon measure.
async fn beside(
    settings: &Settings,
    client: Client,
    request: &Request,
    progress: &mut Progress<impl Write>,
) -> anyhow::Result<(selftest::Desk, Readiness)> {
    let misfit = "the daemon gave an answer that does not fit the question";
    let Answer::Status(status) = client.ask(Request::Status, |_| ()).await? else { anyhow::bail!(misfit) };
    let client = Client::connect(&settings.data_dir).await?;
    let answer = client.ask(request.clone(), |step| progress.step(&step)).await;
    progress.end();
    let Answer::Checked(readiness) = answer? else { anyhow::bail!(misfit) };
    Ok((selftest::Desk::Daemon(status), *readiness))
}

fn show(out: &mut dyn Write, options: &Options, document: &Document) -> io::Result<()> {
    if options.json {
        serde_json::to_writer_pretty(&mut *out, document)?;
        return writeln!(out);
    }
    write(out, document)
}

fn counts(document: &Document) -> String {
    let Document { passed, failed, skipped, .. } = document;
    format!("{passed} checks passed, {failed} failed, {skipped} were skipped")
}

/// As a text of 96 columns, wherever it goes: it is a file that is sent.
fn write(out: &mut dyn Write, document: &Document) -> io::Result<()> {
    const WIDTH: usize = 96;
    let plain = anstyle::Style::new();
    let word = |value: &Option<FactValue>| match value {
        Some(FactValue::Word(word)) => {
            serde_json::to_value(word).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
        }
        Some(FactValue::Version(version)) => version.to_string(),
        _ => "unknown".into(),
    };
    let (preshift, system) = (&document.preshift, &document.system);
    writeln!(out, "Preshift self-test\n")?;
    text::paragraph(out, 0, PROMISE, WIDTH)?;
    writeln!(out)?;
    let built = if preshift.debug { ", built for tests" } else { "" };
    writeln!(out, "Preshift   {}, {}{built}", preshift.version, preshift.target)?;
    let (name, version, build) = (word(&system.name), word(&system.version), word(&system.build));
    writeln!(out, "System     {name} {version}, build {build}, {}", system.architecture)?;
    writeln!(out, "Result     {}\n", counts(document))?;
    writeln!(out, "Checks")?;
    for check in &document.checks {
        let result = match check.reason_word() {
            Some(reason) => format!("{} ({reason})", check.result),
            None => check.result.to_owned(),
        };
        text::entry(out, 2, (check.name, plain), 22, &result, WIDTH)?;
        text::entry(out, 4, ("should be", plain), 11, check.should, WIDTH)?;
        text::entry(out, 4, ("was", plain), 11, check.was.as_str(), WIDTH)?;
    }
    writeln!(
        out,
        "\nReadings, each as it would be reported (hashes, and what a policy calls its targets, are replaced by numbers)"
    )?;
    for reading in &document.readings {
        writeln!(out, "  {}", in_words(reading))?;
        writeln!(out, "    {}", serde_json::to_string(reading)?)?;
    }
    writeln!(out, "\nEnd of the self-test")
}

fn in_words(reading: &Reading) -> String {
    let said = match reading.measured() {
        Some(value) => figures::row(value),
        None => words::missing(&reading.outcome).unwrap_or_default(),
    };
    let said = said.replace(text::TIE, " ");
    match &reading.target {
        Some(target) => format!("{} ({target}): {said}", words::probe(reading.probe)),
        None => format!("{}: {said}", words::probe(reading.probe)),
    }
}
