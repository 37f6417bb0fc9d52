//! JWE against published vectors: Wycheproof and RFC 7520.
//!
//! Run on `aws-lc-rs`, which decrypts everything that this library offers, and on `ring`, which does not decrypt RSA.

use std::sync::Arc;

use ciam_core::crypto::{self, Crypto};
use ciam_core::encoding::base64url;
use ciam_core::jose::jwe::{Decrypter, DecryptionKey, JweError, KeyManagement};
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, PublicJwk, TokenType, VerificationKey, Verifier};
use ciam_core::secret::SecretBytes;
use serde_json::Value;

use crate::jose_vectors::{bytes, pkcs8, read, tell, text, vectors};

fn backends() -> [Arc<dyn Crypto>; 2] {
    [crypto::aws_lc_rs(), crypto::ring()]
}

/// The key of a group, if its `alg` is one that we offer.
fn key(crypto: &dyn Crypto, jwk: &Value) -> Option<DecryptionKey> {
    let management: KeyManagement = jwk["alg"].as_str()?.parse().ok()?;
    let key = if management == KeyManagement::Dir {
        DecryptionKey::shared(SecretBytes::new(bytes(jwk, "k")))
    } else {
        DecryptionKey::from_pkcs8(crypto, management, &pkcs8(jwk)).ok()?
    };
    Some(match jwk["kid"].as_str() {
        Some(kid) => key.with_kid(kid),
        None => key,
    })
}

/// Opens a token as the owner of a key does.
fn open(crypto: &Arc<dyn Crypto>, jwk: &Value, token: &str) -> Result<Vec<u8>, JweError> {
    let key = key(&**crypto, jwk).ok_or(JweError::UnsupportedAlgorithm)?;
    let opened = Decrypter::new(Arc::clone(crypto), vec![key]).decrypt(token)?;
    Ok(opened.content().expose().to_vec())
}

