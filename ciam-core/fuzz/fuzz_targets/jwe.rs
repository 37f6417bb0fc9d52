//! Encrypted tokens from anybody: nothing panics, nothing opens but what was encrypted for us, and a token has one spelling.
//!
//! The input is a token as it is, or (after a `!`) a way, a place and a content: the content is encrypted properly, opened
//! again, and the token changed at the place.

#![no_main]

use std::sync::{Arc, LazyLock};

use ciam_core::crypto::{self, Crypto, DecryptionKeyKind};
use ciam_core::encoding::base64url;
use ciam_core::jose::jwe::{
    self, ContentEncryption, Decrypter, DecryptionKey, EncryptionJwk, KeyManagement, Recipient,
};
use ciam_core::secret::SecretBytes;
use libfuzzer_sys::fuzz_target;

struct Ours {
    crypto: Arc<dyn Crypto>,
    published: Vec<EncryptionJwk>,
    decrypter: Decrypter,
}

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let crypto = crypto::ring();
    let encryption = crypto.encryption().expect("it encrypts");
    let mut keys = vec![DecryptionKey::shared(SecretBytes::new(vec![7; 32])).with_kid("dir")];
    let mut published = Vec::new();
    // The smaller curve and no RSA: what is looked for is in how tokens are read, and a run should cost no more than that.
    for (management, kid) in [(KeyManagement::EcdhEs, "es"), (KeyManagement::EcdhEsA256Kw, "kw")] {
        let pkcs8 = encryption.generate_decryption_key(DecryptionKeyKind::P256).expect("a key");
        let key = DecryptionKey::from_pkcs8(&*crypto, management, pkcs8.expose())
            .expect("a good key")
            .with_kid(kid);
        published.extend(key.public_jwk());
        keys.push(key);
    }
    let decrypter = Decrypter::new(crypto.clone(), keys);
    Ours { crypto, published, decrypter }
});

fuzz_target!(|input: &[u8]| {
    match input {
        [b'!', way, place, content @ ..] => encrypted(*way, *place, content),
        _ => {
            if let Ok(token) = std::str::from_utf8(input) {
                assert!(OURS.decrypter.decrypt(token).is_err(), "opened what nobody encrypted: {token}");
            }
            if let [header @ .., _] = input {
                // Past the encoding, into the header and the agreement.
                let token =
                    format!("{}..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA", base64url::encode(header));
                assert!(OURS.decrypter.decrypt(&token).is_err());
                let wrapped = "A".repeat(54);
                let token = format!(
                    "{}.{wrapped}.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
                    base64url::encode(header)
                );
                assert!(OURS.decrypter.decrypt(&token).is_err());
            }
        }
    }
});

fn encrypted(way: u8, place: u8, content: &[u8]) {
    let ours = &*OURS;
    let encryption = ContentEncryption::ALL[usize::from(way >> 4) % ContentEncryption::ALL.len()];
    // Most ways share a secret: an agreement costs a hundred times as much as everything else.
    let recipient = match ours.published.get(usize::from(way % 16)) {
        Some(jwk) => {
            let management = if way % 16 == 0 { KeyManagement::EcdhEs } else { KeyManagement::EcdhEsA256Kw };
            Recipient::new(jwk, management, encryption)
        }
        None => Recipient::sharing(SecretBytes::new(vec![7; 32]), encryption),
    };
    let Ok(recipient) = recipient else { return };
    let Ok(token) = jwe::encrypt(&*ours.crypto, &recipient, Some("JWT"), content) else { return };
    let opened = ours.decrypter.decrypt(&token).expect("what was encrypted for us opens");
    assert_eq!(opened.content().expose(), content);
    let at = usize::from(place) * token.len() / 256;
    let mut changed = token.clone().into_bytes();
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("base64url");
    assert!(ours.decrypter.decrypt(&changed).is_err(), "changed at {at}: {changed}");
}
