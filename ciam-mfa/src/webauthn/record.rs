//! What is kept of a passkey.

use ciam_core::credential::{Credential, CredentialState};
use ciam_core::id::AccountId;
use ciam_core::store::{IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord, Versioned};
use serde::{Deserialize, Serialize};

use super::cose::CoseAlgorithm;
use super::factor::PasskeyFactor;
use super::response::Base64Url;

/// What is kept of a passkey, on a credential of the account:
/// [WebAuthn, section 4](https://www.w3.org/TR/webauthn-3/#credential-record), "credential record".
///
/// The signature counter is the credential's own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasskeyRecord {
    /// The relying party that it is bound to.
    pub rp_id: String,
    /// The id of the credential.
    pub id: Vec<u8>,
    /// The public key, as COSE.
    pub key: Vec<u8>,
    /// The algorithm.
    pub algorithm: CoseAlgorithm,
    /// The model of the authenticator; zeros where it did not say.
    pub aaguid: [u8; 16],
    /// How it can be reached.
    pub transports: Vec<String>,
    /// Whether it may be kept in more than one place.
    pub backup_eligible: bool,
    /// Whether it is kept in more than one place.
    pub backed_up: bool,
    /// Whether its authenticator has ever verified the person.
    pub user_verified: bool,
    /// Whether the authenticator keeps it, as far as the browser knows.
    pub discoverable: Option<bool>,
    /// Whether keys can be derived from it, as far as the browser knows.
    pub prf: Option<bool>,
    /// The format of the attestation.
    pub attestation: String,
    /// Whether somebody vouched for the authenticator whom the host trusts.
    pub trusted: bool,
}

impl PasskeyRecord {
    /// Reads it from a credential; `None` when it is none of a passkey.
    #[must_use]
    pub fn of(credential: &Credential) -> Option<Self> {
        if credential.factor != PasskeyFactor::NAME {
            return None;
        }
        let stored: Stored = serde_json::from_value(credential.data.clone()).ok()?;
        stored.try_into().ok()
    }

    /// The active passkeys of an account.
    pub(crate) fn active(
        credentials: &[Versioned<Credential>],
    ) -> impl Iterator<Item = (&Versioned<Credential>, Self)> {
        let active = credentials.iter().filter(|it| it.value.state == CredentialState::Active);
        active.filter_map(|it| Some((it, Self::of(&it.value)?)))
    }

    pub(crate) fn to_data(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(Stored::from(self.clone()))
    }

    /// Whether its key cannot leave the hardware that somebody vouches for.
    #[must_use]
    pub const fn is_in_hardware(&self) -> bool {
        self.trusted && !self.backup_eligible
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    rp_id: String,
    id: Base64Url,
    key: Base64Url,
    alg: i64,
    aaguid: Base64Url,
    #[serde(default)]
    transports: Vec<String>,
    backup_eligible: bool,
    backed_up: bool,
    user_verified: bool,
    #[serde(default)]
    discoverable: Option<bool>,
    #[serde(default)]
    prf: Option<bool>,
    attestation: String,
    #[serde(default)]
    trusted: bool,
}

impl From<PasskeyRecord> for Stored {
    fn from(record: PasskeyRecord) -> Self {
        Self {
            rp_id: record.rp_id,
            id: Base64Url::new(record.id),
            key: Base64Url::new(record.key),
            alg: record.algorithm.number(),
            aaguid: Base64Url::new(record.aaguid.to_vec()),
            transports: record.transports,
            backup_eligible: record.backup_eligible,
            backed_up: record.backed_up,
            user_verified: record.user_verified,
            discoverable: record.discoverable,
            prf: record.prf,
            attestation: record.attestation,
            trusted: record.trusted,
        }
    }
}

impl TryFrom<Stored> for PasskeyRecord {
    type Error = ();

    fn try_from(stored: Stored) -> Result<Self, ()> {
        Ok(Self {
            rp_id: stored.rp_id,
            id: stored.id.0,
            key: stored.key.0,
            algorithm: CoseAlgorithm::of(stored.alg).map_err(|_| ())?,
            aaguid: stored.aaguid.0.try_into().map_err(|_| ())?,
            transports: stored.transports,
            backup_eligible: stored.backup_eligible,
            backed_up: stored.backed_up,
            user_verified: stored.user_verified,
            discoverable: stored.discoverable,
            prf: stored.prf,
            attestation: stored.attestation,
            trusted: stored.trusted,
        })
    }
}

/// Says that the id of a credential is taken, by whichever account: no two may have the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PasskeyId {
    pub(crate) digest: String,
    pub(crate) account: AccountId,
}

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl PasskeyId {
    pub(crate) fn new(id: &[u8], account: AccountId) -> Self {
        Self { digest: Self::key_of(id), account }
    }

    pub(crate) fn key_of(id: &[u8]) -> String {
        ciam_core::secret::TokenDigest::of_bytes(id).to_text()
    }
}

impl StoredRecord for PasskeyId {
    const KIND: RecordKind = RecordKind::new("mfa.passkey_id", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.digest.clone()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }
}
