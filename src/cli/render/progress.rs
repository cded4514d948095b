//! A check as it goes, on standard error: a list that is rewritten in place on a terminal, one line
//! for each thing that happens elsewhere.

use super::FAINT;
use crate::control::{Ended, Step};
use anstream::stream::IsTerminal as _;
use readiness::words;
use std::{
    io::{self, Write},
    time::{Duration, Instant},
};
use telemetry::ProbeId;

/// Progress within a probe is drawn at most this often.
const REDRAW: Duration = Duration::from_millis(100);

/// What takes less is not worth a number.
const QUICK: Duration = Duration::from_millis(50);

/// Shows the steps of a check.
pub struct Progress<W: Write> {
    out: W,
    rows: Vec<Row>,
    live: bool,
    width: usize,
    drawn: usize,
    last: Instant,
}

struct Row {
    probe: ProbeId,
    state: State,
    began: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Running(Option<u8>),
    Ended(Ended, Duration),
}

impl Progress<anstream::AutoStream<io::Stderr>> {
    /// On standard error, in the form that suits it.
    pub fn on_stderr() -> Self {
        let size = terminal_size::terminal_size_of(io::stderr());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        // One row for each probe and the heading must fit, or rewriting would leave traces.
        let fits = size.is_some_and(|(_, h)| usize::from(h.0) > ProbeId::ALL.len() + 1);
        let live = io::stderr().is_terminal() && !dumb && fits;
        Self::new(anstream::stderr(), live, size.map_or(80, |(w, _)| usize::from(w.0)))
    }
}

impl<W: Write> Progress<W> {
    /// Writes to `out`; `live` rewrites in place.
    pub fn new(out: W, live: bool, width: usize) -> Self {
        Self { out, rows: Vec::new(), live, width, drawn: 0, last: Instant::now() }
    }

    /// Says that it begins, before anything is measured.
    pub fn begin(&mut self, what: &str) {
        let _ = writeln!(self.out, "{what}");
        let _ = self.out.flush();
    }

    /// Takes in a step. Errors of writing are ignored: a closed window must not end a check.
    pub fn step(&mut self, step: &Step) {
        let now = Instant::now();
        let probe = step.probe();
        let row = match self.rows.iter().position(|r| r.probe == probe) {
            Some(row) => &mut self.rows[row],
            None => {
                self.rows.push(Row { probe, state: State::Waiting, began: now });
                self.rows.sort_by_key(|r| r.probe);
                self.rows.iter_mut().find(|r| r.probe == probe).expect("it was just put in")
            }
        };
        row.state = match step {
            Step::Waiting(_) => State::Waiting,
            Step::Started(_) => {
                row.began = now;
                State::Running(None)
            }
            Step::At(_, percent) => State::Running(Some(*percent)),
            Step::Ended(_, ended) => State::Ended(*ended, now.duration_since(row.began)),
        };
        if self.live {
            if matches!(step, Step::At(..)) && now.duration_since(self.last) < REDRAW {
                return;
            }
            self.last = now;
            let _ = self.draw();
        } else {
            let _ = self.line(probe);
        }
    }

    /// Takes the list away, so that the result stands alone.
    pub fn end(&mut self) {
        if self.live && self.drawn > 0 {
            let _ = write!(self.out, "\x1b[{}A\x1b[J", self.drawn);
            let _ = self.out.flush();
            self.drawn = 0;
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            text += &format!("\x1b[{}A", self.drawn);
        }
        for row in &self.rows {
            let (name, state) = (words::probe(row.probe), said(row.state));
            let line: String = format!("  {name:<27} {state}").chars().take(self.width.max(2) - 1).collect();
            let faint = matches!(row.state, State::Waiting | State::Ended(Ended::NotChecked(_), _));
            let style = if faint { FAINT } else { anstyle::Style::new() };
            text += &format!("\r{style}{line}{style:#}\x1b[K\n");
        }
        self.drawn = self.rows.len();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn line(&mut self, probe: ProbeId) -> io::Result<()> {
        let Some(row) = self.rows.iter().find(|r| r.probe == probe) else { return Ok(()) };
        // Without a terminal a line for each percent would bury the rest.
        if matches!(row.state, State::Ended(..) | State::Running(None)) {
            writeln!(self.out, "{}: {}", words::probe(probe), said(row.state))?;
            self.out.flush()?;
        }
        Ok(())
    }
}

fn said(state: State) -> String {
    match state {
        State::Waiting => "waiting".into(),
        State::Running(None) => "measuring".into(),
        State::Running(Some(percent)) => format!("measuring {percent} %"),
        State::Ended(Ended::Measured(_), took) if took < QUICK => "measured".into(),
        State::Ended(Ended::Measured(_), took) => format!("measured in {:.1} s", took.as_secs_f64()),
        State::Ended(Ended::NotChecked(why), _) => format!("not checked: {}", words::not_checked(why)),
        State::Ended(Ended::Unsupported(why), _) => {
            format!("not possible here: {}", words::unsupported(why))
        }
        State::Ended(Ended::Failed(why), _) => format!("failed: {}", words::failure(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::{Failure, NotChecked};

    fn steps() -> Vec<Step> {
        vec![
            Step::Waiting(ProbeId::Link),
            Step::Waiting(ProbeId::Media),
            Step::Ended(ProbeId::Noise, Ended::NotChecked(NotChecked::NoConsent)),
            Step::Started(ProbeId::Link),
            Step::At(ProbeId::Link, 40),
            Step::Ended(ProbeId::Link, Ended::Measured(12)),
            Step::Started(ProbeId::Media),
            Step::Ended(ProbeId::Media, Ended::Failed(Failure::Timeout)),
        ]
    }

    fn written(live: bool, width: usize) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, live, width);
        progress.begin("Checking");
        steps().iter().for_each(|s| progress.step(s));
        progress.end();
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn without_a_terminal_each_event_is_a_line_without_control_codes() {
        let text = written(false, 80);
        assert!(!text.contains('\x1b') && !text.contains('\r'), "{text:?}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Checking");
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines[5].contains("failed"), "{text}");
    }

    #[test]
    fn on_a_terminal_no_line_is_wider_than_it_and_the_list_is_taken_away() {
        for width in [20, 40, 80] {
            let text = anstream::adapter::strip_str(&written(true, width)).to_string();
            for line in text.lines() {
                assert!(line.trim_start_matches('\r').chars().count() < width, "{width}: {line:?}");
            }
        }
        assert!(written(true, 80).ends_with("\x1b[3A\x1b[J"));
    }
}
