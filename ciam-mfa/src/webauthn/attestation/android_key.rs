//! [Android key attestation](https://www.w3.org/TR/webauthn-3/#sctn-android-key-attestation).

use ciam_core::secret::ct_eq;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode, Header, Reader, SliceReader, Tag};

use super::super::error::WebauthnError;
use super::{Attested, Statement, refused};

pub(super) fn verify(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    let (algorithm, signature) = (statement.algorithm()?, statement.signature()?);
    let chain = statement.chain()?.ok_or(refused("there is no certificate"))?;
    let leaf = chain.first().ok_or(refused("there is no certificate"))?;
    leaf.key_for(statement.crypto, algorithm)?.verify(&statement.signed(), signature)?;
    if leaf.public_key().as_ref() != Some(&statement.credential.key.key) {
        return Err(refused("the certificate is of another key"));
    }
    let (value, _) = leaf.extension(KEY_DESCRIPTION)?.ok_or(refused("the certificate describes no key"))?;
    let description = KeyDescription::read(value).ok_or(refused("the key's description cannot be read"))?;
    if !ct_eq(description.challenge, statement.client_data_hash) {
        return Err(refused("the key was made for another challenge"));
    }
    let lists = [&description.software, &description.hardware];
    if lists.iter().any(|list| list.all_applications) {
        return Err(refused("the key is not bound to one application"));
    }
    if lists.iter().any(|list| list.generated == Some(false)) {
        return Err(refused("the key was not generated where it is"));
    }
    if lists.iter().any(|list| list.signs == Some(false)) {
        return Err(refused("the key is not for signatures"));
    }
    // What only software says, or nobody, vouches for no hardware: then it counts as if nobody vouched.
    let in_hardware =
        description.hardware.generated == Some(true) && description.hardware.signs == Some(true);
    Ok(Attested { format: "android-key", chain: if in_hardware { chain } else { Vec::new() } })
}

/// What the device's key store says of the key:
/// [key attestation](https://source.android.com/docs/security/features/keystore/attestation#schema).
struct KeyDescription<'a> {
    challenge: &'a [u8],
    software: Authorizations,
    hardware: Authorizations,
}

/// The entries of an authorization list that matter here.
#[derive(Default)]
struct Authorizations {
    all_applications: bool,
    generated: Option<bool>,
    signs: Option<bool>,
}

impl<'a> KeyDescription<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(value).ok()?;
        let description = reader
            .sequence(|inner| -> x509_cert::der::Result<_> {
                // Versions and security levels: who vouches for them is the chain's matter.
                for _ in 0..4 {
                    AnyRef::decode(inner)?;
                }
                let challenge = <&OctetStringRef>::decode(inner)?;
                let _unique_id = <&OctetStringRef>::decode(inner)?;
                let software = Authorizations::read(AnyRef::decode(inner)?.value());
                let hardware = Authorizations::read(AnyRef::decode(inner)?.value());
                Ok((challenge, software, hardware))
            })
            .ok()?;
        let (challenge, software, hardware) = description;
        reader.is_finished().then_some(())?;
        Some(Self { challenge: challenge.as_bytes(), software: software?, hardware: hardware? })
    }
}

impl Authorizations {
    fn read(list: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let mut reader = SliceReader::new(list).ok()?;
        while !reader.is_finished() {
            let header = Header::decode(&mut reader).ok()?;
            let value = reader.read_slice(header.length()).ok()?;
            let Tag::ContextSpecific { number, .. } = header.tag() else { continue };
            match number.value() {
                1 => found.signs = Some(holds_number(value, 2)?),
                600 => found.all_applications = true,
                702 => found.generated = Some(small(value)? == 0),
                _ => {}
            }
        }
        Some(found)
    }
}

/// A small number.
fn small(value: &[u8]) -> Option<u32> {
    u32::from_der(value).ok()
}

/// Whether a set of small numbers has this one in it.
fn holds_number(set: &[u8], wanted: u32) -> Option<bool> {
    let set = AnyRef::from_der(set).ok()?;
    if set.header().tag() != Tag::Set {
        return None;
    }
    let mut reader = SliceReader::new(set.value()).ok()?;
    let mut found = false;
    while !reader.is_finished() {
        found |= u32::decode(&mut reader).ok()? == wanted;
    }
    Some(found)
}

const KEY_DESCRIPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.1.17");
