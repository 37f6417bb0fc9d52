//! What it costs a resource server to accept an access token, and to refuse one.
//!
//! The floor is `ring` alone, verifying the signature with a key at hand; the peer is `jsonwebtoken` on `ring`.

use std::hint::black_box;

use ciam_benches::contest::Contest;
use ciam_benches::fixtures::{ALGORITHMS, AUDIENCE, Algorithm, Failure, ISSUED_AT, ISSUER, Key};
use ciam_benches::peer::Decoder;
use ciam_core::crypto;
use ciam_core::jose::{AlgorithmSet, JwkSetLimits, KeySet, PublicJwkSet, TokenType, Verifier};
use ciam_oauth::validate::Validator;
use criterion::Criterion;
use time::OffsetDateTime;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default().configure_from_args();
    for algorithm in ALGORITHMS {
        accept(&mut criterion, algorithm)?;
    }
    refuse(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn accept(criterion: &mut Criterion, algorithm: Algorithm) -> Result<(), Failure> {
    let setting = Setting::new(algorithm)?;
    let Setting { token, now, .. } = &setting;
    setting.validator.validate(token, *now)?;
    setting.peer.decode(token)?;

    criterion.bench_function(&format!("validate/{}", algorithm.name()), |bencher| {
        bencher.iter(|| setting.validator.validate(black_box(token), *now));
    });

    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("at+jwt"));
    let floor = setting.key.verifier();
    let (message, signature) = setting.signed()?;
    floor.verify(message.as_bytes(), &signature).map_err(|_| "the floor does not hold")?;
    Contest::new(format!("accept an access token, {}", algorithm.name()))
        .candidate("ring: the signature alone", || floor.verify(black_box(message.as_bytes()), &signature))
        .candidate("ciam-core: verify", || verifier.verify(black_box(token), &setting.keys))
        .candidate("ciam-oauth: validate", || setting.validator.validate(black_box(token), *now))
        .candidate("jsonwebtoken on ring: decode", || setting.peer.decode(black_box(token)))
        .run();
    Ok(())
}

/// What a stranger can make a resource server do. Nothing here should cost more than one signature.
fn refuse(criterion: &mut Criterion) -> Result<(), Failure> {
    let setting = Setting::new(Algorithm::Es256)?;
    let Setting { token, validator, now, .. } = &setting;
    let (head, _) = token.rsplit_once('.').ok_or("no signature")?;
    let rows = [
        ("not a token", "A".repeat(token.len())),
        ("too large", format!("{token}{}", "A".repeat(1 << 20))),
        ("no signature", format!("{head}.")),
        ("another algorithm", Setting::new(Algorithm::Rs256)?.token),
        ("an unknown key", Key::generate(Algorithm::Es256)?.named("2026-12").access_token()?),
        ("another key's signature", Setting::new(Algorithm::Es256)?.token),
    ];
    let mut contest = Contest::new("refuse a token, ES256")
        .candidate("(accept a good one)", || validator.validate(black_box(token), *now));
    for (name, hostile) in &rows {
        if validator.validate(hostile, *now).is_ok() {
            return Err(format!("{name} was accepted").into());
        }
        criterion.bench_function(&format!("refuse/{name}"), |bencher| {
            bencher.iter(|| validator.validate(black_box(hostile), *now));
        });
        contest = contest.candidate(*name, || validator.validate(black_box(hostile), *now));
    }
    contest.run();
    Ok(())
}

struct Setting {
    key: Key,
    token: String,
    keys: KeySet,
    validator: Validator,
    peer: Decoder,
    now: OffsetDateTime,
}

impl Setting {
    fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let key = Key::generate(algorithm)?;
        let jwks = serde_json::json!({"keys": [key.jwk()?]}).to_string();
        let jwks = PublicJwkSet::parse(&jwks, &JwkSetLimits::default())?;
        let keys = KeySet::from_jwks(&*crypto::ring(), &jwks)?;
        let validator = Validator::new(ISSUER.parse()?, AUDIENCE, keys.clone());
        let now = OffsetDateTime::from_unix_timestamp(ISSUED_AT)? + time::Duration::minutes(5);
        Ok(Self { token: key.access_token()?, peer: Decoder::new(&key), key, keys, validator, now })
    }

    fn signed(&self) -> Result<(&str, Vec<u8>), Failure> {
        let (message, signature) = self.token.rsplit_once('.').ok_or("no signature")?;
        Ok((message, ciam_benches::fixtures::decode(signature)?))
    }
}
