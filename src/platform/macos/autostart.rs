//! Starting at logon by launchd, as an agent of this user's graphical session: launchctl(1).
//!
//! An administrator may have installed the agent for everybody; then nothing is written, and one agent's `off` is
//! launchd's own note that it is disabled for them.

use crate::{
    autostart::{
        Done, Error, Means, Registered,
        agent::{self, LABEL},
        file::{read, write},
    },
    platform::tool::{self, DEADLINE, Failed, Output},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Its place on every macOS.
const LAUNCHCTL: &str = "/bin/launchctl";
/// Where an administrator's installation puts the agent.
const FOR_ALL: &str = "/Library/LaunchAgents/com.preshift.desk.plist";

/// Registers a program, and starts it unless a daemon runs already. Blocks.
pub fn on(program: &Path, runs: bool) -> Result<Done, Error> {
    let for_all = Path::new(FOR_ALL);
    let (file, same) = if for_all.is_file() {
        (for_all.to_owned(), true)
    } else {
        let file = own_file()?;
        let text = agent::plist(program, &log_file()?)?;
        let same = read(&file)?.as_deref() == Some(&text);
        if !same {
            write(&file, &text)?;
        }
        (file, same)
    };
    // Whoever switched it off in the system's settings or by launchctl wants it again now.
    good(&["enable", &service()])?;
    let loaded = is_loaded()?;
    if runs && !(loaded && same) {
        let remark = "A daemon runs already; launchd starts it from the next logon on.";
        return Ok(Done { means: Means::LaunchAgent, remark: Some(remark.into()) });
    }
    if loaded && !same {
        good(&["bootout", &service()])?;
    }
    if !loaded || !same {
        good(&["bootstrap", &domain(), file.to_str().unwrap_or_default()])?;
    } else if !runs {
        good(&["kickstart", &service()])?;
    }
    Ok(Done { means: Means::LaunchAgent, remark: None })
}

/// Only launchd starts a service of launchd's. Says whether there was another way: there is none.
pub fn start_ourselves(_program: &Path) -> Result<bool, Error> {
    Ok(false)
}

/// Stops what launchd started, and deregisters. Says what was registered. Blocks.
pub fn off() -> Result<Vec<Means>, Error> {
    let file = own_file()?;
    let loaded = is_loaded()?;
    if loaded {
        good(&["bootout", &service()])?;
    }
    if Path::new(FOR_ALL).is_file() {
        good(&["disable", &service()])?;
        return Ok(vec![Means::LaunchAgent]);
    }
    match fs::remove_file(&file) {
        Ok(()) => Ok(vec![Means::LaunchAgent]),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Ok(if loaded { vec![Means::LaunchAgent] } else { Vec::new() })
        }
        Err(e) => Err(Error::file("remove", file)(e)),
    }
}

/// What is registered. Blocks.
pub fn show() -> Result<Vec<Registered>, Error> {
    let own = own_file()?;
    let file = if Path::new(FOR_ALL).is_file() { FOR_ALL.into() } else { own };
    let there = file.is_file();
    if !there && !is_loaded()? {
        return Ok(Vec::new());
    }
    let disabled = output(&["print-disabled", &domain()])?;
    let enabled = there && !agent::is_disabled(&disabled.said);
    Ok(vec![Registered { means: Means::LaunchAgent, starts: Some(file.display().to_string()), enabled }])
}

fn is_loaded() -> Result<bool, Error> {
    Ok(output(&["print", &service()])?.is_good())
}

fn domain() -> String {
    // SAFETY: takes nothing and cannot fail.
    format!("gui/{}", unsafe { libc::getuid() })
}

fn service() -> String {
    format!("{}/{LABEL}", domain())
}

fn output(arguments: &[&str]) -> Result<Output, Failed> {
    tool::run(LAUNCHCTL, arguments, DEADLINE)
}

fn good(arguments: &[&str]) -> Result<(), Failed> {
    output(arguments)?.good(LAUNCHCTL, arguments).map(drop)
}

fn own_file() -> Result<PathBuf, Error> {
    Ok(library()?.join("LaunchAgents").join(format!("{LABEL}.plist")))
}

/// In a folder that every user has: launchd makes none.
fn log_file() -> Result<PathBuf, Error> {
    Ok(library()?.join("Logs/Preshift.log"))
}

fn library() -> Result<PathBuf, Error> {
    let base = directories::BaseDirs::new()
        .ok_or_else(|| Error::Refused("this user has no home folder to keep a launch agent in".into()))?;
    Ok(base.home_dir().join("Library"))
}
