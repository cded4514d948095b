//! The only strings that exist on the wire.
//!
//! Each type here has a length limit and a closed alphabet, checked when it is made and when it
//! is read. There must never be a type here that could hold a sentence, a name or an address.

use serde::{Deserialize, Deserializer, Serialize};

/// Why a string was refused: the type it was meant for and what that type takes. It does not
/// repeat the string itself, which may hold something private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: expected {expected}")]
pub struct BadText {
    /// The type that was asked for.
    pub what: &'static str,
    /// What the type takes, in words.
    pub expected: &'static str,
}

macro_rules! closed_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The pattern every value matches, as in the JSON Schema.
            pub const PATTERN: &'static str = $pattern;

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadText;
            fn from_str(s: &str) -> Result<Self, BadText> {
                let check: fn(&str) -> bool = $check;
                if check(s) { Ok(Self(s.into())) } else { Err(BadText { what: $what, expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(s: String) -> Result<Self, BadText> {
                s.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let s = std::borrow::Cow::<str>::deserialize(d)?;
                s.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

fn is_hex(s: &str, len: usize) -> bool {
    s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(s: &str) -> bool {
    let mut bytes = s.bytes();
    matches!(bytes.next(), Some(b'a'..=b'z' | b'0'..=b'9'))
        && s.len() <= 40
        && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// The words that may follow a version's numbers.
const VERSION_TAGS: [&str; 5] = ["alpha", "beta", "rc", "esr", "dev"];

fn is_version(s: &str) -> bool {
    let (numbers, tag) = s.split_once('-').map_or((s, None), |(n, t)| (n, Some(t)));
    let parts: Vec<&str> = numbers.split('.').collect();
    let digits = |s: &str, min: usize, max: usize| {
        (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
    };
    (1..=6).contains(&parts.len())
        && parts.iter().all(|p| digits(p, 1, 10))
        && tag.is_none_or(|t| VERSION_TAGS.iter().any(|w| t.strip_prefix(w).is_some_and(|n| digits(n, 0, 4))))
}

closed_text! {
    /// An id that the served policy or profile defines: a target, a policy, a team, a shift.
    Id, "id", "1 to 40 of a-z, 0-9, '-' and '_', the first a letter or a digit",
    "^[a-z0-9][a-z0-9_-]{0,39}$", is_id
}
closed_text! {
    /// A version: up to six numbers, and at most one of five known words with a number.
    Version, "version", "up to six numbers with dots, then at most -alpha, -beta, -rc, -esr or -dev and a number",
    "^[0-9]{1,10}([.][0-9]{1,10}){0,5}(-(alpha|beta|rc|esr|dev)[0-9]{0,4})?$", is_version
}
closed_text! {
    /// A SHA-256 digest, in hex.
    Digest, "digest", "64 lower-case hex digits", "^[0-9a-f]{64}$", |s| is_hex(s, 64)
}
closed_text! {
    /// A keyed hash of something that must not leave the desk (a serial number, a MAC, an SSID):
    /// the first 128 bits of HMAC-SHA256 under a key that only the desk has.
    Hash, "hash", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// The random id a desk gives itself when it enrols.
    DeskId, "desk id", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// The random id of one local store. A new store is a new epoch, so that its sequences start again.
    Epoch, "epoch", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// The random id of one start of the daemon.
    InstanceId, "instance id", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// A random number used once in a signature.
    Nonce, "nonce", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// An Ed25519 public key, in hex.
    PublicKey, "public key", "64 lower-case hex digits", "^[0-9a-f]{64}$", |s| is_hex(s, 64)
}
closed_text! {
    /// A keyed hash of the operating system's boot id: tells two starts of one computer apart.
    BootId, "boot id", "32 lower-case hex digits", "^[0-9a-f]{32}$", |s| is_hex(s, 32)
}
closed_text! {
    /// A USB or PCI vendor or product id.
    UsbId, "USB id", "4 lower-case hex digits", "^[0-9a-f]{4}$", |s| is_hex(s, 4)
}
closed_text! {
    /// An enrolment code: five groups of five letters and digits without the look-alikes 0, 1, i, l, o.
    EnrollCode, "enrolment code", "five groups of five, such as abcde-fghjk-mnpqr-stuvw-xyz23",
    "^[a-hjkmnp-z2-9]{5}(-[a-hjkmnp-z2-9]{5}){4}$", is_enroll_code
}

fn is_enroll_code(s: &str) -> bool {
    let groups: Vec<&str> = s.split('-').collect();
    let good =
        |b: u8| (b.is_ascii_lowercase() && !matches!(b, b'i' | b'l' | b'o')) || matches!(b, b'2'..=b'9');
    groups.len() == 5 && groups.iter().all(|g| g.len() == 5 && g.bytes().all(good))
}

impl EnrollCode {
    /// The letters and digits a code is made of, for whoever makes one.
    pub const ALPHABET: &'static [u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
}

impl UsbId {
    /// The id as the number that the bus uses.
    pub fn from_number(n: u16) -> Self {
        Self(format!("{n:04x}").into())
    }
}

impl Version {
    /// Makes a version from whatever a program calls its version: the leading numbers are kept,
    /// the rest (distribution suffixes, build names) is dropped. `None` if it begins with no number.
    ///
    /// `6.1.0-13-amd64` becomes `6.1.0`, `128.3.1esr` becomes `128.3.1-esr`.
    pub fn from_loose(s: &str) -> Option<Self> {
        let s = s.trim().trim_start_matches(['v', 'V']);
        let end = s.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(s.len());
        let numbers: Vec<&str> =
            s[..end].split('.').take_while(|p| !p.is_empty() && p.len() <= 10).take(6).collect();
        if numbers.is_empty() {
            return None;
        }
        let rest = s[end..].trim_start_matches(['-', '.', '~']);
        let tag = VERSION_TAGS.iter().find_map(|w| {
            let after = rest.strip_prefix(w)?.trim_start_matches('.');
            let n: String = after.chars().take_while(char::is_ascii_digit).take(4).collect();
            Some(format!("-{w}{n}"))
        });
        format!("{}{}", numbers.join("."), tag.unwrap_or_default()).parse().ok()
    }

    /// The numbers, for comparing.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.split('-').next().unwrap_or_default().split('.').filter_map(|p| p.parse().ok())
    }
}

macro_rules! from_bytes {
    ($($name:ident, $n:literal);* $(;)?) => {$(
        impl $name {
            /// Writes the bytes in hex.
            pub fn from_bytes(bytes: [u8; $n]) -> Self {
                Self(hex(&bytes).into())
            }
        }
    )*};
}
from_bytes! { Digest, 32; Hash, 16; DeskId, 16; Epoch, 16; InstanceId, 16; Nonce, 16; PublicKey, 32; BootId, 16 }

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

impl PublicKey {
    /// The key's 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(self.0.as_bytes().chunks_exact(2)) {
            let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_refused() {
        for bad in ["", "A", "a b", "-a", "ä", "a/b", "192.168.1.1", "a\0", &"a".repeat(41)] {
            assert!(bad.parse::<Id>().is_err(), "{bad:?}");
        }
        for bad in ["", "1.", ".1", "1..2", "1.2.3.4.5.6.7", "1-anna", "1.2 ", "12345678901", "1-rc12345"] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
        for bad in ["", "0B0E", "b0e", "0b0e0"] {
            assert!(bad.parse::<UsbId>().is_err(), "{bad:?}");
        }
        assert!("AAAA".repeat(16).parse::<Digest>().is_err());
        assert!("abcde-fghjk-mnpqr-stuvw-xyz23".parse::<EnrollCode>().is_ok());
        assert!("abcde-fghjk-mnpqr-stuvw-xyz20".parse::<EnrollCode>().is_err());
    }

    #[test]
    fn a_refusal_does_not_repeat_the_text() {
        let said = "Anna's AirPods".parse::<Id>().unwrap_err().to_string();
        assert!(!said.contains("Anna"));
    }

    #[test]
    fn loose_versions_keep_only_numbers_and_known_words() {
        let loose = |s| Version::from_loose(s).map(|v| v.to_string());
        assert_eq!(loose("6.1.0-13-amd64").as_deref(), Some("6.1.0"));
        assert_eq!(loose("128.3.1esr").as_deref(), Some("128.3.1-esr"));
        assert_eq!(loose("1:2.0").as_deref(), Some("1"));
        assert_eq!(loose("v1.2-rc.3").as_deref(), Some("1.2-rc3"));
        assert_eq!(loose("trixie"), None);
        assert_eq!(loose(""), None);
    }

    #[test]
    fn a_key_survives_hex() {
        let key: [u8; 32] = std::array::from_fn(|i| (i * 7) as u8);
        assert_eq!(PublicKey::from_bytes(key).to_bytes(), key);
    }
}
