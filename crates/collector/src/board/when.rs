//! Times as people read them.

use crate::clock::{DAY, HOUR, MINUTE};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use telemetry::UnixMs;

/// The time zone in which a page tells times.
#[derive(Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of this name, or the computer's own.
    pub fn named(name: Option<&str>) -> Result<Self, jiff::Error> {
        name.map_or_else(|| Ok(TimeZone::system()), TimeZone::get).map(Self)
    }

    /// Its name, for the foot of the page.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("the server's local time")
    }

    fn at(&self, at: UnixMs) -> Zoned {
        Timestamp::from_millisecond(at.get()).unwrap_or_default().to_zoned(self.0.clone())
    }

    /// `Mon 23 Nov, 07:30`
    pub fn moment(&self, at: UnixMs) -> String {
        self.at(at).strftime("%a %-d %b, %H:%M").to_string()
    }

    /// `07:30`
    pub fn time(&self, at: UnixMs) -> String {
        self.at(at).strftime("%H:%M").to_string()
    }

    /// `08:00–16:30` today, else with the day.
    pub fn span(&self, begin: UnixMs, end: UnixMs, now: UnixMs) -> String {
        let span = format!("{}–{}", self.time(begin), self.time(end));
        if self.at(begin).date() == self.at(now).date() {
            span
        } else {
            format!("{}, {span}", self.at(begin).strftime("%a %-d %b"))
        }
    }

    /// The hour that this moment is in.
    pub fn hour(&self, at: UnixMs) -> String {
        self.at(at).strftime("%H:00").to_string()
    }
}

/// For machines, in a `datetime` attribute.
pub fn iso(at: UnixMs) -> String {
    crate::store::export::time(at)
}

/// `3 min ago`, `in 25 min`
pub fn relative(at: UnixMs, now: UnixMs) -> String {
    let away = at.since_ms(now);
    if away.abs() < MINUTE {
        return "just now".into();
    }
    let length = length(away.abs());
    if away < 0 { format!("{length} ago") } else { format!("in {length}") }
}

/// `25 min`, `3 h`, `4 days`
pub fn length(ms: i64) -> String {
    if ms < MINUTE {
        format!("{} s", ms / 1000)
    } else if ms < HOUR {
        format!("{} min", ms / MINUTE)
    } else if ms < 10 * HOUR && ms % HOUR >= MINUTE {
        format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE)
    } else if ms < 2 * DAY {
        format!("{} h", ms / HOUR)
    } else {
        format!("{} days", ms / DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let now = UnixMs::new(1_795_419_000_000);
        let said = |ms| relative(now.plus_ms(ms), now);
        assert_eq!(said(-59_000), "just now");
        assert_eq!(said(-3 * MINUTE), "3 min ago");
        assert_eq!(said(25 * MINUTE), "in 25 min");
        assert_eq!(said(90 * MINUTE), "in 1 h 30 min");
        assert_eq!(said(-30 * HOUR), "30 h ago");
        assert_eq!(said(-50 * DAY), "50 days ago");
        let zone = Zone::named(Some("Europe/Berlin")).unwrap();
        assert_eq!(zone.moment(now), "Mon 23 Nov, 08:30");
        assert_eq!(zone.span(now, now.plus_ms(8 * HOUR), now), "08:30–16:30");
        assert_eq!(zone.span(now, now.plus_ms(8 * HOUR), now.plus_ms(-DAY)), "Mon 23 Nov, 08:30–16:30");
    }
}
