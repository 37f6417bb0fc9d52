//! `biscuit`, which calls `ring`.

use biscuit::jwa::SignatureAlgorithm;
use biscuit::jws::Secret;
use biscuit::{ClaimPresenceOptions, JWT, Presence, Validation, ValidationOptions};
use ciam_peers_common::{Candidates, Failure, OwnClaims, Setting, Token};

pub(crate) fn add(candidates: &mut Candidates, setting: &Setting, token: &Token) -> Result<(), Failure> {
    let (algorithm, secret) = match token.algorithm.as_str() {
        "ES256" => (SignatureAlgorithm::ES256, Secret::PublicKey(token.point()?)),
        "RS256" => {
            let key: biscuit::jwk::RSAKeyParameters = serde_json::from_value(token.jwk.clone())?;
            (SignatureAlgorithm::RS256, key.jws_public_key_secret())
        }
        "HS256" => (SignatureAlgorithm::HS256, Secret::Bytes(token.bytes("k")?)),
        _ => return Ok(()),
    };
    let options = ValidationOptions {
        claim_presence_options: ClaimPresenceOptions {
            issuer: Presence::Required,
            subject: Presence::Required,
            audience: Presence::Required,
            expiry: Presence::Required,
            ..ClaimPresenceOptions::default()
        },
        issuer: Validation::Validate(setting.issuer.clone()),
        audience: Validation::Validate(setting.audience.clone()),
        ..ValidationOptions::default()
    };
    candidates.add("biscuit 0.8", "ring", token, move |text| {
        let decoded = JWT::<OwnClaims, biscuit::Empty>::new_encoded(text).into_decoded(&secret, algorithm)?;
        decoded.validate(options.clone())?;
        Ok(decoded)
    })
}
