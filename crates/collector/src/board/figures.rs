//! Series of figures from a desk's readings: which there are, and how each is taken from a reading.
//!
//! A new figure is one row of the table.

use super::{chart::Chart, when::Zone};
use crate::clock::{HOUR, MINUTE};
use readiness::{Policy, limits::Metric, words};
use std::collections::BTreeMap;
use telemetry::{Dns, Https, Media, Quantity, Reading, Responsiveness, Unit, UnixMs, Value};

/// A series over time.
type Points = Vec<(UnixMs, f64)>;
/// How a figure is taken from a measurement.
type Take = fn(&Value) -> Option<f64>;

/// Title, unit, the limit it is drawn with, whether more is worse, and where it comes from.
const FIGURES: [(&str, Unit, Option<Metric>, bool, Take); 14] = [
    ("Estimated call quality (MOS)", Unit::Mos, Some(Metric::Mos), false, |v| media(v)?.mos.map(|m| m.get())),
    ("Round trip", Unit::Ms, Some(Metric::Rtt), true, |v| media(v)?.rtt_mean.map(|m| m.get())),
    ("Jitter", Unit::Ms, Some(Metric::Jitter), true, |v| media(v)?.ipdv_mean.map(|m| m.get())),
    ("Packet loss", Unit::Percent, Some(Metric::Loss), true, |v| media(v).map(loss)),
    ("Service answer", Unit::Ms, Some(Metric::ServiceTime), true, |v| match v {
        Value::Https(h) => service(h),
        _ => None,
    }),
    ("Name resolution", Unit::Ms, Some(Metric::DnsTime), true, |v| match v {
        Value::Dns(d) => resolution(d),
        _ => None,
    }),
    ("Wi-Fi signal", Unit::Dbm, Some(Metric::WifiSignal), false, |v| match v {
        Value::Link(l) => l.wifi.as_ref()?.signal_dbm.map(|s| s.get()),
        _ => None,
    }),
    ("Processor in use", Unit::Percent, Some(Metric::Cpu), true, |v| match v {
        Value::Load(l) => Some(l.cpu.get()),
        _ => None,
    }),
    ("Memory in use", Unit::Percent, Some(Metric::Memory), true, |v| match v {
        Value::Load(l) => Some(l.memory.get()),
        _ => None,
    }),
    // Recorded and not judged: what is loud depends on the headset.
    ("Background level at the microphone", Unit::Dbfs, None, true, |v| match v {
        Value::Noise(n) => Some(n.l95.get()),
        _ => None,
    }),
    ("Round trip over UDP (STUN)", Unit::Ms, None, true, |v| match v {
        Value::Stun(s) => s.rtt_mean.map(|t| t.get()),
        _ => None,
    }),
    ("Largest packet", Unit::Bytes, Some(Metric::Mtu), false, |v| match v {
        Value::Mtu(m) => (m.bytes > 0).then_some(f64::from(m.bytes)),
        _ => None,
    }),
    ("Delay added by an upload", Unit::Ms, Some(Metric::AddedDelay), true, |v| {
        load(v)?.upload.as_ref()?.added_delay.map(|d| d.get())
    }),
    ("Delay added by a download", Unit::Ms, Some(Metric::AddedDelay), true, |v| {
        load(v)?.download.as_ref()?.added_delay.map(|d| d.get())
    }),
];

fn media(value: &Value) -> Option<&Media> {
    match value {
        Value::Media(m) => Some(m),
        _ => None,
    }
}

fn load(value: &Value) -> Option<&Responsiveness> {
    match value {
        Value::Responsiveness(r) => Some(r),
        _ => None,
    }
}

/// Both ways together.
fn loss(m: &Media) -> f64 {
    if m.sent == 0 { 0.0 } else { f64::from(m.sent.saturating_sub(m.received)) * 100.0 / f64::from(m.sent) }
}

