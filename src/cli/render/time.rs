//! Times and durations as people on this desk read them.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use telemetry::UnixMs;

/// A moment in this desk's own time: "Mon 23 Nov 09:00".
pub fn moment(at: UnixMs) -> String {
    zoned(at).map_or_else(|| at.get().to_string(), |t| t.strftime("%a %d %b %H:%M").to_string())
}

/// A moment to the second, with the year: "2026-11-23 09:00:07".
pub fn exact(at: UnixMs) -> String {
    zoned(at).map_or_else(|| at.get().to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A moment near `now`: the time alone on the same day.
pub fn near(at: UnixMs, now: UnixMs) -> String {
    match (zoned(at), zoned(now)) {
        (Some(a), Some(n)) if a.date() == n.date() => a.strftime("%H:%M").to_string(),
        _ => moment(at),
    }
}

/// How long ago, in one unit: "3 min ago".
pub fn ago(at: UnixMs, now: UnixMs) -> String {
    match now.since_ms(at) {
        ms if ms < 5_000 => "just now".into(),
        ms => format!("{} ago", span(ms / 1000)),
    }
}

/// A span in one unit: "45 s", "12 min", "3 h", "2 days".
pub fn span(seconds: i64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 2 * 3600 => format!("{} min", s / 60),
        s if s < 48 * 3600 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// Reads a span that a person wrote: "30m", "2h", "90s", "1d".
pub fn parse_span(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("'{text}' is not a time such as 30m, 2h or 1d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let most = 30 * 86_400;
    match number.checked_mul(seconds) {
        Some(s) if (1..=most).contains(&s) => Ok(std::time::Duration::from_secs(s)),
        _ => Err(format!("'{text}' is not between one second and 30 days")),
    }
}

fn zoned(at: UnixMs) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at.get()).ok()?.to_zoned(TimeZone::system()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_hostile_ones_refused() {
        assert_eq!(parse_span("30m").unwrap().as_secs(), 1800);
        assert_eq!(parse_span("2h").unwrap().as_secs(), 7200);
        for bad in ["", "m", "30", "-1m", "1.5h", "30 m", "0m", "31d", "99999999999999999999h", "9ü", "1w"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_have_one_unit() {
        assert_eq!([119, 120, 7199, 7200, 172_800].map(span), ["119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}
