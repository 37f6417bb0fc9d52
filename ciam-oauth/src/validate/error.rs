//! Why an access token was refused, and how to say so ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).

use http::{HeaderValue, StatusCode};

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
    /// The keys were not fetched for too long to be relied on.
    #[error("the keys are too old")]
    StaleKeys,
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
    /// The deny list names it, its session or its subject.
    #[error("revoked")]
    Revoked,
    /// A claim that every access token has is missing.
    #[error("`{0}` is missing")]
    MissingClaim(&'static str),
    /// A good token without a scope value that is needed. Answered with `insufficient_scope`.
    #[error("the scope is not sufficient")]
    InsufficientScope {
        /// What is needed.
        required: ScopeSet,
    },
}

impl ValidateError {
    /// The error code ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)); `None` when the
    /// request had no token, because a request that did not know that it needs one gets no error code.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::BadRequest => Some("invalid_request"),
            Self::InsufficientScope { .. } => Some("insufficient_scope"),
            Self::Malformed
            | Self::TooLarge
            | Self::Type
            | Self::Algorithm
            | Self::UnknownKey
            | Self::StaleKeys
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Revoked
            | Self::MissingClaim(_) => Some("invalid_token"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The value of the `WWW-Authenticate` header. It repeats nothing that the client sent.
    ///
    /// `resource_metadata` is the address of the resource's metadata, if it has any
    /// ([RFC 9728, section 5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)).
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
        let mut parameters = Vec::new();
        if let Some(code) = self.code() {
            parameters.push(format!("error=\"{code}\""));
            parameters.push(format!("error_description=\"{}\"", self.description()));
        }
        if let Self::InsufficientScope { required } = self {
            // Scope values have no quote and no backslash: they can stand in a quoted string as they are.
            parameters.push(format!("scope=\"{required}\""));
        }
        // What cannot stand in a quoted string as it is would end the parameter.
        let quotable = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if let Some(url) = resource_metadata.filter(|url| url.bytes().all(quotable)) {
            parameters.push(format!("resource_metadata=\"{url}\""));
        }
        let text = format!("Bearer {}", parameters.join(", "));
        HeaderValue::from_str(text.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"))
    }

    const fn description(&self) -> &'static str {
        match self {
            Self::BadRequest => "the access token is not presented as it must be",
            Self::InsufficientScope { .. } => "the access token does not have the needed scope",
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
            ValidateError::StaleKeys,
            ValidateError::Signature,
            ValidateError::Issuer,
            ValidateError::Audience,
            ValidateError::Expired,
            ValidateError::NotYetValid,
            ValidateError::Revoked,
            ValidateError::MissingClaim("exp"),
        ];
        for error in all {
            assert_eq!(error.code(), Some("invalid_token"));
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(error.challenge(None), ValidateError::Expired.challenge(None), "{error}");
        }
        assert_eq!(ValidateError::BadRequest.status(), StatusCode::BAD_REQUEST);
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
