//! The systemd user unit for a Preshift that no package installed, made of the unit that packages install.

use super::fit::{self, Unfit};
use std::path::Path;

/// The unit's name.
pub const UNIT: &str = "preshift.service";
/// The unit of the packages.
const PACKAGED: &str = include_str!("../../systemd/preshift.service");
/// What it starts.
const PACKAGED_START: &str = "ExecStart=/usr/bin/preshift run";
/// By this first line we know our own.
const MARK: &str = "# Written by 'preshift autostart on'; 'preshift autostart off' removes it.";

/// The unit for a program in any place.
pub fn text(program: &Path) -> Result<String, Unfit> {
    let start = format!("ExecStart={} run", quoted(fit::text(program)?));
    Ok(format!("{MARK}\n{}", PACKAGED.replace(PACKAGED_START, &start)))
}

/// Whether `text` wrote this.
pub fn is_ours(unit: &str) -> bool {
    unit.starts_with(MARK)
}

/// A path as systemd.service(5) reads the program of a command line: in double quotes, with C escapes, and
/// `%` doubled because it begins a specifier. `$` means nothing in the program's own path.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

/// What `systemctl is-enabled` says of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    /// It starts at logon.
    Yes,
    /// It is there, and does not.
    No,
    /// It is there, and is kept from starting.
    Masked,
    /// There is no such unit.
    NotFound,
    /// It said something else: there is no systemd for this user, say.
    Unclear,
}

/// Reads what it said on both its outputs. Its exit code tells less: 1 means disabled, masked and missing.
pub fn enabled(said: &str, complained: &str) -> Enabled {
    match said.trim() {
        "enabled" | "enabled-runtime" | "alias" | "static" | "linked" => Enabled::Yes,
        "disabled" | "indirect" | "linked-runtime" => Enabled::No,
        "masked" | "masked-runtime" => Enabled::Masked,
        // From version 252 on it is a word of its own.
        "not-found" => Enabled::NotFound,
        "" if complained.contains("No such file or directory") && complained.contains(UNIT) => {
            Enabled::NotFound
        }
        _ => Enabled::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_packages_with_another_program() {
        let unit = text(Path::new("/opt/preshift/preshift")).unwrap();
        assert!(unit.contains("\nExecStart=\"/opt/preshift/preshift\" run\n"), "{unit}");
        assert!(!unit.contains("/usr/bin/preshift"), "{unit}");
        assert!(is_ours(&unit) && !is_ours(PACKAGED));
        assert!(unit.ends_with(PACKAGED.rsplit_once(PACKAGED_START).unwrap().1));
    }

    #[test]
    fn no_path_ends_its_line_or_its_quotes() {
        for path in fit::HOSTILE {
            let unit = text(Path::new(path)).unwrap();
            let starts: Vec<_> = unit.lines().filter(|l| l.starts_with("ExecStart=")).collect();
            assert_eq!(starts.len(), 1, "{starts:?}");
            let inner = starts[0].strip_prefix("ExecStart=\"").unwrap().strip_suffix("\" run").unwrap();
            assert_eq!(unquoted(inner), path);
        }
        assert!(text(Path::new("/a\nExecStart=/bin/evil")).is_err());
    }

    /// The reverse, by systemd's rules.
    fn unquoted(inner: &str) -> String {
        let (mut text, mut chars) = (String::new(), inner.chars());
        while let Some(c) = chars.next() {
            assert_ne!(c, '"', "a quote that ends the word: {inner}");
            match c {
                '\\' | '%' => text.push(chars.next().expect("an escape ends the word")),
                c => text.push(c),
            }
        }
        text
    }

    #[test]
    fn what_systemctl_says_is_told_apart() {
        assert_eq!(enabled("enabled\n", ""), Enabled::Yes);
        assert_eq!(enabled("disabled\n", ""), Enabled::No);
        assert_eq!(enabled("masked\n", ""), Enabled::Masked);
        // Debian 12 (252) and Debian 13 (257).
        let missing = "Failed to get unit file state for preshift.service: No such file or directory\n";
        assert_eq!(enabled("", missing), Enabled::NotFound);
        assert_eq!(enabled("not-found\n", ""), Enabled::NotFound);
        // No session: no user manager to ask.
        let no_bus = "Failed to connect to bus: No medium found\n";
        assert_eq!(enabled("", no_bus), Enabled::Unclear);
        let no_socket = "Failed to connect to bus: No such file or directory\n";
        assert_eq!(enabled("", no_socket), Enabled::Unclear);
    }
}
