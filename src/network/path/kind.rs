//! Which kind of point a router is, by where it stands and what its address is for. Pure.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};
use telemetry::PathPoint;

/// What is known of this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// The address that the stream leaves from.
    pub address: Option<IpAddr>,
    /// The stream leaves by a tunnel.
    pub tunnel: bool,
}

/// The kind of each router that answered, by the number of hops to it. Of two of one kind the nearer one counts.
pub fn kinds(own: Own, target: IpAddr, seen: &BTreeMap<u8, IpAddr>) -> BTreeMap<u8, PathPoint> {
    let mut found: BTreeMap<u8, PathPoint> = BTreeMap::new();
    // In a network of private addresses, as a company's, they say nothing of whose a router is.
    let addresses_tell = !is_private(target);
    // A computer with a public address has no router of its own before the provider's.
    let bare = !own.tunnel && own.address.is_some_and(|a| a.is_ipv4() && !is_private(a));
    for (&hops, &address) in seen.iter().filter(|(_, address)| **address != target) {
        let has = |point| found.values().any(|p| *p == point);
        let point = match hops {
            1 if own.tunnel => PathPoint::TunnelEnd,
            // What lies within a tunnel behind its end is the company's own business.
            _ if own.tunnel => continue,
            1 if bare => PathPoint::Provider,
            1 => PathPoint::Gateway,
            _ if has(PathPoint::Provider) => PathPoint::Beyond,
            _ if addresses_tell && is_private(address) => PathPoint::InnerRouter,
            _ => PathPoint::Provider,
        };
        if !has(point) {
            found.insert(hops, point);
        }
    }
    found
}

/// Whether anybody may use this address within their own walls: RFC 1918, RFC 4193 and what is for one link. 100.64/10
/// (RFC 6598) is the provider's.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || v4 == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(own: &str, target: &str, seen: &[(u8, &str)]) -> Vec<(u8, PathPoint)> {
        let seen = seen.iter().map(|(hops, a)| (*hops, a.parse().unwrap())).collect();
        let own = Own { address: own.parse().ok(), tunnel: false };
        kinds(own, target.parse().unwrap(), &seen).into_iter().collect()
    }

    #[test]
    fn a_usual_home() {
        let seen = [(1, "192.168.1.1"), (2, "100.64.7.1"), (3, "203.0.113.1"), (5, "203.0.113.5")];
        assert_eq!(
            of("192.168.1.7", "198.51.100.9", &seen),
            [(1, PathPoint::Gateway), (2, PathPoint::Provider), (3, PathPoint::Beyond)]
        );
    }

    #[test]
    fn two_routers_at_home() {
        let seen = [(1, "192.168.1.1"), (2, "192.168.0.1"), (3, "10.9.0.1"), (4, "203.0.113.1")];
        assert_eq!(
            of("192.168.1.7", "198.51.100.9", &seen),
            [(1, PathPoint::Gateway), (2, PathPoint::InnerRouter), (4, PathPoint::Provider)]
        );
    }

    #[test]
    fn silent_routers_leave_holes() {
        assert_eq!(of("192.168.1.7", "198.51.100.9", &[(3, "203.0.113.1")]), [(3, PathPoint::Provider)]);
        assert_eq!(of("192.168.1.7", "198.51.100.9", &[]), []);
    }

    #[test]
    fn the_target_is_no_router() {
        let seen = [(1, "192.168.1.1"), (2, "100.64.7.1"), (3, "198.51.100.9")];
        assert_eq!(of("192.168.1.7", "198.51.100.9", &seen).len(), 2);
    }

    #[test]
    fn without_a_router_of_its_own_the_first_is_the_providers() {
        let seen = [(1, "198.51.100.1"), (2, "203.0.113.1")];
        assert_eq!(
            of("198.51.100.7", "192.0.2.9", &seen),
            [(1, PathPoint::Provider), (2, PathPoint::Beyond)]
        );
        // A home has public addresses of IPv6 everywhere.
        assert_eq!(of("2001:db8::7", "2001:db8:9::9", &[(1, "2001:db8::1")]), [(1, PathPoint::Gateway)]);
    }

    #[test]
    fn among_private_addresses_the_second_router_is_taken_for_the_providers() {
        let seen = [(1, "fd77:1::1"), (2, "fd77:2::1")];
        assert_eq!(of("fd77:1::2", "fd77:3::9", &seen), [(1, PathPoint::Gateway), (2, PathPoint::Provider)]);
    }

    #[test]
    fn in_a_tunnel_only_its_end_is_told() {
        let seen = [(1, "10.8.0.1".parse().unwrap()), (2, "10.9.0.1".parse().unwrap())].into();
        let own = Own { address: "10.8.0.7".parse().ok(), tunnel: true };
        let found: Vec<_> = kinds(own, "198.51.100.9".parse().unwrap(), &seen).into_iter().collect();
        assert_eq!(found, [(1, PathPoint::TunnelEnd)]);
    }
}
