//! The proxy settings of macOS, as `scutil --proxy` prints them.
//!
//! The same names stand inside of it again for single interfaces and for single domains; those
//! are for connections bound to them, and only the outermost settings count.

use super::{Exceptions, Proxies, Proxy};

/// What is set.
pub fn proxies(text: &str) -> Proxies {
    let (settings, exceptions) = outermost(text);
    let field = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let on = |name: &str| field(name) == Some("1");
    let proxy = |kind: &str, supported: bool, usual: u16| {
        let host =
            field(&format!("{kind}Proxy")).filter(|h| on(&format!("{kind}Enable")) && !h.is_empty())?;
        let port = field(&format!("{kind}Port")).and_then(|p| p.parse().ok()).unwrap_or(usual);
        Some(Proxy { host: host.to_owned(), port, authorization: None, supported })
    };
    // SOCKS takes what has no proxy of its own, and this program does not speak it.
    let socks = proxy("SOCKS", false, 1080);
    let simple = on("ExcludeSimpleHostnames").then_some("<local>");
    Proxies {
        http: proxy("HTTP", true, 80).or_else(|| socks.clone()),
        https: proxy("HTTPS", true, 80).or(socks),
        except: Exceptions::from_wildcards(exceptions.into_iter().chain(simple)),
        script: on("ProxyAutoConfigEnable") || on("ProxyAutoDiscoveryEnable"),
    }
}

/// A setting's name and value.
type Setting<'a> = (&'a str, &'a str);

/// The settings of the outermost dictionary, and the entries of its list of exceptions.
fn outermost(text: &str) -> (Vec<Setting<'_>>, Vec<&str>) {
    let (mut settings, mut exceptions) = (Vec::new(), Vec::new());
    let (mut depth, mut listing) = (0usize, false);
    for line in text.lines().map(str::trim) {
        if line == "}" {
            depth = depth.saturating_sub(1);
            continue;
        }
        let (key, value) = line.split_once(" :").map_or(("", line), |(k, v)| (k.trim(), v.trim()));
        if value.ends_with('{') && value.starts_with('<') {
            depth += 1;
            listing = depth == 2 && key == "ExceptionsList";
        } else if depth == 1 {
            settings.push((key, value));
        } else if depth == 2 && listing {
            exceptions.push(value);
        }
    }
    (settings, exceptions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures,
        network::proxy::tests::{proxy_for, shown},
    };
    use proptest::prelude::*;

    fn of(bytes: &[u8]) -> Proxies {
        proxies(&String::from_utf8_lossy(bytes))
    }

    const EXPECTED: &[(&str, &str)] = &[
        ("macos-13-none.txt", "none"),
        ("macos-14-company.txt", "https proxy.corp.example:8443"),
        ("macos-14-socks.txt", "http 127.0.0.1:1080 (not spoken), https 127.0.0.1:1080 (not spoken)"),
        ("macos-15-discovery.txt", "none, script"),
        ("macos-15-off.txt", "none"),
        ("macos-26-script-and-scoped.txt", "none, script"),
        ("macos-26-vpn.txt", "http 10.20.0.40:3128, https 10.20.0.40:3128"),
    ];

    #[test]
    fn settings_as_they_were_seen() {
        fixtures::check("scutil-proxy", EXPECTED, |_, bytes| shown(&of(bytes)));
    }

    #[test]
    fn exceptions_are_those_of_the_list_and_no_others() {
        let company = of(&fixtures::file("scutil-proxy", "macos-14-company.txt"));
        for (url, through) in [
            ("https://x.example/", true),
            ("https://printer.local/", false),
            ("https://169.254.3.4/", false),
            ("https://intranet/", false),
        ] {
            assert_eq!(proxy_for(&company, url).is_some(), through, "{url}");
        }
        // Its domains are what the settings of one VPN are for, not what is exempt from them.
        let vpn = of(&fixtures::file("scutil-proxy", "macos-26-vpn.txt"));
        assert!(proxy_for(&vpn, "https://crm.corp.example/").is_some());
        assert!(proxy_for(&vpn, "https://printer.local/").is_none());
    }

    #[test]
    fn what_is_there_without_a_value_is_not_set() {
        for bad in ["", "<dictionary> {\n  HTTPEnable : 1\n}\n", "HTTPEnable : 1\nHTTPProxy : p\n"] {
            assert_eq!(shown(&proxies(bad)), "none", "{bad}");
        }
        assert_eq!(shown(&proxies("<dictionary> {\n  HTTPEnable : 1\n  HTTPProxy : \n}\n")), "none");
        let port = "<dictionary> {\n  HTTPEnable : 1\n  HTTPProxy : p\n  HTTPPort : 99999\n}\n";
        assert_eq!(shown(&proxies(port)), "http p:80");
    }

    #[test]
    fn spoilt_settings_do_no_harm() {
        fixtures::spoilt("scutil-proxy", |bytes| drop(of(bytes)));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in fixtures::mangled("scutil-proxy")) {
            of(&bytes);
        }
    }
}
