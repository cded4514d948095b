//! Starting at logon by systemd's manager of this user.
//!
//! A package brings its unit and enables it for everybody; then one agent's `off` is a mask of their own.
//! Without a package the unit is written to the user's folder, and removed again by `off`.

use crate::{
    autostart::{
        Done, Error, Means, Registered,
        file::{read, write},
        unit::{self, Enabled, UNIT},
    },
    platform::tool::{self, DEADLINE, Failed, Output},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The manager of this user's services.
const SYSTEMCTL: &str = "systemctl";

/// Registers a program, and starts it unless a daemon runs already. Blocks.
pub fn on(program: &Path, runs: bool) -> Result<Done, Error> {
    let own = own_unit()?;
    let mut state = state()?;
    if state == Enabled::Masked {
        good(&["unmask", UNIT])?;
        state = self::state()?;
    }
    let ours = read(&own)?.is_some_and(|text| unit::is_ours(&text));
    if state == Enabled::NotFound || ours {
        write(&own, &unit::text(program)?)?;
        good(&["daemon-reload"])?;
    }
    let mut arguments = vec!["enable", UNIT];
    if !runs {
        arguments.insert(1, "--now");
    }
    good(&arguments)?;
    let remark = runs.then(|| "A daemon runs already; systemd starts it from the next logon on.".into());
    Ok(Done { means: Means::UserUnit, remark: remark.filter(|_| !is_active()) })
}

/// Only systemd starts a service of systemd's. Says whether there was another way: there is none.
pub fn start_ourselves(_program: &Path) -> Result<bool, Error> {
    Ok(false)
}

/// Stops what systemd started, and deregisters. Says what was registered. Blocks.
pub fn off() -> Result<Vec<Means>, Error> {
    let own = own_unit()?;
    let before = state()?;
    if matches!(before, Enabled::NotFound | Enabled::Masked) {
        return Ok(Vec::new());
    }
    good(&["disable", "--now", UNIT])?;
    if read(&own)?.is_some_and(|text| unit::is_ours(&text)) {
        fs::remove_file(&own).map_err(Error::file("remove", &own))?;
        good(&["daemon-reload"])?;
    } else if state()? == Enabled::Yes {
        // Enabled for everybody by the package: for this user, no.
        good(&["mask", UNIT])?;
    }
    Ok(if before == Enabled::Yes { vec![Means::UserUnit] } else { Vec::new() })
}

/// What is registered. Blocks.
pub fn show() -> Result<Vec<Registered>, Error> {
    let state = state()?;
    if state == Enabled::NotFound {
        return Ok(Vec::new());
    }
    let path = output(&["show", "--property=FragmentPath", "--value", UNIT])?;
    let starts = Some(path.said.trim().to_owned()).filter(|p| path.is_good() && !p.is_empty());
    Ok(vec![Registered { means: Means::UserUnit, starts, enabled: state == Enabled::Yes }])
}

/// A unit that is masked or cannot be asked for is told apart from one that is missing.
fn state() -> Result<Enabled, Error> {
    let output = output(&["is-enabled", UNIT])?;
    match unit::enabled(&output.said, &output.complained) {
        Enabled::Unclear => Err(no_manager(&output)),
        state => Ok(state),
    }
}

fn is_active() -> bool {
    output(&["is-active", "--quiet", UNIT]).is_ok_and(|o| o.is_good())
}

fn no_manager(output: &Output) -> Error {
    let said = format!("{} {}", output.said.trim(), output.complained.trim());
    Error::Refused(format!(
        "systemd does not answer for this user ({}); log in at the desk itself and try again, or start \
         'preshift run' at logon by your desktop's own means",
        said.trim()
    ))
}

fn output(arguments: &[&str]) -> Result<Output, Failed> {
    tool::run(SYSTEMCTL, &[&["--user"], arguments].concat(), DEADLINE)
}

fn good(arguments: &[&str]) -> Result<(), Failed> {
    let arguments = [&["--user"], arguments].concat();
    tool::run(SYSTEMCTL, &arguments, DEADLINE)?.good(SYSTEMCTL, &arguments).map(drop)
}

/// Where a user's own units are: systemd.unit(5).
fn own_unit() -> Result<PathBuf, Error> {
    let base = directories::BaseDirs::new()
        .ok_or_else(|| Error::Refused("this user has no home folder to keep a unit in".into()))?;
    Ok(base.config_dir().join("systemd/user").join(UNIT))
}
