//! Who may use the microphone, and who does, by what Windows keeps about consent. Deciding is
//! `audio::consent`.

use super::registry::{self, Hive, Key};
use crate::{
    audio::consent::{self, Access, Consent, Program, Switch},
    environment::Seen,
};
use telemetry::{MicrophonePermission, MicrophoneUse};
use windows::{Security::Authorization::AppCapabilityAccess::AppCapability, core::h};
use windows_sys::Win32::{
    Foundation::FILETIME,
    System::SystemInformation::{GetSystemTimeAsFileTime, GetTickCount64},
};

/// The store, the same in the computer's part and in each user's. Programs from the store are keys of their
/// own in it, the others lie under `NonPackaged`.
const STORE: &str =
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone";
const DESKTOP: &str = "NonPackaged";
/// The policy "Let Windows apps access the microphone" (AppPrivacy.admx).
const POLICY: &str = r"SOFTWARE\Policies\Microsoft\Windows\AppPrivacy";

/// Whether the system lets this program, and with it the softphone, at the microphone.
pub fn microphone_permission() -> Option<MicrophonePermission> {
    let switch = |hive, path: &str| registry::text(hive, path, "Value").is().and_then(|t| Switch::parse(&t));
    let policy = match Key::open(Hive::Machine, POLICY) {
        Seen::Is(key) => key.number("LetAppsAccessMicrophone").is(),
        _ => None,
    };
    let desktop = format!(r"{STORE}\{DESKTOP}");
    let own = format!(r"{desktop}\{}", own_path().replace('\\', "#"));
    Some(consent::permission(&Consent {
        asked: asked(),
        policy,
        device: switch(Hive::Machine, STORE),
        user: switch(Hive::User, STORE),
        desktop: switch(Hive::User, &desktop),
        own: switch(Hive::User, &own),
    }))
}

/// Whether another program uses a microphone.
pub(super) fn microphone_use() -> MicrophoneUse {
    let mut programs = Vec::new();
    for folder in [STORE.to_owned(), format!(r"{STORE}\{DESKTOP}")] {
        let Seen::Is(key) = Key::open(Hive::User, &folder) else { continue };
        for name in key.keys().into_iter().filter(|name| name != DESKTOP) {
            let (started, stopped) = match Key::open(Hive::User, &format!(r"{folder}\{name}")) {
                Seen::Is(key) => (key.long_number("LastUsedTimeStart"), key.long_number("LastUsedTimeStop")),
                _ => (None, None),
            };
            programs.push(Program { name, started, stopped });
        }
    }
    consent::microphone_use(&programs, &own_path(), boot())
}

/// The system's own answer, which browsers go by too; there since Windows 10 1903.
fn asked() -> Option<Access> {
    let status = AppCapability::Create(h!("microphone")).and_then(|c| c.CheckAccess()).ok()?;
    Access::from_number(status.0)
}

fn own_path() -> String {
    std::env::current_exe().unwrap_or_default().to_string_lossy().into_owned()
}

/// When the computer was started, in units of 100 ns since 1601.
fn boot() -> Option<u64> {
    let mut now = FILETIME::default();
    // SAFETY: there is room for the time.
    unsafe { GetSystemTimeAsFileTime(&mut now) };
    let now = u64::from(now.dwHighDateTime) << 32 | u64::from(now.dwLowDateTime);
    // SAFETY: takes nothing.
    now.checked_sub(unsafe { GetTickCount64() } * 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computer_was_started_before_now_and_the_permission_is_told() {
        let started = boot().expect("a start");
        assert!(started > 130_000_000_000_000_000, "before 2012: {started}");
        assert!(microphone_permission().is_some());
    }
}
