//! Public keys as numbers, before they are parsed by a backend.

use std::fmt;

use super::{KeyRejected, SignatureScheme};

/// The numbers of a public key, in the encoding that each type has on the wire.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKey {
    /// A point of a NIST curve.
    Ec {
        /// The curve.
        curve: EcCurve,
        /// The first coordinate, big-endian, as long as the curve's field.
        x: Vec<u8>,
        /// The second coordinate, likewise.
        y: Vec<u8>,
    },
    /// An Ed25519 point: 32 bytes.
    Ed25519(Vec<u8>),
    /// An RSA key.
    Rsa {
        /// The modulus, big-endian without leading zeros.
        modulus: Vec<u8>,
        /// The public exponent, big-endian without leading zeros.
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// A point of a NIST curve from the uncompressed form of
    /// [SEC 1, section 2.3.3](https://www.secg.org/sec1-v2.pdf): `04 || x || y`.
    #[must_use]
    pub fn from_uncompressed_point(curve: EcCurve, point: &[u8]) -> Option<Self> {
        let (tag, coordinates) = point.split_first()?;
        let (x, y) = coordinates.split_at_checked(curve.coordinate_length())?;
        (*tag == UNCOMPRESSED && y.len() == curve.coordinate_length()).then(|| Self::Ec {
            curve,
            x: x.to_vec(),
            y: y.to_vec(),
        })
    }

    /// The uncompressed form of a point of a NIST curve whose coordinates have their full length.
    #[must_use]
    pub fn uncompressed_point(&self) -> Option<(EcCurve, Vec<u8>)> {
        let Self::Ec { curve, x, y } = self else { return None };
        let length = curve.coordinate_length();
        (x.len() == length && y.len() == length).then(|| (*curve, [&[UNCOMPRESSED], &**x, &**y].concat()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec { curve, .. } => write!(f, "PublicKey({curve:?})"),
            Self::Ed25519(_) => f.write_str("PublicKey(Ed25519)"),
            Self::Rsa { modulus, .. } => write!(f, "PublicKey(RSA, {} bytes)", modulus.len()),
        }
    }
}

/// A NIST curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EcCurve {
    /// P-256, also called secp256r1.
    P256,
    /// P-384, also called secp384r1.
    P384,
    /// P-521, also called secp521r1. Not every backend has it.
    P521,
}

impl EcCurve {
    /// The length of a coordinate, in bytes.
    #[must_use]
    pub const fn coordinate_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

pub(super) const UNCOMPRESSED: u8 = 0x04;

/// The bytes of an Ed25519 key for this scheme, if they can be a good one.
pub(super) fn checked_ed25519(scheme: SignatureScheme, point: &[u8]) -> Result<&[u8; 32], KeyRejected> {
    if scheme != SignatureScheme::Ed25519 {
        return Err(KeyRejected::WrongType);
    }
    let bytes: &[u8; 32] = point.try_into().map_err(|_| KeyRejected::Malformed)?;
    if is_degenerate_ed25519(bytes) { Err(KeyRejected::InvalidPoint) } else { Ok(bytes) }
}

/// Whether 32 bytes cannot be a good Ed25519 key: the encoding is not reduced, or the point is one of the eight of small
/// order, for which signatures can be made without a private key.
fn is_degenerate_ed25519(key: &[u8; 32]) -> bool {
    // Little-endian; the highest bit is the sign of the other coordinate and does not matter here.
    let mut y = *key;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    let reduced = y.iter().rev().cmp(FIELD_PRIME.iter().rev()).is_lt();
    !reduced || SMALL_ORDER.contains(&y)
}

/// 2^255 - 19, little-endian.
const FIELD_PRIME: [u8; 32] = {
    let mut prime = [0xff_u8; 32];
    let [first, .., last] = &mut prime;
    *first = 0xed;
    *last = 0x7f;
    prime
};

/// The second coordinates of the points whose order divides eight: 0, 1, -1 and the two of order eight.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        let [first, ..] = &mut one;
        *first = 1;
        one
    },
    {
        let mut minus_one = FIELD_PRIME;
        let [first, ..] = &mut minus_one;
        *first = 0xec;
        minus_one
    },
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];
