//! The macOS package: what its property lists say, what its zip holds, and what its commands do.
//!
//! The lists are looked at on every system. Building and installing are tried wherever there is a bash
//! and a zip, with stand-ins for what only a Mac has: they note how they were called.

use plist::{Dictionary, Value};

const LABEL: &str = "com.preshift.desk";

fn list(text: &str) -> Dictionary {
    plist::from_bytes(text.as_bytes()).expect("a property list")
}

fn text<'a>(list: &'a Dictionary, key: &str) -> &'a str {
    list.get(key).and_then(Value::as_string).unwrap_or_else(|| panic!("{key} is no text, or is missing"))
}

fn yes(list: &Dictionary, key: &str) -> bool {
    list.get(key).and_then(Value::as_boolean).unwrap_or_else(|| panic!("{key} is no truth, or is missing"))
}

fn number(list: &Dictionary, key: &str) -> i64 {
    list.get(key).and_then(Value::as_signed_integer).unwrap_or_else(|| panic!("{key} is no number"))
}

const INFO: &str = include_str!("../packaging/macos/Info.plist");
const AGENT: &str = include_str!("../packaging/macos/com.preshift.desk.plist");
const ENTITLEMENTS: &str = include_str!("../packaging/macos/entitlements.plist");

#[test]
fn the_app_says_what_macos_asks_of_it() {
    let info = list(INFO);
    assert_eq!(text(&info, "CFBundleIdentifier"), LABEL);
    assert_eq!(text(&info, "CFBundlePackageType"), "APPL");
    assert_eq!(text(&info, "CFBundleName"), "Preshift");
    // The program's name in the bundle is that of the crate's binary.
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_preshift")).file_stem().unwrap();
    assert_eq!(text(&info, "CFBundleExecutable"), program);
    assert_eq!(text(&info, "LSMinimumSystemVersion"), "13.0");
    assert!(yes(&info, "LSUIElement"), "it must not show up in the Dock");
    for key in ["CFBundleShortVersionString", "CFBundleVersion"] {
        assert_eq!(text(&info, key), "__VERSION__", "build.sh fills {key}");
    }
    // Without these sentences macOS ends a program that opens the microphone, or asks without a reason.
    for (key, word) in
        [("NSMicrophoneUsageDescription", "microphone"), ("NSLocalNetworkUsageDescription", "router")]
    {
        let sentence = text(&info, key);
        assert!(sentence.contains(word) && sentence.ends_with('.'), "{key}: {sentence}");
        assert!((40..=300).contains(&sentence.len()), "{key} is read in a small window");
    }
}

#[test]
fn the_agent_starts_the_program_of_the_app() {
    let agent = list(AGENT);
    assert_eq!(text(&agent, "Label"), LABEL);
    assert_eq!(text(&agent, "AssociatedBundleIdentifiers"), LABEL);
    let arguments: Vec<_> = agent
        .get("ProgramArguments")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(Value::as_string)
        .collect();
    assert_eq!(arguments, [Some("__PROGRAM__"), Some("run")]);
    assert_eq!(text(&agent, "StandardErrorPath"), "__LOG__");
    assert_eq!(text(&agent, "LimitLoadToSessionType"), "Aqua");
    // Every other kind is held back, and the media stream would measure that.
    assert_eq!(text(&agent, "ProcessType"), "Interactive");
    assert!(yes(&agent, "RunAtLoad"));
    let keep = agent.get("KeepAlive").and_then(Value::as_dictionary).unwrap();
    assert!(!yes(keep, "SuccessfulExit"), "one that was told to end stays ended");
    assert_eq!(number(&agent, "Umask"), 0o077);
    assert!(number(&agent, "ExitTimeOut") > 3, "it needs up to three seconds");
    // Each placeholder once, so that whoever fills them in misses none.
    for placeholder in ["<string>__PROGRAM__</string>", "<string>__LOG__</string>"] {
        assert_eq!(AGENT.matches(placeholder).count(), 1, "{placeholder}");
    }
    // install.command cuts these two lines out by their words.
    let lines: Vec<_> = AGENT.lines().skip_while(|l| !l.contains("<dict>")).collect();
    let cut: Vec<_> =
        lines.iter().filter(|l| l.contains("StandardErrorPath") || l.contains("__LOG__")).collect();
    assert_eq!(cut.len(), 2, "{cut:?}");
}

#[test]
fn only_the_microphone_is_opened_in_the_hardened_runtime() {
    let entitlements = list(ENTITLEMENTS);
    assert!(yes(&entitlements, "com.apple.security.device.audio-input"));
    assert_eq!(entitlements.len(), 1, "one more is one more way in: {entitlements:?}");
}

#[cfg(unix)]
#[path = "macos_bundle/install.rs"]
mod install;
