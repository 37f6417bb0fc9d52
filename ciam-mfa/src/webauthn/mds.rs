//! The FIDO Metadata Service: [version 3](https://fidoalliance.org/specs/mds/fido-metadata-service-v3.1-ps-20250521.html).
//!
//! The service publishes one signed file (a "BLOB") with what is known of each model of authenticator: the certificates that
//! vouch for it, and what went wrong with it. A host fetches the file once a day and gives it here; nothing here fetches.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::crypto::{Crypto, SignatureScheme};
use ciam_core::encoding::base64url;
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::certificate::{Cert, MAX_CHAIN, chain_leads_to};
use super::metadata::AttestationTrust;

/// What the metadata service says, after its signature was checked.
///
/// Nobody is believed about a model that the service does not know, that is revoked, or whose keys or verification of people
/// are known to be broken, whatever was reported afterwards.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FidoMetadata {
    /// The number of the file; each later one has a higher number.
    pub number: u64,
    /// When the next file is expected. Past it, fetch again.
    pub next_update: time::Date,
    models: BTreeMap<[u8; 16], Vec<Vec<u8>>>,
}

/// A file of the metadata service is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It is no signed file of this kind.
    #[error("the metadata cannot be read")]
    Malformed,
    /// It is not signed with an algorithm that is accepted, or the signature is wrong.
    #[error("the metadata is not signed as it has to be")]
    Signature,
    /// Its certificate does not lead to the root, or is not the service's.
    #[error("the metadata is signed by somebody else")]
    Untrusted,
    /// It is older than what is known already.
    #[error("the metadata is older than what is known")]
    Older,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    x5c: Vec<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    no: u64,
    next_update: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    aaguid: Option<uuid::Uuid>,
    #[serde(default)]
    metadata_statement: Option<MetadataStatement>,
    #[serde(default)]
    status_reports: Vec<StatusReport>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataStatement {
    #[serde(default)]
    attestation_root_certificates: Vec<String>,
}

#[derive(Deserialize)]
struct StatusReport {
    status: String,
}

impl FidoMetadata {
    /// The largest file.
    pub const MAX_LENGTH: usize = 64 * 1024 * 1024;
    /// The name in the service's certificate.
    pub const SERVICE: &'static str = "mds.fidoalliance.org";

    /// Checks and reads a file. `root` is the certificate, in DER, to which the service's own leads: today GlobalSign's Root
    /// R3. `known` is the number of the last file that was accepted, if there was one.
    ///
    /// # Errors
    ///
    /// Says why the file is not believed.
    ///
    /// # Security
    ///
    /// Revocation lists are not asked: what is served over TLS from the service's own address, and signed by a certificate in
    /// its name, is believed.
    pub fn read(
        crypto: &dyn Crypto,
        file: &str,
        root: &[u8],
        known: Option<u64>,
        now: OffsetDateTime,
    ) -> Result<Self, MetadataError> {
        use MetadataError::{Malformed, Older};
        if file.len() > Self::MAX_LENGTH {
            return Err(Malformed);
        }
        let (signed, signature) = file.trim().rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
        let part = |text: &str| base64url::decode(text).map_err(|_| Malformed);
        let header: Header = serde_json::from_slice(&part(header)?).map_err(|_| Malformed)?;
        Self::check_signature(crypto, &header, signed, &part(signature)?, root, now)?;
        let payload: Payload = serde_json::from_slice(&part(payload)?).map_err(|_| Malformed)?;
        if known.is_some_and(|known| payload.no < known) {
            return Err(Older);
        }
        let format = format_description!("[year]-[month]-[day]");
        let next_update = time::Date::parse(&payload.next_update, format).map_err(|_| Malformed)?;
        let mut models = BTreeMap::new();
        for entry in payload.entries {
            let (Some(aaguid), Some(statement)) = (entry.aaguid, entry.metadata_statement) else { continue };
            if entry.status_reports.iter().any(|it| BROKEN.contains(&it.status.as_str())) {
                continue;
            }
            models.insert(*aaguid.as_bytes(), certificates(&statement.attestation_root_certificates)?);
        }
        Ok(Self { number: payload.no, next_update, models })
    }

