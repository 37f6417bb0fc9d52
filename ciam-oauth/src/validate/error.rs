//! Why an access token was refused.

use http::{HeaderValue, StatusCode};
use time::Duration;

use super::challenge::Challenges;
use super::introspection::IntrospectionError;
use super::presented::Scheme;
use crate::dpop::DpopError;
use crate::scope::ScopeSet;

/// Why a request was not let through.
///
/// The variants are for logs and metrics. What the client is told is the [challenge](Self::challenge): one code for every
/// token that is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidateError {
    /// The request has no token. The challenge has no error code.
    #[error("no access token")]
    Missing,
    /// The request carries the token in a way that cannot be read, or in two ways. Answered with `invalid_request`.
    #[error("the access token is not presented as it must be")]
    BadRequest,
    /// Not a JWS in compact form, or a claim of the wrong type.
    #[error("malformed token")]
    Malformed,
    /// Larger than is looked at.
    #[error("token too large")]
    TooLarge,
    /// The type header is that of another kind of token.
    #[error("wrong type of token")]
    Type,
    /// The algorithm is not allowed.
    #[error("algorithm not allowed")]
    Algorithm,
    /// No known key fits. With remote keys, a refresh may help.
    #[error("unknown key")]
    UnknownKey,
    /// The keys were not fetched for too long to be relied on, or never: nobody can say whether the token is good.
    #[error("the keys are too old")]
    StaleKeys,
    /// Not encrypted for this resource as it must be: not at all, for another key, or by other algorithms.
    #[error("not encrypted as it must be")]
    Encryption,
    /// The signature does not verify.
    #[error("wrong signature")]
    Signature,
    /// Another issuer's.
    #[error("wrong issuer")]
    Issuer,
    /// For somebody else.
    #[error("wrong audience")]
    Audience,
    /// Too late.
    #[error("expired")]
    Expired,
    /// Too early.
    #[error("not valid yet")]
    NotYetValid,
    /// The deny list names it, its session or its subject, or its issuer lists it as anything but valid.
    #[error("revoked")]
    Revoked,
    /// The issuer says that it is not to be used now.
    #[error("suspended")]
    Suspended,
    /// Whether it was revoked cannot be found out: there is no list that says it, or none that still counts. Never let through.
    #[error("the status of the token is not known")]
    StatusUnknown,
    /// The issuer says that it is not active.
    #[error("not active")]
    Inactive,
    /// A claim that every access token has is missing.
    #[error("`{0}` is missing")]
    MissingClaim(&'static str),
    /// A claim that the host [demands](super::Validator::with_required_claim) is missing or is not what it must be.
    #[error("`{0}` is not what it must be")]
    Claim(Box<str>),
    /// The token is bound to a key or a certificate, and the request does not prove to have it
    /// ([RFC 9449, section 7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2)).
    #[error("the token is bound and nothing was proved")]
    ProofRequired,
    /// The token is bound to another key or certificate than was proved.
    #[error("the token is bound to another key")]
    WrongProof,
    /// The token is bound to something that is not understood here.
    #[error("the token is bound in a way that is not understood")]
    UnknownBinding,
    /// The token is bound to nothing, and must be; or a proof came with it all the same.
    #[error("the token is not bound to its sender")]
    NotBound,
    /// The DPoP proof was refused. Answered with its own code.
    #[error("the proof was refused")]
    Proof(#[from] DpopError),
    /// A good token without a scope value that is needed. Answered with `insufficient_scope`.
    #[error("the scope is not sufficient")]
    InsufficientScope {
        /// What is needed.
        required: ScopeSet,
    },
    /// A good token of a person who has to authenticate again, or better. Answered with `insufficient_user_authentication`
    /// ([RFC 9470, section 3](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
    #[error("the authentication is not sufficient")]
    InsufficientAuthentication {
        /// One of these levels is needed; any, when there is none.
        acr_values: Vec<String>,
        /// It must have been no longer ago than this.
        max_age: Option<Duration>,
        /// The scope values that are needed as well.
        scopes: ScopeSet,
    },
    /// Whether the token is good cannot be found out: whoever has to be asked does not answer. Never let through.
    #[error("the token cannot be checked now")]
    Introspection(#[from] IntrospectionError),
}

impl ValidateError {
    /// The error code ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)); `None` when the
    /// request had no token, because a request that did not know that it needs one gets no error code, and when the server is at
    /// fault.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing | Self::StaleKeys | Self::StatusUnknown | Self::Introspection(_) => None,
            Self::BadRequest => Some("invalid_request"),
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
            Self::InsufficientAuthentication { .. } => Some("insufficient_user_authentication"),
            Self::Proof(proof) => proof.code(),
            Self::Malformed
            | Self::TooLarge
            | Self::Type
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Encryption
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Revoked
            | Self::Suspended
            | Self::Inactive
            | Self::MissingClaim(_)
            | Self::Claim(_)
            | Self::ProofRequired
            | Self::WrongProof
            | Self::UnknownBinding
            | Self::NotBound => Some("invalid_token"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::StaleKeys
            | Self::StatusUnknown
            | Self::Introspection(_)
            | Self::Proof(DpopError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// When it is worth trying again, for the `Retry-After` header
    /// ([RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)); `None` when the same request will not
    /// fare better later. Keys are not fetched more often than
    /// [twice a minute](ciam_core::jose::RemoteKeysPolicy::cooldown), everything else is asked each time.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::StaleKeys => Some(Duration::seconds(30)),
            Self::StatusUnknown | Self::Introspection(_) | Self::Proof(DpopError::Unavailable(_)) => {
                Some(Duration::seconds(5))
            }
            _ => None,
        }
    }

    /// The challenge of the scheme `Bearer` for the `WWW-Authenticate` header, with the address of the resource's metadata, if
    /// it has any ([RFC 9728, section 5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)). A resource that has DPoP answers
    /// with [`Challenges`].
    ///
    /// ```
    /// use ciam_oauth::validate::ValidateError;
    ///
    /// assert_eq!(ValidateError::Missing.challenge(None), "Bearer");
    /// assert_eq!(
    ///     ValidateError::Expired.challenge(None),
    ///     r#"Bearer error="invalid_token", error_description="the access token is not valid or has expired""#,
    /// );
    /// ```
    #[must_use]
    pub fn challenge(&self, resource_metadata: Option<&str>) -> HeaderValue {
        Challenges::new().with_metadata(resource_metadata.map(str::to_owned)).of(Scheme::Bearer, self)
    }

    pub(super) const fn description(&self) -> &'static str {
        match self {
            Self::BadRequest => "the access token is not presented as it must be",
            Self::InsufficientScope { .. } => "the access token does not have the needed scope",
            Self::InsufficientAuthentication { .. } => "another authentication is needed",
            Self::Proof(DpopError::UseNonce { .. }) => "the proof needs the nonce of this response",
            Self::Proof(_) => "the proof is not valid for this request",
            _ => "the access token is not valid or has expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6750_3_no_error_code_without_a_token() {
        assert_eq!(ValidateError::Missing.challenge(None), "Bearer");
        assert_eq!(ValidateError::Missing.status(), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn rfc6750_3_1_insufficient_scope_names_the_scope() {
        let error =
            ValidateError::InsufficientScope { required: "orders:read orders:write".parse().unwrap() };
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
        let challenge = error.challenge(None);
        let text = challenge.to_str().unwrap();
        assert!(text.contains(r#"error="insufficient_scope""#), "{text}");
        assert!(text.contains(r#"scope="orders:read orders:write""#), "{text}");
    }

    #[test]
    fn rfc6750_3_1_every_bad_token_is_invalid_token_with_one_text() {
        let all = [
            ValidateError::Malformed,
            ValidateError::TooLarge,
            ValidateError::Type,
            ValidateError::Algorithm,
            ValidateError::UnknownKey,
            ValidateError::Encryption,
            ValidateError::Signature,
            ValidateError::Issuer,
            ValidateError::Audience,
            ValidateError::Expired,
            ValidateError::NotYetValid,
            ValidateError::Revoked,
            ValidateError::Suspended,
            ValidateError::Inactive,
            ValidateError::MissingClaim("exp"),
            ValidateError::Claim("tenant".into()),
            ValidateError::ProofRequired,
            ValidateError::WrongProof,
            ValidateError::UnknownBinding,
            ValidateError::NotBound,
        ];
        for error in all {
            assert_eq!(error.code(), Some("invalid_token"));
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(error.challenge(None), ValidateError::Expired.challenge(None), "{error}");
        }
        assert_eq!(ValidateError::BadRequest.status(), StatusCode::BAD_REQUEST);
    }

    /// What nobody can decide is neither let through nor the client's fault.
    #[test]
    fn what_cannot_be_checked_is_an_error_of_the_server() {
        let down = ciam_core::error::PortError::transient("down");
        for (error, seconds) in [
            (ValidateError::StaleKeys, 30),
            (ValidateError::StatusUnknown, 5),
            (ValidateError::Introspection(IntrospectionError::Busy), 5),
            (ValidateError::Proof(DpopError::Unavailable(down)), 5),
        ] {
            assert_eq!((error.status(), error.code()), (StatusCode::SERVICE_UNAVAILABLE, None));
            assert_eq!(error.retry_after(), Some(Duration::seconds(seconds)), "{error}");
        }
        assert_eq!(ValidateError::Expired.retry_after(), None);
    }

    #[test]
    fn rfc9728_5_1_the_challenge_may_point_at_the_metadata() {
        let url = "https://api.example/.well-known/oauth-protected-resource";
        assert_eq!(
            ValidateError::Missing.challenge(Some(url)).to_str().unwrap(),
            format!("Bearer resource_metadata=\"{url}\"")
        );
        assert_eq!(ValidateError::Missing.challenge(Some("x\"y")), "Bearer");
    }
}
