//! A certificate that nobody vouches for: P-256, for one host.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use time::{Duration, OffsetDateTime};

/// A certificate that nobody vouches for, with its key.
#[derive(Debug)]
pub struct SelfSigned {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl SelfSigned {
    /// For one host name or address, with a new key, for two years.
    ///
    /// # Errors
    ///
    /// The name is none, or there is no key.
    pub fn new(host: &str, now: OffsetDateTime) -> anyhow::Result<Self> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        // The host as clients compare it (RFC 6125): a name, or an address.
        let mut wanted = CertificateParams::new([host.to_owned()])?;
        wanted.distinguished_name = DistinguishedName::new();
        wanted.distinguished_name.push(DnType::CommonName, host);
        wanted.not_before = now - Duration::DAY;
        wanted.not_after = now + Duration::days(730);
        let certificate = wanted.self_signed(&key)?;
        Ok(Self { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The key as PKCS #8 in DER.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}
