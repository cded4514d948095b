//! The one table of thresholds: unit, direction, defaults, allowed range and source of each.
//!
//! A value is `good` up to the first limit, `bad` beyond the second and `doubtful` between the
//! two; the limits themselves belong to the better side. So the bands partition: no value is in
//! two of them or in none. What a band means for the verdict is said in the catalogue.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use telemetry::{Quantity, Unit};

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// Within the first limit.
    Good,
    /// Between the limits.
    Doubtful,
    /// Beyond the second limit.
    Bad,
}

/// Which direction is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    /// The more, the worse.
    Higher,
    /// The less, the worse.
    Lower,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Which metric.
    pub metric: Metric,
    /// Its name in a policy file.
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is worse.
    pub worse: Worse,
    /// Good up to here.
    pub good: f64,
    /// Bad beyond here.
    pub bad: f64,
    /// Least that a policy may set.
    pub min: f64,
    /// Most that a policy may set.
    pub max: f64,
    /// Where the defaults come from.
    pub source: &'static str,
}

macro_rules! table {
    ($($metric:ident, $name:literal, $unit:ident, $worse:ident, $good:literal, $bad:literal, $min:literal..=$max:literal, $what:literal, $source:literal;)*) => {
        /// Something that has limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $what] $metric,)*
        }

        /// Every row.
        pub const TABLE: &[Row] = &[$(Row {
            metric: Metric::$metric, name: $name, what: $what, unit: Unit::$unit, worse: Worse::$worse,
            good: $good, bad: $bad, min: $min, max: $max, source: $source,
        },)*];
    };
}

