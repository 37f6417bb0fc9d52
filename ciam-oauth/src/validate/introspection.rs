//! Opaque tokens: ask the issuer, once, and remember for a little while
//! ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::jose::{Signer, sign};
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use url::form_urlencoded;

use super::cache::table::{Entry, Kept, Place, Table};
use super::cache::{Access, Kind, Recognition, TokenCachePolicy};
use super::error::ValidateError;
use super::presented::Presented;
use super::rules::TokenRules;
use super::token::AccessToken;
use crate::client::ClientId;
use crate::issuer::Issuer;

/// As whom a resource asks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IntrospectionAuth {
    /// With a client secret in the `Authorization` header.
    Basic(ClientId, Secret),
    /// With an assertion that this key signs ([RFC 7523, section 2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)).
    PrivateKeyJwt(ClientId, Arc<dyn Signer>),
}

/// How answers are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IntrospectionPolicy {
    /// How many active tokens are remembered. Default 65,536.
    pub capacity: usize,
    /// For how long an answer is believed: what a revocation takes to arrive. Never longer than the token lives. Default 30
    /// seconds; zero asks each time.
    pub active_for: Duration,
    /// For how long a token that was not active is not asked for again. Default 10 seconds.
    pub inactive_for: Duration,
    /// How many requests are under way at once. Default 128; more tokens than these are refused with
    /// [`IntrospectionError::Busy`].
    pub in_flight: usize,
}

impl Default for IntrospectionPolicy {
    fn default() -> Self {
        Self {
            capacity: 65_536,
            active_for: Duration::seconds(30),
            inactive_for: Duration::seconds(10),
            in_flight: 128,
        }
    }
}

