//! Why encrypted tokens are refused.

use crate::crypto::KeyRejected;
use crate::error::PortError;
use crate::jose::JwkError;

/// Why an encrypted token was refused. For logs and metrics: a client learns only that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JweError {
    /// The key management or the content encryption is known but not allowed here.
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The content is compressed: `zip`.
    #[error("compressed content is not accepted")]
    Compressed,
    /// The header demands an extension that is not understood.
    #[error("the header demands an unknown extension")]
    CriticalHeader,
    /// The token does not open with our keys: another key, or something was altered.
    #[error("the token cannot be decrypted")]
    Decryption,
    /// The header has a member twice.
    #[error("a member appears twice")]
    DuplicateMember,
    /// The token is not a compact JWE, or its header is not a JOSE header.
    #[error("the token is malformed")]
    Malformed,
    /// The content is not a nested token.
    #[error("the content is not a nested token")]
    NotNested,
    /// The token, or its header, is larger than allowed.
    #[error("the token is too large")]
    TooLarge,
    /// No key of this name, or none for this key management.
    #[error("the key is unknown")]
    UnknownKey,
    /// The key management or the content encryption is not one that this library, or the backend, decrypts.
    #[error("the algorithm is not supported")]
    UnsupportedAlgorithm,
}

/// Why content was not encrypted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// The recipient's key cannot be used.
    #[error("the recipient's key cannot be used")]
    Key(#[from] JwkError),
    /// The random source failed.
    #[error("the random source failed")]
    Random(#[from] PortError),
    /// The backend does not encrypt in this way.
    #[error("the backend does not encrypt in this way")]
    Unsupported,
}

impl From<KeyRejected> for EncryptError {
    fn from(error: KeyRejected) -> Self {
        match error {
            KeyRejected::Unsupported => Self::Unsupported,
            other => Self::Key(JwkError::Rejected(other)),
        }
    }
}
