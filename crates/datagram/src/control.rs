//! What control messages say, as plain functions over their bytes.
#![cfg_attr(not(unix), allow(dead_code, reason = "systems without control messages only test this"))]

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
}
