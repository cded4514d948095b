//! From the packets for each point to the figures of a reading. Pure.

use super::{Own, Sampled, Traffic};
use crate::network::statistics::{least, quantile, wilson};
use std::collections::BTreeMap;
use telemetry::{BitRate, Hop, HopMethod, LossInterval, Millis, PathPoint, Percent};

/// Points with what became of the packets for them.
pub type Points = Vec<(PathPoint, HopMethod, Sampled)>;

/// The figures of one point.
pub fn hop(point: PathPoint, method: HopMethod, sampled: &Sampled) -> Hop {
    let (sent, answered) = (sampled.sent, sampled.answered.min(sampled.sent));
    let lost = sent - answered;
    let share = |part: f64| Percent::new(100.0 * part);
    let said = answered > 0;
    let millis = |value: Option<f64>| value.map(Millis::new);
    Hop {
        point,
        method,
        sent: sent.min(10_000) as u32,
        answered: answered.min(10_000) as u32,
        loss: said.then(|| share(lost as f64 / sent as f64)),
        loss_interval: said.then(|| {
            let (low, high) = wilson(lost, sent);
            LossInterval { low: share(low), high: share(high) }
        }),
        rtt_min: millis(least(&sampled.times)),
        rtt_median: millis(quantile(&sampled.times, 0.5)),
        rtt_p95: millis(quantile(&sampled.times, 0.95)),
    }
}

/// The points at the distances that were tried. The nearest is told also when it is silent: it is there.
pub fn placed(
    own: Own,
    kinds: &BTreeMap<u8, PathPoint>,
    distances: BTreeMap<u8, (HopMethod, Sampled)>,
) -> Points {
    let nearest = if own.tunnel { PathPoint::TunnelEnd } else { PathPoint::Gateway };
    let place = |(hops, (method, sampled)): (u8, (HopMethod, Sampled))| {
        let silent = || (hops == 1 && sampled.answered == 0).then_some(nearest);
        let point = kinds.get(&hops).copied().or_else(silent)?;
        Some((point, method, sampled))
    };
    distances.into_iter().filter_map(place).collect()
}

/// What this computer sent and received a second, in Mbit/s, less what was sent and came by our own packets.
pub fn rates(before: Traffic, after: Traffic, seconds: f64, ours: Traffic) -> Option<(BitRate, BitRate)> {
    let rate = |before: u64, after: u64, ours: u64| {
        // A counter that was begun anew, as when the link went and came, tells nothing.
        let bytes = after.checked_sub(before)?.saturating_sub(ours);
        Some(BitRate::new(bytes as f64 * 8.0 / seconds / 1e6))
    };
    if seconds <= 0.0 {
        return None;
    }
    Some((rate(before.sent, after.sent, ours.sent)?, rate(before.received, after.received, ours.received)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_point_has_no_loss() {
        let silent = hop(PathPoint::Gateway, HopMethod::Echo, &Sampled { sent: 20, ..Sampled::default() });
        assert_eq!((silent.loss, silent.loss_interval, silent.rtt_min), (None, None, None));
        let times = vec![3.0, 1.0, 2.0];
        let some = Sampled { sent: 4, answered: 3, times, from: None };
        let some = hop(PathPoint::Gateway, HopMethod::Echo, &some);
        assert_eq!(some.loss, Some(Percent::new(25.0)));
        assert_eq!((some.rtt_min, some.rtt_median), (Some(Millis::new(1.0)), Some(Millis::new(2.0))));
        let more = Sampled { sent: 1, answered: 2, times: Vec::new(), from: None };
        assert_eq!(hop(PathPoint::Gateway, HopMethod::Echo, &more).answered, 1, "answers twice over");
    }

    #[test]
    fn traffic_is_what_is_not_ours() {
        let of = |sent, received| Traffic { sent, received };
        let found = rates(of(1_000, 0), of(2_001_000, 125_000), 10.0, of(750_000, 250_000));
        assert_eq!(found, Some((BitRate::new(1.0), BitRate::new(0.0))));
        assert_eq!(rates(of(9, 0), of(8, 0), 1.0, of(0, 0)), None, "begun anew");
        assert_eq!(rates(of(0, 0), of(8, 0), 0.0, of(0, 0)), None);
    }
}
