//! Verification that answers what was signed.

use ciam_core::crypto::{Crypto, Digest, DigestAlgorithm};
use ciam_core::secret::{TokenDigest, ct_eq};

use super::algorithm::digest_from_uri;
use super::{SignatureAlgorithm, TrustedKey, TrustedKeys, decode_strict};
use crate::names::{DSIG, ENVELOPED, EXC_C14N};
use crate::xml::{Canonical, Doc, Element, Limits, XmlError, canonicalize};

/// Which algorithms a peer may sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignaturePolicy(Vec<SignatureAlgorithm>);

impl SignaturePolicy {
    /// Only these.
    #[must_use]
    pub fn only(algorithms: impl IntoIterator<Item = SignatureAlgorithm>) -> Self {
        Self(algorithms.into_iter().collect())
    }

    /// Whether an algorithm is allowed.
    #[must_use]
    pub fn allows(&self, algorithm: SignatureAlgorithm) -> bool {
        self.0.contains(&algorithm)
    }
}

impl Default for SignaturePolicy {
    /// Every algorithm that this crate knows.
    fn default() -> Self {
        Self::only(SignatureAlgorithm::ALL)
    }
}

/// What was signed: a document read from the octets that were hashed, without the signature and without comments.
///
/// There is no other way to make one than [`verify`].
#[derive(Debug)]
pub struct Signed {
    doc: Doc,
    key: TokenDigest,
    algorithm: SignatureAlgorithm,
}

impl Signed {
    /// The document.
    #[must_use]
    pub const fn doc(&self) -> &Doc {
        &self.doc
    }

    /// Its element.
    ///
    /// # Errors
    ///
    /// Never for a document that was verified.
    pub fn root(&self) -> Result<Element<'_>, XmlError> {
        self.doc.root()
    }

    /// The [fingerprint](super::TrustedKey::fingerprint) of the key.
    #[must_use]
    pub const fn key(&self) -> &TokenDigest {
        &self.key
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

/// Verifies the signature that is a direct child of an element, and is over that element.
///
/// # Security
///
/// The element is one that the caller found by structure; the signature is its own child, and its reference has to be to
/// its own `ID`. The signature over `SignedInfo` is checked first, so that nothing that a stranger wrote decides what is
/// computed; the digest after it, in constant time.
///
/// # Errors
///
/// Fails when there is no such signature, when it is written in any way but the one that SAML allows, when its algorithm
/// is not allowed, and when no trusted key made it over this element.
pub fn verify(
    crypto: &dyn Crypto,
    element: Element<'_>,
    keys: &TrustedKeys,
    policy: &SignaturePolicy,
) -> Result<Signed, SignatureError> {
    let id = element.attribute("ID").filter(|id| !id.is_empty()).ok_or(SignatureError::Reference)?;
    let signature = only_signature(element)?;
    let shape = Shape::read(signature, id)?;
    let key = shape.authenticate(keys, policy)?;
    let options = Canonical::default().with_inclusive(&shape.transform_prefixes).without(signature);
    let octets = canonicalize(element, options)?;
    let digest = crypto.digest(shape.digest, octets.as_bytes());
    if octets.is_empty() || !ct_eq(digest.as_ref(), &shape.digest_value) {
        return Err(SignatureError::Digest);
    }
    let limits = Limits { bytes: octets.len(), depth: Limits::MESSAGE.depth, ..Limits::MESSAGE };
    let doc = Doc::parse(octets.as_bytes(), limits)?;
    Ok(Signed { doc, key: *key.fingerprint(), algorithm: shape.algorithm })
}

/// What a trusted key has said of an element that is still to be read: how its canonical form is made, and its digest.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) algorithm: DigestAlgorithm,
    pub(crate) inclusive: Vec<String>,
    digest: Vec<u8>,
}

