//! The Wi-Fi link, by nl80211, or by the older `/proc/net/wireless` where that gives nothing.

use super::netlink::Netlink;
use crate::network::{
    link::Interface,
    netlink::{attribute, request, u16_at},
    wifi::{nl80211_band, nl80211_station, proc_net_wireless},
};
use std::io;
use telemetry::WifiLink;

/// The link of a Wi-Fi interface; none if nothing is known of it.
pub fn wifi(interface: &Interface) -> Option<WifiLink> {
    nl80211(interface.index).ok().flatten().or_else(|| {
        let text = std::fs::read_to_string("/proc/net/wireless").ok()?;
        proc_net_wireless(&text, &interface.name)
    })
}

fn nl80211(index: u32) -> io::Result<Option<WifiLink>> {
    // Numbers of `linux/genetlink.h` and `linux/nl80211.h`.
    const GENL_ID_CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    const CMD_GET_INTERFACE: u8 = 5;
    const CMD_GET_STATION: u8 = 17;
    const ATTR_IFINDEX: u16 = 3;
    const REQUEST: u16 = 1;
    const DUMP: u16 = 0x300;
    /// What follows a message's header: command, version, two bytes unused.
    const GENERIC: usize = 4;

    let socket = Netlink::open(libc::NETLINK_GENERIC)?;
    let mut family = None;
    let name = [(CTRL_ATTR_FAMILY_NAME, b"nl80211\0".as_slice())];
    socket.ask(
        &request(GENL_ID_CTRL, REQUEST, 1, &[CTRL_CMD_GETFAMILY, 1, 0, 0], &name),
        false,
        |_, payload| {
            let all = payload.get(GENERIC..).unwrap_or_default();
            family = attribute(all, CTRL_ATTR_FAMILY_ID).and_then(|v| u16_at(v, 0));
        },
    )?;
    let Some(family) = family else { return Ok(None) };
    let index = index.to_ne_bytes();
    let of = [(ATTR_IFINDEX, index.as_slice())];
    let mut link = None;
    // A desk's own interface has one station: the access point.
    socket.ask(
        &request(family, REQUEST | DUMP, 2, &[CMD_GET_STATION, 0, 0, 0], &of),
        true,
        |_, payload| {
            link = link.take().or_else(|| nl80211_station(payload.get(GENERIC..)?));
        },
    )?;
    let mut band = None;
    socket.ask(&request(family, REQUEST, 3, &[CMD_GET_INTERFACE, 0, 0, 0], &of), false, |_, payload| {
        band = payload.get(GENERIC..).and_then(nl80211_band);
    })?;
    Ok(link.map(|link| WifiLink { band, ..link }))
}
