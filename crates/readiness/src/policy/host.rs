//! Where a target is: a host of its own, or the collector that the desk is enrolled with.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr};
use url::Url;

/// A host that a target names: a name, an address, or the collector the desk is enrolled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// The collector itself, written `@collector`: the one host a policy need not know.
    Collector,
    /// A host name or an IP address.
    Named(String),
}

impl TryFrom<String> for Host {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        if s == "@collector" {
            return Ok(Self::Collector);
        }
        let bad = || format!("'{s}' is not a host name, an IP address or '@collector'");
        let bare = s.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(&s);
        if bare.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self::Named(bare.to_owned()));
        }
        match url::Host::parse(&s) {
            Ok(url::Host::Domain(_)) if !is_name(&s) => Err(bad()),
            // The parsed form, so that 0x7f.1 is seen for the address that it is.
            Ok(host) => Ok(Self::Named(host.to_string())),
            Err(_) => Err(bad()),
        }
    }
}

impl From<Host> for String {
    fn from(h: Host) -> Self {
        match h {
            Host::Collector => "@collector".into(),
            Host::Named(s) => s,
        }
    }
}

/// Whether this is a name of the domain name system: labels of at most 63, in all at most 253.
pub(crate) fn is_name(s: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    (1..=253).contains(&s.len()) && s.trim_end_matches('.').split('.').all(label)
}

/// Whether a written-out address is in a private or special network, where no policy may send a desk.
/// Loopback is not: it is how Preshift is tried out on one computer. Here it is refused to whoever
/// writes the policy; what a *name* resolves to is looked at by the desk before each measurement.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            let shared = first == 100 && (64..128).contains(&second);
            a.is_private() || shared || a.is_link_local() || first == 0 || (224..).contains(&first)
        }
        IpAddr::V6(a) => match a.to_ipv4_mapped() {
            Some(inner) => is_private(IpAddr::V4(inner)),
            None => {
                a.is_unique_local() || a.is_unicast_link_local() || a.is_multicast() || a.is_unspecified()
            }
        },
    }
}

/// The address behind a policy's URL on this desk: `@collector` becomes the collector's scheme, host
/// and port. `None` for `@collector` on a desk without one, and for what is no URL.
pub fn target_url(url: &str, collector: Option<&Url>) -> Option<Url> {
    match at_collector(url) {
        None => Url::parse(url).ok(),
        Some(path) => {
            let mut own = collector?.clone();
            let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
            own.set_path(path);
            own.set_query(query);
            own.set_fragment(None);
            Some(own)
        }
    }
}

/// The path of a URL whose host is `@collector`.
pub(super) fn at_collector(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://@collector").or_else(|| url.strip_prefix("http://@collector"))?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

/// Whether a URL of a target is on the collector.
pub fn is_collector(url: &str) -> bool {
    at_collector(url).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_addresses_or_the_collector() {
        for good in ["media.example.net", "203.0.113.9", "2001:db8::1", "[2001:db8::1]", "localhost"] {
            assert!(matches!(Host::try_from(good.to_owned()), Ok(Host::Named(_))), "{good}");
        }
        assert_eq!(Host::try_from("@collector".to_owned()), Ok(Host::Collector));
        for bad in ["", "a b", "a/b", "a:1", "user@host", "@other", "-a.example", "a..b", "http://a", "[::1"]
        {
            assert!(Host::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_written_out() {
        assert_eq!(Host::try_from("0xa.1".to_owned()), Ok(Host::Named("10.0.0.1".into())));
        assert_eq!(Host::try_from("167772161".to_owned()), Ok(Host::Named("10.0.0.1".into())));
    }

    #[test]
    fn private_is_what_no_policy_may_name() {
        for a in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "224.0.0.1",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
        ] {
            assert!(is_private(a.parse().unwrap()), "{a}");
        }
        for a in ["fe80::1", "fc00::1", "ff02::1", "::", "::ffff:10.0.0.1"] {
            assert!(is_private(a.parse().unwrap()), "{a}");
        }
        for a in ["127.0.0.1", "::1", "100.63.0.1", "203.0.113.9", "2001:db8::1", "172.32.0.1"] {
            assert!(!is_private(a.parse().unwrap()), "{a}");
        }
    }

    #[test]
    fn the_collector_stands_in_for_its_own_address() {
        let collector = Url::parse("http://127.0.0.1:8080/").unwrap();
        let resolve = |url| target_url(url, Some(&collector)).map(String::from);
        assert_eq!(resolve("https://@collector/healthz").as_deref(), Some("http://127.0.0.1:8080/healthz"));
        assert_eq!(resolve("https://@collector/a?b=1").as_deref(), Some("http://127.0.0.1:8080/a?b=1"));
        assert_eq!(resolve("https://a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(target_url("https://@collector/healthz", None), None);
        // No stand-in: a host that only begins like it.
        assert_eq!(at_collector("https://@collector.example/"), None);
    }
}
