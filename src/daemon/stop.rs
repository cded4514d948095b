//! How the daemon is told to end, and that it does, whatever hangs.
//!
//! A thread of its own waits for the signal. It tells the daemon's loop, gives it a moment, and
//! then ends the process: a loop that is stuck, a blocked thread or a sound server that never
//! answers cannot delay it. What is on disk is true at every moment, so nothing is lost.

use super::Program;
use std::{io, sync::Arc, thread, time::Duration};
use tokio::sync::{Notify, watch};

/// What an orderly end may take. With what the system needs to deliver a signal and to end a
/// process this stays below three seconds.
pub const GRACE: Duration = Duration::from_millis(2_500);

/// Told when the daemon should end.
#[derive(Debug, Clone)]
pub struct Stop {
    told: watch::Receiver<bool>,
    tell: Arc<Notify>,
}

impl Stop {
    /// Whether the word came.
    pub fn is_requested(&self) -> bool {
        *self.told.borrow()
    }

    /// Waits for the word.
    pub async fn requested(&mut self) {
        // A sender that is gone is a thread that failed: end as well.
        let _ = self.told.wait_for(|stop| *stop).await;
    }

    /// Gives the word, as the system would.
    pub fn now(&self) {
        self.tell.notify_one();
    }
}

/// Watches for the system's word to end. After it the process ends within `GRACE`, by itself or not.
pub fn watch() -> io::Result<Stop> {
    let (to, told) = watch::channel(false);
    let tell = Arc::<Notify>::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Registered before the thread runs, so that a signal that comes at once is not missed.
    let signals = {
        let _inside = runtime.enter();
        Signals::register()?
    };
    let by_command = tell.clone();
    thread::Builder::new().name("stop".into()).stack_size(128 * 1024).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = signals.any() => {}
                () = by_command.notified() => {}
            }
        });
        let _ = to.send(true);
        thread::sleep(GRACE);
        tracing::warn!("something hangs; ending without it");
        std::process::exit(0);
    })?;
    Ok(Stop { told, tell })
}

/// Gives over to another program after so long, if this one hangs while it ends for it. If it was told to end by
/// then, nothing goes on.
pub(super) fn end_within(grace: Duration, program: Program, stop: Stop) {
    let late = move || {
        thread::sleep(grace);
        if stop.is_requested() {
            std::process::exit(0);
        }
        tracing::warn!("something hangs; giving over without it");
        let _ = program.give_over();
        std::process::exit(1);
    };
    // Without the thread it ends as orderly as it can.
    let _ = thread::Builder::new().name("give over".into()).stack_size(128 * 1024).spawn(late);
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // A hang-up is the end of the session that the daemon belongs to.
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()]
            .into_iter()
            .map(signal)
            .collect::<io::Result<Vec<_>>>()
            .map(Self)
    }

    async fn any(mut self) {
        std::future::poll_fn(|cx| {
            let ready = self.0.iter_mut().any(|s| s.poll_recv(cx).is_ready());
            if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

#[cfg(windows)]
struct Signals {
    c: tokio::signal::windows::CtrlC,
    r#break: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    logoff: tokio::signal::windows::CtrlLogoff,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn register() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        Ok(Self {
            c: ctrl_c()?,
            r#break: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    async fn any(mut self) {
        tokio::select! {
            _ = self.c.recv() => {}
            _ = self.r#break.recv() => {}
            _ = self.close.recv() => {}
            _ = self.logoff.recv() => {}
            _ = self.shutdown.recv() => {}
        }
    }
}
