//! Why a proof was refused.

use ciam_core::error::PortError;
use http::HeaderValue;

/// Why a DPoP proof was refused. The variants are for logs and metrics; what the client is told is the [code](Self::code).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// There is no `DPoP` header.
    #[error("no proof")]
    Missing,
    /// There is more than one `DPoP` header, or it is no text.
    #[error("more than one proof")]
    Repeated,
    /// Not a JWS in compact form, too large, or with a member twice.
    #[error("the proof is malformed")]
    Malformed,
    /// The type is not `dpop+jwt`.
    #[error("the proof is of another type")]
    Type,
    /// The algorithm is not allowed, or is not the key's.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// The header has no key, or none that can be accepted: of an unsupported type, weak, or with private members.
    #[error("the key is unacceptable")]
    Key,
    /// The signature is not of the key in the header.
    #[error("the signature is invalid")]
    Signature,
    /// A claim is missing or is not what it must be.
    #[error("`{0}` is missing or malformed")]
    Claim(&'static str),
    /// The proof is for another method.
    #[error("the proof is for another method")]
    Method,
    /// The proof is for another address.
    #[error("the proof is for another address")]
    Target,
    /// The proof was made too long ago, or in the future.
    #[error("the proof is not of now")]
    Time,
    /// The proof is for another access token, or for none.
    #[error("the proof is for another token")]
    Token,
    /// The proof has no nonce of this server that is still accepted. The client repeats the request with this one
    /// ([RFC 9449, sections 8 and 9](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
    #[error("the proof needs a fresh nonce")]
    UseNonce {
        /// The value of the `DPoP-Nonce` header.
        nonce: HeaderValue,
    },
    /// The proof was used before.
    #[error("the proof was used before")]
    Replayed,
    /// Whether it was used before cannot be found out.
    #[error("proofs cannot be checked now")]
    Unavailable(#[from] PortError),
}

impl DpopError {
    /// The error code ([RFC 9449, sections 5 and 8](https://www.rfc-editor.org/rfc/rfc9449#section-5)); `None` when it is not
    /// the client's fault.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::UseNonce { .. } => Some("use_dpop_nonce"),
            Self::Unavailable(_) => None,
            _ => Some("invalid_dpop_proof"),
        }
    }
}

impl PartialEq for DpopError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::UseNonce { nonce: one }, Self::UseNonce { nonce: other }) => one == other,
            (Self::Claim(one), Self::Claim(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for DpopError {}
