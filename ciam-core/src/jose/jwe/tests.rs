use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::crypto::{self, Crypto, DecryptionKeyKind};
use crate::encoding::base64url;
use crate::jose::JwkError;
use crate::secret::SecretBytes;

fn backends() -> Vec<Arc<dyn Crypto>> {
    vec![
        crypto::ring(),
        #[cfg(feature = "aws-lc-rs")]
        crypto::aws_lc_rs(),
    ]
}

/// Every way that a backend decrypts, with a key of ours and the recipient that encrypts for it.
fn pairs(crypto: &dyn Crypto, content: ContentEncryption) -> Vec<(DecryptionKey, Recipient)> {
    let encryption = crypto.encryption().unwrap();
    let mut pairs = Vec::new();
    for way in KeyManagement::decryptable_with(crypto) {
        let kinds: &[_] = match way {
            KeyManagement::Dir => {
                let secret = SecretBytes::new(vec![7; content.cipher().key_length()]);
                let recipient = Recipient::sharing(secret.clone(), content).unwrap();
                pairs.push((DecryptionKey::shared(secret), recipient));
                continue;
            }
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA256Kw => {
                &[DecryptionKeyKind::P256, DecryptionKeyKind::P384]
            }
            _ => &[DecryptionKeyKind::Rsa],
        };
        for kind in kinds {
            let pkcs8 = encryption.generate_decryption_key(*kind).unwrap();
            let key = DecryptionKey::from_pkcs8(crypto, way, pkcs8.expose()).unwrap().with_kid("k");
            let recipient = Recipient::new(&key.public_jwk().unwrap(), way, content).unwrap();
            pairs.push((key, recipient));
        }
    }
    pairs
}

#[test]
fn every_pair_of_algorithms_opens_what_it_sealed() {
    for crypto in backends() {
        for content in ContentEncryption::ALL {
            for (key, recipient) in pairs(&*crypto, content) {
                let token = encrypt(&*crypto, &recipient, None, b"content").unwrap();
                let opened = Decrypter::new(Arc::clone(&crypto), vec![key.clone()]).decrypt(&token).unwrap();
                assert_eq!(opened.content().expose(), b"content", "{key:?} {content}");
                assert_eq!(opened.nested(), Err(JweError::NotNested));
            }
        }
    }
}

/// What one backend encrypts, the other decrypts.
#[test]
fn backends_understand_each_other() {
    let backends = backends();
    for ours in &backends {
        for theirs in &backends {
            for (key, recipient) in pairs(&**ours, ContentEncryption::A256CbcHs512) {
                let Ok(token) = encrypt(&**theirs, &recipient, None, b"content") else { continue };
                let opened = Decrypter::new(Arc::clone(ours), vec![key]).decrypt(&token).unwrap();
                assert_eq!(opened.content().expose(), b"content");
            }
        }
    }
}

/// One byte of any part changed, removed or added: nothing opens, and nothing says why.
#[test]
fn whatever_is_altered_does_not_open() {
    for crypto in backends() {
        for content in [ContentEncryption::A128CbcHs256, ContentEncryption::A128Gcm] {
            for (key, recipient) in pairs(&*crypto, content) {
                let token = encrypt(&*crypto, &recipient, None, b"content").unwrap();
                let decrypter = Decrypter::new(Arc::clone(&crypto), vec![key]);
                let parts: Vec<&str> = token.split('.').collect();
                for (at, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                    let bytes = base64url::decode(part).unwrap();
                    let mut flipped = bytes.clone();
                    flipped[bytes.len() / 2] ^= 1;
                    let longer = [&bytes[..], &[0]].concat();
                    for other in [&flipped[..], &bytes[1..], &bytes[..bytes.len() - 1], &longer, &[]] {
                        let other = base64url::encode(other);
                        let mut parts = parts.clone();
                        parts[at] = &other;
                        let outcome = decrypter.decrypt(&parts.join(".")).map(|_| ());
                        assert!(outcome.is_err(), "part {at} of {token}");
                        if at > 0 {
                            assert_eq!(outcome, Err(JweError::Decryption), "part {at} of {token}");
                        }
                    }
                }
            }
        }
    }
}

fn decrypter() -> (Decrypter, String) {
    let crypto = crypto::ring();
    let secret = SecretBytes::new(vec![7; 32]);
    let recipient = Recipient::sharing(secret.clone(), ContentEncryption::A256Gcm).unwrap();
    let token = encrypt(&*crypto, &recipient, Some("JWT"), b"a.b.c").unwrap();
    (Decrypter::new(crypto, vec![DecryptionKey::shared(secret)]), token)
}

fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", base64url::encode(header.as_bytes()))
}

