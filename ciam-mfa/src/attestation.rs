//! Where a device's key is kept, as a port: Android's key attestation, Apple's App Attest, or what a host makes of its own.

use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::jose::PublicJwk;
use serde::{Deserialize, Serialize};

/// A statement about a key, as the device gives it.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct AttestationStatement {
    /// The format, such as `android-key` or `apple-appattest`.
    pub format: String,
    /// The statement, as the format has it.
    pub data: String,
}

/// What a statement proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttestedKey {
    /// The format.
    pub format: String,
    /// Whether the key cannot leave the hardware that it was made in.
    pub in_hardware: bool,
}

impl AttestedKey {
    /// A key of which somebody says where it is.
    #[must_use]
    pub fn new(format: impl Into<String>, in_hardware: bool) -> Self {
        Self { format: format.into(), in_hardware }
    }
}

/// Verifies statements about keys.
///
/// # Contract
///
/// - A statement proves something of this key alone, and was made for this challenge: else it is `None`.
/// - `None` is for what is not proved; an error for what could not be looked at.
///
/// # Cancel safety
///
/// Nothing is changed, so its future may be dropped.
#[async_trait]
pub trait KeyAttestation: fmt::Debug + Send + Sync {
    /// What a statement proves of a key.
    ///
    /// # Errors
    ///
    /// Fails when the statement could not be looked at.
    async fn verify(
        &self,
        key: &PublicJwk,
        challenge: &str,
        statement: &AttestationStatement,
    ) -> Result<Option<AttestedKey>, PortError>;
}

/// Believes nobody: every key counts as one in software.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoKeyAttestation;

impl NoKeyAttestation {
    /// Believes nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl KeyAttestation for NoKeyAttestation {
    async fn verify(
        &self,
        _: &PublicJwk,
        _: &str,
        _: &AttestationStatement,
    ) -> Result<Option<AttestedKey>, PortError> {
        Ok(None)
    }
}
