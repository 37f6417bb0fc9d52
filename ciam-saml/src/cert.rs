//! Certificates ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)), as far as SAML needs them: to carry a key.
//!
//! Reads the public key and the dates, and makes self-signed certificates for metadata. It validates nothing: trust in
//! SAML comes from metadata, not from issuers.

use ciam_core::crypto::{Crypto, EcCurve, PublicKey};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::dsig::{KeyError, SignatureAlgorithm, decode_strict};

/// A certificate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    key: PublicKey,
}

impl Certificate {
    /// Reads a certificate (DER); `None` when it cannot be, or its key is neither RSA nor of P-256, P-384 or P-521.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_LENGTH {
            return None;
        }
        let (certificate, rest) = element(der, SEQUENCE)?;
        let (to_be_signed, _) = element(certificate, SEQUENCE)?;
        let mut fields = to_be_signed;
        if fields.first() == Some(&VERSION) {
            fields = element(fields, VERSION)?.1;
        }
        // Serial number, signature algorithm, issuer, validity, subject.
        fields = element(fields, INTEGER)?.1;
        for _ in 0..4 {
            fields = element(fields, SEQUENCE)?.1;
        }
        let (key_info, _) = element(fields, SEQUENCE)?;
        rest.is_empty().then_some(())?;
        public_key(key_info).map(|key| Self { key })
    }

    /// Its public key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

/// The certificate (DER) of a text in PEM ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)), as files and settings hold it;
/// `None` when it is not one certificate that can be read.
#[must_use]
pub fn der_of_pem(text: &str) -> Option<Vec<u8>> {
    let inner = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----")?;
    let inner = inner.strip_suffix("-----END CERTIFICATE-----")?;
    decode_strict(inner).filter(|der| Certificate::parse(der).is_some())
}

/// Makes a self-signed certificate (DER) for a private key (unencrypted PKCS #8), which peers know the key by.
///
/// # Errors
///
/// Fails when the key is refused.
pub fn self_signed(
    crypto: &dyn Crypto,
    algorithm: SignatureAlgorithm,
    pkcs8: &[u8],
    common_name: &str,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
) -> Result<Vec<u8>, KeyError> {
    let key = crypto.signing_key(algorithm.scheme(), pkcs8).map_err(KeyError::Rejected)?;
    let identifier = write(SEQUENCE, &algorithm_oid(algorithm));
    let name = write(
        SEQUENCE,
        &write(
            SET,
            &write(
                SEQUENCE,
                &[write(OID, &[0x55, 0x04, 0x03]), write(UTF8, common_name.as_bytes())].concat(),
            ),
        ),
    );
    let validity = write(SEQUENCE, &[date(not_before)?, date(not_after)?].concat());
    let key_info = key_info(key.public_key()).ok_or(KeyError::Certificate)?;
    let mut serial = ciam_core::crypto::sha256(&key_info).to_vec();
    serial.truncate(16);
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    let to_be_signed = write(
        SEQUENCE,
        &[
            write(VERSION, &write(INTEGER, &[2])),
            write(INTEGER, &serial),
            identifier.clone(),
            name.clone(),
            validity,
            name,
            key_info,
        ]
        .concat(),
    );
    let mut signature = key.sign(&to_be_signed).map_err(|_| KeyError::Failed)?;
    if !algorithm.scheme().is_rsa() {
        signature = ecdsa_der(&signature);
    }
    signature.insert(0, 0);
    Ok(write(SEQUENCE, &[to_be_signed, identifier, write(BIT_STRING, &signature)].concat()))
}

fn date(at: OffsetDateTime) -> Result<Vec<u8>, KeyError> {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    let text = at.to_offset(time::UtcOffset::UTC).format(format).map_err(|_| KeyError::Certificate)?;
    // Years before 2050 are written with two digits (RFC 5280, section 4.1.2.5).
    if at.year() < 2050 {
        return Ok(write(UTC_TIME, text.get(2..).unwrap_or_default().as_bytes()));
    }
    Ok(write(GENERALIZED_TIME, text.as_bytes()))
}

fn algorithm_oid(algorithm: SignatureAlgorithm) -> Vec<u8> {
    let rsa = |last: u8| {
        let oid = write(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last]);
        [oid, write(NULL, &[])].concat()
    };
    let ecdsa = |last: u8| write(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last]);
    match algorithm {
        SignatureAlgorithm::RsaSha256 => rsa(11),
        SignatureAlgorithm::RsaSha384 => rsa(12),
        SignatureAlgorithm::RsaSha512 => rsa(13),
        SignatureAlgorithm::EcdsaSha256 => ecdsa(2),
        SignatureAlgorithm::EcdsaSha384 => ecdsa(3),
        SignatureAlgorithm::EcdsaSha512 => ecdsa(4),
    }
}

fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    write(SEQUENCE, &[unsigned(r), unsigned(s)].concat())
}

/// A non-negative number.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|b| *b != 0).unwrap_or(number.len());
    let mut bytes = number.get(start..).unwrap_or_default().to_vec();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    write(INTEGER, &bytes)
}

fn key_info(key: &PublicKey) -> Option<Vec<u8>> {
    let (algorithm, bits) = match key {
        PublicKey::Rsa { modulus, exponent } => {
            let algorithm = [write(OID, RSA_KEY), write(NULL, &[])].concat();
            (algorithm, write(SEQUENCE, &[unsigned(modulus), unsigned(exponent)].concat()))
        }
        PublicKey::Ec { curve, .. } => {
            let curve = match curve {
                EcCurve::P256 => P256,
                EcCurve::P384 => P384,
                EcCurve::P521 => P521,
                _ => return None,
            };
            let algorithm = [write(OID, EC_KEY), write(OID, curve)].concat();
            (algorithm, key.uncompressed_point()?.1)
        }
        _ => return None,
    };
    let bits = write(BIT_STRING, &[&[0], &*bits].concat());
    Some(write(SEQUENCE, &[write(SEQUENCE, &algorithm), bits].concat()))
}

/// Reads a `SubjectPublicKeyInfo`.
fn public_key(key_info: &[u8]) -> Option<PublicKey> {
    let (algorithm, rest) = element(key_info, SEQUENCE)?;
    let (bits, rest) = element(rest, BIT_STRING)?;
    let (unused, bits) = bits.split_first()?;
    if *unused != 0 || !rest.is_empty() {
        return None;
    }
    let (oid, parameters) = element(algorithm, OID)?;
    if oid == RSA_KEY {
        let (numbers, rest) = element(bits, SEQUENCE)?;
        let (modulus, numbers) = element(numbers, INTEGER)?;
        let (exponent, numbers) = element(numbers, INTEGER)?;
        let plain = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
        (rest.is_empty() && numbers.is_empty()).then_some(())?;
        return Some(PublicKey::Rsa { modulus: plain(modulus), exponent: plain(exponent) });
    }
    if oid != EC_KEY {
        return None;
    }
    let (curve, rest) = element(parameters, OID)?;
    rest.is_empty().then_some(())?;
    let curve = match curve {
        P256 => EcCurve::P256,
        P384 => EcCurve::P384,
        P521 => EcCurve::P521,
        _ => return None,
    };
    PublicKey::from_uncompressed_point(curve, bits)
}

/// The content of the element at the beginning, and what follows it. Lengths are definite and minimal.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let ([high, low], rest) = rest.split_first_chunk::<2>()?;
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let [.., high, low] = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => out.push(low),
        0x80..=0xff => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    out.extend_from_slice(content);
    out
}

/// Longer certificates are not read; those of 4096-bit keys have 2 KB.
const MAX_LENGTH: usize = 16 * 1024;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
