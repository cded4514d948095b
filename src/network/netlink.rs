//! Reads what Linux's netlink answers: links, routes and neighbours.
//!
//! Pure: bytes in, values out, whatever the bytes are. The socket is `platform::link`. Numbers
//! are those of the kernel's `linux/{netlink,rtnetlink,if_link,if_arp,neighbour}.h`.

use super::link::{Neighbour, Route};
use std::{net::IpAddr, time::Duration};

/// Ends an answer of several parts.
pub const NLMSG_DONE: u16 = 3;
/// An error, or an acknowledgement if its number is 0.
pub const NLMSG_ERROR: u16 = 2;
/// A link.
pub const RTM_NEWLINK: u16 = 16;
/// A route.
pub const RTM_NEWROUTE: u16 = 24;
/// A neighbour.
pub const RTM_NEWNEIGH: u16 = 28;

/// The messages in a buffer, each with its type and what follows its header.
pub fn messages(buffer: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const HEADER: usize = 16;
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let length = u32_at(rest, 0)? as usize;
        let kind = u16_at(rest, 4)?;
        let payload = rest.get(HEADER..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// The attributes in a buffer, each with its type and value.
pub fn attributes(buffer: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    // The two highest bits say "nested" and "network byte order"; they are not part of the type.
    const TYPE_MASK: u16 = 0x3fff;
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & TYPE_MASK;
        let value = rest.get(4..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of one attribute.
pub fn attribute(buffer: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(buffer).find(|(k, _)| *k == kind).map(|(_, value)| value)
}

/// A link as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkMessage {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its `ARPHRD_` number.
    pub hardware: u16,
    /// Its kind if it is a virtual one ("tun", "wireguard", "vlan").
    pub kind: Option<String>,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// Whether it is switched on.
    pub up: bool,
    /// Bytes that it received and sent since it was made.
    pub bytes: Option<(u64, u64)>,
}

/// Reads an `RTM_NEWLINK`.
pub fn link(payload: &[u8]) -> Option<LinkMessage> {
    const IFLA_IFNAME: u16 = 3;
    const IFLA_MTU: u16 = 4;
    const IFLA_LINKINFO: u16 = 18;
    // `rtnl_link_stats64`: packets received and sent, then bytes.
    const IFLA_STATS64: u16 = 23;
    const IFLA_INFO_KIND: u16 = 1;
    const IFF_UP: u32 = 1;
    let all = payload.get(16..)?;
    Some(LinkMessage {
        index: u32_at(payload, 4)?,
        name: text(attribute(all, IFLA_IFNAME)?)?,
        hardware: u16_at(payload, 2)?,
        kind: attribute(all, IFLA_LINKINFO).and_then(|info| attribute(info, IFLA_INFO_KIND)).and_then(text),
        mtu: attribute(all, IFLA_MTU).and_then(|v| u32_at(v, 0)),
        up: u32_at(payload, 8)? & IFF_UP != 0,
        bytes: attribute(all, IFLA_STATS64).and_then(|v| Some((u64_at(v, 16)?, u64_at(v, 24)?))),
    })
}

/// Reads an `RTM_NEWROUTE`; none if it is no unicast route that a link or gateway is behind.
pub fn route(payload: &[u8]) -> Option<Route> {
    const RTA_OIF: u16 = 4;
    const RTA_GATEWAY: u16 = 5;
    const RTA_PRIORITY: u16 = 6;
    const RTA_MULTIPATH: u16 = 9;
    const RTA_VIA: u16 = 18;
    const RTN_UNICAST: u8 = 1;
    let (family, length, kind) = (*payload.first()?, *payload.get(1)?, *payload.get(7)?);
    let own = payload.get(12..)?;
    // Of several next hops the first one stands for all.
    let hop = attribute(own, RTA_MULTIPATH);
    let hop_link = hop.and_then(|h| u32_at(h, 4));
    let hop_attributes = hop.and_then(|h| h.get(8..usize::from(u16_at(h, 0)?))).unwrap_or_default();
    let find = |kind| attribute(own, kind).or_else(|| attribute(hop_attributes, kind));
    let via = || find(RTA_VIA).and_then(|v| v.get(2..)).and_then(address);
    if kind != RTN_UNICAST {
        return None;
    }
    Some(Route {
        interface: find(RTA_OIF).and_then(|v| u32_at(v, 0)).or(hop_link)?,
        gateway: find(RTA_GATEWAY).and_then(address).or_else(via),
        ipv6: family == AF_INET6,
        default: length == 0,
        metric: find(RTA_PRIORITY).and_then(|v| u32_at(v, 0)).unwrap_or(0),
    })
}

/// Reads an `RTM_NEWNEIGH`.
pub fn neighbour(payload: &[u8]) -> Option<Neighbour> {
    const NDA_DST: u16 = 1;
    const NDA_LLADDR: u16 = 2;
    const NDA_CACHEINFO: u16 = 3;
    const INCOMPLETE: u16 = 0x01;
    const REACHABLE: u16 = 0x02;
    const FAILED: u16 = 0x20;
    // The kernel tells these times in ticks of USER_HZ, which is 100 on every architecture we build for.
    const TICK_MS: u64 = 10;
    let all = payload.get(12..)?;
    let state = u16_at(payload, 8)?;
    let hardware = attribute(all, NDA_LLADDR).and_then(|v| <[u8; 6]>::try_from(v).ok());
    Some(Neighbour {
        interface: u32_at(payload, 4)?,
        address: address(attribute(all, NDA_DST)?)?,
        hardware: hardware.filter(|h| *h != [0; 6]),
        reachable: match state {
            s if s & REACHABLE != 0 => Some(true),
            s if s & (INCOMPLETE | FAILED) != 0 => Some(false),
            _ => None,
        },
        confirmed_ago: attribute(all, NDA_CACHEINFO)
            .and_then(|v| u32_at(v, 0))
            .map(|ticks| Duration::from_millis(u64::from(ticks) * TICK_MS)),
    })
}

/// The error number of an `NLMSG_ERROR`; 0 is an acknowledgement.
pub fn error(payload: &[u8]) -> Option<i32> {
    u32_at(payload, 0).map(|n| (n as i32).wrapping_neg())
}

/// `AF_INET6`, as Linux numbers it.
pub const AF_INET6: u8 = 10;
/// `AF_INET`.
pub const AF_INET: u8 = 2;

/// A request with one attribute or none behind its fixed part.
pub fn request(kind: u16, flags: u16, sequence: u32, fixed: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = vec![0; 16];
    out.extend_from_slice(fixed);
    for (kind, value) in attributes {
        out.resize(aligned(out.len()), 0);
        out.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        out.extend_from_slice(&kind.to_ne_bytes());
        out.extend_from_slice(value);
    }
    out.resize(aligned(out.len()), 0);
    let length = out.len() as u32;
    out[0..4].copy_from_slice(&length.to_ne_bytes());
    out[4..6].copy_from_slice(&kind.to_ne_bytes());
    out[6..8].copy_from_slice(&flags.to_ne_bytes());
    out[8..12].copy_from_slice(&sequence.to_ne_bytes());
    out
}

/// A number of two bytes in the machine's order.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// A number of four bytes in the machine's order.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of eight bytes in the machine's order.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn aligned(length: usize) -> usize {
    // An element of no length would never end the loop: its header alone is four bytes.
    length.max(4).next_multiple_of(4)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Text up to its NUL.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok().map(str::to_owned)
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;
    use crate::fixtures;

    /// A message as the kernel would send it.
    fn message(kind: u16, fixed: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        request(kind, 2, 1, fixed, attributes)
    }

    fn first(bytes: &[u8]) -> &[u8] {
        messages(bytes).next().unwrap().1
    }

    /// The bytes of a fixture: messages in hex, an empty line between two.
    fn bytes_of(text: &[u8]) -> Vec<u8> {
        let digits: Vec<u8> =
            text.iter().filter_map(|b| (*b as char).to_digit(16)).map(|d| d as u8).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn said(name: &str, text: &[u8]) -> String {
        let bytes = bytes_of(text);
        let all: Vec<String> = if name.ends_with("-links.hex") {
            let links = messages(&bytes).filter_map(|(_, p)| link(p));
            links
                .map(|l| {
                    let (kind, up) = (l.kind.unwrap_or_default(), if l.up { "up" } else { "down" });
                    format!("{} {} {}{kind} {} {up}", l.index, l.name, l.hardware, l.mtu.unwrap_or(0))
                })
                .collect()
        } else if name.ends_with("-routes.hex") {
            let routes =
                messages(&bytes).filter_map(|(_, p)| route(p)).filter(|r| r.default || r.gateway.is_some());
            routes
                .map(|r| {
                    let to = if r.default { "default" } else { "some" };
                    format!("{to} {:?} on {} metric {}", r.gateway, r.interface, r.metric)
                })
                .collect()
        } else {
            let neighbours =
                messages(&bytes).filter_map(|(_, p)| neighbour(p)).filter(|n| !n.address.is_multicast());
            neighbours
                .map(|n| {
                    format!(
                        "{} on {} at {:?} {:?}",
                        n.address,
                        n.interface,
                        n.hardware.map(|h| h[5]),
                        n.reachable
                    )
                })
                .collect()
        };
        all.join(", ").replace("Some", "")
    }

    #[test]
    fn dumps_of_kernels() {
        fixtures::check(
            "netlink",
            &[
                (
                    "debian-11-5.10-by-hand-links.hex",
                    "1 lo 772 65536 up, 2 enp0s31f6 1 1500 up, 3 wlp2s0 1 1500 up, 7 wg0 65534wireguard 1420 up, \
                     8 wwan0 519 1500 up, 9 ppp0 512ppp 1400 up, 10 br0 1bridge 1500 down",
                ),
                (
                    "debian-11-5.10-by-hand-routes.hex",
                    "default (192.168.1.1) on 3 metric 600, some (10.8.0.1) on 7 metric 0, \
                     default (fe80::1) on 3 metric 600",
                ),
                (
                    "vm-6.18-links.hex",
                    "1 lo 772 65536 up, 2 veth1 1veth 1500 up, 3 veth0 1veth 1500 up, 4 br0 1bridge 1500 up, \
                     5 tun0 65534tun 1500 up, 6 tap0 1tun 1500 up",
                ),
                (
                    "vm-6.18-neighbours.hex",
                    "192.168.1.3 on 3 at None (false), 192.168.1.2 on 3 at (253) None, \
                     192.168.1.1 on 3 at (254) (true), fe80::1 on 3 at (254) None",
                ),
                (
                    "vm-6.18-routes.hex",
                    "default (192.168.1.1) on 3 metric 600, default (192.168.1.2) on 3 metric 700, \
                     some (fe80::1) on 3 metric 0, some (192.168.1.1) on 3 metric 0, \
                     some (192.168.1.1) on 3 metric 0, default (fe80::1) on 3 metric 1024",
                ),
            ],
            said,
        );
    }

    #[test]
    fn a_tunnel() {
        let kind = request(0, 0, 0, &[], &[(1, b"wireguard\0")])[16..].to_vec();
        // ARPHRD_NONE, number 7, up and running.
        let fixed = [0, 0, 0xfe, 0xff, 7, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0];
        let bytes = message(RTM_NEWLINK, &fixed, &[(3, b"wg0\0"), (4, &1420u32.to_ne_bytes()), (18, &kind)]);
        let link = link(first(&bytes)).unwrap();
        assert_eq!((link.index, link.name.as_str(), link.hardware, link.up), (7, "wg0", 65534, true));
        assert_eq!((link.kind.as_deref(), link.mtu), (Some("wireguard"), Some(1420)));
    }

    #[test]
    fn routes() {
        let fixed = |length, kind| [2u8, length, 0, 0, 254, 3, 0, kind, 0, 0, 0, 0];
        let gateway = [192, 168, 1, 1];
        let bytes = message(
            RTM_NEWROUTE,
            &fixed(0, 1),
            &[(5, &gateway), (4, &3u32.to_ne_bytes()), (6, &600u32.to_ne_bytes())],
        );
        let found = route(first(&bytes)).unwrap();
        assert_eq!((found.interface, found.default, found.metric, found.ipv6), (3, true, 600, false));
        assert_eq!(found.gateway, Some(IpAddr::from(gateway)));
        // Unreachable routes (type 7) and such are no way out.
        assert_eq!(route(first(&message(RTM_NEWROUTE, &fixed(0, 7), &[(4, &3u32.to_ne_bytes())]))), None);
        // Two next hops: 16 bytes each, with a gateway inside.
        let mut hop = vec![16, 0, 0, 0, 5, 0, 0, 0, 8, 0, 5, 0];
        hop.extend([10, 0, 0, 1]);
        let both = message(RTM_NEWROUTE, &fixed(0, 1), &[(9, &[hop.clone(), hop].concat())]);
        let found = route(first(&both)).unwrap();
        assert_eq!((found.interface, found.gateway), (5, "10.0.0.1".parse().ok()));
    }

    #[test]
    fn neighbours() {
        let fixed = |state: u8| [2u8, 0, 0, 0, 3, 0, 0, 0, state, 0, 0, 1];
        let cache: Vec<u8> = [150u32, 0, 0, 0].iter().flat_map(|n| n.to_ne_bytes()).collect();
        let of = |state, hardware: &[u8]| {
            let bytes =
                message(RTM_NEWNEIGH, &fixed(state), &[(1, &[192, 168, 1, 1]), (2, hardware), (3, &cache)]);
            neighbour(first(&bytes)).unwrap()
        };
        let known = of(0x02, &[2, 0, 0, 0, 0, 1]);
        assert_eq!((known.reachable, known.hardware), (Some(true), Some([2, 0, 0, 0, 0, 1])));
        assert_eq!(known.confirmed_ago, Some(Duration::from_millis(1500)));
        assert_eq!(of(0x04, &[2, 0, 0, 0, 0, 1]).reachable, None);
        assert_eq!(of(0x20, &[]).reachable, Some(false));
        assert_eq!(of(0x20, &[]).hardware, None);
    }

    #[test]
    fn errors() {
        let bytes = message(NLMSG_ERROR, &(-101i32).to_ne_bytes(), &[]);
        assert_eq!(error(first(&bytes)), Some(101));
    }

    #[test]
    fn spoilt_dumps_do_no_harm() {
        fixtures::spoilt("netlink", |text| {
            for name in ["-links.hex", "-routes.hex", "-neighbours.hex"] {
                said(name, text);
            }
        });
    }

    proptest::proptest! {
        #[test]
        fn no_dump_breaks_the_parsers(text in fixtures::mangled("netlink")) {
            for name in ["-links.hex", "-routes.hex", "-neighbours.hex"] {
                said(name, &text);
            }
        }

        #[test]
        fn no_bytes_break_the_parsers(bytes in proptest::collection::vec(0u8..=255, 0..200), length in 0u8..60) {
            let mut framed = bytes.clone();
            if framed.len() > 4 {
                framed[..4].copy_from_slice(&[length, 0, 0, 0]);
            }
            for buffer in [&bytes, &framed] {
                for (_, payload) in messages(buffer) {
                    let _ = (link(payload), route(payload), neighbour(payload), error(payload));
                }
                let _ = (link(buffer), route(buffer), neighbour(buffer), error(buffer));
                let _ = attributes(buffer).count();
            }
        }
    }
}
