//! `preshift sent`: the exact bytes that left this computer.

use super::{
    Exit,
    render::{FAINT, STRONG, time},
    view::{self, View},
};
use crate::config::Settings;
use clap::Args;
use std::io::Write as _;

const EXAMPLES: &str = "\
Examples:
  preshift sent                  The last five requests, readable
  preshift sent --last 1 --raw   One, to the byte, as it was before packing (zstd)";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// How many of the last
    #[arg(long, value_name = "N", default_value_t = 5)]
    last: u32,
    /// The bytes alone, one request a line, not set out for reading
    #[arg(long)]
    raw: bool,
}

pub fn run(settings: &Settings, options: &Options) -> anyhow::Result<Exit> {
    let Some(view) = View::open(settings)? else {
        view::nothing_yet();
        return Ok(Exit::Done);
    };
    let sent = view.store.sent(options.last)?;
    let mut out = anstream::stdout().lock();
    for one in &sent {
        if options.raw {
            out.write_all(&one.json)?;
            writeln!(out)?;
            continue;
        }
        let answer = match (one.answered, one.status) {
            (Some(_), Some(status)) => format!("answered {status}"),
            _ => "no answer came".into(),
        };
        let tries = if one.times > 1 { format!(", tried {} times", one.times) } else { String::new() };
        writeln!(out, "{STRONG}{}  {} {}{STRONG:#}", time::exact(one.at), one.method, one.path)?;
        writeln!(
            out,
            "{FAINT}{} reports, {} bytes on the wire, {} unpacked; {answer}{tries}{FAINT:#}",
            one.reports,
            one.wire_bytes,
            one.json.len()
        )?;
        match serde_json::from_slice::<serde_json::Value>(&one.json) {
            Ok(value) => writeln!(out, "{value:#}\n")?,
            Err(_) if one.json.is_empty() => writeln!(out, "(no content)\n")?,
            Err(_) => {
                out.write_all(&one.json)?;
                writeln!(out, "\n")?;
            }
        }
    }
    if sent.is_empty() && !options.raw {
        let why = if view.identity.enrolment().is_some() { "" } else { " This desk is not enrolled." };
        writeln!(out, "Nothing has left this computer.{why}")?;
    }
    Ok(Exit::Done)
}
