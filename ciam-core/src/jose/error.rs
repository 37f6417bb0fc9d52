//! Why tokens and keys are refused.

use crate::crypto::KeyRejected;
use crate::error::PortError;

/// Why a signed token was refused. For logs and metrics: a client learns only that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The algorithm is known but not allowed here, or not allowed for any key at hand.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The token does not name its key and too many keys would have to be tried.
    #[error("the token names no key and too many keys fit")]
    AmbiguousKey,
    /// The header demands an extension that is not understood
    /// ([RFC 7515, section 4.1.11](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11)).
    #[error("the header demands an unknown extension")]
    CriticalHeader,
    /// The header or the claims have a member twice.
    #[error("a member appears twice")]
    DuplicateMember,
    /// The signature is not one of the key over the token.
    #[error("the signature is invalid")]
    InvalidSignature,
    /// The token is not a compact JWS, or its header is not a JOSE header.
    #[error("the token is malformed")]
    Malformed,
    /// The token, or its header, is larger than allowed.
    #[error("the token is too large")]
    TooLarge,
    /// The payload is not base64url encoded ([RFC 7797](https://www.rfc-editor.org/rfc/rfc7797)).
    #[error("unencoded payloads are not accepted")]
    UnencodedPayload,
    /// No key of this name, or no key at all for the algorithm.
    #[error("the key is unknown")]
    UnknownKey,
    /// The algorithm is not one that this library verifies; `none` is one of them.
    #[error("the algorithm is not supported")]
    UnsupportedAlgorithm,
    /// The token is of another type than is wanted here.
    #[error("the token is of another type")]
    WrongType,
}

/// Why a JSON Web Key, or a set of them, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// `alg` and the type or curve of the key do not go together.
    #[error("the algorithm does not fit the key")]
    AlgorithmMismatch,
    /// Two keys that could verify the same token have the same `kid`.
    #[error("two keys have the same id")]
    DuplicateKeyId,
    /// A member appears twice.
    #[error("a member appears twice")]
    DuplicateMember,
    /// The document is not JSON, or lacks a member, or a member is not what it must be.
    #[error("the key is malformed")]
    Malformed,
    /// Symmetric and public keys are in one set.
    #[error("symmetric and public keys are mixed")]
    MixedKeys,
    /// `use` or `key_ops` say that the key is not for encryption.
    #[error("the key is not for encryption")]
    NotForEncryption,
    /// `use` or `key_ops` say that the key is not for signatures.
    #[error("the key is not for signatures")]
    NotForSignatures,
    /// There is private or symmetric key material where only public keys may be
    /// ([RFC 7517, section 9.3](https://www.rfc-editor.org/rfc/rfc7517#section-9.3)).
    #[error("there is private key material in a public key")]
    PrivateMaterial,
    /// The numbers of the key are unacceptable.
    #[error("the key is unacceptable")]
    Rejected(#[from] KeyRejected),
    /// The document is larger, or has more keys, than allowed.
    #[error("the key set is too large")]
    TooLarge,
    /// The type, curve or algorithm is not supported.
    #[error("the key is of an unsupported type")]
    Unsupported,
}

/// Why a token could not be signed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The claims cannot be written as a JSON object.
    #[error("the claims cannot be written")]
    Claims,
    /// The signer failed.
    #[error("the signer failed")]
    Signer(#[from] PortError),
}

impl From<SignError> for PortError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Claims => Self::permanent(error),
            SignError::Signer(error) => error,
        }
    }
}
