//! Starting at logon by the task scheduler; where that is forbidden, by the user's Run key.
//!
//! Both start `preshiftw.exe`, which opens no window. What is registered is known by its name alone:
//! another program's task or value of the same name would be taken for ours.

mod run_key;
mod scheduler;
mod spawn;

use super::user::User;
use crate::autostart::{Done, Error, Means, Registered, task};
use run_key::RunKey;
use std::path::Path;

/// What starts the daemon without a window, beside the program.
const LAUNCHER: &str = "preshiftw.exe";

/// Registers a program, and starts it unless a daemon runs already. Blocks.
pub fn on(program: &Path, runs: bool) -> Result<Done, Error> {
    let launcher = program.with_file_name(LAUNCHER);
    if !launcher.is_file() {
        return Err(Error::Missing(launcher));
    }
    let system = Error::file("register", &launcher);
    let user = User::current().and_then(|u| u.sid_text()).map_err(system)?;
    let xml = task::xml(&user, &launcher, env!("CARGO_PKG_VERSION"))?;
    let run_key = RunKey::of_this_user();
    let done = match scheduler::register(xml) {
        Ok(()) => {
            // Not by both: the second daemon would only say that one runs already, at each logon.
            let _ = run_key.remove();
            Done { means: Means::Task, remark: None }
        }
        Err(refused) => {
            run_key.write(&task::command_line(&launcher)?).map_err(|error| {
                Error::Refused(format!(
                    "neither a task nor the Run key could be written ({refused}; {error}); ask IT"
                ))
            })?;
            let remark = format!("A scheduled task was refused ({refused}).");
            Done { means: Means::RunKey, remark: Some(remark) }
        }
    };
    let started = runs || done.means == Means::Task && scheduler::start().is_ok();
    if !started {
        spawn::launcher(&launcher).map_err(Error::file("start", &launcher))?;
    }
    Ok(done)
}

/// Starts the daemon without the scheduler, which may say that it did and did not. Says whether there was
/// such a way. Blocks.
pub fn start_ourselves(program: &Path) -> Result<bool, Error> {
    let launcher = program.with_file_name(LAUNCHER);
    spawn::launcher(&launcher).map_err(Error::file("start", &launcher)).map(|()| true)
}

/// Deregisters. Says what was registered; the daemon goes on. Blocks.
pub fn off() -> Result<Vec<Means>, Error> {
    let mut removed = Vec::new();
    let task = scheduler::remove();
    if matches!(task, Ok(true)) {
        removed.push(Means::Task);
    }
    // Both are tried, whatever becomes of one.
    let value = RunKey::of_this_user().remove();
    if matches!(value, Ok(true)) {
        removed.push(Means::RunKey);
    }
    task.map_err(|e| Error::Refused(format!("the scheduled task could not be removed: {e}")))?;
    value.map_err(|e| Error::Refused(format!("the value of the Run key could not be removed: {e}")))?;
    Ok(removed)
}

/// What is registered. Blocks.
pub fn show() -> Result<Vec<Registered>, Error> {
    let mut registered = Vec::new();
    let task = scheduler::find();
    if let Ok(Some(task)) = &task {
        registered.push(Registered {
            means: Means::Task,
            starts: task::starts(&task.xml),
            enabled: task.enabled,
        });
    }
    let value = RunKey::of_this_user()
        .read()
        .map_err(|e| Error::Refused(format!("the Run key could not be read: {e}")))?;
    registered.extend(value.map(|(starts, enabled)| Registered {
        means: Means::RunKey,
        starts: Some(starts),
        enabled,
    }));
    // Where tasks are forbidden, a value that is there answers the question.
    match task {
        Err(refused) if registered.is_empty() => {
            Err(Error::Refused(format!("the task scheduler could not be asked: {refused}")))
        }
        _ => Ok(registered),
    }
}
