//! Finding and reaching people: the host's.

use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::secret::{Secret, TokenDigest};
use time::OffsetDateTime;

use crate::client::Client;
use crate::scope::ScopeSet;

/// Whom a client means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint<'a> {
    /// `login_hint`: whatever people and clients call them.
    Login(&'a str),
    /// `login_hint_token`: a token of somebody whom the host trusts. The host reads and verifies it.
    LoginToken(&'a str),
}

/// Why a hint names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintProblem {
    /// Nobody is known by it. Sent as `unknown_user_id`.
    #[error("the hint names nobody")]
    Unknown,
    /// It is a token that has expired. Sent as `expired_login_hint_token`.
    #[error("the hint has expired")]
    Expired,
}

/// Why a person is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserCodeProblem {
    /// They have a code, and it was not sent. Sent as `missing_user_code`.
    #[error("the code of the person is missing")]
    Missing,
    /// It is another one, or too many were tried. Sent as `invalid_user_code`.
    #[error("the code is not the person's")]
    Invalid,
}

/// What a person is to be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice<'a> {
    /// Whom it is for.
    pub account: AccountId,
    /// Who asks.
    pub client: &'a Client,
    /// What the client shows on its side, for the person to compare.
    pub binding_message: Option<&'a str>,
    /// The scope values that are asked for.
    pub scopes: &'a ScopeSet,
    /// What [`open_backchannel`](crate::AuthorizationServer::open_backchannel) takes. Goes to the person and to nobody else.
    pub handle: &'a Secret,
    /// The digest of the request's `auth_req_id`: by it a host knows a request again that its client names.
    pub request: TokenDigest,
    /// Until when the person can answer.
    pub expires_at: OffsetDateTime,
}

/// Finds the people that clients mean, and reaches them.
///
/// # Contract
///
/// - Asked for requests of authenticated clients alone, after everything else about the request was found good.
/// - An error refuses the request.
#[async_trait]
pub trait BackchannelPeople: fmt::Debug + Send + Sync {
    /// Whose account a hint means.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer.
    async fn find(
        &self,
        client: &Client,
        hint: Hint<'_>,
    ) -> Result<Result<AccountId, HintProblem>, PortError>;

    /// Whether a person lets themselves be asked by whoever knows this code, which protects them from requests that they did not
    /// expect ([CIBA Core, section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)).
    /// Called where [`BackchannelSettings::user_codes`](super::BackchannelSettings::user_codes) is on, for every request; a client
    /// that does not send codes has none. Unless a host implements it, nobody is asked.
    ///
    /// # Security
    ///
    /// Codes are short: count tries for each account before a code is looked at, and keep them as passwords are kept.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer.
    async fn lets_ask(
        &self,
        _client: &Client,
        _account: AccountId,
        _user_code: Option<&Secret>,
    ) -> Result<Result<(), UserCodeProblem>, PortError> {
        Ok(Err(UserCodeProblem::Invalid))
    }

    /// Tells a person that they are asked, on a device that is theirs: by a push notification, a message, a list in an app.
    ///
    /// # Errors
    ///
    /// Fails when they cannot be reached: the client is told to try again.
    async fn reach(&self, notice: &Notice<'_>) -> Result<(), PortError>;
}
