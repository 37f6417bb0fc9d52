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
}

impl Peer {
    /// A peer without a certificate.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self { address, certificate: None }
    }

    /// Adds the client's TLS certificate in DER.
    #[must_use]
    pub fn with_certificate(mut self, der: Vec<u8>) -> Self {
        self.certificate = Some(der);
        self
    }
}
