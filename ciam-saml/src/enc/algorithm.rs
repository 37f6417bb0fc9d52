//! The algorithms of encryption: a table, and nothing beside it.

use crate::names::DSIG;
use crate::xml::Element;

/// How content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentAlgorithm {
    /// AES-128 in Galois/Counter mode.
    Aes128Gcm,
    /// AES-256 in Galois/Counter mode.
    Aes256Gcm,
    /// AES-128 in CBC mode: for reading only, under a signature that was verified.
    Aes128Cbc,
    /// AES-256 in CBC mode, likewise.
    Aes256Cbc,
}

impl ContentAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Aes128Gcm, Self::Aes256Gcm, Self::Aes128Cbc, Self::Aes256Cbc];

    /// The name.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }

    /// The algorithm with this name.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.uri() == uri)
    }

    /// Whether the cipher notices changes by itself.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }

    pub(super) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }
}

/// A hash of RSA-OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OaepDigest {
    /// SHA-1, which OAEP does not need to be free of collisions.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// RSA-OAEP with its two hashes ([XML Encryption, section 5.5.2](https://www.w3.org/TR/xmlenc-core1/#sec-RSA-OAEP)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyTransport {
    /// The hash of the label.
    pub digest: OaepDigest,
    /// The hash of the mask generation function.
    pub mask: OaepDigest,
}

impl KeyTransport {
    /// SHA-1 for both: the one form that every peer reads.
    pub const MGF1P: Self = Self { digest: OaepDigest::Sha1, mask: OaepDigest::Sha1 };
    /// SHA-256 for both.
    pub const SHA256: Self = Self { digest: OaepDigest::Sha256, mask: OaepDigest::Sha256 };

    /// These hashes.
    #[must_use]
    pub const fn new(digest: OaepDigest, mask: OaepDigest) -> Self {
        Self { digest, mask }
    }

    /// Reads an `EncryptionMethod`; `None` for everything that is not in the table, a label included.
    pub(super) fn read(method: Element<'_>) -> Option<Self> {
        let mgf1p = match method.attribute("Algorithm")? {
            RSA_OAEP_MGF1P => true,
            RSA_OAEP => false,
            _ => return None,
        };
        let (mut digest, mut mask) = (None, None);
        for child in method.only_children().ok()? {
            let algorithm = child.attribute("Algorithm")?;
            if !child.has_only_attributes(&["Algorithm"]) || child.only_children().ok()?.next().is_some() {
                return None;
            }
            if child.is(DSIG, "DigestMethod") && digest.is_none() {
                digest = Some(hash(algorithm)?);
            } else if child.is(crate::names::XENC11, "MGF") && mask.is_none() && !mgf1p {
                mask = Some(mask_hash(algorithm)?);
            } else {
                return None;
            }
        }
        Some(Self { digest: digest.unwrap_or(OaepDigest::Sha1), mask: mask.unwrap_or(OaepDigest::Sha1) })
    }

    /// The name of the algorithm, and those of its hashes where they have to be written.
    pub(super) const fn names(self) -> (&'static str, &'static str, Option<&'static str>) {
        let digest = match self.digest {
            OaepDigest::Sha1 => SHA1,
            OaepDigest::Sha256 => SHA256,
        };
        match self.mask {
            OaepDigest::Sha1 => (RSA_OAEP_MGF1P, digest, None),
            OaepDigest::Sha256 => (RSA_OAEP, digest, Some(MGF1_SHA256)),
        }
    }
}

fn hash(uri: &str) -> Option<OaepDigest> {
    match uri {
        SHA1 => Some(OaepDigest::Sha1),
        SHA256 => Some(OaepDigest::Sha256),
        _ => None,
    }
}

fn mask_hash(uri: &str) -> Option<OaepDigest> {
    match uri {
        MGF1_SHA1 => Some(OaepDigest::Sha1),
        MGF1_SHA256 => Some(OaepDigest::Sha256),
        _ => None,
    }
}

const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
