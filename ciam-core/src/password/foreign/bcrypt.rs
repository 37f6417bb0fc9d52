//! bcrypt: `$2a$`, `$2b$`, `$2y$`.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};

use super::limits::ForeignLimits;
use super::text::{decode_with, number, parts};
use super::{ForeignHashError, ForeignKind};
use crate::secret::ct_eq;

/// A bcrypt hash.
///
/// `$2$` and `$2x$` are hashes of implementations with known mistakes, and are none.
#[derive(Clone)]
pub(super) struct Bcrypt {
    variant: &'static str,
    pub(super) cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

impl Bcrypt {
    pub(super) const PREFIX: &str = "$2";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let ["", variant, cost, rest] = parts(text, '$')? else { return None };
        let variant = ["2a", "2b", "2y"].into_iter().find(|known| *known == variant)?;
        if cost.len() != 2 || rest.len() != 53 {
            return None;
        }
        let salt = decode_with(&BASE64, rest.get(..22)?)?.try_into().ok()?;
        let hash = decode_with(&BASE64, rest.get(22..)?)?.try_into().ok()?;
        let cost = number(cost).filter(|cost| (4..=31).contains(cost))?;
        Some(Self { variant, cost, salt, hash })
    }

    pub(super) const fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        if self.cost > limits.bcrypt_cost {
            return Err(ForeignHashError::TooExpensive(ForeignKind::Bcrypt));
        }
        Ok(())
    }

    /// Only the first 72 bytes count, as in every implementation that made such hashes, and a zero byte ends the password
    /// when there is room for it.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let bytes: Vec<u8> = password.iter().copied().chain([0]).take(72).collect();
        let hash = bcrypt::bcrypt(self.cost, self.salt, &bytes);
        ct_eq(hash.get(..23).unwrap_or_default(), &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let (salt, hash) = (BASE64.encode(self.salt), BASE64.encode(self.hash));
        format!("${}${:02}${salt}{hash}", self.variant, self.cost)
    }
}
