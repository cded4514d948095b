//! `preshiftw.exe`: starts `preshift.exe` beside it without a console window.
//!
//! A console program that Windows starts at logon opens a window on the agent's screen; a program of the
//! windowed subsystem does not, but cannot print into a console. So there are two, as with Python
//! (`pythonw.exe`) and Java (`javaw.exe`): `preshift.exe` for people and scripts, and this one for the
//! logon task, the Run key and the installer. It takes the same arguments and ends with the same code.
//!
//! `preshiftw run` also starts the daemon again when it fails, as systemd does on Linux: the task
//! scheduler calls a program failed only if it could not be started at all. It must not know
//! anything else of what the daemon does.

#![cfg_attr(windows, windows_subsystem = "windows")]

mod keep;
mod log;

use keep::{Keeper, Next};
use std::{
    env,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Instant,
};

/// A process with a console that has no window (`CREATE_NO_WINDOW` of Windows' process creation flags).
#[cfg(windows)]
const NO_WINDOW: u32 = 0x0800_0000;
/// Tells the daemon that it is started again when it asks for it.
const KEPT: &str = "PRESHIFT_KEPT";
/// The program could not be started: `EX_UNAVAILABLE` of BSD's `sysexits.h`, as everywhere in Preshift.
const UNAVAILABLE: i32 = 69;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let daemon = arguments.first().is_some_and(|first| first == "run");
    let code = if daemon { keep_running(&arguments) } else { once(&arguments) };
    // Only a byte goes through `ExitCode`; every code of ours is one.
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The daemon, for as long as it should run.
fn keep_running(arguments: &[OsString]) -> i32 {
    let mut keeper = Keeper::default();
    loop {
        let began = Instant::now();
        let code = start(arguments, log::daemon()).unwrap_or(UNAVAILABLE);
        match keeper.after(code, began.elapsed()) {
            Next::End(code) => return code,
            Next::AgainIn(pause) => thread::sleep(pause),
        }
    }
}

/// A command, whose words are kept only if it failed: nobody sees them otherwise.
fn once(arguments: &[OsString]) -> i32 {
    let output = command(arguments).and_then(|mut command| command.output());
    let (code, words) = match output {
        Ok(output) => {
            let words = [&output.stdout[..], &output.stderr[..]].concat();
            (output.status.code().unwrap_or(1), String::from_utf8_lossy(&words).into_owned())
        }
        Err(error) => (UNAVAILABLE, format!("{} cannot be started: {error}\n", program().display())),
    };
    if code != 0 {
        let shown: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
        log::failed(&shown.join(" "), code, &words);
    }
    code
}

fn start(arguments: &[OsString], log: Stdio) -> io::Result<i32> {
    let status = command(arguments)?.env(KEPT, "1").stdout(Stdio::null()).stderr(log).status()?;
    Ok(status.code().unwrap_or(1))
}

fn command(arguments: &[OsString]) -> io::Result<Command> {
    let program = program();
    if !program.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, NO_WINDOW);
    Ok(command)
}

/// The program beside this one.
fn program() -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name(format!("preshift{}", env::consts::EXE_SUFFIX))
}