fn service(h: &Https) -> Option<f64> {
    let rest: f64 = [h.dns, h.tcp, h.tls].into_iter().flatten().map(|m| m.get()).sum();
    Some(rest + h.first_byte?.get())
}

fn resolution(d: &Dns) -> Option<f64> {
    let mut times: Vec<f64> = d.queries.iter().filter_map(|q| q.time).map(|t| t.get()).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// A figure over time, ready to be shown.
pub struct Figure {
    /// What it is, and against which target.
    pub title: String,
    /// The drawing.
    pub svg: String,
    /// Last value.
    pub latest: String,
    /// When that was.
    pub latest_at: String,
    /// The middle one.
    pub median: String,
    /// The worst.
    pub worst: String,
    /// The limit of what is good, if it has one.
    pub limit: String,
    /// One row for each hour: hour, measurements, median, worst.
    pub hours: Vec<[String; 4]>,
}

/// All figures of these readings, in the table's order; targets apart.
pub fn all<'r>(
    readings: impl Iterator<Item = &'r Reading>,
    policy: Option<&Policy>,
    from: UnixMs,
    to: UnixMs,
    zone: &Zone,
) -> Vec<Figure> {
    // By figure and target.
    let mut series: BTreeMap<(usize, Option<&str>), Points> = BTreeMap::new();
    for reading in readings.filter(|r| (from..=to).contains(&r.at)) {
        let Some(value) = reading.measured() else { continue };
        for (i, (.., take)) in FIGURES.iter().enumerate() {
            if let Some(v) = take(value) {
                let target = reading.target.as_ref().map(|t| t.as_str());
                series.entry((i, target)).or_default().push((reading.at, v));
            }
        }
    }
    series
        .into_iter()
        .map(|((i, target), mut points)| {
            points.sort_by_key(|p| p.0);
            figure(i, target, &points, policy, from, to, zone)
        })
        .collect()
}

fn figure(
    i: usize,
    target: Option<&str>,
    points: &[(UnixMs, f64)],
    policy: Option<&Policy>,
    from: UnixMs,
    to: UnixMs,
    zone: &Zone,
) -> Figure {
    let (name, unit, metric, more_is_worse, _) = FIGURES[i];
    let said = |v: f64| words::quantity(Quantity::new(v, unit));
    let good = metric.map(|m| policy.map_or(m.row().good, |p| p.limit(m).good));
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let (last_at, last) = points.last().copied().unwrap_or((from, 0.0));
    let (middle, worst) = (said(median(&values)), said(worst(&values, more_is_worse)));
    let title = target.map_or_else(|| name.to_owned(), |t| format!("{name}, {t}"));
    let described = format!("{title}: latest {}, median {middle}, worst {worst}", said(last));
    // Three times the usual pace is a silence; so are two hours, whatever the pace.
    let gap_ms = pace(points).map_or(10 * MINUTE, |p| (3 * p).clamp(5 * MINUTE, 2 * HOUR));
    let chart = Chart { title: &described, points, from, to, limit: good, gap_ms };
    Figure {
        svg: chart.svg(),
        title,
        latest: said(last),
        latest_at: zone.moment(last_at),
        median: middle,
        worst,
        limit: good.map(said).unwrap_or_default(),
        hours: points
            .chunk_by(|a, b| a.0.get() / HOUR == b.0.get() / HOUR)
            .map(|hour| {
                let values: Vec<f64> = hour.iter().map(|p| p.1).collect();
                let worst = said(self::worst(&values, more_is_worse));
                [zone.hour(hour[0].0), hour.len().to_string(), said(median(&values)), worst]
            })
            .collect(),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn worst(values: &[f64], more_is_worse: bool) -> f64 {
    let pick = if more_is_worse { f64::max } else { f64::min };
    values.iter().copied().reduce(pick).unwrap_or(0.0)
}

/// The usual time between two points.
fn pace(points: &[(UnixMs, f64)]) -> Option<i64> {
    let mut steps: Vec<i64> = points.windows(2).map(|w| w[1].0.since_ms(w[0].0)).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}
