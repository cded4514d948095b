//! Reading a signature back from headers, and checking it.

use crate::form::{self, Covered, LABEL, TAG, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use telemetry::{DeskId, Nonce, PublicKey};

/// Why a signature was refused. It names the header and never repeats its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header that belongs to a signature is missing.
    #[error("the request is not signed: the header '{0}' is missing")]
    Missing(&'static str),
    /// A header is not in the canonical form.
    #[error("the header '{0}' is not in the form that Preshift signs")]
    Malformed(&'static str),
    /// The signature does not cover the content encoding that was sent, or covers one that was not.
    #[error("the signature and the header 'content-encoding' do not belong together")]
    Encoding,
    /// The body is not the one that was signed.
    #[error("the body does not match its digest")]
    Digest,
    /// The public key is no valid Ed25519 key.
    #[error("the desk's public key is not a valid Ed25519 key")]
    Key,
    /// The signature is not this key's over this request.
    #[error("the signature does not match the request and the desk's key")]
    Mismatch,
}

/// A signature as it was found in a request's headers. Nothing about it is believed before
/// [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    desk: DeskId,
    created: i64,
    nonce: Nonce,
    sequence: u64,
    /// Whether the content encoding is covered.
    encoded: bool,
    content_digest: String,
    signature: [u8; 64],
}

impl Signed {
    /// Reads a signature; `header` gives a header's value by its lower-case name, and nothing
    /// for a header that is absent or sent twice.
    pub fn parse<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Result<Self, SignatureError> {
        let get = |name| header(name).ok_or(SignatureError::Missing(name));
        let input = get(header::SIGNATURE_INPUT)?;
        let signature = get(header::SIGNATURE)?;
        let digest = get(header::CONTENT_DIGEST)?;
        let sequence = get(header::SEQUENCE)?;

        let bad = |name| SignatureError::Malformed(name);
        let (encoded, created, nonce, desk) = parse_input(input).ok_or(bad(header::SIGNATURE_INPUT))?;
        let signature = signature.strip_prefix(LABEL).and_then(bytes::<64>);
        let signature = signature.ok_or(bad(header::SIGNATURE))?;
        digest.strip_prefix("sha-256=").and_then(bytes::<32>).ok_or(bad(header::CONTENT_DIGEST))?;
        let sequence = plain_number(sequence).ok_or(bad(header::SEQUENCE))?;
        Ok(Self { desk, created, nonce, sequence, encoded, content_digest: digest.into(), signature })
    }

    /// Which desk says that it signed this.
    pub fn desk(&self) -> &DeskId {
        &self.desk
    }

    /// When it was signed, in seconds since 1970 by the desk's clock.
    pub fn created(&self) -> i64 {
        self.created
    }

    /// The random number of this signature.
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// The request's place in the daemon's sequence of requests.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Checks the body against its digest and the signature against the request.
    pub fn verify(
        &self,
        key: &PublicKey,
        method: &str,
        path: &str,
        content_encoding: Option<&str>,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        if content_encoding.is_some() != self.encoded {
            return Err(SignatureError::Encoding);
        }
        if form::content_digest(body) != self.content_digest {
            return Err(SignatureError::Digest);
        }
        let covered = Covered {
            method,
            path,
            content_digest: &self.content_digest,
            content_encoding,
            sequence: self.sequence,
        };
        let base = covered.base(&form::parameters(self.encoded, self.created, &self.nonce, &self.desk));
        let key = VerifyingKey::from_bytes(&key.to_bytes()).map_err(|_| SignatureError::Key)?;
        // Strict: also refuses keys of small order, under which anything would verify.
        key.verify_strict(base.as_bytes(), &Signature::from_bytes(&self.signature))
            .map_err(|_| SignatureError::Mismatch)
    }
}

/// Takes the one canonical form of `signature-input` apart.
fn parse_input(input: &str) -> Option<(bool, i64, Nonce, DeskId)> {
    let input = input.strip_prefix(LABEL)?;
    let strip = |encoded| Some((encoded, input.strip_prefix(form::components(encoded))?));
    let (encoded, rest) = strip(true).or_else(|| strip(false))?;
    let (created, rest) = rest.strip_prefix(";created=")?.split_once(";nonce=\"")?;
    let (nonce, rest) = rest.split_once("\";keyid=\"")?;
    let (desk, rest) = rest.split_once("\";tag=\"")?;
    if rest.strip_suffix('"')? != TAG {
        return None;
    }
    let (minus, digits) = created.strip_prefix('-').map_or((1, created), |d| (-1, d));
    let created = i64::try_from(plain_number(digits).filter(|_| digits.len() <= 15)?).ok()?;
    if minus < 0 && created == 0 {
        return None;
    }
    Some((encoded, minus * created, nonce.parse().ok()?, desk.parse().ok()?))
}

/// A number as `to_string` writes it: no sign, no leading zero, so that there is one way to write it.
fn plain_number(s: &str) -> Option<u64> {
    let canonical = s.bytes().all(|b| b.is_ascii_digit()) && (s == "0" || !s.starts_with('0'));
    if canonical { s.parse().ok() } else { None }
}

/// A byte sequence of a structured field: base64 between colons.
fn bytes<const N: usize>(s: &str) -> Option<[u8; N]> {
    let inner = s.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(inner).ok()?.try_into().ok()
}
