//! Points in time as STAMP carries them, and how far to trust them.

/// Seconds from the NTP epoch (1900) to the Unix epoch.
const NTP_TO_UNIX: u64 = 2_208_988_800;
const NANOS: u64 = 1_000_000_000;

/// How the 64 bits of a timestamp are to be read: the Z bit of the error estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// NTP: seconds and 2⁻³² parts of one. What RFC 8762 asks for by default.
    #[default]
    Ntp,
    /// Truncated PTPv2: seconds and nanoseconds.
    Ptp,
}

/// A point in time: 64 bits whose meaning the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The NTP timestamp of a time in nanoseconds since the Unix epoch. The era after 2036 wraps
    /// round, as NTP means it to.
    pub fn from_unix_nanos(nanos: u64) -> Self {
        let seconds = (nanos / NANOS).wrapping_add(NTP_TO_UNIX) & 0xffff_ffff;
        // Rounded to the nearest part: cut off, a time would lose up to a nanosecond each way.
        let fraction = (((nanos % NANOS) << 32) + NANOS / 2) / NANOS;
        Self((seconds << 32).wrapping_add(fraction))
    }

    /// Nanoseconds from `earlier` to this, right over the change of an era as long as the two are
    /// less than 68 years apart; negative if `earlier` is the later one.
    pub fn nanos_since(self, earlier: Self, format: Format) -> i64 {
        match format {
            Format::Ntp => {
                let parts = self.0.wrapping_sub(earlier.0) as i64;
                ((i128::from(parts) * i128::from(NANOS) + (1 << 31)) >> 32) as i64
            }
            Format::Ptp => {
                let seconds = ((self.0 >> 32) as u32).wrapping_sub((earlier.0 >> 32) as u32) as i32;
                let nanos = i64::from(self.0 as u32) - i64::from(earlier.0 as u32);
                i64::from(seconds) * NANOS as i64 + nanos
            }
        }
    }
}

/// The error estimate of RFC 4656 §4.1.2 with the format bit of RFC 8186.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorEstimate {
    /// The clock is set by an outside source.
    pub synchronized: bool,
    /// How the timestamps beside it are to be read.
    pub format: Format,
    /// The error is `multiplier × 2^(scale − 32)` seconds; six bits.
    pub scale: u8,
    /// Never zero in a packet that is to be believed.
    pub multiplier: u8,
}

impl ErrorEstimate {
    /// A clock that nobody vouches for, good to about a millisecond: enough for differences of
    /// times by the same clock, which is all that Preshift takes from them.
    pub const UNSYNCHRONIZED: Self =
        Self { synchronized: false, format: Format::Ntp, scale: 22, multiplier: 1 };

    /// From the wire.
    pub fn from_bits(bits: u16) -> Self {
        Self {
            synchronized: bits & 0x8000 != 0,
            format: if bits & 0x4000 != 0 { Format::Ptp } else { Format::Ntp },
            scale: (bits >> 8) as u8 & 0x3f,
            multiplier: bits as u8,
        }
    }

    /// For the wire.
    pub fn to_bits(self) -> u16 {
        u16::from(self.synchronized) << 15
            | u16::from(self.format == Format::Ptp) << 14
            | u16::from(self.scale & 0x3f) << 8
            | u16::from(self.multiplier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        // 1970-01-01 in NTP is 2,208,988,800 s; half a second is the top bit of the fraction.
        assert_eq!(Timestamp::from_unix_nanos(0).0, 0x83aa_7e80_0000_0000);
        assert_eq!(Timestamp::from_unix_nanos(500_000_000).0, 0x83aa_7e80_8000_0000);
        // 2036-02-07 06:28:16 is where NTP's first era ends.
        assert_eq!(Timestamp::from_unix_nanos(2_085_978_496 * NANOS).0, 0);
    }

    #[test]
    fn a_difference_is_right_over_the_end_of_an_era() {
        let before = Timestamp::from_unix_nanos(2_085_978_495 * NANOS + 999_000_000);
        let after = Timestamp::from_unix_nanos(2_085_978_496 * NANOS + 1_000_000);
        assert_eq!(after.nanos_since(before, Format::Ntp), 2_000_000);
        assert_eq!(before.nanos_since(after, Format::Ntp), -2_000_000);
    }

    #[test]
    fn ptp_counts_nanoseconds() {
        let (a, b) = (Timestamp(5 << 32 | 999_999_999), Timestamp(6 << 32 | 1));
        assert_eq!(b.nanos_since(a, Format::Ptp), 2);
    }

    #[test]
    fn the_usual_error_is_a_millisecond() {
        let e = ErrorEstimate::UNSYNCHRONIZED;
        let seconds = f64::from(e.multiplier) * 2f64.powi(i32::from(e.scale) - 32);
        assert!((0.0005..0.002).contains(&seconds), "{seconds}");
    }

    proptest! {
        #[test]
        fn a_difference_keeps_the_nanosecond(a in 0u64..4_000_000_000_000_000_000, d in -60_000_000_000i64..60_000_000_000) {
            let b = a.saturating_add_signed(d);
            let difference = Timestamp::from_unix_nanos(b).nanos_since(Timestamp::from_unix_nanos(a), Format::Ntp);
            prop_assert!((difference - (b as i64 - a as i64)).abs() <= 1);
        }

        #[test]
        fn error_estimates_come_back(bits: u16) {
            prop_assert_eq!(ErrorEstimate::from_bits(bits).to_bits(), bits);
        }

        #[test]
        fn any_bits_are_a_time(a: u64, b: u64) {
            Timestamp(a).nanos_since(Timestamp(b), Format::Ntp);
            Timestamp(a).nanos_since(Timestamp(b), Format::Ptp);
        }
    }
}
