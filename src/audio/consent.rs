//! What Windows keeps about consent to the microphone: who may use it, and who does.
//!
//! Pure, and compiled on every system; `platform::windows::microphone` reads the registry. Windows keeps
//! a switch for the device, one for all programs of the user, one for those that are no store apps
//! ("desktop apps", since version 1903), and beside them when each program last used the microphone.

use telemetry::{MicrophonePermission, MicrophoneUse};

/// What the system's own function says of this program (`AppCapabilityAccessStatus`, since version 1903).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Allowed,
    /// A setting of the user stands against it.
    DeniedByUser,
    /// A rule of the organisation or of the device does.
    DeniedBySystem,
    /// The user is to be asked.
    PromptRequired,
}

impl Access {
    /// From the number of the system's enumeration; "not declared by the app" says nothing of a program
    /// that declares nothing.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::DeniedBySystem),
            2 => Some(Self::DeniedByUser),
            3 => Some(Self::PromptRequired),
            4 => Some(Self::Allowed),
            _ => None,
        }
    }
}

/// A switch in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    Allow,
    /// Off.
    Deny,
}

impl Switch {
    /// From the text of `Value`. There is "Prompt" as well, which is neither.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("Allow") => Some(Self::Allow),
            _ if text.eq_ignore_ascii_case("Deny") => Some(Self::Deny),
            _ => None,
        }
    }
}

/// All that Windows keeps about whether we may; what is absent is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consent {
    /// What the system's own function says.
    pub asked: Option<Access>,
    /// The organisation's policy `LetAppsAccessMicrophone`: 0 leaves it to the user, 1 allows, 2 denies.
    pub policy: Option<u32>,
    /// The switch of the device.
    pub device: Option<Switch>,
    /// The switch of the user for all programs.
    pub user: Option<Switch>,
    /// The switch of the user for desktop programs.
    pub desktop: Option<Switch>,
    /// The switch of this very program.
    pub own: Option<Switch>,
}

/// Whether the microphone may be used. The system's own answer counts most; where it knows none, the store
/// has to do. A denial that may be of this program alone is never called one of all programs.
pub fn permission(consent: &Consent) -> MicrophonePermission {
    let deny = |switch: Option<Switch>| switch == Some(Switch::Deny);
    // What the policy allows no switch of the user takes back.
    let switched_off =
        consent.policy != Some(1) && (deny(consent.device) || deny(consent.user) || deny(consent.desktop));
    let all = consent.policy == Some(2) || switched_off;
    let known = consent.policy == Some(1) || consent.user == Some(Switch::Allow);
    match consent.asked {
        Some(Access::Allowed) => MicrophonePermission::Granted,
        Some(Access::PromptRequired) => MicrophonePermission::NotAsked,
        Some(Access::DeniedBySystem) => MicrophonePermission::Denied,
        Some(Access::DeniedByUser) | None if all => MicrophonePermission::Denied,
        Some(Access::DeniedByUser) => MicrophonePermission::DeniedToPreshift,
        None if deny(consent.own) => MicrophonePermission::DeniedToPreshift,
        None if known => MicrophonePermission::Granted,
        None => MicrophonePermission::Unknown,
    }
}

/// What is kept of one program. Times are in units of 100 ns since 1601.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Its path with `#` for `\`, or the name of its package.
    pub name: String,
    /// When it last opened the microphone.
    pub started: Option<u64>,
    /// When it last closed it, 0 if it has not.
    pub stopped: Option<u64>,
}

/// The clock may have been set a little since the computer started.
const SLACK: u64 = 10 * 60 * 10_000_000;