#[test]
fn headers_that_must_not_be_processed_are_refused() {
    let (decrypter, token) = decrypter();
    for (header, error) in [
        (r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#, JweError::Compressed),
        (r#"{"alg":"dir","enc":"A256GCM","crit":["exp"],"exp":1}"#, JweError::CriticalHeader),
        (r#"{"alg":"dir","enc":"A256GCM","alg":"dir"}"#, JweError::DuplicateMember),
        (r#"{"alg":"RSA1_5","enc":"A256GCM"}"#, JweError::UnsupportedAlgorithm),
        (r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2000000000}"#, JweError::UnsupportedAlgorithm),
        (r#"{"alg":"A256KW","enc":"A256GCM"}"#, JweError::UnsupportedAlgorithm),
        (r#"{"alg":"dir","enc":"A192GCM"}"#, JweError::UnsupportedAlgorithm),
        (r#"{"alg":"none","enc":"A256GCM"}"#, JweError::UnsupportedAlgorithm),
        (r#"{"alg":"ECDH-ES","enc":"A256GCM"}"#, JweError::AlgorithmNotAllowed),
        (r#"{"alg":"dir"}"#, JweError::Malformed),
        (r#"{"alg":["dir"],"enc":"A256GCM"}"#, JweError::Malformed),
        (r#"["dir"]"#, JweError::Malformed),
        (r#"{"alg":"dir","enc":"A256GCM"} x"#, JweError::Malformed),
        (
            r#"{"alg":"dir","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}"#,
            JweError::Malformed,
        ),
        (r#"{"alg":"dir","enc":"A128CBC-HS256"}"#, JweError::Decryption),
    ] {
        assert_eq!(decrypter.decrypt(&with_header(&token, header)).unwrap_err(), error, "{header}");
    }
}

#[test]
fn only_the_policys_content_encryptions_are_accepted() {
    let (decrypter, token) = decrypter();
    assert!(decrypter.decrypt(&token).is_ok());
    let strict = decrypter.clone().with_encryptions(&[ContentEncryption::A256CbcHs512]);
    assert_eq!(strict.decrypt(&token).unwrap_err(), JweError::AlgorithmNotAllowed);
}

#[test]
fn sizes_and_shapes_are_bounded() {
    let (decrypter, token) = decrypter();
    assert_eq!(decrypter.decrypt(&"A".repeat(65_537)).unwrap_err(), JweError::TooLarge);
    let header = json!({ "alg": "dir", "enc": "A256GCM", "x": "x".repeat(8_192) }).to_string();
    assert_eq!(decrypter.decrypt(&with_header(&token, &header)).unwrap_err(), JweError::TooLarge);
    for malformed in ["", "....", "a.b.c", "a.b.c.d.e.f", &format!("{token}="), &format!("{token}.")] {
        assert_eq!(decrypter.decrypt(malformed).unwrap_err(), JweError::Malformed, "{malformed}");
    }
}

#[test]
fn a_key_of_another_name_is_not_tried() {
    let crypto = crypto::ring();
    let secret = SecretBytes::new(vec![7; 32]);
    let recipient =
        Recipient::sharing(secret.clone(), ContentEncryption::A256Gcm).unwrap().with_kid("theirs");
    let token = encrypt(&*crypto, &recipient, None, b"content").unwrap();
    let key = DecryptionKey::shared(secret);
    let open = |key| Decrypter::new(crypto::ring(), vec![key]).decrypt(&token).map(|_| ());
    assert_eq!(open(key.clone().with_kid("ours")), Err(JweError::UnknownKey));
    assert_eq!(open(key.with_kid("theirs")), Ok(()));
}

/// A public key is for the ways that it is bound to, and a point that is not on its curve meets no private key.
#[test]
fn invalid_points_and_mismatched_keys_are_refused() {
    for crypto in backends() {
        let encryption = crypto.encryption().unwrap();
        let pkcs8 = encryption.generate_decryption_key(DecryptionKeyKind::P256).unwrap();
        assert_eq!(
            DecryptionKey::from_pkcs8(&*crypto, KeyManagement::RsaOaep, pkcs8.expose()).unwrap_err(),
            JwkError::AlgorithmMismatch
        );
        let key = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEs, pkcs8.expose()).unwrap();
        let jwk = key.public_jwk().unwrap();
        let recipient = Recipient::new(&jwk, KeyManagement::EcdhEs, ContentEncryption::A128Gcm).unwrap();
        let token = encrypt(&*crypto, &recipient, None, b"content").unwrap();
        let (header, _) = token.split_once('.').unwrap();
        let mut header: Value = serde_json::from_slice(&base64url::decode(header).unwrap()).unwrap();
        for y in [[0; 32], [1; 32], [0xff; 32]] {
            header["epk"]["y"] = json!(base64url::encode(&y));
            let altered = with_header(&token, &header.to_string());
            let decrypter = Decrypter::new(Arc::clone(&crypto), vec![key.clone()]);
            assert_eq!(decrypter.decrypt(&altered).unwrap_err(), JweError::Decryption);
        }
    }
}
