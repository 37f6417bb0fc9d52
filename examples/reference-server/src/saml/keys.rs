//! The key that SAML peers know this server by. It is in their configuration, so it does not rotate by itself as the keys of
//! tokens do.

use std::sync::Arc;

use anyhow::Context as _;
use ciam_adapters::rsa_keys::generate_rsa_2048;
use ciam_core::{
    encoding::base64url,
    entropy::SystemEntropy,
    event::{Event, EventType},
    ports::Ports,
    secret::{Secret, SecretBytes, TokenDigest},
    store::{Batch, EntityRef, IndexValue, RecordKind, StoredRecord, load},
    vault::{SealScope, Sealed},
};
use ciam_saml::{
    cert,
    dsig::{SignatureAlgorithm, Signer},
    enc::{DecryptionKey, DecryptionKeys},
};
use serde::{Deserialize, Serialize};
use time::Duration;

/// What both roles sign, decrypt and make names with.
#[derive(Debug)]
pub(super) struct SamlKeys {
    pub(super) signer: Signer,
    pub(super) decryption: DecryptionKeys,
    pub(super) names: SecretBytes,
}

/// The key as it is stored: nothing of it in the clear but the certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredKeys {
    private: Sealed,
    certificate: String,
    names: Sealed,
}

impl StoredRecord for StoredKeys {
    const KIND: RecordKind = RecordKind::new("server.saml_keys", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        KEY.to_owned()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        Vec::new()
    }
}

impl SamlKeys {
    /// The keys of the tenant, made when there are none. Of two nodes that make them, one does.
    pub(super) async fn open(ports: &Ports, name: &str) -> anyhow::Result<Self> {
        let stored = match load::<StoredKeys>(ports.store(), KEY).await? {
            Some(stored) => stored.value,
            None => make(ports, name).await?,
        };
        let open = async |sealed: &Sealed| ports.vault().open(&SealScope::Tenant, PURPOSE, sealed).await;
        let private = open(&stored.private).await.context("the key for SAML cannot be opened")?;
        let names = open(&stored.names).await.context("the secret of names for SAML cannot be opened")?;
        let certificate =
            base64url::decode(&stored.certificate).context("the certificate for SAML is damaged")?;
        let crypto = ports.crypto();
        let signer =
            Signer::new(crypto, SignatureAlgorithm::RsaSha256, private.expose(), certificate.clone())?;
        let key = DecryptionKey::new(private.expose(), &certificate)?;
        Ok(Self { signer, decryption: DecryptionKeys::new(vec![key]), names })
    }
}

async fn make(ports: &Ports, name: &str) -> anyhow::Result<StoredKeys> {
    let private = generate_rsa_2048(ports.runtime(), Arc::new(SystemEntropy::new())).await?;
    let now = ports.now();
    let certificate = cert::self_signed(
        ports.crypto(),
        SignatureAlgorithm::RsaSha256,
        private.expose(),
        name,
        now - Duration::days(1),
        now + VALID,
    )?;
    let seal = async |bytes: &[u8]| ports.vault().seal(&SealScope::Tenant, PURPOSE, bytes).await;
    let keys = StoredKeys {
        private: seal(private.expose()).await?,
        names: seal(Secret::random(ports.entropy())?.expose().as_bytes()).await?,
        certificate: base64url::encode(&certificate),
    };
    let subject = format!("key:{}", TokenDigest::of(&keys.certificate).to_text());
    let event = Event::new(ports, EventType::KEY_ROTATED, subject)?.with("algorithm", "RS256");
    let batch = Batch::new().require_absent(EntityRef::record::<StoredKeys>(KEY.to_owned()));
    let batch = batch.put(&keys)?.event(event.with("state", "current"));
    if ports.store().commit(batch).await?.is_applied() {
        return Ok(keys);
    }
    let stored = load::<StoredKeys>(ports.store(), KEY).await?;
    Ok(stored.context("the key for SAML was made by another node and is gone")?.value)
}

const KEY: &str = "first";
const PURPOSE: &str = "server.saml_keys";
/// Peers hold the key, not the certificate's dates; ours is replaced by hand long before.
const VALID: Duration = Duration::days(3650);
