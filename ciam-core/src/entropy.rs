//! Randomness as a port.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::PortError;

/// A source of cryptographically secure random bytes.
///
/// # Security
///
/// Tokens, codes and identifiers are as strong as this source. Replace it only in tests.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    ///
    /// Fails when the source cannot deliver; the buffer must not be used then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError>;
}

/// The operating system's source, through `ring`.
#[derive(Clone, Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The operating system's source.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError> {
        self.0.fill(buffer).map_err(|_| PortError::transient("the system random source failed"))
    }
}

/// A uniformly distributed decimal code of `digits` digits (1 to 9), with leading zeros.
///
/// # Errors
///
/// Fails only when the entropy source does.
pub fn decimal_code(entropy: &dyn Entropy, digits: u32) -> Result<String, PortError> {
    let digits = digits.clamp(1, 9);
    let modulus = 10_u32.pow(digits);
    // Rejection sampling: values above the largest multiple of the modulus would favour small codes.
    let limit = u32::MAX - u32::MAX % modulus;
    loop {
        let mut bytes = [0_u8; 4];
        entropy.fill(&mut bytes)?;
        let value = u32::from_be_bytes(bytes);
        if value < limit {
            return Ok(format!("{:0width$}", value % modulus, width = digits as usize));
        }
    }
}
