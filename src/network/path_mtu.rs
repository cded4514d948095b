//! The largest packet that gets to a reflector and back, and what holds larger ones up.
//!
//! `search` is pure: it knows a path only by what becomes of a packet of some size. `Reflected` is such a path
//! over a socket: STAMP requests padded to the size, which a reflector answers at the same size.

mod reflected;

pub use reflected::{MtuError, Reflected, measure};

use telemetry::MtuLimit;

/// Every path carries this: less is no path for voice (the least that IPv4's receivers take, RFC 791).
pub const LEAST: u32 = 576;
/// More is not tried: it is what Ethernet carries.
pub const MOST: u32 = 1_500;

/// What became of packets of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// One came back.
    Passed,
    /// None came back.
    Lost,
    /// Our own interface takes no such packets.
    TooLargeHere,
    /// A router on the way said that they are too large.
    TooLargeThere,
}

/// A path.
pub trait Path {
    /// Sends packets of so many bytes, headers and all, until one comes back or it is not worth going on.
    fn pass(&mut self, bytes: u32) -> Tried;
    /// What the system has learnt to pass, if it tells.
    fn learnt(&self) -> Option<u32>;
    /// Whether packets of so many bytes, none of which comes back, get there; `None` if that cannot be told.
    fn arrives(&mut self, bytes: u32) -> Option<bool>;
    /// Whether there is no time left.
    fn over(&self) -> bool;
}

/// The largest packet that passes, and what holds larger ones up. 0 bytes if none came back at all.
pub fn search(path: &mut dyn Path) -> (u32, MtuLimit) {
    if path.pass(LEAST) != Tried::Passed {
        return (0, MtuLimit::Undetermined);
    }
    let mut why = path.pass(MOST);
    if why == Tried::Passed {
        return (MOST, MtuLimit::None);
    }
    let (mut passes, mut fails) = (LEAST, MOST);
    // What a router or the interface said is mostly true; two packets show it.
    let mut hint = path.learnt();
    while fails - passes > 1 && !path.over() {
        let between = |size: &u32| (passes + 1..fails).contains(size);
        let hinted = hint.take().filter(between);
        let size = hinted.unwrap_or(passes.midpoint(fails));
        match path.pass(size) {
            Tried::Passed => {
                passes = size;
                hint = hinted.filter(|h| path.learnt() == Some(*h)).map(|h| h + 1);
            }
            other => {
                (fails, why) = (size, other);
                // It may have been learnt just now.
                hint = path.learnt();
            }
        }
    }
    let limit = match why {
        Tried::TooLargeHere => MtuLimit::Computer,
        Tried::TooLargeThere => MtuLimit::Told,
        // The word came, but after the packet was given up.
        _ if path.learnt().is_some_and(|learnt| learnt == passes) => MtuLimit::Told,
        _ => match path.arrives(fails) {
            Some(true) => MtuLimit::WayBack,
            Some(false) => MtuLimit::BlackHole,
            None => MtuLimit::Undetermined,
        },
    };
    (passes, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A path of whose parts each takes packets up to a size.
    struct Sketch {
        interface: u32,
        told: u32,
        silent: u32,
        back: u32,
        tells_direction: bool,
        learnt: Option<u32>,
        left: u32,
    }

    impl Default for Sketch {
        fn default() -> Self {
            let all = 9_000;
            Self {
                interface: all,
                told: all,
                silent: all,
                back: all,
                tells_direction: true,
                learnt: None,
                left: 60,
            }
        }
    }

    impl Path for Sketch {
        fn pass(&mut self, bytes: u32) -> Tried {
            self.left = self.left.saturating_sub(1);
            match bytes {
                b if b > self.interface => Tried::TooLargeHere,
                b if b > self.silent => Tried::Lost,
                b if b > self.told => {
                    self.learnt = Some(self.told);
                    Tried::TooLargeThere
                }
                b if b > self.back => Tried::Lost,
                _ => Tried::Passed,
            }
        }
        fn learnt(&self) -> Option<u32> {
            self.learnt.or(Some(self.interface))
        }
        fn arrives(&mut self, bytes: u32) -> Option<bool> {
            self.tells_direction.then_some(bytes <= self.silent)
        }
        fn over(&self) -> bool {
            self.left == 0
        }
    }

    fn found(sketch: Sketch) -> (u32, MtuLimit) {
        search(&mut { sketch })
    }

    #[test]
    fn each_kind_of_limit_is_told_from_the_others() {
        assert_eq!(found(Sketch::default()), (1_500, MtuLimit::None));
        assert_eq!(found(Sketch { interface: 1_420, ..Sketch::default() }), (1_420, MtuLimit::Computer));
        assert_eq!(found(Sketch { told: 1_492, ..Sketch::default() }), (1_492, MtuLimit::Told));
        assert_eq!(found(Sketch { silent: 1_400, ..Sketch::default() }), (1_400, MtuLimit::BlackHole));
        assert_eq!(found(Sketch { back: 1_400, ..Sketch::default() }), (1_400, MtuLimit::WayBack));
        let mute = Sketch { silent: 1_400, tells_direction: false, ..Sketch::default() };
        assert_eq!(found(mute), (1_400, MtuLimit::Undetermined));
        assert_eq!(found(Sketch { silent: 500, ..Sketch::default() }), (0, MtuLimit::Undetermined));
        // Of two limits the lower one is what is met.
        assert_eq!(
            found(Sketch { told: 1_492, silent: 1_400, ..Sketch::default() }),
            (1_400, MtuLimit::BlackHole)
        );
        assert_eq!(
            found(Sketch { told: 1_400, interface: 1_450, ..Sketch::default() }),
            (1_400, MtuLimit::Told)
        );
        assert_eq!(found(Sketch { silent: 1_500, ..Sketch::default() }), (1_500, MtuLimit::None));
    }

    #[test]
    fn what_was_learnt_saves_packets_and_a_lie_costs_a_few() {
        let packets = |sketch: Sketch| {
            let mut sketch = Sketch { left: 100, ..sketch };
            let found = search(&mut sketch);
            (found.0, 100 - sketch.left)
        };
        assert_eq!(packets(Sketch { told: 1_492, ..Sketch::default() }), (1_492, 4));
        let lie = Sketch { silent: 1_400, learnt: Some(700), ..Sketch::default() };
        assert!(packets(lie).1 <= 16);
    }

    #[test]
    fn without_time_it_says_what_is_sure() {
        let (bytes, _) = found(Sketch { silent: 1_400, left: 4, ..Sketch::default() });
        assert!((LEAST..=1_400).contains(&bytes), "{bytes}");
    }

    proptest! {
        #[test]
        fn the_size_is_exact(limit in LEAST..=MOST, kind in 0..4, learnt in proptest::option::of(0u32..70_000)) {
            let mut sketch = Sketch { learnt, ..Sketch::default() };
            match kind {
                0 => sketch.interface = limit,
                1 => sketch.told = limit,
                2 => sketch.silent = limit,
                _ => sketch.back = limit,
            }
            prop_assert_eq!(found(sketch).0, limit);
        }
    }
}
