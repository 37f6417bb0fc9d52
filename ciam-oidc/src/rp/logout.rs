//! A provider says that a session has ended
//! ([OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html), section 2.6).
//!
//! The host takes the form field `logout_token` at an address that it has registered with the provider, has it checked here,
//! and ends what [`RelyingParty::sessions_of`] names. For that it says of each of its sessions which identity at the provider
//! it came from: [`RelyingParty::remember`].

use ciam_core::error::PortError;
use ciam_core::id::{AccountId, SessionId};
use ciam_core::jose::{RegisteredClaims, TokenType, VerifiedJws};
use ciam_core::secret::TokenDigest;
use ciam_core::store::{
    Batch, IndexDeclaration, IndexValue, OWNER_INDEX, PageRequest, RecordKind, StoredRecord,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::RelyingParty;
use super::verify::Unverified;

/// Whose session has ended, as the provider names it. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogoutToken {
    /// The person: without a session, all of theirs have ended.
    pub subject: Option<String>,
    /// The provider's session.
    pub session: Option<String>,
}

/// Why a logout token does nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutTokenError {
    /// It is not signed by the provider, not for this client, not of this time, or no logout token.
    #[error("the logout token does not hold")]
    Invalid,
    /// It was here before.
    #[error("the logout token was used before")]
    Replayed,
    /// The provider's keys cannot be had: it may try again.
    #[error("the provider's keys cannot be had")]
    Keys,
    /// A port failed.
    #[error("the logout token cannot be processed now")]
    Port(#[from] PortError),
}

/// The member of `events` that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The oldest logout token that is taken, and so how long one is remembered.
const OLDEST: Duration = Duration::minutes(10);

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    nonce: Option<Value>,
    #[serde(default)]
    events: Map<String, Value>,
}

impl RelyingParty {
    /// Checks a logout token, and takes it: a second time it is refused.
    ///
    /// # Errors
    ///
    /// Fails when it does not hold, when it was here before, and when the provider's keys or a port cannot be had.
    ///
    /// # Security
    ///
    /// An ID token is no logout token, though the same key signs it: this one has the event, its own type or none, and no
    /// `nonce`.
    pub async fn check_logout_token(&self, token: &str) -> Result<LogoutToken, LogoutTokenError> {
        let token = self.opened(token).ok_or(LogoutTokenError::Invalid)?;
        let typ = TokenType::exactly("logout+jwt").or_absent();
        let wire = match self.verified(&token, typ, |verified| self.checked_logout(verified)).await {
            Ok(wire) => wire?,
            Err(Unverified::Keys) => return Err(LogoutTokenError::Keys),
            Err(Unverified::Signature) => return Err(LogoutTokenError::Invalid),
        };
        let jti = wire.jti.as_deref().unwrap_or_default();
        if !self.is_first("oidc.rp.logout", jti, OLDEST).await? {
            return Err(LogoutTokenError::Replayed);
        }
        Ok(LogoutToken { subject: wire.sub, session: wire.sid })
    }

    fn checked_logout(&self, verified: &VerifiedJws<'_>) -> Result<Wire, LogoutTokenError> {
        let config = self.config();
        let invalid = |_| LogoutTokenError::Invalid;
        let registered: RegisteredClaims<'_> = verified.claims().map_err(invalid)?;
        let rules = config.claim_rules(&config.issuer, config.in_audience()).requiring_issued_at();
        let now = self.ports().now();
        rules.check(&registered, now).map_err(|_| LogoutTokenError::Invalid)?;
        let wire: Wire = verified.claims().map_err(invalid)?;
        let all: Map<String, Value> = verified.claims().map_err(invalid)?;
        let issued = all.get("iat").and_then(Value::as_i64);
        let young = issued
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
            .is_some_and(|at| now - at <= OLDEST + config.clock_skew);
        let bounded = |text: &Option<String>| text.as_ref().is_none_or(|it| (1..=255).contains(&it.len()));
        let names = wire.sub.is_some() || wire.sid.is_some();
        let event = wire.events.get(LOGOUT_EVENT).is_some_and(Value::is_object);
        let named = bounded(&wire.sub) && bounded(&wire.sid) && bounded(&wire.jti) && wire.jti.is_some();
        if young && names && event && named && wire.nonce.is_none() {
            Ok(wire)
        } else {
            Err(LogoutTokenError::Invalid)
        }
    }

