//! The token endpoint ([RFC 6749, section 3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).
//!
//! Every grant goes the same way: authenticate the client, load, check everything, make the tokens in memory, and only
//! then use up what was presented and store what was made, in one commit. A request that fails on the way has used up and
//! issued nothing; who presents another client's code or a wrong verifier does not burn it for the one it belongs to.
//!
//! A host mounts [`AuthorizationServer::handle`]; the typed function below it is for those who speak another transport:
//!
//! ```
//! use std::net::{IpAddr, Ipv4Addr};
//! use std::sync::Arc;
//!
//! use ciam_core::http::Peer;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::client::{AuthenticatedClient, Client, ClientAuthentication, ClientSecret, GrantType};
//! use ciam_oauth::server::SupportedScope;
//! use ciam_oauth::token::{TokenGrant, TokenRequest};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ports = memory::ports();
//! let server = AuthorizationServer::builder(ports.clone())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .scope(SupportedScope::new("orders:read".parse()?, "See orders"))
//!     .build()
//!     .await?;
//! let secret = ClientSecret::generate(ports.entropy())?;
//! let client = Client::confidential("nightly-report".parse()?, ClientAuthentication::basic(&secret))
//!     .with_grant(GrantType::ClientCredentials)
//!     .with_scopes("orders:read".parse()?);
//! server.clients().register(client.clone()).await?;
//!
//! // `authenticate_client` makes this of a request's headers and form.
//! let client = AuthenticatedClient::new(Arc::new(client));
//! let peer = Peer::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
//! let issued = server.token(&client, &TokenRequest::new(TokenGrant::ClientCredentials), &peer).await?;
//!
//! let active = server.inspect(issued.access_token.expose()).await?.expect("it was just issued");
//! assert_eq!(active.claims.sub, "nightly-report");
//! server.revoke_token(&client, issued.access_token.expose()).await?;
//! assert!(server.inspect(issued.access_token.expose()).await?.is_none());
//! # Ok(())
//! # }
//! ```

mod client_credentials;
mod code;
mod custom;
mod details;
mod device;
mod direct;
mod exchange;
mod holder;
mod http;
mod jwt_bearer;
#[cfg(feature = "draft-native-sso")]
mod native_sso;
pub mod refresh;
mod request;
mod response;
mod revoke_grant;
mod sender;
mod session_grants;
mod target;
#[cfg(feature = "draft-transaction-tokens")]
mod transaction;

use ciam_core::http::Peer;

pub use self::exchange::TokenExchange;
#[cfg(feature = "draft-native-sso")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
pub use self::native_sso::{DEVICE_SSO, NativeSso};
pub use self::request::{TokenGrant, TokenRequest};
pub use self::response::TokenResponse;
#[cfg(feature = "draft-transaction-tokens")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
pub use self::transaction::TransactionRequest;
use crate::AuthorizationServer;
use crate::backchannel::{BackchannelClient, Delivery};
use crate::client::AuthenticatedClient;
use crate::device::DeviceRecord;
use crate::error::TokenError;

impl AuthorizationServer {
    /// Issues tokens to an authenticated client.
    ///
    /// `peer` is who sent the request: wrong presentations of a code are counted for each client and address, and the access
    /// token is bound to the certificate of the connection where the client wants that. It is bound to the key of
    /// [`TokenRequest::key`] in any case.
    ///
    /// # Security
    ///
    /// The caller has authenticated the client with [`authenticate_client`](Self::authenticate_client).
    ///
    /// # Errors
    ///
    /// Fails when the client may not use the grant, when the grant is not usable, and when a port fails.
    pub async fn token(
        &self,
        client: &AuthenticatedClient,
        request: &TokenRequest,
        peer: &Peer,
    ) -> Result<TokenResponse, TokenError> {
        if let TokenGrant::Custom { name, params } = &request.grant {
            return Box::pin(self.custom(&client.client, name, params, request, peer)).await;
        }
        #[cfg(feature = "draft-native-sso")]
        if let TokenGrant::NativeSso(shown) = &request.grant {
            return Box::pin(self.native_sso(&client.client, shown, request, peer)).await;
        }
        let grant = request.grant.grant_type().ok_or(TokenError::UnsupportedGrantType)?;
        if !self.config().grants.contains(&grant) {
            return Err(TokenError::UnsupportedGrantType);
        }
        if !client.client.allows(grant) {
            return Err(TokenError::UnauthorizedClient);
        }
        let bound =
            sender::confirmation(self.config(), &client.client, request, peer.certificate.as_deref())?;
        // Large futures stand by themselves, so that a small request does not carry their room along.
        match &request.grant {
            TokenGrant::AuthorizationCode { code, redirect_uri, verifier } => {
                let presented = code::PresentedCode {
                    code,
                    redirect_uri: redirect_uri.as_deref(),
                    verifier: verifier.as_ref(),
                };
                Box::pin(self.exchange_code(&client.client, presented, request, peer, bound)).await
            }
            TokenGrant::Custom { .. } => Err(TokenError::UnsupportedGrantType),
            #[cfg(feature = "draft-native-sso")]
            TokenGrant::NativeSso(_) => Err(TokenError::UnsupportedGrantType),
            TokenGrant::JwtBearer { assertion } => {
                Box::pin(self.use_assertion(&client.client, assertion, request, bound)).await
            }
            TokenGrant::TokenExchange(shown) => {
                Box::pin(self.exchange_token(&client.client, shown, request, bound)).await
            }
            #[cfg(feature = "draft-transaction-tokens")]
            TokenGrant::Transaction(shown) => {
                Box::pin(self.issue_transaction_token(&client.client, shown, request, bound)).await
            }
            TokenGrant::DeviceCode { code } => {
                Box::pin(self.poll_device(&client.client, DeviceRecord::DEVICE, code, request, bound)).await
            }
            // What is pushed is not asked for.
            TokenGrant::Ciba { .. } if client.client.backchannel.as_ref().is_none_or(is_pushed) => {
                Err(TokenError::UnauthorizedClient)
            }
            TokenGrant::Ciba { auth_req_id, .. } => {
                Box::pin(self.poll_device(
                    &client.client,
                    DeviceRecord::BACKCHANNEL,
                    auth_req_id,
                    request,
                    bound,
                ))
                .await
            }
            TokenGrant::RefreshToken { token } => {
                Box::pin(self.refresh(&client.client, token, request, bound)).await
            }
            TokenGrant::ClientCredentials => self.client_credentials(&client.client, request, bound).await,
        }
    }
}

fn is_pushed(registered: &BackchannelClient) -> bool {
    registered.delivery == Delivery::Push
}
