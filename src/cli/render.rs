//! How results look on a terminal, in a pipe and at any width.
//!
//! Owns layout and nothing else: what a finding means is in `readiness`. No meaning is carried by colour
//! alone: every colour stands beside a word.

pub mod figures;
pub mod findings;
pub mod progress;
pub mod text;
pub mod time;

use anstyle::{AnsiColor, Style};
use telemetry::{Severity, Verdict};

/// Headings and names.
pub const STRONG: Style = Style::new().bold();
/// What is less important.
pub const FAINT: Style = Style::new().dimmed();

/// The colour that goes with a verdict's word.
pub fn verdict_style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Ready => AnsiColor::Green,
        Verdict::AtRisk => AnsiColor::Yellow,
        Verdict::NotReady => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Magenta,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

/// The colour that goes with a severity's word.
pub fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Note => FAINT,
        Severity::Warning => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Severity::Blocking => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
    }
}
