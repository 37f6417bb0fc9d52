//! What it costs to sign a token, and to read the keys that verify it.

use std::hint::black_box;

use ciam_benches::contest::Contest;
use ciam_benches::fixtures::{ALGORITHMS, Algorithm, Failure, Key, claims};
use ciam_benches::peer::Encoder;
use ciam_core::crypto;
use ciam_core::jose::{self, JwkSetLimits, KeySet, LocalSigner, PublicJwkSet};
use criterion::Criterion;
use serde_json::json;

fn main() -> Result<(), Failure> {
    let mut criterion = Criterion::default().configure_from_args();
    for algorithm in ALGORITHMS {
        sign(&mut criterion, algorithm)?;
    }
    read_keys(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn sign(criterion: &mut Criterion, algorithm: Algorithm) -> Result<(), Failure> {
    let key = Key::generate(algorithm)?;
    let claims = claims();
    let named = algorithm.name().parse()?;
    let signer = LocalSigner::from_pkcs8(&*crypto::ring(), named, &key.pkcs8)?.with_kid(key.kid.as_str());
    let peer = Encoder::new(&key);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let token = runtime.block_on(jose::sign(&signer, "at+jwt", &claims))?;
    let (message, _) = token.rsplit_once('.').ok_or("no signature")?;

    criterion.bench_function(&format!("sign/{}", algorithm.name()), |bencher| {
        bencher.iter(|| runtime.block_on(jose::sign(&signer, "at+jwt", black_box(&claims))));
    });
    Contest::new(format!("sign an access token, {}", algorithm.name()))
        .candidate("ring: the signature alone", || key.sign(black_box(message.as_bytes())))
        .candidate("ciam-core: sign", || runtime.block_on(jose::sign(&signer, "at+jwt", black_box(&claims))))
        .candidate("jsonwebtoken on ring: encode", || peer.encode(black_box(&claims)))
        .run();
    Ok(())
}

/// What a resource server does when an issuer has rotated: from the bytes of the document to keys that are ready.
fn read_keys(criterion: &mut Criterion) -> Result<(), Failure> {
    let crypto = crypto::ring();
    let mut keys = Vec::new();
    for (index, algorithm) in ALGORITHMS.into_iter().chain(ALGORITHMS).enumerate() {
        keys.push(Key::generate(algorithm)?.named(format!("key-{index}")).jwk()?);
    }
    let document = json!({ "keys": keys }).to_string();
    let limits = JwkSetLimits::default();
    let parsed = PublicJwkSet::parse(&document, &limits)?;
    if KeySet::from_jwks(&*crypto, &parsed)?.keys().len() != keys.len() {
        return Err("a key was left out".into());
    }
    criterion.bench_function("keys/parse a set of six", |bencher| {
        bencher.iter(|| PublicJwkSet::parse(black_box(&document), &limits));
    });
    criterion.bench_function("keys/check and prepare six", |bencher| {
        bencher.iter(|| KeySet::from_jwks(&*crypto, black_box(&parsed)));
    });
    Ok(())
}
