//! Encrypting for a peer.

use ciam_core::crypto::{ContentCipher, Crypto, PublicKey};
use ciam_core::entropy::Entropy;
use ciam_core::secret::SecretBytes;

use super::{ContentAlgorithm, DecryptError, KeyTransport, rsa_oaep};
use crate::cert::Certificate;
use crate::dsig::{KeyError, encode};
use crate::names::{ASSERTION, DSIG, XENC, XENC11};
use crate::xml::XmlWriter;

/// Whom to encrypt for, and how.
#[derive(Clone, Debug)]
pub struct Recipient {
    key: PublicKey,
    content: ContentAlgorithm,
    transport: KeyTransport,
}

impl Recipient {
    /// The owner of a certificate (DER) with an RSA key; content with AES-128-GCM, keys with RSA-OAEP in the form that every
    /// peer reads.
    ///
    /// # Errors
    ///
    /// Fails when the certificate cannot be read, or its key is not RSA of at least 2048 bits.
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let certificate = Certificate::parse(der).ok_or(KeyError::Certificate)?;
        match certificate.public_key() {
            PublicKey::Rsa { modulus, .. } if modulus.len() >= 256 => {}
            _ => return Err(KeyError::Certificate),
        }
        let key = certificate.public_key().clone();
        Ok(Self { key, content: ContentAlgorithm::Aes128Gcm, transport: KeyTransport::MGF1P })
    }

    /// Sets the content's cipher, which has to notice changes.
    ///
    /// # Errors
    ///
    /// Fails for CBC.
    pub fn with_content(mut self, content: ContentAlgorithm) -> Result<Self, DecryptError> {
        if !content.is_authenticated() {
            return Err(DecryptError);
        }
        self.content = content;
        Ok(self)
    }

    /// Sets the hashes of RSA-OAEP.
    #[must_use]
    pub const fn with_transport(mut self, transport: KeyTransport) -> Self {
        self.transport = transport;
        self
    }
}

/// Encrypts an element into `saml:EncryptedAssertion` or `saml:EncryptedID`.
pub(crate) fn encrypt(
    crypto: &dyn Crypto,
    entropy: &dyn Entropy,
    to: &Recipient,
    name: &'static str,
    xml: &str,
) -> Result<String, KeyError> {
    let cipher = match to.content {
        ContentAlgorithm::Aes256Gcm => ContentCipher::Aes256Gcm,
        _ => ContentCipher::Aes128Gcm,
    };
    let failed = |_| KeyError::Failed;
    let key = SecretBytes::random(entropy, cipher.key_length()).map_err(failed)?;
    let mut sealed = vec![0; cipher.nonce_length()];
    entropy.fill(&mut sealed).map_err(failed)?;
    let mut text = xml.as_bytes().to_vec();
    let encryption = crypto.encryption().ok_or(KeyError::Failed)?;
    let tag = encryption.seal(cipher, &key, &sealed, &[], &mut text).map_err(|_| KeyError::Failed)?;
    sealed.extend(text);
    sealed.extend(tag);
    let wrapped = rsa_oaep::wrap(entropy, to.transport, &to.key, &key).ok_or(KeyError::Failed)?;
    Ok(element(to, name, &encode(&wrapped), &encode(&sealed)))
}

fn element(to: &Recipient, name: &'static str, wrapped: &str, sealed: &str) -> String {
    let (transport, digest, mask) = to.transport.names();
    let mut xml = XmlWriter::new();
    xml.open(name, &[("xmlns:saml", ASSERTION)]);
    xml.open("xenc:EncryptedData", &[("xmlns:xenc", XENC), ("Type", ELEMENT)]);
    xml.leaf("xenc:EncryptionMethod", &[("Algorithm", to.content.uri())], "");
    xml.open("ds:KeyInfo", &[("xmlns:ds", DSIG)]);
    xml.open("xenc:EncryptedKey", &[]);
    xml.open("xenc:EncryptionMethod", &[("Algorithm", transport)]);
    xml.leaf("ds:DigestMethod", &[("Algorithm", digest)], "");
    if let Some(mask) = mask {
        xml.leaf("xenc11:MGF", &[("xmlns:xenc11", XENC11), ("Algorithm", mask)], "");
    }
    xml.close();
    cipher_data(&mut xml, wrapped);
    xml.close();
    xml.close();
    cipher_data(&mut xml, sealed);
    xml.finish()
}

fn cipher_data(xml: &mut XmlWriter, value: &str) {
    xml.open("xenc:CipherData", &[]);
    xml.leaf("xenc:CipherValue", &[], value);
    xml.close();
}

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
