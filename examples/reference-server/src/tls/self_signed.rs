//! A certificate that nobody vouches for, as RFC 5280 writes one: P-256, for one host.

use std::net::IpAddr;

use anyhow::Context as _;
use ciam_core::crypto::{self, SignatureScheme};
use time::{Duration, OffsetDateTime, UtcOffset, macros::format_description};

/// A certificate that nobody vouches for, with its key.
#[derive(Debug)]
pub struct SelfSigned {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl SelfSigned {
    /// For one host name or address, with a new key, for two years.
    ///
    /// # Errors
    ///
    /// The name is none, or there is no key.
    pub fn new(host: &str, now: OffsetDateTime) -> anyhow::Result<Self> {
        let crypto = crypto::ring();
        let key = crypto.generate_signing_key(SignatureScheme::EcdsaP256Sha256)?;
        let signing = crypto.signing_key(SignatureScheme::EcdsaP256Sha256, key.expose())?;
        let (_, point) = signing.public_key().uncompressed_point().context("the key has no point")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let serial = crypto::sha256(&point);
        let serial = [&[0x40], serial.get(..15).unwrap_or_default()].concat();
        let name =
            sequence(&[write(SET, &sequence(&[write(OID, COMMON_NAME), write(UTF8, host.as_bytes())]))]);
        let key_info = sequence(&[
            sequence(&[write(OID, EC_KEY), write(OID, P256)]),
            write(BIT_STRING, &[&[0], &*point].concat()),
        ]);
        let to_be_signed = sequence(&[
            write(VERSION, &write(INTEGER, &[2])),
            write(INTEGER, &serial),
            sequence(&[write(OID, ECDSA_SHA256)]),
            name.clone(),
            sequence(&[date(now - Duration::DAY)?, date(now + Duration::days(730))?]),
            name,
            key_info,
            write(EXTENSIONS, &sequence(&[names(host)])),
        ]);
        let signature = signing.sign(&to_be_signed)?;
        let (r, s) = signature.split_at(signature.len() / 2);
        let signature = sequence(&[unsigned(r), unsigned(s)]);
        let certificate = sequence(&[
            to_be_signed,
            sequence(&[write(OID, ECDSA_SHA256)]),
            write(BIT_STRING, &[&[0], &*signature].concat()),
        ]);
        Ok(Self { certificate, key: key.expose().to_vec() })
    }

    /// The certificate in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The key as PKCS #8 in DER.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

/// The host, as clients compare it ([RFC 6125](https://www.rfc-editor.org/rfc/rfc6125)).
fn names(host: &str) -> Vec<u8> {
    let name = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => write(IP_NAME, &address.octets()),
        Ok(IpAddr::V6(address)) => write(IP_NAME, &address.octets()),
        Err(_) => write(DNS_NAME, host.as_bytes()),
    };
    sequence(&[write(OID, SUBJECT_ALT_NAME), write(OCTETS, &sequence(&[name]))])
}

fn date(at: OffsetDateTime) -> anyhow::Result<Vec<u8>> {
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    let text = at.to_offset(UtcOffset::UTC).format(format)?;
    // Years before 2050 are written with two digits (section 4.1.2.5).
    Ok(match at.year() < 2050 {
        true => write(UTC_TIME, text.get(2..).unwrap_or_default().as_bytes()),
        false => write(GENERALIZED_TIME, text.as_bytes()),
    })
}

fn unsigned(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let mut bytes = number.get(start..).unwrap_or_default().to_vec();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    write(INTEGER, &bytes)
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    write(SEQUENCE, &parts.concat())
}

/// A tag, a length and a value.
fn write(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut written = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => written.push(short),
        Ok(byte) => written.extend([0x81, byte]),
        Err(_) => {
            let [.., high, low] = length.to_be_bytes();
            written.extend([0x82, high, low]);
        }
    }
    written.extend_from_slice(value);
    written
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const DNS_NAME: u8 = 0x82;
const IP_NAME: u8 = 0x87;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
