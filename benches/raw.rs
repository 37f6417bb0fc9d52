//! The signature alone: what each backend takes for the bytes of a token with a key that is at hand, the floor of every
//! validation.

use std::sync::Arc;

use ciam_core::crypto::{self, Crypto};
use ring::signature::UnparsedPublicKey;

use crate::fixtures::{Algorithm, Failure, Key};

/// Whose code does the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `ring`.
    Ring,
    /// `aws-lc-rs`.
    AwsLc,
}

/// All backends.
pub const BACKENDS: [Backend; 2] = [Backend::Ring, Backend::AwsLc];

impl Backend {
    /// As it is called in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::AwsLc => "aws-lc",
        }
    }

    /// The backend as the libraries take it.
    pub fn crypto(self) -> Arc<dyn Crypto> {
        match self {
            Self::Ring => crypto::ring(),
            Self::AwsLc => crypto::aws_lc_rs(),
        }
    }

    /// The check of a signature with this key, which is parsed here.
    ///
    /// # Errors
    ///
    /// Fails when the backend refuses the key.
    pub fn check(self, key: &Key) -> Result<Check, Failure> {
        match self {
            Self::Ring => ring_check(key),
            Self::AwsLc => aws_lc_check(key),
        }
    }
}

/// Whether a message has this signature.
pub type Check = Box<dyn Fn(&[u8], &[u8]) -> bool>;

fn ring_check(key: &Key) -> Result<Check, Failure> {
    use ring::{hmac, rsa, signature};

    let by: &'static dyn signature::VerificationAlgorithm = match key.algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let padding = match key.algorithm {
                Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                _ => &signature::RSA_PKCS1_2048_8192_SHA256,
            };
            let (n, e) = key.rsa_numbers().ok_or("no RSA key")?;
            let key = rsa::PublicKeyComponents { n, e };
            return Ok(Box::new(move |message, signature| key.verify(padding, message, signature).is_ok()));
        }
        Algorithm::Hs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key.public);
            return Ok(Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok()));
        }
    };
    let key = UnparsedPublicKey::new(by, key.public.clone());
    Ok(Box::new(move |message, signature| key.verify(message, signature).is_ok()))
}

fn aws_lc_check(key: &Key) -> Result<Check, Failure> {
    use aws_lc_rs::{hmac, signature};

    let by: &'static dyn signature::VerificationAlgorithm = match key.algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Hs256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key.public);
            return Ok(Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok()));
        }
    };
    let key = signature::ParsedPublicKey::new(by, &key.public).map_err(|error| error.to_string())?;
    Ok(Box::new(move |message, signature| key.verify_sig(message, signature).is_ok()))
}
