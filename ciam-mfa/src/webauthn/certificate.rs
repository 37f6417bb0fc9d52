//! Certificates of authenticators: [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280), as far as attestation needs it.

use ciam_core::crypto::{Crypto, EcCurve, PublicKey};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use super::cose::{CoseAlgorithm, PasskeyKey};
use super::error::WebauthnError;

/// The longest chain that is followed, and the largest certificate in it.
pub(super) const MAX_CHAIN: usize = 6;
const MAX_CERTIFICATE: usize = 8 * 1024;

/// A certificate that was read.
#[derive(Clone, Debug)]
pub(super) struct Cert {
    encoded: Vec<u8>,
    inner: Certificate,
}

impl Cert {
    pub(super) fn read(encoded: &[u8]) -> Result<Self, WebauthnError> {
        if encoded.len() > MAX_CERTIFICATE {
            return Err(WebauthnError::TooLarge { what: "certificate" });
        }
        let inner =
            Certificate::from_der(encoded).map_err(|_| WebauthnError::Malformed { what: "certificate" })?;
        Ok(Self { encoded: encoded.to_vec(), inner })
    }

    pub(super) fn is_version_3(&self) -> bool {
        self.inner.tbs_certificate().version() == Version::V3
    }

    /// The public key, of the types that can be checked.
    pub(super) fn public_key(&self) -> Option<PublicKey> {
        let info = self.inner.tbs_certificate().subject_public_key_info();
        let bits = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
                let curve = match curve {
                    P256 => EcCurve::P256,
                    P384 => EcCurve::P384,
                    _ => return None,
                };
                PublicKey::from_uncompressed_point(curve, bits)
            }
            RSA_ENCRYPTION => {
                let mut reader = SliceReader::new(bits).ok()?;
                let (modulus, exponent): (UintRef<'_>, UintRef<'_>) = reader
                    .sequence(|inner| -> x509_cert::der::Result<_> {
                        Ok((UintRef::decode(inner)?, UintRef::decode(inner)?))
                    })
                    .ok()?;
                let (modulus, exponent) = (modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec());
                Some(PublicKey::Rsa { modulus, exponent })
            }
            ED25519 => Some(PublicKey::Ed25519(bits.to_vec())),
            _ => None,
        }
    }

    /// The public key, to check a signature of this algorithm with.
    pub(super) fn key_for(
        &self,
        crypto: &dyn Crypto,
        algorithm: CoseAlgorithm,
    ) -> Result<PasskeyKey, WebauthnError> {
        let key = self.public_key().ok_or(WebauthnError::Key)?;
        PasskeyKey::new(crypto, algorithm, &key)
    }

    /// The value of an extension, and whether it is critical; an error where it is there twice.
    pub(super) fn extension(&self, id: ObjectIdentifier) -> Result<Option<(&[u8], bool)>, WebauthnError> {
        let extensions = self.inner.tbs_certificate().extensions();
        let mut found = extensions.into_iter().flatten().filter(|it| it.extn_id == id);
        let first = found.next();
        if found.next().is_some() {
            return Err(WebauthnError::Malformed { what: "certificate" });
        }
        Ok(first.map(|it| (it.extn_value.as_bytes(), it.critical)))
    }

    /// Whether it may sign other certificates, and how many may follow; `None` where it does not say.
    fn constraints(&self) -> Option<BasicConstraints> {
        let (value, _) = self.extension(BASIC_CONSTRAINTS).ok()??;
        BasicConstraints::from_der(value).ok()
    }

    pub(super) fn is_authority(&self) -> bool {
        self.constraints().is_some_and(|constraints| constraints.ca)
    }

    /// The texts of an attribute of the subject.
    pub(super) fn subject(&self, id: ObjectIdentifier) -> Vec<String> {
        let name = self.inner.tbs_certificate().subject();
        let attributes = name.iter_rdn().flat_map(|rdn| rdn.iter());
        let values = attributes.filter(|it| it.oid == id);
        values.filter_map(|it| std::str::from_utf8(it.value.value()).ok().map(str::to_owned)).collect()
    }

    /// Whether it is made out to a host.
    pub(super) fn is_for_host(&self, host: &str) -> bool {
        let Ok(Some((value, _))) = self.extension(SUBJECT_ALT_NAME) else { return false };
        let Ok(names) = SubjectAltName::from_der(value) else { return false };
        names.0.iter().any(|name| matches!(name, GeneralName::DnsName(name) if name.as_str() == host))
    }

    pub(super) fn has_empty_subject(&self) -> bool {
        self.inner.tbs_certificate().subject().iter_rdn().next().is_none()
    }

    fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        let validity = self.inner.tbs_certificate().validity();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        validity.not_before.to_unix_duration().as_secs() <= seconds
            && seconds <= validity.not_after.to_unix_duration().as_secs()
    }

    /// Whether every extension that must be understood is.
    fn is_understood(&self) -> bool {
        let extensions = self.inner.tbs_certificate().extensions();
        extensions.into_iter().flatten().all(|it| !it.critical || UNDERSTOOD.contains(&it.extn_id))
    }

    /// Whether the key of another certificate signed this one.
    fn is_signed_by(&self, crypto: &dyn Crypto, issuer: &Self) -> bool {
        let tbs = self.inner.tbs_certificate();
        if tbs.issuer() != issuer.inner.tbs_certificate().subject()
            || tbs.signature().oid != self.inner.signature_algorithm().oid
        {
            return false;
        }
        let algorithm = match tbs.signature().oid {
            ECDSA_SHA256 => CoseAlgorithm::Es256,
            ECDSA_SHA384 => CoseAlgorithm::Es384,
            RSA_SHA256 => CoseAlgorithm::Rs256,
            ED25519 => CoseAlgorithm::EdDsa,
            _ => return false,
        };
        let (Ok(key), Ok(message), Some(signature)) =
            (issuer.key_for(crypto, algorithm), tbs.to_der(), self.inner.signature().as_bytes())
        else {
            return false;
        };
        key.verify(&message, signature).is_ok()
    }
}

