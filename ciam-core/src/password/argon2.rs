//! Argon2id ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)).

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

use super::PasswordHasher;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::secret::Secret;

/// Hashes passwords with Argon2id.
///
/// The default is 19 MiB of memory, two passes and one lane, the
/// [OWASP](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html) minimum.
#[derive(Clone, Debug)]
pub struct Argon2idHasher {
    params: Params,
    entropy: Arc<dyn Entropy>,
}

impl Argon2idHasher {
    /// The default memory, in KiB.
    pub const DEFAULT_MEMORY_KIB: u32 = 19 * 1024;
    /// The default number of passes.
    pub const DEFAULT_PASSES: u32 = 2;
    /// The default number of lanes.
    pub const DEFAULT_LANES: u32 = 1;

    /// A hasher with the default parameters and the system's entropy.
    ///
    /// # Errors
    ///
    /// Never for the defaults; the signature is that of [`with_params`](Self::with_params).
    pub fn new() -> Result<Self, InvalidArgon2Params> {
        let entropy = Arc::new(SystemEntropy::new());
        Self::with_params(Self::DEFAULT_MEMORY_KIB, Self::DEFAULT_PASSES, Self::DEFAULT_LANES, entropy)
    }

    /// A hasher with these parameters.
    ///
    /// # Errors
    ///
    /// Fails below 7 MiB of memory or one pass, or when the parameters cannot be together.
    pub fn with_params(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, InvalidArgon2Params> {
        const MIN_MEMORY_KIB: u32 = 7 * 1024;
        if memory_kib < MIN_MEMORY_KIB {
            return Err(InvalidArgon2Params);
        }
        Self::unchecked(memory_kib, passes, lanes, entropy)
    }

    /// A hasher that is fast and weak, for tests that hash many passwords.
    ///
    /// # Security
    ///
    /// Never for real passwords: 64 KiB and one pass.
    ///
    /// # Errors
    ///
    /// Never; the signature is that of [`with_params`](Self::with_params).
    #[cfg(feature = "testkit")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
    pub fn dangerous_fast() -> Result<Self, InvalidArgon2Params> {
        Self::unchecked(64, 1, 1, Arc::new(SystemEntropy::new()))
    }

    fn unchecked(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, InvalidArgon2Params> {
        let params = Params::new(memory_kib, passes, lanes, None).map_err(|_| InvalidArgon2Params)?;
        Ok(Self { params, entropy })
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }
}

impl PasswordHasher for Argon2idHasher {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        let mut salt = [0_u8; 16];
        self.entropy.fill(&mut salt)?;
        let hash: Result<PasswordHash, _> =
            self.argon2().hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|_| PortError::transient("the password could not be hashed"))
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        let Ok(parsed) = PasswordHash::new(hash) else { return false };
        self.argon2().verify_password(password.expose().as_bytes(), &parsed).is_ok()
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        let Ok(parsed) = PasswordHash::new(hash) else { return true };
        let Ok(params) = Params::try_from(&parsed) else { return true };
        parsed.algorithm.as_str() != "argon2id"
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || params.p_cost() < self.params.p_cost()
    }
}

/// The Argon2 parameters cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Argon2 parameters are too weak or cannot be together")]
#[non_exhaustive]
pub struct InvalidArgon2Params;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_verified_and_weaker_ones_are_noticed() {
        let hasher = Argon2idHasher::new().unwrap();
        let hash = hasher.hash(&Secret::from("correct horse battery staple")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(&Secret::from("correct horse battery staple"), &hash));
        assert!(!hasher.verify(&Secret::from("correct horse battery stable"), &hash));
        assert!(!hasher.needs_rehash(&hash));
        let weaker = Argon2idHasher::with_params(8 * 1024, 1, 1, Arc::new(SystemEntropy::new())).unwrap();
        let weak = weaker.hash(&Secret::from("correct horse battery staple")).unwrap();
        assert!(hasher.verify(&Secret::from("correct horse battery staple"), &weak));
        assert!(hasher.needs_rehash(&weak) && !weaker.needs_rehash(&hash));
        for text in ["", "plain", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"] {
            assert!(!hasher.verify(&Secret::from("x"), text) && hasher.needs_rehash(text), "{text}");
        }
        assert!(Argon2idHasher::with_params(1024, 1, 1, Arc::new(SystemEntropy::new())).is_err());
    }
}
