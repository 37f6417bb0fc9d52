//! The keys by which refresh tokens are recognised.
//!
//! A tenant has one record of random 256-bit keys, each sealed by the [`KeyVault`](ciam_core::vault::KeyVault): who reads
//! the database can make no token. New tokens are made with the newest key; the older ones are kept so that a rotation
//! signs nobody out. The opened keys stay in memory; a token that names an unknown number makes the server look again,
//! because another node may have rotated.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ciam_core::crypto::MacKey;
use ciam_core::error::PortError;
use ciam_core::id::GrantId;
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::store::{self, Batch, EntityRef, RecordKind, StoredRecord, Version, Versioned};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::text::RefreshTokenText;

/// The keys of a tenant's refresh tokens, open.
#[derive(Debug)]
pub(crate) struct RefreshSecrets {
    ports: Ports,
    open: ArcSwap<OpenKeys>,
}

/// The keys of one version of the record, oldest first.
#[derive(Debug, Default)]
struct OpenKeys {
    version: Option<Version>,
    keys: Vec<OpenKey>,
}

#[derive(Clone, Debug)]
struct OpenKey {
    number: u32,
    key: Arc<dyn MacKey>,
}

impl RefreshSecrets {
    /// Opens the tenant's keys, or makes the first one.
    pub(crate) async fn load(ports: Ports) -> Result<Self, PortError> {
        let secrets = Self { ports, open: ArcSwap::default() };
        if secrets.reload().await?.is_none() {
            // Another node may make the first key at the same time; whichever is stored is everybody's.
            let _ = secrets.add(None).await?;
            secrets
                .reload()
                .await?
                .ok_or_else(|| PortError::transient("the refresh-token key was not stored"))?;
        }
        Ok(secrets)
    }

    /// Adds a key, with which tokens are made from now on; the oldest of more than
    /// [`MAX_KEYS`](SecretsRecord::MAX_KEYS) is dropped, and tokens made with it end.
    pub(crate) async fn rotate(&self) -> Result<(), PortError> {
        for _ in 0..ATTEMPTS {
            let stored = store::load::<SecretsRecord>(self.ports.store(), SecretsRecord::KEY).await?;
            if self.add(stored).await? {
                self.reload().await?;
                return Ok(());
            }
        }
        Err(PortError::transient("the refresh-token keys are being changed by others"))
    }

    /// The token of a generation, made with the newest key.
    pub(crate) fn make(&self, grant: GrantId, generation: u32) -> Result<Secret, PortError> {
        let open = self.open.load();
        let newest = open.keys.last().ok_or_else(|| PortError::permanent("there is no refresh-token key"))?;
        let tenant = self.ports.tenant();
        Ok(RefreshTokenText::make(newest.number, &*newest.key, tenant, grant, generation))
    }

    /// Reads a token; `None` when nobody was ever given it.
    pub(crate) async fn read(&self, token: &str) -> Result<Option<RefreshTokenText>, PortError> {
        let Some(read) = RefreshTokenText::parse(token) else { return Ok(None) };
        let mut key = self.key(read.key);
        if key.is_none() && self.may_be_new(read.key) {
            self.reload().await?;
            key = self.key(read.key);
        }
        Ok(key.filter(|key| read.is_authentic(&**key, self.ports.tenant())).map(|_| read))
    }

    fn key(&self, number: u32) -> Option<Arc<dyn MacKey>> {
        self.open.load().keys.iter().find(|open| open.number == number).map(|open| Arc::clone(&open.key))
    }

    /// Whether a rotation on another node may have made a key of this number.
    fn may_be_new(&self, number: u32) -> bool {
        let newest = self.open.load().keys.last().map_or(0, |open| open.number);
        number > newest && number - newest <= MAX_AHEAD
    }

    /// Reads the keys again; costs no more than one read of the store unless they have changed. `None` when there are none.
    async fn reload(&self) -> Result<Option<()>, PortError> {
        let stored = store::load::<SecretsRecord>(self.ports.store(), SecretsRecord::KEY).await?;
        let Some(Versioned { value: record, version, .. }) = stored else { return Ok(None) };
        if self.open.load().version == Some(version) {
            return Ok(Some(()));
        }
        let mut keys = Vec::with_capacity(record.keys.len());
        for sealed in &record.keys {
            let secret = self.ports.vault().open(&SealScope::Tenant, PURPOSE, &sealed.sealed).await?;
            let key = self.ports.crypto().mac_key(&secret).map_err(PortError::permanent)?;
            keys.push(OpenKey { number: sealed.number, key });
        }
        self.open.store(Arc::new(OpenKeys { version: Some(version), keys }));
        Ok(Some(()))
    }

