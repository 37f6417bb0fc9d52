//! Clients that authenticate with the certificate of their connection
//! ([RFC 8705, section 2](https://www.rfc-editor.org/rfc/rfc8705#section-2)).

use ciam_core::http::Peer;

use crate::client::ClientAuthentication;
use crate::confirmation::CertificateThumbprint;
use crate::error::ClientAuthError;

/// Whether the connection has the certificate that a registration asks for; one that asks for none is satisfied.
pub(super) fn check(registered: &ClientAuthentication, peer: &Peer) -> Result<(), ClientAuthError> {
    let shown = peer.certificate.as_deref();
    let right = match registered {
        ClientAuthentication::TlsClientAuth { subject } => {
            // Whoever made the certificate wrote the name into it: only an authority's word counts.
            peer.certificate_is_trusted && shown.is_some_and(|der| subject.is_in(der))
        }
        ClientAuthentication::SelfSignedTlsClientAuth { certificates } => {
            shown.is_some_and(|der| certificates.contains(&CertificateThumbprint::of(der)))
        }
        _ => true,
    };
    if right { Ok(()) } else { Err(ClientAuthError::WrongCertificate) }
}
