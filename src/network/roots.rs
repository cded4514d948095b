//! Certificates that this desk trusts beside the operating system's, from its own settings.
//!
//! Enterprises with an authority of their own need them; the policy can never bring any.

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{io::Read as _, path::Path};

/// Largest file that is read: a company has a handful of roots, not a megabyte of them.
const MAX_BYTES: u64 = 1_000_000;

/// Why a file of roots could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It could not be read.
    #[error("cannot read the certificates in {path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path} holds no PEM certificate that can be used as a root")]
    Bad {
        /// Which file.
        path: String,
    },
}

/// Reads the certificates of a PEM file; at least one, and each usable as a root.
pub fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let name = || path.display().to_string();
    let mut pem = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut pem))
        .map_err(|source| RootsError::Read { path: name(), source })?;
    parse(&pem).ok_or_else(|| RootsError::Bad { path: name() })
}

/// The certificates in PEM text, or nothing if there is none or one cannot be a root.
pub fn parse(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    let mut store = rustls::RootCertStore::empty();
    let usable = found.iter().all(|certificate| store.add(certificate.clone()).is_ok());
    (usable && !found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(parse(b"").is_none());
        assert!(parse(b"\xff\x00garbage").is_none());
        assert!(parse(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_none());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = read(Path::new("/nowhere/roots.pem")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/roots.pem"), "{error}");
    }
}
