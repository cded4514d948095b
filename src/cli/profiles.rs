//! `preshift profiles`: what contact-centre platforms need, in plain words.
//!
//! Also finds the profile that another command was told to use. Must not measure.

use super::{
    Exit,
    exit::Ends,
    render::{FAINT, STRONG, text},
};
use clap::Args;
use readiness::{
    limits::Worse,
    profile::{self, Addition, Kind, Need, Profile, Region, Target, Transport},
    words,
};
use std::{
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};
use telemetry::{Id, Quantity};

const EXAMPLES: &str = "\
Examples:
  preshift profiles                              The platforms there are profiles of
  preshift profiles amazon-connect               What one needs, and where that was read
  preshift profiles amazon-connect/eu-west-2     The same, and what is measured in one region
  preshift check --profile amazon-connect/eu-west-2

A profile says what a platform publishes; what it does not publish is not in it.";

/// A profile is some pages of text.
const FILE_BYTES: u64 = 64 * 1024;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The profile to explain, with or without a region
    #[arg(value_name = "NAME[/REGION]")]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A profile of your own, to use beside those that are built in
    #[arg(long, value_name = "FILE")]
    profile_file: Option<PathBuf>,
}

pub fn run(options: &Options) -> anyhow::Result<Exit> {
    let own = own(options.profile_file.as_deref())?;
    let mut out = anstream::stdout().lock();
    let Some(name) = &options.name else {
        let all: Vec<&Profile> = own.iter().chain(profile::builtin()).collect();
        match options.json {
            true => json(&mut out, &all)?,
            false => list(&mut out, &all)?,
        }
        return Ok(Exit::Done);
    };
    let (name, region) = name.split_once('/').map_or((name.as_str(), None), |(n, r)| (n, Some(r)));
    let profile = profile::find(name, &own).map_err(|e| Ends::with(Exit::Usage, e.to_string()))?;
    if let Some(region) = region {
        choose(&format!("{name}/{region}"), &own)?;
    }
    match options.json {
        true => json(&mut out, profile)?,
        false => explain(&mut out, profile, region.and_then(|r| profile.region(r)))?,
    }
    Ok(Exit::Done)
}

/// What a check with `--profile` adds to its policy.
pub fn addition(choice: &str, file: Option<&Path>) -> anyhow::Result<Addition> {
    choose(choice, &own(file)?)
}

fn choose(choice: &str, own: &[Profile]) -> anyhow::Result<Addition> {
    profile::choose(choice, own).map_err(|e| Ends::with(Exit::Usage, e.to_string()))
}

/// A profile from a file of the agent's or of IT's.
fn own(file: Option<&Path>) -> anyhow::Result<Vec<Profile>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let refused =
        |e: io::Error| Ends::with(Exit::NoInput, format!("cannot read {}: {}", file.display(), e.kind()));
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|f| f.take(FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(refused)?;
    let profile = Profile::parse(&text)
        .map_err(|e| Ends::with(Exit::Data, format!("{} is not valid: {e}", file.display())))?;
    Ok(vec![profile])
}

fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

fn list(out: &mut dyn Write, all: &[&Profile]) -> io::Result<()> {
    let width = text::width();
    let widest = all.iter().map(|p| p.id.as_str().len()).max().unwrap_or(0) + 2;
    for p in all {
        let said = format!("{}: {}", p.name, in_short(p));
        text::entry(out, 0, (p.id.as_str(), STRONG), widest, &said, width)?;
    }
    writeln!(out, "\n{FAINT}'preshift profiles NAME' says what each needs, and where that was read.{FAINT:#}")
}

/// What there is of it, in half a line.
fn in_short(p: &Profile) -> String {
    let regions = match p.regions.len() {
        0 => "no regions".to_owned(),
        1 => "1 region".to_owned(),
        n => format!("{n} regions"),
    };
    let measured = match in_any(p) {
        0 => "nothing can be measured".to_owned(),
        1 => "1 thing is measured".to_owned(),
        n => format!("{n} things are measured"),
    };
    let limits = match p.limits.len() {
        0 => "no published limits".to_owned(),
        1 => "1 published limit".to_owned(),
        n => format!("{n} published limits"),
    };
    format!("{regions}, {measured}, {limits}")
}

/// How many things are measured in a region, or in all if it has none.
fn in_any(p: &Profile) -> usize {
    p.targets_in(p.regions.first()).count()
}

