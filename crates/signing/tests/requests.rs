//! A signature is accepted for exactly the request it was made for, by every way it can differ.

use signing::{Request, SignatureError, Signed, SigningKey, header, sign};
use std::collections::HashMap;
use telemetry::{DeskId, Nonce, PublicKey};

/// The seed of `test-key-ed25519`, RFC 9421, appendix B.1.4.
const SEED: &str = "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5";
/// Its public key, as the same appendix gives it.
const PUBLIC: &str = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";
const DESK: &str = "00112233445566778899aabbccddeeff";
const NONCE: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const BODY: &[u8] = br#"{"hello": "world"}"#;

fn key() -> SigningKey {
    let public: PublicKey = SEED.parse().unwrap();
    SigningKey::from_bytes(&public.to_bytes())
}

fn report(body: &[u8]) -> Request<'_> {
    Request { method: "POST", path: "/v1/reports", body, content_encoding: Some("zstd"), sequence: 7 }
}

fn signed(request: &Request<'_>) -> HashMap<&'static str, String> {
    let (desk, nonce): (DeskId, Nonce) = (DESK.parse().unwrap(), NONCE.parse().unwrap());
    sign(&key(), &desk, 1_795_300_000, &nonce, request).into_iter().collect()
}

fn parse(headers: &HashMap<&'static str, String>) -> Result<Signed, SignatureError> {
    Signed::parse(|name| headers.get(name).map(String::as_str))
}

/// The signature bases were written out by hand after RFC 9421, section 2.5, and signed with
/// another implementation: `openssl pkeyutl -sign -rawin -in base -inkey key.der -keyform DER`.
#[test]
fn the_form_is_that_of_the_rfc() {
    assert_eq!(key().public().as_str(), PUBLIC);

    let headers = signed(&report(BODY));
    assert_eq!(headers[header::CONTENT_DIGEST], "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    assert_eq!(headers[header::SEQUENCE], "7");
    assert_eq!(
        headers[header::SIGNATURE_INPUT],
        "preshift=(\"@method\" \"@path\" \"content-digest\" \"content-encoding\" \"preshift-sequence\")\
         ;created=1795300000;nonce=\"0f1e2d3c4b5a69788796a5b4c3d2e1f0\"\
         ;keyid=\"00112233445566778899aabbccddeeff\";tag=\"preshift\""
    );
    assert_eq!(
        headers[header::SIGNATURE],
        "preshift=:QASgXxlgWfb4rBgCBYDOjY8yExb4M8rqHCVpwy1adAkL6ZB5ioeWk1SGGDipnC2VVEQan7mTCHbtjsrvKnXxAw==:"
    );

    let empty =
        Request { method: "GET", path: "/v1/assignment", body: b"", content_encoding: None, sequence: 0 };
    assert_eq!(
        signed(&empty)[header::SIGNATURE],
        "preshift=:X6aYZt/Yb4upD6ZiDMkAhkkWPxv3Sj21QvPM3veJc/0Nj8+j3myxZ8CTi09BHpLw1JGUCxk9n+zOYAtfpvOpCw==:"
    );
}

#[test]
fn what_was_signed_is_accepted_and_says_who() {
    let found = parse(&signed(&report(BODY))).unwrap();
    assert_eq!(found.desk().as_str(), DESK);
    assert_eq!(found.nonce().as_str(), NONCE);
    assert_eq!((found.created(), found.sequence()), (1_795_300_000, 7));
    found.verify(&key().public(), "POST", "/v1/reports", Some("zstd"), BODY).unwrap();
}

#[test]
fn another_request_is_refused() {
    let found = parse(&signed(&report(BODY))).unwrap();
    let key = key().public();
    let verify = |m, p, e, b| found.verify(&key, m, p, e, b).unwrap_err();
    assert_eq!(verify("PUT", "/v1/reports", Some("zstd"), BODY), SignatureError::Mismatch);
    assert_eq!(verify("POST", "/v1/enroll", Some("zstd"), BODY), SignatureError::Mismatch);
    assert_eq!(verify("POST", "/v1/reports", Some("gzip"), BODY), SignatureError::Mismatch);
    assert_eq!(verify("POST", "/v1/reports", None, BODY), SignatureError::Encoding);
    assert_eq!(verify("POST", "/v1/reports", Some("zstd"), b"{}"), SignatureError::Digest);
    let other = SigningKey::generate().unwrap().public();
    let result = found.verify(&other, "POST", "/v1/reports", Some("zstd"), BODY);
    assert_eq!(result, Err(SignatureError::Mismatch));
}

/// Each covered value is changed where it travels; the body stays what its digest says.
#[test]
fn a_changed_header_is_refused() {
    let refused = |name: &'static str, value: String| {
        let mut headers = signed(&report(BODY));
        assert_ne!(headers.insert(name, value).as_ref(), headers.get(name), "nothing was changed");
        parse(&headers)
            .and_then(|s| s.verify(&key().public(), "POST", "/v1/reports", Some("zstd"), BODY))
            .unwrap_err()
    };
    let input = signed(&report(BODY))[header::SIGNATURE_INPUT].clone();
    assert_eq!(refused(header::SEQUENCE, "8".into()), SignatureError::Mismatch);
    for (from, to) in [("created=1", "created=2"), ("\"0f", "\"1f"), ("\"00", "\"01")] {
        assert_eq!(refused(header::SIGNATURE_INPUT, input.replace(from, to)), SignatureError::Mismatch);
    }
    let unencoded = input.replace(" \"content-encoding\"", "");
    assert_eq!(refused(header::SIGNATURE_INPUT, unencoded), SignatureError::Encoding);
    let digest = signed(&report(b"{}"))[header::CONTENT_DIGEST].clone();
    assert_eq!(refused(header::CONTENT_DIGEST, digest), SignatureError::Digest);
}

#[test]
fn hostile_headers_are_refused_by_name() {
    let malformed = |name: &'static str, value: &str| {
        let mut headers = signed(&report(BODY));
        headers.insert(name, value.into());
        assert_eq!(parse(&headers), Err(SignatureError::Malformed(name)), "{value:?}");
    };
    let good = signed(&report(BODY))[header::SIGNATURE_INPUT].clone();
    for bad in ["", "7 ", "+7", "-7", "07", "0x7", "7.0", "18446744073709551616", "seven"] {
        malformed(header::SEQUENCE, bad);
    }
    for bad in ["", "preshift", "preshift=()", "sig=()", "preshift=(\"@method\")", &"(".repeat(60_000)] {
        malformed(header::SIGNATURE_INPUT, bad);
    }
    for (from, to) in [
        ("preshift=(", "other=("),
        ("tag=\"preshift\"", "tag=\"other\""),
        ("tag=\"preshift\"", "tag=\"preshift\";alg=\"none\""),
        (";tag=\"preshift\"", ""),
        ("\"@method\" \"@path\"", "\"@path\" \"@method\""),
        ("created=1795300000", "created=01795300000"),
        ("created=1795300000", "created=-0"),
        ("created=1795300000", "created=9999999999999999"),
        ("created=1795300000", "created="),
        (NONCE, "short"),
        (DESK, "ANNA"),
        ("preshift=", "preshift=("),
    ] {
        malformed(header::SIGNATURE_INPUT, &good.replacen(from, to, 1));
    }
    for bad in ["", "preshift=", "preshift=::", "preshift=:AAAA:", "preshift=:@@@@:", "sig=:AAAA:"] {
        malformed(header::SIGNATURE, bad);
    }
    for bad in ["", "sha-256=", "sha-256=:AAAA:", "sha-512=:AAAA:", "md5=:AAAA:"] {
        malformed(header::CONTENT_DIGEST, bad);
    }
    for name in [header::SEQUENCE, header::SIGNATURE_INPUT, header::SIGNATURE, header::CONTENT_DIGEST] {
        let mut headers = signed(&report(BODY));
        headers.remove(name);
        assert_eq!(parse(&headers), Err(SignatureError::Missing(name)));
    }
}