table! {
    Rtt, "rtt", Ms, Higher, 150.0, 400.0, 1.0..=5000.0,
        "Mean round trip of the voice stream",
        "good: ITU-T G.114 finds 150 ms one way unnoticed, and we hold the round trip to it; bad: Twilio warns at 400 (Teams and Operata at 500)";
    Jitter, "jitter", Ms, Higher, 30.0, 60.0, 1.0..=1000.0,
        "Mean difference between the delays of neighbouring packets (IPDV)",
        "good: Teams, Twilio and Operata 30 ms; bad: Operata 60, which is also our jitter buffer";
    Loss, "loss", Percent, Higher, 1.0, 2.5, 0.0..=50.0,
        "Share of voice packets lost, both ways together, judged by the lower end of its interval",
        "good: Teams and Twilio 1 %; bad: Operata 2.5 %";
    Mos, "mos", Mos, Lower, 4.0, 3.5, 1.0..=4.4,
        "Estimated call quality",
        "ITU-T G.107 with G.109: 4.03 is R 80 (satisfied), 3.6 is R 70 (some dissatisfied); Operata 3.5";
    Stall, "stall", Ms, Higher, 20.0, 60.0, 1.0..=1000.0,
        "How late the computer itself sends or takes packets (95th percentile)",
        "ours: one voice packet is 20 ms of speech, the jitter buffer is 60 ms";
    WifiSignal, "wifi_signal", Dbm, Lower, -67.0, -75.0, -95.0..=-30.0,
        "Wi-Fi signal",
        "good: -67 dBm is the usual design value for voice over Wi-Fi; bad: ours";
    WifiRate, "wifi_rate", MbitS, Lower, 12.0, 6.0, 0.0..=10000.0,
        "Rate at which the desk sends over Wi-Fi",
        "ours: a call needs 0.1 Mbit/s, but a link that fell to its lowest rates is at the edge of its range";
    DnsTime, "dns_time", Ms, Higher, 150.0, 500.0, 1.0..=10000.0,
        "Median time in which a name is resolved",
        "ours: a cached answer takes under 50 ms; half a second is felt at every sign-in";
    ServiceTime, "service_time", Ms, Higher, 1500.0, 4000.0, 10.0..=60000.0,
        "Time from nothing to the first byte of a service's answer",
        "ours: four round trips at the good limit and a slow server; four seconds feels broken";
    MicrophoneVolume, "microphone_volume", Percent, Lower, 20.0, 5.0, 0.0..=100.0,
        "Volume of the default microphone in the system",
        "ours: on Linux volume is cubic, so that 20 % is 42 dB below full";
    SampleRate, "sample_rate", Hz, Lower, 16000.0, 16000.0, 8000.0..=48000.0,
        "Native rate of the default microphone",
        "16 kHz is wideband speech (ITU-T G.722); below it is telephone quality";
    Zeros, "zeros", Percent, Higher, 98.0, 98.0, 50.0..=100.0,
        "Share of exact zeros from the microphone over at least 2 s",
        "ours: a live microphone has noise; more than 98 % zeros is muted or without permission";
    Clipping, "clipping", Percent, Higher, 0.1, 1.0, 0.0..=100.0,
        "Share of samples at full scale",
        "ours: 0.1 % is a knock on the desk, 1 % is heard as distortion";
    Dropouts, "dropouts", Count, Higher, 1.0, 5.0, 0.0..=1000.0,
        "Gaps in the microphone's data in one measurement",
        "ours: one may be the start of the stream";
    Cpu, "cpu", Percent, Higher, 80.0, 90.0, 1.0..=100.0,
        "Processor in use, all cores together",
        "Operata 80 and 90 %";
    Memory, "memory", Percent, Higher, 80.0, 90.0, 1.0..=100.0,
        "Memory in use",
        "Operata 80 and 90 %";
    DiskFree, "disk_free", Mb, Lower, 2000.0, 500.0, 1.0..=1000000.0,
        "Space left on the disk",
        "ours: browsers fail to update and to cache below 500 MB";
    Battery, "battery", Percent, Lower, 50.0, 20.0, 1.0..=100.0,
        "Charge, while the computer runs on its battery",
        "ours: half a battery is half a shift at best; systems save power, and so throttle, at 20 %";
    Uptime, "uptime", Days, Higher, 14.0, 30.0, 1.0..=3650.0,
        "Time since the computer was restarted",
        "ours: monthly updates need a restart";
    Clock, "clock", Ms, Higher, 30000.0, 300000.0, 100.0..=3600000.0,
        "How far the computer's clock is from the collector's",
        "bad: 5 minutes is where Kerberos (RFC 4120) and most sign-in tokens fail; good: ours";
    Mtu, "mtu", Bytes, Lower, 1280.0, 1228.0, 576.0..=1500.0,
        "Largest packet that passes to a reflector and back",
        "good: what IPv6 asks of every link (RFC 8200); bad: browsers send media and QUIC in up to 1,200 bytes of UDP, 1,228 with their headers";
    OwnUpload, "own_upload", MbitS, Higher, 0.5, 0.5, 0.1..=10000.0,
        "What this computer sends while voice suffers from a full line, the test left out",
        "ours: half of the slowest uplink that is still sold (1 Mbit/s); less fills none";
    OwnDownload, "own_download", MbitS, Higher, 2.0, 2.0, 0.1..=10000.0,
        "What this computer receives while voice suffers from a full line, the test left out",
        "ours: half of a slow downlink (4 Mbit/s); less fills none";
    AddedDelay, "added_delay", Ms, Higher, 60.0, 200.0, 1.0..=5000.0,
        "What a busy line adds to the round trip, while somebody downloads or uploads",
        "good: ours, the jitter buffer of a call is 60 ms; bad: the 200 ms of round trip at which draft-ietf-ippm-responsiveness calls a line poor";
    Rpm, "rpm", Count, Lower, 1000.0, 300.0, 1.0..=100000.0,
        "Round trips a minute while the line is busy; judged together with `added_delay`, since a far server has few on any line",
        "draft-ietf-ippm-responsiveness: 300 is the least for a call, 1000 is good";
    LineRate, "line_rate", MbitS, Lower, 0.5, 0.1, 0.0..=1000.0,
        "What the line carries, each way",
        "bad: Amazon Connect asks 100 kbit/s each way for a call; good: ours, room for the softphone's pages beside it";
}

