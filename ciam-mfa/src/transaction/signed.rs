//! A transaction that was signed for, and how to show that it was.

use ciam_core::crypto::{Crypto, sha256};
use ciam_core::id::{AccountId, CredentialId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::details::TransactionDetails;
use crate::webauthn::{
    AuthenticationResponse, Base64Url, CoseKey, Expected, PasskeyRecord, RelyingParty, UserVerification,
    WebauthnError,
};

/// A transaction that its person has signed for. Keep it as JSON: [`verify`](Self::verify) shows at any time, with nothing but
/// itself and the relying party, what was agreed to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignedTransaction {
    /// What was agreed to, as it was shown.
    pub details: TransactionDetails,
    /// What makes this signature another one than that for the same details at another time.
    pub nonce: Base64Url,
    /// Whose it is.
    pub account: AccountId,
    /// The credential of the account that has signed.
    pub credential: CredentialId,
    /// The public key, as COSE.
    pub key: Base64Url,
    /// What the browser answered.
    pub response: AuthenticationResponse,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl SignedTransaction {
    /// Checks that these details were signed for with this key, by a verified person, at an origin of the relying party.
    ///
    /// # Errors
    ///
    /// Says what is not as it was signed.
    pub fn verify(&self, relying_party: &RelyingParty, crypto: &dyn Crypto) -> Result<(), WebauthnError> {
        let key = CoseKey::read(self.key.as_bytes())?;
        let data = self.response.response.authenticator_data.as_bytes();
        let flags = crate::webauthn::AuthenticatorData::read(data)?.flags;
        let passkey = PasskeyRecord {
            rp_id: relying_party.id().to_owned(),
            id: self.response.raw_id.as_bytes().to_vec(),
            key: self.key.as_bytes().to_vec(),
            algorithm: key.algorithm,
            aaguid: [0; 16],
            transports: Vec::new(),
            backup_eligible: flags.backup_eligible(),
            backed_up: flags.backed_up(),
            user_verified: true,
            discoverable: None,
            prf: None,
            attestation: String::new(),
            trusted: false,
        };
        let challenge = challenge(self.nonce.as_bytes(), &self.details);
        let expected = Expected::new(&challenge, &passkey, self.account.as_uuid().as_bytes())
            .with_user_verification(UserVerification::Required);
        relying_party.verify_authentication(crypto, &expected, &self.response).map(drop)
    }
}

/// What is signed: another digest for each transaction, and none that a sign-in could have.
pub(super) fn challenge(nonce: &[u8], details: &TransactionDetails) -> [u8; 32] {
    sha256(&[DOMAIN, nonce, details.as_str().as_bytes()].concat())
}

const DOMAIN: &[u8] = b"ciam.transaction.v1\0";

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that somebody chose are signed in no other place: what is signed begins with what it is for.
    #[test]
    fn a_challenge_is_of_a_transaction_and_of_each_part_of_it() {
        let details = |amount| {
            let text = format!(r#"[{{"type":"payment","amount":{amount}}}]"#);
            TransactionDetails::parse(&text).unwrap()
        };
        let one = challenge(b"nonce", &details(1));
        assert_ne!(one, sha256(&[&b"nonce"[..], details(1).as_str().as_bytes()].concat()));
        assert_ne!(one, challenge(b"other", &details(1)));
        assert_ne!(one, challenge(b"nonce", &details(2)));
    }
}
