//! What is handed through, and never followed.

use serde::{Deserialize, Serialize};

use super::BindingError;

/// A relay state: opaque to whoever did not make it.
///
/// # Security
///
/// It is no address: whoever redirects to a relay state redirects to wherever the sender likes. A service provider of this
/// crate sends none, and keeps where the person wanted to go in its own store, under the identifier of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RelayState(String);

impl TryFrom<String> for RelayState {
    type Error = BindingError;

    fn try_from(text: String) -> Result<Self, BindingError> {
        Self::to_echo(&text)
    }
}

impl RelayState {
    /// Most bytes that are taken to be handed back. The standard allows 80
    /// ([SAML bindings, section 3.4.3](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)), and
    /// services put addresses here all the same.
    pub const MAX_ECHOED: usize = 1024;

    /// Takes the relay state of a peer, to hand it back.
    ///
    /// # Errors
    ///
    /// Fails when it is longer than [`MAX_ECHOED`](Self::MAX_ECHOED), or has control characters.
    pub fn to_echo(text: &str) -> Result<Self, BindingError> {
        if text.len() > Self::MAX_ECHOED || text.chars().any(char::is_control) {
            return Err(BindingError::RelayState);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, for a parameter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
