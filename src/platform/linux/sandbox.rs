//! Shuts the listening child in: Landlock, seccomp, no dump, no core.
//!
//! In two steps. `enter` comes first, in a process with one thread: from then on no file can be
//! written, none read but those named, and there are no sockets but local ones. The child then
//! connects to the sound server. `close` comes before the first sample: from then on nothing can
//! be opened and nothing new be connected to, in any thread.

use crate::audio::wire::{Refused, ShutIn};
use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::{
    collections::BTreeMap,
    ffi::{CStr, c_int, c_long},
    path::PathBuf,
    time::Duration,
};

/// Why the child is not shut in. It is not said in more words: the child has nobody to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the listening child could not be shut in")]
pub struct NotShutIn;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// First of all: no other process of this user may look into this one, and it leaves no core.
pub fn hide() {
    // SAFETY: these calls take plain numbers and a pointer to a struct that outlives them.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
}

/// The first step. `readable` are the only files that can still be read. Without seccomp it
/// fails; without Landlock, which older kernels do not have, it goes on and says so.
pub fn enter(readable: &[PathBuf]) -> Result<ShutIn, NotShutIn> {
    let landlock = landlock(readable)?;
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a number and a pointer to the struct above. No file may grow, whoever opened it.
    unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &none) };
    let mut rules = always();
    for call in [libc::SYS_connect, libc::SYS_getpeername, libc::SYS_getsockname, libc::SYS_bind] {
        rules.insert(call, vec![]);
    }
    rules.insert(libc::SYS_socket, when(&[(0, SeccompCmpOp::Eq, libc::AF_UNIX as u64)])?);
    // Reading only; a file that cannot be written is what Landlock refuses too.
    let writing = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND) as u64;
    rules.insert(libc::SYS_openat, when(&[(2, SeccompCmpOp::MaskedEq(writing), 0)])?);
    // For the second step.
    rules.insert(libc::SYS_seccomp, vec![]);
    refuse_clone3()?;
    apply(rules, false)?;
    Ok(ShutIn { landlock, seccomp: true, ..ShutIn::default() })
}

/// The second step, for all threads.
pub fn close() -> Result<(), NotShutIn> {
    apply(always(), true)
}

/// Ends this process at once, without waiting for anything.
pub fn exit(code: i32) -> ! {
    // SAFETY: takes a number and does not come back.
    unsafe { libc::_exit(code) }
}

/// Processor time of this process so far.
pub fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes into the struct above.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.max(0) as u64) + Duration::from_micros(t.tv_usec.max(0) as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Which version is in force; `None` on a kernel without. That it is there and does not work is
/// an error: then the child was never as shut in as it would have to say.
fn landlock(readable: &[PathBuf]) -> Result<Option<u32>, NotShutIn> {
    // The newest that this code was written for; an older kernel gives what it has.
    let abi = ABI::V6;
    let restrict = || {
        let mut ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?;
        for path in readable {
            // One that is gone by now need not be read.
            if let Ok(file) = PathFd::new(path) {
                ruleset = ruleset.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
            }
        }
        ruleset.restrict_self()
    };
    let status = restrict().map_err(|_| NotShutIn)?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::Available { effective_abi, .. }, ruleset)
            if ruleset != RulesetStatus::NotEnforced =>
        {
            Ok(Some((effective_abi as u32).min(abi as u32)))
        }
        (LandlockStatus::NotEnabled | LandlockStatus::NotImplemented, _) => Ok(None),
        _ => Err(NotShutIn),
    }
}

/// What a thread that measures and talks over an open socket needs. Everything else is refused
/// with "not permitted", so that code which only tries something out goes on without it.
fn always() -> Rules {
    let mut rules: Rules = [
        // Talking over what is open.
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_shutdown,
        libc::SYS_getsockopt,
        libc::SYS_setsockopt,
        libc::SYS_close,
        libc::SYS_fcntl,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_lseek,
        // Waiting.
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_eventfd2,
        libc::SYS_ppoll,
        libc::SYS_futex,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_restart_syscall,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        // Memory.
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        // Threads and signals to itself.
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ]
    .into_iter()
    .map(|call| (call, vec![]))
    .collect();
    #[cfg(target_arch = "x86_64")]
    for call in [libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_stat, libc::SYS_lstat] {
        rules.insert(call, vec![]);
    }
    let flag = |n: c_int| n as u64;
    for (call, conditions) in [
        // No memory that can be run.
        (libc::SYS_mmap, [(2, SeccompCmpOp::MaskedEq(flag(libc::PROT_EXEC)), 0)]),
        (libc::SYS_mprotect, [(2, SeccompCmpOp::MaskedEq(flag(libc::PROT_EXEC)), 0)]),
        // Threads, never processes.
        (libc::SYS_clone, [(0, SeccompCmpOp::MaskedEq(flag(libc::CLONE_THREAD)), flag(libc::CLONE_THREAD))]),
        (libc::SYS_ioctl, [(1, SeccompCmpOp::Eq, flag(libc::FIONBIO as c_int))]),
        // Reading limits, not setting them: the third argument is the new one.
        (libc::SYS_prlimit64, [(2, SeccompCmpOp::Eq, 0)]),
    ] {
        if let Ok(rule) = when(&conditions) {
            rules.insert(call, rule);
        }
    }
    let prctl: Vec<SeccompRule> =
        [libc::PR_SET_NAME, libc::PR_GET_DUMPABLE, libc::PR_SET_NO_NEW_PRIVS, PR_SET_VMA]
            .into_iter()
            .filter_map(|option| when(&[(0, SeccompCmpOp::Eq, option as u64)]).ok())
            .flatten()
            .collect();
    rules.insert(libc::SYS_prctl, prctl);
    rules
}