impl Announced {
    /// Reads the one signature of an element of which nothing but its tag and its signature is there, and verifies
    /// everything but the digest.
    pub(crate) fn read(
        element: Element<'_>,
        keys: &TrustedKeys,
        policy: &SignaturePolicy,
    ) -> Result<Self, SignatureError> {
        let id = element.attribute("ID").filter(|id| !id.is_empty()).ok_or(SignatureError::Reference)?;
        let shape = Shape::read(only_signature(element)?, id)?;
        shape.authenticate(keys, policy)?;
        let inclusive = shape.transform_prefixes.into_iter().map(str::to_owned).collect();
        Ok(Self { algorithm: shape.digest, inclusive, digest: shape.digest_value })
    }

    /// Whether this is the digest, in constant time.
    pub(crate) fn check(&self, digest: &Digest) -> Result<(), SignatureError> {
        if ct_eq(digest.as_ref(), &self.digest) { Ok(()) } else { Err(SignatureError::Digest) }
    }
}

/// Whether an element has a signature as its child.
pub(crate) fn is_signed(element: Element<'_>) -> bool {
    element.children().any(|child| child.is(DSIG, "Signature"))
}

fn only_signature(element: Element<'_>) -> Result<Element<'_>, SignatureError> {
    let mut signatures = element.children().filter(|child| child.is(DSIG, "Signature"));
    let signature = signatures.next().ok_or(SignatureError::Unsigned)?;
    if signatures.next().is_some() { Err(SignatureError::Shape) } else { Ok(signature) }
}

/// A signature whose every part is where it has to be.
struct Shape<'d> {
    info: Element<'d>,
    algorithm: SignatureAlgorithm,
    method_prefixes: Vec<&'d str>,
    transform_prefixes: Vec<&'d str>,
    digest: DigestAlgorithm,
    digest_value: Vec<u8>,
    signature: Vec<u8>,
}

impl<'d> Shape<'d> {
    /// The key that made the signature over `SignedInfo`.
    fn authenticate<'k>(
        &self,
        keys: &'k TrustedKeys,
        policy: &SignaturePolicy,
    ) -> Result<&'k TrustedKey, SignatureError> {
        if !policy.allows(self.algorithm) {
            return Err(SignatureError::Algorithm);
        }
        let options = Canonical::default().with_inclusive(&self.method_prefixes);
        let info = canonicalize(self.info, options)?;
        keys.verify_octets(self.algorithm, info.as_bytes(), &self.signature).ok_or(SignatureError::Invalid)
    }

    fn read(signature: Element<'d>, id: &str) -> Result<Self, SignatureError> {
        let (info, value) = signature_parts(signature)?;
        let [method, signature_method, reference] =
            exactly(info, &[], &["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        if method.attribute("Algorithm") != Some(EXC_C14N) || !method.has_only_attributes(&["Algorithm"]) {
            return Err(SignatureError::Algorithm);
        }
        let [] = exactly(signature_method, &["Algorithm"], &[])?;
        let algorithm = signature_method.attribute("Algorithm").and_then(SignatureAlgorithm::from_uri);
        let [transforms, digest_method, digest_value] =
            exactly(reference, &["URI", "Id"], &["Transforms", "DigestMethod", "DigestValue"]).map_err(
                |error| if reference.attribute("Type").is_some() { SignatureError::Reference } else { error },
            )?;
        if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
            return Err(SignatureError::Reference);
        }
        let [enveloped, canonical] =
            exactly(transforms, &[], &["Transform", "Transform"]).map_err(|_| SignatureError::Transform)?;
        let [] = exactly(enveloped, &["Algorithm"], &[]).map_err(|_| SignatureError::Transform)?;
        let right = enveloped.attribute("Algorithm") == Some(ENVELOPED)
            && canonical.attribute("Algorithm") == Some(EXC_C14N)
            && canonical.has_only_attributes(&["Algorithm"]);
        if !right {
            return Err(SignatureError::Transform);
        }
        let [] = exactly(digest_method, &["Algorithm"], &[])?;
        let digest = digest_method.attribute("Algorithm").and_then(digest_from_uri);
        Ok(Self {
            info,
            algorithm: algorithm.ok_or(SignatureError::Algorithm)?,
            method_prefixes: prefixes(method)?,
            transform_prefixes: prefixes(canonical)?,
            digest: digest.ok_or(SignatureError::Algorithm)?,
            digest_value: value_of(digest_value)?,
            signature: value_of(value)?,
        })
    }
}