/// An issuer could not be asked about a token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// It cannot be reached, or does not answer as it must; with status 401 or 403, it does not know us.
    #[error("the introspection endpoint does not answer")]
    Fetch(#[from] OutboundError),
    /// The answer cannot be read, or lacks what every access token has.
    #[error("the answer of the introspection endpoint cannot be used")]
    Answer,
    /// Too many requests are under way.
    #[error("too many introspection requests are under way")]
    Busy,
    /// The request could not be made.
    #[error("the introspection request cannot be made")]
    Port(#[from] PortError),
}

impl PartialEq for IntrospectionError {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for IntrospectionError {}

/// Asks an issuer what opaque tokens mean. Cloning is cheap; clones share what is remembered.
///
/// Answers must have `client_id`, `exp` and an `aud` that is this resource; `iss`, if there, must be the issuer that was asked.
///
/// # Security
///
/// - When the issuer cannot be asked, the token is refused with a typed error: nothing is let through on an old answer.
/// - Tokens are remembered by their SHA-256 digest, a bounded number of them, no longer than
///   [`active_for`](IntrospectionPolicy::active_for) and never past their expiry.
/// - However many requests bring a new token at once, the issuer is asked once.
/// - A bound token needs its proof here too ([RFC 9449, section 6.2](https://www.rfc-editor.org/rfc/rfc9449#section-6.2),
///   [RFC 8705, section 3.2](https://www.rfc-editor.org/rfc/rfc8705#section-3.2)).
#[derive(Clone)]
pub struct Introspector {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    outbound: Outbound,
    issuer: Issuer,
    endpoint: String,
    auth: IntrospectionAuth,
    rules: TokenRules,
    policy: IntrospectionPolicy,
    table: Table,
    inactive: Mutex<HashMap<[u8; 32], OffsetDateTime>>,
    flights: Mutex<HashMap<[u8; 32], Weak>>,
}

type Answer = Result<Kept, ValidateError>;
type Flight = Shared<BoxFuture<'static, Answer>>;
type Weak = WeakShared<BoxFuture<'static, Answer>>;

impl Introspector {
    /// Asks at `endpoint` about tokens of `issuer`, which must meet the rules.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn new(
        ports: Ports,
        issuer: Issuer,
        endpoint: impl Into<String>,
        auth: IntrospectionAuth,
        rules: TokenRules,
    ) -> Result<Self, PortError> {
        Self::with_policy(ports, issuer, endpoint, auth, rules, IntrospectionPolicy::default())
    }

    /// As [`new`](Self::new), with a policy.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn with_policy(
        ports: Ports,
        issuer: Issuer,
        endpoint: impl Into<String>,
        auth: IntrospectionAuth,
        rules: TokenRules,
        policy: IntrospectionPolicy,
    ) -> Result<Self, PortError> {
        let mut seed = [0; 8];
        ports.entropy().fill(&mut seed)?;
        let kept = TokenCachePolicy { capacity: policy.capacity, keeps: Recognition::Digest };
        let inner = Inner {
            outbound: Outbound::new(ports.clone()),
            ports,
            issuer,
            endpoint: endpoint.into(),
            auth,
            rules,
            policy,
            table: Table::new(kept, u64::from_ne_bytes(seed)),
            inactive: Mutex::default(),
            flights: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Validates a token at a time: from memory where the answer is fresh, else by asking.
    ///
    /// # Errors
    ///
    /// Fails with [`ValidateError::Inactive`] when the issuer says so, with [`ValidateError::Introspection`] when it does not say,
    /// and when the token does not meet the rules.
    pub async fn validate<'r>(
        &self,
        presented: impl Into<Presented<'r>> + Send,
        now: OffsetDateTime,
    ) -> Result<Access, ValidateError> {
        let presented = presented.into();
        presented.check_size()?;
        let place = self.inner.table.place_of(presented.token);
        if let Some(hit) = self.inner.table.find(&place, presented.token)
            && hit.entry().until.is_some_and(|until| now < until)
        {
            self.inner.rules.check_again(&hit.entry().token, &presented, now)?;
            return Ok(Access(Kind::Cached(hit)));
        }
        let digest = place.digest.unwrap_or_default();
        if self.inner.is_known_inactive(&digest, now) {
            return Err(ValidateError::Inactive);
        }
        let entry = self.flight(presented.token, place, digest, now)?.await?;
        self.inner.rules.check_again(&entry.entry().token, &presented, now)?;
        Ok(Access(Kind::Fresh(entry)))
    }

    /// The request that is under way for a token, or a new one.
    fn flight(
        &self,
        token: &str,
        place: Place,
        digest: [u8; 32],
        now: OffsetDateTime,
    ) -> Result<Flight, IntrospectionError> {
        let mut flights = self.inner.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&digest).and_then(WeakShared::upgrade) {
            return Ok(flight);
        }
        if flights.len() >= self.inner.policy.in_flight {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        if flights.len() >= self.inner.policy.in_flight {
            return Err(IntrospectionError::Busy);
        }
        let (inner, token) = (Arc::clone(&self.inner), Secret::from(token));
        let flight = async move { inner.ask(&token, &place, digest, now).await }.boxed().shared();
        flights.extend(flight.downgrade().map(|weak| (digest, weak)));
        Ok(flight)
    }
}

impl Inner {
    async fn ask(&self, token: &Secret, place: &Place, digest: [u8; 32], now: OffsetDateTime) -> Answer {
        let request = self.request(token, now).await?;
        let answer = self.outbound.json_of(request).await.map_err(IntrospectionError::from)?;
        let Some(read) = read_answer(&answer, &self.issuer)? else {
            self.remember_inactive(digest, now);
            return Err(ValidateError::Inactive);
        };
        self.rules.check(&read, now)?;
        let until = read.expires_at().min(now.saturating_add(self.policy.active_for));
        let entry = Entry { until: Some(until), ..Entry::new(read) };
        Ok(if until > now {
            self.table.insert(place, token.expose(), entry, now)
        } else {
            Kept::apart(entry)
        })
    }

    /// The request of [RFC 7662, section 2.1](https://www.rfc-editor.org/rfc/rfc7662#section-2.1).
    async fn request(
        &self,
        token: &Secret,
        now: OffsetDateTime,
    ) -> Result<Request<Bytes>, IntrospectionError> {
        let mut request = Request::post(&self.endpoint)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut parameters =
            vec![("token", token.expose().to_owned()), ("token_type_hint", "access_token".to_owned())];
        match &self.auth {
            IntrospectionAuth::Basic(client, secret) => {
                let encoded =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client.as_str()), encoded(secret.expose()));
                request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
            }
            IntrospectionAuth::PrivateKeyJwt(client, signer) => {
                let assertion = self.assertion(client, &**signer, now).await?;
                parameters.push(("client_assertion_type", JWT_BEARER.to_owned()));
                parameters.push(("client_assertion", assertion));
            }
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        request.body(Bytes::from(form)).map_err(|_| OutboundError::Url.into())
    }

    async fn assertion(
        &self,
        client: &ClientId,
        signer: &dyn Signer,
        now: OffsetDateTime,
    ) -> Result<String, IntrospectionError> {
        let id = Secret::random(self.ports.entropy())?;
        let claims = json!({
            "iss": client.as_str(), "sub": client.as_str(), "aud": self.issuer.as_str(), "jti": id.expose(),
            "iat": now.unix_timestamp(), "exp": now.unix_timestamp() + 60,
        });
        Ok(sign(signer, "client-authentication+jwt", &claims).await.map_err(PortError::from)?)
    }

    fn is_known_inactive(&self, digest: &[u8; 32], now: OffsetDateTime) -> bool {
        let inactive = self.inactive.lock().unwrap_or_else(PoisonError::into_inner);
        inactive.get(digest).is_some_and(|until| now < *until)
    }

    fn remember_inactive(&self, digest: [u8; 32], now: OffsetDateTime) {
        let mut inactive = self.inactive.lock().unwrap_or_else(PoisonError::into_inner);
        if inactive.len() >= MAX_INACTIVE {
            inactive.retain(|_, until| now < *until);
        }
        // Where made-up tokens have taken all the room, the next one is asked for: that is all that is lost.
        if inactive.len() < MAX_INACTIVE {
            inactive.insert(digest, now.saturating_add(self.policy.inactive_for));
        }
    }
}

/// What an answer says of a token of this issuer; `None` when it is not active.
fn read_answer(answer: &[u8], issuer: &Issuer) -> Result<Option<AccessToken>, ValidateError> {
    let read = AccessToken::read_introspected(answer, issuer.as_str());
    let Some(token) = read.map_err(|_| IntrospectionError::Answer)? else { return Ok(None) };
    if token.issuer() != issuer.as_str() {
        return Err(ValidateError::Issuer);
    }
    Ok(Some(token))
}

/// The `client_assertion_type` of an assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How many inactive tokens are remembered.
const MAX_INACTIVE: usize = 16_384;

impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspector")
            .field("issuer", &self.inner.issuer)
            .field("endpoint", &self.inner.endpoint)
            .finish_non_exhaustive()
    }
}
