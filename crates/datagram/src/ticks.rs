//! Windows stamps datagrams by its performance counter; everything else here is by the wall clock. How one
//! becomes the other, and which datagrams a stamp is still expected for, as plain functions.
#![cfg_attr(not(windows), allow(dead_code, reason = "only Windows' sockets use this outside its tests"))]

use std::collections::VecDeque;

/// What lies further back is no stamp of this counter: a network card may stamp by a clock of its own.
const OLDEST_S: u64 = 10;
/// A pair of readings that took longer than this is none: the thread was put aside in between.
const WIDEST_NS: u64 = 100_000;

/// The same moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    ticks: u64,
    wall: u64,
    frequency: u64,
    /// By how much the two moments may differ, in nanoseconds.
    pub(crate) error: u64,
}

impl Pair {
    /// The best of several readings: ticks, the wall clock in nanoseconds since 1970, ticks again.
    pub(crate) fn best_of(
        readings: impl IntoIterator<Item = (u64, u64, u64)>,
        frequency: u64,
    ) -> Option<Self> {
        let widths =
            readings.into_iter().filter_map(|(from, wall, to)| Some((to.checked_sub(from)?, from, wall)));
        let (width, from, wall) = widths.min()?;
        let error = nanos(width, frequency)?.div_ceil(2);
        let pair = Self { ticks: from + width / 2, wall, frequency, error };
        (error <= WIDEST_NS).then_some(pair)
    }

    /// A stamp as nanoseconds since 1970; `None` if it cannot be one of a datagram that has just passed.
    pub(crate) fn unix(&self, stamp: u64) -> Option<u64> {
        match self.ticks.checked_sub(stamp) {
            Some(age) if age / self.frequency < OLDEST_S => {
                self.wall.checked_sub(nanos(age, self.frequency)?)
            }
            Some(_) => None,
            // Nothing was stamped after it was read, but for the width of the pair.
            None => {
                let ahead = nanos(stamp - self.ticks, self.frequency)?;
                (ahead <= 2 * self.error + 1_000).then(|| self.wall.saturating_add(ahead))
            }
        }
    }
}

fn nanos(ticks: u64, frequency: u64) -> Option<u64> {
    let nanos = (u128::from(ticks) * 1_000_000_000).checked_div(u128::from(frequency))?;
    u64::try_from(nanos).ok()
}

/// So many datagrams are asked for at a time; what is later than that has no stamp.
const WAITING: usize = 32;
/// After so many without a single stamp the driver gives none, and asking would only cost time.
const GIVE_UP: u32 = 64;

/// The datagrams whose time of leaving is still to be asked for, by their names.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    next: u32,
    waiting: VecDeque<u32>,
    unstamped: u32,
    stamped: bool,
}

impl Outstanding {
    /// The name of the next datagram: its number on this socket.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// It was sent.
    pub(crate) fn sent(&mut self) {
        if self.stamped || self.unstamped < GIVE_UP {
            self.waiting.push_back(self.next);
            if self.waiting.len() > WAITING {
                self.waiting.pop_front();
                self.unstamped += 1;
            }
        } else {
            self.waiting.clear();
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Asks for each that waits, and lets go of those that had an answer.
    pub(crate) fn ask(
        &mut self,
        mut stamp_of: impl FnMut(u32) -> Option<u64>,
        mut each: impl FnMut(u32, u64),
    ) {
        self.waiting.retain(|id| match stamp_of(*id) {
            Some(stamp) => {
                self.stamped = true;
                each(*id, stamp);
                false
            }
            None => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MHZ_10: u64 = 10_000_000;
    const NOW: u64 = 1_767_254_400_000_000_000;

    #[test]
    fn the_closest_readings_pair_the_clocks() {
        let readings = [(1_000, NOW, 1_400), (2_000, NOW + 100_000, 2_008), (3_000, NOW + 200_000, 3_100)];
        let pair = Pair::best_of(readings, MHZ_10).unwrap();
        // Eight ticks of 100 ns wide: the middle is off by 400 ns at most.
        assert_eq!(pair, Pair { ticks: 2_004, wall: NOW + 100_000, frequency: MHZ_10, error: 400 });
        assert_eq!(pair.unix(2_004), Some(NOW + 100_000));
        assert_eq!(pair.unix(1_004), Some(NOW));
        assert_eq!(pair.unix(2_008), Some(NOW + 100_400), "within the width of the pair");
    }

    #[test]
    fn counters_of_any_frequency_are_read() {
        for frequency in [MHZ_10, 3_579_545, 24_000_000, 2_995_200_000, 1_000_000_000] {
            let ticks = 86_400 * 400 * frequency;
            let pair = Pair::best_of([(ticks, NOW, ticks)], frequency).unwrap();
            let stamp = ticks - frequency / 50;
            assert!(pair.unix(stamp).unwrap().abs_diff(NOW - 20_000_000) <= 300, "{frequency}");
        }
    }

    #[test]
    fn what_is_no_stamp_of_this_counter_is_refused() {
        let pair = Pair::best_of([(500 * MHZ_10, NOW, 500 * MHZ_10 + 10)], MHZ_10).unwrap();
        assert!(pair.unix(491 * MHZ_10).is_some());
        for stamp in [490 * MHZ_10, 1, 500 * MHZ_10 + 60_000, 501 * MHZ_10, NOW, u64::MAX] {
            assert_eq!(pair.unix(stamp), None, "{stamp}");
        }
    }

    #[test]
    fn readings_that_say_nothing_make_no_pair() {
        assert_eq!(Pair::best_of([], MHZ_10), None);
        assert_eq!(Pair::best_of([(5, NOW, 6)], 0), None);
        assert_eq!(Pair::best_of([(6, NOW, 5)], MHZ_10), None, "it went backwards");
        assert_eq!(Pair::best_of([(0, NOW, 2_010)], MHZ_10), None, "it took 201 µs");
        assert!(Pair::best_of([(0, NOW, 2_000)], MHZ_10).is_some());
    }

    #[test]
    fn each_datagram_is_asked_for_until_it_has_its_time() {
        let mut outstanding = Outstanding::default();
        for id in 0..3 {
            assert_eq!(outstanding.next(), id);
            outstanding.sent();
        }
        let mut times = Vec::new();
        outstanding.ask(|id| (id != 1).then_some(u64::from(id) * 10), |id, at| times.push((id, at)));
        outstanding.ask(|id| Some(u64::from(id) * 10), |id, at| times.push((id, at)));
        outstanding.ask(|_| panic!("nothing waits"), |_, _| panic!());
        assert_eq!(times, [(0, 0), (2, 20), (1, 10)]);
    }

    #[test]
    fn a_driver_that_never_stamps_is_asked_no_more() {
        let mut outstanding = Outstanding::default();
        let mut asked = 0;
        for _ in 0..1_000 {
            outstanding.sent();
            outstanding.ask(
                |_| {
                    asked += 1;
                    None
                },
                |_, _| panic!(),
            );
        }
        assert_eq!(outstanding.next(), 1_000);
        assert!(asked <= (GIVE_UP as usize + WAITING) * WAITING, "asked {asked} times");
        // One that stamps some is.
        let mut outstanding = Outstanding::default();
        let mut last = 0;
        for _ in 0..1_000 {
            outstanding.sent();
            outstanding.ask(|id| (id % 2 == 0).then_some(1), |id, _| last = id);
        }
        assert_eq!(last, 998);
    }
}
