//! The authentication ceremony:
//! [WebAuthn, section 7.2](https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion).

use ciam_core::crypto::{Crypto, sha256};

use super::authenticator_data::AuthenticatorData;
use super::client_data::{Ceremony, ClientData};
use super::cose::{CoseKey, PasskeyKey};
use super::error::WebauthnError;
use super::options::UserVerification;
use super::record::PasskeyRecord;
use super::relying_party::{RelyingParty, SignCountPolicy};
use super::response::AuthenticationResponse;

/// A passkey that proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asserted {
    /// Whether the authenticator verified the person.
    pub user_verified: bool,
    /// Whether the credential is kept in more than one place by now.
    pub backed_up: bool,
    /// The signature counter that is to be kept: the highest that was seen.
    pub sign_count: u32,
    /// Whether the counter did not go up: there may be a copy of the credential.
    pub counter_regressed: bool,
}

impl RelyingParty {
    /// Checks the answer to request options with this challenge, of this passkey.
    ///
    /// `user` is the user handle of the account that the passkey belongs to, and `sign_count` the counter that was kept. With
    /// options that named no credential, the answer has to carry the handle.
    ///
    /// # Errors
    ///
    /// Says which step of the ceremony failed.
    pub fn verify_authentication(
        &self,
        crypto: &dyn Crypto,
        expected: &Expected<'_>,
        response: &AuthenticationResponse,
    ) -> Result<Asserted, WebauthnError> {
        let key = CoseKey::read(&expected.passkey.key)?.parse_known(crypto)?;
        self.verify_authentication_with(&key, expected, response)
    }

    /// The same with a key that is [parsed](CoseKey::parse) already.
    ///
    /// # Errors
    ///
    /// As [`verify_authentication`](Self::verify_authentication).
    pub fn verify_authentication_with(
        &self,
        key: &PasskeyKey,
        expected: &Expected<'_>,
        response: &AuthenticationResponse,
    ) -> Result<Asserted, WebauthnError> {
        let passkey = expected.passkey;
        if response.raw_id.as_bytes() != passkey.id || passkey.rp_id != self.id() {
            return Err(WebauthnError::Credential);
        }
        match &response.response.user_handle {
            Some(handle) if handle.as_bytes() == expected.user => {}
            // An authenticator that answers to a list of credentials need not say whose they are.
            None if !expected.discoverable => {}
            _ => return Err(WebauthnError::UserHandle),
        }
        let client_data_json = response.response.client_data_json.as_bytes();
        ClientData::read(client_data_json)?.check(Ceremony::Get, expected.challenge, self)?;
        let encoded = response.response.authenticator_data.as_bytes();
        let data = AuthenticatorData::read(encoded)?;
        self.check_data(&data, expected.user_verification)?;
        if data.flags.backup_eligible() != passkey.backup_eligible {
            return Err(WebauthnError::BackupFlags);
        }
        let message = [encoded, &sha256(client_data_json)].concat();
        key.verify(&message, response.response.signature.as_bytes())?;

        let counted = data.sign_count != 0 || expected.sign_count != 0;
        let counter_regressed = counted && data.sign_count <= expected.sign_count;
        if counter_regressed && self.sign_count == SignCountPolicy::Refuse {
            return Err(WebauthnError::Counter);
        }
        Ok(Asserted {
            user_verified: data.flags.user_verified(),
            backed_up: data.flags.backed_up(),
            sign_count: data.sign_count.max(expected.sign_count),
            counter_regressed,
        })
    }
}

/// What an answer is held against.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Expected<'a> {
    /// The challenge.
    pub challenge: &'a [u8],
    /// Whether the person had to be verified.
    pub user_verification: UserVerification,
    /// The passkey.
    pub passkey: &'a PasskeyRecord,
    /// The counter that was kept.
    pub sign_count: u32,
    /// The user handle of the account that has it.
    pub user: &'a [u8],
    /// Whether the options named no credential.
    pub discoverable: bool,
}

impl<'a> Expected<'a> {
    /// An answer of a passkey to options that named it.
    #[must_use]
    pub const fn new(challenge: &'a [u8], passkey: &'a PasskeyRecord, user: &'a [u8]) -> Self {
        Self {
            challenge,
            user_verification: UserVerification::Preferred,
            passkey,
            sign_count: 0,
            user,
            discoverable: false,
        }
    }

    /// Sets whether the person had to be verified.
    #[must_use]
    pub const fn with_user_verification(mut self, user_verification: UserVerification) -> Self {
        self.user_verification = user_verification;
        self
    }

    /// Sets the counter that was kept.
    #[must_use]
    pub const fn with_sign_count(mut self, sign_count: u32) -> Self {
        self.sign_count = sign_count;
        self
    }

    /// Says that the options named no credential.
    #[must_use]
    pub const fn with_discovery(mut self) -> Self {
        self.discoverable = true;
        self
    }
}
