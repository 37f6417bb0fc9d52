//! The registration ceremony: [WebAuthn, section 7.1](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential).

use ciam_core::crypto::{Crypto, sha256};
use time::OffsetDateTime;

use super::attestation::{self, Attested, Statement};
use super::authenticator_data::AuthenticatorData;
use super::cbor::Item;
use super::client_data::{Ceremony, ClientData};
use super::error::WebauthnError;
use super::options::UserVerification;
use super::record::PasskeyRecord;
use super::relying_party::{AttestationPolicy, RelyingParty};
use super::response::RegistrationResponse;

/// A credential that was made as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// What is to be kept.
    pub passkey: PasskeyRecord,
    /// The signature counter.
    pub sign_count: u32,
}

impl RelyingParty {
    /// Checks the answer to creation options with this challenge. That nobody else has the credential's id is the caller's
    /// to see.
    ///
    /// # Errors
    ///
    /// Says which step of the ceremony failed.
    pub fn verify_registration(
        &self,
        crypto: &dyn Crypto,
        challenge: &[u8],
        user_verification: UserVerification,
        response: &RegistrationResponse,
        now: OffsetDateTime,
    ) -> Result<Registered, WebauthnError> {
        let client_data_json = response.response.client_data_json.as_bytes();
        ClientData::read(client_data_json)?.check(Ceremony::Create, challenge, self)?;
        let client_data_hash = sha256(client_data_json);

        let object = response.response.attestation_object.as_bytes();
        if object.len() > MAX_OBJECT {
            return Err(WebauthnError::TooLarge { what: OBJECT });
        }
        let object = Item::read(object, OBJECT)?;
        let malformed = WebauthnError::Malformed { what: OBJECT };
        let encoded = object.get("authData").and_then(Item::bytes).ok_or(malformed)?;
        let format = object.get("fmt").and_then(Item::text).ok_or(malformed)?;
        let statement = object.get("attStmt").ok_or(malformed)?;

        let data = AuthenticatorData::read(encoded)?;
        self.check_data(&data, user_verification)?;
        let credential =
            data.attested.as_ref().ok_or(WebauthnError::Malformed { what: "authenticator data" })?;
        if response.raw_id.as_bytes() != credential.id {
            return Err(WebauthnError::Credential);
        }
        if !self.algorithms.contains(&credential.key.algorithm) {
            return Err(WebauthnError::Algorithm);
        }
        // Whatever the attestation: a key that cannot be used is no passkey.
        credential.key.parse(crypto)?;

        let statement = Statement {
            crypto,
            statement,
            authenticator_data: encoded,
            client_data_hash: &client_data_hash,
            credential,
            rp_id_hash: data.rp_id_hash,
        };
        let attested = attestation::verify(format, &statement)?;
        let trusted = self.is_trusted(crypto, &attested, &credential.aaguid, now)?;
        let transports = response.response.transports.iter().filter(|it| is_transport(it));
        let extensions = &response.client_extension_results;
        Ok(Registered {
            passkey: PasskeyRecord {
                rp_id: self.id().to_owned(),
                id: credential.id.to_vec(),
                key: credential.encoded_key.to_vec(),
                algorithm: credential.key.algorithm,
                aaguid: credential.aaguid,
                transports: transports.take(MAX_TRANSPORTS).cloned().collect(),
                backup_eligible: data.flags.backup_eligible(),
                backed_up: data.flags.backed_up(),
                user_verified: data.flags.user_verified(),
                discoverable: extensions.cred_props.as_ref().and_then(|props| props.rk),
                prf: extensions.prf.as_ref().and_then(|prf| prf.enabled),
                attestation: format.to_owned(),
                trusted,
            },
            sign_count: data.sign_count,
        })
    }

    /// What both ceremonies ask of authenticator data.
    pub(super) fn check_data(
        &self,
        data: &AuthenticatorData<'_>,
        user_verification: UserVerification,
    ) -> Result<(), WebauthnError> {
        if *data.rp_id_hash != sha256(self.id().as_bytes()) {
            return Err(WebauthnError::RpId);
        }
        if !data.flags.user_present() {
            return Err(WebauthnError::UserPresence);
        }
        if user_verification == UserVerification::Required && !data.flags.user_verified() {
            return Err(WebauthnError::UserVerification);
        }
        if data.flags.backed_up() && !data.flags.backup_eligible() {
            return Err(WebauthnError::BackupFlags);
        }
        Ok(())
    }

    fn is_trusted(
        &self,
        crypto: &dyn Crypto,
        attested: &Attested,
        aaguid: &[u8; 16],
        now: OffsetDateTime,
    ) -> Result<bool, WebauthnError> {
        let anchors = self.trust.anchors(aaguid, attested.format);
        let trusted = !attested.chain.is_empty()
            && super::certificate::chain_leads_to(crypto, &attested.chain, &anchors, now);
        match &self.attestation {
            AttestationPolicy::NotAsked | AttestationPolicy::Asked => Ok(trusted),
            AttestationPolicy::Trusted { models } => {
                if trusted && (models.is_empty() || models.contains(aaguid)) {
                    Ok(true)
                } else {
                    Err(WebauthnError::Untrusted)
                }
            }
        }
    }
}

fn is_transport(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
}

const OBJECT: &str = "attestation object";
const MAX_OBJECT: usize = 48 * 1024;
const MAX_TRANSPORTS: usize = 8;
