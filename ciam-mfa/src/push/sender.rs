//! Waking an app, as a port: the push services of its maker.

use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::CredentialId;

/// Whom to wake, and for what. Holds nothing of the sign-in: push services read what they carry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushWake {
    /// The registered device.
    pub device: CredentialId,
    /// Where the push service reaches it, as the app has said.
    pub address: String,
    /// The request that waits for an answer.
    pub request: String,
}

/// Wakes apps.
///
/// # Contract
///
/// - `send` hands one message over, and waits for nothing else.
/// - It is called while a person waits. What is later than the factor's deadline is given up: the app asks by itself when it is
///   opened.
///
/// # Cancel safety
///
/// Dropping the future may or may not have sent the message.
#[async_trait]
pub trait PushSender: fmt::Debug + Send + Sync {
    /// Wakes one app.
    ///
    /// # Errors
    ///
    /// Fails when the push service does.
    async fn send(&self, wake: &PushWake) -> Result<(), PortError>;
}

/// Wakes nobody: apps ask by themselves when they are opened.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoPushSender;

impl NoPushSender {
    /// Wakes nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl PushSender for NoPushSender {
    async fn send(&self, _: &PushWake) -> Result<(), PortError> {
        Ok(())
    }
}
