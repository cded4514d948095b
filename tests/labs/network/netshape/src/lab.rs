//! A desk at home and a server, with everything in between:
//!
//! ```text
//! ws ──wifi── gw (NAT) ──access── isp ──transit── srv
//! ws   192.168.77.2                fd77:1::2
//! gw   192.168.77.1  100.64.7.2    fd77:1::1  fd77:2::2
//! isp  100.64.7.1    203.0.113.1   fd77:2::1  fd77:3::1
//! srv  203.0.113.9                 2001:db8:77::9 on its loopback
//! ```
//!
//! A [`Layout`] adds to it: a second host and a second router at home, a second server, a company.

use crate::{End, Layout, Link, Links, inside, layout};
use std::{
    fs,
    io::{self, Write as _},
    net::Ipv4Addr,
    path::Path,
    process::{Command, Output, Stdio},
};

/// A namespace of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The desk.
    Ws,
    /// The home router.
    Gw,
    /// The internet provider.
    Isp,
    /// The server.
    Srv,
    /// A second host at home.
    Tv,
    /// A second router at home, before the provider.
    Box,
    /// A second server.
    Alt,
    /// A company's network.
    Hq,
    /// The desk's network card, with the desk's end of `wifi` in it.
    Nic,
}

impl Place {
    /// Its name, which ends that of its namespace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Gw => "gw",
            Self::Isp => "isp",
            Self::Srv => "srv",
            Self::Tv => "tv",
            Self::Box => "box",
            Self::Alt => "alt",
            Self::Hq => "hq",
            Self::Nic => "nic",
        }
    }
}

/// A lab that is up until it is dropped.
#[derive(Debug)]
pub struct Lab {
    // Before the namespaces in the order of dropping: the interfaces go first.
    links: Links,
    namespaces: Namespaces,
    layout: Layout,
}

impl Lab {
    /// The server's address as the desk sees it.
    pub const SERVER_V4: &str = "203.0.113.9";
    /// The same in IPv6: of a range that counts as public, since a policy may point at no other.
    pub const SERVER_V6: &str = "2001:db8:77::9";

    /// The second server's.
    pub const SECOND_V4: &str = "198.51.100.200";
    /// The same in IPv6.
    pub const SECOND_V6: &str = "2001:db8:78::9";
    /// The company's, by which its VPN is reached.
    pub const COMPANY_V4: &str = "192.0.2.9";
    /// A public address of the provider's router.
    pub const PROVIDER_V4: Ipv4Addr = layout::PROVIDER_V4;

    /// Brings it up. `prefix` tells labs that are up at a time apart.
    pub fn up(prefix: &str) -> io::Result<Self> {
        Self::up_as(prefix, Layout::default())
    }

    /// Brings one up that has more to it.
    pub fn up_as(prefix: &str, layout: Layout) -> io::Result<Self> {
        let namespaces = Namespaces::make(prefix, layout.places())?;
        let end = |(place, interface): (Place, &str)| End {
            namespace: namespaces.name(place),
            interface: interface.into(),
        };
        let links: Vec<Link> = layout
            .wires()
            .iter()
            .map(|wire| Link { name: wire.name.into(), ends: wire.ends.map(end) })
            .collect();
        let links = Links::start(&links)?;
        let lab = Self { links, namespaces, layout };
        if layout.card {
            lab.put_card_in()?;
        }
        lab.configure()?;
        Ok(lab)
    }

    /// What it consists of.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The router's address, as the desk knows it.
    pub fn router(&self) -> (Ipv4Addr, String) {
        (Ipv4Addr::new(192, 168, 77, 1), self.layout.address("fd77:1::1"))
    }

    /// Its links.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// The name of a namespace, as `ip netns` knows it.
    pub fn namespace(&self, place: Place) -> String {
        self.namespaces.name(place)
    }

    /// Runs `work` on a thread inside a namespace; its sockets stay there.
    pub fn inside<T: Send>(&self, place: Place, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        inside(&self.namespace(place), work)
    }

