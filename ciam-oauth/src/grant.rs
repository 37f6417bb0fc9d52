//! Grants and authorization codes: what was allowed, and the voucher for it.
//!
//! A [`Grant`] is one durable record for each authorization that was exchanged, refresh-token family included: refresh,
//! revocation and replay all contend on this one row, so none of them can miss the other. An authorization code is
//! short-lived ([`CodeState`]); the id of the grant that it will make is fixed when the code is made.

use std::collections::BTreeSet;

use ciam_core::assurance::AuthenticationContext;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, DeviceId, GrantId, OrganizationId, SessionId};
use ciam_core::secret::Secret;
use ciam_core::store::{IndexDeclaration, IndexValue, Page, PageRequest, RecordKind, Store, StoredRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::authorization_details::AuthorizationDetail;
use crate::client::ClientId;
use crate::confirmation::{Confirmation, JwkThumbprint};
use crate::pkce::CodeChallenge;
use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::token::refresh::Generations;

/// What an account allowed a client to do, in one session: one record for each exchanged code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grant {
    /// The id; access tokens and refresh tokens carry it.
    pub id: GrantId,
    /// Who holds it.
    pub client: ClientId,
    /// Who gave it.
    pub account: AccountId,
    /// The session in which it was given.
    pub session: SessionId,
    /// The remembered device on which the session began. When that is forgotten because it is lost or stolen, so is what was
    /// granted on it, for offline access as well, and however its sessions ended.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// Whether it ends with the session; otherwise it was given for offline access.
    pub ends_with_session: bool,
    /// The account's [`session_epoch`](ciam_core::account::Account::session_epoch) when it was given. When the account has
    /// gone on to another one (a new password, a suspension), it can be used only if its session has gone along.
    #[serde(default)]
    pub epoch: Option<u32>,
    /// The scope values that were granted.
    pub scopes: ScopeSet,
    /// The resources that tokens may be issued for; never empty.
    pub resources: BTreeSet<ResourceIndicator>,
    /// How the person was authenticated when the grant was given.
    pub context: AuthenticationContext,
    /// The organization that it was given for.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// What else was granted ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)).
    #[serde(default)]
    pub details: Vec<AuthorizationDetail>,
    /// What the [`Extension`](crate::extension::Extension) keeps, such as the requested claims.
    pub extension: Map<String, Value>,
    /// What whoever uses its refresh tokens must prove to have: set for public clients, which prove nothing else
    /// ([RFC 9449, section 5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    /// The attested key of the instance of the client that it was given to: no other instance can use its refresh tokens.
    #[serde(default)]
    pub instance: Option<JwkThumbprint>,
    /// Whether it can be used.
    pub state: GrantState,
    /// The refresh tokens; `None` when there are none.
    pub refresh: Option<RefreshFamily>,
    /// When it was given.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From when nothing of it is usable: the last end of its access tokens and refresh tokens.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");
const BY_CLIENT: IndexDeclaration = IndexDeclaration::many("client");
const BY_SESSION: IndexDeclaration = IndexDeclaration::many("session");

impl Grant {
    /// The grant that a code stands for, without refresh tokens, until `expires_at`.
    #[must_use]
    pub fn of_code(code: &AuthorizationCode, now: OffsetDateTime, expires_at: OffsetDateTime) -> Self {
        Self {
            id: code.grant,
            client: code.client.clone(),
            account: code.account,
            session: code.session,
            device: code.device,
            ends_with_session: code.ends_with_session,
            epoch: code.epoch,
            scopes: code.scopes.clone(),
            resources: code.resources.clone(),
            context: code.context.clone(),
            organization: code.organization,
            details: code.details.clone(),
            extension: code.extension.clone(),
            confirmation: None,
            instance: None,
            state: GrantState::Active,
            refresh: None,
            created_at: now,
            expires_at,
        }
    }

    /// Whether it can be used at `now`. That its session is live is for the caller to see when
    /// [`ends_with_session`](Self::ends_with_session) is set.
    #[must_use]
    pub fn is_active(&self, now: OffsetDateTime) -> bool {
        matches!(self.state, GrantState::Active) && now < self.expires_at
    }

    /// The same grant, revoked; one that already is keeps its time and reason.
    #[must_use]
    pub fn revoke(mut self, at: OffsetDateTime, reason: RevocationReason) -> Self {
        if matches!(self.state, GrantState::Active) {
            self.state = GrantState::Revoked { at, reason };
        }
        self
    }

    /// The grants that an account gave, revoked ones included, a page at a time.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn of_account(
        store: &dyn Store,
        account: AccountId,
        request: PageRequest,
    ) -> Result<Page<Self>, PortError> {
        let page = store.records_by(Self::KIND, BY_ACCOUNT.name(), &account.to_string(), request).await?;
        let mut grants = Vec::with_capacity(page.items.len());
        for record in page.items {
            grants.push(record.value.decode()?);
        }
        Ok(Page::new(grants, page.next))
    }

    /// The record key of a grant.
    #[must_use]
    pub fn record_key(id: GrantId) -> String {
        id.to_string()
    }
}

