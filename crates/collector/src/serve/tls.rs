//! The collector's own certificate.

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::TlsAcceptor;

/// HTTP/2, as TLS names it.
pub(super) const H2: &[u8] = b"h2";

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {what} from {path}: {why}")]
    File {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Certificate and key do not work together.
    #[error("cannot use the certificate {path}: {source}")]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// Makes what accepts TLS connections with this certificate.
pub(super) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let bad = |what, path: &Path, why: String| TlsError::File { what, path: path.into(), why };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| bad("a certificate", cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(bad("a certificate", cert, "the file holds none in PEM form".into()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| bad("a private key", key, e.to_string()))?;
    let pair = |source| TlsError::Pair { path: cert.into(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    // By our own preference: HTTP/2 is spoken only with who offers nothing else, and that is a desk that loads its line.
    config.alpn_protocols = vec![b"http/1.1".to_vec(), H2.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
