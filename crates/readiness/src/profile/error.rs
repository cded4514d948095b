//! Why a profile's file is refused, in the words that its author reads: each names the line and the key, what it has,
//! and what it may have.

use crate::PolicyError;

/// Why a profile was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// It is far too long.
    #[error("has {bytes} bytes: a profile has at most {most}")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// What it may have.
        most: usize,
    },
    /// It is no TOML of this form; the text says the line.
    #[error("{0}")]
    Syntax(String),
    /// A value breaks a rule.
    #[error("line {line}: {key} = \"{value}\": {problem}")]
    Rule {
        /// Where.
        line: usize,
        /// Which key.
        key: String,
        /// What it has.
        value: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// What it leads to is no valid policy.
    #[error("in {place}: {error}")]
    Policy {
        /// Which region, in words.
        place: String,
        /// What the policy says.
        error: Box<PolicyError>,
    },
}
