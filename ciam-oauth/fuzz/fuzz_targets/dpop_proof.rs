//! DPoP proofs from anybody: nothing panics, and what is accepted is for this request, of now, and signed by the key in it.
//!
//! The input is a proof as it is; or a `!` and claims, or a `?` and a header, which are signed properly. In a header, `KEY`
//! stands for the public key.

#![no_main]

use std::sync::{Arc, LazyLock};

use ciam_core::crypto::{self, Crypto};
use ciam_core::encoding::base64url;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_oauth::dpop::{CheckedProof, DpopPolicy, ProofRequest, check_proof};
use http::Method;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

const URL: &str = "https://api.example/orders?page=2";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// The digest of that token.
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

struct Client {
    crypto: Arc<dyn Crypto>,
    signer: LocalSigner,
    key: String,
}

/// A key whose check costs little.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let crypto = crypto::ring();
    let signer = LocalSigner::generate(&*crypto, Algorithm::EdDsa).expect("a key");
    let key = serde_json::to_string(&signer.public_jwk().expect("a public key")).expect("it is JSON");
    Client { crypto, signer, key }
});

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'!', claims)) => {
            let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, CLIENT.key);
            if let Some(checked) = check(&sign(header.as_bytes(), claims)) {
                agrees(&checked, claims);
            }
        }
        Some((b'?', header)) => {
            let header = String::from_utf8_lossy(header).replace("KEY", &CLIENT.key);
            let claims = claims();
            if let Some(checked) = check(&sign(header.as_bytes(), claims.as_bytes())) {
                agrees(&checked, claims.as_bytes());
                let lax: Value = serde_json::from_str(&header).expect("an accepted header is JSON");
                let typ = lax["typ"].as_str().unwrap_or_default().to_ascii_lowercase();
                assert!(["dpop+jwt", "application/dpop+jwt"].contains(&typ.as_str()), "{typ}");
                assert_eq!((&lax["alg"], &lax["jwk"]["kty"]), (&Value::from("EdDSA"), &Value::from("OKP")));
                assert!(lax["jwk"].get("d").is_none() && lax.get("crit").is_none());
            }
        }
        _ => {
            if let Ok(proof) = std::str::from_utf8(input) {
                // Whoever brings a key signs with it: all there is to see is that it holds together.
                check(proof);
            }
        }
    }
});

fn check(proof: &str) -> Option<CheckedProof> {
    let request = ProofRequest::new(&Method::GET, URL).with_token(TOKEN);
    check_proof(proof, &request, &DpopPolicy::default(), &*CLIENT.crypto, NOW).ok()
}

fn sign(header: &[u8], claims: &[u8]) -> String {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
    let signature = CLIENT.signer.sign_now(input.as_bytes()).expect("signing");
    format!("{input}.{}", base64url::encode(&signature))
}

fn claims() -> String {
    let iat = NOW.unix_timestamp();
    format!(r#"{{"jti":"1","htm":"GET","htu":"https://api.example/orders","iat":{iat},"ath":"{ATH}"}}"#)
}

fn agrees(checked: &CheckedProof, claims: &[u8]) {
    let lax: Value = serde_json::from_slice(claims).expect("accepted claims are JSON");
    assert_eq!((lax["htm"].as_str(), lax["ath"].as_str()), (Some("GET"), Some(ATH)));
    assert_eq!(
        (lax["htu"].as_str(), lax["jti"].as_str()),
        (Some(checked.htu.as_str()), Some(checked.jti.as_str()))
    );
    assert_eq!(lax["nonce"].as_str(), checked.nonce.as_deref());
    assert!(!checked.jti.is_empty() && checked.jti.len() <= 512);
    let age = NOW - checked.issued_at;
    assert!(age <= time::Duration::minutes(1) && age >= time::Duration::seconds(-10), "{age}");
    let named = url::Url::parse(&checked.htu).expect("an accepted address is a URL");
    assert_eq!((named.scheme(), named.host_str(), named.port()), ("https", Some("api.example"), None));
    // An escaped letter is that letter.
    assert!(named.path() == "/orders" || named.path().contains('%'), "{named}");
}
