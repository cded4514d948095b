//! One signed request and its answer, over HTTPS.
//!
//! Trusts what the operating system trusts, and roots of the desk's own settings. Takes the proxy that the
//! settings or the system name, and none on loopback. Follows no redirect: a signed request goes where
//! it was meant to go. Reads no more of an answer than the wire allows.

use super::{address, backoff::Pace, classify::Trouble};
use crate::{
    config::Proxy,
    identity::{Enrolment, Identity},
    network,
    probe::Clock,
    random::Random,
    supervisor::WireLock,
};
use reqwest::{Method, header};
use rustls::pki_types::CertificateDer;
use signing::SigningKey;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use telemetry::{DeskId, ErrorAnswer, ErrorCode, Nonce, UnixMs, limits};
use url::Url;

/// How the desk reaches its collector.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which proxy web traffic takes.
    pub proxy: Proxy,
    /// Roots that are trusted beside the system's.
    pub roots: Arc<[CertificateDer<'static>]>,
    /// For a connection.
    pub connect: Duration,
    /// For a request and its answer together.
    pub whole: Duration,
    /// What is shared with the probes: nothing is sent while a media stream runs.
    pub wire: WireLock,
    /// How fast it sends and tries again.
    pub pace: Pace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proxy: Proxy::System,
            roots: Arc::new([]),
            connect: Duration::from_secs(10),
            whole: Duration::from_secs(60),
            wire: WireLock::new(),
            pace: Pace::default(),
        }
    }
}

/// Why no client could be made. Nothing in the spool is touched by it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one of a collector.
    #[error(transparent)]
    Address(#[from] address::AddressError),
    /// The system's certificates or the extra roots could not be used.
    #[error("the trusted certificates of this computer could not be used")]
    Roots(#[source] rustls::Error),
    /// The proxy or another setting could not be used.
    #[error("the network settings could not be used")]
    Settings(#[source] reqwest::Error),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer {
    /// In what way.
    pub trouble: Trouble,
    /// Whether it is certain that nothing left the desk.
    pub nothing_left: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The path on the collector.
    pub path: &'static str,
    /// The body as it travels.
    pub body: Vec<u8>,
    /// How the body is encoded.
    pub encoding: Option<&'static str>,
    /// The entity tag that is known.
    pub known: Option<&'a str>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How long the collector asks to wait.
    pub retry_after: Option<Duration>,
    /// The entity tag.
    pub tag: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// From the first byte that left to the answer's head.
    pub round_trip: Duration,
}

impl Answered {
    /// The collector's code, if what answered is a collector.
    pub fn code(&self) -> Option<ErrorCode> {
        serde_json::from_slice::<ErrorAnswer>(&self.body).ok().map(|e| e.error)
    }
}

/// A way to one collector.
pub struct Client {
    base: Url,
    http: reqwest::Client,
}

impl Client {
    /// Makes one. Reads the system's certificates, so it costs a few milliseconds and some memory.
    pub fn new(base: &Url, settings: &Settings) -> Result<Self, ClientError> {
        address::check(base)?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(base, settings)?)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.connect)
            .timeout(settings.whole)
            // One connection at a time is enough, and an idle one is soon let go.
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(20));
        match &settings.proxy {
            _ if address::is_loopback(base) => http = http.no_proxy(),
            Proxy::System => {}
            Proxy::None => http = http.no_proxy(),
            Proxy::Fixed(url) => {
                let proxy = reqwest::Proxy::all(url.clone()).map_err(ClientError::Settings)?;
                http = http.no_proxy().proxy(proxy);
            }
        }
        Ok(Self { base: base.clone(), http: http.build().map_err(ClientError::Settings)? })
    }

    /// Signs and sends one request, and reads its answer.
    pub async fn ask(&self, who: &Signer<'_>, now: UnixMs, ask: Ask<'_>) -> Result<Answered, NoAnswer> {
        let mut url = self.base.clone();
        url.set_path(ask.path);
        let mut request = self.http.request(ask.method.clone(), url);
        for (name, value) in who.sign(now, &ask) {
            request = request.header(name, value);
        }
        if let Some(encoding) = ask.encoding {
            request = request.header(header::CONTENT_ENCODING, encoding);
        }
        if let Some(known) = ask.known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        if !ask.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let began = Instant::now();
        let mut response = request.body(ask.body).send().await.map_err(|e| trouble(&e))?;
        let round_trip = began.elapsed();
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        let retry_after =
            text(header::RETRY_AFTER).and_then(|v| super::backoff::retry_after(v, text(header::DATE)));
        let tag = text(header::ETAG).map(str::to_owned);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| trouble(&e))? {
            if body.len() + chunk.len() > limits::ANSWER {
                return Err(NoAnswer { trouble: Trouble::NotACollector, nothing_left: false });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answered { status, retry_after, tag, body, round_trip })
    }
}

/// Who signs.
pub struct Signer<'a> {
    /// The desk's id.
    pub desk: &'a DeskId,
    /// Its key.
    pub key: &'a SigningKey,
    /// Where requests are counted.
    pub identity: &'a Identity,
    /// For nonces.
    pub random: &'a Random,
}

impl Signer<'_> {
    fn sign(&self, now: UnixMs, ask: &Ask<'_>) -> Vec<(&'static str, String)> {
        let request = signing::Request {
            method: ask.method.as_str(),
            path: ask.path,
            body: &ask.body,
            content_encoding: ask.encoding,
            sequence: self.identity.next_request(),
        };
        let nonce = Nonce::from_bytes(self.random.bytes());
        signing::sign(self.key, self.desk, now.get() / 1_000, &nonce, &request)
    }
}

/// Signs in the desk's name what a probe asks of its collector.
pub fn sign_get(
    enrolment: Arc<Enrolment>,
    identity: Arc<Identity>,
    clock: Clock,
) -> network::responsiveness::Sign {
    Arc::new(move |path| {
        let request = signing::Request {
            method: "GET",
            path,
            body: &[],
            content_encoding: None,
            sequence: identity.next_request(),
        };
        let nonce = Nonce::from_bytes(Random::system().bytes());
        signing::sign(&enrolment.key, &enrolment.desk, clock().get() / 1_000, &nonce, &request)
    })
}

fn tls(base: &Url, settings: &Settings) -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Roots)?;
    // On loopback without encryption no certificate is ever looked at: read none.
    if base.scheme() == "http" {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = network::trust::verifier(&settings.roots, &provider).map_err(ClientError::Roots)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn trouble(error: &reqwest::Error) -> NoAnswer {
    let trouble = if holds_certificate_error(error) {
        Trouble::Certificate
    } else if error.is_connect() {
        Trouble::Unreachable
    } else if error.is_timeout() {
        Trouble::Timeout
    } else {
        Trouble::Interrupted
    };
    NoAnswer { trouble, nothing_left: error.is_connect() }
}

/// Looks behind an error. One of the system hides the one it was made from unless it is asked for it.
fn holds_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<rustls::Error>().is_some_and(is_certificate)
        || error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .is_some_and(|inner| holds_certificate_error(inner))
        || error.source().is_some_and(holds_certificate_error)
}

fn is_certificate(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
}
