//! The launch agent of macOS, as a property list: launchd.plist(5).

use super::fit::{self, Unfit};
use std::path::Path;

/// The agent's label, and the name of its file.
pub const LABEL: &str = "com.preshift.desk";

/// Starts `program run` at logon, again when it failed, and not when it ended by itself.
pub fn plist(program: &Path) -> Result<String, Unfit> {
    let program = fit::xml(fit::text(program)?);
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
		<string>{program}</string>
		<string>run</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ExitTimeOut</key>
	<integer>10</integer>
	<key>ProcessType</key>
	<string>Adaptive</string>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
"#
    ))
}

/// Whether `launchctl print-disabled` says that somebody switched the agent off: `"label" => disabled`, and
/// `"label" => true` before macOS 13.
pub fn is_disabled(said: &str) -> bool {
    said.lines().filter_map(|line| line.split_once("=>")).any(|(label, state)| {
        label.trim().trim_matches('"') == LABEL && matches!(state.trim(), "disabled" | "true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_was_switched_off_is_known_in_both_words() {
        let said = |line: &str| {
            format!("\tdisabled services = {{\n\t\t\"com.other\" => disabled\n\t\t{line}\n\t}}\n")
        };
        assert!(is_disabled(&said("\"com.preshift.desk\" => disabled")));
        assert!(is_disabled(&said("\"com.preshift.desk\" => true")));
        assert!(!is_disabled(&said("\"com.preshift.desk\" => enabled")));
        assert!(!is_disabled(&said("\"com.preshift.desk\" => false")));
        assert!(!is_disabled(&said("\"com.preshift.desktop\" => disabled")));
        assert!(!is_disabled(""));
    }

    #[test]
    fn every_path_comes_back_from_the_list() {
        for path in fit::HOSTILE {
            let list = plist(Path::new(path)).unwrap();
            let read = plist::Value::from_reader_xml(list.as_bytes()).unwrap();
            let dict = read.as_dictionary().unwrap();
            assert_eq!(dict["Label"].as_string(), Some(LABEL));
            let words: Vec<_> =
                dict["ProgramArguments"].as_array().unwrap().iter().map(|w| w.as_string().unwrap()).collect();
            assert_eq!(words, [path, "run"]);
            assert_eq!(dict["Umask"].as_signed_integer(), Some(0o077));
        }
        assert!(plist(Path::new("/a\u{1}b")).is_err());
    }
}
