//! A software authenticator with a browser around it, that can be told to misbehave.

use ciam_core::crypto::{PublicKey, SignatureScheme, SigningKey, ring, sha256};
use ciam_core::encoding::base64url;
use serde_json::{Value, json};
use std::sync::Arc;

/// A browser with an authenticator that has one credential.
#[derive(Clone)]
pub(crate) struct Authenticator {
    key: Arc<dyn SigningKey>,
    pub(crate) id: Vec<u8>,
    pub(crate) rp_id: String,
    pub(crate) origin: String,
    pub(crate) user: Vec<u8>,
    /// Present, verified, backup eligible, backed up: as bits of the flags.
    pub(crate) flags: u8,
    pub(crate) count: u32,
    pub(crate) cross_origin: Option<bool>,
    pub(crate) top_origin: Option<String>,
    /// What it says in place of the challenge that it was given.
    pub(crate) challenge: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) format: &'static str,
    /// What it adds behind its data, and signs along: extensions, or what does not belong there.
    pub(crate) behind: Vec<u8>,
}

pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
pub(crate) const ELIGIBLE: u8 = 0x08;
pub(crate) const BACKED_UP: u8 = 0x10;
pub(crate) const EXTENDED: u8 = 0x80;

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authenticator")
    }
}

impl Authenticator {
    pub(crate) fn new(id: &[u8]) -> Self {
        let scheme = SignatureScheme::EcdsaP256Sha256;
        let pkcs8 = ring().generate_signing_key(scheme).unwrap();
        Self {
            key: ring().signing_key(scheme, pkcs8.expose()).unwrap(),
            id: id.to_vec(),
            rp_id: "example.com".to_owned(),
            origin: "https://id.example.com".to_owned(),
            user: Vec::new(),
            flags: PRESENT | VERIFIED | ELIGIBLE | BACKED_UP,
            count: 0,
            cross_origin: Some(false),
            top_origin: None,
            challenge: None,
            kind: None,
            format: "none",
            behind: Vec::new(),
        }
    }

    /// The same with something else.
    pub(crate) fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    /// Another key under the same id.
    pub(crate) fn with_another_key(&self) -> Self {
        self.but(|it| it.key = Self::new(b"x").key)
    }

    /// Answers `navigator.credentials.create()`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.user = base64url::decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose_key());
        data.extend(&self.behind);
        let object = [
            &[0xa3][..],
            &text("fmt"),
            &text(self.format),
            &text("attStmt"),
            &[0xa0],
            &text("authData"),
            &bytes(&data),
        ]
        .concat();
        json!({
            "id": base64url::encode(&self.id),
            "rawId": base64url::encode(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": base64url::encode(&client_data),
                "attestationObject": base64url::encode(&object),
                "authenticatorData": base64url::encode(&data),
                "transports": ["internal", "hybrid", "Something else"],
            },
            "clientExtensionResults": { "credProps": { "rk": true } },
        })
    }

    /// Answers `navigator.credentials.get()`.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let mut data = self.data(0);
        data.extend(&self.behind);
        let signature = self.key.sign(&[&data[..], &sha256(&client_data)].concat()).unwrap();
        let mut answer = json!({
            "id": base64url::encode(&self.id),
            "rawId": base64url::encode(&self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": base64url::encode(&client_data),
                "authenticatorData": base64url::encode(&data),
                "signature": base64url::encode(&der(&signature)),
            },
            "clientExtensionResults": {},
        });
        if !self.user.is_empty() {
            answer["response"]["userHandle"] = json!(base64url::encode(&self.user));
        }
        answer
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge =
            self.challenge.clone().unwrap_or_else(|| options["challenge"].as_str().unwrap().to_owned());
        let mut data =
            json!({ "type": self.kind.unwrap_or(kind), "challenge": challenge, "origin": self.origin });
        if let Some(cross_origin) = self.cross_origin {
            data["crossOrigin"] = json!(cross_origin);
        }
        if let Some(origin) = &self.top_origin {
            data["topOrigin"] = json!(origin);
        }
        serde_json::to_vec(&data).unwrap()
    }

    fn data(&self, more: u8) -> Vec<u8> {
        let mut data = sha256(self.rp_id.as_bytes()).to_vec();
        data.push(self.flags | more);
        data.extend(self.count.to_be_bytes());
        data
    }

    fn cose_key(&self) -> Vec<u8> {
        cose_key(&*self.key)
    }
}

pub(crate) fn cose_key(key: &dyn SigningKey) -> Vec<u8> {
    let PublicKey::Ec { x, y, .. } = key.public_key() else { panic!("not a point") };
    [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21][..], &bytes(x), &[0x22], &bytes(y)].concat()
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [&[0x60 | u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
}

/// In the canonical form of CTAP2: a length is as short as it can be.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len()) {
        Ok(length) => [&[0x58, length][..], bytes].concat(),
        Err(_) => [&[0x59][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat(),
    }
}

/// The ASN.1 form of an ECDSA signature.
pub(crate) fn der(fixed: &[u8]) -> Vec<u8> {
    let number = |half: &[u8]| {
        let start = half.iter().position(|byte| *byte != 0).unwrap_or(half.len() - 1);
        let mut number = half[start..].to_vec();
        if number[0] & 0x80 != 0 {
            number.insert(0, 0);
        }
        [&[0x02, u8::try_from(number.len()).unwrap()][..], &number].concat()
    };
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let numbers = [number(r), number(s)].concat();
    [&[0x30, u8::try_from(numbers.len()).unwrap()][..], &numbers].concat()
}
