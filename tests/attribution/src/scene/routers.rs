//! What routers do beside forwarding, as rules of nftables.

use super::web::PORTAL;
use crate::case::{Behaviour, Icmp, Router};
use netshape::Place;

/// The provider puts its own address before every packet of its customers.
pub const CGNAT: &str = "table ip cgnat { chain post { type nat hook postrouting priority 100; \
                         oifname { \"core0\", \"core1\" } masquerade; }; }";

/// Without these there is no IPv6 at all, whatever else a router keeps to itself.
const NEIGHBOURS: &str =
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept;";

/// Where a router is.
pub fn place(router: Router) -> Place {
    match router {
        Router::Gw => Place::Gw,
        Router::Box => Place::Box,
        Router::Isp => Place::Isp,
        Router::Hq => Place::Hq,
    }
}

/// The rules of a router.
pub fn rules(behaviour: &Behaviour) -> String {
    // What it sends itself: echo replies, and errors such as "time exceeded". Those of others it forwards.
    let says = match behaviour.icmp {
        Icmp::Open => String::new(),
        Icmp::PerSecond(n) => {
            let limit = format!("limit rate over {n}/second burst {n} packets drop;");
            format!("{NEIGHBOURS} meta l4proto icmp {limit} meta l4proto ipv6-icmp {limit}")
        }
        Icmp::Silent | Icmp::Closed => {
            format!("{NEIGHBOURS} meta l4proto {{ icmp, ipv6-icmp }} drop;")
        }
    };
    let mut forwards = String::new();
    if behaviour.icmp == Icmp::Closed {
        forwards += "meta l4proto { icmp, ipv6-icmp } drop;";
    }
    if behaviour.udp_blocked {
        forwards += "meta l4proto udp drop;";
    }
    if let Some(longest) = behaviour.longest {
        forwards += &format!("meta length > {longest} drop;");
    }
    if behaviour.portal {
        forwards += "drop;";
    }
    let takes = if behaviour.resolver_dead { "meta l4proto { tcp, udp } th dport 53 drop;" } else { "" };
    let mut rules = format!(
        "table inet case {{\n\
         chain says {{ type filter hook output priority 0; {says} }}\n\
         chain forwards {{ type filter hook forward priority 0; {forwards} }}\n\
         chain takes {{ type filter hook input priority 0; {takes} }}\n}}\n"
    );
    if behaviour.portal {
        let [plain, tls] = PORTAL;
        rules += &format!(
            "table ip portal {{ chain pre {{ type nat hook prerouting priority -100; \
             iifname lan0 tcp dport 80 redirect to :{plain}; iifname lan0 tcp dport 443 redirect to :{tls}; }}; }}\n"
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_does_nothing_special_has_no_rule() {
        let rules = rules(&Behaviour::default());
        assert!(!rules.contains("drop") && !rules.contains("redirect"), "{rules}");
    }

    #[test]
    fn silence_is_about_what_the_router_itself_says() {
        let silent = rules(&Behaviour { icmp: Icmp::Silent, ..Behaviour::default() });
        let (says, rest) = silent.split_once("chain forwards").unwrap();
        assert!(says.contains("icmp, ipv6-icmp } drop") && says.contains("nd-neighbor-advert"), "{silent}");
        assert!(!rest.contains("icmp"), "{silent}");
        let closed = rules(&Behaviour { icmp: Icmp::Closed, ..Behaviour::default() });
        assert!(
            closed.split_once("chain forwards").unwrap().1.contains("icmp, ipv6-icmp } drop"),
            "{closed}"
        );
    }

    #[test]
    fn what_is_blocked_is_blocked_where_it_is_forwarded() {
        let all =
            Behaviour { udp_blocked: true, longest: Some(1300), resolver_dead: true, ..Behaviour::default() };
        let rules = rules(&all);
        let forwards = rules.split("chain ").nth(2).unwrap();
        assert!(forwards.contains("l4proto udp drop") && forwards.contains("length > 1300 drop"), "{rules}");
        assert!(rules.split("chain takes").nth(1).unwrap().contains("dport 53 drop"), "{rules}");
    }
}
