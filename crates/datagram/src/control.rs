//! What control messages say, as plain functions over their bytes.
#![cfg_attr(not(unix), allow(dead_code, reason = "Windows tells times by another clock"))]

use std::net::Ipv4Addr;

/// A small number: systems give it as one byte or as an int.
pub(crate) fn small(data: &[u8]) -> Option<u8> {
    match *data {
        [byte] => Some(byte),
        [a, b, c, d, ..] => u8::try_from(i32::from_ne_bytes([a, b, c, d])).ok(),
        _ => None,
    }
}

/// Seconds and a fraction as two native words, `unit` nanoseconds each; zero is "no time".
pub(crate) fn time(data: &[u8], unit: u64) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    let word = |at: usize| {
        let bytes = data.get(at..at + WORD)?.try_into().ok()?;
        Some(usize::from_ne_bytes(bytes) as u64)
    };
    // On a 64-bit macOS the microseconds are an int, padded to a word: its upper half is undefined.
    let fraction = if unit == 1 { word(WORD)? } else { word(WORD)? & 0xffff_ffff };
    let nanos = word(0)?.checked_mul(1_000_000_000)?.checked_add(fraction.checked_mul(unit)?)?;
    (nanos > 0).then_some(nanos)
}

/// Nanoseconds from one reading of a clock to a later one, in ticks of `numer / denom` nanoseconds.
/// None if the first is no time, or later than the second.
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "only macOS stamps in ticks"))]
pub(crate) fn nanos_between(first: u64, second: u64, numer: u32, denom: u32) -> Option<u64> {
    let ticks = second.checked_sub(first).filter(|_| first > 0)?;
    u64::try_from(u128::from(ticks) * u128::from(numer) / u128::from(denom.max(1))).ok()
}

/// The address in an `in_pktinfo` that the datagram was sent to: interface, a local address, the
/// destination in the header. Linux tells the local one that stands for a broadcast; macOS leaves
/// it empty (xnu, `ip_savecontrol` in `bsd/netinet/ip_input.c`), and the destination is what counts.
pub(crate) fn destination(data: &[u8]) -> Option<Ipv4Addr> {
    let at = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(data.get(at..at + 4)?).ok()?));
    let (local, header) = (at(4)?, at(8)?);
    Some(if local.is_unspecified() { header } else { local })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_widths() {
        assert_eq!(small(&[184]), Some(184));
        assert_eq!(small(&64i32.to_ne_bytes()), Some(64));
        assert_eq!(small(&(-1i32).to_ne_bytes()), None);
        assert_eq!(small(&[1, 2]), None);
        assert_eq!(small(&[]), None);
    }

    #[test]
    fn times_and_what_is_none() {
        let of = |s: usize, f: usize| [s.to_ne_bytes(), f.to_ne_bytes()].concat();
        assert_eq!(time(&of(2, 5), 1), Some(2_000_000_005));
        assert_eq!(time(&of(2, 5), 1000), Some(2_000_005_000));
        assert_eq!(time(&of(0, 0), 1), None);
        assert_eq!(time(&of(2, 5)[..9], 1), None);
        assert_eq!(time(&of(usize::MAX, 1), 1), None);
    }

    #[test]
    fn ticks_become_nanoseconds() {
        // Intel counts nanoseconds, Apple silicon 24 million ticks a second.
        assert_eq!(nanos_between(100, 350, 1, 1), Some(250));
        assert_eq!(nanos_between(24_000_000, 48_000_000, 125, 3), Some(1_000_000_000));
        assert_eq!(nanos_between(7, 7, 125, 3), Some(0));
        assert_eq!(nanos_between(8, 7, 1, 1), None, "from the future");
        assert_eq!(nanos_between(0, 7, 1, 1), None, "no time");
        assert_eq!(nanos_between(1, 3, 1, 0), Some(2), "a timebase that cannot be is no panic");
        assert_eq!(nanos_between(1, u64::MAX, u32::MAX, 1), None, "too long");
    }

    #[test]
    fn where_a_datagram_was_sent_to() {
        let of = |local: [u8; 4], header: [u8; 4]| [[1, 0, 0, 0], local, header].concat();
        let linux = of([192, 168, 1, 7], [192, 168, 1, 255]);
        assert_eq!(destination(&linux), Some(Ipv4Addr::new(192, 168, 1, 7)));
        let macos = of([0; 4], [192, 168, 1, 7]);
        assert_eq!(destination(&macos), Some(Ipv4Addr::new(192, 168, 1, 7)));
        assert_eq!(destination(&macos[..11]), None);
        assert_eq!(destination(&[]), None);
    }
}
