//! Registering ([RFC 7591, section 3](https://www.rfc-editor.org/rfc/rfc7591#section-3)).

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::Peer;
use ciam_core::outbound::Outbound;
use ciam_core::ratelimit::{Limit, RateLimitError, RateLimiter, source_of};
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, EntityRef, Versioned};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::access::{AccessRecord, RegistrationRecord};
use super::error::RegistrationError;
use super::metadata::{ClientMetadata, Wanted, describe, with_secret};
use super::policy::{Registration, RegistrationDecision, RegistrationSettings};
use super::statement::overlaid;
use crate::AuthorizationServer;
use crate::client::{AuthMethod, Client, ClientAuthentication, ClientId, ClientSecret};
use crate::event;
use crate::scope::ScopeSet;
use crate::server::{Endpoint, reply};
use crate::validate::{Scheme, authorization};

/// What was posted, with what a trusted issuer says of it.
pub(super) struct Posted {
    pub(super) metadata: ClientMetadata,
    pub(super) statement: Option<Map<String, Value>>,
}

/// A client as it will be stored, and what only it is told.
pub(super) struct Made {
    pub(super) client: Client,
    pub(super) secret: Option<ClientSecret>,
}

impl AuthorizationServer {
    /// Answers a registration.
    pub(crate) async fn handle_registration(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        match self.answer_registration(request, peer).await {
            Ok(body) => reply::json(StatusCode::CREATED, &body),
            Err(error) => refuse(&error),
        }
    }

    async fn answer_registration(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let settings = self.registration()?;
        // Before the token is looked at: nobody guesses one.
        self.count_registration(&self.config().limits.registrations, &source_of(peer.address)).await?;
        let access = match (bearer(request.headers())?, settings.open) {
            (Some(token), _) => Some(self.initial_access(token).await?),
            (None, true) => None,
            (None, false) => return Err(RegistrationError::InvalidToken),
        };
        let posted = self.posted(settings, request).await?;
        let made = self.new_client(settings, &posted).await?;
        let name = access.as_ref().map(|found| found.value.name.as_str());
        let made = self.decide_registration(settings, &posted, made, name, None, peer).await?;
        let token = Secret::random(self.ports().entropy())?;
        let client = self.store_registration(made.client, &token, access.as_ref()).await?;
        Ok(self.told(&client, made.secret.as_ref(), token.expose(), &posted.metadata))
    }

    /// The settings; without them there is no such endpoint.
    pub(super) fn registration(&self) -> Result<&RegistrationSettings, RegistrationError> {
        self.registration_settings().ok_or(RegistrationError::Denied)
    }

    pub(super) async fn count_registration(&self, limit: &Limit, of: &str) -> Result<(), RegistrationError> {
        match RateLimiter::new(self.ports().clone()).attempt(limit, of).await {
            Ok(()) => Ok(()),
            Err(RateLimitError::Port(error)) => Err(error.into()),
            Err(_) => Err(RegistrationError::TooMany),
        }
    }

    /// What was posted: a JSON object, each member once.
    pub(super) async fn posted(
        &self,
        settings: &RegistrationSettings,
        request: &Request<Bytes>,
    ) -> Result<Posted, RegistrationError> {
        if request.body().len() > self.config().limits.params.max_bytes {
            return Err(RegistrationError::TooLarge);
        }
        if !is_json(request.headers()) {
            return Err(malformed());
        }
        // Read as what it is meant to be first: that refuses a member that is there twice.
        let metadata: ClientMetadata = serde_json::from_slice(request.body()).map_err(|_| malformed())?;
        let Some(statement) = metadata.software_statement.as_deref() else {
            return match settings.statement_required {
                true => Err(RegistrationError::UnapprovedStatement),
                false => Ok(Posted { metadata, statement: None }),
            };
        };
        let claims = self.read_statement(settings, statement).await?;
        let members: Map<String, Value> = serde_json::from_slice(request.body()).map_err(|_| malformed())?;
        let metadata = serde_json::from_value(Value::Object(overlaid(members, &claims)));
        let metadata = metadata.map_err(|_| RegistrationError::InvalidStatement)?;
        Ok(Posted { metadata, statement: Some(claims) })
    }

    async fn new_client(
        &self,
        settings: &RegistrationSettings,
        posted: &Posted,
    ) -> Result<Made, RegistrationError> {
        let id = Secret::random(self.ports().entropy())?;
        // As random as a secret, and none: half of it is enough for a name.
        let id: ClientId = format!("dyn-{}", id.expose().get(..22).unwrap_or_default())
            .parse()
            .map_err(PortError::permanent)?;
        let (authentication, secret) = match posted.metadata.authentication()? {
            Wanted::Given(authentication) => (authentication, None),
            Wanted::Secret(method) => {
                let secret = ClientSecret::generate(self.ports().entropy())?;
                (self.with_new_secret(method, &secret).await?, Some(secret))
            }
        };
        let mut client = match authentication {
            ClientAuthentication::None => Client::public(id),
            other => Client::confidential(id, other),
        };
        self.apply(settings, &posted.metadata, &mut client).await?;
        Ok(Made { client, secret })
    }

