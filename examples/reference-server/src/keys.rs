//! The server's signing keys: ES256, and RS256, which OpenID Connect makes every provider's default.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use ciam_adapters::rsa_keys::generate_rsa_2048;
use ciam_core::{
    entropy::SystemEntropy,
    error::PortError,
    jose::Algorithm,
    keys::{KeyPolicy, KeyRing, KeyRingError, KeySource, LocalKeys, NewKey},
    ports::Ports,
};

/// What the server signs with, the preferred first.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

/// Opens the key ring, which makes the keys on first start.
///
/// # Errors
///
/// The policy is contradictory, or a port fails.
pub async fn open(
    ports: &Ports,
    source: Arc<dyn KeySource>,
    rotate_after: time::Duration,
) -> Result<KeyRing, KeyRingError> {
    let mut policy = KeyPolicy::default();
    policy.rotate_after = rotate_after;
    KeyRing::builder(ports.clone(), ALGORITHMS).policy(policy).source(source).open().await
}

/// Makes keys on this machine, RSA included.
#[derive(Clone, Copy, Default)]
pub struct ServerKeys(LocalKeys);

impl ServerKeys {
    /// Keys of this machine.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKeys")
    }
}

#[async_trait]
impl KeySource for ServerKeys {
    async fn generate(&self, ports: &Ports, algorithm: Algorithm) -> Result<Option<NewKey>, PortError> {
        if algorithm != Algorithm::Rs256 {
            return self.0.generate(ports, algorithm).await;
        }
        // The backend verifies and signs with RSA, but does not make keys.
        let pkcs8 = generate_rsa_2048(ports.runtime(), Arc::new(SystemEntropy::new())).await?;
        NewKey::from_pkcs8(ports, algorithm, pkcs8).map(Some).map_err(PortError::permanent)
    }
}
