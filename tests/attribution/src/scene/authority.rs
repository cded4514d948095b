//! Who signs the certificates of the lab's servers.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use std::sync::Arc;

/// Certificates on the internet come with a chain of three to five kilobytes. A server whose certificate fits into one packet
/// would hide that long packets are dropped.
const OTHER_NAMES: usize = 90;

/// An authority that the desk trusts.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Pem {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, for the desk to trust.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server, as files.
    pub fn files(&self, name: &str) -> anyhow::Result<Pem> {
        let (params, key) = request(name)?;
        let certificate = params.signed_by(&key, &self.0)?.pem();
        Ok(Pem { certificate, key: key.serialize_pem() })
    }

    /// A server's configuration with a certificate of this authority.
    pub fn config(&self, name: &str) -> anyhow::Result<Arc<ServerConfig>> {
        let (params, key) = request(name)?;
        config(params.signed_by(&key, &self.0)?, &key)
    }
}

/// A server's configuration whose certificate nobody vouches for.
pub fn unknown(name: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let (params, key) = request(name)?;
    config(params.self_signed(&key)?, &key)
}

fn request(name: &str) -> anyhow::Result<(CertificateParams, KeyPair)> {
    let other = |n| format!("another-name-of-this-server-{n:02}.{name}");
    let names = std::iter::once(name.to_owned()).chain((0..OTHER_NAMES).map(other));
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok((params, KeyPair::generate()?))
}

fn config(certificate: rcgen::Certificate, key: &KeyPair) -> anyhow::Result<Arc<ServerConfig>> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Arc::new(config))
}
