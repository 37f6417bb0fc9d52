//! Client authentication ([RFC 6749, section 2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)).
//!
//! A client is registered for one method and authenticates by it and no other: a request that shows two is refused, and so
//! is one that shows another than the registered one.

mod assertion;
#[cfg(feature = "draft-attested-clients")]
mod attestation;
mod basic;
mod certificate;
mod keys;
mod presented;
mod secret;

use std::sync::Arc;

use ciam_core::http::{Params, Peer};
use http::HeaderMap;

pub(crate) use self::keys::ClientKeyCache;
use self::presented::{Presented, Proof};
use crate::AuthorizationServer;
#[cfg(feature = "draft-attested-clients")]
use crate::client::ClientAuthentication;
use crate::client::{AuthMethod, AuthenticatedClient, Client, ClientId};
use crate::error::ClientAuthError;

impl AuthorizationServer {
    /// Authenticates the client of a request to a back-channel endpoint, from the request's headers and the parameters of
    /// its body, and from the certificate of the connection. A public client only names itself.
    ///
    /// # Security
    ///
    /// The secret of an unknown client is digested and compared like any other, so the time does not tell whether the
    /// client exists. A client assertion is marked as used after everything else about it was found good, so nobody can
    /// use up the `jti` of another's assertion, and of concurrent requests with one assertion exactly one is
    /// authenticated.
    ///
    /// # Errors
    ///
    /// Fails when the client is not authenticated by exactly its registered method, and when a port fails.
    pub async fn authenticate_client(
        &self,
        headers: &HeaderMap,
        params: &Params,
        peer: &Peer,
    ) -> Result<AuthenticatedClient, ClientAuthError> {
        let presented = Presented::read(headers, params)?;
        let client = match presented.client_id.parse::<ClientId>() {
            Ok(id) => self.clients().find(&id).await?,
            Err(_) => None,
        };
        match presented.proof {
            Proof::None => {
                let client = self.known(client, &UNSAID)?;
                certificate::check(&client.client.authentication, peer)?;
                Ok(client)
            }
            Proof::Basic(ref sent) | Proof::Post(ref sent) => {
                let registered = client.as_ref().map_or(&[][..], |client| client.authentication.secrets());
                let right = secret::is_registered(sent, registered, self.ports().now());
                let client = self.known(client, &[presented.proof.method()])?;
                if right { Ok(client) } else { Err(ClientAuthError::WrongSecret) }
            }
            #[cfg(feature = "draft-attested-clients")]
            Proof::Attestation(ref shown) => {
                let client = self.known(client, &[AuthMethod::AttestJwtClientAuth])?;
                let ClientAuthentication::AttestJwtClientAuth { attesters } = &client.client.authentication
                else {
                    return Err(ClientAuthError::WrongMethod);
                };
                let instance = self.verify_attestation(&client.client, attesters, shown).await?;
                Ok(client.with_instance(instance))
            }
            Proof::Assertion(ref assertion) => {
                let client = self.known(client, &ASSERTIONS)?;
                self.verify_assertion(&client.client, assertion.expose()).await?;
                Ok(client)
            }
        }
    }

    /// A client that is registered for one of these methods, which is on.
    fn known(
        &self,
        client: Option<Arc<Client>>,
        shown: &[AuthMethod],
    ) -> Result<AuthenticatedClient, ClientAuthError> {
        let client = client.ok_or(ClientAuthError::UnknownClient)?;
        let registered = client.authentication.method();
        if !shown.contains(&registered) || !self.config().client_authentication.contains(&registered) {
            return Err(ClientAuthError::WrongMethod);
        }
        Ok(AuthenticatedClient::new(client))
    }
}

/// The methods of a request that only names its client: if there is a proof, it is not in the request.
const UNSAID: [AuthMethod; 3] =
    [AuthMethod::None, AuthMethod::TlsClientAuth, AuthMethod::SelfSignedTlsClientAuth];

/// The methods that an assertion can be of; which one it is, the registration says.
const ASSERTIONS: [AuthMethod; 2] = [AuthMethod::PrivateKeyJwt, AuthMethod::ClientSecretJwt];
