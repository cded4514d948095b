//! The running Linux kernel beside those that are installed.

use std::time::SystemTime;
use telemetry::Version;

/// One installed kernel: a folder of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its release, as `uname -r` would say it.
    pub release: String,
    /// When it was last written.
    pub written: SystemTime,
}

/// A kernel's release as a version: its number, and the builder's count that follows a dash
/// (`6.1.0-28-amd64` becomes `6.1.0.28`), since most updates change only that.
pub fn version(release: &str) -> Option<Version> {
    let (number, rest) = release.trim().split_once('-').unwrap_or((release.trim(), ""));
    let build =
        rest.split(['-', '.']).next().filter(|b| !b.is_empty() && b.bytes().all(|c| c.is_ascii_digit()));
    match build {
        Some(build) => Version::from_loose(&format!("{number}.{build}")),
        None => Version::from_loose(number),
    }
}

/// Whether an update of the kernel waits for a restart. `None` if it cannot be told.
///
/// It does if a newer kernel of the same flavour was installed since the system started, or if
/// the running one's modules are gone while another of its flavour is there (Arch replaces them).
pub fn restart_pending(running: &str, installed: &[Kernel], started: SystemTime) -> Option<bool> {
    let running = running.trim();
    let mut same = installed.iter().filter(|k| flavour(&k.release) == flavour(running)).peekable();
    same.peek()?;
    let kept = installed.iter().any(|k| k.release == running);
    let newer = |k: &Kernel| k.written > started && numbers(&k.release) > numbers(running);
    Some(!kept || same.any(newer))
}

/// The words in a release, without their numbers: `amd64`, `generic`, `rt-amd64`, `arch`.
fn flavour(release: &str) -> Vec<&str> {
    let word = |part: &'_ str| part.contains(|c: char| c.is_ascii_alphabetic());
    let bare = |c: char| c.is_ascii_digit();
    release.split(['-', '.']).filter(|p| word(p)).map(|p| p.trim_matches(bare)).collect()
}

fn numbers(release: &str) -> Vec<u64> {
    let runs = release.split(|c: char| !c.is_ascii_digit()).filter(|r| !r.is_empty());
    runs.map(|r| r.parse().unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * minutes)
    }

    fn pending(running: &str, installed: &[(&str, u64)]) -> Option<bool> {
        let kernel =
            |(release, minutes): &(&str, u64)| Kernel { release: (*release).into(), written: at(*minutes) };
        restart_pending(running, &installed.iter().map(kernel).collect::<Vec<_>>(), at(100))
    }

    #[test]
    fn releases_become_versions() {
        let said = |r| version(r).map(|v| v.to_string());
        assert_eq!(said("6.1.0-28-amd64\n").as_deref(), Some("6.1.0.28"));
        assert_eq!(said("6.8.0-49-generic").as_deref(), Some("6.8.0.49"));
        assert_eq!(said("6.11.5-200.fc40.x86_64").as_deref(), Some("6.11.5.200"));
        assert_eq!(said("6.12.48+deb13-amd64").as_deref(), Some("6.12.48"));
        assert_eq!(said("5.15.0-157-generic").as_deref(), Some("5.15.0.157"));
        assert_eq!(said("6.17.0-6-generic").as_deref(), Some("6.17.0.6"));
        assert_eq!(said("6.17.4-300.fc43.x86_64").as_deref(), Some("6.17.4.300"));
        assert_eq!(said("5.14.0-570.12.1.el9_6.x86_64").as_deref(), Some("5.14.0.570"));
        assert_eq!(said("6.17.5-1-default").as_deref(), Some("6.17.5.1"));
        assert_eq!(said("6.4.0-150600.23.73-default").as_deref(), Some("6.4.0.150600"));
        assert_eq!(said("6.12.47+rpt-rpi-v8").as_deref(), Some("6.12.47"));
        assert_eq!(said("6.17.4-76061704-generic").as_deref(), Some("6.17.4.76061704"));
        assert_eq!(said("6.12.1-arch1-1").as_deref(), Some("6.12.1"));
        assert_eq!(said("5.15.167.4-microsoft-standard-WSL2").as_deref(), Some("5.15.167.4"));
        assert_eq!(said("anna"), None);
        assert_eq!(said(""), None);
    }

    #[test]
    fn a_kernel_installed_since_the_start_waits() {
        assert_eq!(pending("6.1.0-28-amd64", &[("6.1.0-28-amd64", 1)]), Some(false));
        assert_eq!(pending("6.1.0-28-amd64", &[("6.1.0-28-amd64", 1), ("6.1.0-29-amd64", 150)]), Some(true));
        assert_eq!(
            pending(
                "6.11.5-200.fc40.x86_64",
                &[("6.11.5-200.fc40.x86_64", 1), ("6.12.6-100.fc41.x86_64", 101)]
            ),
            Some(true)
        );
    }

    #[test]
    fn an_older_one_chosen_at_the_start_does_not_wait() {
        assert_eq!(pending("6.1.0-9-amd64", &[("6.1.0-9-amd64", 1), ("6.1.0-10-amd64", 50)]), Some(false));
        assert_eq!(pending("6.1.0-10-amd64", &[("6.1.0-10-amd64", 1), ("6.1.0-9-amd64", 150)]), Some(false));
    }

    #[test]
    fn another_flavour_says_nothing() {
        assert_eq!(
            pending("6.1.0-28-amd64", &[("6.1.0-28-amd64", 1), ("6.1.0-29-rt-amd64", 150)]),
            Some(false)
        );
        assert_eq!(pending("5.10.0-vm", &[("6.1.0-29-amd64", 150)]), None);
        assert_eq!(pending("6.1.0-28-amd64", &[]), None);
    }

    #[test]
    fn restarts_of_other_distributions() {
        let running = |r, i: &[(&str, u64)]| pending(r, i);
        assert_eq!(
            running("6.12.43+deb13-amd64", &[("6.12.43+deb13-amd64", 1), ("6.12.48+deb13-amd64", 150)]),
            Some(true)
        );
        assert_eq!(
            running(
                "6.17.4-300.fc43.x86_64",
                &[("6.17.4-300.fc43.x86_64", 1), ("6.16.9-200.fc42.x86_64", 150)]
            ),
            Some(false)
        );
        assert_eq!(running("6.17.5-1-default", &[("6.17.6-1-default", 50)]), Some(true));
        assert_eq!(
            running("6.8.0-1038-oem", &[("6.8.0-1038-oem", 1), ("6.8.0-85-generic", 150)]),
            Some(false),
            "an OEM's kernel beside the generic one"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_release_makes_it_panic(a in "[0-9.+_a-z-]{0,30}|\\PC{0,20}", b in "[0-9.+_a-z-]{0,30}|\\PC{0,20}") {
            version(&a).iter().for_each(crate::fixtures::travels);
            pending(&a, &[(&b, 150), (&a, 1)]);
        }
    }

    #[test]
    fn replaced_modules_wait() {
        assert_eq!(pending("6.12.1-arch1-1", &[("6.12.2-arch1-1", 50)]), Some(true));
    }
}