impl StoredRecord for Grant {
    const KIND: RecordKind = RecordKind::new("oauth.grant", &[BY_ACCOUNT, BY_CLIENT, BY_SESSION]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_ACCOUNT, self.account.to_string()),
            IndexValue::new(BY_CLIENT, self.client.as_str()),
            IndexValue::new(BY_SESSION, self.session.to_string()),
        ]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// Whether a grant can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum GrantState {
    /// In use.
    Active,
    /// Over; kept until it expires, so that its tokens are recognised and refused.
    Revoked {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Why.
        reason: RevocationReason,
    },
}

/// Why a grant was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevocationReason {
    /// The client revoked it at the revocation endpoint.
    Client,
    /// The person or an administrator revoked it.
    Person,
    /// The code that made it was presented again.
    CodeReplay,
    /// An old refresh token was presented.
    RefreshReplay,
    /// The person does not act for the organization any more that it was given for.
    OrganizationLeft,
    /// The session in which it was given was revoked from elsewhere.
    SessionRevoked,
    /// The device on which it was given was forgotten.
    DeviceRevoked,
    /// Its tokens were to be sent to the client, and could not be.
    Undelivered,
}

impl RevocationReason {
    /// The stable name, as serialized and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Person => "person",
            Self::CodeReplay => "code_replay",
            Self::RefreshReplay => "refresh_replay",
            Self::OrganizationLeft => "organization_left",
            Self::SessionRevoked => "session_revoked",
            Self::DeviceRevoked => "device_revoked",
            Self::Undelivered => "undelivered",
        }
    }
}

/// The refresh tokens of a grant: one generation is live, and every older one is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefreshFamily {
    /// Which generation is live, and which may be retried.
    pub generations: Generations,
    /// When it ends without use.
    #[serde(with = "time::serde::rfc3339")]
    pub idle_expires_at: OffsetDateTime,
    /// When it ends in any case.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl RefreshFamily {
    /// A family whose first generation is issued now.
    #[must_use]
    pub const fn first(idle_expires_at: OffsetDateTime, expires_at: OffsetDateTime) -> Self {
        Self { generations: Generations::first(), idle_expires_at, expires_at }
    }

    /// Whether one of its tokens can be used at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        now < self.idle_expires_at && now < self.expires_at
    }
}

/// What an authorization code stands for, bound to everything that the exchange must show again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthorizationCode {
    /// The client that it was issued to.
    pub client: ClientId,
    /// Where it was sent.
    pub redirect_uri: RedirectUri,
    /// Whether the authorization request named the redirect URI; if so, the exchange must too
    /// ([RFC 6749, section 4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)).
    pub redirect_uri_named: bool,
    /// The challenge that the exchange must answer; without one, a verifier is refused.
    pub challenge: Option<CodeChallenge>,
    /// Who signed in.
    pub account: AccountId,
    /// In which session.
    pub session: SessionId,
    /// On which remembered device.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// Whether what it makes ends with the session.
    pub ends_with_session: bool,
    /// The account's session epoch at that moment.
    #[serde(default)]
    pub epoch: Option<u32>,
    /// How the person was authenticated.
    pub context: AuthenticationContext,
    /// The organization that the person acts for.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// The scope values that were granted.
    pub scopes: ScopeSet,
    /// The resources that were granted; never empty.
    pub resources: BTreeSet<ResourceIndicator>,
    /// What else was granted ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)).
    #[serde(default)]
    pub details: Vec<AuthorizationDetail>,
    /// What the [`Extension`](crate::extension::Extension) keeps, such as `nonce` and the requested claims.
    pub extension: Map<String, Value>,
    /// The key that the exchange must prove to have, if the request named one
    /// ([RFC 9449, section 10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
    #[serde(default)]
    pub dpop_key: Option<JwkThumbprint>,
    /// The attested key of the instance of the client that pushed the request; the exchange must prove it.
    #[serde(default)]
    pub instance: Option<JwkThumbprint>,
    /// The id of the grant that the exchange makes, fixed here so that a replayer knows what to revoke.
    pub grant: GrantId,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    /// From when it is refused.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// The state of an authorization code in the ephemeral store. A compare-and-swap moves it from live to spent; the spent
/// mark outlives the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum CodeState {
    /// Not yet presented.
    Live(Box<AuthorizationCode>),
    /// Presented, and answered or about to be: whoever shows everything that the exchange demands is a replayer. What the
    /// code stood for is kept, so that a replay is told from a guess and the grant can be revoked even before it is made.
    Spent(Box<AuthorizationCode>),
}

impl CodeState {
    /// The key of a code's state: the digest of the code, never the code.
    #[must_use]
    pub fn key(code: &Secret) -> EphemeralKey {
        EphemeralKey::new("oauth.code", code.digest().to_text())
    }
}
