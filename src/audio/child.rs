//! The short-lived child that hears: the same binary, started again with one hidden word.
//!
//! It reads one request from its standard input, shuts itself in, answers once on its standard
//! output and ends. Its standard input is its lifeline: when the daemon goes, however it goes,
//! the child goes too. It must never be given anything that it does not need.

use super::{
    AudioError, capture,
    wire::{Answer, MAX_BYTES, Refused, Request, SelfTest, ShutIn},
};
use crate::platform::{audio as system, sandbox};
use std::{
    io::{BufRead, Read, Write},
    time::{Duration, Instant},
};

/// The hidden word.
pub const WORD: &str = "audio-child";

/// Longest that a microphone is open, whatever a policy says.
pub const MAX_SECONDS: u32 = 10;

/// A child that is still there after this has lost its way.
const LIFETIME: Duration = Duration::from_secs(MAX_SECONDS as u64 + 20);

/// Becomes the child if that is what this process was started as; otherwise does nothing.
/// `main` calls it before anything else.
pub fn run_if_child() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|word| word != WORD) || arguments.next().is_some() {
        return;
    }
    // A panic's message could hold what was in hand.
    std::panic::set_hook(Box::new(|_| {}));
    let answer = std::panic::catch_unwind(serve).unwrap_or(Answer::Error(AudioError::ChildEnded));
    let mut json = serde_json::to_vec(&answer).unwrap_or_default();
    json.push(b'\n');
    let _ = std::io::stdout().write_all(&json);
    let _ = std::io::stdout().flush();
    // Nothing is dropped: a stream whose server hangs would block for ever.
    sandbox::exit(0);
}

fn serve() -> Answer {
    let started = Instant::now();
    sandbox::hide();
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock().take(MAX_BYTES as u64);
    let read = input.read_until(b'\n', &mut line);
    drop(input);
    let request = match (read, serde_json::from_slice::<Request>(&line)) {
        (Ok(_), Ok(request)) => request,
        _ => return Answer::Error(AudioError::ChildEnded),
    };
    // Before any thread, since Landlock binds only the thread that calls and those it starts.
    system::find_server();
    let Ok(shut_in) = sandbox::enter(&system::readable_files()) else {
        return Answer::Error(AudioError::NotShutIn);
    };
    if watch_lifeline().is_err() {
        return Answer::Error(AudioError::System);
    }
    let answer = match request {
        Request::Inventory { ours } => system::inventory(&ours).map(Answer::Inventory),
        Request::Listen { device, seconds, ours } => {
            let wanted = Duration::from_secs(u64::from(seconds.clamp(1, MAX_SECONDS)));
            capture::listen(device.as_ref(), wanted, &ours, shut_in, started).map(Answer::Noise)
        }
        Request::SelfTest => self_test(shut_in).map(Answer::SelfTest),
    };
    answer.unwrap_or_else(Answer::Error)
}

/// Ends this process when the daemon closes its end of the pipe, or when it has lived too long.
fn watch_lifeline() -> std::io::Result<()> {
    let thread = |name: &str| std::thread::Builder::new().name(name.into()).stack_size(64 * 1024);
    thread("lifeline").spawn(|| {
        let mut byte = [0];
        while let Ok(1..) = std::io::stdin().lock().read(&mut byte) {}
        sandbox::exit(3);
    })?;
    thread("lifetime").spawn(|| {
        std::thread::sleep(LIFETIME);
        sandbox::exit(4);
    })?;
    Ok(())
}

/// Tries to break out, as the test wants to see it.
fn self_test(shut_in: ShutIn) -> Result<SelfTest, AudioError> {
    let at_start = sandbox::try_to_break_out();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let _ = wait.recv();
        sandbox::try_to_break_out()
    });
    sandbox::close().map_err(|_| AudioError::NotShutIn)?;
    let recording = sandbox::try_to_break_out();
    drop(go);
    let other_thread = other.join().unwrap_or(Refused::default());
    let (dumpable, core) = sandbox::is_visible();
    Ok(SelfTest { shut_in, at_start, recording, other_thread, dumpable, core })
}
