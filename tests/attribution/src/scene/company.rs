//! The company and its VPN: all the desk's traffic goes into a tunnel, and from the company on to the servers.

use netshape::{Lab, Mouth, Place, Tunnel};
use std::net::{Ipv4Addr, SocketAddr};

/// The company's end inside the tunnel, where its resolver is too.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// The desk's end inside the tunnel.
const DESK: &str = "10.99.0.2/24";
/// As OpenVPN's.
const PORT: u16 = 1194;
/// Room for what goes round each packet.
const MTU: &str = "1400";

/// Connects the VPN.
pub fn vpn(lab: &Lab) -> anyhow::Result<Tunnel> {
    let company: SocketAddr = SocketAddr::new(Lab::COMPANY_V4.parse()?, PORT);
    let mouth = |place, bind| Mouth { namespace: lab.namespace(place), interface: "tun0".into(), bind };
    let desk = mouth(Place::Ws, SocketAddr::from(([0, 0, 0, 0], 0)));
    let tunnel = Tunnel::dig(&desk, &mouth(Place::Hq, company), company)?;
    for (place, address) in [(Place::Ws, DESK), (Place::Hq, &format!("{INSIDE}/24"))] {
        lab.ip(place, &["addr", "add", address, "dev", "tun0"])?;
        lab.ip(place, &["link", "set", "tun0", "mtu", MTU, "up"])?;
    }
    // The tunnel itself goes the old way, everything else into it, as OpenVPN and WireGuard set it up.
    let (router, _) = lab.router();
    lab.ip(Place::Ws, &["route", "add", Lab::COMPANY_V4, "via", &router.to_string()])?;
    lab.ip(Place::Ws, &["route", "add", "0.0.0.0/1", "dev", "tun0"])?;
    lab.ip(Place::Ws, &["route", "add", "128.0.0.0/1", "dev", "tun0"])?;
    // And nothing beside it.
    lab.ip(Place::Ws, &["-6", "route", "del", "default"])?;
    Ok(tunnel)
}
