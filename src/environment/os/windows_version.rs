//! What `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion` says.

use super::Os;
use crate::environment::Seen;
use telemetry::{Version, Word};

/// The first build of Windows 11, whose `ProductName` still says 10.
const FIRST_BUILD_OF_11: u32 = 22_000;

/// The values of the key, each as far as it could be read.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// `CurrentBuildNumber`, such as `22631`.
    pub build: Option<String>,
    /// `UBR`: the count of updates of the build.
    pub updates: Option<u32>,
    /// `ProductName`, such as `Windows 10 Pro` or `Windows Server 2022 Standard`.
    pub product: Option<String>,
    /// `InstallationType`: `Client`, `Server` or `Server Core`.
    pub installation: Option<String>,
}

/// The system that the values describe.
pub fn parse(values: &Values, pending_restart: Seen<bool>) -> Os {
    let build = values.build.as_deref().and_then(|b| b.trim().parse::<u32>().ok());
    let server = values.installation.as_deref().is_some_and(|t| t.starts_with("Server"));
    let version = match build {
        _ if server => values.product.as_deref().and_then(year),
        Some(b) if b >= FIRST_BUILD_OF_11 => Version::from_loose("11"),
        Some(b) if b >= 10_240 => Version::from_loose("10"),
        _ => None,
    };
    let build = build.and_then(|b| match values.updates {
        Some(updates) => Version::from_loose(&format!("{b}.{updates}")),
        None => Version::from_loose(&b.to_string()),
    });
    Os {
        name: Seen::Is(Word::Windows),
        version: Seen::or_unreadable(version),
        build: Seen::or_unreadable(build),
        pending_restart,
    }
}

/// A server's version is a year: the first word that is one.
fn year(product: &str) -> Option<Version> {
    product.split_whitespace().find(|w| w.len() == 4 && w.starts_with("20"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(build: &str, updates: Option<u32>, product: &str, installation: &str) -> (String, String) {
        let values = Values {
            build: Some(build.into()),
            updates,
            product: Some(product.into()),
            installation: Some(installation.into()),
        };
        let os = parse(&values, Seen::Is(false));
        let text = |v| if let Seen::Is(v) = v { Version::to_string(&v) } else { "?".into() };
        (text(os.version), text(os.build))
    }

    #[test]
    fn builds_of_ten_eleven_and_servers() {
        for (build, updates, product, kind, version) in [
            ("19041", 1415, "Windows 10 Home", "Client", "10"),
            ("19045", 5131, "Windows 10 Pro", "Client", "10"),
            ("22000", 3260, "Windows 10 Pro", "Client", "11"),
            ("22631", 4460, "Windows 10 Enterprise", "Client", "11"),
            ("26100", 2454, "Windows 10 Pro", "Client", "11"),
            ("20348", 2849, "Windows Server 2022 Standard", "Server", "2022"),
            ("26100", 2454, "Windows Server 2025 Datacenter", "Server Core", "2025"),
        ] {
            assert_eq!(
                said(build, Some(updates), product, kind),
                (version.into(), format!("{build}.{updates}"))
            );
        }
        assert_eq!(said("18362", None, "", ""), ("10".into(), "18362".into()));
    }

    #[test]
    fn nonsense_is_unreadable_and_not_a_version() {
        for build in ["", "anna", "-1", "99999999999999", "7601"] {
            assert_eq!(said(build, Some(1), "Windows 10", "Client").0, "?", "{build}");
        }
        let os = parse(&Values::default(), Seen::Unreadable);
        assert_eq!((os.version, os.build), (Seen::Unreadable, Seen::Unreadable));
        assert_eq!(said("20348", Some(1), "Windows Server Standard", "Server").0, "?");
    }
}
