//! The protected header of a JWS.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};

use super::algorithm::Algorithm;
use super::error::JwsError;
use super::json::{self, JsonProblem, MAX_DEPTH, Name, Seen, Strict};

/// What the header of a token says. Nothing in it is trusted: it only helps to find the key.
///
/// `jwk`, `jku`, `x5u`, `x5c`, `x5t` and unknown members are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The algorithm that the token claims to be signed with.
    pub algorithm: Algorithm,
    /// The media type of the token: `typ`.
    pub typ: Option<String>,
    /// The name of the key: `kid`. An opaque text.
    pub kid: Option<String>,
}

impl Header {
    /// Reads the decoded header and refuses what must not be processed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JwsError> {
        let raw = json::read(bytes, |deserializer, duplicate| {
            deserializer.deserialize_map(HeaderVisitor { duplicate })
        })
        .map_err(|problem| match problem {
            JsonProblem::Malformed => JwsError::Malformed,
            JsonProblem::DuplicateMember => JwsError::DuplicateMember,
        })?;
        // Extensions change what the rest means, so they come first. None is understood.
        if raw.b64 {
            return Err(JwsError::UnencodedPayload);
        }
        if raw.crit {
            return Err(JwsError::CriticalHeader);
        }
        let algorithm = raw.alg.ok_or(JwsError::Malformed)?.map_err(|_| JwsError::UnsupportedAlgorithm)?;
        Ok(Self { algorithm, typ: raw.typ, kid: raw.kid })
    }
}

#[derive(Default)]
struct RawHeader {
    alg: Option<Result<Algorithm, super::UnsupportedAlgorithm>>,
    typ: Option<String>,
    kid: Option<String>,
    crit: bool,
    /// Whether there is a `b64` other than `true`.
    b64: bool,
}

struct HeaderVisitor<'c> {
    duplicate: &'c Cell<bool>,
}

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<RawHeader, A::Error> {
        let mut header = RawHeader::default();
        let mut seen = Seen::new();
        while let Some(name) = members.next_key_seed(Name)? {
            match &*name {
                "alg" => header.alg = Some(members.next_value::<TextValue<'_>>()?.0.parse()),
                "typ" => header.typ = Some(members.next_value()?),
                "kid" => header.kid = Some(members.next_value()?),
                "crit" => {
                    let critical: Vec<String> = members.next_value()?;
                    if critical.is_empty() {
                        return Err(A::Error::custom("`crit` must not be empty"));
                    }
                    header.crit = true;
                }
                "b64" => header.b64 = !members.next_value::<bool>()?,
                _ => members.next_value_seed(Strict { depth: MAX_DEPTH, duplicate: self.duplicate })?,
            }
            seen.add(name, self.duplicate)?;
        }
        Ok(header)
    }
}

/// A string, borrowed where it has no escapes.
struct TextValue<'de>(std::borrow::Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for TextValue<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name).map(Self)
    }
}
