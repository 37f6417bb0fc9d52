//! Registration, refresh, and what a request proves.

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::{cookie, set_cookie};
use ciam_core::id::SessionId;
use ciam_core::jose::{Algorithm, AlgorithmSet};
use ciam_core::ports::Ports;
use ciam_core::ratelimit::{Limit, RateLimitError, RateLimiter};
use ciam_core::risk::Binding;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::session::{Authenticated, Session, SessionManager};
use ciam_core::store::{Batch, EntityRef, load};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::headers::{
    SECURE_SESSION_CHALLENGE, SECURE_SESSION_ID, SECURE_SESSION_REGISTRATION, SECURE_SESSION_RESPONSE,
    challenge, registration, string,
};
use super::record::BoundSession;
use crate::event::SESSION_BOUND;
use crate::key_proof::{self, SignedBy};

/// The cookie that lives for minutes, and that only the key renews.
pub const BOUND_COOKIE: &str = "__Host-ciam-bound";

/// Where the endpoints are, and how long what lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbscPolicy {
    /// The path of the registration endpoint. Default `/dbsc/register`.
    pub register: String,
    /// The path of the refresh endpoint. Default `/dbsc/refresh`.
    pub refresh: String,
    /// How long the bound cookie lives. Default 10 minutes.
    pub cookie: Duration,
    /// How long a challenge is good. Default 5 minutes.
    pub challenge: Duration,
    /// Challenges of one session. Default 60 in 5 minutes.
    pub challenges: Limit,
}

impl Default for DbscPolicy {
    fn default() -> Self {
        Self {
            register: "/dbsc/register".to_owned(),
            refresh: "/dbsc/refresh".to_owned(),
            cookie: Duration::minutes(10),
            challenge: Duration::minutes(5),
            challenges: Limit::new("mfa.dbsc", 60, Duration::minutes(5)),
        }
    }
}

/// Sessions that are bound to a key of their browser: see [the module](super).
#[derive(Clone, Debug)]
pub struct DeviceBoundSessions {
    ports: Ports,
    sessions: SessionManager,
    policy: DbscPolicy,
}

/// A session that was bound.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registered {
    /// The body of the answer: session instructions, as JSON.
    pub instructions: Value,
    /// The `Set-Cookie` value of the bound cookie.
    pub cookie: HeaderValue,
}

/// What a refresh is answered with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the draft knows no other answer")]
pub enum Refreshed {
    /// Status 403 with this header: sign this.
    Challenge(HeaderName, HeaderValue),
    /// Status 200 without a body, with this `Set-Cookie` value.
    Renewed(HeaderValue),
}

/// A registration or refresh was not taken. Any status of 400 to 499 but 403 and 429 ends the binding in the browser that
/// asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbscError {
    /// There is no such session, or it is not bound. Status 401.
    #[error("there is no such session")]
    NoSession,
    /// The proof is not good. Status 400.
    #[error("the proof is not good")]
    Proof,
    /// Too many challenges. Status 429.
    #[error("too many challenges")]
    TooMany {
        /// After this time it can be tried again.
        retry_after: Duration,
    },
    /// A port failed. Status 503.
    #[error("the session cannot be read or written")]
    Port(#[from] PortError),
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
}

impl DeviceBoundSessions {
    /// The bound sessions of a tenant, with the default policy.
    #[must_use]
    pub fn new(ports: Ports, sessions: SessionManager) -> Self {
        Self { ports, sessions, policy: DbscPolicy::default() }
    }

