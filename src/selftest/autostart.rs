//! Whether the daemon begins by itself when this user logs on.

use super::{Bench, Check, Found, Said, Why, blocking};
use crate::{
    autostart::{Means, Registered},
    platform,
};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "autostart.registered",
    should: "the daemon begins by itself at logon",
    run: blocking!(registered),
}];

fn registered(_: &Bench) -> Found {
    match platform::autostart::show() {
        Ok(registered) => of(&registered),
        // A Linux without systemd, or a user who is not logged in at the desk itself.
        Err(_) if cfg!(target_os = "linux") => {
            Found::skipped(Why::NotOnThisSystem, "systemd does not answer for this user")
        }
        Err(_) => Found::fail(Said::of("the system could not be asked")),
    }
}

fn of(registered: &[Registered]) -> Found {
    if registered.is_empty() {
        return Found::skipped(Why::NothingThere, "not registered; preshift autostart on does that");
    }
    let was = registered.iter().fold(Said::of("by"), |was, one| {
        // What it starts is a path, and so not said.
        let was = was.with(match one.means {
            Means::Task => "a scheduled task",
            Means::RunKey => "the Run key",
            Means::UserUnit => "a systemd user unit",
            Means::LaunchAgent => "a launch agent",
        });
        if one.enabled { was.with("(on)") } else { was.with("(switched off)") }
    });
    Found::by(registered.iter().any(|one| one.enabled), was)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::Outcome;

    #[test]
    fn what_is_switched_off_fails_and_its_path_is_not_said() {
        let one = |means, enabled| Registered { means, starts: Some("/home/anna/preshift".into()), enabled };
        assert_eq!(of(&[]).result, Outcome::Skipped(Why::NothingThere));
        assert_eq!(of(&[one(Means::UserUnit, false)]).result, Outcome::Fail);
        let found = of(&[one(Means::Task, false), one(Means::RunKey, true)]);
        assert_eq!(found, Found::pass(Said::of("by a scheduled task (switched off) the Run key (on)")));
    }
}
