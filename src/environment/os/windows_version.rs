//! What the registry of Windows says of the system: its version, its build, whether it waits for a restart.

use super::Os;
use crate::environment::{
    Seen,
    registry::{Hive, Registry},
};
use telemetry::{Version, Word};

/// The key that holds the version.
pub const CURRENT_VERSION: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
/// Keys that exist while an update waits for a restart. `PendingFileRenameOperations` is not among
/// them: browsers' updaters set it every day.
pub const RESTART: [&str; 2] = [
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
];

/// The first build of Windows 11, whose `ProductName` still says 10.
const FIRST_BUILD_OF_11: u32 = 22_000;
/// The first build of Windows 10.
const FIRST_BUILD_OF_10: u32 = 10_240;

/// The system that a registry describes.
///
/// `DisplayVersion` (`23H2`) is not read: it is no version of numbers, old systems and Wine have
/// none, and the build says the same and more.
pub fn os(registry: &dyn Registry) -> Os {
    let text = |name| registry.text(Hive::Machine, CURRENT_VERSION, name).is();
    let build = text("CurrentBuildNumber").and_then(|b| b.trim().parse::<u32>().ok());
    // `UBR` counts the updates of a build.
    let updates = registry.number(Hive::Machine, CURRENT_VERSION, "UBR").is();
    let server = text("InstallationType").is_some_and(|t| t.starts_with("Server"));
    let version = match build {
        _ if server => text("ProductName").as_deref().and_then(year),
        Some(b) if b >= FIRST_BUILD_OF_11 => Version::from_loose("11"),
        Some(b) if b >= FIRST_BUILD_OF_10 => Version::from_loose("10"),
        _ => None,
    };
    let build = build.and_then(|b| match updates {
        Some(updates) => Version::from_loose(&format!("{b}.{updates}")),
        None => Version::from_loose(&b.to_string()),
    });
    Os {
        name: Seen::Is(Word::Windows),
        version: Seen::or_unreadable(version),
        build: Seen::or_unreadable(build),
        pending_restart: pending_restart(registry),
    }
}

fn pending_restart(registry: &dyn Registry) -> Seen<bool> {
    let waits = RESTART.map(|path| registry.exists(Hive::Machine, path));
    if waits.contains(&Seen::Is(true)) {
        Seen::Is(true)
    } else if waits.iter().all(|w| *w == Seen::Is(false)) {
        Seen::Is(false)
    } else {
        Seen::Unreadable
    }
}

/// A server's version is a year: the first word that is one.
fn year(product: &str) -> Option<Version> {
    product.split_whitespace().find(|w| w.len() == 4 && w.starts_with("20"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::registry::export::Export, fixtures};
    use proptest::prelude::*;

    fn said(os: Os) -> String {
        let text = |v| if let Seen::Is(v) = v { Version::to_string(&v) } else { "?".into() };
        format!("{} {} restart {:?}", text(os.version), text(os.build), os.pending_restart)
    }

    fn of(bytes: &[u8]) -> Os {
        os(&Export::parse(&String::from_utf8_lossy(bytes)))
    }

    #[test]
    fn systems_as_they_were_seen() {
        fixtures::check(
            "windows",
            &[
                ("windows-10-21h2-ltsc.reg", "10 19044.6456 restart Is(false)"),
                ("windows-10-22h2.reg", "10 19045.6456 restart Is(true)"),
                ("windows-11-22h2.reg", "11 22621.4317 restart Is(false)"),
                ("windows-11-23h2.reg", "11 22631.4460 restart Is(false)"),
                ("windows-11-24h2.reg", "11 26100.6584 restart Is(true)"),
                ("windows-11-25h2.reg", "11 26200.6899 restart Is(false)"),
                ("windows-11-multi-session.reg", "11 26100.4061 restart Is(false)"),
                ("windows-server-2022.reg", "2022 20348.2849 restart Is(false)"),
                ("windows-server-2025.reg", "2025 26100.2314 restart Is(false)"),
                ("wine-8.reg", "10 18362 restart Is(false)"),
            ],
            |_, bytes| said(of(bytes)),
        );
    }

    fn values(build: &str, updates: &str, product: &str, installation: &str) -> String {
        let text = format!(
            "HKEY_LOCAL_MACHINE\\{CURRENT_VERSION}\n    CurrentBuildNumber    REG_SZ    {build}\n    \
             ProductName    REG_SZ    {product}\n    InstallationType    REG_SZ    {installation}\n    \
             UBR    REG_DWORD    {updates}\n"
        );
        said(of(text.as_bytes()))
    }

    #[test]
    fn both_sides_of_windows_11() {
        for (build, version) in [("10239", "?"), ("10240", "10"), ("21999", "10"), ("22000", "11")] {
            assert!(values(build, "0x1", "Windows 10 Pro", "Client").starts_with(version), "{build}");
        }
    }

    #[test]
    fn nonsense_is_unreadable_and_not_a_version() {
        for build in ["", "anna", "-1", "99999999999999", "7601", "0x4a65"] {
            assert!(values(build, "0x1", "Windows 10", "Client").starts_with("? "), "{build}");
        }
        assert_eq!(values("19045", "0xfffffffff", "Windows 10", "Client"), "10 19045 restart Is(false)");
        assert_eq!(
            values("20348", "0x1", "Windows Server Standard", "Server"),
            "? 20348.1 restart Is(false)"
        );
        assert_eq!(said(of(b"")), "? ? restart Is(false)");
    }

    #[test]
    fn a_registry_that_refuses_says_nothing() {
        struct Closed;
        impl Registry for Closed {
            fn text(&self, _: Hive, _: &str, _: &str) -> Seen<String> {
                Seen::Unreadable
            }
            fn number(&self, _: Hive, _: &str, _: &str) -> Seen<u32> {
                Seen::Unreadable
            }
            fn exists(&self, _: Hive, path: &str) -> Seen<bool> {
                if path == RESTART[0] { Seen::Is(false) } else { Seen::Unreadable }
            }
        }
        assert_eq!(said(os(&Closed)), "? ? restart Unreadable");
    }

    #[test]
    fn whatever_is_in_it_can_be_sent() {
        fixtures::spoilt("windows", |bytes| of(bytes).facts().iter().for_each(fixtures::travels));
    }

    proptest! {
        #[test]
        fn no_registry_makes_it_panic(bytes in fixtures::mangled("windows")) {
            of(&bytes).facts().iter().for_each(fixtures::travels);
        }
    }
}
