//! Whom to believe about authenticators.

use std::collections::BTreeMap;
use std::fmt;

use super::error::WebauthnError;

/// Knows the certificates of those who vouch for authenticators.
///
/// # Contract
///
/// Answers from memory: a ceremony waits for it. What has to be fetched is fetched beforehand.
pub trait AttestationTrust: fmt::Debug + Send + Sync {
    /// The certificates, in DER, to one of which the chain of a model of authenticator has to lead; none when nobody is
    /// believed about it. `format` is the name of the attestation's format.
    fn anchors(&self, aaguid: &[u8; 16], format: &str) -> Vec<Vec<u8>>;
}

/// Believes nobody.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoTrust;

impl NoTrust {
    /// Believes nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl AttestationTrust for NoTrust {
    fn anchors(&self, _aaguid: &[u8; 16], _format: &str) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// Believes fixed certificates: of any model with a format, or of one model.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TrustedAnchors {
    of_format: BTreeMap<String, Vec<Vec<u8>>>,
    of_model: BTreeMap<[u8; 16], Vec<Vec<u8>>>,
}

impl TrustedAnchors {
    /// Believes nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes a certificate, in DER, about every model with attestations of a format: the root of Apple for `apple`, of
    /// Google for `android-key`.
    ///
    /// # Errors
    ///
    /// Fails when it is no certificate.
    pub fn with_format(
        mut self,
        format: impl Into<String>,
        certificate: Vec<u8>,
    ) -> Result<Self, WebauthnError> {
        super::certificate::Cert::read(&certificate)?;
        self.of_format.entry(format.into()).or_default().push(certificate);
        Ok(self)
    }

    /// Believes a certificate, in DER, about one model.
    ///
    /// # Errors
    ///
    /// Fails when it is no certificate.
    pub fn with_model(mut self, aaguid: [u8; 16], certificate: Vec<u8>) -> Result<Self, WebauthnError> {
        super::certificate::Cert::read(&certificate)?;
        self.of_model.entry(aaguid).or_default().push(certificate);
        Ok(self)
    }
}

impl AttestationTrust for TrustedAnchors {
    fn anchors(&self, aaguid: &[u8; 16], format: &str) -> Vec<Vec<u8>> {
        let of_format = self.of_format.get(format).into_iter().flatten();
        of_format.chain(self.of_model.get(aaguid).into_iter().flatten()).cloned().collect()
    }
}
