//! The way as a chain of points, and whose each stretch between two of them is.

use super::{
    Around, Symptom,
    place::{Place, place},
    share::{self, Counted},
    tidy,
};
use telemetry::{FaultDomain, Hop, HopMethod, Millis, Path, PathPoint};

/// Two routers in one home are less than this apart; to a provider's it is further than that over any usual line.
const NEAR_MS: f64 = 1.0;
/// Fewer answers make no median and no 95th percentile.
const ENOUGH: u32 = 20;

/// What one symptom is at each point that can tell, from near to far. The last is the target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain<T> {
    pub points: Vec<(PathPoint, T)>,
}

/// The way of one stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    kinds: Vec<PathPoint>,
    tunnel: bool,
    inner_is_near: bool,
    around: Around,
}

impl Way {
    pub fn new(path: &Path, around: Around) -> Self {
        let mut kinds: Vec<PathPoint> = path.hops.iter().map(|h| h.point).collect();
        // Whether they were seen or not, these are on every way.
        kinds.extend([PathPoint::Gateway, PathPoint::Provider, PathPoint::Target]);
        if path.tunnel {
            kinds.push(PathPoint::TunnelEnd);
        }
        kinds.sort();
        kinds.dedup();
        let least = |point: PathPoint| {
            let times = path.hops.iter().filter(|h| h.point == point).filter_map(|h| h.rtt_min);
            times.map(Millis::get).reduce(f64::min)
        };
        let apart =
            least(PathPoint::InnerRouter).zip(least(PathPoint::Gateway)).map(|(far, near)| far - near);
        Self { kinds, tunnel: path.tunnel, inner_is_near: apart.is_some_and(|ms| ms < NEAR_MS), around }
    }

    /// Where on the way a symptom arises.
    pub fn place(&self, path: &Path, symptom: Symptom) -> Place {
        match symptom {
            Symptom::Loss => {
                let chain = losses(path);
                let points: Vec<Counted> = chain.points.iter().map(|p| p.1).collect();
                place(&chain.kinds(), |near, far| share::sure_of_loss(&points, near, far))
            }
            Symptom::Delay => self.by_value(path, median),
            // Variances of independent stretches add up, not what is between quantiles.
            Symptom::Variation => self.by_value(path, |h| variation(h).map(|v| v * v)),
        }
    }

    fn by_value(&self, path: &Path, value: impl Fn(&Hop) -> Option<f64>) -> Place {
        let chain = values(path, value);
        let points: Vec<f64> = chain.points.iter().map(|p| p.1).collect();
        place(&chain.kinds(), |near, far| share::enough_of_value(&points, near, far))
    }

    /// Whose a place is.
    pub fn domains(&self, place: &Place) -> Vec<FaultDomain> {
        let (near, far) = match place {
            Place::Nowhere => return vec![FaultDomain::Undetermined],
            Place::Segment((near, far)) | Place::Stretch((near, far)) => (*near, *far),
        };
        let all = self
            .kinds
            .iter()
            .filter(|k| near.is_none_or(|near| **k > near) && **k <= far)
            .flat_map(|k| self.up_to(*k).iter().copied())
            .collect::<Vec<_>>();
        let mut domains = tidy(all);
        // Weak Wi-Fi decides where counting could not.
        if self.around.wifi_weak && domains.len() > 1 && domains.contains(&FaultDomain::HomeNetwork) {
            domains = vec![FaultDomain::HomeNetwork];
        }
        domains
    }

