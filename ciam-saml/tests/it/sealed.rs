//! Encrypted elements, made by another implementation than the one that reads them.

use std::sync::LazyLock;

use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use ciam_core::crypto::{ContentCipher, PublicKey};
use ciam_core::secret::SecretBytes;
use ciam_saml::cert::Certificate;
use ciam_saml::enc::{DecryptionKey, DecryptionKeys};

use crate::support::*;
use crate::world::*;

pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(crate) const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
pub(crate) const CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
pub(crate) const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
pub(crate) const OAEP11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
pub(crate) const KEY: [u8; 16] = [7; 16];

/// The service provider's key, of its own.
pub(crate) static SP_KEY: LazyLock<Pair> =
    LazyLock::new(|| Pair::generate(ciam_saml::dsig::SignatureAlgorithm::RsaSha256));

pub(crate) fn keys() -> DecryptionKeys {
    static KEYS: LazyLock<DecryptionKeys> = LazyLock::new(|| {
        DecryptionKeys::new(vec![
            DecryptionKey::new(OTHER.pkcs8.expose(), &OTHER.certificate).unwrap(),
            DecryptionKey::new(SP_KEY.pkcs8.expose(), &SP_KEY.certificate).unwrap(),
        ])
    });
    KEYS.clone()
}

pub(crate) fn world() -> World {
    World::with(config().with_decryption_keys(keys()), partner(IDP_ID, &IDP))
}

/// RSA-OAEP by another implementation than the one that reads it, for the hashes that it has.
pub(crate) fn wrapped(hash: ciam_core::crypto::OaepHash) -> Vec<u8> {
    let certificate = Certificate::parse(&SP_KEY.certificate).unwrap();
    let key: &PublicKey = certificate.public_key();
    let crypto = &**CRYPTO;
    crypto.encryption().unwrap().encrypt_oaep(hash, key, &SecretBytes::new(KEY.to_vec())).unwrap()
}

pub(crate) fn gcm(text: &str) -> Vec<u8> {
    let nonce = [9_u8; 12];
    let mut sealed = text.as_bytes().to_vec();
    let key = SecretBytes::new(KEY.to_vec());
    let encryption = CRYPTO.encryption().unwrap();
    let tag = encryption.seal(ContentCipher::Aes128Gcm, &key, &nonce, &[], &mut sealed).unwrap();
    [&nonce[..], &sealed, &tag].concat()
}

pub(crate) fn cbc(text: &[u8], padding: u8) -> Vec<u8> {
    let iv = [3_u8; 16];
    let missing = 16 - text.len() % 16;
    let mut padded = text.to_vec();
    padded.resize(text.len() + missing - 1, 0xAA);
    padded.push(if padding == 0xff { u8::try_from(missing).unwrap() } else { padding });
    let cipher = cbc::Encryptor::<aes::Aes128>::new_from_slices(&KEY, &iv).unwrap();
    let sealed = cipher.encrypt_padded_vec::<cbc::cipher::block_padding::NoPadding>(&padded);
    [&iv[..], &sealed].concat()
}

#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) algorithm: &'static str,
    pub(crate) text: Vec<u8>,
    pub(crate) transport: &'static str,
    pub(crate) transport_content: String,
    pub(crate) key: Vec<u8>,
    pub(crate) beside: String,
}

impl Sealed {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            algorithm: GCM,
            text: gcm(text),
            transport: MGF1P,
            transport_content: String::new(),
            key: wrapped(ciam_core::crypto::OaepHash::Sha1),
            beside: String::new(),
        }
    }

    pub(crate) fn xml(&self, name: &str) -> String {
        let Self { algorithm, transport, transport_content, beside, .. } = self;
        let (text, key) = (b64(&self.text), b64(&self.key));
        format!(
            r#"<saml:{name} xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element"><xenc:EncryptionMethod Algorithm="{algorithm}"></xenc:EncryptionMethod><ds:KeyInfo xmlns:ds="{DSIG}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{transport}">{transport_content}</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{key}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>{beside}</saml:{name}>"#
        )
    }
}
