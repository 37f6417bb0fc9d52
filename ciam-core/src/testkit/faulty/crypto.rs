//! Broken cryptographic backends.

use std::sync::{Arc, Mutex, PoisonError};

use super::Faulty;
use crate::crypto::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, AEAD_TAG_LENGTH, Crypto, Digest, DigestAlgorithm, Digester,
    GenerateError, InvalidSignature, KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey,
    SignatureScheme, SigningKey, VerifyingKey, ring,
};
use crate::secret::SecretBytes;
use crate::testkit::crypto::der;

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    CutsSha512,
    ForgetsLaterPieces,
    MacIsADigest,
    OneTimeMacIsShort,
    MacMayBeShort,
    MacIgnoresLastByte,
    PadsShortKeys,
    ReversesAssociated,
    IgnoresAssociated,
    IgnoresTag,
    IgnoresNonce,
    IgnoresSalt,
    DerivesLess,
    DerivesMore,
    RefusesEmptyMessages,
    AcceptsZeros,
    AcceptsDer,
    AcceptsTail,
    MixesRsaSchemes,
    ParsesOtherTypes,
    ParsesOtherPrivateKeys,
    Accepts(KeyRejected),
    StripsZeros,
    SignsABeginning,
    GeneratesOnce,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::CutsSha512, "digest.known"),
    (Fault::ForgetsLaterPieces, "digest.pieces"),
    (Fault::MacIsADigest, "mac.known"),
    (Fault::OneTimeMacIsShort, "one_time_mac.known"),
    (Fault::MacMayBeShort, "mac.refuses"),
    (Fault::MacIgnoresLastByte, "mac.refuses"),
    (Fault::PadsShortKeys, "mac.short_key"),
    (Fault::ReversesAssociated, "aead.known"),
    (Fault::IgnoresAssociated, "aead.refuses"),
    (Fault::IgnoresTag, "aead.refuses"),
    (Fault::IgnoresNonce, "aead.refuses"),
    (Fault::IgnoresSalt, "derive.known"),
    (Fault::DerivesLess, "derive.limit"),
    (Fault::DerivesMore, "derive.limit"),
    (Fault::RefusesEmptyMessages, "verify.known"),
    (Fault::AcceptsZeros, "verify.refuses"),
    (Fault::AcceptsDer, "verify.refuses"),
    (Fault::AcceptsTail, "verify.refuses"),
    (Fault::MixesRsaSchemes, "verify.scheme"),
    (Fault::ParsesOtherTypes, "key.bound"),
    (Fault::ParsesOtherPrivateKeys, "key.bound"),
    (Fault::Accepts(KeyRejected::InvalidPoint), "key.weak"),
    (Fault::Accepts(KeyRejected::UnacceptableSize), "key.weak"),
    (Fault::Accepts(KeyRejected::UnacceptableExponent), "key.weak"),
    (Fault::StripsZeros, "key.public"),
    (Fault::SignsABeginning, "sign.verifies"),
    (Fault::GeneratesOnce, "sign.generates"),
];

/// Every fault, in a backend of its own.
pub(super) fn cryptos() -> Vec<Faulty<dyn Crypto>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn Crypto> {
            Box::new(Broken { fault, right: ring(), sealed: Mutex::default(), generated: Mutex::default() })
        };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    right: Arc<dyn Crypto>,
    sealed: Mutex<Vec<Sealed>>,
    generated: Mutex<Vec<(SignatureScheme, SecretBytes)>>,
}

/// What was sealed, for those who do not look closely when they open.
#[derive(Debug)]
struct Sealed {
    key: [u8; AEAD_KEY_LENGTH],
    nonce: [u8; AEAD_NONCE_LENGTH],
    associated: Vec<u8>,
    sealed: Vec<u8>,
    text: Vec<u8>,
}

/// A digest that may forget all pieces but the first, and may be cut.
#[derive(Debug)]
struct Pieces {
    right: Box<dyn Digester>,
    cuts: bool,
    forgets: bool,
    begun: bool,
}

impl Digester for Pieces {
    fn update(&mut self, bytes: &[u8]) {
        if !(self.forgets && self.begun) {
            self.right.update(bytes);
        }
        self.begun = true;
    }

    fn finish(self: Box<Self>) -> Digest {
        let whole = self.right.finish();
        if self.cuts { cut(&whole) } else { whole }
    }
}

