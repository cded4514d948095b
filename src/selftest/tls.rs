//! Whom this computer trusts: a server of our own that nobody vouches for must be refused.

use super::{Bench, Check, Found, Said, blocking};
use crate::network::trust::{Trust, Word};
use rcgen::CertifiedKey;
use rustls::{
    CertificateError, Error, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "tls.roots",
        should: "the system hands over the authorities it trusts",
        run: blocking!(system_roots),
    },
    Check {
        name: "tls.stranger",
        should: "a server whose certificate nobody vouches for is refused, as of an unknown issuer",
        run: blocking!(stranger),
    },
    Check {
        name: "tls.own_root",
        should: "a server whose authority the settings name (tls_roots_file) is trusted",
        run: blocking!(own_root),
    },
];

/// Longest wait on the connection to ourselves.
const PATIENCE: Duration = Duration::from_secs(5);

fn system_roots(_: &Bench) -> Found {
    let loaded = rustls_native_certs::load_native_certs();
    let was = Said::of("authorities:")
        .count(loaded.certs.len() as u64)
        .and("stores that could not be read:")
        .count(loaded.errors.len() as u64);
    Found::by(!loaded.certs.is_empty(), was)
}

fn stranger(_: &Bench) -> Found {
    match handshake(false) {
        Ok(Seen { trusted: true, .. }) => Found::fail(Said::of("it was trusted")),
        Ok(Seen { word: Some(Word::Nobody), .. }) => Found::pass(Said::of("refused: unknown issuer")),
        Ok(Seen { word: Some(_), .. }) => Found::fail(Said::of("refused, but for another reason")),
        Ok(Seen { word: None, .. }) => Found::fail(Said::of("the certificate was not looked at")),
        Err(trouble) => trouble.found(),
    }
}

fn own_root(_: &Bench) -> Found {
    match handshake(true) {
        Ok(Seen { trusted: true, word: Some(Word::OwnSettings) }) => {
            Found::pass(Said::of("trusted, by the word of the settings"))
        }
        Ok(Seen { trusted: true, .. }) => Found::fail(Said::of("trusted, but by another word")),
        Ok(Seen { trusted: false, .. }) => Found::fail(Said::of("refused")),
        Err(trouble) => trouble.found(),
    }
}

/// How a handshake went.
struct Seen {
    trusted: bool,
    word: Option<Word>,
}

/// Why there was none.
enum Trouble {
    Certificate,
    Tls,
    Trust(Error),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Trouble {
    fn found(&self) -> Found {
        Found::fail(match self {
            Self::Certificate => Said::of("no certificate could be made for it"),
            Self::Tls => Said::of("TLS could not be set up"),
            Self::Trust(Error::InvalidCertificate(CertificateError::BadEncoding)) => {
                Said::of("the system does not take the authority: bad encoding")
            }
            Self::Trust(_) => Said::of("the system's trust could not be loaded"),
            Self::Io(error) => Said::of("no connection to ourselves").refusal(error),
        })
    }
}

/// One handshake with a server on loopback, whose own certificate is its authority; the desk knows
/// that authority or not.
fn handshake(known: bool) -> Result<Seen, Trouble> {
    let (roots, server) = server()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let serving = thread::spawn(move || {
        let Ok((stream, _)) = listener.accept() else { return };
        let _ = patient(&stream);
        let Ok(connection) = ServerConnection::new(server) else { return };
        let mut stream = StreamOwned::new(connection, stream);
        // The client's word, if it gets so far, and ours.
        let _ = stream.read_exact(&mut [0; 1]);
        let _ = stream.write_all(b"!");
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    let trust = Trust::load(if known { &roots } else { &[] }).map_err(Trouble::Trust)?;
    let (config, watch) = Arc::new(trust).watch().map_err(Trouble::Trust)?;
    let name = ServerName::try_from("localhost").map_err(|_| Trouble::Tls)?;
    let connection = rustls::ClientConnection::new(Arc::new(config), name).map_err(|_| Trouble::Tls)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    patient(&stream)?;
    let mut stream = StreamOwned::new(connection, stream);
    let trusted = stream.write_all(b"?").and_then(|()| stream.read_exact(&mut [0; 1])).is_ok();
    drop(stream);
    let _ = serving.join();
    Ok(Seen { trusted, word: watch.seen().map(|certificate| certificate.word) })
}

fn patient(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// An authority made for this once, and a server with a certificate by it.
fn server() -> Result<(Vec<CertificateDer<'static>>, Arc<ServerConfig>), Trouble> {
    let (authority, leaf) = certificates().map_err(|_| Trouble::Certificate)?;
    let key = PrivateKeyDer::Pkcs8(leaf.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|b| b.with_no_client_auth().with_single_cert(vec![leaf.cert.der().clone()], key))
        .map_err(|_| Trouble::Tls)?;
    Ok((vec![authority], Arc::new(config)))
}

fn certificates() -> Result<(CertificateDer<'static>, CertifiedKey<rcgen::KeyPair>), rcgen::Error> {
    let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    parameters.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "Preshift self-test, trusted by nobody");
    let key = rcgen::KeyPair::generate()?;
    let authority = parameters.self_signed(&key)?;
    let issuer = rcgen::Issuer::new(parameters, key);
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // Apple takes no certificate that is valid for more than 825 days, nor one that does not say for what it is.
    let now = std::time::SystemTime::now();
    parameters.not_before = (now - Duration::from_secs(3600)).into();
    parameters.not_after = (now + Duration::from_secs(86_400)).into();
    let signing_key = rcgen::KeyPair::generate()?;
    let cert = parameters.signed_by(&signing_key, &issuer)?;
    Ok((authority.der().clone(), CertifiedKey { cert, signing_key }))
}