/// Whether another program than `own` (a path) uses the microphone. What began before the computer was
/// started, at `boot`, is left over from a program that could not say when it ended.
pub fn microphone_use(programs: &[Program], own: &str, boot: Option<u64>) -> MicrophoneUse {
    let own = own.replace('\\', "#");
    let in_use = |p: &Program| {
        let stale = boot.zip(p.started).is_some_and(|(boot, started)| started.saturating_add(SLACK) < boot);
        p.stopped == Some(0) && !stale && !p.name.eq_ignore_ascii_case(&own)
    };
    match programs {
        [] => MicrophoneUse::Unknown,
        _ if programs.iter().any(in_use) => MicrophoneUse::InUse,
        _ => MicrophoneUse::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MicrophonePermission::{Denied, DeniedToPreshift, Granted, NotAsked, Unknown};
    use Switch::{Allow, Deny};

    /// The shapes of the store: Windows 10 1809 knows neither desktop programs nor the function.
    #[test]
    fn the_store_decides_where_the_system_says_nothing() {
        for (what, device, user, desktop, policy, wanted) in [
            ("1809, as installed", Some(Allow), Some(Allow), None, None, Granted),
            ("1809, off for the device", Some(Deny), Some(Allow), None, None, Denied),
            ("1809, off for the user", Some(Allow), Some(Deny), None, None, Denied),
            ("22H2, as installed", Some(Allow), Some(Allow), Some(Allow), None, Granted),
            ("22H2, off for desktop programs", Some(Allow), Some(Allow), Some(Deny), None, Denied),
            ("22H2, left to the user by policy", Some(Allow), Some(Allow), Some(Allow), Some(0), Granted),
            ("23H2, denied by policy", Some(Allow), Some(Allow), Some(Allow), Some(2), Denied),
            ("23H2, allowed by policy over a switch", Some(Allow), Some(Deny), Some(Deny), Some(1), Granted),
            ("24H2, the user's switch not there", Some(Allow), None, Some(Allow), None, Unknown),
            (
                "24H2, a policy number that nobody knows",
                Some(Allow),
                Some(Allow),
                Some(Allow),
                Some(7),
                Granted,
            ),
            ("nothing there", None, None, None, None, Unknown),
        ] {
            let consent = Consent { device, user, desktop, policy, ..Consent::default() };
            assert_eq!(permission(&consent), wanted, "{what}");
        }
        let own = Consent { user: Some(Allow), own: Some(Deny), ..Consent::default() };
        assert_eq!(permission(&own), DeniedToPreshift);
        assert_eq!(permission(&Consent { desktop: Some(Deny), ..own }), Denied);
    }

    #[test]
    fn what_the_system_says_counts_most() {
        let denied = Consent { policy: Some(2), user: Some(Deny), ..Consent::default() };
        let open = Consent { user: Some(Allow), desktop: Some(Allow), ..Consent::default() };
        for (asked, of_denied, of_open) in [
            (4, Granted, Granted),
            (3, NotAsked, NotAsked),
            (0, Denied, Denied),
            (2, Denied, DeniedToPreshift),
            // Not declared, and numbers that do not exist: as if nothing had been said.
            (1, Denied, Granted),
            (-1, Denied, Granted),
            (5, Denied, Granted),
        ] {
            let asked = Access::from_number(asked);
            assert_eq!(permission(&Consent { asked, ..denied }), of_denied, "{asked:?}");
            assert_eq!(permission(&Consent { asked, ..open }), of_open, "{asked:?}");
        }
    }

    #[test]
    fn switches_are_two_words() {
        assert_eq!(
            ["Allow", "allow", "Deny", "DENY"].map(Switch::parse),
            [Some(Allow), Some(Allow), Some(Deny), Some(Deny)]
        );
        assert_eq!(["Prompt", "", "Allow ", "1", "Denied"].map(Switch::parse), [None; 5]);
    }

    #[test]
    fn only_another_program_counts() {
        let own = r"C:\Program Files\Preshift\preshift.exe";
        let program = |name: &str, started: u64, stopped: Option<u64>| Program {
            name: name.into(),
            started: Some(started),
            stopped,
        };
        const BOOT: u64 = 133_000_000_000_000_000;
        let boot = Some(BOOT);
        let mine = program("C:#Program Files#Preshift#Preshift.exe", BOOT + 5, Some(0));
        let stopped = program("C:#zoom.exe", BOOT + 5, Some(BOOT + 9));
        let talking = program("C:#zoom.exe", BOOT + 5, Some(0));
        let packaged = program("MSTeams_8wekyb3d8bbwe", BOOT + 5, Some(0));
        let left_over = program("C:#crashed.exe", BOOT - 2 * SLACK, Some(0));
        let never = Program { name: "Microsoft.WindowsCamera_8wekyb3d8bbwe".into(), ..Program::default() };
        assert_eq!(microphone_use(&[], own, boot), MicrophoneUse::Unknown);
        assert_eq!(microphone_use(&[mine.clone(), stopped], own, boot), MicrophoneUse::Free);
        assert_eq!(microphone_use(&[mine.clone(), talking], own, boot), MicrophoneUse::InUse);
        assert_eq!(microphone_use(&[packaged], own, boot), MicrophoneUse::InUse);
        assert_eq!(microphone_use(&[never], own, boot), MicrophoneUse::Free);
        assert_eq!(microphone_use(std::slice::from_ref(&left_over), own, boot), MicrophoneUse::Free);
        assert_eq!(microphone_use(&[left_over], own, None), MicrophoneUse::InUse);
        let slack = program("C:#zoom.exe", BOOT - SLACK, Some(0));
        assert_eq!(microphone_use(&[slack], own, boot), MicrophoneUse::InUse);
    }
}
