//! What an HTTP status means for what is in the spool. One table, pure.
//!
//! Only a 2xx lets data go. A refusal counts as the collector's only if it brings the collector's own
//! code: a proxy, a captive portal or a wrong address answers 403 and 404 just as well, and
//! must neither stop a desk for good nor cost it a report.

use serde::{Deserialize, Serialize};
use telemetry::ErrorCode;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was accepted: read the answer.
    Accept,
    /// Try again later; nothing is lost.
    Again(Trouble),
    /// Try again with less: something in the request is too large or cannot be read.
    Smaller,
    /// Stop until somebody does something about it.
    Stop(Stop),
}

/// Why the last delivery did not succeed, though a later one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No connection: no network, a wrong name, nobody listening.
    Unreachable,
    /// The certificate is not trusted.
    Certificate,
    /// The answer took too long.
    Timeout,
    /// The connection ended before the answer did.
    Interrupted,
    /// The collector is busy, or asks for fewer requests.
    Busy,
    /// The collector failed.
    Server,
    /// What answered is not a collector: a proxy, a sign-in page, another server.
    NotACollector,
    /// The desk's own network settings cannot be used.
    Settings,
    /// The desk's own store failed.
    Store,
}

impl Trouble {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "the collector cannot be reached",
            Self::Certificate => "the collector's certificate is not trusted by this computer",
            Self::Timeout => "the collector took too long to answer",
            Self::Interrupted => "the connection to the collector broke off",
            Self::Busy => "the collector is busy",
            Self::Server => "the collector had a fault",
            Self::NotACollector => {
                "something else than a collector answered, such as a proxy or a sign-in page"
            }
            Self::Settings => "this desk's own network settings cannot be used",
            Self::Store => "the local store failed",
        }
    }
}

/// Why delivery stopped. Reports stay in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The collector does not know this desk, or has revoked it.
    UnknownDesk,
    /// The collector does not accept this desk's signature.
    Signature,
    /// Two computers share this desk's key.
    Cloned,
    /// Collector and desk have no schema version in common.
    Version,
    /// The collector does not understand what this version sends.
    NotUnderstood,
}

impl Stop {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::UnknownDesk => {
                "the collector does not know this desk or has revoked it; ask IT for a new enrolment code"
            }
            Self::Signature => {
                "the collector does not accept this desk's signature; ask IT for a new enrolment code"
            }
            Self::Cloned => {
                "another computer uses this desk's identity; run `preshift unenroll` here and enrol again"
            }
            Self::Version => {
                "this version of Preshift and the collector's do not understand each other; one of them needs an update"
            }
            Self::NotUnderstood => "the collector does not understand what this version of Preshift sends",
        }
    }
}

/// From a status, and the collector's code if the answer brought one, to what to do.
pub fn classify(status: u16, code: Option<ErrorCode>) -> Action {
    use ErrorCode as E;
    match (status, code) {
        (200..=299, _) => Action::Accept,
        (401, Some(E::Signature)) => Action::Stop(Stop::Signature),
        (403, Some(E::UnknownDesk)) => Action::Stop(Stop::UnknownDesk),
        (409, Some(E::ClonedDesk)) => Action::Stop(Stop::Cloned),
        (426, Some(E::Version)) => Action::Stop(Stop::Version),
        (404, Some(E::NotFound)) | (415, Some(E::Encoding)) => Action::Stop(Stop::NotUnderstood),
        (400, Some(E::Malformed)) | (413, Some(E::TooLarge)) => Action::Smaller,
        (408 | 425 | 429 | 503, _) => Action::Again(Trouble::Busy),
        (500..=599, _) => Action::Again(Trouble::Server),
        _ => Action::Again(Trouble::NotACollector),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorCode as E;

    const CODES: [ErrorCode; 13] = [
        E::Malformed,
        E::Signature,
        E::UnknownDesk,
        E::EnrollCode,
        E::NotFound,
        E::DeskTaken,
        E::ClonedDesk,
        E::TooLarge,
        E::Encoding,
        E::Version,
        E::RateLimit,
        E::Busy,
        E::Internal,
    ];

    #[test]
    fn the_table() {
        let table = [
            (200, None, Action::Accept),
            (204, None, Action::Accept),
            (301, None, Action::Again(Trouble::NotACollector)),
            (304, None, Action::Again(Trouble::NotACollector)),
            (400, Some(E::Malformed), Action::Smaller),
            (400, None, Action::Again(Trouble::NotACollector)),
            (401, Some(E::Signature), Action::Stop(Stop::Signature)),
            (401, None, Action::Again(Trouble::NotACollector)),
            (403, Some(E::UnknownDesk), Action::Stop(Stop::UnknownDesk)),
            (403, None, Action::Again(Trouble::NotACollector)),
            (404, Some(E::NotFound), Action::Stop(Stop::NotUnderstood)),
            (404, None, Action::Again(Trouble::NotACollector)),
            (407, None, Action::Again(Trouble::NotACollector)),
            (408, None, Action::Again(Trouble::Busy)),
            (409, Some(E::ClonedDesk), Action::Stop(Stop::Cloned)),
            (409, None, Action::Again(Trouble::NotACollector)),
            (413, Some(E::TooLarge), Action::Smaller),
            (413, None, Action::Again(Trouble::NotACollector)),
            (415, Some(E::Encoding), Action::Stop(Stop::NotUnderstood)),
            (425, None, Action::Again(Trouble::Busy)),
            (426, Some(E::Version), Action::Stop(Stop::Version)),
            (426, None, Action::Again(Trouble::NotACollector)),
            (429, Some(E::RateLimit), Action::Again(Trouble::Busy)),
            (500, Some(E::Internal), Action::Again(Trouble::Server)),
            (502, None, Action::Again(Trouble::Server)),
            (503, Some(E::Busy), Action::Again(Trouble::Busy)),
            (511, None, Action::Again(Trouble::Server)),
        ];
        for (status, code, action) in table {
            assert_eq!(classify(status, code), action, "{status} {code:?}");
        }
    }

    #[test]
    fn only_success_lets_data_go_and_only_a_collector_can_stop_a_desk() {
        for status in 0..=999 {
            for code in CODES.map(Some).into_iter().chain([None]) {
                let action = classify(status, code);
                assert_eq!(action == Action::Accept, (200..300).contains(&status), "{status} {code:?}");
                if code.is_none() || status >= 500 {
                    assert!(!matches!(action, Action::Stop(_) | Action::Smaller), "{status} {code:?}");
                }
            }
        }
    }
}
