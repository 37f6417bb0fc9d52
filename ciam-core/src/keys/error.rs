//! Why a key ring cannot do something.

use super::policy::InvalidPolicy;
use super::state::InvalidTransition;
use crate::error::PortError;
use crate::jose::{Algorithm, JwkError};
use crate::store::RecordError;

/// Why a key ring cannot do something.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The source makes no keys for the algorithm.
    #[error("keys for {algorithm} cannot be made here: import one")]
    CannotGenerate {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The imported key is refused.
    #[error("the key is refused")]
    Key(#[from] JwkError),
    /// The ring has no key that signs with the algorithm.
    #[error("there is no key for {algorithm}: import one, or leave the algorithm out")]
    NoKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A ring needs an algorithm.
    #[error("no algorithm was asked for")]
    NoAlgorithms,
    /// The imported key is used with another algorithm, and a key is used with one only
    /// ([RFC 8725, section 3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
    #[error("the key is already used with {algorithm}")]
    OtherAlgorithm {
        /// The algorithm that it is used with.
        algorithm: Algorithm,
    },
    /// The policy is contradictory.
    #[error("the key policy is refused")]
    Policy(#[from] InvalidPolicy),
    /// A port failed.
    #[error("the keys could not be reached")]
    Port(#[from] PortError),
    /// The imported key has retired or was withdrawn before.
    #[error("the key has been retired before")]
    RetiredKey,
    /// Another key is waiting to sign.
    #[error("another key is waiting already")]
    SuccessorWaiting,
    /// Symmetric keys cannot be published.
    #[error("a key ring has no symmetric keys")]
    Symmetric,
    /// The key is not in a state from which this can be done.
    #[error("the key is not in a state for this")]
    Transition(#[from] InvalidTransition),
}

impl From<RecordError> for KeyRingError {
    fn from(error: RecordError) -> Self {
        Self::Port(error.into())
    }
}

impl From<KeyRingError> for PortError {
    fn from(error: KeyRingError) -> Self {
        match error {
            KeyRingError::Port(error) => error,
            other => Self::permanent(other),
        }
    }
}
