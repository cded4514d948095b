//! The way over TLS: whom the desk trusts, and whom it does not.

use crate::{
    deliver::{Settings, classify::Trouble, client::*},
    identity::Identity,
    random::Random,
};
use reqwest::Method;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::{sync::Arc, time::Duration};
use telemetry::{DeskId, UnixMs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

/// A server with a certificate of an authority that nobody else knows; it answers 503 to everything.
async fn server() -> (Url, CertificateDer<'static>) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().der().clone();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ =
                stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: 9\r\n\r\n").await;
        }
    });
    (url, root)
}

async fn ask(url: &Url, settings: &Settings) -> Result<Answered, NoAnswer> {
    let dir = tempfile::tempdir().unwrap();
    let random = Random::system();
    let identity = Identity::open(dir.path(), &random).unwrap();
    let key = signing::SigningKey::generate().unwrap();
    let desk = DeskId::from_bytes([1; 16]);
    let signer = Signer { desk: &desk, key: &key, identity: &identity, random: &random };
    let client = Client::new(url, settings).unwrap();
    let ask =
        Ask { method: Method::GET, path: "/v1/assignment", body: Vec::new(), encoding: None, known: None };
    client.ask(&signer, UnixMs::new(1_800_000_000_000), ask).await
}

fn trusting(roots: &[CertificateDer<'static>]) -> Settings {
    let whole = Duration::from_secs(20);
    Settings { roots: roots.into(), connect: whole, whole, ..Settings::default() }
}

#[tokio::test]
async fn a_root_of_the_desks_own_settings_is_trusted() {
    let (url, root) = server().await;
    let answered = ask(&url, &trusting(&[root])).await.unwrap();
    assert_eq!((answered.status, answered.retry_after), (503, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn another_root_is_not_and_nothing_left() {
    let ((url, _), (_, other)) = (server().await, server().await);
    let no = ask(&url, &trusting(&[other])).await.unwrap_err();
    assert_eq!(no, NoAnswer { trouble: Trouble::Certificate, nothing_left: true });
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_taken() {
    let (mut url, root) = server().await;
    url.set_host(Some("127.0.0.1")).unwrap();
    let no = ask(&url, &trusting(&[root])).await.unwrap_err();
    assert_eq!(no.trouble, Trouble::Certificate);
}
