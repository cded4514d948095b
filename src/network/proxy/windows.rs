//! The proxy settings of Windows, as its registry holds them.

use super::{Exceptions, Proxies, parse_proxy};
use crate::environment::registry::{Hive, Registry};

/// The key that holds them: this user's, or the computer's where an administrator said so.
pub const SETTINGS: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings";
/// Where an administrator says that all users share the computer's settings.
const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings";

/// What is set.
///
/// That Windows may look for a script by itself (a flag in `DefaultConnectionSettings`) is no
/// setting: it is on everywhere and finds nothing at home.
pub fn proxies(registry: &dyn Registry) -> Proxies {
    let shared = registry.number(Hive::Machine, POLICY, "ProxySettingsPerUser").is() == Some(0);
    let hive = if shared { Hive::Machine } else { Hive::User };
    let text = |name| registry.text(hive, SETTINGS, name).is().unwrap_or_default();
    let enabled = registry.number(hive, SETTINGS, "ProxyEnable").is().is_some_and(|n| n != 0);
    let found = Proxies {
        script: !text("AutoConfigURL").trim().is_empty(),
        except: Exceptions::from_wildcards(text("ProxyOverride").split(';')),
        ..Proxies::default()
    };
    if enabled { with_servers(found, &text("ProxyServer")) } else { found }
}

/// One server for all, or one for each kind: `http=a:1;https=b:2;socks=c:3`. SOCKS takes what has
/// no server of its own.
fn with_servers(mut found: Proxies, servers: &str) -> Proxies {
    let mut socks = None;
    for entry in servers.split([';', ' ']).map(str::trim).filter(|e| !e.is_empty()) {
        match entry.split_once('=').map(|(kind, server)| (kind.trim().to_ascii_lowercase(), server.trim())) {
            Some((kind, server)) if kind == "http" => found.http = parse_proxy(server),
            Some((kind, server)) if kind == "https" => found.https = parse_proxy(server),
            Some((kind, server)) if kind == "socks" => socks = parse_proxy(&format!("socks5://{server}")),
            Some(_) => {}
            None => {
                found.http = parse_proxy(entry);
                found.https = found.http.clone();
            }
        }
    }
    found.http = found.http.or_else(|| socks.clone());
    found.https = found.https.or(socks);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::registry::export::Export, fixtures, network::proxy::tests::shown};
    use proptest::prelude::*;

    fn of(bytes: &[u8]) -> Proxies {
        proxies(&Export::parse(&String::from_utf8_lossy(bytes)))
    }

    #[test]
    fn settings_as_they_were_seen() {
        fixtures::check(
            "windows",
            &[
                ("windows-10-21h2-ltsc.reg", "http proxy.corp.example:8080, https proxy.corp.example:8080"),
                ("windows-10-22h2.reg", "none"),
                ("windows-11-22h2.reg", "http 127.0.0.1:8888, https 127.0.0.1:8888"),
                ("windows-11-23h2.reg", "none"),
                ("windows-11-24h2.reg", "none, script"),
                ("windows-11-25h2.reg", "none"),
                ("windows-11-multi-session.reg", "none, script"),
                ("windows-server-2022.reg", "http a.corp.example:8080, https b.corp.example:8443"),
                ("windows-server-2025.reg", "none"),
                ("wine-8.reg", "none"),
            ],
            |_, bytes| shown(&of(bytes)),
        );
    }

    fn set(values: &[(&str, &str)]) -> Proxies {
        let mut text = format!("HKEY_CURRENT_USER\\{SETTINGS}\n    ProxyEnable    REG_DWORD    0x1\n");
        for (name, value) in values {
            text.push_str(&format!("    {name}    REG_SZ    {value}\n"));
        }
        of(text.as_bytes())
    }

    fn https(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.for_url(&url.parse().unwrap()).map(|p| format!("{}:{}", p.host, p.port))
    }

    #[test]
    fn exceptions_and_servers_for_each_kind() {
        let one = set(&[("ProxyServer", "p.example:8080"), ("ProxyOverride", "*.corp.example;<local>")]);
        assert_eq!(https(&one, "https://x.example/").as_deref(), Some("p.example:8080"));
        assert_eq!(https(&one, "http://a.corp.example/"), None);
        assert_eq!(https(&one, "http://intranet/"), None);
        let each = set(&[("ProxyServer", "HTTP=a:1; https=b:2;ftp=c:3")]);
        assert_eq!(shown(&each), "http a:1, https b:2");
    }

    #[test]
    fn socks_takes_what_has_no_server() {
        let all = set(&[("ProxyServer", "socks=s.example:1080")]);
        assert_eq!(shown(&all), "http s.example:1080 (not spoken), https s.example:1080 (not spoken)");
        assert_eq!(
            shown(&set(&[("ProxyServer", "https=b:2;socks=s:3")])),
            "http s:3 (not spoken), https b:2"
        );
    }

    #[test]
    fn a_policy_for_all_users_moves_the_settings_to_the_computer() {
        let policy = |per_user: &str| {
            format!(
                "HKEY_LOCAL_MACHINE\\{POLICY}\n    ProxySettingsPerUser    REG_DWORD    {per_user}\n\
                 HKEY_LOCAL_MACHINE\\{SETTINGS}\n    AutoConfigURL    REG_SZ    http://pac.corp.example/p.pac\n\
                 HKEY_CURRENT_USER\\{SETTINGS}\n    ProxyEnable    REG_DWORD    0x1\n    ProxyServer    REG_SZ    old:1\n"
            )
        };
        assert_eq!(shown(&of(policy("0x0").as_bytes())), "none, script");
        assert_eq!(shown(&of(policy("0x1").as_bytes())), "http old:1, https old:1");
    }

    #[test]
    fn what_is_switched_off_or_nonsense_is_no_proxy() {
        for server in ["", ";;", "=", "http=", "socks=", "%%%", "a b=c d", "http==;https"] {
            let found = set(&[("ProxyServer", server)]);
            assert!(found.http.is_none_or(|p| !p.host.is_empty()), "{server}");
        }
        let off = format!("HKEY_CURRENT_USER\\{SETTINGS}\n    ProxyServer    REG_SZ    p:1\n");
        assert_eq!(shown(&of(off.as_bytes())), "none");
    }

    #[test]
    fn spoilt_settings_do_no_harm() {
        fixtures::spoilt("windows", |bytes| drop(of(bytes)));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in fixtures::mangled("windows"), servers in "([a-z0-9=:;. %\\[\\]/@-]|socks=|https=){0,40}") {
            let _ = (of(&bytes), set(&[("ProxyServer", &servers), ("ProxyOverride", &servers)]));
        }
    }
}