    /// Remembers that a session of an account of the host began with a sign-in at the provider, until the session is over
    /// anyway: of this person, in this session of theirs, as the ID token names them.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn remember(
        &self,
        account: AccountId,
        session: SessionId,
        expires_at: OffsetDateTime,
        subject: &str,
        provider_session: Option<&str>,
    ) -> Result<(), PortError> {
        let issuer = &self.config().issuer;
        let record = ProviderSession {
            session,
            account: Some(account),
            issuer: Some(issuer.clone()),
            subject: named(issuer, "sub", subject),
            provider_session: provider_session.map(|sid| named(issuer, "sid", sid)),
            expires_at,
        };
        let _applied = self.ports().store().commit(Batch::new().put(&record)?).await?;
        Ok(())
    }

    /// The host's sessions that a logout token ends.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn sessions_of(&self, token: &LogoutToken) -> Result<Vec<SessionId>, PortError> {
        let issuer = &self.config().issuer;
        // With both, it is this session of this person, and not all of theirs.
        let (index, value) = match (&token.session, &token.subject) {
            (Some(sid), _) => (BY_SESSION, named(issuer, "sid", sid)),
            (None, Some(sub)) => (BY_SUBJECT, named(issuer, "sub", sub)),
            (None, None) => return Ok(Vec::new()),
        };
        let person = token.subject.as_ref().map(|sub| named(issuer, "sub", sub));
        let mut found = Vec::new();
        let mut request = Some(PageRequest::first(100));
        while let Some(page) = request.take() {
            let store = self.ports().store();
            let records =
                store.records_by(ProviderSession::KIND, index.name(), &value.to_text(), page).await?;
            for record in records.items {
                let record: ProviderSession = record.value.decode()?;
                if person.as_ref().is_none_or(|person| *person == record.subject) {
                    found.push(record.session);
                }
            }
            request = records.next.map(|next| PageRequest::after(next, 100));
        }
        Ok(found)
    }
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);
const BY_SUBJECT: IndexDeclaration = IndexDeclaration::many("subject").hashed();
const BY_SESSION: IndexDeclaration = IndexDeclaration::many("provider_session").hashed();

/// Which identity at a provider a session of the host began with. What the provider calls them is kept as digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProviderSession {
    session: SessionId,
    #[serde(default)]
    account: Option<AccountId>,
    #[serde(default)]
    issuer: Option<String>,
    subject: TokenDigest,
    provider_session: Option<TokenDigest>,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl ProviderSession {
    /// What is told of it to the person whose it is: which session began with which provider.
    pub(crate) fn told(&self) -> Value {
        json!({ "session": self.session, "issuer": self.issuer })
    }
}

impl StoredRecord for ProviderSession {
    const KIND: RecordKind =
        RecordKind::new("oidc.rp.session", &[BY_ACCOUNT, BY_SUBJECT, BY_SESSION]).private();
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.session.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let mut all = vec![IndexValue::new(BY_SUBJECT, self.subject.to_text())];
        all.extend(self.account.map(|account| IndexValue::new(BY_ACCOUNT, account.to_string())));
        all.extend(self.provider_session.as_ref().map(|sid| IndexValue::new(BY_SESSION, sid.to_text())));
        all
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

fn named(issuer: &str, what: &str, name: &str) -> TokenDigest {
    TokenDigest::of(&format!("{}\n{issuer}\n{what}\n{name}", issuer.len()))
}