/// Why a valid token is not opened: an algorithm that we refuse to offer, named by its key or its header.
fn unsupported(crypto: &dyn Crypto, jwk: &Value, token: &str) -> bool {
    let Some(Ok(header)) = token.split('.').next().map(base64url::decode) else { return true };
    let Ok(header) = serde_json::from_slice::<Value>(&header) else { return true };
    let offered = |name: &Value| {
        let way = name.as_str().and_then(|name| name.parse::<KeyManagement>().ok());
        way.is_some_and(|way| KeyManagement::decryptable_with(crypto).contains(&way))
    };
    !offered(&jwk["alg"])
        || !offered(&header["alg"])
        || header["enc"].as_str().is_some_and(|enc| enc.contains("192"))
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Runs one file on one backend; gives the numbers of tokens opened, refused, and valid but unsupported.
fn run(crypto: &Arc<dyn Crypto>, file: &str) -> Option<(usize, usize, usize)> {
    let suite = read(&vectors()?, file);
    let (mut opened, mut refused, mut out_of_scope) = (0, 0, 0);
    for group in suite["testGroups"].as_array().unwrap() {
        let jwk = &group["private"];
        for test in group["tests"].as_array().unwrap() {
            let Some(token) = test.get("jwe") else { continue };
            let token = token.as_str().map_or_else(|| token.to_string(), ToOwned::to_owned);
            let name = format!("{file} {}: {}", test["tcId"], test["comment"]);
            match (text(test, "result"), open(crypto, jwk, &token)) {
                ("valid", Ok(plain)) => {
                    assert!(test["pt"].as_str().is_none_or(|expected| unhex(expected) == plain), "{name}");
                    opened += 1;
                }
                ("valid", Err(_)) if unsupported(&**crypto, jwk, &token) => out_of_scope += 1,
                ("invalid", Err(_)) => refused += 1,
                (expected, outcome) => panic!("{name} is {expected}, and the outcome is {outcome:?}"),
            }
        }
    }
    let backend = crypto.name();
    tell(&format!(
        "{file} on {backend}, encryption: {opened} opened, {refused} refused, {out_of_scope} unsupported"
    ));
    Some((opened, refused, out_of_scope))
}

/// Unsupported are RSA1_5, AES key wrap and GCM key wrap by shared secrets, ECDH-ES with smaller wrapping keys, A192GCM and
/// A192CBC-HS384; on `ring` RSA too.
#[test]
fn wycheproof_json_web_encryption() {
    for (crypto, expected) in backends().iter().zip(ENCRYPTION_COUNTS) {
        if let Some(counts) = run(crypto, "wycheproof/json_web_encryption_test.json") {
            assert_eq!(counts, expected, "{}", crypto.name());
        }
    }
}

#[test]
fn wycheproof_json_web_crypto() {
    for (crypto, expected) in backends().iter().zip(CRYPTO_COUNTS) {
        if let Some(counts) = run(crypto, "wycheproof/json_web_crypto_test.json") {
            assert_eq!(counts, expected, "{}", crypto.name());
        }
    }
}

/// Opened, refused, unsupported: on `aws-lc-rs`, on `ring`.
const ENCRYPTION_COUNTS: [(usize, usize, usize); 2] = [(19, 74, 46), (9, 74, 56)];
const CRYPTO_COUNTS: [(usize, usize, usize); 2] = [(0, 32, 2), (0, 32, 2)];

/// RFC 7520, sections 5.1 to 5.9: what is offered opens, the rest is refused by name.
#[test]
fn rfc7520_encryption_examples() {
    let Some(vectors) = vectors() else { return };
    let crypto = crypto::aws_lc_rs();
    for (file, expected) in [
        ("5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2", Err(JweError::UnsupportedAlgorithm)),
        ("5_2.key_encryption_using_rsa-oaep_with_aes-gcm", Ok(())),
        ("5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2", Err(JweError::UnsupportedAlgorithm)),
        (
            "5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm",
            Err(JweError::UnsupportedAlgorithm),
        ),
        ("5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2", Ok(())),
        ("5_6.direct_encryption_using_aes-gcm", Ok(())),
        ("5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2", Err(JweError::UnsupportedAlgorithm)),
        ("5_8.key_wrap_using_aes-keywrap_with_aes-gcm", Err(JweError::UnsupportedAlgorithm)),
        ("5_9.compressed_content", Err(JweError::Compressed)),
    ] {
        let example = read(&vectors, &format!("rfc7520/jwe/{file}.json"));
        let input = &example["input"];
        let management: Option<KeyManagement> = text(input, "alg").parse().ok();
        // Whatever the key: the header alone decides about what is not offered.
        let key = match management {
            Some(KeyManagement::Dir) => DecryptionKey::shared(SecretBytes::new(bytes(&input["key"], "k"))),
            Some(management) => {
                DecryptionKey::from_pkcs8(&*crypto, management, &pkcs8(&input["key"])).unwrap()
            }
            None => DecryptionKey::shared(SecretBytes::new(vec![0; 32])),
        };
        let decrypter = Decrypter::new(Arc::clone(&crypto), vec![key]);
        let opened = decrypter.decrypt(text(&example["output"], "compact"));
        assert_eq!(opened.as_ref().map(|_| ()).map_err(|error| *error), expected, "{file}");
        if let Ok(opened) = opened {
            assert_eq!(opened.content().expose(), text(input, "plaintext").as_bytes(), "{file}");
        }
    }
}

/// RFC 7520, section 6: a token that was signed, then encrypted.
#[test]
fn rfc7520_nested_example() {
    let Some(vectors) = vectors() else { return };
    let crypto = crypto::aws_lc_rs();
    let example = read(&vectors, "rfc7520/6.nesting_signatures_and_encryption.json");
    let encrypted = &example["encrypt"];
    let private = pkcs8(&encrypted["input"]["key"]);
    let key = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::RsaOaep, &private).unwrap();
    let opened = Decrypter::new(Arc::clone(&crypto), vec![key])
        .decrypt(text(&encrypted["output"], "compact"))
        .unwrap();

    let mut public = example["sign"]["input"]["key"].as_object().unwrap().clone();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        public.remove(private);
    }
    let public = PublicJwk::parse(&Value::Object(public).to_string()).unwrap();
    let keys = KeySet::from(VerificationKey::from_jwk(&*crypto, &public).unwrap());
    let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Ps256]), TokenType::exactly("JWT"));
    let verified = verifier.verify(opened.nested().unwrap(), &keys).unwrap();
    assert_eq!(verified.payload(), text(&example["sign"]["input"], "payload").as_bytes());
}
