//! A desk's private key.

use ed25519_dalek::Signer as _;
use std::fmt;
use telemetry::PublicKey;

/// The operating system gave no random numbers, so that no key could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot make a signing key: the operating system gives no random numbers ({0})")]
pub struct KeyError(String);

/// An Ed25519 private key. Its memory is wiped when it is dropped, and it cannot be printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes a new key from the operating system's random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|e| KeyError(e.to_string()))?;
        Ok(Self::from_bytes(&seed))
    }

    /// The key of a seed of 32 bytes.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for keeping the key. The caller wipes it and keeps it where only the desk reads it.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn signature(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_bytes_and_is_never_printed() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_bytes(&key.to_bytes());
        assert_eq!(key.public(), again.public());
        assert_ne!(key.public(), SigningKey::generate().unwrap().public());
        assert_eq!(format!("{key:?}"), "SigningKey(redacted)");
    }
}