/// Under a key of small order one signature fits many messages: such keys must not be usable.
#[test]
fn weak_keys_are_refused() {
    let found = parse(&signed(&report(BODY))).unwrap();
    for bytes in [[0; 32], std::array::from_fn(|i| u8::from(i == 0))] {
        let weak = PublicKey::from_bytes(bytes);
        assert!(found.verify(&weak, "POST", "/v1/reports", Some("zstd"), BODY).is_err());
    }
}

#[test]
fn an_error_repeats_nothing_of_the_request() {
    for error in [SignatureError::Malformed(header::SIGNATURE), SignatureError::Mismatch] {
        assert!(!error.to_string().contains(DESK));
    }
}

proptest::proptest! {
    #[test]
    fn every_request_verifies_and_every_flipped_byte_is_noticed(
        body in proptest::collection::vec(0u8.., 1..300),
        sequence in 0u64..,
        created in -999_999_999_999_999i64..=999_999_999_999_999,
        encoded: bool,
        at in 0usize..300,
    ) {
        let (desk, nonce): (DeskId, Nonce) = (DESK.parse().unwrap(), NONCE.parse().unwrap());
        let encoding = encoded.then_some("zstd");
        let request =
            Request { method: "POST", path: "/v1/reports", body: &body, content_encoding: encoding, sequence };
        let headers: HashMap<_, _> = sign(&key(), &desk, created, &nonce, &request).into_iter().collect();
        let found = parse(&headers).unwrap();
        proptest::prop_assert_eq!((found.created(), found.sequence()), (created, sequence));
        let verify = |body: &[u8]| found.verify(&key().public(), "POST", "/v1/reports", encoding, body);
        proptest::prop_assert_eq!(verify(&body), Ok(()));
        let mut other = body.clone();
        let at = at % other.len();
        other[at] ^= 1;
        proptest::prop_assert_eq!(verify(&other), Err(SignatureError::Digest));
    }

    #[test]
    fn no_header_makes_the_parser_panic(input in ".{0,200}", signature in ".{0,100}", digest in ".{0,80}") {
        let value = |name: &str| match name {
            header::SIGNATURE_INPUT => Some(input.as_str()),
            header::SIGNATURE => Some(signature.as_str()),
            header::CONTENT_DIGEST => Some(digest.as_str()),
            _ => Some("1"),
        };
        proptest::prop_assert!(Signed::parse(value).is_err());
    }
}
