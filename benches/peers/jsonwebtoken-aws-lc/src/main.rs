//! `jsonwebtoken` as an application uses it.

use ciam_peers_common::{Candidates, Claims, Failure, Setting, run};
use jsonwebtoken::{DecodingKey, Validation, decode};

fn main() -> Result<(), Failure> {
    run(prepare)
}

fn prepare(setting: &Setting) -> Result<Candidates, Failure> {
    let mut candidates = Candidates::default();
    for token in &setting.tokens {
        let key = DecodingKey::from_jwk(&serde_json::from_value(token.jwk.clone())?)?;
        let mut validation = Validation::new(token.algorithm.parse()?);
        validation.set_issuer(&[&setting.issuer]);
        validation.set_audience(&[&setting.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
        candidates.add("jsonwebtoken 11", "aws-lc", token, move |token| {
            Ok(decode::<Claims>(token, &key, &validation)?)
        })?;
    }
    Ok(candidates)
}
