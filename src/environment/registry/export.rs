//! A registry from what `reg query` prints, for fixtures: lines of a key's whole name, and below
//! each its values, indented, as name, type and content with four spaces between.

use super::{Hive, Registry};
use crate::environment::Seen;
use std::collections::BTreeMap;

/// What was printed: the values of each key, both by their names in small letters.
#[derive(Debug, Default)]
pub struct Export(BTreeMap<String, BTreeMap<String, (String, String)>>);

impl Export {
    /// Reads the text; what is no key and no value is left out.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut key = String::new();
        for line in text.lines().map(str::trim_end) {
            if line.starts_with("HKEY_") {
                key = line.to_ascii_lowercase();
                found.0.entry(key.clone()).or_default();
            } else if let Some(value) = line.strip_prefix("    ").filter(|_| !key.is_empty()) {
                let mut parts = value.splitn(3, "    ");
                let (Some(name), Some(kind)) = (parts.next(), parts.next()) else { continue };
                let content = parts.next().unwrap_or_default();
                let value = (kind.trim().to_owned(), content.to_owned());
                found.0.entry(key.clone()).or_default().insert(name.to_ascii_lowercase(), value);
            }
        }
        found
    }

    fn key(hive: Hive, path: &str) -> String {
        let hive = match hive {
            Hive::Machine => "hkey_local_machine",
            Hive::User => "hkey_current_user",
        };
        format!("{hive}\\{}", path.to_ascii_lowercase())
    }

    fn value(&self, hive: Hive, path: &str, name: &str) -> Seen<&(String, String)> {
        Seen::or_nothing(self.0.get(&Self::key(hive, path)).and_then(|k| k.get(&name.to_ascii_lowercase())))
    }
}

impl Registry for Export {
    fn text(&self, hive: Hive, path: &str, name: &str) -> Seen<String> {
        match self.value(hive, path, name) {
            Seen::Is((kind, text)) if matches!(kind.as_str(), "REG_SZ" | "REG_EXPAND_SZ") => {
                Seen::Is(text.clone())
            }
            Seen::Nothing => Seen::Nothing,
            // As the real one: a value of another type is refused.
            _ => Seen::Unreadable,
        }
    }

    fn number(&self, hive: Hive, path: &str, name: &str) -> Seen<u32> {
        match self.value(hive, path, name) {
            Seen::Is((kind, text)) if kind == "REG_DWORD" => {
                let hex = text.strip_prefix("0x").and_then(|h| u32::from_str_radix(h, 16).ok());
                Seen::or_unreadable(hex)
            }
            Seen::Nothing => Seen::Nothing,
            _ => Seen::Unreadable,
        }
    }

    fn exists(&self, hive: Hive, path: &str) -> Seen<bool> {
        let (key, below) = (Self::key(hive, path), format!("{}\\", Self::key(hive, path)));
        Seen::Is(self.0.keys().any(|k| *k == key || k.starts_with(&below)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reg_prints_can_be_asked_like_a_registry() {
        let text = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\A\\B\r\n    Name of it    REG_SZ    some  text\r\n    \
                    Empty    REG_SZ\r\n    N    REG_DWORD    0x1f\r\n\r\nHKEY_CURRENT_USER\\Software\\C\r\n    \
                    (Default)    REG_SZ    1\r\nEnd of search: 4 match(es) found.\r\n";
        let export = Export::parse(text);
        let machine = |name| export.text(Hive::Machine, r"Software\a\B", name);
        assert_eq!(machine("name of it"), Seen::Is("some  text".into()));
        assert_eq!(machine("Empty"), Seen::Is(String::new()));
        assert_eq!((machine("N"), machine("none")), (Seen::Unreadable, Seen::Nothing));
        assert_eq!(export.number(Hive::Machine, r"SOFTWARE\A\B", "N"), Seen::Is(31));
        assert_eq!(export.number(Hive::Machine, r"SOFTWARE\A\B", "Empty"), Seen::Unreadable);
        assert_eq!(export.exists(Hive::Machine, r"SOFTWARE\A"), Seen::Is(true));
        assert_eq!(export.exists(Hive::User, r"SOFTWARE\A"), Seen::Is(false));
        assert_eq!(export.text(Hive::User, r"Software\C", "(Default)"), Seen::Is("1".into()));
    }
}
