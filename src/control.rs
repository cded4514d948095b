//! The one owner of a desk: a socket or pipe for this user only, and the lock behind it.
//!
//! Whoever measures or changes a desk's state holds the lock: the daemon, or a single command while
//! no daemon runs. So there are never two media streams, two sequences, or a daemon that takes
//! our own self-check for another program on the microphone. Owns the words that a command
//! and the daemon exchange; must not decide what they lead to.

mod client;
mod lines;
mod lock;
mod protocol;
mod server;

pub use client::{Client, ClientError};
pub use lock::{Lock, LockError};
pub use protocol::{
    Answer, Ask, CheckRequest, ConsentUse, Doing, Ended, Next, Refusal, Request, Status, Step, Successor,
    VERSION,
};
pub use server::{Asked, Replies, Server};

#[cfg(test)]
mod tests;
