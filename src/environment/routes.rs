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
    use crate::fixtures;

    fn said(name: &str, table: &str) -> String {
        let found = if name.ends_with(".ipv6_route") { ipv6(table) } else { ipv4(table) };
        found.iter().map(|[link, to, by, _]| format!("{link} {to} {by}")).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn default_routes_and_halves_as_they_were_seen() {
        let zero = "0".repeat(32);
        let router = "fe80000000000000021122fffe334455";
        let wifi = format!("wlp2s0 {zero} {router}");
        let halves = format!("wg0 {zero} {zero}, wg0 8{} {zero}, {wifi}", &zero[1..]);
        let vm = format!("eth0 {zero} fd000000000000000000000000000001");
        fixtures::check(
            "routes",
            &[
                ("debian-12-6.1-wifi.ipv6_route", &wifi),
                ("debian-12-6.1-wifi.route", "wlp2s0 00000000 0101A8C0"),
                ("fedora-43-6.17-two-links.route", "enp0s31f6 00000000 0102A8C0, wlp2s0 00000000 0101A8C0"),
                ("offline-6.12.route", ""),
                (
                    "ubuntu-24.04-6.8-openvpn.route",
                    "tun0 00000000 0100080A, wlp2s0 00000000 0101A8C0, tun0 00000080 0100080A",
                ),
                ("ubuntu-24.04-6.8-wireguard.ipv6_route", &halves),
                ("vm-6.18.ipv6_route", &vm),
                ("vm-6.18.route", "eth0 00000000 010200C0"),
            ],
            |name, bytes| said(name, std::str::from_utf8(bytes).unwrap()),
        );
    }

    #[test]
    fn a_counter_that_moves_is_no_other_route() {
        let table = String::from_utf8(fixtures::file("routes", "debian-12-6.1-wifi.route")).unwrap();
        let later = table.replace("0003\t0\t0\t", "0003\t0\t8\t");
        assert_ne!(later, table);
        assert_eq!(ipv4(&later), ipv4(&table));
    }

    #[test]
    fn spoilt_tables_do_no_harm() {
        fixtures::spoilt("routes", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let _ = (ipv4(&text).len(), ipv6(&text).len());
        });
    }

    proptest::proptest! {
        #[test]
        fn no_table_makes_it_panic(bytes in fixtures::mangled("routes")) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = (ipv4(&text).len(), ipv6(&text).len());
        }
    }

    #[test]
    fn nonsense() {
        for bad in ["", "a", "a\nb c d\n", "\n\n", "a b c d e f g h i j k\n"] {
            assert!(ipv4(bad).is_empty() && ipv6(bad).is_empty(), "{bad}");
        }
    }
}
