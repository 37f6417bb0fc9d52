//! Reading, changing and ending a registration that a client made itself
//! ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)).

use bytes::Bytes;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::secret::Secret;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::registration::{Registered, Registration, RegistrationError, refusal_code};
use super::send::credentials;

/// What a provider says of a registration and a client never says back
/// ([section 2.2](https://www.rfc-editor.org/rfc/rfc7592#section-2.2)).
const NEVER_SAID: &[&str] = &[
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
    "client_secret",
];

impl Registered {
    /// Reads the registration as the provider has it now
    /// ([section 2.1](https://www.rfc-editor.org/rfc/rfc7592#section-2.1)). What comes back takes the place of this: a new secret
    /// or a new registration access token in it ends the old one.
    ///
    /// # Errors
    ///
    /// Fails when the provider gave nothing to manage the registration with, when it does not take the token (any more), and when
    /// what it answers is another client.
    ///
    /// # Security
    ///
    /// The token goes to the address that the provider gave with it, and to no other: an answer may not move it to another origin.
    pub async fn read(&self, outbound: &Outbound) -> Result<Self, RegistrationError> {
        let response = self.manage(outbound, Method::GET, None).await?;
        self.renewed(&self.redirect_uri, &response)
    }

    /// Replaces the registration by this one, whole: what it does not say is taken away
    /// ([section 2.2](https://www.rfc-editor.org/rfc/rfc7592#section-2.2)). What comes back takes the place of this.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn update(
        &self,
        outbound: &Outbound,
        registration: &Registration,
    ) -> Result<Self, RegistrationError> {
        let mut metadata: Map<String, Value> = registration.metadata.clone();
        metadata.retain(|name, _| !NEVER_SAID.contains(&name.as_str()));
        metadata.insert("client_id".to_owned(), json!(self.client_id));
        let body = serde_json::to_vec(&metadata).map_err(|_| RegistrationError::Malformed)?;
        let response = self.manage(outbound, Method::PUT, Some(body)).await?;
        self.renewed(&registration.redirect_uri, &response)
    }

    /// Ends the registration, and with it the client's tokens and grants
    /// ([section 2.3](https://www.rfc-editor.org/rfc/rfc7592#section-2.3)).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn delete(self, outbound: &Outbound) -> Result<(), RegistrationError> {
        let response = self.manage(outbound, Method::DELETE, None).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(OutboundError::Status(status).into()),
        }
    }

    async fn manage(
        &self,
        outbound: &Outbound,
        method: Method,
        body: Option<Vec<u8>>,
    ) -> Result<Response<Bytes>, RegistrationError> {
        let url = self.registration_client_uri.as_deref().ok_or(RegistrationError::NotOffered)?;
        let token = self.registration_access_token.as_ref().ok_or(RegistrationError::NotOffered)?;
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer(token)?);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Bytes::from(body.unwrap_or_default()));
        let response = outbound.send(request.map_err(|_| RegistrationError::Malformed)?).await?;
        match response.status() {
            // The token is no good, or there is no such client any more: the provider does not say which.
            StatusCode::UNAUTHORIZED => Err(RegistrationError::NotAllowed),
            status if status.is_client_error() => {
                Err(RegistrationError::Refused { code: refusal_code(response.body()) })
            }
            _ => Ok(response),
        }
    }

    /// What the provider answered, with what it did not say again.
    fn renewed(&self, redirect_uri: &str, response: &Response<Bytes>) -> Result<Self, RegistrationError> {
        if response.status() != StatusCode::OK {
            return Err(OutboundError::Status(response.status()).into());
        }
        let mut renewed = Registration::read_answer(redirect_uri, &self.issuer, response.body())?;
        if renewed.client_id != self.client_id {
            return Err(RegistrationError::OtherClient);
        }
        if let Some(url) = &renewed.registration_client_uri
            && self.registration_client_uri.as_deref().is_none_or(|known| !same_origin(known, url))
        {
            return Err(RegistrationError::OtherClient);
        }
        if renewed.client_secret.is_none() {
            renewed.client_secret.clone_from(&self.client_secret);
            renewed.client_secret_expires_at =
                renewed.client_secret_expires_at.or(self.client_secret_expires_at);
        }
        let (token, url) = (&self.registration_access_token, &self.registration_client_uri);
        renewed.registration_access_token = renewed.registration_access_token.or_else(|| token.clone());
        renewed.registration_client_uri = renewed.registration_client_uri.or_else(|| url.clone());
        Ok(renewed)
    }
}

fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        // One that is opaque is not even its own.
        (Ok(one), Ok(other)) => one.origin() == other.origin(),
        _ => false,
    }
}

/// The `Authorization` header of a token.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, RegistrationError> {
    credentials("Bearer", token.expose()).ok_or(RegistrationError::Malformed)
}
