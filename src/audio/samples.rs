//! The one type that holds sound.
//!
//! It has a fixed size, is overwritten with every block, is wiped when it is dropped, and can be
//! neither serialized, printed nor copied. Nothing outside this folder can read a sample from
//! it. That it stays so is checked twice: here when it is compiled, and from outside by
//! `tests/samples.rs`.

use zeroize::Zeroize;

/// Samples in one window: 20 ms at 192 kHz. A longer block goes through it in pieces.
pub const WINDOW: usize = 3840;

/// A short window of sound, on its way from the device to the meter.
pub struct Samples {
    window: [f32; WINDOW],
    len: usize,
}

impl Samples {
    /// An empty window.
    #[allow(clippy::new_without_default, reason = "what holds sound is made on purpose, not by default")]
    pub fn new() -> Self {
        Self { window: [0.0; WINDOW], len: 0 }
    }

    /// Takes the first of `channels` from as many whole frames as fit, over what was there
    /// before, and gives back what is left of `source`.
    pub(super) fn fill<'a>(&mut self, source: &'a [f32], channels: usize) -> &'a [f32] {
        let channels = channels.max(1);
        let frames = (source.len() / channels).min(WINDOW);
        for (to, frame) in self.window.iter_mut().zip(source.chunks_exact(channels).take(frames)) {
            *to = frame[0];
        }
        // What the last block left behind its end must not stay.
        if frames < self.len {
            self.window[frames..self.len].zeroize();
        }
        self.len = frames;
        let rest = &source[frames * channels..];
        if rest.len() < channels { &[] } else { rest }
    }

    /// The samples, for the meter only.
    pub(super) fn as_slice(&self) -> &[f32] {
        &self.window[..self.len]
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        self.window.zeroize();
        self.len = 0;
    }
}

/// Stops the build if `Samples` has one of these traits: with it, the name below would be
/// ambiguous.
macro_rules! never {
    ($($name:ident: $bound:path;)+) => {$(
        const _: fn() = || {
            trait $name<A> {
                fn has() {}
            }
            struct Has;
            impl<T: ?Sized> $name<()> for T {}
            impl<T: ?Sized + $bound> $name<Has> for T {}
            let _ = <Samples as $name<_>>::has;
        };
    )+};
}

never! {
    NeverSerialized: serde::Serialize;
    NeverDebugged: std::fmt::Debug;
    NeverDisplayed: std::fmt::Display;
    NeverCloned: Clone;
    NeverRead: AsRef<[f32]>;
    NeverSlice: std::ops::Deref;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_block_leaves_nothing_of_the_longer_one_before() {
        let mut samples = Samples::new();
        assert!(samples.fill(&[0.5; 100], 1).is_empty());
        assert!(samples.fill(&[0.25; 10], 1).is_empty());
        assert_eq!(samples.as_slice(), [0.25; 10]);
        assert!(samples.window[10..].iter().all(|s| *s == 0.0));
    }

    #[test]
    fn only_the_first_channel_and_whole_frames_are_taken() {
        let mut samples = Samples::new();
        assert!(samples.fill(&[1.0, 2.0, 3.0, 4.0, 5.0], 2).is_empty());
        assert_eq!(samples.as_slice(), [1.0, 3.0]);
    }

    #[test]
    fn what_does_not_fit_is_handed_back() {
        let mut samples = Samples::new();
        let long = vec![0.1; WINDOW + 7];
        assert_eq!(samples.fill(&long, 1).len(), 7);
        assert_eq!(samples.as_slice().len(), WINDOW);
    }
}