    pub(super) async fn with_new_secret(
        &self,
        method: AuthMethod,
        secret: &ClientSecret,
    ) -> Result<ClientAuthentication, PortError> {
        match method {
            AuthMethod::ClientSecretJwt => {
                ClientAuthentication::client_secret_jwt(self.ports(), secret).await
            }
            other => Ok(with_secret(other, secret)),
        }
    }

    /// Puts what it says of itself into a client.
    pub(super) async fn apply(
        &self,
        settings: &RegistrationSettings,
        metadata: &ClientMetadata,
        client: &mut Client,
    ) -> Result<(), RegistrationError> {
        let known: ScopeSet = self.config().scopes.keys().cloned().collect();
        metadata.apply(client, settings, &known)?;
        client.sector_identifier = match metadata.sector_identifier_uri.as_deref() {
            Some(uri) => Some(self.sector(uri, client).await?),
            None => None,
        };
        Ok(())
    }

    /// The host of a sector, whose document names every redirect URI of the client
    /// ([OpenID Connect Core, section 8.1](https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg)).
    async fn sector(&self, uri: &str, client: &Client) -> Result<String, RegistrationError> {
        let bad =
            || RegistrationError::InvalidMetadata("sector_identifier_uri does not name the redirect URIs");
        let url = Url::parse(uri).ok().filter(|url| url.scheme() == "https" && url.fragment().is_none());
        let host = url.and_then(|url| url.host_str().map(str::to_owned)).ok_or_else(bad)?;
        let named: Vec<String> =
            Outbound::new(self.ports().clone()).get_json(uri).await.map_err(|_| bad())?;
        let all = client.redirect_uris.iter().all(|uri| named.iter().any(|named| named == uri.as_str()));
        if all { Ok(host) } else { Err(bad()) }
    }

    /// Asks the policy, and checks what comes of it.
    pub(super) async fn decide_registration(
        &self,
        settings: &RegistrationSettings,
        posted: &Posted,
        made: Made,
        access: Option<&str>,
        before: Option<&Client>,
        peer: &Peer,
    ) -> Result<Made, RegistrationError> {
        self.clients().check(&made.client)?;
        let asked = Registration {
            client: &made.client,
            metadata: &posted.metadata,
            statement: posted.statement.as_ref(),
            access,
            before,
            peer,
            now: self.ports().now(),
        };
        let client = match settings.policy.decide(&asked).await? {
            RegistrationDecision::Accept => made.client,
            RegistrationDecision::Refuse => return Err(RegistrationError::Denied),
            RegistrationDecision::Change(changed) => {
                let changed = Client { id: made.client.id, ..*changed };
                self.clients().check(&changed)?;
                changed
            }
        };
        Ok(Made { client, secret: made.secret })
    }

    /// Stores the client, who may change it, and that the token was used, at once.
    async fn store_registration(
        &self,
        client: Client,
        token: &Secret,
        access: Option<&Versioned<AccessRecord>>,
    ) -> Result<Client, RegistrationError> {
        let now = self.ports().now();
        let client = Client { created_at: now, updated_at: now, ..client };
        let record = RegistrationRecord { client: client.id.clone(), digest: token.digest() };
        let event = Event::new(self.ports(), event::CLIENT_REGISTERED, client.id.event_subject())?
            .with("access", access.map(|found| found.value.name.clone()))
            .with("by", "registration");
        let mut batch = Batch::new()
            .require_absent(EntityRef::record::<Client>(client.id.as_str()))
            .put(&client)
            .map_err(PortError::from)?
            .put(&record)
            .map_err(PortError::from)?
            .event(event);
        if let Some(access) = access {
            batch = AccessRecord::use_once(access, batch)?;
        }
        // Somebody else used the token at the same time: whoever comes again is told whether it is used up.
        if !self.ports().store().commit(batch).await?.is_applied() {
            return Err(match access {
                Some(_) => RegistrationError::InvalidToken,
                None => PortError::permanent("a random client id was made twice").into(),
            });
        }
        Ok(client)
    }

    /// What the client is told ([RFC 7591, section 3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)).
    pub(super) fn told(
        &self,
        client: &Client,
        secret: Option<&ClientSecret>,
        token: &str,
        metadata: &ClientMetadata,
    ) -> Map<String, Value> {
        let mut members = describe(client, metadata.sector_identifier_uri.as_deref());
        let url = format!("{}/{}", self.url(Endpoint::Registration), client.id);
        members.insert("registration_client_uri".to_owned(), json!(url));
        members.insert("registration_access_token".to_owned(), json!(token));
        if let Some(secret) = secret {
            members.insert("client_secret".to_owned(), json!(secret.expose()));
            members.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        members
    }
}

pub(super) fn malformed() -> RegistrationError {
    RegistrationError::InvalidMetadata(
        "the body must be a JSON object, with each member once and of its type",
    )
}

/// The bearer token of a request; `None` when it has none.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, RegistrationError> {
    if !headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    match authorization(headers) {
        Ok((Scheme::Bearer, token)) => Ok(Some(token)),
        _ => Err(RegistrationError::InvalidToken),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

pub(super) fn refuse(error: &RegistrationError) -> Response<Bytes> {
    crate::trace::refused(error.code(), error);
    let mut response = reply::error(error.status(), error.code(), error.description());
    if error.status() == StatusCode::UNAUTHORIZED {
        let challenge = http::HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, challenge);
    }
    response
}
