//! Why a change was not made.

use ciam_core::error::PortError;
use ciam_core::ratelimit::RateLimitError;
use ciam_core::session::SessionError;
use ciam_core::store::RecordError;
use time::Duration;

/// A change of an account's factors was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactorError {
    /// The owner has to prove themselves again first, with all that their account is capable of.
    #[error("the owner has to prove themselves again first")]
    NeedsProof,
    /// The owner has to prove a factor at least as strong as the one that is to go.
    #[error("a proof of equal strength is needed")]
    NeedsStrongerProof,
    /// The account has no such factor, or the enrolment is over.
    #[error("there is no such factor or enrolment")]
    NotFound,
    /// The code is wrong.
    #[error("the code is wrong")]
    Code,
    /// The passkey's answer is not accepted.
    #[error("the passkey is not accepted")]
    Passkey(#[from] crate::webauthn::WebauthnError),
    /// The passkey is registered already.
    #[error("the passkey is registered already")]
    AlreadyRegistered,
    /// Too many attempts.
    #[error("too many attempts")]
    TooMany {
        /// After this time it can be tried again.
        retry_after: Duration,
    },
    /// The account has as many factors of this kind as it may have.
    #[error("the account has as many of these as it may have")]
    TooManyThings,
    /// The name is empty, too long, or has control characters.
    #[error("the name cannot be used")]
    Label,
    /// It is the last way into the account.
    #[error("it is the last way into the account")]
    LastWayIn,
    /// The host's hook refused.
    #[error("the host refused")]
    Denied {
        /// The hook's code.
        code: String,
    },
    /// The account or the session has changed meanwhile.
    #[error("the account or the session has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the change cannot be stored")]
    Port(#[from] PortError),
}

impl FactorError {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NeedsProof => "needs_proof",
            Self::NeedsStrongerProof => "needs_stronger_proof",
            Self::NotFound => "not_found",
            Self::Code => "code",
            Self::Passkey(_) => "passkey",
            Self::AlreadyRegistered => "already_registered",
            Self::TooMany { .. } => "too_many_attempts",
            Self::TooManyThings => "too_many",
            Self::Label => "label",
            Self::LastWayIn => "last_way_in",
            Self::Denied { .. } => "denied",
            Self::Changed => "changed",
            Self::Port(_) => "unavailable",
        }
    }
}

impl From<RateLimitError> for FactorError {
    fn from(error: RateLimitError) -> Self {
        match error {
            RateLimitError::Limited { retry_after } => Self::TooMany { retry_after },
            RateLimitError::Port(error) => Self::Port(error),
            _ => Self::Port(PortError::transient("the attempt could not be counted")),
        }
    }
}

impl From<SessionError> for FactorError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Denied { code } => Self::Denied { code },
            SessionError::Port(error) => Self::Port(error),
            _ => Self::Changed,
        }
    }
}

impl From<RecordError> for FactorError {
    fn from(error: RecordError) -> Self {
        Self::Port(error.into())
    }
}
