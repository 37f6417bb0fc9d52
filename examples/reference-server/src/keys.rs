//! The server's signing keys: ES256, and RS256, which OpenID Connect makes every provider's default.

use std::{fmt, io::Write, sync::Arc};

use anyhow::Context as _;
use async_trait::async_trait;
use ciam_adapters::rsa_keys::generate_rsa_2048;
use ciam_core::{
    entropy::SystemEntropy,
    error::PortError,
    jose::Algorithm,
    keys::{KeyPolicy, KeyRing, KeyRingError, KeySource, LocalKeys, NewKey},
    ports::Ports,
};
use serde_json::json;

use crate::{cli::KeysAction, config::KeyTimes};

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
    times: KeyTimes,
) -> Result<KeyRing, KeyRingError> {
    let mut policy = KeyPolicy::default();
    policy.rotate_after = times.rotate_after.time();
    policy.refresh_after = times.look_after.time();
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

/// Does what the operator wants done with the keys. Nodes that run follow by themselves.
///
/// # Errors
///
/// The algorithm or key is not known, or a port fails.
pub async fn run(
    ports: &Ports,
    times: KeyTimes,
    action: &KeysAction,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let ring = open(ports, Arc::new(ServerKeys::new()), times).await?;
    match action {
        KeysAction::List => {}
        KeysAction::Rotate { soon, algorithm } => {
            for algorithm in wanted(algorithm.as_deref())? {
                if *soon {
                    ring.rotate_soon(algorithm).await?;
                } else {
                    ring.rotate(algorithm).await?;
                }
            }
        }
        KeysAction::Withdraw { kid } => {
            let known = ring.keys().await?.state(kid).is_some();
            anyhow::ensure!(known, "there is no key `{kid}`: `keys list` prints their names");
            ring.withdraw(kid).await?;
        }
    }
    let keys = ring.keys().await?;
    for jwk in keys.jwks().keys() {
        let Some((kid, state)) = jwk.kid().and_then(|kid| Some((kid, keys.state(kid)?))) else { continue };
        let algorithm = keys.algorithm(kid).map(Algorithm::as_str);
        writeln!(out, "{}", json!({ "alg": algorithm, "kid": kid, "key": state }))?;
    }
    Ok(())
}

fn wanted(named: Option<&str>) -> anyhow::Result<Vec<Algorithm>> {
    let Some(named) = named else { return Ok(ALGORITHMS.to_vec()) };
    let found = ALGORITHMS.into_iter().find(|it| it.as_str() == named);
    let all = ALGORITHMS.map(Algorithm::as_str).join(", ");
    Ok(vec![found.with_context(|| format!("`{named}` must be one of {all}"))?])
}
