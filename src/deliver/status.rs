//! How delivery goes, for people and for the next start.

use super::classify::{Stop, Trouble};
use serde::{Deserialize, Serialize};
use telemetry::UnixMs;

/// How the last deliveries went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// When the collector last answered for reports.
    pub last_success: Option<UnixMs>,
    /// When it last did not, since then.
    pub last_failure: Option<UnixMs>,
    /// Why not.
    pub trouble: Option<Trouble>,
    /// Delivery stopped; the reports stay in the spool.
    pub stopped: Option<Stop>,
    /// Failures since the last success.
    pub failures: u32,
    /// When it will be tried again.
    pub next_try: Option<UnixMs>,
    /// Reports the collector has under the same identity with another content: somebody should look into it.
    pub conflicts: u32,
    /// Reports that were answered for since the store began.
    pub delivered: u64,
    /// An assignment was refused because it is not valid; the one before it is in force.
    pub assignment_refused: Option<String>,
}
