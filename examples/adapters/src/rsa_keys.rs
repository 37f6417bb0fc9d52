//! RSA keys for RS256, which OpenID Connect makes every provider's default.

use std::sync::Arc;

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::runtime::{Runtime, blocking};
use ciam_core::secret::SecretBytes;
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};

/// Generates a 2,048-bit RSA key: the DER of a PKCS#8 document, as the key ring imports it.
///
/// The work takes from a tenth of a second to several and runs through [`Runtime::run_blocking`].
///
/// # Errors
///
/// Fails when the runtime refuses the work, or when the entropy source fails.
pub async fn generate_rsa_2048(
    runtime: &Arc<dyn Runtime>,
    entropy: Arc<dyn Entropy>,
) -> Result<SecretBytes, PortError> {
    blocking(runtime, move || generate(&*entropy)).await?
}

const BITS: usize = 2_048;

fn generate(entropy: &dyn Entropy) -> Result<SecretBytes, PortError> {
    let key = PrivateKey::new(&mut EntropyRng(entropy), BITS).map_err(PortError::transient)?;
    let document = key.to_pkcs8_der().map_err(PortError::permanent)?;
    Ok(SecretBytes::new(document.as_bytes().to_vec()))
}

/// The entropy port as a random generator that can fail.
struct EntropyRng<'e>(&'e dyn Entropy);

impl TryRng for EntropyRng<'_> {
    type Error = PortError;

    fn try_next_u32(&mut self) -> Result<u32, PortError> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, PortError> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), PortError> {
        self.0.fill(buffer)
    }
}

impl TryCryptoRng for EntropyRng<'_> {}

#[cfg(test)]
mod tests {
    use ciam_core::entropy::SystemEntropy;
    use rsa::pkcs8::DecodePrivateKey as _;
    use rsa::traits::PublicKeyParts as _;

    use super::*;
    use crate::tokio_runtime::TokioRuntime;

    #[tokio::test]
    async fn keys_have_2048_bits_the_usual_exponent_and_differ() {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::for_this_machine());
        let (first, second) = futures_util::future::try_join(
            generate_rsa_2048(&runtime, Arc::new(SystemEntropy::new())),
            generate_rsa_2048(&runtime, Arc::new(SystemEntropy::new())),
        )
        .await
        .unwrap();
        let [first, second] = [first, second].map(|der| PrivateKey::from_pkcs8_der(der.expose()).unwrap());
        for key in [&first, &second] {
            key.validate().unwrap();
            assert_eq!(key.n().bit_width(), 2_048);
            assert_eq!(key.e().to_string(), rsa::BoxedUint::from(65_537_u32).to_string());
        }
        assert_ne!(first.n(), second.n());
    }

    #[derive(Debug)]
    struct Dry;

    impl Entropy for Dry {
        fn fill(&self, _buffer: &mut [u8]) -> Result<(), PortError> {
            Err(PortError::transient("dry"))
        }
    }

    #[tokio::test]
    async fn a_dry_entropy_source_is_an_error() {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::for_this_machine());
        assert!(generate_rsa_2048(&runtime, Arc::new(Dry)).await.is_err());
    }
}
