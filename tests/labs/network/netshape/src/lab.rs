//! A desk at home and a server, with everything in between:
//!
//! ```text
//! ws ──wifi── gw (NAT) ──access── isp ──transit── srv
//! ws   192.168.77.2                fd77:1::2
//! gw   192.168.77.1  100.64.7.2    fd77:1::1  fd77:2::2
//! isp  100.64.7.1    203.0.113.1   fd77:2::1  fd77:3::1
//! srv  203.0.113.9                 2001:db8:77::9 on its loopback
//! ```

use crate::{End, Link, Links, inside};
use std::{
    fs, io,
    path::Path,
    process::{Command, Output},
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
}

impl Place {
    const ALL: [Self; 4] = [Self::Ws, Self::Gw, Self::Isp, Self::Srv];

    fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Gw => "gw",
            Self::Isp => "isp",
            Self::Srv => "srv",
        }
    }
}

/// A lab that is up until it is dropped.
#[derive(Debug)]
pub struct Lab {
    // Before the namespaces in the order of dropping: the interfaces go first.
    links: Links,
    namespaces: Namespaces,
}

impl Lab {
    /// The server's address as the desk sees it.
    pub const SERVER_V4: &str = "203.0.113.9";
    /// The same in IPv6: of a range that counts as public, since a policy may point at no other.
    pub const SERVER_V6: &str = "2001:db8:77::9";

    /// Brings it up. `prefix` tells labs that are up at a time apart.
    pub fn up(prefix: &str) -> io::Result<Self> {
        let namespaces = Namespaces::make(prefix)?;
        let end =
            |place, interface: &str| End { namespace: namespaces.name(place), interface: interface.into() };
        let link = |name: &str, ends| Link { name: name.into(), ends };
        let links = Links::start(&[
            link("wifi", [end(Place::Ws, "wl0"), end(Place::Gw, "lan0")]),
            link("access", [end(Place::Gw, "wan0"), end(Place::Isp, "cust0")]),
            link("transit", [end(Place::Isp, "core0"), end(Place::Srv, "eth0")]),
        ])?;
        let lab = Self { links, namespaces };
        lab.configure()?;
        Ok(lab)
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

    fn configure(&self) -> io::Result<()> {
        for (place, interface, v4, v6) in [
            (Place::Ws, "wl0", "192.168.77.2/24", "fd77:1::2/64"),
            (Place::Gw, "lan0", "192.168.77.1/24", "fd77:1::1/64"),
            (Place::Gw, "wan0", "100.64.7.2/24", "fd77:2::2/64"),
            (Place::Isp, "cust0", "100.64.7.1/24", "fd77:2::1/64"),
            (Place::Isp, "core0", "203.0.113.1/24", "fd77:3::1/64"),
            (Place::Srv, "eth0", "203.0.113.9/24", "fd77:3::9/64"),
            (Place::Srv, "lo", "127.0.0.9/8", "2001:db8:77::9/128"),
        ] {
            self.ip(place, &["addr", "add", v4, "dev", interface])?;
            self.ip(place, &["-6", "addr", "add", v6, "dev", interface, "nodad"])?;
            self.ip(place, &["link", "set", interface, "up"])?;
        }
        for (place, v4, v6) in [
            (Place::Ws, "192.168.77.1", "fd77:1::1"),
            (Place::Gw, "100.64.7.1", "fd77:2::1"),
            (Place::Srv, "203.0.113.1", "fd77:3::1"),
        ] {
            self.ip(place, &["route", "add", "default", "via", v4])?;
            self.ip(place, &["-6", "route", "add", "default", "via", v6])?;
        }
        self.ip(Place::Isp, &["-6", "route", "add", "fd77:1::/64", "via", "fd77:2::2"])?;
        self.ip(Place::Isp, &["-6", "route", "add", "2001:db8:77::/64", "via", "fd77:3::9"])?;
        for place in [Place::Gw, Place::Isp] {
            self.inside(place, || -> io::Result<()> {
                fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
                fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
            })??;
        }
        let home = "add table ip nat; \
                    add chain ip nat post { type nat hook postrouting priority 100; }; \
                    add rule ip nat post oifname wan0 masquerade";
        ran(Command::new("ip").args(["netns", "exec", &self.namespace(Place::Gw), "nft", home]).output()?)
    }

    fn ip(&self, place: Place, arguments: &[&str]) -> io::Result<()> {
        ran(Command::new("ip").args(["-n", &self.namespace(place)]).args(arguments).output()?)
    }
}

/// Namespaces that go when they are dropped.
#[derive(Debug)]
struct Namespaces {
    prefix: String,
}

impl Namespaces {
    fn make(prefix: &str) -> io::Result<Self> {
        let made = Self { prefix: prefix.to_owned() };
        for place in Place::ALL {
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
        for place in Place::ALL {
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

fn ran(output: Output) -> io::Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
