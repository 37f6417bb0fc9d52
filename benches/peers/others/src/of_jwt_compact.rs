//! `jwt-compact`, on the Rust crates that it knows.

use ciam_peers_common::{Candidates, Failure, Setting, Token};
use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key, Rsa};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{Algorithm, AlgorithmExt as _, TimeOptions, UntrustedToken};
use serde::{Deserialize, Serialize};

/// All but the times, which the crate reads itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Vec<String>,
    jti: String,
    client_id: String,
    scope: String,
    sid: String,
    auth_time: u64,
    acr: String,
    amr: Vec<String>,
}

pub(crate) fn add(candidates: &mut Candidates, setting: &Setting, token: &Token) -> Result<(), Failure> {
    let jwk = token.jwk.to_string();
    let jwk: JsonWebKey<'_> = serde_json::from_str(&jwk)?;
    match token.algorithm.as_str() {
        "ES256" => {
            let key = <Es256 as Algorithm>::VerifyingKey::try_from(&jwk)?;
            with(candidates, setting, token, Es256, key)
        }
        "RS256" => {
            let key = <Rsa as Algorithm>::VerifyingKey::try_from(&jwk)?;
            with(candidates, setting, token, Rsa::rs256(), key)
        }
        "EdDSA" => {
            let key = <Ed25519 as Algorithm>::VerifyingKey::try_from(&jwk)?;
            with(candidates, setting, token, Ed25519, key)
        }
        "HS256" => with(candidates, setting, token, Hs256, Hs256Key::new(token.bytes("k")?)),
        _ => Ok(()),
    }
}

fn with<A>(
    candidates: &mut Candidates,
    setting: &Setting,
    token: &Token,
    algorithm: A,
    key: A::VerifyingKey,
) -> Result<(), Failure>
where
    A: Algorithm + 'static,
    A::VerifyingKey: 'static,
{
    let (issuer, audience) = (setting.issuer.clone(), setting.audience.clone());
    candidates.add("jwt-compact 0.8", "Rust code", token, move |text| {
        let untrusted = UntrustedToken::new(text)?;
        let token = algorithm.validator::<Claims>(&key).validate(&untrusted)?;
        let claims = token.claims();
        claims.validate_expiration(&TimeOptions::default())?;
        if claims.custom.iss != issuer || !claims.custom.aud.contains(&audience) {
            return Err("not for us".into());
        }
        Ok(token)
    })
}