    /// How many models are believed in.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models.len()
    }

    fn check_signature(
        crypto: &dyn Crypto,
        header: &Header,
        signed: &str,
        signature: &[u8],
        root: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), MetadataError> {
        let scheme = match header.alg.as_str() {
            "ES256" => SignatureScheme::EcdsaP256Sha256,
            "ES384" => SignatureScheme::EcdsaP384Sha384,
            "RS256" => SignatureScheme::RsaPkcs1Sha256,
            _ => return Err(MetadataError::Signature),
        };
        if header.crit.is_some() || header.x5c.len() > MAX_CHAIN {
            return Err(MetadataError::Signature);
        }
        let chain: Vec<Cert> = certificates(&header.x5c)?
            .iter()
            .map(|it| Cert::read(it).map_err(|_| MetadataError::Malformed))
            .collect::<Result<_, _>>()?;
        let leaf = chain.first().ok_or(MetadataError::Signature)?;
        if !leaf.is_for_host(Self::SERVICE) || !chain_leads_to(crypto, &chain, &[root.to_vec()], now) {
            return Err(MetadataError::Untrusted);
        }
        let key = leaf.public_key().ok_or(MetadataError::Signature)?;
        let key = crypto.verifying_key(scheme, &key).map_err(|_| MetadataError::Signature)?;
        key.verify(signed.as_bytes(), signature).map_err(|_| MetadataError::Signature)
    }
}

impl AttestationTrust for FidoMetadata {
    fn anchors(&self, aaguid: &[u8; 16], _format: &str) -> Vec<Vec<u8>> {
        self.models.get(aaguid).cloned().unwrap_or_default()
    }
}

/// Certificates in base64, which may be broken into lines.
fn certificates(texts: &[String]) -> Result<Vec<Vec<u8>>, MetadataError> {
    let decode = |text: &String| {
        let text: String = text.split_whitespace().collect();
        STANDARD.decode(text).map_err(|_| MetadataError::Malformed)
    };
    texts.iter().map(decode).collect()
}

/// What makes a model one in which nobody believes.
const BROKEN: [&str; 5] = [
    "REVOKED",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_VERIFICATION_BYPASS",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
];

#[cfg(test)]
mod tests {
    use ciam_core::crypto::ring;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const ROOT: &[u8] = include_bytes!("../../tests/data/root.der");
    const GOOD: &str = include_str!("../../tests/data/mds.jwt");

    fn read(file: &str, known: Option<u64>) -> Result<FidoMetadata, MetadataError> {
        FidoMetadata::read(&*ring(), file, ROOT, known, NOW)
    }

    #[test]
    fn a_model_is_believed_in_unless_it_is_broken() {
        let metadata = read(GOOD, Some(42)).unwrap();
        assert_eq!((metadata.number, metadata.models()), (42, 1));
        let model = |last| {
            let mut aaguid = [0; 16];
            aaguid[15] = last;
            metadata.anchors(&aaguid, "packed")
        };
        assert_eq!(model(1), [ROOT.to_vec()]);
        for broken_or_unknown in [2, 3, 4] {
            assert!(model(broken_or_unknown).is_empty(), "{broken_or_unknown}");
        }
    }

    #[test]
    fn what_the_service_did_not_sign_is_not_believed() {
        let data = |file: &str| match file {
            "foreign" => include_str!("../../tests/data/mds-foreign.jwt"),
            "unsigned" => include_str!("../../tests/data/mds-unsigned.jwt"),
            _ => include_str!("../../tests/data/mds-stranger.jwt"),
        };
        assert_eq!(read(data("foreign"), None).unwrap_err(), MetadataError::Untrusted);
        assert_eq!(read(data("unsigned"), None).unwrap_err(), MetadataError::Signature);
        assert_eq!(read(data("stranger"), None).unwrap_err(), MetadataError::Signature);
        assert_eq!(read(GOOD, Some(43)).unwrap_err(), MetadataError::Older);
        let other = include_bytes!("../../tests/data/other-root.der");
        let refused = FidoMetadata::read(&*ring(), GOOD, other, None, NOW).unwrap_err();
        assert_eq!(refused, MetadataError::Untrusted);
        let late = datetime!(2061-01-01 0:00 UTC);
        assert_eq!(
            FidoMetadata::read(&*ring(), GOOD, ROOT, None, late).unwrap_err(),
            MetadataError::Untrusted
        );
        for wrong in ["", "a.b", "a.b.c", "e30.e30.e30"] {
            assert!(read(wrong, None).is_err(), "{wrong}");
        }
        // One letter of the payload.
        let at = GOOD.find('.').unwrap() + 20;
        let mut altered = GOOD.to_owned();
        let other = if altered.as_bytes()[at] == b'A' { "B" } else { "A" };
        altered.replace_range(at..=at, other);
        assert!(matches!(read(&altered, None), Err(MetadataError::Signature)));
    }
}
