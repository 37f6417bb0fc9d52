//! Reading what was encrypted for us.

use aes::{Aes128, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use ciam_core::crypto::{ContentCipher, Crypto};
use ciam_core::entropy::Entropy;
use ciam_core::secret::SecretBytes;

use super::{ContentAlgorithm, DecryptionKeys, KeyTransport};
use crate::dsig::{Signed, decode_strict};
use crate::names::{DSIG, XENC};
use crate::xml::{Doc, Element, Limits};

/// What is known about the ciphertext before it is decrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Around<'s> {
    /// Nothing: only a cipher that notices changes will do.
    Nothing,
    /// It was signed, and the signature was verified.
    Signed(#[expect(dead_code, reason = "its being there is the proof")] &'s Signed),
}

/// What was encrypted, as a document of its own.
#[derive(Debug)]
pub(crate) struct Decrypted(Doc);

impl Decrypted {
    /// The one element that was encrypted.
    pub(crate) fn element(&self) -> Result<Element<'_>, DecryptError> {
        let root = self.0.root().map_err(|_| DecryptError)?;
        let mut children = root.only_children().map_err(|_| DecryptError)?;
        let element = children.next().ok_or(DecryptError)?;
        if children.next().is_some() { Err(DecryptError) } else { Ok(element) }
    }
}

/// It cannot be decrypted. Deliberately without detail: each would tell a stranger something about the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be decrypted")]
#[non_exhaustive]
pub struct DecryptError;

/// Decrypts an `EncryptedAssertion`, `EncryptedID` or `EncryptedAttribute`.
///
/// A key that cannot be unwrapped is replaced by a random one, so that both ends of the work look alike.
pub(crate) fn decrypt(
    crypto: &dyn Crypto,
    entropy: &dyn Entropy,
    keys: &DecryptionKeys,
    element: Element<'_>,
    around: Around<'_>,
) -> Result<Decrypted, DecryptError> {
    let sealed = Sealed::read(element).ok_or(DecryptError)?;
    if !sealed.algorithm.is_authenticated() && !matches!(around, Around::Signed(_)) {
        return Err(DecryptError);
    }
    let length = sealed.algorithm.key_length();
    let random = SecretBytes::random(entropy, length).map_err(|_| DecryptError)?;
    let attempts = sealed.keys.iter().flat_map(|wrapped| keys.iter().map(move |key| (key, wrapped)));
    let key = attempts
        .take(MAX_ATTEMPTS)
        .filter_map(|(key, (transport, wrapped))| key.unwrap(entropy, *transport, wrapped))
        .find(|key| key.expose().len() == length)
        .unwrap_or(random);
    let text = open(crypto, sealed.algorithm, &key, &sealed.text).ok_or(DecryptError)?;
    in_scope(element, text.expose()).ok_or(DecryptError)
}

struct Sealed {
    algorithm: ContentAlgorithm,
    keys: Vec<(KeyTransport, Vec<u8>)>,
    text: Vec<u8>,
}

impl Sealed {
    fn read(element: Element<'_>) -> Option<Self> {
        let mut children = element.only_children().ok()?;
        let data = children.next().filter(|child| child.is(XENC, "EncryptedData"))?;
        let mut beside: Vec<Element<'_>> = children.collect();
        let mut parts = data.only_children().ok()?;
        let method = parts.next().filter(|part| part.is(XENC, "EncryptionMethod"))?;
        let algorithm = ContentAlgorithm::from_uri(method.attribute("Algorithm")?)?;
        let info = parts.next().filter(|part| part.is(DSIG, "KeyInfo"))?;
        let text = cipher_value(parts.next()?)?;
        parts.next().is_none().then_some(())?;
        beside.extend(info.children().filter(|child| child.is(XENC, "EncryptedKey")));
        if beside.len() > MAX_KEYS {
            return None;
        }
        let keys = beside.into_iter().map(wrapped_key).collect::<Option<Vec<_>>>()?;
        // Keys of algorithms that we do not have are for other recipients.
        let keys = keys.into_iter().flatten().collect();
        Some(Self { algorithm, keys, text })
    }
}

