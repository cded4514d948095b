//! Steering links from outside: one line in, one answer out, over a socket.
//!
//! `set WHICH SETTING…`, `stats`, `record WHICH`, `reset`, `quit`.

use crate::{Direction, Fate, Kind, Lateness, Links};
use std::{
    fmt::Write as _,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
};

/// Answers until somebody says `quit`.
pub fn serve(socket: &Path, links: &Links) -> io::Result<()> {
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket)?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut line = String::new();
        // Somebody who goes away in the middle is no reason to end.
        if BufReader::new(&stream).read_line(&mut line).is_err() {
            continue;
        }
        let answer = answer(&line, links);
        let _ = stream.write_all(answer.as_bytes());
        if line.trim() == "quit" {
            break;
        }
    }
    std::fs::remove_file(socket)
}

/// Says one line and returns the answer; an answer that begins with `ERR` is an error.
pub fn say(socket: &Path, line: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(line.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.strip_prefix("ERR ") {
        Some(error) => Err(io::Error::other(error.trim().to_owned())),
        None => Ok(answer),
    }
}

fn answer(line: &str, links: &Links) -> String {
    let (command, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match command {
        "set" => match rest.split_once(' ').ok_or("set WHICH SETTING…".to_owned()) {
            Ok((which, settings)) => match links.set(which, settings) {
                Ok(()) => "OK\n".into(),
                Err(error) => format!("ERR {error}\n"),
            },
            Err(usage) => format!("ERR {usage}\n"),
        },
        "stats" => links.directions().iter().map(|d| stats(d)).collect(),
        "record" => links
            .matching(if rest.is_empty() { "all" } else { rest })
            .into_iter()
            .map(|d| record(d))
            .collect(),
        "reset" => {
            links.directions().iter().for_each(|d| d.forget());
            "OK\n".into()
        }
        "quit" => "OK\n".into(),
        _ => "ERR set, stats, record, reset or quit\n".into(),
    }
}

/// One line of JSON: how many packets met which fate, and how late the lab was.
fn stats(direction: &Direction) -> String {
    let records = direction.records();
    let of = |fate| records.iter().filter(|r| r.fate == fate).count();
    let copies: u32 = records.iter().map(|r| r.copies.saturating_sub(1)).sum();
    let late = Lateness::of(&records);
    format!(
        "{{\"direction\":\"{}\",\"seen\":{},\"passed\":{},\"lost\":{},\"queue_full\":{},\"duplicates\":{copies},\
         \"late_ns\":{{\"p50\":{},\"p99\":{},\"max\":{}}}}}\n",
        direction.name(),
        records.len(),
        of(Fate::Passed),
        of(Fate::Lost),
        of(Fate::QueueFull),
        late.p50,
        late.p99,
        late.max,
    )
}

/// One line of JSON for each packet.
fn record(direction: &Direction) -> String {
    let mut lines = String::new();
    for r in direction.records() {
        let kind = match r.identity.kind {
            Kind::Request => "request",
            Kind::Reply => "reply",
            Kind::EchoRequest => "echo-request",
            Kind::EchoReply => "echo-reply",
            Kind::IrttRequest => "irtt-request",
            Kind::IrttReply => "irtt-reply",
            Kind::Other => "other",
        };
        let fate = match r.fate {
            Fate::Passed => "passed",
            Fate::Lost => "lost",
            Fate::QueueFull => "queue_full",
        };
        let released = r.released.map_or("null".to_owned(), |at| at.to_string());
        let _ = writeln!(
            lines,
            "{{\"direction\":\"{}\",\"kind\":\"{kind}\",\"ssid\":{},\"sequence\":{},\"length\":{},\"arrived\":{},\
             \"fate\":\"{fate}\",\"due\":{},\"released\":{released},\"copies\":{}}}",
            direction.name(),
            r.identity.ssid,
            r.identity.sequence,
            r.identity.length,
            r.arrived,
            r.due,
            r.copies,
        );
    }
    lines
}