    /// Stores one more key behind those that were read; `false` when somebody else was faster.
    async fn add(&self, stored: Option<Versioned<SecretsRecord>>) -> Result<bool, PortError> {
        let secret = SecretBytes::random(self.ports.entropy(), 32)?;
        let sealed = self.ports.vault().seal(&SealScope::Tenant, PURPOSE, secret.expose()).await?;
        let entity = EntityRef::record::<SecretsRecord>(SecretsRecord::KEY);
        let (mut record, batch) = match stored {
            None => (SecretsRecord { keys: Vec::new() }, Batch::new().require_absent(entity)),
            Some(found) => (found.value, Batch::new().require_version(entity, found.version)),
        };
        let number = record.keys.last().map_or(1, |newest| newest.number.saturating_add(1));
        record.keys.push(SealedKey { number, sealed, made_at: self.ports.now() });
        let surplus = record.keys.len().saturating_sub(SecretsRecord::MAX_KEYS);
        record.keys.drain(..surplus);
        Ok(self.ports.store().commit(batch.put(&record)?).await?.is_applied())
    }
}

/// What the keys are sealed for.
const PURPOSE: &str = "oauth.refresh-token-key";

/// How many rotations a node may have missed.
const MAX_AHEAD: u32 = 16;

/// How often a lost race for the record is run again.
const ATTEMPTS: usize = 4;

/// The sealed keys of a tenant, oldest first.
#[derive(Debug, Serialize, Deserialize)]
struct SecretsRecord {
    keys: Vec<SealedKey>,
}

impl SecretsRecord {
    const KEY: &'static str = "refresh-token";
    const MAX_KEYS: usize = 4;
}

#[derive(Debug, Serialize, Deserialize)]
struct SealedKey {
    number: u32,
    sealed: Sealed,
    #[serde(with = "time::serde::rfc3339")]
    made_at: OffsetDateTime,
}

impl StoredRecord for SecretsRecord {
    const KIND: RecordKind = RecordKind::new("oauth.secret", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use std::sync::Arc;

    use ciam_core::memory;
    use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
    use futures_util::future::join_all;
    use uuid::Uuid;

    use super::*;

    fn ports() -> Ports {
        memory::ports_with(Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(7)))
    }

    const GRANT: GrantId = GrantId::from_uuid(Uuid::from_u128(1));

    #[tokio::test]
    async fn nodes_that_start_at_once_share_the_first_key() {
        let ports = ports();
        let nodes = join_all((0..8).map(|_| RefreshSecrets::load(ports.clone()))).await;
        let nodes: Vec<_> = nodes.into_iter().map(Result::unwrap).collect();
        let token = nodes[0].make(GRANT, 1).unwrap();
        for node in &nodes {
            assert!(node.read(token.expose()).await.unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn a_rotation_elsewhere_is_noticed_and_ends_no_token() {
        let ports = ports();
        let (one, other) =
            (RefreshSecrets::load(ports.clone()).await.unwrap(), RefreshSecrets::load(ports).await.unwrap());
        let before = one.make(GRANT, 1).unwrap();
        one.rotate().await.unwrap();
        let after = one.make(GRANT, 2).unwrap();
        assert!(after.expose().starts_with("r2."));
        assert_eq!(other.read(after.expose()).await.unwrap().map(|read| read.generation), Some(2));
        assert_eq!(other.read(before.expose()).await.unwrap().map(|read| read.generation), Some(1));
        for _ in 0..SecretsRecord::MAX_KEYS {
            one.rotate().await.unwrap();
        }
        assert_eq!(one.read(before.expose()).await.unwrap(), None, "its key is gone");
    }

    #[tokio::test]
    async fn garbage_opens_no_key() {
        let probe = Probe::new();
        let secrets = RefreshSecrets::load(probe.watch(&ports())).await.unwrap();
        let token = secrets.make(GRANT, 1).unwrap();
        probe.clear();
        for number in ["r2", "r17", "r18", "r4000000000"] {
            let garbage = token.expose().replacen("r1", number, 1);
            assert_eq!(secrets.read(&garbage).await.unwrap(), None);
        }
        assert_eq!(probe.count("store.record"), 2, "for those that a rotation may have made");
        assert_eq!(probe.count("vault.open"), 0);
    }

    #[tokio::test]
    async fn the_store_holds_no_key() {
        let ports = ports();
        let secrets = RefreshSecrets::load(ports.clone()).await.unwrap();
        let stored = store::load::<SecretsRecord>(ports.store(), SecretsRecord::KEY).await.unwrap().unwrap();
        let wrong = SecretBytes::new(stored.value.keys[0].sealed.as_str().as_bytes().to_vec());
        let key = ports.crypto().mac_key(&wrong).unwrap();
        let token = secrets.make(GRANT, 1).unwrap();
        assert!(!RefreshTokenText::parse(token.expose()).unwrap().is_authentic(&*key, ports.tenant()));
    }
}
