//! Whether the connection is paid for by the megabyte, by what operating systems say of it.
//!
//! Pure; asking is `platform::metered`. What is not known counts as not metered, but for a mobile network.

use super::link::Links;
use telemetry::LinkKind;

/// By the property `Metered` of NetworkManager (`NMMetered` of its D-Bus interface) as busctl prints it: `u 4`.
/// Its guesses count: it takes a phone's hotspot for metered by what the phone says.
pub fn of_network_manager(printed: &str) -> Option<bool> {
    match printed.trim().strip_prefix("u ")? {
        "1" | "3" => Some(true),
        "2" | "4" => Some(false),
        _ => None,
    }
}

/// By the bits of Windows' `NLM_CONNECTION_COST` (netlistmgr.h).
pub fn of_windows(cost: u32) -> Option<bool> {
    const UNRESTRICTED: u32 = 0x1;
    // Fixed and variable: so much for a month, or by the byte.
    const FIXED: u32 = 0x2;
    const VARIABLE: u32 = 0x4;
    const OVER_LIMIT: u32 = 0x1_0000;
    const ROAMING: u32 = 0x4_0000;
    if cost & (FIXED | VARIABLE | OVER_LIMIT | ROAMING) != 0 {
        return Some(true);
    }
    (cost & UNRESTRICTED != 0).then_some(false)
}

/// What to go by.
pub fn conclude(told: Option<bool>, links: Option<&Links>) -> bool {
    let mobile = |l: &Links| l.physical.as_ref().is_some_and(|p| p.kind == LinkKind::Cellular);
    told.unwrap_or_else(|| links.is_some_and(mobile))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::link::Interface;

    #[test]
    fn network_managers_word() {
        let said = ["u 0\n", "u 1\n", "u 2\n", "u 3\n", "u 4\n", "u 5\n", "", "u", "s \"x\"", "1"];
        let meant = [None, Some(true), Some(false), Some(true), Some(false), None, None, None, None, None];
        assert_eq!(said.map(of_network_manager), meant);
    }

    #[test]
    fn windows_word() {
        let meant = [None, Some(false), Some(true), Some(true), None];
        assert_eq!([0, 1, 2, 4, 0x8_0000].map(of_windows), meant);
        assert_eq!((of_windows(0x4_0001), of_windows(0x1_0000)), (Some(true), Some(true)));
    }

    #[test]
    fn unknown_is_not_metered_but_for_a_mobile_network() {
        let links = |kind| Links {
            physical: Some(Interface { index: 1, name: "x".into(), kind, mtu: None, bits_per_second: None }),
            ..Links::default()
        };
        let (mobile, cable) = (links(LinkKind::Cellular), links(LinkKind::Ethernet));
        assert!(conclude(None, Some(&mobile)) && !conclude(None, Some(&cable)) && !conclude(None, None));
        assert!(conclude(Some(true), Some(&cable)) && !conclude(Some(false), Some(&mobile)));
    }
}