impl Metric {
    /// Its row.
    pub fn row(self) -> &'static Row {
        // The macro lists the variants and the rows in one order.
        &TABLE[self as usize]
    }

    /// The metric of that name in a policy file.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|r| r.name == name).map(|r| r.metric)
    }
}

/// What a policy sets instead of a default. Either limit may be left as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Good up to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<f64>,
    /// Bad beyond here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<f64>,
}

/// The overrides of a policy by the metric's name.
pub type Overrides = BTreeMap<String, Override>;

/// The limits of one metric in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Which metric.
    pub metric: Metric,
    /// Good up to here.
    pub good: f64,
    /// Bad beyond here.
    pub bad: f64,
}

impl Limit {
    /// The limits of a metric under a policy's overrides.
    pub fn of(metric: Metric, overrides: &Overrides) -> Self {
        let row = metric.row();
        let set = overrides.get(row.name).copied().unwrap_or_default();
        Self { metric, good: set.good.unwrap_or(row.good), bad: set.bad.unwrap_or(row.bad) }
    }

    /// In which band a value lies.
    pub fn band(&self, value: f64) -> Band {
        let beyond = |limit: f64| match self.metric.row().worse {
            Worse::Higher => value > limit,
            Worse::Lower => value < limit,
        };
        if beyond(self.bad) {
            Band::Bad
        } else if beyond(self.good) {
            Band::Doubtful
        } else {
            Band::Good
        }
    }

    /// The limit that a value in this band is beyond.
    pub fn quantity(&self, band: Band) -> Quantity {
        let limit = if band == Band::Bad { self.bad } else { self.good };
        Quantity::new(limit, self.metric.row().unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_metric_finds_its_own_row_by_itself_and_by_name() {
        for row in TABLE {
            assert_eq!(row.metric.row(), row);
            assert_eq!(Metric::named(row.name), Some(row.metric));
        }
    }

    #[test]
    fn defaults_are_in_order_and_in_range_with_a_source() {
        for r in TABLE {
            let (best, worst) = if r.worse == Worse::Higher { (r.good, r.bad) } else { (r.bad, r.good) };
            assert!(best <= worst, "{}: good and bad are the wrong way round", r.name);
            assert!(r.min <= best && worst <= r.max, "{}: a default is out of range", r.name);
            assert!(!r.source.is_empty() && !r.what.is_empty(), "{}", r.name);
        }
    }

    #[test]
    fn a_limit_itself_is_on_the_better_side_and_one_step_beyond_is_not() {
        for row in TABLE {
            let limit = Limit::of(row.metric, &Overrides::new());
            let worse = |x: f64| if row.worse == Worse::Higher { x.next_up() } else { x.next_down() };
            assert_eq!(limit.band(row.good), Band::Good, "{}", row.name);
            assert_eq!(limit.band(worse(row.bad)), Band::Bad, "{}", row.name);
            if row.good != row.bad {
                assert_eq!(limit.band(worse(row.good)), Band::Doubtful, "{}", row.name);
                assert_eq!(limit.band(row.bad), Band::Doubtful, "{}", row.name);
            }
        }
    }

    proptest! {
        /// Going in the worse direction never leads to a better band, and every value has a band:
        /// so the bands are three intervals without gap or overlap.
        #[test]
        fn bands_partition(i in 0..TABLE.len(), a in -1e6..1e6f64, b in -1e6..1e6f64, g in -100.0..500.0f64, w in 0.0..500.0f64) {
            let row = &TABLE[i];
            let higher = row.worse == Worse::Higher;
            let set = Override { good: Some(g), bad: Some(if higher { g + w } else { g - w }) };
            let overrides = Overrides::from([(row.name.to_owned(), set)]);
            let limit = Limit::of(row.metric, &overrides);
            let (better, worse) = if (a < b) == higher { (a, b) } else { (b, a) };
            prop_assert!(limit.band(better) <= limit.band(worse));
            prop_assert_eq!(limit.band(g), Band::Good);
        }
    }
}
