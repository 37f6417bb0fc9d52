//! What a page tells the browser about passkeys, so that it offers none that are gone:
//! [signal methods](https://www.w3.org/TR/webauthn-3/#sctn-signal-methods).

use ciam_core::encoding::base64url;
use serde::Serialize;

use super::record::PasskeyRecord;
use super::relying_party::RelyingParty;

/// For `PublicKeyCredential.signalUnknownCredential()`: a passkey that was offered and is not known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnknownCredential {
    /// The relying party.
    pub rp_id: String,
    /// The credential.
    pub credential_id: String,
}

/// For `PublicKeyCredential.signalAllAcceptedCredentials()`: every passkey that the account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AcceptedCredentials {
    /// The relying party.
    pub rp_id: String,
    /// The user handle.
    pub user_id: String,
    /// The credentials.
    pub all_accepted_credential_ids: Vec<String>,
}

/// For `PublicKeyCredential.signalCurrentUserDetails()`: what the person is called by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CurrentDetails {
    /// The relying party.
    pub rp_id: String,
    /// The user handle.
    pub user_id: String,
    /// What tells their accounts apart.
    pub name: String,
    /// What they are called.
    pub display_name: String,
}

impl RelyingParty {
    /// Says that a passkey is not known here.
    ///
    /// # Security
    ///
    /// Only where the browser itself has just offered it: whoever can ask about any id learns which ones exist.
    #[must_use]
    pub fn unknown_credential(&self, id: &[u8]) -> UnknownCredential {
        UnknownCredential { rp_id: self.id().to_owned(), credential_id: base64url::encode(id) }
    }

    /// Says which passkeys an account has. For its owner's own browser, signed in.
    #[must_use]
    pub fn accepted_credentials(&self, user: &[u8], passkeys: &[PasskeyRecord]) -> AcceptedCredentials {
        let ours = passkeys.iter().filter(|passkey| passkey.rp_id == self.id());
        AcceptedCredentials {
            rp_id: self.id().to_owned(),
            user_id: base64url::encode(user),
            all_accepted_credential_ids: ours.map(|passkey| base64url::encode(&passkey.id)).collect(),
        }
    }

    /// Says what a person is called by now. For their own browser, signed in.
    #[must_use]
    pub fn current_details(&self, user: &[u8], name: &str, display_name: &str) -> CurrentDetails {
        CurrentDetails {
            rp_id: self.id().to_owned(),
            user_id: base64url::encode(user),
            name: name.to_owned(),
            display_name: display_name.to_owned(),
        }
    }
}
