//! The name of a client.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The `client_id` of a client: public, chosen by the host or made at random.
///
/// ```
/// use ciam_oauth::client::ClientId;
///
/// let id: ClientId = "web-shop".parse()?;
/// assert_eq!(id.as_str(), "web-shop");
/// assert!("two words".parse::<ClientId>().is_err());
/// # Ok::<(), ciam_oauth::client::InvalidClientId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// A client id is at most this long, in bytes.
    pub const MAX_LENGTH: usize = 200;

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The recipient under which consent to this client is recorded.
    #[must_use]
    pub fn consent_recipient(&self) -> String {
        format!("client:{}", self.0)
    }

    /// The subject of the client's events: `client:<id>`.
    #[must_use]
    pub fn event_subject(&self) -> String {
        format!("client:{}", self.0)
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        let well_formed = !text.is_empty()
            && text.len() <= Self::MAX_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'|'));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidClientId) }
    }
}

impl TryFrom<String> for ClientId {
    type Error = InvalidClientId;

    fn try_from(text: String) -> Result<Self, InvalidClientId> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({})", self.0)
    }
}

/// The text is not a client id: 1 to 200 printable ASCII characters without space, quote, backslash and bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid client id")]
#[non_exhaustive]
pub struct InvalidClientId;
