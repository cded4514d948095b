//! Findings about what could not be measured.

use super::{Damping, Entry, Grades};
use telemetry::FaultDomain::Undetermined;
use telemetry::Severity::{Note, Warning};

pub(super) static REQUIRED_READING_MISSING: Entry = Entry {
    title: "Something that is needed could not be checked",
    why: "Without it nobody can say whether calls will work.",
    advice: "Check again. If it stays so, run `preshift doctor` and send what it prints to your IT support.",
    domains: &[Undetermined],
    // The verdict is `unknown` by itself; the severity only keeps it above the notes.
    grades: Grades::always(Warning),
    damping: Damping { raise: 2, of: 3, clear: 1 },
    moot_by: &[],
};

pub(super) static OPTIONAL_READING_MISSING: Entry = Entry {
    title: "Something could not be checked",
    why: "The verdict does not depend on it, but a problem there would not be seen.",
    advice: "There is nothing that you need to do. `preshift doctor` tells what can be checked here.",
    domains: &[Undetermined],
    grades: Grades::always(Note),
    damping: Damping { raise: 2, of: 3, clear: 1 },
    moot_by: &[],
};
