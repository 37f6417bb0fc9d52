//! Secrets of the tenant that every node shares: made once, sealed, and never changed.

use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::store::{self, Batch, EntityRef, RecordKind, StoredRecord};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};

/// A sealed secret of 32 random bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TenantSecret {
    name: String,
    sealed: Sealed,
}

impl StoredRecord for TenantSecret {
    const KIND: RecordKind = RecordKind::new("oauth.tenant_secret", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.name.clone()
    }
}

/// Opens the tenant's secret of a name, or makes it. The name is its purpose, and must not be used for another.
pub(super) async fn tenant_secret(ports: &Ports, name: &'static str) -> Result<SecretBytes, PortError> {
    if let Some(secret) = open(ports, name).await? {
        return Ok(secret);
    }
    let secret = SecretBytes::random(ports.entropy(), 32)?;
    let sealed = ports.vault().seal(&SealScope::Tenant, name, secret.expose()).await?;
    let record = TenantSecret { name: name.to_owned(), sealed };
    let batch = Batch::new().require_absent(EntityRef::record::<TenantSecret>(name)).put(&record)?;
    // Another node may make it at the same time; whichever is stored is everybody's.
    let _stored_by_somebody = ports.store().commit(batch).await?;
    open(ports, name).await?.ok_or_else(|| PortError::transient("a secret of the tenant was not stored"))
}

async fn open(ports: &Ports, name: &'static str) -> Result<Option<SecretBytes>, PortError> {
    let Some(record) = store::load::<TenantSecret>(ports.store(), name).await? else { return Ok(None) };
    ports.vault().open(&SealScope::Tenant, name, &record.value.sealed).await.map(Some)
}

#[cfg(test)]
mod tests {
    use ciam_core::memory;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn nodes_that_start_at_once_share_a_secret() {
        let ports = memory::ports();
        let nodes = join_all((0..8).map(|_| tenant_secret(&ports, "oauth.test"))).await;
        let nodes: Vec<SecretBytes> = nodes.into_iter().map(Result::unwrap).collect();
        for node in &nodes {
            assert_eq!(node.expose(), nodes[0].expose());
        }
        let other = tenant_secret(&ports, "oauth.other").await.unwrap();
        assert_ne!(other.expose(), nodes[0].expose(), "of another purpose");
    }
}
