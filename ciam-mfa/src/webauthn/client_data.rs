//! What the browser signs along: [WebAuthn, section 5.8.1](https://www.w3.org/TR/webauthn-3/#dictionary-client-data).

use ciam_core::encoding::base64url;
use ciam_core::secret::ct_eq;
use serde::Deserialize;

use super::error::WebauthnError;
use super::relying_party::RelyingParty;

/// Client data.
///
/// Unknown members are ignored, as the specification wants; a member that is there twice is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ClientData {
    /// The ceremony: `webauthn.create` or `webauthn.get`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The challenge, in base64url.
    pub challenge: String,
    /// Where the page came from.
    pub origin: String,
    /// Whether the page was in a frame of a page from elsewhere.
    #[serde(default, rename = "crossOrigin")]
    pub cross_origin: bool,
    /// From where the outermost page came, if it was.
    #[serde(default, rename = "topOrigin")]
    pub top_origin: Option<String>,
}

/// A ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

impl ClientData {
    /// The largest client data.
    pub const MAX_LENGTH: usize = 8 * 1024;

    /// Reads client data.
    ///
    /// # Errors
    ///
    /// Fails when it is no such JSON object, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, WebauthnError> {
        if bytes.len() > Self::MAX_LENGTH {
            return Err(WebauthnError::TooLarge { what: "client data" });
        }
        // "UTF-8 decode" takes a byte order mark away.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        serde_json::from_slice(bytes).map_err(|_| WebauthnError::Malformed { what: "client data" })
    }

    /// Checks that it belongs to this ceremony of this relying party with this challenge.
    pub(super) fn check(
        &self,
        ceremony: Ceremony,
        challenge: &[u8],
        relying_party: &RelyingParty,
    ) -> Result<(), WebauthnError> {
        if self.kind != ceremony.name() {
            return Err(WebauthnError::Type);
        }
        let answered = base64url::decode(&self.challenge).map_err(|_| WebauthnError::Challenge)?;
        if challenge.len() < 16 || !ct_eq(&answered, challenge) {
            return Err(WebauthnError::Challenge);
        }
        if !relying_party.is_origin(&self.origin) {
            return Err(WebauthnError::Origin);
        }
        let embedded = self.cross_origin || self.top_origin.is_some();
        if embedded && !relying_party.may_embed(self.top_origin.as_deref()) {
            return Err(WebauthnError::CrossOrigin);
        }
        Ok(())
    }
}
