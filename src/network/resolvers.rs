//! Which DNS resolvers the operating system uses, and what kind of resolver each is.
//!
//! Owns the parsers of `resolv.conf` and `scutil --dns` and the classes. Asks nobody anything;
//! addresses stay in the process, only the class leaves the desk.

use super::{allowed, link::Links};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use telemetry::ResolverClass;

/// A resolver of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolver {
    /// Where it is asked.
    pub address: SocketAddr,
    /// What kind it is.
    pub class: ResolverClass,
}

/// No more resolvers than this are looked at: systems use three.
pub const MAX_RESOLVERS: usize = 6;

/// The resolvers as they are now, in the operating system's order. Reads files or tables: fast,
/// and nothing is sent.
pub fn current(links: &Links) -> std::io::Result<Vec<Resolver>> {
    let addresses = crate::platform::link::resolvers()?;
    Ok(classified(addresses, links.gateway.as_ref().map(|g| g.address)))
}

/// Classifies resolvers, each address once.
pub fn classified(addresses: Vec<SocketAddr>, gateway: Option<IpAddr>) -> Vec<Resolver> {
    let mut found: Vec<Resolver> = Vec::new();
    for address in addresses {
        if found.len() < MAX_RESOLVERS && found.iter().all(|r| r.address != address) {
            found.push(Resolver { address, class: class(address.ip(), gateway) });
        }
    }
    found
}

/// Resolvers that anybody may use, by the operators' own documentation: Google, Cloudflare, Quad9,
/// OpenDNS, AdGuard, Control D, CleanBrowsing, DNS.SB, DNS4EU.
const PUBLIC: &[&str] = &[
    "8.8.8.8",
    "8.8.4.4",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.0.0.2",
    "1.1.1.3",
    "1.0.0.3",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2606:4700:4700::1112",
    "2606:4700:4700::1002",
    "9.9.9.9",
    "149.112.112.112",
    "9.9.9.10",
    "149.112.112.10",
    "9.9.9.11",
    "149.112.112.11",
    "2620:fe::fe",
    "2620:fe::9",
    "2620:fe::10",
    "2620:fe::11",
    "208.67.222.222",
    "208.67.220.220",
    "208.67.222.123",
    "208.67.220.123",
    "2620:119:35::35",
    "2620:119:53::53",
    "94.140.14.14",
    "94.140.15.15",
    "2a10:50c0::ad1:ff",
    "2a10:50c0::ad2:ff",
    "76.76.2.0",
    "76.76.10.0",
    "2606:1a40::",
    "2606:1a40:1::",
    "185.228.168.9",
    "185.228.169.9",
    "185.222.222.222",
    "45.11.45.11",
    "86.54.11.1",
    "86.54.11.201",
];

fn class(address: IpAddr, gateway: Option<IpAddr>) -> ResolverClass {
    let address = address.to_canonical();
    if allowed::is_loopback(address) {
        ResolverClass::Stub
    } else if gateway.map(|g| g.to_canonical()) == Some(address) || is_router_link_local(address) {
        ResolverClass::Gateway
    } else if PUBLIC.iter().any(|p| p.parse() == Ok(address)) {
        ResolverClass::Public
    } else if allowed::is_public(address) {
        ResolverClass::Other
    } else {
        ResolverClass::Private
    }
}

/// A resolver at a link-local IPv6 address is announced by the router on that link.
fn is_router_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The resolvers of a `resolv.conf`. `zone` gives the number of an interface's name, for
/// link-local addresses. Without a single one the C library asks this computer, so that is the answer.
pub fn parse_resolv_conf(text: &str, zone: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let found: Vec<SocketAddr> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()).flatten()
        })
        .filter_map(|word| parse_address(word, &zone))
        .collect();
    if found.is_empty() { vec![SocketAddr::from(([127, 0, 0, 1], 53))] } else { found }
}

/// Whether a resolver is systemd-resolved's own, which asks others behind it.
pub fn is_resolved_stub(address: &SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V4(v4) if matches!(v4.octets(), [127, 0, 0, 53 | 54]))
}

/// Whether Windows made a resolver up: it lists three site-local addresses on links that have none for IPv6.
pub fn is_made_up_by_windows(address: &SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(v6) if v6.segments()[..7] == [0xfec0, 0, 0, 0xffff, 0, 0, 0])
}

