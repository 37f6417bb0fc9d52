//! Broken key vaults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::{Faulty, Spawn};
use crate::encoding::base64url;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::secret::SecretBytes;
use crate::testkit::race::Crowd;
use crate::testkit::{SeededEntropy, VaultHarness};
use crate::vault::{KeyEncryptionKey, KeyVault, KeyedHash, LocalKeyVault, SealScope, Sealed, SealedProblem};

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    EmptyBecomesNul,
    CutsLongValues,
    KeyOfTheHandle,
    ShowsInBase64,
    ShowsInHex,
    AlwaysTheSame,
    AccountsOfAllTenants,
    OneKeyForAccounts,
    TenantOpensAccounts,
    IgnoresPurpose,
    FoldsPurpose,
    TrimsPurpose,
    TrimsText,
    IgnoresTail,
    AlteredMayHeal,
    EmptyIsEmpty,
    ForeignMayHeal,
    HashOfTheHandle,
    HashOfAllTenants,
    HashIgnoresPurpose,
    HashFoldsCase,
    ShreddedStillOpens,
    ShreddedSaysAltered,
    ShreddedGetsANewKey,
    ForgetsTheUnused,
    ShredsOnce,
    ShredsAllAccounts,
    ShredsInAllTenants,
    LateSealRevives,
    KeysByFirstUse,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::EmptyBecomesNul, "seal.opens"),
    (Fault::CutsLongValues, "seal.opens"),
    (Fault::KeyOfTheHandle, "seal.handles"),
    (Fault::ShowsInBase64, "seal.hides"),
    (Fault::ShowsInHex, "seal.hides"),
    (Fault::AlwaysTheSame, "seal.differs"),
    (Fault::AccountsOfAllTenants, "bound.tenant"),
    (Fault::OneKeyForAccounts, "bound.scope"),
    (Fault::TenantOpensAccounts, "bound.scope"),
    (Fault::IgnoresPurpose, "bound.purpose"),
    (Fault::FoldsPurpose, "bound.purpose"),
    (Fault::TrimsPurpose, "bound.purpose"),
    (Fault::TrimsText, "open.altered"),
    (Fault::IgnoresTail, "open.altered"),
    (Fault::AlteredMayHeal, "open.altered"),
    (Fault::EmptyIsEmpty, "open.foreign"),
    (Fault::ForeignMayHeal, "open.foreign"),
    (Fault::HashOfTheHandle, "lookup.same"),
    (Fault::HashOfAllTenants, "lookup.keyed"),
    (Fault::HashIgnoresPurpose, "lookup.keyed"),
    (Fault::HashFoldsCase, "lookup.keyed"),
    (Fault::ShreddedStillOpens, "shred.opens"),
    (Fault::ShreddedSaysAltered, "shred.opens"),
    (Fault::ShreddedGetsANewKey, "shred.seals"),
    (Fault::ForgetsTheUnused, "shred.unused"),
    (Fault::ShredsOnce, "shred.again"),
    (Fault::ShredsAllAccounts, "shred.others"),
    (Fault::ShredsInAllTenants, "shred.others"),
    (Fault::LateSealRevives, "shred.race"),
    (Fault::KeysByFirstUse, "race.first"),
];

/// Every fault, on a vault of its own.
pub(super) fn vaults(spawn: Spawn) -> Vec<Faulty<dyn VaultHarness>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn VaultHarness> { Box::new(Harness::new(Some(fault), spawn)) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

/// A harness on a vault that keeps all tenants in one.
pub(super) fn blind(spawn: Spawn) -> Box<dyn VaultHarness> {
    Box::new(Harness::new(None, spawn))
}

struct Harness {
    /// `None`: tenants are not kept apart.
    fault: Option<Fault>,
    shared: Arc<Mutex<Shared>>,
    crowd: Crowd,
    spawn: Spawn,
}

/// What all handles of one broken vault share.
#[derive(Debug, Default)]
struct Shared {
    handles: u8,
    /// The keys of accounts that were made at their first use, by number.
    keys: BTreeMap<AccountId, u8>,
    sealed: BTreeSet<String>,
    /// The accounts for which something was sealed.
    used: BTreeSet<(TenantId, AccountId)>,
    shredded: BTreeSet<(TenantId, AccountId)>,
}

impl Harness {
    fn new(fault: Option<Fault>, spawn: Spawn) -> Self {
        Self { fault, shared: Arc::default(), crowd: Crowd::default(), spawn }
    }
}

#[async_trait]
impl VaultHarness for Harness {
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
        let tenant = if self.fault.is_some() { tenant } else { TenantId::from_uuid(uuid::Uuid::nil()) };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.handles = shared.handles.wrapping_add(1);
        let of_handle = matches!(self.fault, Some(Fault::KeyOfTheHandle | Fault::HashOfTheHandle));
        let number = if of_handle { shared.handles } else { 0 };
        Ok(Arc::new(Broken {
            fault: self.fault,
            tenant,
            number,
            crowd: self.crowd.clone(),
            shared: Arc::clone(&self.shared),
        }))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        (self.spawn)(self.crowd.join(task))
    }
}

