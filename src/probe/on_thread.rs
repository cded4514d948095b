//! Work that blocks, on a thread of its own, which is told when nobody waits for it any more.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tokio::sync::oneshot;

/// rustls and the certificate stores of the systems need far less than half of it.
const STACK: usize = 1 << 20;

/// Does the work and gives what came of it. Dropping the future sets the flag that the work is given.
///
/// # Panics
/// If the work does: its probe's supervisor makes a reading of that.
pub async fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> io::Result<T> {
    let cancel = CancelOnDrop(Arc::new(AtomicBool::new(false)));
    let cancelled = cancel.0.clone();
    let (done, result) = oneshot::channel();
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || {
        // Nobody waits any more if the probe was given up.
        let _ = done.send(work(&cancelled));
    })?;
    match result.await {
        Ok(result) => Ok(result),
        Err(_) => panic!("work on a thread panicked"),
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
