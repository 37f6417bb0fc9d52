//! Mutual TLS ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)): clients that authenticate with the certificate of their
//! connection, and tokens that are bound to it.
//!
//! The host terminates TLS, asks clients for a certificate, and says in the [`Peer`](ciam_core::http::Peer) which one the
//! connection has. No header is read for it: a host behind a proxy takes it from the proxy, over a connection that it trusts.
//!
//! ```
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::mtls::MutualTls;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .mutual_tls(MutualTls::new().at("https://mtls.id.example"))
//!     .build()
//!     .await?;
//! let aliases = &server.metadata()["mtls_endpoint_aliases"];
//! assert_eq!(aliases["token_endpoint"], "https://mtls.id.example/token");
//! # Ok(())
//! # }
//! ```

mod subject;

use url::Url;

pub use self::subject::CertificateSubject;
use crate::issuer::Issuer;

/// How an authorization server accepts client certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutualTls {
    /// Where the endpoints are that ask for a certificate, if it is another place than the issuer's: a browser that is asked
    /// for one shows a dialog, so most hosts ask at another name
    /// ([RFC 8705, section 5](https://www.rfc-editor.org/rfc/rfc8705#section-5)).
    pub base: Option<String>,
}

impl MutualTls {
    /// Certificates are asked for at the issuer's own address.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Certificates are asked for at this address, to which the paths of the endpoints are added: scheme and host, without a
    /// slash at the end.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Where an endpoint with this path below the issuer's asks for a certificate; `None` when it is at the endpoint itself.
    pub(crate) fn endpoint(&self, issuer: &Issuer, path: &str) -> Option<String> {
        self.base.as_ref().map(|base| format!("{base}{}{path}", issuer.path()))
    }

    pub(crate) fn is_usable(&self, issuer: &Issuer) -> bool {
        let Some(base) = &self.base else { return true };
        base != issuer.origin()
            && Url::parse(base).is_ok_and(|url| {
                let secure =
                    url.scheme() == "https" || url.scheme() == "http" && crate::issuer::is_loopback(&url);
                secure && url.origin().ascii_serialization() == *base
            })
    }
}
