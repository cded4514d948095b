//! What a check may say: our own words, figures and the closed types of the wire.
//!
//! There is no way to put a text in that came from the system, a setting or a person: every part is a
//! word of this program, a number, or a type that cannot hold a name. So nothing has to be taken
//! out again later.
//!
//! ```compile_fail
//! let host = std::env::var("HOSTNAME").unwrap();
//! preshift::selftest::Said::of(&host);
//! ```

use serde::{Serialize, Serializer};
use std::{fmt, io};
use telemetry::{
    Connection, FactKey, Failure, FormFactor, GatewayMethod, Id, LinkKind, MicrophonePermission,
    MicrophoneUse, NotChecked, ProbeId, TimestampQuality, Unsupported, UsbId, Version, WifiBand, Word,
};

/// A sentence that can hold nothing private.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(String);

/// A type of the wire that is one word out of a list.
pub trait Closed: Serialize {}

macro_rules! closed {
    ($($name:ty),*) => { $(impl Closed for $name {})* };
}

closed!(
    Connection,
    FactKey,
    Failure,
    FormFactor,
    GatewayMethod,
    Id,
    LinkKind,
    MicrophonePermission,
    MicrophoneUse,
    NotChecked,
    ProbeId,
    TimestampQuality,
    Unsupported,
    UsbId,
    Version,
    WifiBand,
    Word
);

impl Said {
    /// These words.
    pub fn of(words: &'static str) -> Self {
        Self(words.to_owned())
    }

    /// And these, after a comma.
    pub fn and(self, words: &'static str) -> Self {
        self.joined(", ", words)
    }

    /// And these, after a space.
    pub fn with(self, words: &'static str) -> Self {
        self.joined(" ", words)
    }

    /// A word out of a closed list, as the wire has it.
    pub fn word(self, word: &impl Closed) -> Self {
        // A unit of an enum or a checked string; what is neither would not be `Closed`.
        let written = serde_json::to_value(word).ok();
        let text = written.as_ref().and_then(serde_json::Value::as_str).unwrap_or("unknown");
        self.joined(" ", text)
    }

    /// A count.
    pub fn count(self, number: u64) -> Self {
        self.joined(" ", &number.to_string())
    }

    /// A figure with a name and its unit, to three decimals: after a comma, or beside a colon.
    pub fn figure(self, name: &'static str, value: f64, unit: &'static str) -> Self {
        let digits = format!("{value:.3}");
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let digits = if digits == "-0" { "0" } else { digits };
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let glue = if self.0.ends_with(':') { " " } else { ", " };
        self.joined(glue, &format!("{name} {digits}{unit}"))
    }

    /// Why the system refused: what kind of refusal it was, and its number. Never its own text, which
    /// may name a file.
    pub fn refusal(self, error: &io::Error) -> Self {
        let said = self.joined(": ", &error.kind().to_string());
        match error.raw_os_error() {
            Some(code) => Self(format!("{} (code {code})", said.0)),
            None => said,
        }
    }

    /// What was said elsewhere, after a space.
    pub fn beside(self, other: &Self) -> Self {
        self.joined(" ", &other.0)
    }

    /// Another sentence after this one.
    pub fn then(self, other: &Self) -> Self {
        self.joined("; ", &other.0)
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn joined(self, glue: &str, more: &str) -> Self {
        if self.0.is_empty() { Self(more.to_owned()) } else { Self(format!("{}{glue}{more}", self.0)) }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_have_units() {
        let said = Said::of("late by:").figure("p50", 0.0331, "ms").figure("p95", 12.0, "ms");
        assert_eq!(said.as_str(), "late by: p50 0.033 ms, p95 12 ms");
        assert_eq!(Said::default().figure("offset", -0.000_01, "ms").as_str(), "offset 0 ms");
        assert_eq!(Said::default().figure("ratio", 1.5, "").as_str(), "ratio 1.5");
    }

    #[test]
    fn words_of_the_wire_are_written_as_the_wire_has_them() {
        let said = Said::of("way")
            .word(&GatewayMethod::TtlLimitedUdp)
            .and("device")
            .word(&UsbId::from_number(0x0b0e));
        assert_eq!(said.as_str(), "way ttl_limited_udp, device 0b0e");
    }

    #[test]
    fn a_refusal_keeps_the_system_s_own_text_to_itself() {
        let named = io::Error::new(io::ErrorKind::NotFound, "/home/anna/secret is not there");
        assert_eq!(Said::of("refused").refusal(&named).as_str(), "refused: entity not found");
        let coded = io::Error::from_raw_os_error(13);
        assert!(Said::of("refused").refusal(&coded).as_str().ends_with("(code 13)"));
    }
}
