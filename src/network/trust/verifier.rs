//! The desk's own verifier: what the operating system trusts, and beside it the roots of this desk's settings.
//!
//! The two are asked one after the other and not mixed into one store. On Windows and macOS the system judges by
//! itself, with its own rules and revocations, and handing it roots of one's own is the part of its
//! interface that differs most between versions.

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::Arc;

/// The desk's verifier. Reads the operating system's store; may block. It fails where there is no store and
/// no root of its own.
pub fn verifier(
    own_roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let system = rustls_platform_verifier::Verifier::new(provider.clone()).map(Arc::new);
    let Some(own) = own(own_roots, provider)? else { return Ok(system?) };
    match system {
        Ok(system) => Ok(Arc::new(Beside { system, own })),
        // A small Linux without any store.
        Err(_) => Ok(own),
    }
}

/// A verifier that trusts the roots of this desk's settings and nothing else; none without any.
pub fn own(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, Error> {
    if roots.is_empty() {
        return Ok(None);
    }
    let mut store = RootCertStore::empty();
    roots.iter().try_for_each(|root| store.add(root.clone()))?;
    built(store, provider).map(Some)
}

/// A verifier that trusts a store.
pub fn built(
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|e| Error::General(e.to_string()))
}

/// The system's word, and beside it that of roots of one's own.
#[derive(Debug)]
struct Beside<S> {
    system: Arc<S>,
    own: Arc<WebPkiServerVerifier>,
}

impl<S: ServerCertVerifier> ServerCertVerifier for Beside<S> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_system = self.system.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let Err(refused) = by_system else { return by_system };
        // What the system knows to be revoked stays refused, whoever issued it.
        if matches!(refused, Error::InvalidCertificate(CertificateError::Revoked)) {
            return Err(refused);
        }
        match self.own.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Ok(verified) => Ok(verified),
            // Not issued by a root of ours: the system's reason is the right one.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(refused),
            Err(by_own) => Err(by_own),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.system.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::testing::Authority;
    use rcgen::KeyPair;

    /// A system that says the same of every certificate.
    #[derive(Debug)]
    struct Says(Result<(), CertificateError>);

    impl ServerCertVerifier for Says {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            self.0.clone().map(|()| ServerCertVerified::assertion()).map_err(Error::InvalidCertificate)
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            unreachable!("no handshake here")
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            unreachable!("no handshake here")
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            Vec::new()
        }
    }

    #[test]
    fn the_system_or_a_root_of_ours_must_vouch_and_what_is_revoked_stays_out() {
        use CertificateError::{Expired, NotValidForName, Revoked, UnknownIssuer};
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (ours, stranger) = (Authority::new("ours"), Authority::new("a stranger"));
        let roots = own(std::slice::from_ref(&ours.root), &provider).unwrap().unwrap();
        let verdict = |says: Result<(), CertificateError>, by: &Authority, of: &str| {
            let beside = Beside { system: Arc::new(Says(says)), own: roots.clone() };
            let certificate = by.certificate(of, &KeyPair::generate().unwrap(), |_| {});
            let name = "here.example".try_into().unwrap();
            match beside.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now()) {
                Ok(_) => None,
                Err(Error::InvalidCertificate(
                    NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Some(NotValidForName),
                Err(Error::InvalidCertificate(why)) => Some(why),
                Err(other) => panic!("{other}"),
            }
        };
        let here = "here.example";
        assert_eq!(verdict(Ok(()), &stranger, here), None);
        assert_eq!(verdict(Err(UnknownIssuer), &ours, here), None);
        assert_eq!(verdict(Err(Expired), &ours, here), None);
        assert_eq!(verdict(Err(Revoked), &ours, here), Some(Revoked));
        assert_eq!(verdict(Err(UnknownIssuer), &stranger, here), Some(UnknownIssuer));
        assert_eq!(verdict(Err(Expired), &stranger, here), Some(Expired));
        assert_eq!(verdict(Err(UnknownIssuer), &ours, "there.example"), Some(NotValidForName));
    }
}