/// Names a piece of memory; newer C libraries do so for each thread's stack.
const PR_SET_VMA: c_int = 0x5356_4d41;

fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<Vec<SeccompRule>, NotShutIn> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .map(|(argument, op, value)| SeccompCondition::new(*argument, Dword, op.clone(), *value))
        .collect();
    Ok(vec![SeccompRule::new(conditions.map_err(|_| NotShutIn)?).map_err(|_| NotShutIn)?])
}

/// `clone3` hides its flags in memory, where no filter can see them. Said to be missing, the C
/// library falls back on `clone`.
fn refuse_clone3() -> Result<(), NotShutIn> {
    let missing = SeccompAction::Errno(libc::ENOSYS as u32);
    install([(libc::SYS_clone3, vec![])].into(), SeccompAction::Allow, missing, false)
}

fn apply(mut rules: Rules, all_threads: bool) -> Result<(), NotShutIn> {
    // Left to the filter above, which says that there is no such call.
    rules.insert(libc::SYS_clone3, vec![]);
    install(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, all_threads)
}

fn install(rules: Rules, other: SeccompAction, these: SeccompAction, all: bool) -> Result<(), NotShutIn> {
    let arch = std::env::consts::ARCH.try_into().map_err(|_| NotShutIn)?;
    let filter = SeccompFilter::new(rules, other, these, arch).map_err(|_| NotShutIn)?;
    let program: seccompiler::BpfProgram = filter.try_into().map_err(|_| NotShutIn)?;
    let applied = if all {
        seccompiler::apply_filter_all_threads(&program)
    } else {
        seccompiler::apply_filter(&program)
    };
    applied.map_err(|_| NotShutIn)
}

/// Whether another process of this user could look into this one, and whether a core file could
/// be written.
pub fn is_visible() -> (bool, bool) {
    let mut core = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    // SAFETY: plain numbers, and a pointer to the struct above.
    unsafe {
        let dumpable = libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
        libc::getrlimit(libc::RLIMIT_CORE, &mut core);
        (dumpable, core.rlim_cur != 0)
    }
}

/// Tries what must not work. Whatever works is undone or harmless.
pub fn try_to_break_out() -> Refused {
    let open = |path: &CStr, flags: c_int| {
        // SAFETY: a terminated string and numbers; a descriptor that comes back is closed.
        refused(unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), flags, 0o600) })
    };
    let socket = |family: c_int| {
        // SAFETY: numbers only.
        refused(unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })
    };
    let new_file = c"/tmp/preshift-must-not-be-here";
    let arguments = [c"/bin/true".as_ptr(), std::ptr::null()];
    let folder = c"/etc";
    let refused_call = |result: c_long| result < 0;
    // SAFETY: each takes numbers, terminated strings and arrays that outlive the call. A process
    // that is forked against all rules ends at once.
    unsafe {
        Refused {
            read: open(c"/etc/passwd", libc::O_RDONLY),
            write: open(c"/dev/null", libc::O_WRONLY),
            create: open(new_file, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL),
            list: open(folder, libc::O_RDONLY | libc::O_DIRECTORY),
            inet: socket(libc::AF_INET),
            inet6: socket(libc::AF_INET6),
            netlink: socket(libc::AF_NETLINK),
            unix: socket(libc::AF_UNIX),
            fork: match libc::fork() {
                0 => libc::_exit(0),
                pid => refused_call(c_long::from(pid)),
            },
            exec: refused_call(c_long::from(libc::execv(arguments[0], arguments.as_ptr()))),
            ptrace: refused_call(libc::syscall(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0)),
            io_uring: refused_call(libc::syscall(libc::SYS_io_uring_setup, 1, std::ptr::null::<u8>())),
            kill: refused_call(c_long::from(libc::kill(libc::getppid(), 0))),
        }
    }
}

fn refused(descriptor: c_int) -> bool {
    if descriptor >= 0 {
        // SAFETY: a descriptor that nobody else knows of.
        unsafe { libc::close(descriptor) };
    }
    descriptor < 0
}
