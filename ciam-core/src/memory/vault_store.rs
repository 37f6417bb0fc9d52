//! A vault store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::vault::{SealScope, VaultEntry, VaultStore, WrappedKey};

/// Wrapped keys in memory, of many tenants. Cloning gives another handle on the same keys.
#[derive(Clone, Debug, Default)]
pub struct MemoryVaultDatabase(Arc<Mutex<BTreeMap<Slot, VaultEntry>>>);

/// Tenant and account; no account is the tenant itself.
type Slot = (TenantId, Option<AccountId>);

impl MemoryVaultDatabase {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The vault store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> MemoryVaultStore {
        MemoryVaultStore { database: self.clone(), tenant }
    }
}

/// The wrapped keys of one tenant, in memory.
#[derive(Clone, Debug)]
pub struct MemoryVaultStore {
    database: MemoryVaultDatabase,
    tenant: TenantId,
}

impl MemoryVaultStore {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Slot, VaultEntry>> {
        // Every change is one insert, so a panic elsewhere cannot have left one half-done.
        self.database.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn slot(&self, scope: &SealScope) -> Slot {
        match scope {
            SealScope::Tenant => (self.tenant, None),
            SealScope::Account(account) => (self.tenant, Some(*account)),
        }
    }
}

#[async_trait]
impl VaultStore for MemoryVaultStore {
    async fn get(&self, scope: &SealScope) -> Result<Option<VaultEntry>, PortError> {
        Ok(self.lock().get(&self.slot(scope)).cloned())
    }

    async fn insert_if_absent(&self, scope: &SealScope, key: &WrappedKey) -> Result<VaultEntry, PortError> {
        let new = || VaultEntry::Key(key.clone());
        Ok(self.lock().entry(self.slot(scope)).or_insert_with(new).clone())
    }

    async fn replace(
        &self,
        scope: &SealScope,
        old: &WrappedKey,
        new: &WrappedKey,
    ) -> Result<bool, PortError> {
        match self.lock().get_mut(&self.slot(scope)) {
            Some(VaultEntry::Key(stored)) if stored == old => {
                *stored = new.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn destroy(&self, scope: &SealScope) -> Result<(), PortError> {
        self.lock().insert(self.slot(scope), VaultEntry::Destroyed);
        Ok(())
    }

    async fn wrapped_by_others(&self, key_id: &str, limit: u32) -> Result<Vec<SealScope>, PortError> {
        let entries = self.lock();
        let others = entries.iter().filter(|((tenant, _), entry)| {
            *tenant == self.tenant && matches!(entry, VaultEntry::Key(key) if key.key_id != key_id)
        });
        let scopes = others.map(|((_, account), _)| account.map_or(SealScope::Tenant, SealScope::Account));
        Ok(scopes.take(limit as usize).collect())
    }
}
