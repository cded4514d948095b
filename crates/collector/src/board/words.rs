//! Words for what only the board shows: facts, changes, events, gaps and troubles.

use telemetry::{Change, Event, EventKind, FactKey, FactValue, Trigger, Word};

/// What a fact is about.
pub fn fact(key: FactKey) -> &'static str {
    match key {
        FactKey::OsName => "Operating system",
        FactKey::OsVersion => "System version",
        FactKey::OsBuild => "System build",
        FactKey::PendingRestart => "Update waits for a restart",
        FactKey::ChromeVersion => "Chrome",
        FactKey::ChromeChannel => "Chrome channel",
        FactKey::ChromiumVersion => "Chromium",
        FactKey::ChromiumChannel => "Chromium channel",
        FactKey::EdgeVersion => "Edge",
        FactKey::EdgeChannel => "Edge channel",
        FactKey::FirefoxVersion => "Firefox",
        FactKey::FirefoxChannel => "Firefox channel",
        FactKey::BraveVersion => "Brave",
        FactKey::BraveChannel => "Brave channel",
        FactKey::AudioServer => "Sound system",
        FactKey::AudioServerVersion => "Sound system version",
        FactKey::InputVendor => "Microphone vendor",
        FactKey::InputProduct => "Microphone product",
        FactKey::InputConnection => "Microphone connection",
        FactKey::OutputVendor => "Speaker vendor",
        FactKey::OutputProduct => "Speaker product",
        FactKey::OutputConnection => "Speaker connection",
        FactKey::LinkKind => "Network link",
        FactKey::GatewayHash => "Home router",
        FactKey::Vpn => "VPN",
        FactKey::ResolverClass => "DNS resolver",
        FactKey::Proxy => "Proxy",
        FactKey::UtcOffset => "Time zone",
        FactKey::PreshiftVersion => "Preshift",
        FactKey::ProviderNumber => "Internet provider",
    }
}

/// A fact's value.
pub fn value(value: &FactValue) -> String {
    match value {
        FactValue::Version(v) => v.to_string(),
        FactValue::Word(w) => word(*w),
        FactValue::Flag(true) => "yes".into(),
        FactValue::Flag(false) => "no".into(),
        FactValue::Number(n) => n.to_string(),
        FactValue::Minutes(m) => {
            let sign = if *m < 0 { '−' } else { '+' };
            format!("UTC{sign}{}:{:02}", m.unsigned_abs() / 60, m.unsigned_abs() % 60)
        }
        FactValue::Usb(id) => id.to_string(),
        // Enough of it to tell two apart.
        FactValue::Hash(h) => format!("#{}", &h.as_str()[..6]),
    }
}

fn word(word: Word) -> String {
    match word {
        Word::Macos => "macOS".into(),
        Word::Rhel => "RHEL".into(),
        Word::Opensuse => "openSUSE".into(),
        Word::Esr => "ESR".into(),
        Word::Pulseaudio => "PulseAudio".into(),
        Word::Pipewire => "PipeWire".into(),
        Word::Alsa => "ALSA".into(),
        Word::Wasapi => "WASAPI".into(),
        Word::Coreaudio => "Core Audio".into(),
        Word::Wifi => "Wi-Fi".into(),
        Word::Usb => "USB".into(),
        Word::Hdmi => "HDMI".into(),
        other => capital(&crate::store::export::word(other)),
    }
}

/// A word of the wire for people: `self_check` becomes `Self check`.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
    first.chain(letters).map(|c| if c == '_' { ' ' } else { c }).collect()
}

/// A change in one line: `Chrome: 142.0 → 143.0`.
pub fn change(change: &Change) -> String {
    let side = |v: &Option<FactValue>, gone: &str| v.as_ref().map_or_else(|| gone.to_owned(), value);
    // Its hash says nothing to people; that it is another one does.
    if change.key == FactKey::GatewayHash && change.from.is_some() && change.to.is_some() {
        return "Home router: another one".into();
    }
    format!("{}: {} → {}", fact(change.key), side(&change.from, "not there"), side(&change.to, "gone"))
}

/// What happened, in one line.
pub fn event(event: &Event) -> String {
    let what = match event.event {
        EventKind::Started => "Preshift started",
        EventKind::Stopped => "Preshift was stopped",
        EventKind::Suspended => "The computer slept",
        EventKind::ClockJump => "The clock jumped",
        EventKind::Paused => "The agent paused measuring",
        EventKind::Resumed => "The agent resumed measuring",
        EventKind::ConsentChanged => "The agent changed what they agreed to",
        EventKind::AssignmentChanged => "New policy or shifts arrived",
        EventKind::StoreReset => "The local store was damaged and begun anew",
        EventKind::ReportsRefused => "The collector refused reports",
    };
    let mut line = what.to_owned();
    if let Some(seconds) = event.duration {
        line += &format!(" ({})", super::when::length((seconds.get() * 1000.0) as i64));
    }
    if let Some(count) = event.count {
        line += &format!(", {count} times");
    }
    line
}

/// Why a check was run.
pub fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::SelfCheck => "self-check",
        Trigger::PreShift => "pre-shift check",
        Trigger::Wake => "check on wake",
        Trigger::Logon => "check on logon",
        Trigger::Changed => "check after a change",
        Trigger::Renewal => "check during the shift",
    }
}

/// Why reports are lost.
pub fn gap_reason(reason: &str) -> &'static str {
    match reason {
        "spool_full" => "the desk's queue was full",
        "too_old" => "they were older than the desk keeps them",
        _ => "the desk's disk was full or failed",
    }
}

/// What IT should look into.
pub fn trouble(kind: &str) -> &'static str {
    match kind {
        "cloned" => "Two computers use this desk's key. Revoke it, and enrol both anew.",
        "conflict" => "Reports came twice with different content. A copied disk or store does that.",
        "wrong_desk" => "Reports named another desk.",
        "unknown_id" => "Reports named ids that no policy of this collector defines.",
        "time" => "Reports were dated more than a day ahead, or too long ago. The desk's clock may be wrong.",
        "version" => {
            "Reports had a schema version that this collector does not speak. Update one of the two."
        }
        _ => "Reports broke the schema and were refused.",
    }
}