/// The resolvers of `scutil --dns` that are used for any name: those of the unscoped part, without
/// the ones for single domains (`.local` and the like) and without the scoped part, which repeats them.
pub fn parse_scutil_dns(text: &str, zone: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let unscoped = text.split("DNS configuration (for scoped queries)").next().unwrap_or(text);
    let mut found = Vec::new();
    for resolver in unscoped.split("resolver #").skip(1) {
        let fields =
            || resolver.lines().filter_map(|l| l.split_once(" : ")).map(|(k, v)| (k.trim(), v.trim()));
        if fields().any(|(key, _)| key == "domain") {
            continue;
        }
        let servers = fields().filter(|(key, _)| key.starts_with("nameserver["));
        found.extend(servers.filter_map(|(_, value)| parse_address(value, &zone)));
    }
    found
}

/// An address as configuration files write it: perhaps with a zone, perhaps in brackets with a port.
fn parse_address(word: &str, zone: &impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let (host, port) = match word.strip_prefix('[').and_then(|w| w.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').map_or(Some(53), |p| p.parse().ok())?),
        None => (word, 53),
    };
    let (address, name) = host.split_once('%').map_or((host, None), |(a, n)| (a, Some(n)));
    match (address.parse().ok()?, name) {
        (IpAddr::V4(v4), None) => Some(SocketAddr::from((v4, port))),
        (IpAddr::V4(_), Some(_)) => None,
        (IpAddr::V6(v6), name) => scoped(v6, port, name, zone),
    }
}

