//! May a policy point this desk at that address?
//!
//! Owns the compiled-in rule that no policy can widen: public addresses yes, private ones no, so
//! that a policy can never make desks look around in people's homes. Loopback is open for trying
//! things out, and the collector is wherever the desk itself was enrolled.

use readiness::Host;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a target with this host may be measured at this address.
pub fn may_point_at(host: &Host, address: IpAddr) -> bool {
    match host {
        // The agent enrolled with it by hand, so its address is not the policy's choice.
        Host::Collector => true,
        Host::Named(_) => is_loopback(address) || is_public(address),
    }
}

/// Whether an address is this computer itself.
pub fn is_loopback(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback(),
    }
}

/// Whether an address is out on the internet: not private, shared (carrier-grade NAT), link-local,
/// multicast, reserved or unspecified, also not when wrapped into IPv6.
///
/// The documentation ranges count as public: no real network has them, and test networks do.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // IANA IPv4 special-purpose registry.
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        // NAT64's well-known prefix and 6to4 carry an IPv4 address: it is what counts.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => is_public_v4(v4(g, h)),
        (0x2002, _) => is_public_v4(v4(b, c)),
        // Teredo hides its IPv4 address; nobody serves from there.
        (0x2001, 0) => false,
        // 2000::/3 is all that has been given out as global unicast.
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(host: &Host, address: &str) -> bool {
        may_point_at(host, address.parse().unwrap())
    }

    #[test]
    fn a_policy_reaches_the_internet_and_loopback_only() {
        let named = Host::Named("x.example".into());
        for open in [
            "1.1.1.1",
            "203.0.113.9",
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "2001:db8::1",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "99.255.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "223.255.255.255",
        ] {
            assert!(may(&named, open), "{open}");
        }
        for shut in [
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.178.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fec0::1",
            "fd00::2",
            "fc00::1",
            "ff02::1",
            "::ffff:192.168.1.1",
            "::ffff:169.254.169.254",
            "64:ff9b::c0a8:101",
            "64:ff9b:1::1",
            "2002:c0a8:101::1",
            "2001::1",
            "::192.168.1.1",
            "4000::1",
            "100::1",
        ] {
            assert!(!may(&named, shut), "{shut}");
        }
    }

    #[test]
    fn the_collector_is_wherever_the_desk_was_enrolled() {
        assert!(may(&Host::Collector, "192.168.1.5"));
    }
}
