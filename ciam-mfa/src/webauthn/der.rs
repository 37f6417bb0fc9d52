//! The pieces of ASN.1 that stand outside certificates.

use ciam_core::crypto::EcCurve;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};

/// An ECDSA signature as `r || s`, from its ASN.1 form `SEQUENCE { r INTEGER, s INTEGER }`; `None` when it is not strictly
/// that, or has numbers that do not fit the curve.
pub(super) fn fixed_signature(curve: EcCurve, signature: &[u8]) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(signature).ok()?;
    let (r, s): (UintRef<'_>, UintRef<'_>) = reader
        .sequence(|inner| -> x509_cert::der::Result<_> {
            Ok((UintRef::decode(inner)?, UintRef::decode(inner)?))
        })
        .ok()?;
    if !reader.is_finished() {
        return None;
    }
    let length = curve.coordinate_length();
    let mut fixed = Vec::with_capacity(length * 2);
    for number in [r.as_bytes(), s.as_bytes()] {
        let zeros = length.checked_sub(number.len())?;
        fixed.resize(fixed.len() + zeros, 0);
        fixed.extend_from_slice(number);
    }
    Some(fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_exactly_two_numbers() {
        let fixed = |bytes: &[u8]| fixed_signature(EcCurve::P256, bytes);
        let right = fixed(&[0x30, 0x07, 0x02, 0x01, 0x05, 0x02, 0x02, 0x00, 0x80]).unwrap();
        assert_eq!((right.len(), right[31], right[63], right[62]), (64, 5, 0x80, 0));
        for wrong in [
            &[][..],
            &[0x30, 0x00],
            &[0x30, 0x03, 0x02, 0x01, 0x05],
            &[0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x80], // negative
            &[0x30, 0x08, 0x02, 0x02, 0x00, 0x05, 0x02, 0x02, 0x00, 0x80], // not the shortest form
            &[0x30, 0x07, 0x02, 0x01, 0x05, 0x02, 0x02, 0x00, 0x80, 0x00], // something behind it
            &[0x30, 0x09, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05], // three numbers
            &[0x30, 0x80, 0x02, 0x01, 0x05, 0x02, 0x01, 0x05, 0, 0], // indefinite length
        ] {
            assert_eq!(fixed(wrong), None, "{wrong:02x?}");
        }
        let mut long = vec![0x30, 38, 0x02, 33];
        long.extend([0x01; 33]);
        long.extend([0x02, 0x01, 0x05]);
        assert_eq!(fixed(&long), None);
    }
}
