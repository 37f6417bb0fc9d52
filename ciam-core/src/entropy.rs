//! Randomness as a port.

use std::fmt;

use crate::crypto;
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

/// The operating system's source.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemEntropy;

impl SystemEntropy {
    /// The operating system's source.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError> {
        crypto::fill_random(buffer)
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Scripted(Mutex<Vec<[u8; 4]>>);

    impl Entropy for Scripted {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError> {
            buffer.copy_from_slice(&self.0.lock().unwrap().remove(0));
            Ok(())
        }
    }

    #[test]
    fn codes_have_leading_zeros_and_no_modulo_bias() {
        // 0xFFFF_FFFF is over the largest multiple of 10^6 and must be drawn again.
        let source = Scripted(Mutex::new(vec![[0xff; 4], 42_u32.to_be_bytes()]));
        assert_eq!(decimal_code(&source, 6).unwrap(), "000042");
        assert!(source.0.lock().unwrap().is_empty());
    }
}