/// `SignedInfo` and `SignatureValue`; `KeyInfo` may follow and is not looked at, nothing else may.
fn signature_parts(signature: Element<'_>) -> Result<(Element<'_>, Element<'_>), SignatureError> {
    let shape = SignatureError::Shape;
    if !signature.has_only_attributes(&["Id"]) {
        return Err(shape);
    }
    let mut children = signature.only_children().map_err(|_| shape)?;
    let info = children.next().filter(|child| child.is(DSIG, "SignedInfo")).ok_or(shape)?;
    let value = children.next().filter(|child| child.is(DSIG, "SignatureValue")).ok_or(shape)?;
    let rest_is_key_info = children.next().is_none_or(|child| child.is(DSIG, "KeyInfo"));
    let right = rest_is_key_info && children.next().is_none() && value.has_only_attributes(&["Id"]);
    if right { Ok((info, value)) } else { Err(shape) }
}

/// The children of an element, when they are exactly these and no attribute is there but these.
fn exactly<'d, const COUNT: usize>(
    element: Element<'d>,
    attributes: &[&str],
    names: &[&str; COUNT],
) -> Result<[Element<'d>; COUNT], SignatureError> {
    let children: Vec<Element<'d>> = element.only_children().map_err(|_| SignatureError::Shape)?.collect();
    let found: [Element<'d>; COUNT] = children.try_into().map_err(|_| SignatureError::Shape)?;
    let named = found.iter().zip(names).all(|(child, name)| child.is(DSIG, name));
    if named && element.has_only_attributes(attributes) { Ok(found) } else { Err(SignatureError::Shape) }
}

/// The `PrefixList` of a canonicalization method or transform.
fn prefixes(element: Element<'_>) -> Result<Vec<&str>, SignatureError> {
    let shape = SignatureError::Transform;
    let mut children = element.only_children().map_err(|_| shape)?;
    let Some(list) = children.next() else { return Ok(Vec::new()) };
    let right = list.is(EXC_C14N, "InclusiveNamespaces")
        && list.has_only_attributes(&["PrefixList"])
        && list.only_children().map_err(|_| shape)?.next().is_none()
        && children.next().is_none();
    if !right {
        return Err(shape);
    }
    let text = list.attribute("PrefixList").ok_or(shape)?;
    let prefixes: Vec<&str> =
        text.split([' ', '\t', '\r', '\n']).filter(|prefix| !prefix.is_empty()).collect();
    if prefixes.len() > MAX_PREFIXES { Err(shape) } else { Ok(prefixes) }
}

fn value_of(element: Element<'_>) -> Result<Vec<u8>, SignatureError> {
    let text = element.simple_text().map_err(|_| SignatureError::Shape)?;
    decode_strict(text).filter(|value| !value.is_empty()).ok_or(SignatureError::Shape)
}

/// Most prefixes of an `InclusiveNamespaces`.
pub(crate) const MAX_PREFIXES: usize = 32;

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no signature where one has to be.
    #[error("there is no signature")]
    Unsigned,
    /// The signature has other parts than the profile allows, or in another order, or twice.
    #[error("the signature has another shape than the profile allows")]
    Shape,
    /// The reference is not to the element that the signature is in.
    #[error("the signature is not for the element that it is in")]
    Reference,
    /// There are other transforms than the enveloped one and exclusive canonicalization.
    #[error("the signature has other transforms than the profile allows")]
    Transform,
    /// An algorithm is not allowed.
    #[error("an algorithm of the signature is not allowed")]
    Algorithm,
    /// No trusted key made the signature.
    #[error("the signature is of no trusted key")]
    Invalid,
    /// What was signed is something else.
    #[error("the signature is for another content")]
    Digest,
    /// The canonical form could not be made or read.
    #[error("the canonical form is refused")]
    Xml(#[from] XmlError),
}
