//! The registry of Windows as those see it who conclude from it: values by hive, key and name.
//!
//! Which keys are looked at and what their values mean is pure and lives beside each fact; so it
//! runs on every system, against what `reg query` printed on real ones. Reading is
//! `platform::registry`, and there is no writing.

#[cfg(test)]
pub mod export;

use super::Seen;

/// A part of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hive {
    /// The computer's.
    Machine,
    /// This user's.
    User,
}

/// A registry to read, always in its 64-bit view.
pub trait Registry {
    /// A value that is text.
    fn text(&self, hive: Hive, path: &str, name: &str) -> Seen<String>;
    /// A value that is a number of 32 bits.
    fn number(&self, hive: Hive, path: &str, name: &str) -> Seen<u32>;
    /// Whether a key is there.
    fn exists(&self, hive: Hive, path: &str) -> Seen<bool>;
}
