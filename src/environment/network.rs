//! Facts of the network: link, gateway, VPN, proxy, kind of resolver. No address and no name.

use super::Seen;
use crate::{
    network::{
        link::{self, Links},
        proxy::Proxies,
        resolvers,
    },
    probe::Hasher,
};
use telemetry::{FactKey, FactValue, Hash, LinkKind, ResolverClass, Word};

/// The facts as they are now. Reads tables of the operating system; sends nothing.
pub fn facts(hasher: &Hasher) -> Vec<(FactKey, FactValue)> {
    let links = link::current().ok();
    let classes = links.as_ref().and_then(|links| resolvers::current(links).ok());
    let classes = classes.map(|found| found.into_iter().map(|r| r.class).collect::<Vec<_>>());
    conclude(links.as_ref(), classes.as_deref(), Proxies::current().is_set(), hasher)
}

/// Makes facts of what was read; `None` is what could not be.
fn conclude(
    links: Option<&Links>,
    classes: Option<&[ResolverClass]>,
    proxy: bool,
    hasher: &Hasher,
) -> Vec<(FactKey, FactValue)> {
    let online = links.is_some_and(|l| l.ipv4 || l.ipv6);
    let kind = links.map_or(Seen::Unreadable, |l| Seen::or_nothing(l.kind().map(link_word)));
    // Without a network it cannot be told which home, VPN or resolver this desk uses: an outage is
    // no move. Neither can it while the router has not answered for its hardware address.
    let gateway = links.and_then(Links::gateway_hardware).map(|hardware| hash(hardware, hasher));
    let vpn = links.filter(|_| online).map(Links::vpn);
    let resolver = match classes.filter(|_| online) {
        Some(classes) => Seen::or_nothing(classes.first().copied().map(resolver_word)),
        None => Seen::Unreadable,
    };
    [
        (FactKey::LinkKind, kind.fact()),
        (FactKey::GatewayHash, Seen::or_unreadable(gateway.map(FactValue::Hash)).fact()),
        (FactKey::Vpn, Seen::or_unreadable(vpn).fact()),
        (FactKey::ResolverClass, resolver.fact()),
        (FactKey::Proxy, Seen::Is(proxy).fact()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}

/// Under the desk's own key, with a word before it so that it equals no other hash of the same address.
fn hash(hardware: [u8; 6], hasher: &Hasher) -> Hash {
    let bytes: Vec<String> = hardware.iter().map(|b| format!("{b:02x}")).collect();
    hasher(&format!("gateway:{}", bytes.join(":")))
}

fn link_word(kind: LinkKind) -> Word {
    match kind {
        LinkKind::Ethernet => Word::Ethernet,
        LinkKind::Wifi => Word::Wifi,
        LinkKind::Cellular => Word::Cellular,
        LinkKind::Tunnel => Word::Tunnel,
        LinkKind::Other => Word::Other,
    }
}

fn resolver_word(class: ResolverClass) -> Word {
    match class {
        ResolverClass::Stub => Word::Stub,
        ResolverClass::Gateway => Word::Gateway,
        ResolverClass::Private => Word::Private,
        ResolverClass::Public => Word::Public,
        ResolverClass::Other => Word::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        environment::{Snapshot, diff},
        network::link::{Gateway, Interface},
    };
    use std::sync::Arc;
    use telemetry::UnixMs;

    fn at_home(kind: LinkKind, hardware: Option<[u8; 6]>) -> Links {
        let wlan = Interface { index: 3, name: "wlan0".into(), kind, mtu: None, bits_per_second: None };
        let address = "192.168.1.1".parse().unwrap();
        Links {
            ipv4: true,
            ipv6: false,
            carrier: Some(wlan.clone()),
            physical: Some(wlan),
            gateway: Some(Gateway { address, interface: 3, interface_name: "wlan0".into(), hardware }),
        }
    }

    fn snapshot(links: Option<&Links>, classes: Option<&[ResolverClass]>) -> Snapshot {
        // Not a hash that keeps anything apart for ever, but one that shows a difference here.
        let hasher: Hasher = Arc::new(|text: &str| {
            let sum = text.bytes().fold(7u128, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
            Hash::from_bytes(sum.to_be_bytes())
        });
        conclude(links, classes, false, &hasher).into_iter().collect()
    }

    fn changes(from: &Snapshot, to: &Snapshot) -> Vec<FactKey> {
        diff(from, to, UnixMs::new(1_760_000_000_000)).into_iter().map(|c| c.key).collect()
    }

    const GATEWAY: &[ResolverClass] = &[ResolverClass::Gateway, ResolverClass::Public];

    #[test]
    fn an_outage_changes_the_link_and_nothing_else() {
        let home = snapshot(Some(&at_home(LinkKind::Wifi, Some([2; 6]))), Some(GATEWAY));
        assert_eq!(home.get(FactKey::ResolverClass), Some(&FactValue::Word(Word::Gateway)));
        let outage = snapshot(Some(&Links::default()), Some(&[]));
        assert_eq!(changes(&home, &outage), [FactKey::LinkKind]);
        assert_eq!(changes(&home, &snapshot(None, None)), []);
    }

    #[test]
    fn a_move_and_a_vpn_are_changes() {
        let home = snapshot(Some(&at_home(LinkKind::Wifi, Some([2; 6]))), Some(GATEWAY));
        let elsewhere = snapshot(Some(&at_home(LinkKind::Wifi, Some([3; 6]))), Some(GATEWAY));
        assert_eq!(changes(&home, &elsewhere), [FactKey::GatewayHash]);
        let vpn = snapshot(Some(&at_home(LinkKind::Tunnel, Some([2; 6]))), Some(&[ResolverClass::Private]));
        assert_eq!(changes(&home, &vpn), [FactKey::LinkKind, FactKey::Vpn, FactKey::ResolverClass]);
    }

    #[test]
    fn a_router_that_was_not_asked_yet_is_no_move() {
        let home = snapshot(Some(&at_home(LinkKind::Wifi, Some([2; 6]))), Some(GATEWAY));
        assert_eq!(changes(&home, &snapshot(Some(&at_home(LinkKind::Wifi, None)), Some(GATEWAY))), []);
    }
}
