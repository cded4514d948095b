//! Which proxy the desk's web traffic takes.
//!
//! Owns the rules of the environment variables, the Windows registry and `scutil --proxy`, and who is
//! exempt from a proxy. Reading the registry and running `scutil` is `platform::link`. Speaks to nobody.

mod except;
pub mod scutil;
pub mod windows;

pub use except::Exceptions;

use base64::Engine as _;
use std::sync::OnceLock;
use url::Url;

/// A proxy that is reached in the plain: `CONNECT` for https, whole addresses for http.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What to say in `Proxy-Authorization`, if its address brings a user name.
    pub authorization: Option<String>,
    /// Whether it is of a kind that this program can speak to (not SOCKS, not TLS to the proxy).
    pub supported: bool,
}

impl std::fmt::Debug for Proxy {
    // Neither a company's host name nor a password belongs into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("supported", &self.supported).finish_non_exhaustive()
    }
}

/// What the desk's own settings say, if they say anything. A desk's settings are read once.
static OWN: OnceLock<Proxies> = OnceLock::new();

/// What is set for the desk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For http.
    pub http: Option<Proxy>,
    /// For https.
    pub https: Option<Proxy>,
    /// Who is exempt.
    pub except: Exceptions,
    /// Whether a script chooses the proxy (PAC or WPAD), which is not evaluated here.
    pub script: bool,
}

impl Proxies {
    /// What is set now: the desk's own settings win, then the environment variables, then the operating
    /// system's settings. Fast, and nothing is sent.
    pub fn current() -> Self {
        if let Some(own) = OWN.get() {
            return own.clone();
        }
        let environment = Self::from_environment(|name| std::env::var(name).ok());
        if environment.is_set() { environment } else { crate::platform::link::proxies() }
    }

    /// The desk's own settings name this proxy for everything, or none. Said once, at the start.
    pub fn set_own(proxy: Option<&Url>) {
        let proxy = proxy.and_then(|url| parse_proxy(url.as_str()));
        let own = Self { http: proxy.clone(), https: proxy, ..Self::default() };
        // Said a second time it stays as it was.
        let _ = OWN.set(own);
    }

    /// Whether any proxy is set.
    pub fn is_set(&self) -> bool {
        self.http.is_some() || self.https.is_some() || self.script
    }

    /// The proxy for an address; none for this computer itself, whatever is set.
    pub fn for_url(&self, url: &Url) -> Option<&Proxy> {
        let proxy = if url.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = url.host_str()?.trim_matches(['[', ']']);
        let itself = host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(super::allowed::is_loopback)
            || self.except.covers(host, url.port_or_known_default().unwrap_or(0));
        (!itself).then_some(proxy)
    }

    /// By the variables that curl and others know, small letters first. `HTTP_PROXY` in capitals is
    /// not read where a web server may have set it from a request's header.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let any = |names: &[&str]| names.iter().find_map(|n| variable(n).filter(|v| !v.trim().is_empty()));
        let http = match variable("REQUEST_METHOD") {
            None => any(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            Some(_) => any(&["http_proxy", "all_proxy", "ALL_PROXY"]),
        };
        let https = any(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        Self {
            http: http.and_then(|v| parse_proxy(&v)),
            https: https.and_then(|v| parse_proxy(&v)),
            except: Exceptions::from_no_proxy(&any(&["no_proxy", "NO_PROXY"]).unwrap_or_default()),
            script: false,
        }
    }
}

/// A proxy's address, with or without `http://`.
fn parse_proxy(text: &str) -> Option<Proxy> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).ok()?;
    let host = url.host_str().filter(|h| !h.is_empty())?.trim_matches(['[', ']']).to_owned();
    let decoded = |s: &str| percent_decoded(s);
    let authorization = (!url.username().is_empty()).then(|| {
        let pair =
            [decoded(url.username()), b":".to_vec(), decoded(url.password().unwrap_or_default())].concat();
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    });
    let supported = url.scheme() == "http";
    Some(Proxy { host, port: url.port_or_known_default().unwrap_or(1080), authorization, supported })
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Proxies {
        Proxies::from_environment(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    pub fn proxy_for(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.for_url(&url.parse().unwrap()).map(|p| format!("{}:{}", p.host, p.port))
    }

    /// What is set, in a line.
    pub fn shown(proxies: &Proxies) -> String {
        let one = |kind: &str, proxy: &Option<Proxy>| {
            let proxy = proxy.as_ref()?;
            let spoken = if proxy.supported { "" } else { " (not spoken)" };
            Some(format!("{kind} {}:{}{spoken}", proxy.host, proxy.port))
        };
        let all: Vec<String> =
            [one("http", &proxies.http), one("https", &proxies.https)].into_iter().flatten().collect();
        let servers = if all.is_empty() { "none".into() } else { all.join(", ") };
        if proxies.script { format!("{servers}, script") } else { servers }
    }

    #[test]
    fn environment_variables() {
        let set = environment(&[
            ("https_proxy", "http://p.example:3128"),
            ("HTTPS_PROXY", "http://other.example:1"),
            ("ALL_PROXY", "q.example:8080"),
            ("NO_PROXY", "internal.example"),
        ]);
        assert_eq!(proxy_for(&set, "https://x.example/").as_deref(), Some("p.example:3128"));
        assert_eq!(proxy_for(&set, "http://x.example/").as_deref(), Some("q.example:8080"));
        assert_eq!(proxy_for(&set, "https://a.internal.example/"), None);
        assert!(!environment(&[("https_proxy", "  ")]).is_set());
        assert!(environment(&[("HTTP_PROXY", "p:1")]).is_set());
        assert!(!environment(&[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")]).is_set());
    }

    #[test]
    fn this_computer_is_never_asked_through_a_proxy() {
        let set = environment(&[("all_proxy", "p.example:3128")]);
        for url in ["http://127.0.0.1:8080/", "http://[::1]/", "https://localhost/"] {
            assert_eq!(proxy_for(&set, url), None, "{url}");
        }
    }

    #[test]
    fn credentials_are_sent_and_never_shown() {
        let set = environment(&[("https_proxy", "http://anna:se%63ret@[2001:db8::1]:3128")]);
        let proxy = set.https.as_ref().unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("2001:db8::1", 3128));
        assert_eq!(proxy.authorization.as_deref(), Some("Basic YW5uYTpzZWNyZXQ="));
        assert!(!format!("{set:?}").contains("YW5u"));
    }

    #[test]
    fn kinds_that_cannot_be_spoken_to_are_known_as_such() {
        for (text, supported) in
            [("socks5://p:1080", false), ("https://p:443", false), ("http://p", true), ("p:80", true)]
        {
            assert_eq!(parse_proxy(text).unwrap().supported, supported, "{text}");
        }
        for bad in ["", "http://", "http://p:99999", "%%%://", "a b"] {
            assert!(parse_proxy(bad).is_none(), "{bad}");
        }
    }
}
