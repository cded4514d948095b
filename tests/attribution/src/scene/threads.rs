//! Threads that serve inside a namespace until the scene is over.

use std::{
    io,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often a thread that waits looks whether the scene is over.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// Ends them when dropped.
#[derive(Default)]
pub struct Threads {
    over: Over,
    running: Vec<JoinHandle<()>>,
}

/// Whether the scene is over.
#[derive(Debug, Clone, Default)]
pub struct Over(Arc<AtomicBool>);

impl Over {
    /// Whether it is.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Threads {
    /// Starts one, which must look at what it is given at least every `PATIENCE`. It is on the far end's side: what keeps
    /// the desk's processors busy must not keep it.
    pub fn start(&mut self, name: &str, work: impl FnOnce(Over) + Send + 'static) -> io::Result<()> {
        let over = self.over.clone();
        let work = move || {
            netshape::be_punctual();
            work(over);
        };
        self.running.push(thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.over.0.store(true, Ordering::Relaxed);
        for thread in self.running.drain(..) {
            // A panic there has been printed, and what it served was missed.
            let _ = thread.join();
        }
    }
}

/// Until there is something to read or to accept, or `PATIENCE` is over.
pub fn wait_for(socket: &impl AsRawFd) {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd that outlives the call.
    unsafe { libc::poll(&raw mut poll, 1, PATIENCE.as_millis() as libc::c_int) };
}
