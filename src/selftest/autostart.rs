//! Whether the daemon begins by itself when this user logs on.

use super::{Bench, Check, Found, Why, blocking};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "autostart.registered",
    should: "the daemon begins by itself at logon",
    run: blocking!(registered),
}];

fn registered(_: &Bench) -> Found {
    Found::skipped(Why::NotOnThisSystem, "this build does not know")
}