/// A handle on a broken vault.
#[derive(Debug)]
struct Broken {
    fault: Option<Fault>,
    tenant: TenantId,
    number: u8,
    crowd: Crowd,
    shared: Arc<Mutex<Shared>>,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// A right vault with the key of this number.
    fn right(&self, tenant: TenantId, number: u8) -> Result<LocalKeyVault, PortError> {
        let key = (0..32).map(|place| place ^ number).collect();
        let key = KeyEncryptionKey::new(SecretBytes::new(key)).map_err(PortError::permanent)?;
        let entropy: Arc<dyn Entropy> = if self.has(Fault::AlwaysTheSame) {
            Arc::new(SeededEntropy::new(1))
        } else {
            Arc::new(SystemEntropy::new())
        };
        Ok(LocalKeyVault::new(tenant, key).with_entropy(entropy))
    }

    /// The vault for a scope. The key of a handle is only for accounts: a tenant's is checked before every clause.
    fn vault(&self, scope: &SealScope, number: u8) -> Result<LocalKeyVault, PortError> {
        let nobody = TenantId::from_uuid(uuid::Uuid::nil());
        let number = if self.has(Fault::HashOfTheHandle) { 0 } else { number };
        match scope {
            SealScope::Account(_) if self.has(Fault::AccountsOfAllTenants) => self.right(nobody, 0),
            SealScope::Account(_) => self.right(self.tenant, number),
            SealScope::Tenant => self.right(self.tenant, 0),
        }
    }

    fn scope(&self, scope: &SealScope) -> SealScope {
        match scope {
            SealScope::Account(_) if self.has(Fault::OneKeyForAccounts) => {
                SealScope::Account(AccountId::from_uuid(uuid::Uuid::nil()))
            }
            SealScope::Account(_) if self.has(Fault::TenantOpensAccounts) => SealScope::Tenant,
            scope => *scope,
        }
    }

    fn purpose(&self, purpose: &str) -> String {
        match self.fault {
            Some(Fault::IgnoresPurpose) => String::new(),
            Some(Fault::FoldsPurpose) => purpose.to_lowercase(),
            Some(Fault::TrimsPurpose) => purpose.trim().to_owned(),
            _ => purpose.to_owned(),
        }
    }

    /// Whether the account's key was shredded.
    fn is_shredded(&self, scope: &SealScope) -> bool {
        let SealScope::Account(account) = scope else { return false };
        let shared = self.shared();
        match self.fault {
            Some(Fault::ShredsAllAccounts) => {
                shared.shredded.iter().any(|(tenant, _)| *tenant == self.tenant)
            }
            Some(Fault::ShredsInAllTenants) => shared.shredded.iter().any(|(_, other)| other == account),
            _ => shared.shredded.contains(&(self.tenant, *account)),
        }
    }

    /// Refuses to seal for an account whose key was shredded.
    async fn admit(&self, scope: &SealScope) -> Result<(), PortError> {
        let SealScope::Account(account) = scope else { return Ok(()) };
        let slot = (self.tenant, *account);
        if self.is_shredded(scope) {
            let used = self.shared().used.contains(&slot);
            return match self.fault {
                Some(Fault::ShreddedGetsANewKey) if used => Ok(()),
                _ => Err(PortError::permanent(SealedProblem::Shredded)),
            };
        }
        if self.has(Fault::LateSealRevives) {
            // Whoever comes here found a key, or none; it is put back when somebody has destroyed it in between.
            self.crowd.linger().await;
            self.shared().shredded.remove(&slot);
        }
        self.shared().used.insert(slot);
        Ok(())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of an account's key: looked up, and made and stored when there was none, in two steps.
    async fn number(&self, scope: &SealScope) -> Result<u8, PortError> {
        let SealScope::Account(account) = scope else { return Ok(self.number) };
        if !self.has(Fault::KeysByFirstUse) {
            return Ok(self.number);
        }
        let known = self.shared().keys.get(account).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        self.crowd.linger().await;
        let made =
            SecretBytes::random(&SystemEntropy::new(), 1)?.expose().first().copied().unwrap_or_default();
        self.shared().keys.insert(*account, made);
        Ok(made)
    }
}

#[async_trait]
impl KeyVault for Broken {
    async fn seal(&self, scope: &SealScope, purpose: &str, plaintext: &[u8]) -> Result<Sealed, PortError> {
        self.admit(scope).await?;
        if self.has(Fault::EmptyBecomesNul) && plaintext.is_empty() && matches!(scope, SealScope::Account(_))
        {
            // An empty value comes back as one NUL.
            return self.seal(scope, purpose, &[0]).await;
        }
        let plaintext = match plaintext.get(..65_535) {
            Some(head) if self.has(Fault::CutsLongValues) => head,
            _ => plaintext,
        };
        let vault = self.vault(scope, self.number(scope).await?)?;
        let sealed = vault.seal(&self.scope(scope), &self.purpose(purpose), plaintext).await?;
        self.shared().sealed.insert(sealed.as_str().to_owned());
        Ok(match self.fault {
            Some(Fault::ShowsInBase64) => prefixed(&base64url::encode(plaintext), &sealed),
            Some(Fault::ShowsInHex) => prefixed(&hex(plaintext), &sealed),
            _ => sealed,
        })
    }

