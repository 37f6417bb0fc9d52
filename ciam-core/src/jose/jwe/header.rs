//! The protected header of a JWE.

use serde_json::{Map, Value};

use super::algorithm::{ContentEncryption, KeyManagement};
use super::error::JweError;
use crate::crypto::PublicKey;
use crate::encoding::base64url;
use crate::jose::json::{self, JsonProblem};
use crate::jose::jwk::Members;

/// What the header of an encrypted token says. It is authenticated with the content, by whoever encrypted it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JweHeader {
    /// How the content's key reaches the recipient.
    pub management: KeyManagement,
    /// How the content is encrypted.
    pub encryption: ContentEncryption,
    /// The name of the recipient's key: `kid`.
    pub kid: Option<String>,
    /// The media type of the token: `typ`.
    pub typ: Option<String>,
    /// The media type of the content: `cty`.
    pub cty: Option<String>,
}

/// The header with what only decryption needs.
pub(super) struct ParsedHeader {
    pub(super) header: JweHeader,
    pub(super) ephemeral: Option<PublicKey>,
    pub(super) producer: Vec<u8>,
    pub(super) recipient: Vec<u8>,
}

impl ParsedHeader {
    /// Reads the decoded header and refuses what must not be processed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JweError> {
        json::check_object(bytes).map_err(|problem| match problem {
            JsonProblem::Malformed => JweError::Malformed,
            JsonProblem::DuplicateMember => JweError::DuplicateMember,
        })?;
        let members: Map<String, Value> = serde_json::from_slice(bytes).map_err(|_| JweError::Malformed)?;
        // Extensions change what the rest means, so they come first. None is understood.
        if members.contains_key("crit") {
            return Err(JweError::CriticalHeader);
        }
        if members.contains_key("zip") {
            return Err(JweError::Compressed);
        }
        let needed = |name| text(&members, name)?.ok_or(JweError::Malformed);
        let management = needed("alg")?.parse().map_err(|_| JweError::UnsupportedAlgorithm)?;
        let encryption = needed("enc")?.parse().map_err(|_| JweError::UnsupportedAlgorithm)?;
        let owned = |name| Ok(text(&members, name)?.map(ToOwned::to_owned));
        let header =
            JweHeader { management, encryption, kid: owned("kid")?, typ: owned("typ")?, cty: owned("cty")? };
        Ok(Self {
            header,
            ephemeral: ephemeral(&members)?,
            producer: party(&members, "apu")?,
            recipient: party(&members, "apv")?,
        })
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, JweError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JweError::Malformed),
    }
}

fn party(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JweError> {
    let text = text(members, name)?.unwrap_or_default();
    base64url::decode(text).map_err(|_| JweError::Malformed)
}

fn ephemeral(members: &Map<String, Value>) -> Result<Option<PublicKey>, JweError> {
    let Some(key) = members.get("epk") else { return Ok(None) };
    let members = Members(key.as_object().ok_or(JweError::Malformed)?);
    members.refuse_private().map_err(|_| JweError::Malformed)?;
    match members.text("kty") {
        Ok(Some("EC")) => members.ec_key().map(Some).map_err(|_| JweError::Malformed),
        Ok(Some(_)) => Err(JweError::UnsupportedAlgorithm),
        _ => Err(JweError::Malformed),
    }
}
