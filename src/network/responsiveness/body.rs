//! What is sent: nothing, or bytes that nothing can compress until a share is used up.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

/// What one frame carries: little, for what is asked beside it waits until it is sent.
const PIECE: u64 = 8 << 10;

/// So many bytes of one direction may still be moved, by all connections together, and so many were.
#[derive(Debug)]
pub struct Share {
    moved: AtomicU64,
    most: u64,
}

impl Share {
    /// Allows so many.
    pub fn new(most: u64) -> Self {
        Self { moved: AtomicU64::new(0), most }
    }

    /// What was moved.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Notes what came; false when it is enough.
    pub fn came(&self, bytes: u64) -> bool {
        self.moved.fetch_add(bytes, Ordering::Relaxed) + bytes < self.most
    }

    /// Takes leave for up to so many.
    fn take(&self, wanted: u64) -> u64 {
        let next = |moved: u64| Some(moved + wanted.min(self.most.saturating_sub(moved)));
        let before = self.moved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(self.most);
        wanted.min(self.most.saturating_sub(before))
    }

    /// Whether it is used up.
    pub fn is_spent(&self) -> bool {
        self.moved() >= self.most
    }
}

/// The body of a request.
#[derive(Debug)]
pub enum Sent {
    /// None.
    Nothing,
    /// As much as the share allows.
    Load(Arc<Share>, Bytes),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self::Load(share, noise) = &*self else { return Poll::Ready(None) };
        match share.take(PIECE.min(noise.len() as u64)) {
            0 => Poll::Ready(None),
            length => Poll::Ready(Some(Ok(Frame::data(noise.slice(..length as usize))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// Bytes for a load.
pub fn noise() -> Bytes {
    let mut bytes = vec![0; PIECE as usize];
    // Without random numbers there would have been no TLS either; zeros still make a load.
    let _ = getrandom::fill(&mut bytes);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_exceeded_by_what_is_sent() {
        let share = Share::new(40_000);
        assert_eq!(
            [share.take(16_384), share.take(16_384), share.take(16_384), share.take(1)],
            [16_384, 16_384, 7_232, 0]
        );
        assert!(share.is_spent() && share.moved() == 40_000);
        let share = Share::new(100);
        assert!(share.came(60) && !share.came(60) && share.moved() == 120);
    }
}