    async fn open(
        &self,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, PortError> {
        if self.is_shredded(scope) {
            match self.fault {
                Some(Fault::ShreddedStillOpens) => {}
                Some(Fault::ShreddedSaysAltered) => return Err(PortError::permanent(SealedProblem::Altered)),
                _ => return Err(PortError::permanent(SealedProblem::Shredded)),
            }
        }
        let text = sealed.as_str();
        let (shown, text) = match self.fault {
            Some(Fault::ShowsInBase64 | Fault::ShowsInHex) => match text.split_once('~') {
                Some((shown, text)) => (Some(shown), text),
                None => return Err(PortError::permanent("not a sealed value")),
            },
            Some(Fault::TrimsText) => (None, text.trim_ascii()),
            Some(Fault::IgnoresTail) => (None, text.split_once('=').map_or(text, |(text, _)| text)),
            Some(Fault::EmptyIsEmpty) if text.is_empty() => return Ok(SecretBytes::new(Vec::new())),
            _ => (None, text),
        };
        let vault = self.vault(scope, self.number(scope).await?)?;
        let sealed = Sealed::from_text(text);
        let opened = vault.open(&self.scope(scope), &self.purpose(purpose), &sealed).await;
        match (opened, self.fault) {
            (Ok(opened), Some(Fault::ShowsInBase64))
                if shown != Some(&base64url::encode(opened.expose())) =>
            {
                Err(PortError::permanent("altered"))
            }
            (Ok(opened), Some(Fault::ShowsInHex)) if shown != Some(&hex(opened.expose())) => {
                Err(PortError::permanent("altered"))
            }
            (Err(error), Some(Fault::AlteredMayHeal))
                if text.len() > 60 && text.starts_with("v1.") && !self.shared().sealed.contains(text) =>
            {
                Err(PortError::transient(error))
            }
            (Err(error), Some(Fault::ForeignMayHeal)) if matches!(text, "null" | "{}") => {
                Err(PortError::transient(error))
            }
            (opened, _) => opened,
        }
    }

    async fn lookup_hash(&self, purpose: &str, value: &[u8]) -> Result<KeyedHash, PortError> {
        let folded = value.to_ascii_lowercase();
        let (tenant, purpose, value, number) = match self.fault {
            Some(Fault::HashOfTheHandle) => (self.tenant, purpose, value, self.number),
            Some(Fault::HashOfAllTenants) => (TenantId::from_uuid(uuid::Uuid::nil()), purpose, value, 0),
            Some(Fault::HashIgnoresPurpose) => (self.tenant, "", value, 0),
            Some(Fault::HashFoldsCase) => (self.tenant, purpose, folded.as_slice(), 0),
            _ => (self.tenant, purpose, value, 0),
        };
        self.right(tenant, number)?.lookup_hash(purpose, value).await
    }

    async fn shred(&self, account: AccountId) -> Result<(), PortError> {
        let slot = (self.tenant, account);
        // It waits for those that are sealing at the moment.
        if self.has(Fault::LateSealRevives) {
            self.crowd.linger().await;
        }
        let mut shared = self.shared();
        if self.has(Fault::ForgetsTheUnused) && !shared.used.contains(&slot) {
            return Ok(());
        }
        if !shared.shredded.insert(slot) && self.has(Fault::ShredsOnce) {
            return Err(PortError::permanent("there is no key to shred"));
        }
        Ok(())
    }
}

fn prefixed(shown: &str, sealed: &Sealed) -> Sealed {
    Sealed::from_text(format!("{shown}~{}", sealed.as_str()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
