//! The session record.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::assurance::AuthenticationContext;
use crate::id::{AccountId, DeviceId, OrganizationId, SessionId};
use crate::place::Place;
use crate::risk::RiskLevel;
use crate::secret::TokenDigest;

/// A signed-in session.
///
/// The browser holds `<session id>.<secret>`; the store holds the secret's digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// The id, sent to applications as `sid`.
    pub id: SessionId,
    /// Whose session it is.
    pub account: AccountId,
    /// Whether it can be used.
    pub state: SessionState,
    /// The digest of the secret that the browser holds.
    pub token_digest: TokenDigest,
    /// How the person was authenticated: the single source of `amr`, `acr` and `auth_time`.
    pub context: AuthenticationContext,
    /// How risky the last sign-in or step-up was found; `None` when nobody was asked.
    #[serde(default)]
    pub risk: Option<RiskLevel>,
    /// The account's [`session_epoch`](crate::account::Account::session_epoch) when it began: under another one it is over.
    #[serde(default)]
    pub epoch: u32,
    /// The organization that the person acts for, if any.
    pub organization: Option<OrganizationId>,
    /// The strictest limit of time without use that an organization has set to this session, in seconds: it stays when the
    /// person goes on to another organization.
    #[serde(default)]
    pub organization_idle: Option<u32>,
    /// The browser's `User-Agent`, for the list of devices; at most 512 bytes.
    pub user_agent: Option<String>,
    /// Where it began, as a [`Locator`](crate::place::Locator) knows it.
    #[serde(default)]
    pub place: Option<Place>,
    /// The remembered device on which it began.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last seen, to the granularity of the session policy.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When it ends without use.
    #[serde(with = "time::serde::rfc3339")]
    pub idle_expires_at: OffsetDateTime,
    /// When it ends in any case.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Session {
    /// A session that begins now; the idle limit is the absolute one until it is set.
    #[must_use]
    pub fn new(
        id: SessionId,
        account: AccountId,
        token_digest: TokenDigest,
        context: AuthenticationContext,
        now: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            account,
            state: SessionState::Active,
            token_digest,
            context,
            risk: None,
            epoch: 0,
            organization: None,
            organization_idle: None,
            user_agent: None,
            place: None,
            device: None,
            created_at: now,
            last_seen_at: now,
            idle_expires_at: expires_at,
            expires_at,
        }
    }

    /// Whether it can be used at `now` as far as it knows itself: active, and within both limits. Whether its account has
    /// gone on without it is for [`SessionManager::authenticate`](super::SessionManager::authenticate) to say.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        matches!(self.state, SessionState::Active) && now < self.idle_expires_at && now < self.expires_at
    }
}

/// Whether a session can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum SessionState {
    /// In use.
    Active,
    /// Over; kept until its absolute limit, so that what hangs on it can see that it ended.
    Ended {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
        /// Why.
        reason: SessionEnd,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionEnd {
    /// The person signed out.
    SignedOut,
    /// The person or an administrator ended it from elsewhere.
    Revoked,
    /// Another sign-in in the same browser took its place.
    Replaced,
    /// The account's password was changed.
    PasswordChanged,
    /// The account may no longer sign in.
    AccountStopped,
    /// Another session began, and the account had as many as it may have.
    LimitReached,
    /// The device on which it began is no longer trusted, or its secret was stolen.
    DeviceRevoked,
    /// A factor of the account was removed, or an administrator took them all.
    FactorsChanged,
}

impl SessionEnd {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::PasswordChanged => "password_changed",
            Self::AccountStopped => "account_stopped",
            Self::LimitReached => "limit_reached",
            Self::DeviceRevoked => "device_revoked",
            Self::FactorsChanged => "factors_changed",
        }
    }
}
