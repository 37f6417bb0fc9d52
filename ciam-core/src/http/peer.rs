//! What the host knows of the other side of the connection.

use std::net::IpAddr;

/// The other side of the connection, as the host knows it. Libraries never read forwarding headers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The client's address: the connection's, or the one that a proxy trusted by the host reported.
    pub address: IpAddr,
    /// The client's TLS certificate in DER, when the connection has one.
    pub certificate: Option<Vec<u8>>,
    /// Whether the host verified the certificate's chain up to an authority that it trusts for clients. A self-signed
    /// certificate is a key and no name: what it says of itself counts for nothing.
    pub certificate_is_trusted: bool,
}

impl Peer {
    /// A peer without a certificate.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self { address, certificate: None, certificate_is_trusted: false }
    }

    /// Adds the client's TLS certificate in DER. The client has its key; that somebody else vouches for it was not verified.
    #[must_use]
    pub fn with_certificate(mut self, der: Vec<u8>) -> Self {
        self.certificate = Some(der);
        self.certificate_is_trusted = false;
        self
    }

    /// Adds the client's TLS certificate in DER, whose chain the host verified up to an authority that it trusts for clients.
    #[must_use]
    pub fn with_trusted_certificate(mut self, der: Vec<u8>) -> Self {
        self.certificate = Some(der);
        self.certificate_is_trusted = true;
        self
    }
}
