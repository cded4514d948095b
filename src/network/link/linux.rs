//! What Linux says of a link, in its own numbers and words. Pure; asking is `platform::link`.
//!
//! Numbers are those of the kernel's `linux/if_arp.h`.

use crate::network::netlink::LinkMessage;
use telemetry::LinkKind;

/// The loopback's hardware type.
pub const ARPHRD_LOOPBACK: u16 = 772;

/// The rate of a link in bits a second, from `speed` in its folder of `/sys/class/net`: megabits a
/// second, -1 where the driver does not know, which some drivers write without a sign.
pub fn speed(text: &str) -> Option<u64> {
    /// The fastest link there is has 1.6 Tbit/s: what is above that is no rate.
    const MOST: u64 = 1_600_000;
    text.trim().parse::<u64>().ok().filter(|mbit| (1..=MOST).contains(mbit)).map(|mbit| mbit * 1_000_000)
}

/// What a link is: from the kernel's message, from `uevent` in its folder of `/sys/class/net`, where
/// drivers name their device type, and from whether that folder has one for radio.
pub fn kind(link: &LinkMessage, uevent: &str, wireless: bool) -> LinkKind {
    const ARPHRD_ETHER: u16 = 1;
    const ARPHRD_PPP: u16 = 512;
    const ARPHRD_RAWIP: u16 = 519;
    const ARPHRD_TUNNEL: std::ops::RangeInclusive<u16> = 768..=769;
    const ARPHRD_SIT: u16 = 776;
    const ARPHRD_GRE: u16 = 778;
    const ARPHRD_NONE: u16 = 65_534;
    let device_type = uevent.lines().find_map(|l| l.strip_prefix("DEVTYPE=")).map(str::trim);
    match (link.kind.as_deref(), device_type, link.hardware) {
        _ if wireless => LinkKind::Wifi,
        (_, Some("wlan"), _) => LinkKind::Wifi,
        (Some("wwan"), ..) | (_, Some("wwan"), _) | (.., ARPHRD_RAWIP) => LinkKind::Cellular,
        (
            Some(
                "tun" | "wireguard" | "ipip" | "gre" | "gretap" | "sit" | "vti" | "vti6" | "xfrm" | "ip6tnl",
            ),
            ..,
        ) => LinkKind::Tunnel,
        (.., ARPHRD_PPP | ARPHRD_SIT | ARPHRD_GRE | ARPHRD_NONE) => LinkKind::Tunnel,
        (.., hardware) if ARPHRD_TUNNEL.contains(&hardware) => LinkKind::Tunnel,
        (.., ARPHRD_ETHER) => LinkKind::Ethernet,
        _ => LinkKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(kind: Option<&str>, hardware: u16) -> LinkMessage {
        LinkMessage {
            index: 1,
            name: "x0".into(),
            hardware,
            kind: kind.map(Into::into),
            mtu: None,
            up: true,
            bytes: None,
        }
    }

    #[test]
    fn kinds_of_links() {
        for (virtual_kind, hardware, device, wireless, expected) in [
            (None, 1, "INTERFACE=eth0\nIFINDEX=2\n", false, LinkKind::Ethernet),
            (None, 1, "DEVTYPE=wlan\nINTERFACE=wlp2s0\n", false, LinkKind::Wifi),
            (None, 1, "", true, LinkKind::Wifi),
            (None, 519, "DEVTYPE=wwan\n", false, LinkKind::Cellular),
            (None, 1, "DEVTYPE=wwan\n", false, LinkKind::Cellular),
            (Some("wireguard"), 65_534, "DEVTYPE=wireguard\n", false, LinkKind::Tunnel),
            (Some("tun"), 1, "", false, LinkKind::Tunnel),
            (Some("tun"), 65_534, "", false, LinkKind::Tunnel),
            (Some("vlan"), 1, "DEVTYPE=vlan\n", false, LinkKind::Ethernet),
            (Some("bridge"), 1, "DEVTYPE=bridge\n", false, LinkKind::Ethernet),
            (Some("ppp"), 512, "", false, LinkKind::Tunnel),
            (None, 800, "", false, LinkKind::Other),
        ] {
            assert_eq!(
                kind(&link(virtual_kind, hardware), device, wireless),
                expected,
                "{virtual_kind:?} {device}"
            );
        }
    }

    #[test]
    fn a_device_type_ends_with_its_line() {
        assert_eq!(kind(&link(None, 1), "INTERFACE=x\r\nDEVTYPE=wlan\r\n", false), LinkKind::Wifi);
        assert_eq!(kind(&link(None, 1), "DEVTYPE=wlanx\n", false), LinkKind::Ethernet);
    }

    #[test]
    fn rates() {
        for (text, rate) in [
            ("1000\n", Some(1_000_000_000)),
            ("2500\n", Some(2_500_000_000)),
            ("10", Some(10_000_000)),
            ("-1\n", None),
            ("0\n", None),
            ("4294967295\n", None),
            ("65535000\n", None),
            ("9223372036854775807\n", None),
            ("18446744073709551616\n", None),
            ("", None),
            ("anna", None),
            ("1000 2000", None),
        ] {
            assert_eq!(speed(text), rate, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "([-0-9]{0,22}|\\PC{0,8})\n?", hardware: u16, device in "(DEVTYPE=)?[a-z\n]{0,9}") {
            speed(&text);
            kind(&link(Some(&device), hardware), &device, false);
        }
    }
}
