//! Listening with TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use ciam_core::http::Peer;
use rustls::{
    CipherSuite, ServerConfig, SupportedCipherSuite,
    crypto::CryptoProvider,
    pki_types::UnixTime,
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::verifier::ClientCertificates;

/// The other side of a connection: its address, and its certificate if it has shown one.
#[derive(Clone, Debug)]
pub struct Connection {
    address: SocketAddr,
    certificate: Option<Arc<[u8]>>,
    trusted: bool,
}

impl Connection {
    /// A connection without a certificate.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, certificate: None, trusted: false }
    }

    /// What the libraries are told of it.
    pub fn peer(&self) -> Peer {
        let peer = Peer::new(self.address.ip());
        match &self.certificate {
            None => peer,
            Some(der) if self.trusted => peer.with_trusted_certificate(der.to_vec()),
            Some(der) => peer.with_certificate(der.to_vec()),
        }
    }
}

/// How a server listens.
#[derive(Debug)]
pub enum Listening {
    /// Without TLS: it is terminated in front of it, or everything is on one machine.
    Plain(TcpListener),
    /// With TLS.
    Tls(TlsListener),
}

/// Which cipher suites are spoken. TLS 1.3 with each of its own, and nothing older than TLS 1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suites {
    /// Those of rustls: forward secret, and authenticated.
    #[default]
    Usual,
    /// With TLS 1.2 only those that [RFC 9325, section 4.2](https://www.rfc-editor.org/rfc/rfc9325#section-4.2) recommends, as
    /// [FAPI 2.0, section 5.2.2](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.2.2) demands.
    Recommended,
}

impl Suites {
    fn provider(self) -> CryptoProvider {
        let mut provider = rustls::crypto::ring::default_provider();
        if self == Self::Recommended {
            provider.cipher_suites.retain(|suite| match suite {
                SupportedCipherSuite::Tls13(_) => true,
                SupportedCipherSuite::Tls12(_) => RECOMMENDED.contains(&suite.suite()),
            });
        }
        provider
    }
}

const RECOMMENDED: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// Accepts connections with TLS. Handshakes go on beside each other, so that a slow one holds up nobody.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, Connection)>,
    accepting: JoinHandle<()>,
}

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many connections wait to be served.
const WAITING: usize = 64;

impl TlsListener {
    /// Accepts with the certificate of this server; with `clients` connections are asked for theirs.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, or the listener has no address.
    pub fn new(
        listener: TcpListener,
        key: Arc<CertifiedKey>,
        clients: Option<Arc<ClientCertificates>>,
        suites: Suites,
    ) -> anyhow::Result<Self> {
        let provider = Arc::new(suites.provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(clients.clone()),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let address = listener.local_addr()?;
        let (sender, accepted) = mpsc::channel(WAITING);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let accepting = tokio::spawn(accept_all(listener, acceptor, clients, sender));
        Ok(Self { address, accepted, accepting })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    clients: Option<Arc<ClientCertificates>>,
    sender: mpsc::Sender<(TlsStream<TcpStream>, Connection)>,
) {
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, mostly: it passes.
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let (acceptor, clients, sender) = (acceptor.clone(), clients.clone(), sender.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let connection = connection(address, &stream, clients.as_deref());
                    // Nobody waits for it any more: the server stops.
                    let _stopped = sender.send((stream, connection)).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                Err(_) => tracing::debug!("a handshake took too long"),
            }
        });
    }
}

fn connection(
    address: SocketAddr,
    stream: &TlsStream<TcpStream>,
    clients: Option<&ClientCertificates>,
) -> Connection {
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let trusted = clients.is_some_and(|clients| clients.vouches_for(chain, UnixTime::now()));
    let certificate = chain.first().map(|der| Arc::from(der.as_ref()));
    Connection { address, certificate, trusted }
}

/// A stream of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener for Listening {
    type Io = Box<dyn Stream>;
    type Addr = Connection;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self {
            Self::Plain(listener) => {
                let (stream, address) = Listener::accept(listener).await;
                (Box::new(stream), Connection::new(address))
            }
            Self::Tls(listener) => match listener.accepted.recv().await {
                Some((stream, connection)) => (Box::new(stream), connection),
                // The task that accepts ends with this listener alone.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        let address = match self {
            Self::Plain(listener) => listener.local_addr()?,
            Self::Tls(listener) => listener.address,
        };
        Ok(Connection::new(address))
    }
}

impl Connected<IncomingStream<'_, Listening>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        stream.remote_addr().clone()
    }
}
