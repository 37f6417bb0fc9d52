//! Why a sign-in through a provider failed.

use ciam_core::error::PortError;
use ciam_core::outbound::OutboundError;

use super::metadata::DiscoveryError;
use super::oauth::IdentityError;

/// Why a sign-in through a provider failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The provider's metadata cannot be had.
    #[error("the provider cannot be discovered")]
    Discovery(#[from] DiscoveryError),
    /// The response is malformed.
    #[error("the provider's response is malformed")]
    Malformed,
    /// The response belongs to no sign-in, or to one that is over.
    #[error("the response belongs to no sign-in")]
    UnknownState,
    /// The sign-in was begun in another browser.
    #[error("the sign-in was begun in another browser")]
    OtherBrowser,
    /// The response is not of the provider that was asked.
    #[error("the response is of another provider")]
    OtherIssuer,
    /// The provider refused.
    #[error("the provider refused: {code}")]
    Refused {
        /// The standard's error code, such as `access_denied`; `unknown` when it is not of the standard's form.
        code: String,
    },
    /// The person came back without a code: they, or the provider, did not want to.
    #[error("the provider sent the person back: {code}")]
    Declined {
        /// The standard's error code, such as `access_denied`; `unknown` when it is not of the standard's form.
        code: String,
        /// What the host gave when the sign-in began, so that the person is where they were.
        return_to: Option<String>,
    },
    /// The provider cannot be reached, or answered something else than was asked for.
    #[error("the provider cannot be reached")]
    Exchange(#[from] OutboundError),
    /// The ID token does not hold.
    #[error("the ID token does not hold")]
    IdToken(#[from] IdTokenError),
    /// The signed authorization response does not hold.
    #[error("the signed response does not hold")]
    ResponseToken(#[from] ResponseTokenError),
    /// The provider issued an access token that is bound to no key, though one was to be.
    #[error("the access token is bound to no key")]
    NotBound,
    /// UserInfo is not signed, or its signature does not hold.
    #[error("UserInfo does not hold")]
    UserInfo,
    /// UserInfo speaks of somebody else than the ID token.
    #[error("UserInfo is about another person")]
    OtherPerson,
    /// The profile of a provider without ID tokens says of nobody who it is.
    #[error("the provider does not say who it is")]
    Identity(#[from] IdentityError),
    /// A provider was asked for what it cannot prove: a recent authentication, or one of a level, without ID tokens.
    #[error("the provider cannot prove what is asked for")]
    NotOffered,
    /// A port failed.
    #[error("the sign-in cannot be processed now")]
    Port(#[source] PortError),
}

impl SignInError {
    /// The provider refused with this code. Another text than a code is not repeated.
    pub(super) fn refused(code: &str) -> Self {
        Self::Refused { code: Self::code(code) }
    }

    /// The person came back with this code.
    pub(super) fn declined(code: &str, return_to: Option<String>) -> Self {
        Self::Declined { code: Self::code(code), return_to }
    }

    fn code(code: &str) -> String {
        let of_form = (1..=64).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if of_form { code } else { "unknown" }.to_owned()
    }
}

/// Why an ID token does not hold
/// ([OpenID Connect Core, section 3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// There is none in the response.
    #[error("there is no ID token")]
    Missing,
    /// It is not signed by the provider with an allowed algorithm.
    #[error("the signature does not hold")]
    Signature,
    /// It cannot be opened, or is not encrypted though that was agreed.
    #[error("the encryption does not hold")]
    Encryption,
    /// The provider's keys cannot be had.
    #[error("the provider's keys cannot be had")]
    Keys,
    /// A claim is missing or not of its form.
    #[error("a claim is missing or malformed")]
    Malformed,
    /// It is of another issuer.
    #[error("the issuer is another")]
    Issuer,
    /// It is for another client.
    #[error("the audience is another")]
    Audience,
    /// It has expired, or is not valid yet.
    #[error("the time is not right")]
    Time,
    /// It answers another request.
    #[error("the nonce is another")]
    Nonce,
    /// It belongs to another access token.
    #[error("the access token is another")]
    AccessToken,
    /// The person belongs to another hosted domain than was asked for, or to none.
    #[error("the hosted domain is another")]
    HostedDomain,
    /// The person was authenticated longer ago than was asked for.
    #[error("the authentication is too old")]
    TooOld,
    /// A refresh speaks of another person.
    #[error("the person is another")]
    Subject,
    /// A refresh speaks of another authentication: its `auth_time` is not that of the sign-in.
    #[error("the authentication is another")]
    Authentication,
}

/// Why a signed authorization response does not hold
/// ([JARM, section 2.4](https://openid.net/specs/oauth-v2-jarm.html#section-2.4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseTokenError {
    /// It cannot be opened.
    #[error("the encryption does not hold")]
    Encryption,
    /// It is not signed by the provider with an allowed algorithm.
    #[error("the signature does not hold")]
    Signature,
    /// The provider's keys cannot be had.
    #[error("the provider's keys cannot be had")]
    Keys,
    /// A claim is missing or not of its form.
    #[error("a claim is missing or malformed")]
    Malformed,
    /// It is of another issuer.
    #[error("the issuer is another")]
    Issuer,
    /// It is for another client.
    #[error("the audience is another")]
    Audience,
    /// It has expired, or is not valid yet.
    #[error("the time is not right")]
    Time,
}
