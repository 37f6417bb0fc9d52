//! What the browser is asked, in the JSON form that its own methods read:
//! [WebAuthn, section 5.1.9](https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON).
//!
//! A page gives them to `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`, and sends
//! back what `toJSON()` of the answer makes.

use ciam_core::encoding::base64url;
use serde::{Deserialize, Serialize};

use super::cose::CoseAlgorithm;
use super::record::PasskeyRecord;
use super::relying_party::RelyingParty;

/// Whether the authenticator is to verify the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UserVerification {
    /// It must, or the answer is refused.
    Required,
    /// If it can.
    #[default]
    Preferred,
    /// It need not.
    Discouraged,
}

/// Whether the authenticator is to say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AttestationConveyance {
    /// It need not.
    None,
    /// As it says it itself.
    Direct,
}

/// Options for `navigator.credentials.create()`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreationOptions {
    /// Who asks.
    pub rp: RpEntity,
    /// Whose passkey it will be.
    pub user: UserEntity,
    /// The challenge, in base64url.
    pub challenge: String,
    /// The algorithms that are offered.
    pub pub_key_cred_params: Vec<CredentialParameters>,
    /// How long the browser waits, in milliseconds.
    pub timeout: i64,
    /// The account's passkeys: an authenticator that has one of them makes no second one.
    pub exclude_credentials: Vec<CredentialDescriptor>,
    /// What the authenticator has to be able to do.
    pub authenticator_selection: AuthenticatorSelection,
    /// Whether it is to say what it is.
    pub attestation: AttestationConveyance,
    /// Extensions.
    pub extensions: CreationExtensions,
}

/// The relying party.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RpEntity {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
}

/// The person.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserEntity {
    /// The user handle, in base64url: the account's id.
    pub id: String,
    /// What tells their accounts apart, such as an e-mail address.
    pub name: String,
    /// What they are called.
    pub display_name: String,
}

/// An algorithm that is offered.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct CredentialParameters {
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The algorithm.
    pub alg: CoseAlgorithm,
}

/// A credential by its id.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CredentialDescriptor {
    /// Always `public-key`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The id, in base64url.
    pub id: String,
    /// How it can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
}

impl CredentialDescriptor {
    /// The descriptor of a passkey.
    #[must_use]
    pub fn of(passkey: &PasskeyRecord) -> Self {
        Self { kind: PUBLIC_KEY, id: base64url::encode(&passkey.id), transports: passkey.transports.clone() }
    }
}

/// What an authenticator has to be able to do.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AuthenticatorSelection {
    /// Whether it has to keep the credential, so that no identifier need be typed.
    pub resident_key: ResidentKey,
    /// The same, for older browsers.
    pub require_resident_key: bool,
    /// Whether it has to verify the person.
    pub user_verification: UserVerification,
}

/// Whether the authenticator keeps the credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResidentKey {
    /// It must: a passkey.
    #[default]
    Required,
    /// If it can.
    Preferred,
    /// It need not: a security key as a second factor.
    Discouraged,
}

/// Extensions of a registration.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreationExtensions {
    /// Asks whether the credential is kept by the authenticator.
    pub cred_props: bool,
    /// Asks whether keys can be derived from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prf: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Options for `navigator.credentials.get()`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequestOptions {
    /// The challenge, in base64url.
    pub challenge: String,
    /// How long the browser waits, in milliseconds.
    pub timeout: i64,
    /// Who asks.
    pub rp_id: String,
    /// The credentials that may answer; none: any that the authenticator keeps for us.
    pub allow_credentials: Vec<CredentialDescriptor>,
    /// Whether the person is to be verified.
    pub user_verification: UserVerification,
}

/// Whose passkey is to be made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NewPasskey<'a> {
    /// The user handle.
    pub user: &'a [u8],
    /// What tells their accounts apart, such as an e-mail address.
    pub name: &'a str,
    /// What they are called.
    pub display_name: &'a str,
    /// The passkeys that they have.
    pub existing: &'a [PasskeyRecord],
    /// Whether the authenticator is to keep it.
    pub resident_key: ResidentKey,
    /// Whether the authenticator is to verify the person.
    pub user_verification: UserVerification,
}

impl<'a> NewPasskey<'a> {
    /// A passkey that is kept, by an authenticator that verifies the person if it can.
    #[must_use]
    pub const fn new(user: &'a [u8], name: &'a str, display_name: &'a str) -> Self {
        Self {
            user,
            name,
            display_name,
            existing: &[],
            resident_key: ResidentKey::Required,
            user_verification: UserVerification::Preferred,
        }
    }

    /// Names the passkeys that they have.
    #[must_use]
    pub const fn with_existing(mut self, existing: &'a [PasskeyRecord]) -> Self {
        self.existing = existing;
        self
    }

    /// Sets whether the authenticator is to verify the person.
    #[must_use]
    pub const fn with_user_verification(mut self, user_verification: UserVerification) -> Self {
        self.user_verification = user_verification;
        self
    }
}

impl RelyingParty {
    /// Options to make a passkey with.
    #[must_use]
    pub fn creation_options(&self, challenge: &[u8], passkey: &NewPasskey<'_>) -> CreationOptions {
        let of_ours = passkey.existing.iter().filter(|known| known.rp_id == self.id());
        CreationOptions {
            rp: RpEntity { id: self.id().to_owned(), name: self.name().to_owned() },
            user: UserEntity {
                id: base64url::encode(passkey.user),
                name: passkey.name.to_owned(),
                display_name: passkey.display_name.to_owned(),
            },
            challenge: base64url::encode(challenge),
            pub_key_cred_params: self
                .algorithms
                .iter()
                .map(|alg| CredentialParameters { kind: PUBLIC_KEY, alg: *alg })
                .collect(),
            timeout: self.milliseconds(),
            exclude_credentials: of_ours.map(CredentialDescriptor::of).collect(),
            authenticator_selection: AuthenticatorSelection {
                resident_key: passkey.resident_key,
                require_resident_key: passkey.resident_key == ResidentKey::Required,
                user_verification: passkey.user_verification,
            },
            attestation: self.conveyance(),
            extensions: CreationExtensions { cred_props: true, prf: self.prf.then(Default::default) },
        }
    }

    /// Options to prove oneself with one of these passkeys; with none, with any that an authenticator keeps for us.
    #[must_use]
    pub fn request_options(
        &self,
        challenge: &[u8],
        allowed: &[PasskeyRecord],
        user_verification: UserVerification,
    ) -> RequestOptions {
        RequestOptions {
            challenge: base64url::encode(challenge),
            timeout: self.milliseconds(),
            rp_id: self.id().to_owned(),
            allow_credentials: allowed.iter().map(CredentialDescriptor::of).collect(),
            user_verification,
        }
    }

    fn milliseconds(&self) -> i64 {
        self.timeout.whole_seconds().saturating_mul(1000)
    }
}

const PUBLIC_KEY: &str = "public-key";
