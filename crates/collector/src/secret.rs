//! Random secrets, and what of them is kept.
//!
//! Codes, tokens and session ids have 120 bits or more from the operating system. Only their SHA-256 is
//! stored: a slow hash protects secrets that people choose, and nobody can guess these.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use telemetry::EnrollCode;

/// The operating system gave no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers: {0}")]
pub struct NoRandom(String);

/// Fills with random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| NoRandom(e.to_string()))?;
    Ok(bytes)
}

/// A new enrolment code.
pub fn enroll_code() -> Result<EnrollCode, NoRandom> {
    let alphabet = EnrollCode::ALPHABET;
    // Bytes from here on are dropped, or the first letters would come more often.
    let fair = 256 - 256 % alphabet.len();
    let mut letters = String::with_capacity(29);
    while letters.len() < 29 {
        for byte in random::<32>()? {
            if usize::from(byte) < fair && letters.len() < 29 {
                letters.push(alphabet[usize::from(byte) % alphabet.len()] as char);
                if letters.len() % 6 == 5 && letters.len() < 29 {
                    letters.push('-');
                }
            }
        }
    }
    Ok(letters.parse().expect("letters of the alphabet in five groups"))
}

/// A new token for the board, or a session's id.
pub fn token() -> Result<String, NoRandom> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A number of seconds between `least` and twice as much, so that desks that were turned away
/// together do not come back together.
pub fn jittered(least: u32) -> u32 {
    // Without random numbers there is no TLS either; a fixed wait is then the least of the worries.
    let random = random::<4>().map(u32::from_le_bytes).unwrap_or(0);
    least + random % (least + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_form_and_differ() {
        let codes: Vec<_> = (0..200).map(|_| enroll_code().unwrap()).collect();
        let mut unique = codes.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), codes.len());
        for letter in EnrollCode::ALPHABET {
            assert!(codes.iter().any(|c| c.as_str().contains(*letter as char)), "{}", *letter as char);
        }
    }

    #[test]
    fn jitter_stays_between_once_and_twice() {
        let waits: Vec<u32> = (0..500).map(|_| jittered(10)).collect();
        assert!(waits.iter().all(|w| (10..=20).contains(w)));
        assert!(waits.iter().any(|w| *w != waits[0]));
    }
}
