//! Reading, changing and removing a registration ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)).

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::Peer;
use ciam_core::secret::TokenDigest;
use ciam_core::store::{self, Batch, EntityRef, StoredRecord as _, Versioned, Write};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value};

use super::access::RegistrationRecord;
use super::endpoint::{Made, bearer, refuse};
use super::error::RegistrationError;
use super::metadata::{ClientMetadata, Wanted};
use crate::AuthorizationServer;
use crate::client::{AuthMethod, Client, ClientAuthentication, ClientId, ClientSecret};
use crate::event;
use crate::server::reply;

impl AuthorizationServer {
    /// Answers a request to the address of a registration.
    pub(crate) async fn handle_client_configuration(
        &self,
        id: &str,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Response<Bytes> {
        let answered = match *request.method() {
            Method::GET => self.read_registration(id, request).await.map(Some),
            Method::PUT => self.change_registration(id, request, peer).await.map(Some),
            _ => self.remove_registration(id, request).await.map(|()| None),
        };
        match answered {
            Ok(Some(body)) => reply::json(StatusCode::OK, &body),
            Ok(None) => reply::plain(StatusCode::NO_CONTENT),
            Err(error) => refuse(&error),
        }
    }

    /// The client of an address, if the request has its token. A client that is not there, one that did not register itself and a
    /// wrong token are one answer ([RFC 7592, section 2](https://www.rfc-editor.org/rfc/rfc7592#section-2)).
    async fn managed<'r>(
        &self,
        id: &str,
        request: &'r Request<Bytes>,
    ) -> Result<(Versioned<Client>, &'r str), RegistrationError> {
        self.registration()?;
        let token = bearer(request.headers())?.ok_or(RegistrationError::InvalidToken)?;
        let id: ClientId = id.parse().map_err(|_| RegistrationError::InvalidToken)?;
        let record = store::load::<RegistrationRecord>(self.ports().store(), id.as_str()).await?;
        let good = record.is_some_and(|record| record.value.digest == TokenDigest::of(token));
        let client = if good { self.clients().get(&id).await? } else { None };
        Ok((client.ok_or(RegistrationError::InvalidToken)?, token))
    }

    async fn read_registration(
        &self,
        id: &str,
        request: &Request<Bytes>,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let (client, token) = self.managed(id, request).await?;
        Ok(self.told(&client.value, None, token, &ClientMetadata::default()))
    }

    /// What is sent takes the place of what was: a member that is left out is taken back
    /// ([RFC 7592, section 2.2](https://www.rfc-editor.org/rfc/rfc7592#section-2.2)).
    async fn change_registration(
        &self,
        id: &str,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let settings = self.registration()?;
        let (before, token) = self.managed(id, request).await?;
        // Behind the token: nobody uses up the changes of somebody else. Before anything is fetched for it.
        self.count_registration(&self.config().limits.registration_changes, before.value.id.as_str()).await?;
        let posted = self.posted(settings, request).await?;
        if posted.metadata.client_id.as_deref() != Some(before.value.id.as_str()) {
            return Err(RegistrationError::InvalidMetadata("client_id must be what it was"));
        }
        let (authentication, secret) = self.changed_authentication(&before.value, &posted.metadata).await?;
        let mut client = before.value.clone();
        client.authentication = authentication;
        self.apply(settings, &posted.metadata, &mut client).await?;
        let made = Made { client, secret };
        let made = self.decide_registration(settings, &posted, made, None, Some(&before.value), peer).await?;
        let stored = self.clients().update(&before, made.client).await?;
        Ok(self.told(&stored, made.secret.as_ref(), token, &posted.metadata))
    }

    /// A client that goes on with the same kind of secret keeps it; one that had none is given one.
    async fn changed_authentication(
        &self,
        before: &Client,
        metadata: &ClientMetadata,
    ) -> Result<(ClientAuthentication, Option<ClientSecret>), RegistrationError> {
        let method = match metadata.authentication()? {
            Wanted::Given(authentication) => return Ok((authentication, None)),
            Wanted::Secret(method) => method,
        };
        if let Some(shown) = &metadata.client_secret {
            let digest = TokenDigest::of(shown);
            if !before.authentication.secrets().iter().any(|known| known.digest == digest) {
                return Err(RegistrationError::InvalidMetadata("client_secret must be what it was"));
            }
        }
        let secrets = before.authentication.secrets().to_vec();
        if before.authentication.method() == method {
            return Ok((before.authentication.clone(), None));
        }
        match method {
            AuthMethod::ClientSecretBasic if !secrets.is_empty() => {
                Ok((ClientAuthentication::ClientSecretBasic { secrets }, None))
            }
            AuthMethod::ClientSecretPost if !secrets.is_empty() => {
                Ok((ClientAuthentication::ClientSecretPost { secrets }, None))
            }
            other => {
                let secret = ClientSecret::generate(self.ports().entropy())?;
                Ok((self.with_new_secret(other, &secret).await?, Some(secret)))
            }
        }
    }

    /// Its tokens die with it.
    async fn remove_registration(&self, id: &str, request: &Request<Bytes>) -> Result<(), RegistrationError> {
        let (client, _) = self.managed(id, request).await?;
        let name = client.value.id.as_str();
        let event = Event::new(self.ports(), event::CLIENT_DELETED, client.value.id.event_subject())?
            .with("by", "registration");
        let batch = Batch::new()
            .require_version(EntityRef::record::<Client>(name), client.version)
            .write(Write::DeleteRecord(Client::KIND, name.to_owned()))
            .write(Write::DeleteRecord(RegistrationRecord::KIND, name.to_owned()))
            .event(event);
        if self.ports().store().commit(batch).await?.is_applied() {
            Ok(())
        } else {
            Err(PortError::transient("the client was changed meanwhile").into())
        }
    }
}
