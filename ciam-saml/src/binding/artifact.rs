//! The HTTP artifact binding ([SAML bindings, section 3.6](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)):
//! the browser carries a reference, and the message is fetched by it.

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::secret::TokenDigest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest as _, Sha1};

use super::{BindingError, RelayState};
use crate::dsig::{decode_strict, encode};

/// A reference to a message: of type 4, the only one that SAML 2.0 has (section 3.6.4).
///
/// # Security
///
/// Whoever has it can ask for the message, as far as who keeps the message lets them: `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    endpoint: u16,
    source: [u8; 20],
    handle: [u8; 20],
}

impl Artifact {
    /// Reads an artifact.
    ///
    /// # Errors
    ///
    /// Fails when it is not base64 of the one spelling, not of type 4, or of another length.
    pub fn parse(text: &str) -> Result<Self, BindingError> {
        let bytes = decode_strict(text).ok_or(BindingError::Artifact)?;
        let (kind, rest) = bytes.split_first_chunk::<2>().ok_or(BindingError::Artifact)?;
        let (endpoint, rest) = rest.split_first_chunk::<2>().ok_or(BindingError::Artifact)?;
        let (source, handle) = rest.split_first_chunk::<20>().ok_or(BindingError::Artifact)?;
        let handle = <[u8; 20]>::try_from(handle).map_err(|_| BindingError::Artifact)?;
        if *kind != TYPE {
            return Err(BindingError::Artifact);
        }
        Ok(Self { endpoint: u16::from_be_bytes(*endpoint), source: *source, handle })
    }

    /// A new artifact of an entity, with a handle of 160 random bits.
    pub(crate) fn random(entropy: &dyn Entropy, entity_id: &str, endpoint: u16) -> Result<Self, PortError> {
        let mut handle = [0; 20];
        entropy.fill(&mut handle)?;
        Ok(Self { endpoint, source: source_id(entity_id), handle })
    }

    /// Whether it says that this entity made it.
    #[must_use]
    pub fn is_from(&self, entity_id: &str) -> bool {
        self.source == source_id(entity_id)
    }

    /// The number of the address where the message is.
    #[must_use]
    pub const fn endpoint(&self) -> u16 {
        self.endpoint
    }

    /// The text of the artifact.
    #[must_use]
    pub fn to_text(&self) -> String {
        encode(&[&TYPE[..], &self.endpoint.to_be_bytes(), &self.source, &self.handle].concat())
    }

    /// By which stores know it.
    pub(crate) fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.to_text())
    }
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifact").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An artifact that came in a query or in a form.
#[derive(Clone, Debug)]
pub struct ArtifactMessage {
    artifact: Artifact,
    relay_state: Option<RelayState>,
}

impl ArtifactMessage {
    /// Reads the query of a URL without its question mark, or `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    ///
    /// Fails when there is not exactly one artifact and at most one relay state, when there is a message beside it, and when
    /// the artifact is none.
    pub fn parse(query: &[u8]) -> Result<Self, BindingError> {
        if query.len() > MAX_QUERY {
            return Err(BindingError::TooLarge);
        }
        let (mut artifact, mut relay_state) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query) {
            let fresh = match &*name {
                // A plus is a space in forms; in base64 it can only have been meant as itself.
                "SAMLart" => artifact.replace(Artifact::parse(&value.replace(' ', "+"))?).is_none(),
                "RelayState" => relay_state.replace(RelayState::to_echo(&value)?).is_none(),
                "SAMLRequest" | "SAMLResponse" => false,
                _ => true,
            };
            if !fresh {
                return Err(BindingError::Duplicate);
            }
        }
        Ok(Self { artifact: artifact.ok_or(BindingError::Missing)?, relay_state })
    }

    /// The artifact.
    #[must_use]
    pub const fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// The relay state.
    #[must_use]
    pub const fn relay_state(&self) -> Option<&RelayState> {
        self.relay_state.as_ref()
    }
}

/// The address that carries an artifact.
pub(crate) fn artifact_url(to: &str, artifact: &Artifact, relay_state: Option<&str>) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let separator = if to.contains('?') { '&' } else { '?' };
    let relay_state = relay_state.map(|text| format!("&RelayState={}", escaped(text))).unwrap_or_default();
    format!("{to}{separator}SAMLart={}{relay_state}", escaped(&artifact.to_text()))
}

/// An entity's name in artifacts: its SHA-1, which tells entities apart and protects nothing.
fn source_id(entity_id: &str) -> [u8; 20] {
    Sha1::digest(entity_id.as_bytes()).into()
}

const TYPE: [u8; 2] = [0, 4];
/// An artifact, and as much relay state as is handed back, escaped at worst in full.
const MAX_QUERY: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> Artifact {
        Artifact { endpoint: 7, source: source_id("https://idp.example/metadata"), handle: [9; 20] }
    }

    #[test]
    fn artifacts_have_one_form() {
        let text = artifact().to_text();
        assert_eq!(Artifact::parse(&text).unwrap(), artifact());
        assert_eq!(text.len(), 60);
        assert!(artifact().is_from("https://idp.example/metadata"));
        assert!(!artifact().is_from("https://idp.example/metadata/"));
        let whole = decode_strict(&text).unwrap();
        for bad in [
            Vec::new(),
            whole[..43].to_vec(),
            [&whole[..], &[0]].concat(),
            [&[0, 1], &whole[2..]].concat(),
            [&[4, 0], &whole[2..]].concat(),
        ] {
            assert_eq!(Artifact::parse(&encode(&bad)), Err(BindingError::Artifact), "{bad:?}");
        }
        assert_eq!(Artifact::parse(&text.replace('=', "")), Err(BindingError::Artifact));
        assert!(!format!("{:?}", artifact()).contains('9'));
    }

    #[test]
    fn a_query_has_one_artifact_and_no_message() {
        let url = artifact_url("https://sp.example/acs?x=1", &artifact(), Some("a&b"));
        let query = url.strip_prefix("https://sp.example/acs?").unwrap();
        let message = ArtifactMessage::parse(query.as_bytes()).unwrap();
        assert_eq!(message.artifact(), &artifact());
        assert_eq!(message.relay_state().unwrap().as_str(), "a&b");
        let one = format!("SAMLart={}", utf8_percent_encode(&artifact().to_text(), NON_ALPHANUMERIC));
        for bad in [
            format!("{one}&{one}"),
            format!("{one}&SAMLResponse=PGEvPg%3D%3D"),
            format!("{one}&RelayState=a&RelayState=b"),
            format!("{one}&RelayState=a%0d%0aLocation:x"),
            "RelayState=a".to_owned(),
            format!("{one}&x={}", "y".repeat(MAX_QUERY)),
            "SAMLart=!".to_owned(),
        ] {
            assert!(ArtifactMessage::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
