//! What "ready" means: policies, the judge, the catalogue of findings and their advice.
//!
//! Everything here is pure: no clock, no I/O, no `cfg(target_os)`. Desk and collector both judge
//! with it, so that both come to the same verdict from the same readings.
//!
//! From a finding's code one looks in two places: `catalogue` (words, severity, damping) and
//! the rule of its probe in `rules`; thresholds are rows of `limits`.

mod assignment;
pub mod attribution;
pub mod catalogue;
mod history;
mod judge;
mod last_good;
pub mod limits;
mod policy;
pub mod profile;
mod rules;
pub mod words;

pub use assignment::{Assignment, Shift, ShiftError, ShiftSpan};
pub use attribution::needs_path;
pub use catalogue::explain;
pub use judge::{History, Input, Judgement, judge};
pub use last_good::{Judged, last_good_shift};
pub use policy::{
    Browsers, Endpoint, Host, LoadTest, Microphone, Policy, PolicyError, Reflector, Schedule, SignallingHost,
    StunServer, Targets, TurnServer, is_collector, target_url,
};
pub use rules::needs_longer;
