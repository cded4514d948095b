//! Rule of `media`, and when a stream should go on.

use super::{Candidate, evidence::Evidence, held_to};
use crate::attribution::{Own, Symptom};
use crate::limits::{Band, Metric};
use crate::{Host, Policy};
use telemetry::{Failure, FindingCode, Media, Millis, Percent, Reading, Unit};

/// A stream that has lasted this long is not made longer: it would cost the agent more than it tells.
const LONGEST_MS: f64 = 15_000.0;

pub(super) fn rule(policy: &Policy, reading: &Reading, media: &Media, evidence: &Evidence) -> Vec<Candidate> {
    let mut found = Vec::new();
    // What the computer adds is told apart from what the network does.
    let stall = media.stall_p95.map_or(0.0, Millis::get).max(media.send_error_p95.get());
    found.extend(held_to(policy, Metric::Stall, stall, FindingCode::WorkstationStall, reading));
    if media.received == 0 {
        found.push(unreachable(policy, reading, media.reflected > 0, evidence));
        return found;
    }
    let domains = |only| evidence.voice(policy, reading.target.as_ref(), media, only);
    let ms = |t: Option<Millis>| t.map(Millis::get);
    let figures = [
        (Metric::Rtt, ms(media.rtt_mean), FindingCode::RttHigh, Some(Symptom::Delay)),
        (Metric::Jitter, ms(media.ipdv_mean), FindingCode::JitterHigh, Some(Symptom::Variation)),
        (Metric::Mos, media.mos.map(telemetry::Mos::get), FindingCode::MosLow, None),
    ];
    for (metric, value, code, symptom) in figures {
        let candidate = value.and_then(|v| held_to(policy, metric, v, code, reading));
        found.extend(candidate.map(|c| c.domains(domains(symptom))));
    }
    found.extend(loss(policy, reading, media).map(|c| c.domains(domains(Some(Symptom::Loss)))));
    found.extend(
        evidence.own_traffic(policy, reading.target.as_ref()).map(|own| own_traffic(policy, reading, own)),
    );
    if media.dscp_sent != 0 && media.dscp_seen.is_some_and(|seen| seen != media.dscp_sent) {
        found.push(
            Candidate::new(FindingCode::DscpBleached, Band::Doubtful, reading)
                .observed(f64::from(media.dscp_seen.unwrap_or_default()), Unit::Count)
                .limit(f64::from(media.dscp_sent), Unit::Count),
        );
    }
    found
}

pub(super) fn failed(
    policy: &Policy,
    reading: &Reading,
    why: Failure,
    evidence: &Evidence,
) -> Vec<Candidate> {
    match super::missing::is_evidence(why) {
        true => vec![unreachable(policy, reading, false, evidence)],
        false => Vec::new(),
    }
}

/// Whether the verdict hangs on the loss interval: the share that was seen is beyond a limit which the
/// interval's lower end is not. Then the stream goes on, unless it has lasted long enough.
pub fn needs_longer(policy: &Policy, media: &Media) -> bool {
    let limit = policy.limit(Metric::Loss);
    media.received > 0
        && media.duration.get() < LONGEST_MS
        && limit.band(seen_loss(media).get()) > limit.band(media.loss_interval.low.get())
}

/// Whether a figure of the network is out of its good band.
pub(crate) fn poor(policy: &Policy, media: &Media) -> bool {
    let beyond =
        |metric, value: Option<f64>| value.is_some_and(|v| policy.limit(metric).band(v) != Band::Good);
    beyond(Metric::Rtt, media.rtt_mean.map(Millis::get))
        || beyond(Metric::Jitter, media.ipdv_mean.map(Millis::get))
        || beyond(Metric::Loss, Some(media.loss_interval.low.get()))
        || beyond(Metric::Mos, media.mos.map(telemetry::Mos::get))
}

/// Judged by the lower end of the interval, shown by what was seen.
fn loss(policy: &Policy, reading: &Reading, media: &Media) -> Option<Candidate> {
    held_to(policy, Metric::Loss, media.loss_interval.low.get(), FindingCode::LossHigh, reading)
        .map(|c| c.observed(seen_loss(media).get(), Unit::Percent))
}

fn seen_loss(media: &Media) -> Percent {
    let lost = media.sent.saturating_sub(media.received);
    Percent::new(if media.sent == 0 { 0.0 } else { f64::from(lost) / f64::from(media.sent) * 100.0 })
}

fn unreachable(policy: &Policy, reading: &Reading, one_way: bool, evidence: &Evidence) -> Candidate {
    let reflector = policy.targets.reflectors.iter().find(|r| Some(&r.id) == reading.target.as_ref());
    let own = reflector.is_some_and(|r| r.host == Host::Collector);
    // Our own collector may simply be down, and calls do not go through it. If it answers on the web and not
    // to voice, or answers somebody's stream, then it is the way for voice that is closed.
    let band = if own && evidence.endpoints_good == 0 && !one_way { Band::Doubtful } else { Band::Bad };
    let domains = evidence.silence(reading.target.as_ref());
    Candidate::new(FindingCode::MediaUnreachable, band, reading).domains(domains)
}

/// About the line and not about this reflector: raised once, however many suffer from it.
fn own_traffic(policy: &Policy, reading: &Reading, own: Own) -> Candidate {
    let (code, metric, rate) = match own {
        Own::Up(rate) => (FindingCode::UplinkFull, Metric::OwnUpload, rate),
        Own::Down(rate) => (FindingCode::DownlinkFull, Metric::OwnDownload, rate),
    };
    Candidate::of_probe(code, Band::Bad, reading.probe, None)
        .observed(rate, metric.row().unit)
        .limit(policy.limit(metric).good, metric.row().unit)
}
