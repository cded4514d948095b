//! Who is exempt from a proxy, as `NO_PROXY`, Windows and macOS each write it.

use std::net::IpAddr;

/// The exemptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(Vec<Rule>);

#[derive(Clone, PartialEq, Eq)]
enum Rule {
    /// A domain and all below it; with a port, only there.
    Domain(String, Option<u16>),
    /// A pattern with `*`.
    Wildcard(String),
    /// Names without a dot.
    Simple,
    /// Addresses with these leading bits.
    Net(IpAddr, u8),
}

impl std::fmt::Debug for Rule {
    // The names of a company's hosts do not belong into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rule")
    }
}

impl Exceptions {
    /// By `NO_PROXY`: commas between, `example.com` covers what is below it too, `*` is everything.
    pub fn from_no_proxy(text: &str) -> Self {
        let entries = text.split([',', ' ']).map(str::trim).filter(|e| !e.is_empty());
        Self(entries.map(|e| net(e).unwrap_or_else(|| domain(e))).collect())
    }

    /// By lists in which `*` stands for anything and `<local>` for names without a dot.
    pub fn from_wildcards<'a>(entries: impl Iterator<Item = &'a str>) -> Self {
        let entries = entries.map(str::trim).filter(|e| !e.is_empty());
        Self(
            entries
                .map(|e| match e {
                    "<local>" => Rule::Simple,
                    _ => net(e).unwrap_or_else(|| Rule::Wildcard(e.to_ascii_lowercase())),
                })
                .collect(),
        )
    }

    /// Whether a host is exempt.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.0.iter().any(|rule| match rule {
            Rule::Domain(domain, only) => {
                only.is_none_or(|p| p == port)
                    && host
                        .strip_suffix(domain.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Rule::Wildcard(pattern) => matches(pattern.as_bytes(), host.as_bytes()),
            Rule::Simple => address.is_none() && !host.contains('.'),
            Rule::Net(net, bits) => address.is_some_and(|a| within(a, *net, *bits)),
        })
    }
}

fn domain(entry: &str) -> Rule {
    if entry == "*" {
        return Rule::Wildcard("*".into());
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    };
    let name = name.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    Rule::Domain(name, port)
}

/// An address, or a range as `10.0.0.0/8` or macOS's short `169.254/16`.
fn net(entry: &str) -> Option<Rule> {
    let (address, bits) = entry.split_once('/').map_or((entry, None), |(a, b)| (a, Some(b)));
    let mut address = address.trim_matches(['[', ']']).to_owned();
    if bits.is_some() && !address.contains(':') {
        for _ in address.matches('.').count()..3 {
            address.push_str(".0");
        }
    }
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |b| b.parse().ok().filter(|b| *b <= most))?;
    Some(Rule::Net(address, bits))
}

fn within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    fn same(a: u128, b: u128, width: u32, bits: u8) -> bool {
        let shift = width - u32::from(bits);
        shift == 128 || (a >> shift) == (b >> shift)
    }
    match (address.to_canonical(), net) {
        (IpAddr::V4(a), IpAddr::V4(n)) => same(u32::from(a).into(), u32::from(n).into(), 32, bits),
        (IpAddr::V6(a), IpAddr::V6(n)) => same(a.into(), n.into(), 128, bits),
        _ => false,
    }
}

/// Whether text matches a pattern with `*`; takes one pass and remembers only the last star, so
/// that no pattern is slow.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            (p, t, star) = (at + 1, from + 1, Some((at, from + 1)));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy() {
        let set = Exceptions::from_no_proxy(
            "example.com, .corp.example,10.0.0.0/8,host.test:8443,fd00::/8,192.0.2.7",
        );
        for (host, port, covered) in [
            ("example.com", 443, true),
            ("www.Example.com.", 443, true),
            ("notexample.com", 443, false),
            ("a.corp.example", 443, true),
            ("host.test", 8443, true),
            ("host.test", 443, false),
            ("10.1.2.3", 443, true),
            ("11.1.2.3", 443, false),
            ("fd00::1", 443, true),
            ("192.0.2.7", 443, true),
            ("192.0.2.8", 443, false),
        ] {
            assert_eq!(set.covers(host, port), covered, "{host}:{port}");
        }
        assert!(Exceptions::from_no_proxy("*").covers("anything.example", 1));
        assert!(!Exceptions::from_no_proxy("").covers("anything.example", 1));
        assert!(!Exceptions::from_no_proxy(",,/,::/999,1.2.3.4/33").covers("x.example", 1));
        assert!(Exceptions::from_no_proxy("0.0.0.0/0").covers("9.9.9.9", 1));
        assert!(Exceptions::from_no_proxy("::/0").covers("2001:db8::1", 1));
    }

    #[test]
    fn wildcards() {
        let set =
            Exceptions::from_wildcards(["*.corp.example", "10.*", "<local>", "exact.example"].into_iter());
        for (host, covered) in [
            ("a.b.corp.example", true),
            ("corp.example", false),
            ("10.2.3.4", true),
            ("intranet", true),
            ("exact.example", true),
            ("www.exact.example", false),
        ] {
            assert_eq!(set.covers(host, 443), covered, "{host}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_not_slow() {
        let pattern = "*a".repeat(2_000);
        let set = Exceptions::from_wildcards([pattern.as_str()].into_iter());
        assert!(!set.covers(&"a".repeat(253).replace("aa", "ab"), 1));
    }
}
