//! Whose fault it is that nothing comes back at all: how far anything gets, and what else does.

use super::tidy;
use telemetry::{FaultDomain, Path, PathPoint};

/// What the other probes of the same check say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether the router is there; none if it could not be told.
    pub gateway: Option<bool>,
    /// Something beyond the router answered.
    pub beyond_works: bool,
    /// Something else than this reflector was asked beyond the router, and did not answer.
    pub others_fail: bool,
    /// Streams to other reflectors are well.
    pub others_well: bool,
    /// Web traffic goes through a proxy.
    pub proxy: bool,
    /// A tunnel carries the traffic.
    pub tunnel: bool,
}

/// The domains of a reflector from which nothing came back.
pub(crate) fn unreachable(asked: Asked, path: Option<&Path>) -> Vec<FaultDomain> {
    use FaultDomain::{CompanyNetwork, HomeNetwork, InternetProvider, Service, Undetermined};
    if let Some(by) = path.and_then(|p| p.refused_by) {
        return tidy(refused_by(by, asked).to_vec());
    }
    if asked.others_well {
        return vec![Service];
    }
    if asked.beyond_works {
        // The way is there, and voice (UDP) is held back on it. Programs that go by a proxy do so because they must.
        return match path.map(reached) {
            _ if asked.proxy => vec![CompanyNetwork],
            _ if asked.tunnel => vec![CompanyNetwork, Service],
            // A router that answers passed the packet's start; who dropped its like lies behind.
            Some(Some(PathPoint::Provider | PathPoint::Beyond)) => vec![InternetProvider, Service],
            _ => vec![Undetermined],
        };
    }
    if asked.gateway == Some(false) {
        return vec![HomeNetwork];
    }
    let router = asked.gateway == Some(true) || path.is_some_and(|p| p.answers(PathPoint::Gateway));
    match path.and_then(reached).max(path.and_then(|p| p.dead_end)) {
        // Below the tunnel the line is there: what is dead is the tunnel, or the way to its end.
        Some(PathPoint::Provider) if asked.tunnel => vec![InternetProvider, CompanyNetwork],
        _ if asked.tunnel => vec![Undetermined],
        Some(PathPoint::Provider | PathPoint::Beyond) => vec![InternetProvider, Service],
        // The router itself says that its line is dead, or that is as far as anything gets.
        _ if path.is_some_and(|p| p.dead_end == Some(PathPoint::Gateway)) => vec![InternetProvider],
        _ if router && asked.others_fail => vec![InternetProvider],
        _ if router => vec![InternetProvider, Service],
        _ if asked.others_fail => vec![HomeNetwork, InternetProvider],
        _ => vec![Undetermined],
    }
}

/// The farthest point before the target that answered.
fn reached(path: &Path) -> Option<PathPoint> {
    path.hops.iter().filter(|h| h.point != PathPoint::Target && !h.silent()).map(|h| h.point).max()
}

fn refused_by(point: PathPoint, asked: Asked) -> &'static [FaultDomain] {
    use FaultDomain::{CompanyNetwork, HomeNetwork, InternetProvider, Service};
    match point {
        // The first router within a tunnel is the company's.
        PathPoint::Gateway if asked.tunnel => &[CompanyNetwork],
        PathPoint::Gateway => &[HomeNetwork],
        PathPoint::InnerRouter => &[HomeNetwork, InternetProvider],
        PathPoint::Provider => &[InternetProvider],
        PathPoint::Beyond => &[InternetProvider, Service],
        PathPoint::TunnelEnd => &[CompanyNetwork],
        PathPoint::Target => &[Service],
    }
}
