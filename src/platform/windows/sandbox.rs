//! Shuts the listening child in, as far as Windows lets a program do it to itself.
//!
//! The child is alone in a job that allows one process, and ends with it; it loads no library from
//! a network share, and no other program's hooks. What is still open: it could write a file or
//! open a socket. Closing that needs a token of low integrity or an app container, which audio
//! capture has to be tried with on a real Windows first.

use crate::audio::wire::{Refused, ShutIn};
use std::{
    fs::File,
    net::{Ipv4Addr, Ipv6Addr, UdpSocket},
    os::windows::process::CommandExt as _,
    path::PathBuf,
    process::Stdio,
    ptr::null,
    time::Duration,
};
use windows_sys::Win32::{
    Foundation::FILETIME,
    System::{
        JobObjects::{
            AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
            JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION, JOBOBJECT_BASIC_LIMIT_INFORMATION,
            JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
        },
        Threading::{
            CREATE_NO_WINDOW, ExitProcess, GetCurrentProcess, GetProcessTimes,
            ProcessExtensionPointDisablePolicy, ProcessImageLoadPolicy, SetProcessMitigationPolicy,
        },
    },
};

/// Why the child is not shut in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the listening child could not be shut in")]
pub struct NotShutIn;

/// No hooks of others, no libraries from elsewhere. Without them it goes on.
pub fn hide() {
    // DisableExtensionPoints; NoRemoteImages and NoLowMandatoryLabelImages: the lowest bits.
    let (extensions, images) = (1u32, 3u32);
    // SAFETY: each policy is a field of 32 bits, which is what is pointed to.
    unsafe {
        SetProcessMitigationPolicy(ProcessExtensionPointDisablePolicy, (&raw const extensions).cast(), 4);
        SetProcessMitigationPolicy(ProcessImageLoadPolicy, (&raw const images).cast(), 4);
    }
}

/// No second process, and no crash dump.
pub fn enter(_readable: &[PathBuf]) -> Result<ShutIn, NotShutIn> {
    // The extended form: the basic one does not take the flag against crash dumps, and refuses the whole.
    let limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
        BasicLimitInformation: JOBOBJECT_BASIC_LIMIT_INFORMATION {
            LimitFlags: JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION,
            ActiveProcessLimit: 1,
            ..Default::default()
        },
        ..Default::default()
    };
    // SAFETY: the job is new and kept until the process ends; the limits outlive the call.
    let done = unsafe {
        let job = CreateJobObjectW(null(), null());
        !job.is_null()
            && SetInformationJobObject(
                job,
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of_val(&limits) as u32,
            ) != 0
            && AssignProcessToJobObject(job, GetCurrentProcess()) != 0
    };
    if done { Ok(ShutIn::default()) } else { Err(NotShutIn) }
}

/// Nothing more can be closed here.
pub fn close() -> Result<(), NotShutIn> {
    Ok(())
}

/// Ends this process.
pub fn exit(code: i32) -> ! {
    // SAFETY: takes a number and does not come back.
    unsafe { ExitProcess(code as u32) }
}

/// Processor time of this process so far.
pub fn processor_time() -> Duration {
    let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: writes into the four above.
    unsafe { GetProcessTimes(GetCurrentProcess(), &mut created, &mut ended, &mut kernel, &mut user) };
    let time = |t: FILETIME| {
        let hundred_ns = u64::from(t.dwHighDateTime) << 32 | u64::from(t.dwLowDateTime);
        Duration::from_micros(hundred_ns / 10)
    };
    time(kernel) + time(user)
}

/// Whether its memory can be read by another process of the same user, and dumped: the first
/// cannot be helped here.
pub fn is_visible() -> (bool, bool) {
    (true, false)
}

/// Tries what a program might do. Whatever works is undone or harmless; what Windows does not have, or
/// what is not tried, counts as not refused. Only the second process is closed here: the job has no room for it.
pub fn try_to_break_out() -> Refused {
    let root = std::env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    let new_file = std::env::temp_dir().join("preshift-must-not-be-here");
    let created = File::options().write(true).create_new(true).open(&new_file).map(drop);
    if created.is_ok() {
        let _ = std::fs::remove_file(&new_file);
    }
    // Its own program, told to say its version: it needs no other, and shows no window.
    let second = std::env::current_exe().and_then(|program| {
        let mut command = std::process::Command::new(program);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.creation_flags(CREATE_NO_WINDOW).spawn()
    });
    let refused = second.is_err();
    if let Ok(mut second) = second {
        let _ = second.kill();
        let _ = second.wait();
    }
    Refused {
        read: std::fs::read(root.join("win.ini")).is_err(),
        write: File::options().write(true).open("NUL").is_err(),
        create: created.is_err(),
        list: std::fs::read_dir(&root).is_err(),
        inet: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err(),
        inet6: UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err(),
        exec: refused,
        fork: refused,
        ..Refused::default()
    }
}
