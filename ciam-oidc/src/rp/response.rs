//! Authorization responses, in the query, in a form, or in a signed JWT
//! ([JARM](https://openid.net/specs/oauth-v2-jarm.html)).

use ciam_core::http::Params;
use ciam_core::jose::{AudienceRule, ClaimsError, RegisteredClaims, TokenType, VerifiedJws};
use serde::Deserialize;

use super::RelyingParty;
use super::error::{ResponseTokenError, SignInError};
use super::verify::Unverified;

/// How an authorization response comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// As a form that the browser posts to the redirect URI
    /// ([Form Post Response Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)).
    ///
    /// The post comes from another site: a browser sends no `SameSite=Lax` cookie with it. The host keeps the binding secret in
    /// a cookie with `SameSite=None` for this.
    FormPost,
    /// Signed, in the query.
    QueryJwt,
    /// Signed, as a form.
    FormPostJwt,
}

impl ResponseMode {
    /// The value of `response_mode`; the default of the code flow is not named.
    pub(super) const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Query => None,
            Self::FormPost => Some("form_post"),
            Self::QueryJwt => Some("query.jwt"),
            Self::FormPostJwt => Some("form_post.jwt"),
        }
    }

    /// Whether it comes as a form of another site.
    pub(super) const fn is_posted(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    pub(super) const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt)
    }
}

/// An authorization response, as it says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) state: String,
    #[serde(default)]
    pub(super) iss: Option<String>,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) error: Option<String>,
}

impl RelyingParty {
    /// Reads a response in the way that it was asked for, and in no other: where signatures were agreed, plain parameters are
    /// nobody's.
    pub(super) async fn answer(&self, response: &Params) -> Result<Answer, SignInError> {
        response.refuse_duplicates(&[]).map_err(|_| SignInError::Malformed)?;
        let one = |name| response.one(name).map_err(|_| SignInError::Malformed);
        if self.config().response_mode.is_signed() {
            let token = one("response")?.ok_or(SignInError::Malformed)?;
            return Ok(self.signed_answer(token).await?);
        }
        let owned = |value: Option<&str>| value.map(str::to_owned);
        Ok(Answer {
            state: owned(one("state")?).ok_or(SignInError::Malformed)?,
            iss: owned(one("iss")?),
            code: owned(one("code")?),
            error: owned(one("error")?),
        })
    }

    /// [Section 2.4](https://openid.net/specs/oauth-v2-jarm.html#section-2.4): signed by the provider, of it, for this client,
    /// of this time.
    async fn signed_answer(&self, token: &str) -> Result<Answer, ResponseTokenError> {
        let token = self.opened(token).ok_or(ResponseTokenError::Encryption)?;
        let typ = TokenType::exactly("JWT").or_absent();
        match self.verified(&token, typ, |verified| self.checked_answer(verified)).await {
            Ok(answer) => answer,
            Err(Unverified::Keys) => Err(ResponseTokenError::Keys),
            Err(Unverified::Signature) => Err(ResponseTokenError::Signature),
        }
    }

    fn checked_answer(&self, verified: &VerifiedJws<'_>) -> Result<Answer, ResponseTokenError> {
        let config = self.config();
        let registered: RegisteredClaims<'_> =
            verified.claims().map_err(|_| ResponseTokenError::Malformed)?;
        let rules = config.claim_rules(&config.issuer, AudienceRule::Only(config.client_id.clone()));
        rules.check(&registered, self.ports().now()).map_err(|error| match error {
            ClaimsError::WrongIssuer => ResponseTokenError::Issuer,
            ClaimsError::WrongAudience => ResponseTokenError::Audience,
            ClaimsError::Missing(_) => ResponseTokenError::Malformed,
            _ => ResponseTokenError::Time,
        })?;
        verified.claims().map_err(|_| ResponseTokenError::Malformed)
    }
}
