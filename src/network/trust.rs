//! Whom this desk trusts in TLS, and by whose word a certificate was trusted.
//!
//! Owns the verifier of the https probe. It accepts nothing that the operating system would refuse;
//! it only looks closer at what came, to see whether somebody on the way opens encrypted traffic.

mod verifier;

pub use verifier::verifier;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::{Arc, Mutex, PoisonError};
use verifier::built;
use x509_parser::{
    oid_registry::Oid,
    prelude::{FromDer as _, X509Certificate},
};

/// By whose word a certificate was trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// By an authority that this desk's own settings name.
    OwnSettings,
    /// By a public authority.
    Public,
    /// By one that only this computer's store knows: a company's, or a virus scanner's. That alone
    /// does not say whether it is the service's own or stands in between.
    LocalStore,
    /// By nobody: the issuer is unknown here.
    Nobody,
    /// Refused for another reason: expired, for another name, broken.
    Refused,
}

/// What was seen of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// By whose word it was trusted.
    pub word: Word,
    /// Who issued it, as its bytes say. For comparing with others; never leaves the process.
    pub issuer: Vec<u8>,
}

/// The trust of this desk at one moment.
#[derive(Debug)]
pub struct Trust {
    provider: Arc<CryptoProvider>,
    desk: Arc<dyn ServerCertVerifier>,
    own: Option<Arc<WebPkiServerVerifier>>,
    public: Arc<WebPkiServerVerifier>,
}

impl Trust {
    /// Reads the operating system's store; may block.
    pub fn load(extra_roots: &[CertificateDer<'static>]) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let public = built(public_roots(), &provider)?;
        let own = verifier::own(extra_roots, &provider)?;
        // A small Linux without any store: what can be measured is still measured, held to the
        // authorities that browsers trust.
        let desk = verifier(extra_roots, &provider).unwrap_or_else(|_| public.clone());
        Ok(Self { provider, desk, own, public })
    }

    /// The desk's own verifier alone; may block.
    pub fn verifier(extra_roots: &[CertificateDer<'static>]) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        Self::load(extra_roots).map(|trust| trust.desk)
    }

    /// A desk whose operating system trusts exactly these roots.
    #[cfg(test)]
    pub fn of_store(roots: &[CertificateDer<'static>]) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut store = RootCertStore::empty();
        roots.iter().for_each(|root| store.add(root.clone()).unwrap());
        let desk = built(store, &provider).unwrap();
        let public = built(public_roots(), &provider).unwrap();
        Self { provider, desk, own: None, public }
    }

    /// A configuration for one connection, and where it puts what it saw of the certificate.
    pub fn watch(self: &Arc<Self>) -> Result<(ClientConfig, Arc<Watch>), Error> {
        let watch = Arc::new(Watch { trust: self.clone(), seen: Mutex::new(None) });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(watch.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each handshake is a whole one, so that its time means the same every time.
        config.resumption = Resumption::disabled();
        Ok((config, watch))
    }
}

/// Verifies one connection's certificate as the desk does, and remembers what it was.
#[derive(Debug)]
pub struct Watch {
    trust: Arc<Trust>,
    seen: Mutex<Option<Certificate>>,
}

impl Watch {
    /// What was seen, if the server got so far as to show a certificate.
    pub fn seen(&self) -> Option<Certificate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn word(&self, shown: &Shown<'_>, verdict: &Result<ServerCertVerified, Error>) -> Word {
        let by = |verifier: &WebPkiServerVerifier| shown.verify(verifier).is_ok();
        match verdict {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Word::Nobody,
            Err(error) if ends_nowhere(error) => Word::Nobody,
            Err(_) => Word::Refused,
            Ok(_) if self.trust.own.as_deref().is_some_and(by) => Word::OwnSettings,
            // Two witnesses, since either may err: our list of public authorities ages with this
            // program, but every public authority proves that it logged what it issued, because
            // browsers demand it. Whoever stands in between has neither.
            Ok(_) if by(&self.trust.public) || is_logged(shown.end_entity) => Word::Public,
            Ok(_) => Word::LocalStore,
        }
    }
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown { end_entity, intermediates, name, ocsp, now };
        let verdict = shown.verify(&*self.trust.desk);
        let issuer = X509Certificate::from_der(end_entity)
            .map(|(_, certificate)| certificate.issuer().as_raw().to_vec())
            .unwrap_or_default();
        let seen = Certificate { word: self.word(&shown, &verdict), issuer };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.desk.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.desk.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.desk.supported_verify_schemes()
    }
}

/// What a server showed, to be held up to several verifiers.
struct Shown<'a> {
    end_entity: &'a CertificateDer<'a>,
    intermediates: &'a [CertificateDer<'a>],
    name: &'a ServerName<'a>,
    ocsp: &'a [u8],
    now: UnixTime,
}

impl Shown<'_> {
    fn verify(&self, verifier: &dyn ServerCertVerifier) -> Result<ServerCertVerified, Error> {
        verifier.verify_server_cert(self.end_entity, self.intermediates, self.name, self.ocsp, self.now)
    }
}

/// Whether it is Windows' word for a certificate whose issuers lead to no root at all. The verifier passes it on as
/// the system's message, which ends in the number.
fn ends_nowhere(error: &Error) -> bool {
    /// `CERT_E_CHAINING`, 0x800b010a (winerror.h).
    const NUMBER: &str = "(os error -2146762486)";
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    other.0.to_string().contains(NUMBER)
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Whether a certificate carries proofs of being logged (RFC 6962, section 3.3). They are not
/// verified: this is a witness, not a gate.
fn is_logged(certificate: &CertificateDer<'_>) -> bool {
    const PROOFS: Oid<'static> = x509_parser::oid_registry::asn1_rs::oid!(1.3.6.1.4.1.11129.2.4.2);
    X509Certificate::from_der(certificate).is_ok_and(|(_, c)| c.extensions().iter().any(|e| e.oid == PROOFS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_own_word_for_an_unknown_issuer_is_understood() {
        let of = |number| {
            let message = std::io::Error::from_raw_os_error(number).to_string();
            let other = rustls::OtherError(Arc::new(std::io::Error::other(message)));
            ends_nowhere(&Error::InvalidCertificate(CertificateError::Other(other)))
        };
        assert!(of(0x800b_010a_u32 as i32));
        // Expired, and not valid for what it is used for.
        assert!(!of(0x800b_0101_u32 as i32) && !of(0x800b_0110_u32 as i32));
        assert!(!ends_nowhere(&Error::InvalidCertificate(CertificateError::Expired)));
    }
}