/// Whether a chain, the leaf first, leads to one of these anchors: each certificate is in force and signed by the next, all
/// but the first may sign certificates, and the last is an anchor or signed by one. An anchor may be the leaf itself.
pub(super) fn chain_leads_to(
    crypto: &dyn Crypto,
    chain: &[Cert],
    anchors: &[Vec<u8>],
    now: OffsetDateTime,
) -> bool {
    if chain.len() > MAX_CHAIN || !chain.iter().all(|cert| cert.is_valid_at(now) && cert.is_understood()) {
        return false;
    }
    for (depth, cert) in chain.iter().enumerate() {
        if depth > 0 && !may_sign(cert, depth - 1) {
            return false;
        }
        if anchors.contains(&cert.encoded) {
            return true;
        }
        let by_anchor = anchors.iter().filter_map(|anchor| Cert::read(anchor).ok()).any(|anchor| {
            may_sign(&anchor, depth) && anchor.is_valid_at(now) && cert.is_signed_by(crypto, &anchor)
        });
        if by_anchor {
            return true;
        }
        match chain.get(depth + 1) {
            Some(issuer) if cert.is_signed_by(crypto, issuer) => {}
            _ => return false,
        }
    }
    false
}

/// Whether a certificate may sign certificates with so many intermediate ones behind it.
fn may_sign(cert: &Cert, intermediates: usize) -> bool {
    cert.constraints().is_some_and(|it| {
        it.ca && it.path_len_constraint.is_none_or(|most| intermediates <= usize::from(most))
    })
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(super) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(super) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const UNDERSTOOD: [ObjectIdentifier; 4] =
    [BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_ALT_NAME, EXTENDED_KEY_USAGE];

#[cfg(test)]
mod tests {
    use ciam_core::crypto::ring;
    use time::macros::datetime;

    use super::*;

    const ROOT: &[u8] = include_bytes!("../../tests/data/root.der");
    const OTHER_ROOT: &[u8] = include_bytes!("../../tests/data/other-root.der");
    const MIDDLE: &[u8] = include_bytes!("../../tests/data/middle.der");
    const MIDDLE_NO_CA: &[u8] = include_bytes!("../../tests/data/middle-no-ca.der");
    const MIDDLE_SILENT: &[u8] = include_bytes!("../../tests/data/middle-silent.der");
    const LEAF: &[u8] = include_bytes!("../../tests/data/leaf.der");
    const LEAF_EXPIRED: &[u8] = include_bytes!("../../tests/data/leaf-expired.der");
    const LEAF_EARLY: &[u8] = include_bytes!("../../tests/data/leaf-early.der");
    const LEAF_CRITICAL: &[u8] = include_bytes!("../../tests/data/leaf-critical.der");
    const LEAF_STRANGER: &[u8] = include_bytes!("../../tests/data/leaf-stranger.der");
    const ROOT_SHORT: &[u8] = include_bytes!("../../tests/data/root-short.der");
    const MIDDLE_SHORT: &[u8] = include_bytes!("../../tests/data/middle-short.der");

    fn leads(chain: &[&[u8]], anchors: &[&[u8]]) -> bool {
        let chain: Vec<Cert> = chain.iter().map(|it| Cert::read(it).unwrap()).collect();
        let anchors: Vec<Vec<u8>> = anchors.iter().map(|it| it.to_vec()).collect();
        chain_leads_to(&*ring(), &chain, &anchors, datetime!(2026-11-26 12:00 UTC))
    }

    #[test]
    fn a_chain_leads_to_an_anchor() {
        assert!(leads(&[LEAF, MIDDLE], &[ROOT]));
        assert!(leads(&[LEAF, MIDDLE, ROOT], &[ROOT]), "with the anchor in it");
        assert!(leads(&[LEAF, MIDDLE], &[OTHER_ROOT, ROOT]));
        assert!(leads(&[LEAF], &[MIDDLE]), "an anchor need not be at the top");
        assert!(leads(&[LEAF], &[LEAF]), "an anchor may be the leaf");
    }

    /// What is wrong, the chain, and the anchor.
    type Row = (&'static str, &'static [&'static [u8]], &'static [u8]);

    #[test]
    fn a_chain_that_leads_elsewhere_is_none() {
        let table: &[Row] = &[
            ("nobody is believed", &[LEAF, MIDDLE], &[]),
            ("the same name and another key", &[LEAF, MIDDLE], OTHER_ROOT),
            ("a link is missing", &[LEAF], ROOT),
            ("the wrong way round", &[MIDDLE, LEAF], &[]),
            ("signed by somebody else", &[LEAF_STRANGER, MIDDLE], ROOT),
            ("not an authority", &[LEAF, MIDDLE_NO_CA], ROOT),
            ("not said to be an authority", &[LEAF, MIDDLE_SILENT], ROOT),
            ("expired", &[LEAF_EXPIRED, MIDDLE], ROOT),
            ("not in force yet", &[LEAF_EARLY, MIDDLE], ROOT),
            ("something critical that nobody understands", &[LEAF_CRITICAL, MIDDLE], ROOT),
            ("longer than the anchor allows", &[LEAF, MIDDLE_SHORT], ROOT_SHORT),
        ];
        for (row, chain, anchor) in table {
            let anchors: &[&[u8]] = if anchor.is_empty() { &[] } else { &[anchor] };
            assert!(!leads(chain, anchors), "{row}");
        }
        assert!(!leads(&[], &[ROOT]));
        assert!(!leads(&[LEAF; 7], &[LEAF]), "too long");
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for length in 0..LEAF.len() {
            assert!(Cert::read(&LEAF[..length]).is_err());
        }
        assert!(Cert::read(&[0x30; 9000]).is_err());
    }
}