/// Everything that a profile says.
fn explain(out: &mut dyn Write, p: &Profile, region: Option<&Region>) -> anyhow::Result<()> {
    let width = text::width();
    let notes = Notes(p);
    writeln!(
        out,
        "{STRONG}{}{STRONG:#} {FAINT}({} version {}, digest {}){FAINT:#}",
        p.name, p.id, p.version, p.digest
    )?;
    text::paragraph(out, 0, &p.summary, width)?;

    heading(out, "What must be reachable from the desk")?;
    for n in p.needs.iter().chain(region.into_iter().flat_map(|r| &r.needs)) {
        item(out, &format!("{}: {}{}", n.what, reach(n, region), notes.of(&n.source)), width)?;
    }
    if p.needs.is_empty() {
        item(out, "nothing is published", width)?;
    }

    match region {
        Some(region) => heading(out, &format!("What a check measures in {} ({})", region.name, region.id))?,
        None => heading(out, "What a check measures")?,
    }
    let mut measured = 0;
    for target in p.targets_in(region) {
        measured += 1;
        item(out, &format!("{}{}", target_in_words(target, region), notes.of(&target.source)), width)?;
    }
    if measured == 0 && p.regions.iter().all(|r| r.targets.is_empty()) {
        item(out, "nothing: no host of it is known", width)?;
    } else if region.is_none() && p.regions.iter().any(|r| !r.targets.is_empty()) {
        item(out, "and more in each region", width)?;
    }

    heading(out, "Limits that it publishes")?;
    for l in &p.limits {
        item(out, &format!("{}: {}{}", l.says, in_our_terms(l), notes.of(&l.source)), width)?;
    }
    if p.limits.is_empty() {
        item(out, "none; those of the policy are used", width)?;
    }

    if !p.codecs.is_empty() {
        heading(out, "Codecs")?;
        for c in &p.codecs {
            let estimate = c.estimate.map(|e| format!(" (quality is estimated {})", words::estimated_for(e)));
            item(out, &format!("{}{}{}", c.name, estimate.unwrap_or_default(), notes.of(&c.source)), width)?;
        }
    }
    if !p.figures.is_empty() {
        heading(out, "Also published")?;
        for f in &p.figures {
            item(out, &format!("{}: {}{}", f.what, f.value, notes.of(&f.source)), width)?;
        }
    }
    if !p.regions.is_empty() {
        heading(out, "Regions")?;
        let widest = p.regions.iter().map(|r| r.id.as_str().len()).max().unwrap_or(0) + 2;
        for r in &p.regions {
            text::entry(out, 2, (r.id.as_str(), anstyle::Style::new()), widest, &r.name, width)?;
        }
    }
    if !p.unverified.is_empty() {
        heading(out, "What could not be verified")?;
        for said in &p.unverified {
            item(out, said, width)?;
        }
    }
    heading(out, "Read in")?;
    for (number, s) in p.sources.iter().enumerate() {
        let label = format!("[{}]", number + 1);
        text::entry(out, 2, (&label, FAINT), 5, &format!("{}, read on {}", s.title, s.read), width)?;
        writeln!(out, "       {FAINT}{}{FAINT:#}", s.url)?;
    }
    if in_any(p) == 0 {
        return Ok(());
    }
    let region = region.or(p.regions.first()).map(|r| format!("/{}", r.id)).unwrap_or_default();
    writeln!(out, "\n{FAINT}preshift check --profile {}{region}{FAINT:#}", p.id)?;
    Ok(())
}

fn heading(out: &mut dyn Write, words: &str) -> io::Result<()> {
    writeln!(out, "\n{STRONG}{words}{STRONG:#}")
}

fn item(out: &mut dyn Write, said: &str, width: usize) -> io::Result<()> {
    text::entry(out, 2, ("-", FAINT), 2, said, width)
}

/// Sources by number, as the list at the end has them.
struct Notes<'a>(&'a Profile);

impl Notes<'_> {
    fn of(&self, id: &Id) -> String {
        let number = self.0.sources.iter().position(|s| s.id == *id);
        number.map(|n| format!(" [{}]", n + 1)).unwrap_or_default()
    }
}

/// `UDP 3478 to turn.example.com`.
fn reach(n: &Need, region: Option<&Region>) -> String {
    let transport = match n.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    let port = |(first, last): &(u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    };
    let ports = n.ports.iter().map(port).collect::<Vec<_>>().join(", ");
    let hosts = n.hosts.iter().map(|h| shown(h, region)).chain(n.networks.iter().cloned());
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    match hosts.is_empty() {
        true => format!("{transport} {ports}, to hosts that are not named here"),
        false => format!("{transport} {ports} to {hosts}"),
    }
}

fn target_in_words(target: &Target, region: Option<&Region>) -> String {
    let shown = |text: &str| shown(text, region);
    match &target.kind {
        Kind::Endpoint { url } => format!("the service {} answers", shown(url)),
        Kind::Stun { host, port } => format!("STUN by UDP {port} to {}", shown(host)),
        Kind::Turn { host, udp, tcp, tls } => {
            let ways = [("UDP", udp), ("TCP", tcp), ("TLS", tls)];
            let ways = ways.iter().filter_map(|(name, port)| Some(format!("{name} {}", (**port)?)));
            format!("TURN by {} to {}", ways.collect::<Vec<_>>().join(", "), shown(host))
        }
        Kind::Signalling { url } => format!("signalling by WebSocket to {}", shown(url)),
        Kind::Name { host } => format!("the name {} is found", shown(host)),
    }
}

/// Placeholders as the chosen region has them; without one as IT may read them.
fn shown(text: &str, region: Option<&Region>) -> String {
    let (id, domain) = match region {
        Some(r) => (r.id.as_str(), r.domain.as_deref().unwrap_or("DOMAIN")),
        None => ("REGION", "DOMAIN"),
    };
    text.replace("{region}", id).replace("{domain}", domain)
}

/// "good up to 100 ms, bad above 400 ms" as far as the profile sets it.
fn in_our_terms(l: &profile::PublishedLimit) -> String {
    let row = l.metric().row();
    let (up_to, beyond) = if row.worse == Worse::Higher { ("up to", "above") } else { ("from", "below") };
    let said = |v| words::quantity(Quantity::new(v, row.unit));
    let good = l.set.good.map(|v| format!("good {up_to} {}", said(v)));
    let bad = l.set.bad.map(|v| format!("bad {beyond} {}", said(v)));
    let set: Vec<String> = good.into_iter().chain(bad).collect();
    format!("{} is {}", row.name, set.join(", "))
}