fn scoped(
    address: Ipv6Addr,
    port: u16,
    name: Option<&str>,
    zone: &impl Fn(&str) -> Option<u32>,
) -> Option<SocketAddr> {
    let scope = match name {
        None => 0,
        Some(name) => name.parse().ok().or_else(|| zone(name))?,
    };
    Some(SocketAddrV6::new(address, port, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn no_zone(_: &str) -> Option<u32> {
        None
    }

    fn texts(addresses: Vec<SocketAddr>) -> Vec<String> {
        addresses.iter().map(ToString::to_string).collect()
    }

    /// Names of links that the fixtures have.
    fn known(name: &str) -> Option<u32> {
        match name {
            "wlp2s0" | "wlan0" => Some(3),
            "en0" => Some(14),
            _ => None,
        }
    }

    fn shown(addresses: Vec<SocketAddr>) -> String {
        texts(addresses).join(" ")
    }

    #[test]
    fn resolv_conf_of_several_systems() {
        fixtures::check(
            "resolv-conf",
            &[
                ("arch-networkmanager", "192.168.178.1:53 [fd00::e228:6dff:fe11:2233]:53"),
                ("debian-12-dhclient", "192.168.1.1:53"),
                ("debian-13-networkmanager", "10.20.0.10:53 10.20.0.11:53"),
                ("fedora-42-stub", "127.0.0.53:53"),
                ("opensuse-netconfig", "192.168.1.1:53 [fe80::1%3]:53"),
                (
                    "resolved-254-upstream",
                    "192.168.178.1:53 [fd00::e228:6dff:fe11:2233]:53 [fe80::e228:6dff:fe11:2233%3]:53",
                ),
                ("resolved-257-upstream-empty", "127.0.0.1:53"),
                ("ubuntu-22.04-stub", "127.0.0.53:53"),
                ("ubuntu-24.04-stub", "127.0.0.53:53"),
                ("ubuntu-resolvconf-openvpn", "10.8.0.1:53 192.168.1.1:53"),
                ("wsl2", "10.255.255.254:53"),
            ],
            |_, bytes| shown(parse_resolv_conf(&String::from_utf8_lossy(bytes), known)),
        );
    }

    #[test]
    fn resolvers_of_scutil() {
        fixtures::check(
            "scutil-dns",
            &[
                ("macos-13-home.txt", "[fd00::1]:53 192.168.178.1:53"),
                ("macos-14-offline.txt", ""),
                ("macos-15-link-local.txt", "[fe80::1%14]:53 192.168.1.1:53"),
                ("macos-15-vpn-all.txt", "10.8.0.1:53"),
                ("macos-26-home.txt", "192.168.10.1:53 [fde2:c0d2:6cb1::62b5]:53"),
                ("macos-26-vpn-split.txt", "10.20.0.10:53 10.20.0.11:53 192.168.1.1:53"),
            ],
            |_, bytes| shown(parse_scutil_dns(&String::from_utf8_lossy(bytes), known)),
        );
    }

    #[test]
    fn line_ends_of_windows_change_nothing() {
        for (_, file) in fixtures::of("resolv-conf") {
            let text = String::from_utf8(file.clone()).unwrap();
            let other = text.replace('\n', "\r\n");
            assert_eq!(parse_resolv_conf(&text, known), parse_resolv_conf(&other, known));
        }
    }

    #[test]
    fn spoilt_settings_do_no_harm() {
        fixtures::spoilt("resolv-conf", |bytes| {
            // The C library asks this computer where nothing is written, and so at least that is told.
            assert!(!parse_resolv_conf(&String::from_utf8_lossy(bytes), known).is_empty());
        });
        fixtures::spoilt("scutil-dns", |bytes| {
            classified(parse_scutil_dns(&String::from_utf8_lossy(bytes), known), None);
        });
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(linux in fixtures::mangled("resolv-conf"), mac in fixtures::mangled("scutil-dns")) {
            let found = parse_resolv_conf(&String::from_utf8_lossy(&linux), known);
            assert!(classified(found, None).len() <= MAX_RESOLVERS);
            parse_scutil_dns(&String::from_utf8_lossy(&mac), known);
        }
    }

    #[test]
    fn stubs_and_made_up_resolvers() {
        let is = |text: &str, f: fn(&SocketAddr) -> bool| f(&text.parse().unwrap());
        assert!(is("127.0.0.53:53", is_resolved_stub) && is("127.0.0.54:53", is_resolved_stub));
        assert!(!is("127.0.0.1:53", is_resolved_stub) && !is("[::1]:53", is_resolved_stub));
        assert!(is("[fec0:0:0:ffff::1]:53", is_made_up_by_windows));
        assert!(is("[fec0:0:0:ffff::3%1]:53", is_made_up_by_windows));
        assert!(!is("[fec0::1]:53", is_made_up_by_windows) && !is("[fd00::1]:53", is_made_up_by_windows));
    }

    #[test]
    fn an_empty_resolv_conf_means_this_computer() {
        assert_eq!(texts(parse_resolv_conf("# nothing\nsearch example\n", no_zone)), ["127.0.0.1:53"]);
    }

    #[test]
    fn hostile_resolv_conf_is_read_as_far_as_it_makes_sense() {
        let text = "nameserver\nnameserver  999.1.1.1\nnameserver fe80::1%nosuch\nnameserver 1.1.1.1%eth0\n\
                    NAMESERVER 8.8.8.8\nnameserver [::1]:99999\n nameserver\t9.9.9.9 # ok\nnameserver \u{0}\n";
        assert_eq!(texts(parse_resolv_conf(text, no_zone)), ["9.9.9.9:53"]);
    }

    #[test]
    fn scutil_without_resolvers() {
        assert!(parse_scutil_dns("No DNS configuration available\n", no_zone).is_empty());
        assert!(parse_scutil_dns("resolver #\n nameserver[0] : x\nresolver #", no_zone).is_empty());
    }

    #[test]
    fn classes() {
        let gateway = "192.168.178.1".parse().ok();
        let of = |a: &str| class(a.parse().unwrap(), gateway);
        assert_eq!(of("127.0.0.53"), ResolverClass::Stub);
        assert_eq!(of("::1"), ResolverClass::Stub);
        assert_eq!(of("192.168.178.1"), ResolverClass::Gateway);
        assert_eq!(of("fe80::1"), ResolverClass::Gateway);
        assert_eq!(of("192.168.178.2"), ResolverClass::Private);
        assert_eq!(of("fd00::53"), ResolverClass::Private);
        assert_eq!(of("8.8.8.8"), ResolverClass::Public);
        assert_eq!(of("2620:fe::fe"), ResolverClass::Public);
        assert_eq!(of("203.0.113.53"), ResolverClass::Other);
    }

    #[test]
    fn each_resolver_once_and_not_too_many() {
        let many: Vec<SocketAddr> = (0..40u8).map(|i| SocketAddr::from(([10, 0, 0, i / 2], 53))).collect();
        let found = classified(many, None);
        assert_eq!(found.len(), MAX_RESOLVERS);
        assert_eq!(found[1].address.to_string(), "10.0.0.1:53");
    }

    #[test]
    fn every_public_resolver_is_an_address_and_public() {
        for text in PUBLIC {
            assert!(allowed::is_public(text.parse().unwrap()), "{text}");
        }
    }
}
