//! Client certificates at the handshake: one is asked for and none is needed, and whose it is, is decided after.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// Takes every certificate whose key the client proves to have: registered ones are compared as they are (RFC 8705, section
/// 2.2), and names count only where [an authority](Self::vouches_for) vouches for them (section 2.1).
#[derive(Debug)]
pub struct ClientCertificates {
    provider: Arc<CryptoProvider>,
    authorities: Option<Arc<dyn ClientCertVerifier>>,
}

impl ClientCertificates {
    /// With the authorities whose certificates name clients.
    ///
    /// # Errors
    ///
    /// The authorities are none.
    pub fn new(authorities: Option<RootCertStore>) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authorities = match authorities {
            None => None,
            Some(roots) => {
                let roots = Arc::new(roots);
                Some(WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?)
            }
        };
        Ok(Self { provider, authorities })
    }

    /// Whether an authority vouches for a certificate, now.
    pub fn vouches_for(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let (Some(authorities), Some((first, rest))) = (&self.authorities, chain.split_first()) else {
            return false;
        };
        authorities.verify_client_cert(first, rest, now).is_ok()
    }
}

impl ClientCertVerifier for ClientCertificates {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // What it is worth is seen by who asks: the handshake proves the key alone.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
