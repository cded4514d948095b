//! The wide routes of Linux, for noticing that the network is another: default routes, and the two
//! halves that a VPN lays over them.

/// The wide routes in `/proc/net/route`, without counters.
pub fn ipv4(table: &str) -> Vec<[&str; 4]> {
    table.lines().skip(1).filter_map(wide_ipv4).collect()
}

/// The wide routes in `/proc/net/ipv6_route`, without counters.
pub fn ipv6(table: &str) -> Vec<[&str; 4]> {
    table.lines().filter_map(wide_ipv6).collect()
}

fn wide_ipv4(line: &str) -> Option<[&str; 4]> {
    let mut f = line.split_ascii_whitespace();
    let (interface, target, gateway, flags) = (f.next()?, f.next()?, f.next()?, f.next()?);
    let mask = f.nth(3)?;
    // Little-endian: 00000080 is 128.0.0.0.
    matches!(mask, "00000000" | "00000080").then_some([interface, target, gateway, flags])
}

fn wide_ipv6(line: &str) -> Option<[&str; 4]> {
    let f: Vec<&str> = line.split_ascii_whitespace().collect();
    let [target, length, _, _, gateway, _, _, _, _, interface] = f[..] else { return None };
    // A route that leads nowhere is on the loopback and always there.
    (matches!(length, "00" | "01") && interface != "lo").then_some([interface, target, gateway, length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_and_halves() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     wlan0\t00000000\t0100A8C0\t0003\t0\t7\t600\t00000000\t0\t0\t0\n\
                     tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
                     wlan0\t0000A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(
            ipv4(table),
            [["wlan0", "00000000", "0100A8C0", "0003"], ["tun0", "00000080", "0100080A", "0003"]]
        );
        assert_eq!(ipv4(&table.replace("\t7\t", "\t8\t")), ipv4(table));
    }

    #[test]
    fn default_routes_of_ipv6() {
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000005 00000000 00450003    wlan0\n\
             20010db8000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001    wlan0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        let found = ipv6(&table);
        assert_eq!(found, [["wlan0", &zero, "fe800000000000000000000000000001", "00"]]);
    }

    #[test]
    fn nonsense() {
        for bad in ["", "a", "a\nb c d\n", "\n\n", "a b c d e f g h i j k\n"] {
            assert!(ipv4(bad).is_empty() && ipv6(bad).is_empty(), "{bad}");
        }
    }
}
