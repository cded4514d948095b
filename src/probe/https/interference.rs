//! What stands in the way of the desk's web traffic, from all visits together.
//!
//! Pure. One visit alone often cannot say: a certificate that only this computer trusts may be the
//! service's own, but two services with one strange issuer are two services that somebody opens.

use crate::network::{
    allowed,
    https::Seen,
    portal::{self, Portal},
    trust::Word,
};
use std::collections::{BTreeMap, BTreeSet};
use telemetry::Interference;
use url::Url;

/// A visit, and what may be expected of it.
pub struct Site<'a> {
    /// Where.
    pub url: &'a Url,
    /// What was seen.
    pub seen: &'a Seen,
    /// Whether its certificate may come from an authority that the public does not know.
    pub private_authority: bool,
}

/// The interference at each site, in their order.
pub fn judge(sites: &[Site<'_>], portal: Portal) -> Vec<Interference> {
    let strangers = strangers(sites);
    sites
        .iter()
        .map(|site| {
            let issuer = site.seen.certificate.as_ref().map(|c| c.issuer.as_slice());
            let captive = portal == Portal::Captive && !answered_itself(site) && !on_this_computer(site.url);
            if captive || portal::sent_away(site.url, site.seen) {
                Interference::CaptivePortal
            } else if issuer.is_some_and(|i| strangers.contains(i)) {
                Interference::TlsIntercepted
            } else {
                Interference::None
            }
        })
        .collect()
}

/// Issuers that issue certificates for what is not theirs.
fn strangers<'a>(sites: &[Site<'a>]) -> BTreeSet<&'a [u8]> {
    let mut found = BTreeSet::new();
    let mut unknown: BTreeMap<&[u8], BTreeSet<&str>> = BTreeMap::new();
    for site in sites {
        let Some(certificate) = &site.seen.certificate else { continue };
        match certificate.word {
            Word::LocalStore if !site.private_authority => {
                found.insert(certificate.issuer.as_slice());
            }
            // An authority nobody here knows is a mistake of one service, or of whoever poses as several.
            Word::Nobody => {
                unknown.entry(certificate.issuer.as_slice()).or_default().extend(owner(site.url));
            }
            _ => {}
        }
    }
    found.extend(unknown.into_iter().filter(|(_, owners)| owners.len() > 1).map(|(issuer, _)| issuer));
    found
}

/// Whose a host is: its last two labels. Coarser than the public-suffix list, which only makes it say less.
fn owner(url: &Url) -> Option<&str> {
    let name = url.domain()?.trim_end_matches('.');
    let second = name.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    Some(&name[second..])
}

/// Whether the service itself answered: nobody else could have, with a certificate that was verified.
fn answered_itself(site: &Site<'_>) -> bool {
    site.url.scheme() == "https" && site.seen.head.is_some()
}

fn on_this_computer(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(v4)) => allowed::is_loopback(v4.into()),
        Some(url::Host::Ipv6(v6)) => allowed::is_loopback(v6.into()),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{
        https::{Head, Stop},
        trust::Certificate,
    };
    use telemetry::Failure;

    fn seen(word: Word, issuer: &[u8]) -> Seen {
        let trusted = !matches!(word, Word::Nobody | Word::Refused);
        Seen {
            certificate: Some(Certificate { word, issuer: issuer.to_vec() }),
            head: trusted.then_some(Head { status: 200, location: None, body: true, websocket: None }),
            stopped: (!trusted).then_some(Stop::Failed(Failure::BadCertificate)),
            done: true,
            ..Seen::default()
        }
    }

    fn judged(sites: &[(&str, Seen, bool)], portal: Portal) -> Vec<Interference> {
        let urls: Vec<Url> = sites.iter().map(|(u, ..)| u.parse().unwrap()).collect();
        let sites: Vec<Site> = sites
            .iter()
            .zip(&urls)
            .map(|((_, seen, private_authority), url)| Site {
                url,
                seen,
                private_authority: *private_authority,
            })
            .collect();
        judge(&sites, portal)
    }

    use Interference::{CaptivePortal, None as Nothing, TlsIntercepted};

    #[test]
    fn public_and_own_authorities_are_nothing() {
        for word in [Word::Public, Word::OwnSettings] {
            assert_eq!(
                judged(&[("https://a.example/", seen(word, b"x"), false)], Portal::Unknown),
                [Nothing]
            );
        }
    }

    #[test]
    fn a_strange_authority_is_interception_unless_it_is_expected() {
        let strange = || seen(Word::LocalStore, b"Scanner");
        assert_eq!(judged(&[("https://a.example/", strange(), false)], Portal::Open), [TlsIntercepted]);
        assert_eq!(judged(&[("https://desk.corp.example/", strange(), true)], Portal::Open), [Nothing]);
        // The collector's may be the company's own; but not if the same one poses as somebody else.
        let both =
            [("https://desk.corp.example/", strange(), true), ("https://a.example/", strange(), false)];
        assert_eq!(judged(&both, Portal::Open), [TlsIntercepted, TlsIntercepted]);
        let own = ("https://desk.corp.example/", seen(Word::LocalStore, b"Company"), true);
        assert_eq!(
            judged(&[own, ("https://a.example/", strange(), false)], Portal::Open),
            [Nothing, TlsIntercepted]
        );
    }

    #[test]
    fn one_unknown_issuer_for_several_owners_is_interception() {
        let unknown = |issuer| seen(Word::Nobody, issuer);
        let one = [("https://a.example/", unknown(b"x"), false)];
        assert_eq!(judged(&one, Portal::Unknown), [Nothing]);
        let same_owner = [
            ("https://a.corp.example/", unknown(b"x"), false),
            ("https://b.corp.example/", unknown(b"x"), false),
        ];
        assert_eq!(judged(&same_owner, Portal::Unknown), [Nothing, Nothing]);
        let others = [
            ("https://a.one.example/", unknown(b"x"), false),
            ("https://b.two.example/", unknown(b"x"), false),
            ("https://c.three.example/", unknown(b"y"), false),
            ("https://d.four.example/", seen(Word::Refused, b"x"), false),
        ];
        assert_eq!(
            judged(&others, Portal::Unknown),
            [TlsIntercepted, TlsIntercepted, Nothing, TlsIntercepted]
        );
    }

    #[test]
    fn a_portal_is_in_the_way_of_whoever_did_not_answer() {
        let sites = [
            ("https://a.example/", seen(Word::Public, b"x"), false),
            ("https://b.example/", seen(Word::Nobody, b"portal"), false),
            ("https://c.example/", Seen { done: true, ..Seen::default() }, false),
            ("http://127.0.0.1:1/", Seen { done: true, ..Seen::default() }, false),
        ];
        assert_eq!(judged(&sites, Portal::Captive), [Nothing, CaptivePortal, CaptivePortal, Nothing]);
        assert_eq!(judged(&sites, Portal::Open), [Nothing; 4]);
    }
}
