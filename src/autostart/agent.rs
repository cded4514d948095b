//! The launch agent of macOS, as a property list: launchd.plist(5).

use super::fit::{self, Unfit};
use std::path::Path;

/// The agent's label, and the name of its file.
pub const LABEL: &str = "com.preshift.desk";

/// The template, which the package for all users fills in as well.
const TEMPLATE: &str = include_str!("../../packaging/macos/com.preshift.desk.plist");
/// Where the template wants the program, and where a file for the daemon's log. As whole elements: the names are
/// in a comment as well, and a path with two hyphens would end that.
const PROGRAM: &str = "<string>__PROGRAM__</string>";
const LOG: &str = "<string>__LOG__</string>";

/// Starts `program run` at logon, again when it failed, and not when it ended by itself.
pub fn plist(program: &Path, log: &Path) -> Result<String, Unfit> {
    let element = |path| Ok(format!("<string>{}</string>", fit::xml(fit::text(path)?)));
    let (program, log): (String, String) = (element(program)?, element(log)?);
    // One after the other: a path may hold the other's name.
    let (before, after) = TEMPLATE.split_once(PROGRAM).unwrap_or((TEMPLATE, ""));
    Ok(format!("{before}{program}{}", after.replace(LOG, &log)))
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
        for path in fit::HOSTILE.iter().copied().chain(["/-- >/<string>__LOG__</string>/preshift"]) {
            let list = plist(Path::new(path), Path::new("/Users/o'brien & co/Preshift.log")).unwrap();
            let read = plist::Value::from_reader_xml(list.as_bytes()).unwrap();
            let dict = read.as_dictionary().unwrap();
            assert_eq!(dict["Label"].as_string(), Some(LABEL));
            let words: Vec<_> =
                dict["ProgramArguments"].as_array().unwrap().iter().map(|w| w.as_string().unwrap()).collect();
            assert_eq!(words, [path, "run"]);
            assert_eq!(dict["StandardErrorPath"].as_string(), Some("/Users/o'brien & co/Preshift.log"));
        }
        assert!(plist(Path::new("/a\u{1}b"), Path::new("/log")).is_err());
        assert!(plist(Path::new("/a"), Path::new("/log\n")).is_err());
    }
}