    /// A program to be run inside a namespace.
    pub fn command(&self, place: Place, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(place)]).arg(program);
        command
    }

    /// Runs `ip` in a namespace.
    pub fn ip(&self, place: Place, arguments: &[&str]) -> io::Result<()> {
        ran(Command::new("ip").args(["-n", &self.namespace(place)]).args(arguments).output()?)
    }

    /// Loads rules in a namespace, beside those that are there.
    pub fn nft(&self, place: Place, rules: &str) -> io::Result<()> {
        let mut nft = Command::new("ip");
        fed(nft.args(["netns", "exec", &self.namespace(place), "nft", "-f", "-"]), rules)
    }

    /// Changes a setting of a namespace, such as `net/ipv4/ip_forward`.
    pub fn sysctl(&self, place: Place, key: &str, value: &str) -> io::Result<()> {
        self.inside(place, || fs::write(format!("/proc/sys/{key}"), value))?
    }

    /// A pair of interfaces, and a bridge from its other end to the link.
    fn put_card_in(&self) -> io::Result<()> {
        let desk = self.namespace(Place::Ws);
        let orders = format!(
            "link add wl0 type veth peer name wl0 netns {desk}\n\
             link add br0 type bridge mcast_snooping 0\n\
             link set wl0 master br0\nlink set tap0 master br0\n\
             link set wl0 up\nlink set tap0 up\nlink set br0 up\n"
        );
        let mut ip = Command::new("ip");
        fed(ip.args(["-n", &self.namespace(Place::Nic), "-batch", "-"]), &orders)
    }

    fn configure(&self) -> io::Result<()> {
        let mut all: Vec<(Place, String)> = Vec::new();
        for port in self.layout.ports() {
            let (interface, v6) = (port.interface, self.layout.address(port.v6));
            all.push((port.place, format!("addr add {} dev {interface}", port.v4)));
            all.push((port.place, format!("addr add {v6} dev {interface} nodad")));
            all.push((port.place, format!("link set {interface} up")));
        }
        for way in self.layout.ways() {
            let to = way.to.map_or("default".to_owned(), |to| self.layout.address(to));
            all.push((way.place, format!("route add {to} via {}", self.layout.address(way.via))));
        }
        for place in self.layout.places() {
            // All of a namespace's in one call: starting a program is what takes the time.
            let lines: Vec<&str> = all.iter().filter(|(p, _)| *p == place).map(|(_, l)| l.as_str()).collect();
            let mut ip = Command::new("ip");
            fed(ip.args(["-n", &self.namespace(place), "-batch", "-"]), &(lines.join("\n") + "\n"))?;
        }
        for place in self.layout.routers() {
            self.sysctl(place, "net/ipv4/ip_forward", "1")?;
            self.sysctl(place, "net/ipv6/conf/all/forwarding", "1")?;
        }
        for (place, interface) in self.layout.translators() {
            let chain = "type nat hook postrouting priority 100;";
            let rules =
                format!("table ip nat {{ chain post {{ {chain} oifname {interface} masquerade; }}; }}");
            self.nft(place, &rules)?;
        }
        Ok(())
    }
}

/// Namespaces that go when they are dropped.
#[derive(Debug)]
struct Namespaces {
    prefix: String,
    places: Vec<Place>,
}

impl Namespaces {
    fn make(prefix: &str, places: Vec<Place>) -> io::Result<Self> {
        let made = Self { prefix: prefix.to_owned(), places };
        for place in made.places.iter().copied() {
            let name = made.name(place);
            ran(Command::new("ip").args(["netns", "add", &name]).output()?)?;
            ran(Command::new("ip").args(["-n", &name, "link", "set", "lo", "up"]).output()?)?;
            inside(&name, settle)??;
        }
        Ok(made)
    }

    fn name(&self, place: Place) -> String {
        format!("{}-{}", self.prefix, place.name())
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for place in self.places.iter().copied() {
            // What is not there any more needs no deleting.
            let _ = Command::new("ip").args(["netns", "del", &self.name(place)]).output();
        }
    }
}

/// No waiting for duplicate addresses, no limits on ICMP; and ICMP sockets for everybody.
fn settle() -> io::Result<()> {
    for (key, value) in [
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/router_solicitations", "0"),
        ("ipv4/icmp_ratelimit", "0"),
        ("ipv6/icmp/ratelimit", "0"),
        ("ipv4/ping_group_range", "0 2147483647"),
    ] {
        fs::write(format!("/proc/sys/net/{key}"), value)?;
    }
    Ok(())
}

/// Runs a program that reads its orders.
fn fed(command: &mut Command, orders: &str) -> io::Result<()> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = pipes.spawn()?;
    // Dropped at once, so that the program sees the end.
    let fed = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(orders.as_bytes()));
    let output = child.wait_with_output()?;
    // What it says of an order it did not like is worth more than that it went away.
    ran(output).and(fed)
}

fn ran(output: Output) -> io::Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
