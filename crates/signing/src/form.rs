//! The canonical form: what is signed, and the headers that carry it.

use crate::SigningKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use telemetry::{DeskId, Nonce};

/// Names of the headers that a signature travels in.
pub mod header {
    /// Digest of the body as it travels (RFC 9530).
    pub const CONTENT_DIGEST: &str = "content-digest";
    /// Encoding of the body. Covered by the signature when present; set by whoever sends.
    pub const CONTENT_ENCODING: &str = "content-encoding";
    /// A number that counts up with each request of one daemon.
    pub const SEQUENCE: &str = "preshift-sequence";
    /// What the signature covers, and its parameters.
    pub const SIGNATURE_INPUT: &str = "signature-input";
    /// The signature.
    pub const SIGNATURE: &str = "signature";
}

/// The label of our signature in its two headers.
pub(crate) const LABEL: &str = "preshift=";
/// Sets our signatures apart from those of other protocols made with the same key.
pub(crate) const TAG: &str = "preshift";

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, without query.
    pub path: &'a str,
    /// The body as it travels: compressed, if it is.
    pub body: &'a [u8],
    /// The value of the `content-encoding` header, if one is sent.
    pub content_encoding: Option<&'a str>,
    /// The value of the `preshift-sequence` header.
    pub sequence: u64,
}

/// Signs a request and returns the headers to add to it. `content-encoding` is not among them:
/// the caller sends it with the value given in `request`, or not at all.
pub fn sign(
    key: &SigningKey,
    desk: &DeskId,
    created_s: i64,
    nonce: &Nonce,
    request: &Request<'_>,
) -> Vec<(&'static str, String)> {
    let digest = content_digest(request.body);
    let covered = Covered {
        method: request.method,
        path: request.path,
        content_digest: &digest,
        content_encoding: request.content_encoding,
        sequence: request.sequence,
    };
    // Structured fields (RFC 9651) hold integers of at most 15 digits.
    let created = created_s.clamp(-999_999_999_999_999, 999_999_999_999_999);
    let params = parameters(request.content_encoding.is_some(), created, nonce, desk);
    let signature = key.signature(covered.base(&params).as_bytes());
    vec![
        (header::SEQUENCE, request.sequence.to_string()),
        (header::SIGNATURE_INPUT, format!("{LABEL}{params}")),
        (header::SIGNATURE, format!("{LABEL}:{}:", STANDARD.encode(signature))),
        (header::CONTENT_DIGEST, digest),
    ]
}

/// The values that a signature covers.
pub(crate) struct Covered<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub content_digest: &'a str,
    pub content_encoding: Option<&'a str>,
    pub sequence: u64,
}

impl Covered<'_> {
    /// The signature base of RFC 9421, section 2.5: one line for each component, the last for the parameters.
    pub(crate) fn base(&self, params: &str) -> String {
        let Self { method, path, content_digest, sequence, .. } = self;
        let encoding =
            self.content_encoding.map(|e| format!("\"content-encoding\": {e}\n")).unwrap_or_default();
        format!(
            "\"@method\": {method}\n\"@path\": {path}\n\"content-digest\": {content_digest}\n{encoding}\
             \"preshift-sequence\": {sequence}\n\"@signature-params\": {params}"
        )
    }
}

/// The covered components, in their order.
pub(crate) fn components(encoded: bool) -> &'static str {
    if encoded {
        r#"("@method" "@path" "content-digest" "content-encoding" "preshift-sequence")"#
    } else {
        r#"("@method" "@path" "content-digest" "preshift-sequence")"#
    }
}

/// The signature's parameters, as both the header and the base hold them.
pub(crate) fn parameters(encoded: bool, created: i64, nonce: &Nonce, desk: &DeskId) -> String {
    format!("{};created={created};nonce=\"{nonce}\";keyid=\"{desk}\";tag=\"{TAG}\"", components(encoded))
}

/// The value of the `content-digest` header for a body.
pub(crate) fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}
