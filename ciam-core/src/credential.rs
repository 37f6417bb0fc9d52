//! Credentials: what an account proves itself with.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::id::{AccountId, CredentialId};

/// A credential of an account, as the factor that owns it stores it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Credential {
    /// The id.
    pub id: CredentialId,
    /// The account.
    pub account: AccountId,
    /// The factor that owns it, such as `password`.
    pub factor: String,
    /// Whether it can be used.
    pub state: CredentialState,
    /// What the factor needs to verify: a PHC string, a public key, a sealed seed. Never a secret in the clear.
    pub data: Value,
    /// A number that counter preconditions compare (a TOTP step, a signature counter); 0 when unused.
    pub counter: i64,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last proved the person, if the factor keeps that.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

impl Credential {
    /// At most this many credentials of one account.
    pub const MAX_PER_ACCOUNT: usize = 64;

    /// An active credential.
    #[must_use]
    pub fn new(
        id: CredentialId,
        account: AccountId,
        factor: impl Into<String>,
        data: Value,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            account,
            factor: factor.into(),
            state: CredentialState::Active,
            data,
            counter: 0,
            label: None,
            created_at: now,
            last_used_at: None,
        }
    }
}

/// Prints no verification data.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("factor", &self.factor)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Whether a credential can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CredentialState {
    /// Enrolment has begun, and is not proved yet.
    Pending,
    /// In use.
    Active,
    /// Withdrawn; kept for the record.
    Revoked,
}

impl CredentialState {
    /// Moves to another state: pending to active, and either to revoked.
    ///
    /// # Errors
    ///
    /// Fails when there is no such transition.
    pub const fn transition(self, to: Self) -> Result<Self, InvalidCredentialTransition> {
        match (self, to) {
            (Self::Pending, Self::Active | Self::Revoked) | (Self::Active, Self::Revoked) => Ok(to),
            _ => Err(InvalidCredentialTransition),
        }
    }
}

/// The credential lifecycle has no such transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credential's lifecycle has no such transition")]
#[non_exhaustive]
pub struct InvalidCredentialTransition;