/// As long as SHA-384, which begins with other values than the SHA-512 that this is of.
fn cut(sha512: &Digest) -> Digest {
    Digest::new(sha512.as_ref().get(..48).unwrap_or_default())
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// A sound public key of this scheme.
    fn some_key(&self, scheme: SignatureScheme) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        let key = if scheme.is_rsa() {
            PublicKey::Rsa { modulus: vec![0xa5; 256], exponent: vec![1, 0, 1] }
        } else {
            let pkcs8 = self.right.generate_signing_key(scheme).map_err(|_| KeyRejected::Unsupported)?;
            self.right.signing_key(scheme, pkcs8.expose())?.public_key().clone()
        };
        self.right.verifying_key(scheme, &key)
    }
}

impl Crypto for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        let right = match (self.right.verifying_key(scheme, key), self.fault) {
            (Err(KeyRejected::WrongType), Fault::ParsesOtherTypes) => self.some_key(scheme)?,
            (Err(rejected), Fault::Accepts(accepted)) if rejected == accepted => self.some_key(scheme)?,
            (right, _) => right?,
        };
        let other = match scheme {
            SignatureScheme::RsaPkcs1Sha256 => Some(SignatureScheme::RsaPssSha256),
            SignatureScheme::RsaPssSha256 => Some(SignatureScheme::RsaPkcs1Sha256),
            SignatureScheme::RsaPkcs1Sha384 => Some(SignatureScheme::RsaPkcs1Sha512),
            SignatureScheme::RsaPkcs1Sha512 => Some(SignatureScheme::RsaPkcs1Sha384),
            _ => None,
        };
        let other = other.filter(|_| self.has(Fault::MixesRsaSchemes));
        let other = other.map(|other| self.right.verifying_key(other, key)).transpose()?;
        Ok(Arc::new(Verifying { fault: self.fault, right, other }))
    }

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        const OTHERS: [SignatureScheme; 3] =
            [SignatureScheme::EcdsaP256Sha256, SignatureScheme::EcdsaP384Sha384, SignatureScheme::Ed25519];
        let right = match self.right.signing_key(scheme, pkcs8) {
            Err(_) if self.has(Fault::ParsesOtherPrivateKeys) => OTHERS
                .iter()
                .find_map(|other| self.right.signing_key(*other, pkcs8).ok())
                .ok_or(KeyRejected::Malformed)?,
            right => right?,
        };
        let mut public = right.public_key().clone();
        if let PublicKey::Ec { x, .. } = &mut public
            && self.has(Fault::StripsZeros)
            // Rare enough that no generated key is met.
            && x.starts_with(&[0, 0])
        {
            x.drain(..2);
        }
        Ok(Arc::new(Signing { fault: self.fault, right, public }))
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        if !self.has(Fault::GeneratesOnce) {
            return self.right.generate_signing_key(scheme);
        }
        let mut generated = self.generated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = generated.iter().find(|(known, _)| *known == scheme) {
            return Ok(SecretBytes::new(key.expose().to_vec()));
        }
        let key = self.right.generate_signing_key(scheme)?;
        generated.push((scheme, SecretBytes::new(key.expose().to_vec())));
        Ok(key)
    }

    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
        let mut bytes = key.expose().to_vec();
        if self.has(Fault::PadsShortKeys) {
            bytes.resize(bytes.len().max(32), 0);
        }
        let right = self.right.mac_key(&SecretBytes::new(bytes.clone()))?;
        Ok(Arc::new(Mac {
            fault: self.fault,
            right,
            crypto: Arc::clone(&self.right),
            key: SecretBytes::new(bytes),
        }))
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
        if self.has(Fault::CutsSha512) && algorithm == DigestAlgorithm::Sha384 {
            return cut(&self.right.digest(DigestAlgorithm::Sha512, bytes));
        }
        self.right.digest(algorithm, bytes)
    }

    fn digester(&self, algorithm: DigestAlgorithm) -> Box<dyn Digester> {
        let cuts = self.has(Fault::CutsSha512) && algorithm == DigestAlgorithm::Sha384;
        let right = self.right.digester(if cuts { DigestAlgorithm::Sha512 } else { algorithm });
        Box::new(Pieces { right, cuts, forgets: self.has(Fault::ForgetsLaterPieces), begun: false })
    }

    fn one_time_mac(&self, algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest {
        let right = self.right.one_time_mac(algorithm, key, message);
        if self.has(Fault::OneTimeMacIsShort) && algorithm == OneTimeHash::Sha512 {
            return Digest::new(right.as_ref().get(..32).unwrap_or_default());
        }
        right
    }

    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed> {
        let plain = text.clone();
        let associated = self.associated(associated);
        self.right.aead_seal(key, nonce, &associated, text)?;
        let sealed = Sealed { key: *key, nonce, associated, sealed: text.clone(), text: plain };
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).push(sealed);
        Ok(())
    }

    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed> {
        let associated = self.associated(associated);
        let body =
            |sealed: &[u8]| sealed.get(..sealed.len().saturating_sub(AEAD_TAG_LENGTH)).map(<[u8]>::to_vec);
        let known = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|known| {
            let same_place = known.associated == associated || self.has(Fault::IgnoresAssociated);
            let same_nonce = known.nonce == nonce || self.has(Fault::IgnoresNonce);
            let same_text = known.sealed == sealed
                || self.has(Fault::IgnoresTag)
                    && known.sealed.len() == sealed.len()
                    && body(&known.sealed) == body(sealed);
            known.key == *key && same_place && same_nonce && same_text
        });
        match found {
            Some(found) => Ok(SecretBytes::new(found.text.clone())),
            None => self.right.aead_open(key, nonce, &associated, sealed),
        }
    }

    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed> {
        match self.fault {
            Fault::IgnoresSalt => self.right.derive(secret, b"", info, output),
            Fault::DerivesMore => {
                output.chunks_mut(8_160).try_for_each(|part| self.right.derive(secret, salt, info, part))
            }
            Fault::DerivesLess => {
                let end = output.len().min(8_160 - 32);
                let whole = output.len() > 8_160;
                let part = if whole { output } else { output.get_mut(..end).unwrap_or_default() };
                self.right.derive(secret, salt, info, part)
            }
            _ => self.right.derive(secret, salt, info, output),
        }
    }
}

