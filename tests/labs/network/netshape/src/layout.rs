//! What a lab consists of: its places, its links, its addresses and the ways between them.
//!
//! Owns tables only. Must not touch the system.

use crate::lab::Place;
use std::net::Ipv4Addr;

/// What a lab has beside the desk, its router, the provider and the server. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// A second host at home, with a cable of its own to the router: link `lan`.
    pub second_host: bool,
    /// The router at home is behind another router at home (double NAT): link `patch` between the two.
    pub second_router: bool,
    /// A second server, at the provider by a link of its own: `transit2`.
    pub second_server: bool,
    /// A company, at the provider by a link of its own: `office`.
    pub company: bool,
    /// The addresses between home and provider, and those of IPv6, are public ones, as most homes have them.
    pub public: bool,
    /// The desk's end of `wifi` is a network card like any other. Else it is a TAP device, which a program
    /// that looks closely takes for a VPN.
    pub card: bool,
}

/// A link: its name and its two ends. "Up" is from the first to the second.
pub(crate) struct Wire {
    pub name: &'static str,
    pub ends: [(Place, &'static str); 2],
}

/// An interface with its addresses.
pub(crate) struct Port {
    pub place: Place,
    pub interface: &'static str,
    pub v4: &'static str,
    pub v6: &'static str,
}

/// A way: where to, by which router. `None` is the default.
pub(crate) struct Way {
    pub place: Place,
    pub to: Option<&'static str>,
    pub via: &'static str,
}

impl Layout {
    /// The places that there are.
    pub fn places(&self) -> Vec<Place> {
        let extra = [
            (self.second_host, Place::Tv),
            (self.second_router, Place::Box),
            (self.second_server, Place::Alt),
            (self.company, Place::Hq),
            (self.card, Place::Nic),
        ];
        let extra = extra.into_iter().filter_map(|(there, place)| there.then_some(place));
        [Place::Ws, Place::Gw, Place::Isp, Place::Srv].into_iter().chain(extra).collect()
    }

    pub(crate) fn wires(&self) -> Vec<Wire> {
        use Place::{Alt, Box, Gw, Hq, Isp, Srv, Tv, Ws};
        let wire = |name, a, b| Wire { name, ends: [a, b] };
        let desk = if self.card { (Place::Nic, "tap0") } else { (Ws, "wl0") };
        let mut wires = vec![wire("wifi", desk, (Gw, "lan0"))];
        if self.second_host {
            wires.push(wire("lan", (Tv, "eth0"), (Gw, "lan1")));
        }
        if self.second_router {
            wires.push(wire("patch", (Gw, "wan0"), (Box, "lan0")));
            wires.push(wire("access", (Box, "wan0"), (Isp, "cust0")));
        } else {
            wires.push(wire("access", (Gw, "wan0"), (Isp, "cust0")));
        }
        wires.push(wire("transit", (Isp, "core0"), (Srv, "eth0")));
        if self.second_server {
            wires.push(wire("transit2", (Isp, "core1"), (Alt, "eth0")));
        }
        if self.company {
            wires.push(wire("office", (Isp, "core2"), (Hq, "eth0")));
        }
        wires
    }

    pub(crate) fn ports(&self) -> Vec<Port> {
        use Place::{Alt, Box, Gw, Hq, Isp, Srv, Tv, Ws};
        let port = |place, interface, v4, v6| Port { place, interface, v4, v6 };
        let mut ports = vec![
            port(Ws, "wl0", "192.168.77.2/24", "fd77:1::2/64"),
            port(Gw, "lan0", "192.168.77.1/24", "fd77:1::1/64"),
        ];
        if self.second_host {
            ports.push(port(Tv, "eth0", "192.168.78.2/24", "fd77:4::2/64"));
            ports.push(port(Gw, "lan1", "192.168.78.1/24", "fd77:4::1/64"));
        }
        if self.second_router {
            ports.push(port(Gw, "wan0", "192.168.1.2/24", "fd77:5::2/64"));
            ports.push(port(Box, "lan0", "192.168.1.1/24", "fd77:5::1/64"));
        }
        let outermost = if self.second_router { Box } else { Gw };
        let (home, provider) = match self.public {
            true => ("198.51.100.2/25", "198.51.100.1/25"),
            false => ("100.64.7.2/24", "100.64.7.1/24"),
        };
        ports.push(port(outermost, "wan0", home, "fd77:2::2/64"));
        ports.push(port(Isp, "cust0", provider, "fd77:2::1/64"));
        ports.push(port(Isp, "core0", "203.0.113.1/24", "fd77:3::1/64"));
        ports.push(port(Srv, "eth0", "203.0.113.9/24", "fd77:3::9/64"));
        ports.push(port(Srv, "lo", "127.0.0.9/8", "2001:db8:77::9/128"));
        if self.second_server {
            ports.push(port(Isp, "core1", "198.51.100.129/25", "fd77:6::1/64"));
            ports.push(port(Alt, "eth0", "198.51.100.200/25", "fd77:6::9/64"));
            ports.push(port(Alt, "lo", "127.0.0.9/8", "2001:db8:78::9/128"));
        }
        if self.company {
            ports.push(port(Isp, "core2", "192.0.2.1/24", "fd77:7::1/64"));
            ports.push(port(Hq, "eth0", "192.0.2.9/24", "fd77:7::9/64"));
        }
        ports
    }

    pub(crate) fn ways(&self) -> Vec<Way> {
        use Place::{Alt, Box, Gw, Hq, Isp, Srv, Tv, Ws};
        let default = |place, via| Way { place, to: None, via };
        let way = |place, to, via| Way { place, to: Some(to), via };
        let provider = if self.public { "198.51.100.1" } else { "100.64.7.1" };
        let mut ways = vec![default(Ws, "192.168.77.1"), default(Ws, "fd77:1::1")];
        if self.second_host {
            ways.extend([default(Tv, "192.168.78.1"), default(Tv, "fd77:4::1")]);
        }
        if self.second_router {
            ways.extend([default(Gw, "192.168.1.1"), default(Gw, "fd77:5::1")]);
            ways.extend([default(Box, provider), default(Box, "fd77:2::1")]);
            ways.push(way(Box, "fd77:1::/64", "fd77:5::2"));
            ways.push(way(Box, "fd77:4::/64", "fd77:5::2"));
            ways.push(way(Isp, "fd77:5::/64", "fd77:2::2"));
        } else {
            ways.extend([default(Gw, provider), default(Gw, "fd77:2::1")]);
        }
        ways.push(way(Isp, "fd77:1::/64", "fd77:2::2"));
        ways.push(way(Isp, "fd77:4::/64", "fd77:2::2"));
        ways.extend([default(Srv, "203.0.113.1"), default(Srv, "fd77:3::1")]);
        ways.push(way(Isp, "2001:db8:77::/64", "fd77:3::9"));
        if self.second_server {
            ways.extend([default(Alt, "198.51.100.129"), default(Alt, "fd77:6::1")]);
            ways.push(way(Isp, "2001:db8:78::/64", "fd77:6::9"));
        }
        if self.company {
            ways.extend([default(Hq, "192.0.2.1"), default(Hq, "fd77:7::1")]);
        }
        ways
    }

    /// An address of these tables, as this layout has it.
    pub(crate) fn address(&self, written: &str) -> String {
        if self.public { written.replacen("fd77:", "2001:db8:", 1) } else { written.to_owned() }
    }

    /// The places that pass on what is not for them.
    pub(crate) fn routers(&self) -> Vec<Place> {
        let routers = [Place::Gw, Place::Box, Place::Isp, Place::Hq];
        self.places().into_iter().filter(|p| routers.contains(p)).collect()
    }

    /// The places that put their own address before what leaves by an interface, and by which.
    pub(crate) fn translators(&self) -> Vec<(Place, &'static str)> {
        let all = [(Place::Gw, "wan0"), (Place::Box, "wan0"), (Place::Hq, "eth0")];
        all.into_iter().filter(|(p, _)| self.places().contains(p)).collect()
    }
}

/// The provider's address in IPv4 on the side of the servers: public in every layout.
pub(crate) const PROVIDER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> impl Iterator<Item = Layout> {
        (0..64u8).map(|bits| {
            let bit = |n: u8| bits & (1 << n) != 0;
            Layout {
                second_host: bit(0),
                second_router: bit(1),
                second_server: bit(2),
                company: bit(3),
                public: bit(4),
                card: bit(5),
            }
        })
    }

    #[test]
    fn every_layout_hangs_together() {
        for layout in all() {
            let places = layout.places();
            let mut interfaces: BTreeSet<_> = layout
                .wires()
                .iter()
                .flat_map(|w| w.ends.map(|(place, interface)| (place.name(), interface)))
                .collect();
            if layout.card {
                interfaces.insert((Place::Ws.name(), "wl0"));
            }
            for port in layout.ports() {
                assert!(places.contains(&port.place), "{layout:?}: {}", port.place.name());
                let made =
                    port.interface == "lo" || interfaces.contains(&(port.place.name(), port.interface));
                assert!(made, "{layout:?}: {} has no {}", port.place.name(), port.interface);
            }
            let addresses: BTreeSet<String> = layout
                .ports()
                .iter()
                .flat_map(|p| [p.v4, p.v6])
                .map(|a| a.split('/').next().unwrap_or_default().to_owned())
                .collect();
            for way in layout.ways() {
                assert!(places.contains(&way.place), "{layout:?}: {}", way.place.name());
                assert!(addresses.contains(way.via), "{layout:?}: nobody is {}", way.via);
            }
        }
    }

    #[test]
    fn no_address_is_given_twice() {
        for layout in all() {
            let mut seen = BTreeSet::new();
            for port in layout.ports().iter().filter(|p| p.interface != "lo") {
                assert!(seen.insert(port.v4) && seen.insert(port.v6), "{layout:?}: {}", port.v4);
            }
        }
    }
}
