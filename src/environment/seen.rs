//! What came of looking for one thing.
//!
//! "Not there" and "could not be read" are two things: the first may be a change, the second
//! never is.

use telemetry::{FactValue, Version, Word};

/// What came of looking for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Is(T),
    /// It is certainly not there.
    Nothing,
    /// It could not be read this time.
    Unreadable,
    /// This system does not have such a thing, or does not tell: nothing is said of it.
    Unsupported,
}

impl<T> Seen<T> {
    /// With the value changed.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Is(value) => Seen::Is(f(value)),
            Self::Nothing => Seen::Nothing,
            Self::Unreadable => Seen::Unreadable,
            Self::Unsupported => Seen::Unsupported,
        }
    }

    /// The value, if it is there.
    pub fn is(self) -> Option<T> {
        if let Self::Is(value) = self { Some(value) } else { None }
    }

    /// A thing that could not be read if it is `None`.
    pub fn or_unreadable(value: Option<T>) -> Self {
        value.map_or(Self::Unreadable, Self::Is)
    }

    /// A thing that is not there if it is `None`.
    pub fn or_nothing(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Is)
    }
}

impl<T: Into<Value>> Seen<T> {
    /// The fact's value; `None` if nothing is to be said.
    pub fn fact(self) -> Option<FactValue> {
        match self {
            Self::Is(value) => Some(value.into().0),
            Self::Nothing => Some(FactValue::Word(Word::None)),
            Self::Unreadable => Some(FactValue::Word(Word::Unknown)),
            Self::Unsupported => None,
        }
    }
}

/// A fact's value, made from what was seen.
pub struct Value(FactValue);

impl From<FactValue> for Value {
    fn from(value: FactValue) -> Self {
        Self(value)
    }
}

impl From<Word> for Value {
    fn from(word: Word) -> Self {
        Self(FactValue::Word(word))
    }
}

impl From<Version> for Value {
    fn from(version: Version) -> Self {
        Self(FactValue::Version(version))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self(FactValue::Flag(flag))
    }
}
