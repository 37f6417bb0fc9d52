//! Argon2i, Argon2d and Argon2id ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)), both versions.

use argon2::{Algorithm, Argon2, Params, Version};

use super::limits::ForeignLimits;
use super::text::{Phc, base64};
use super::{ForeignHashError, ForeignKind};
use crate::secret::ct_eq;

/// An Argon2 hash.
#[derive(Clone)]
pub(super) struct ForeignArgon2 {
    pub(super) algorithm: Algorithm,
    version: Version,
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl ForeignArgon2 {
    pub(super) const PREFIX: &str = "$argon2";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = Phc::parse(text).filter(|phc| phc.has_only(&["m", "t", "p"]))?;
        // Without a version it is the first one, as the reference implementation reads it.
        let version = phc.version.unwrap_or(0x10);
        let (memory, passes, lanes) = (phc.number("m")?, phc.number("t")?, phc.number("p")?);
        Self::new(phc.id, version, [memory, passes, lanes], phc.salt, phc.hash)
    }

    /// A hash of its parts; the costs are memory in KiB, passes and lanes.
    pub(super) fn new(id: &str, version: u32, costs: [u32; 3], salt: Vec<u8>, hash: Vec<u8>) -> Option<Self> {
        let algorithm = Algorithm::try_from(id).ok()?;
        let version = Version::try_from(version).ok()?;
        let [memory_kib, passes, lanes] = costs;
        Some(Self { algorithm, version, memory_kib, passes, lanes, salt, hash })
    }

    fn params(&self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(self.hash.len())).ok()
    }

    pub(super) fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        super::check_lengths(&self.salt, &self.hash, limits, ForeignKind::Argon2)?;
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if self.memory_kib > limits.argon2_memory_kib
            || work > limits.argon2_work_kib
            || self.lanes > limits.argon2_lanes
        {
            return Err(ForeignHashError::TooExpensive(ForeignKind::Argon2));
        }
        if self.salt.len() < 8 || self.params().is_none() {
            return Err(ForeignHashError::Malformed(ForeignKind::Argon2));
        }
        Ok(())
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let Some(params) = self.params() else { return false };
        let mut out = vec![0; self.hash.len()];
        let argon2 = Argon2::new(self.algorithm, self.version, params);
        argon2.hash_password_into(password, &self.salt, &mut out).is_ok() && ct_eq(&out, &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let version: u32 = self.version.into();
        let (id, salt, hash) = (self.algorithm.as_str(), base64(&self.salt), base64(&self.hash));
        format!("${id}$v={version}$m={},t={},p={}${salt}${hash}", self.memory_kib, self.passes, self.lanes)
    }
}