fn wrapped_key(key: Element<'_>) -> Option<Option<(KeyTransport, Vec<u8>)>> {
    key.is(XENC, "EncryptedKey").then_some(())?;
    let parts: Vec<Element<'_>> = key.only_children().ok()?.collect();
    let method = parts.first().filter(|part| part.is(XENC, "EncryptionMethod"))?;
    let mut data = parts.iter().filter(|part| part.is(XENC, "CipherData"));
    let value = cipher_value(*data.next()?)?;
    let known = |part: &Element<'_>| {
        ["EncryptionMethod", "CipherData", "ReferenceList", "CarriedKeyName"].iter().any(|n| part.is(XENC, n))
            || part.is(DSIG, "KeyInfo")
    };
    (data.next().is_none() && parts.iter().all(known)).then_some(())?;
    Some(KeyTransport::read(*method).map(|transport| (transport, value)))
}

/// The value of a `CipherData`; a reference is not followed.
fn cipher_value(data: Element<'_>) -> Option<Vec<u8>> {
    data.is(XENC, "CipherData").then_some(())?;
    let mut children = data.only_children().ok()?;
    let value = children.next().filter(|child| child.is(XENC, "CipherValue"))?;
    children.next().is_none().then_some(())?;
    decode_strict(value.simple_text().ok()?)
}

fn open(
    crypto: &dyn Crypto,
    algorithm: ContentAlgorithm,
    key: &SecretBytes,
    sealed: &[u8],
) -> Option<SecretBytes> {
    let cipher = match algorithm {
        ContentAlgorithm::Aes128Gcm => ContentCipher::Aes128Gcm,
        ContentAlgorithm::Aes256Gcm => ContentCipher::Aes256Gcm,
        ContentAlgorithm::Aes128Cbc | ContentAlgorithm::Aes256Cbc => return open_cbc(key, sealed),
    };
    let (nonce, rest) = sealed.split_at_checked(cipher.nonce_length())?;
    let (text, tag) = rest.split_at_checked(rest.len().checked_sub(cipher.tag_length())?)?;
    crypto.encryption()?.open(cipher, key, nonce, &[], text, tag).ok()
}

/// AES-CBC with the padding of XML encryption: the last byte says how long it is, the others are anything
/// ([XML Encryption, section 5.2](https://www.w3.org/TR/xmlenc-core1/#sec-Alg-Block)).
fn open_cbc(key: &SecretBytes, sealed: &[u8]) -> Option<SecretBytes> {
    let (iv, text) = sealed.split_at_checked(BLOCK)?;
    if text.is_empty() || text.len() % BLOCK != 0 {
        return None;
    }
    let key = key.expose();
    let mut plain = if key.len() == 16 {
        let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?;
        cipher.decrypt_padded_vec::<NoPadding>(text).ok()?
    } else {
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
        cipher.decrypt_padded_vec::<NoPadding>(text).ok()?
    };
    let padding = usize::from(*plain.last()?);
    if !(1..=BLOCK).contains(&padding) {
        return None;
    }
    plain.truncate(plain.len() - padding);
    Some(SecretBytes::new(plain))
}

/// Reads the text where the encrypted element stood: under the namespaces that were in scope there.
fn in_scope(element: Element<'_>, text: &[u8]) -> Option<Decrypted> {
    let text = std::str::from_utf8(text).ok()?;
    let mut xml = String::from("<decrypted");
    for (prefix, namespace) in element.namespaces_in_scope() {
        xml.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        xml.push_str(prefix);
        xml.push_str("=\"");
        xml.push_str(namespace);
        xml.push('"');
    }
    xml.push('>');
    xml.push_str(text);
    xml.push_str("</decrypted>");
    let limits = Limits { bytes: xml.len().min(Limits::MESSAGE.bytes), ..Limits::MESSAGE };
    Doc::parse(xml.as_bytes(), limits).ok().map(Decrypted)
}

const BLOCK: usize = 16;
/// Most recipients of one encrypted element.
const MAX_KEYS: usize = 8;
/// Most operations with private keys for one encrypted element.
const MAX_ATTEMPTS: usize = 8;
