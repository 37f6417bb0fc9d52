//! Argon2id ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)).

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

use super::PasswordHasher;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::secret::Secret;

/// Hashes passwords with Argon2id.
///
/// The default is 19 MiB of memory, two passes and one lane, one of the equivalent settings of the
/// [OWASP cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html); about 20 ms on one
/// core. Weaker ones than OWASP's are refused.
///
/// The memory of a hash is taken from the allocator and given back. Keeping it for the next hash would save some page
/// faults, at most a fifth of the time of the default setting, and would cost an idle server that memory for ever.
#[derive(Clone)]
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

    /// The largest memory of a stored hash that is verified, in KiB: 1 GiB. A hash that asks for more is not recognised, so
    /// that one imported line cannot take a server down.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// The largest number of passes of a stored hash that is verified.
    pub const MAX_PASSES: u32 = 64;

    /// The least memory in KiB for a number of passes, by the OWASP cheat sheet: settings that cost an attacker the same.
    const FLOORS: [(u32, u32); 5] =
        [(5, 7 * 1024), (4, 9 * 1024), (3, 12 * 1024), (2, 19 * 1024), (1, 46 * 1024)];

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
    /// Fails below the floor: 46 MiB with one pass, 19 MiB with two, 12 MiB with three, 9 MiB with four, 7 MiB with five or
    /// more. Fails above [`MAX_MEMORY_KIB`](Self::MAX_MEMORY_KIB) or [`MAX_PASSES`](Self::MAX_PASSES), and when the parameters
    /// cannot be together.
    pub fn with_params(
        memory_kib: u32,
        passes: u32,
        lanes: u32,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, InvalidArgon2Params> {
        let enough = Self::FLOORS.iter().any(|(floor, memory)| passes >= *floor && memory_kib >= *memory);
        if !enough || memory_kib > Self::MAX_MEMORY_KIB || passes > Self::MAX_PASSES {
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

    /// The hash with its parameters, if it can be verified here.
    fn parse(hash: &str) -> Option<(PasswordHash, Params)> {
        let parsed = PasswordHash::new(hash).ok()?;
        Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let bearable = params.m_cost() <= Self::MAX_MEMORY_KIB && params.t_cost() <= Self::MAX_PASSES;
        (bearable && parsed.salt.is_some() && parsed.hash.is_some()).then_some((parsed, params))
    }
}

impl fmt::Debug for Argon2idHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2idHasher")
            .field("memory_kib", &self.params.m_cost())
            .field("passes", &self.params.t_cost())
            .field("lanes", &self.params.p_cost())
            .finish_non_exhaustive()
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
        let Some((parsed, _)) = Self::parse(hash) else { return false };
        self.argon2().verify_password(password.expose().as_bytes(), &parsed).is_ok()
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        let Some((parsed, params)) = Self::parse(hash) else { return true };
        parsed.algorithm.as_str() != "argon2id"
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || params.p_cost() < self.params.p_cost()
    }

    fn recognises(&self, hash: &str) -> bool {
        Self::parse(hash).is_some()
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

    fn with(memory_kib: u32, passes: u32) -> Result<Argon2idHasher, InvalidArgon2Params> {
        Argon2idHasher::with_params(memory_kib, passes, 1, Arc::new(SystemEntropy::new()))
    }

    #[test]
    fn a_hash_is_verified_and_weaker_ones_are_noticed() {
        let hasher = Argon2idHasher::new().unwrap();
        let hash = hasher.hash(&Secret::from("correct horse battery staple")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(&Secret::from("correct horse battery staple"), &hash));
        assert!(!hasher.verify(&Secret::from("correct horse battery stable"), &hash));
        assert!(!hasher.needs_rehash(&hash) && hasher.recognises(&hash));
        assert_ne!(hasher.hash(&Secret::from("correct horse battery staple")).unwrap(), hash, "a fresh salt");
        let weaker = Argon2idHasher::unchecked(8 * 1024, 1, 1, Arc::new(SystemEntropy::new())).unwrap();
        let weak = weaker.hash(&Secret::from("correct horse battery staple")).unwrap();
        assert!(hasher.verify(&Secret::from("correct horse battery staple"), &weak));
        assert!(hasher.needs_rehash(&weak) && !weaker.needs_rehash(&hash));
    }

    #[test]
    fn texts_that_are_no_bearable_hash_are_not_recognised() {
        let hasher = Argon2idHasher::new().unwrap();
        let salt_and_hash = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for text in [
            "",
            "plain",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$2b$12$abcdefghijklmnopqrstuv",
            &format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt_and_hash}"),
            &format!("$argon2id$v=19$m=64,t=4294967295,p=1${salt_and_hash}"),
            &format!("$scrypt$v=19$m=64,t=1,p=1${salt_and_hash}"),
        ] {
            assert!(!hasher.recognises(text) && hasher.needs_rehash(text), "{text}");
            assert!(!hasher.verify(&Secret::from("x"), text), "{text}");
        }
        assert!(hasher.recognises(&format!("$argon2id$v=19$m=64,t=1,p=1${salt_and_hash}")));
    }

    #[test]
    fn parameters_have_floors_and_ceilings() {
        for (memory, passes, accepted) in [
            (19 * 1024, 2, true),
            (46 * 1024, 1, true),
            (7 * 1024, 5, true),
            (12 * 1024, 4, true),
            (19 * 1024, 1, false),
            (19 * 1024 - 1, 2, false),
            (7 * 1024, 4, false),
            (1024, 60, false),
            (2 * 1024 * 1024, 2, false),
            (19 * 1024, 65, false),
        ] {
            assert_eq!(with(memory, passes).is_ok(), accepted, "{memory} KiB, {passes} passes");
        }
    }

    #[test]
    fn debug_shows_the_parameters_only() {
        let text = format!("{:?}", Argon2idHasher::new().unwrap());
        assert_eq!(text, "Argon2idHasher { memory_kib: 19456, passes: 2, lanes: 1, .. }");
    }
}