    /// Whose the last stretch before a point is.
    fn up_to(&self, point: PathPoint) -> &'static [FaultDomain] {
        use FaultDomain::{CompanyNetwork, HomeNetwork, InternetProvider, Service};
        match point {
            PathPoint::Gateway if self.around.cellular => &[InternetProvider],
            PathPoint::Gateway => &[HomeNetwork],
            PathPoint::InnerRouter if self.inner_is_near => &[HomeNetwork],
            PathPoint::InnerRouter => &[HomeNetwork, InternetProvider],
            PathPoint::Provider => &[InternetProvider],
            PathPoint::TunnelEnd => &[CompanyNetwork, InternetProvider],
            PathPoint::Target if self.tunnel => &[CompanyNetwork, Service],
            // Other reflectors are reached well by the same way: it is this one's part of it.
            PathPoint::Beyond | PathPoint::Target if self.around.others_well => &[Service],
            PathPoint::Beyond | PathPoint::Target => &[InternetProvider, Service],
        }
    }
}

impl<T> Chain<T> {
    fn kinds(&self) -> Vec<PathPoint> {
        self.points.iter().map(|p| p.0).collect()
    }
}

/// How far the round trip to a point varies.
pub(super) fn variation(hop: &Hop) -> Option<f64> {
    Some(hop.rtt_p95?.get() - hop.rtt_min?.get()).filter(|_| hop.answered >= ENOUGH)
}

fn median(hop: &Hop) -> Option<f64> {
    hop.rtt_median.map(Millis::get).filter(|_| hop.answered >= ENOUGH)
}

/// The lowest value of each point, whatever it was asked by, and none above what is seen behind it: a router that is
/// slow to answer for itself is none that is slow to pass on.
fn values(path: &Path, value: impl Fn(&Hop) -> Option<f64>) -> Chain<f64> {
    let mut points: Vec<(PathPoint, f64)> = Vec::new();
    for hop in &path.hops {
        let Some(value) = value(hop) else { continue };
        match points.iter_mut().find(|p| p.0 == hop.point) {
            Some(point) => point.1 = point.1.min(value),
            None => points.push((hop.point, value)),
        }
    }
    points.sort_by_key(|p| p.0);
    for near in (0..points.len().saturating_sub(1)).rev() {
        points[near].1 = points[near].1.min(points[near + 1].1);
    }
    if points.last().is_none_or(|p| p.0 != PathPoint::Target) {
        points.clear();
    }
    Chain { points }
}

/// Whether a point answers only so often: it loses surely more than the stream does.
pub(super) fn is_limited(hop: &Hop, target: &Hop) -> bool {
    let worst = target.loss_interval.as_ref().map_or(100.0, |i| i.high.get());
    hop.loss_interval.as_ref().is_some_and(|i| i.low.get() > worst)
}

/// What was lost at each point. A point that loses surely more than the stream does answers only so often, which says
/// nothing of what passes it.
fn losses(path: &Path) -> Chain<Counted> {
    let Some(target) = path.target().filter(|t| !t.silent()) else { return Chain { points: Vec::new() } };
    let burst = path.burst_ratio.get().max(1.0);
    let mut points: Vec<(PathPoint, Counted)> = Vec::new();
    for hop in path.hops.iter().filter(|h| !h.silent()) {
        if is_limited(hop, target) || (hop.answered < ENOUGH && hop.method != HopMethod::Stream) {
            continue;
        }
        // Losses that come together are fewer accidents than packets; asked less often, fewer of one accident are hit.
        let together = (burst * f64::from(hop.sent) / f64::from(target.sent.max(1))).clamp(1.0, burst);
        let counted = Counted {
            sent: f64::from(hop.sent) / together,
            lost: f64::from(hop.sent.saturating_sub(hop.answered)) / together,
        };
        match points.iter_mut().find(|p| p.0 == hop.point) {
            // A stretch that loses packets loses those of every kind: two ways to ask that agree are one count …
            Some(point) if counted.agrees(&point.1) => point.1 = counted.and(&point.1),
            // … and of two that do not, the one that loses more was answered only so often.
            Some(point) if counted.share() < point.1.share() => point.1 = counted,
            Some(_) => {}
            None => points.push((hop.point, counted)),
        }
    }
    points.sort_by_key(|p| p.0);
    Chain { points }
}
