//! What the targets of a relying party have in common: a time that stands still, and a provider's key.

use std::net::SocketAddr;
use std::sync::Arc;

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::testkit::ManualClock;
use serde_json::json;
use time::macros::datetime;

/// Where every name leads to: a public address.
pub(crate) fn somewhere(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from(([93, 184, 215, 14], port))]
}

pub(crate) struct World {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) clock: Arc<ManualClock>,
    signer: LocalSigner,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let signer =
            LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).expect("a key").with_kid("one");
        Self { runtime, clock, signer }
    }

    /// The key set that the provider publishes.
    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.signer.public_jwk().expect("a public key")] }).to_string()
    }

    /// Claims that the provider signed.
    pub(crate) fn signed(&self, claims: &str) -> String {
        let header = base64url::encode(br#"{"alg":"ES256","kid":"one"}"#);
        let input = format!("{header}.{}", base64url::encode(claims.as_bytes()));
        let signature = self.signer.sign_now(input.as_bytes()).expect("signing");
        format!("{input}.{}", base64url::encode(&signature))
    }
}