    /// Sets the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: DbscPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The header that asks a browser to bind a session which has just begun, to be sent with its cookie.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn offer(&self, session: &Session) -> Result<(HeaderName, HeaderValue), PortError> {
        let challenge = self.challenge(session.id).await?;
        Ok((SECURE_SESSION_REGISTRATION, registration(&self.policy.register, challenge.expose())?))
    }

    /// Binds the session of a request to the key in its proof.
    ///
    /// # Errors
    ///
    /// Fails when the proof is not good, when the session is bound already, and when a port fails.
    pub async fn register(
        &self,
        headers: &HeaderMap,
        current: &Authenticated,
    ) -> Result<Registered, DbscError> {
        let token = string(headers, &SECURE_SESSION_RESPONSE).ok_or(DbscError::Proof)?;
        let (crypto, own) = (self.ports.crypto(), SignedBy::ItsOwn);
        let proof = key_proof::read::<Claims>(token, TYPE, algorithms(), own, crypto);
        let proof = proof.ok_or(DbscError::Proof)?;
        let session = &current.session.value;
        if !self.is_asked(session.id, &proof.claims.jti).await? {
            return Err(DbscError::Proof);
        }
        let bound = BoundSession {
            session: session.id,
            account: session.account,
            key: proof.key,
            created_at: self.ports.now(),
            expires_at: session.expires_at,
        };
        let subject = current.account.value.event_subject();
        let event = Event::new(&self.ports, SESSION_BOUND, subject)?.with("session", session.id.to_string());
        // The first binding stands: a copy of the cookie cannot take the session over.
        let batch = Batch::new()
            .require_absent(EntityRef::record::<BoundSession>(session.id.to_string()))
            .require_version(EntityRef::Session(session.id), current.session.version)
            .put(&bound)
            .map_err(PortError::from)?
            .event(event);
        if !self.ports.store().commit(batch).await?.is_applied() {
            return Err(DbscError::Proof);
        }
        Ok(Registered { instructions: self.instructions(session.id), cookie: self.cookie(session.id).await? })
    }

    /// Renews the bound cookie, or says what is to be signed for it.
    ///
    /// # Errors
    ///
    /// Fails when there is no such bound session, when the proof is not good, when there were too many challenges, and when a
    /// port fails.
    pub async fn refresh(&self, headers: &HeaderMap) -> Result<Refreshed, DbscError> {
        let id = string(headers, &SECURE_SESSION_ID).and_then(|text| text.parse().ok());
        let id: SessionId = id.ok_or(DbscError::NoSession)?;
        let bound: Option<BoundSession> =
            load(self.ports.store(), &id.to_string()).await?.map(|found| found.value);
        let live = self.sessions.live(id).await?.is_some();
        let bound = bound.filter(|_| live).ok_or(DbscError::NoSession)?;
        let Some(token) = string(headers, &SECURE_SESSION_RESPONSE) else {
            return self.ask(id).await;
        };
        let (crypto, known) = (self.ports.crypto(), SignedBy::Known(&bound.key));
        let proof = key_proof::read::<Claims>(token, TYPE, algorithms(), known, crypto);
        let proof = proof.ok_or(DbscError::Proof)?;
        if !self.is_asked(id, &proof.claims.jti).await? {
            // The right key, and a challenge that is over: the browser signs another one.
            return self.ask(id).await;
        }
        Ok(Refreshed::Renewed(self.cookie(id).await?))
    }

    /// Whether the session of a request is bound, and whether the request proves it.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn binding(&self, headers: &HeaderMap, session: &Session) -> Result<Binding, PortError> {
        let bound = load::<BoundSession>(self.ports.store(), &session.id.to_string()).await?;
        if bound.is_none() {
            return Ok(Binding::None);
        }
        let Some(token) = cookie(headers, BOUND_COOKIE) else { return Ok(Binding::Missing) };
        let of = self.ports.ephemeral().get(&cookie_key(token)).await?;
        let proved = of.is_some_and(|of| of == session.id.to_string().as_bytes());
        Ok(if proved { Binding::Proved } else { Binding::Missing })
    }

    async fn ask(&self, id: SessionId) -> Result<Refreshed, DbscError> {
        let limiter = RateLimiter::new(self.ports.clone());
        match limiter.attempt(&self.policy.challenges, &id.to_string()).await {
            Ok(()) => {}
            Err(RateLimitError::Limited { retry_after }) => return Err(DbscError::TooMany { retry_after }),
            Err(RateLimitError::Port(error)) => return Err(error.into()),
            Err(_) => return Err(PortError::transient("the challenge could not be counted").into()),
        }
        let fresh = self.challenge(id).await?;
        Ok(Refreshed::Challenge(SECURE_SESSION_CHALLENGE, challenge(fresh.expose(), &id.to_string())?))
    }

    /// Something to sign, for one session.
    async fn challenge(&self, id: SessionId) -> Result<Secret, PortError> {
        let challenge = Secret::random(self.ports.entropy())?;
        let of = id.to_string().into_bytes();
        self.ports.ephemeral().put(&challenge_key(challenge.expose()), of, self.policy.challenge).await?;
        Ok(challenge)
    }

    /// Whether a challenge was made for this session and not used yet. It is used up.
    async fn is_asked(&self, id: SessionId, challenge: &str) -> Result<bool, PortError> {
        let of = self.ports.ephemeral().take(&challenge_key(challenge)).await?;
        Ok(of.is_some_and(|of| of == id.to_string().as_bytes()))
    }

    async fn cookie(&self, id: SessionId) -> Result<HeaderValue, PortError> {
        let token = Secret::random(self.ports.entropy())?;
        let of = id.to_string().into_bytes();
        self.ports.ephemeral().put(&cookie_key(token.expose()), of, self.policy.cookie).await?;
        set_cookie(BOUND_COOKIE, token.expose(), Some(self.policy.cookie))
    }

    fn instructions(&self, id: SessionId) -> Value {
        json!({
            "session_identifier": id.to_string(),
            "refresh_url": self.policy.refresh,
            "scope": { "include_site": false },
            "credentials": [{
                "type": "cookie",
                "name": BOUND_COOKIE,
                "attributes": "Path=/; Secure; HttpOnly; SameSite=Lax",
            }],
        })
    }
}

fn algorithms() -> AlgorithmSet {
    [Algorithm::Es256, Algorithm::Rs256].into_iter().collect()
}

fn challenge_key(challenge: &str) -> EphemeralKey {
    EphemeralKey::new("mfa.dbsc_challenge", TokenDigest::of(challenge).to_text())
}

fn cookie_key(token: &str) -> EphemeralKey {
    EphemeralKey::new("mfa.dbsc_cookie", TokenDigest::of(token).to_text())
}

const TYPE: &str = "dbsc+jwt";
