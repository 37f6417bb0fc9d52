//! `josekit`, which calls OpenSSL.

use ciam_peers_common::{Candidates, Failure, Setting, Token};
use josekit::jwk::Jwk;
use josekit::jws::{ES256, EdDSA, HS256, JwsVerifier, RS256};
use josekit::jwt::{self, JwtPayloadValidator};

pub(crate) fn add(candidates: &mut Candidates, setting: &Setting, token: &Token) -> Result<(), Failure> {
    let jwk = Jwk::from_bytes(serde_json::to_vec(&token.jwk)?)?;
    let verifier: Box<dyn JwsVerifier> = match token.algorithm.as_str() {
        "ES256" => Box::new(ES256.verifier_from_jwk(&jwk)?),
        "RS256" => Box::new(RS256.verifier_from_jwk(&jwk)?),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(&jwk)?),
        "HS256" => Box::new(HS256.verifier_from_jwk(&jwk)?),
        _ => return Ok(()),
    };
    let mut validator = JwtPayloadValidator::new();
    validator.set_issuer(setting.issuer.as_str());
    validator.set_audience(setting.audience.as_str());
    candidates.add("josekit 0.10", "OpenSSL", token, move |text| {
        let (payload, header) = jwt::decode_with_verifier(text, &*verifier)?;
        validator.validate(&payload)?;
        Ok((payload, header))
    })
}
