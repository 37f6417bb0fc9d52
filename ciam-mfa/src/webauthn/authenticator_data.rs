//! What the authenticator signs: [WebAuthn, section 6.1](https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data).

use super::cbor::Item;
use super::cose::CoseKey;
use super::error::WebauthnError;

/// Authenticator data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuthenticatorData<'a> {
    /// The SHA-256 digest of the relying party's id.
    pub rp_id_hash: &'a [u8; 32],
    /// What the authenticator did.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
    /// The credential that was made; in a registration only.
    pub attested: Option<AttestedCredential<'a>>,
    /// What extensions say: a map, if there is any.
    pub extensions: Option<Item<'a>>,
}

/// A credential that was made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AttestedCredential<'a> {
    /// The model of the authenticator.
    pub aaguid: [u8; 16],
    /// The id of the credential.
    pub id: &'a [u8],
    /// The public key as it is encoded.
    pub encoded_key: &'a [u8],
    /// The public key.
    pub key: CoseKey,
}

/// What the authenticator did and what the credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Somebody touched it.
    #[must_use]
    pub const fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// It verified the person: by a PIN or a body part.
    #[must_use]
    pub const fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// The credential may be kept in more than one place.
    #[must_use]
    pub const fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// The credential is kept in more than one place.
    #[must_use]
    pub const fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }

    const fn has_attested(self) -> bool {
        self.0 & 0x40 != 0
    }

    const fn has_extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl<'a> AuthenticatorData<'a> {
    /// The longest id of a credential: [WebAuthn, section 7.1](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential),
    /// step 25.
    pub const MAX_CREDENTIAL_ID: usize = 1023;
    /// The largest authenticator data.
    pub const MAX_LENGTH: usize = 16 * 1024;

    /// Reads authenticator data, and nothing behind it.
    ///
    /// # Errors
    ///
    /// Fails when it is cut short, has something behind its end, contradicts its flags, is too large, or holds a key that
    /// cannot be used.
    pub fn read(bytes: &'a [u8]) -> Result<Self, WebauthnError> {
        const MALFORMED: WebauthnError = WebauthnError::Malformed { what: "authenticator data" };
        if bytes.len() > Self::MAX_LENGTH {
            return Err(WebauthnError::TooLarge { what: "authenticator data" });
        }
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(MALFORMED)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(MALFORMED)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let flags = Flags(flags);
        let mut attested = None;
        if flags.has_attested() {
            let (credential, behind) = AttestedCredential::read(rest)?;
            (attested, rest) = (Some(credential), behind);
        }
        let mut extensions = None;
        if flags.has_extensions() {
            let (item, behind) = Item::read_first(rest, "extension data")?;
            if !matches!(item, Item::Map(_)) {
                return Err(WebauthnError::Malformed { what: "extension data" });
            }
            (extensions, rest) = (Some(item), behind);
        }
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), attested, extensions })
    }
}

impl<'a> AttestedCredential<'a> {
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), WebauthnError> {
        const MALFORMED: WebauthnError = WebauthnError::Malformed { what: "attested credential data" };
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(MALFORMED)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(MALFORMED)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > AuthenticatorData::MAX_CREDENTIAL_ID {
            return Err(WebauthnError::TooLarge { what: "credential id" });
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(MALFORMED)?;
        let (item, behind) = Item::read_first(rest, "public key")?;
        let encoded_key = rest.get(..rest.len() - behind.len()).ok_or(MALFORMED)?;
        if id.is_empty() {
            return Err(MALFORMED);
        }
        let key = CoseKey::of(&item)?;
        Ok((Self { aaguid: *aaguid, id, encoded_key, key }, behind))
    }
}