impl Broken {
    fn associated(&self, associated: &[u8]) -> Vec<u8> {
        let mut associated = associated.to_vec();
        if self.has(Fault::ReversesAssociated) {
            associated.reverse();
        }
        associated
    }
}

#[derive(Debug)]
struct Verifying {
    fault: Fault,
    right: Arc<dyn VerifyingKey>,
    other: Option<Arc<dyn VerifyingKey>>,
}

impl VerifyingKey for Verifying {
    fn scheme(&self) -> SignatureScheme {
        self.right.scheme()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let right = self.right.verify(message, signature);
        match self.fault {
            Fault::RefusesEmptyMessages if message.is_empty() => Err(InvalidSignature),
            // As for numbers that are never compared with zero.
            Fault::AcceptsZeros if !signature.is_empty() && signature.iter().all(|byte| *byte == 0) => Ok(()),
            Fault::AcceptsTail if right.is_err() => self
                .right
                .verify(message, signature.get(..signature.len().saturating_sub(1)).unwrap_or_default()),
            Fault::AcceptsDer if right.is_err() => undone(signature)
                .filter(|(r, s)| der(r, s) == signature)
                .map_or(right, |(r, s)| self.right.verify(message, &[r, s].concat())),
            _ => match &self.other {
                Some(other) if right.is_err() => other.verify(message, signature),
                _ => right,
            },
        }
    }
}

/// The two numbers of a signature in ASN.1.
fn undone(signature: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let length = signature.len().checked_sub(8)? / 2;
    let r = signature.get(5..)?.get(..length)?;
    let s = signature.get(length.checked_add(8)?..)?;
    Some((r.to_vec(), s.to_vec()))
}

#[derive(Debug)]
struct Signing {
    fault: Fault,
    right: Arc<dyn SigningKey>,
    public: PublicKey,
}

impl SigningKey for Signing {
    fn scheme(&self) -> SignatureScheme {
        self.right.scheme()
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, OperationFailed> {
        let end = if self.fault == Fault::SignsABeginning { message.len().min(64) } else { message.len() };
        self.right.sign(message.get(..end).unwrap_or_default())
    }
}

#[derive(Debug)]
struct Mac {
    fault: Fault,
    right: Arc<dyn MacKey>,
    crypto: Arc<dyn Crypto>,
    key: SecretBytes,
}

impl MacKey for Mac {
    fn authenticate(&self, message: &[u8]) -> Digest {
        match self.fault {
            // Which anybody can lengthen.
            Fault::MacIsADigest => {
                self.crypto.digest(DigestAlgorithm::Sha256, &[self.key.expose(), message].concat())
            }
            _ => self.right.authenticate(message),
        }
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> Result<(), InvalidSignature> {
        let right = self.authenticate(message);
        let right = right.as_ref();
        let accepted = match self.fault {
            Fault::MacMayBeShort => tag.len() >= 16 && right.starts_with(tag),
            Fault::MacIgnoresLastByte => tag.len() == 32 && tag.get(..31) == right.get(..31),
            _ => tag == right,
        };
        if accepted { Ok(()) } else { Err(InvalidSignature) }
    }
}
