//! What one of the system's own small programs prints, or nothing.

use crate::platform::tool;
use std::time::Duration;

/// Longest that such a program may take: a reading waits for it.
const DEADLINE: Duration = Duration::from_secs(2);

/// Runs a program of the system, given by its whole path, and returns what it printed. `None` if
/// it failed or took too long; it is then ended. Blocks.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    tool::run(program, arguments, DEADLINE).ok().filter(tool::Output::is_good).map(|output| output.said)
}
