//! `jwt-simple`, on Rust code. (Its other build is on BoringSSL.)

use std::collections::HashSet;

use ciam_peers_common::{Candidates, Failure, OwnClaims, Setting, Token};
use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike as _, ES256PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike as _, HS256Key,
    MACLike as _, RS256PublicKey, RSAPublicKeyLike as _,
};
use jwt_simple::common::VerificationOptions;

pub(crate) fn add(candidates: &mut Candidates, setting: &Setting, token: &Token) -> Result<(), Failure> {
    const NAME: &str = "jwt-simple 0.15";
    const PRIMITIVE: &str = "Rust code";
    let options = VerificationOptions {
        allowed_issuers: Some(HashSet::from([setting.issuer.clone()])),
        allowed_audiences: Some(HashSet::from([setting.audience.clone()])),
        ..VerificationOptions::default()
    };
    match token.algorithm.as_str() {
        "ES256" => {
            let key = ES256PublicKey::from_bytes(&token.point()?)?;
            candidates.add(NAME, PRIMITIVE, token, move |text| {
                Ok(key.verify_token::<OwnClaims>(text, Some(options.clone()))?)
            })
        }
        "RS256" => {
            let key = RS256PublicKey::from_components(&token.bytes("n")?, &token.bytes("e")?)?;
            candidates.add(NAME, PRIMITIVE, token, move |text| {
                Ok(key.verify_token::<OwnClaims>(text, Some(options.clone()))?)
            })
        }
        "EdDSA" => {
            let key = Ed25519PublicKey::from_bytes(&token.bytes("x")?)?;
            candidates.add(NAME, PRIMITIVE, token, move |text| {
                Ok(key.verify_token::<OwnClaims>(text, Some(options.clone()))?)
            })
        }
        "HS256" => {
            let key = HS256Key::from_bytes(&token.bytes("k")?);
            candidates.add(NAME, PRIMITIVE, token, move |text| {
                Ok(key.verify_token::<OwnClaims>(text, Some(options.clone()))?)
            })
        }
        _ => Ok(()),
    }
}
