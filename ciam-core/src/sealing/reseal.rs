//! Sealing what was stored before.

use super::SealingStore;
use super::entity::{MARK, marked};
use crate::account::Account;
use crate::error::PortError;
use crate::id::AccountId;
use crate::store::{Batch, EntityRef, PageRequest, RecordKind, Versioned, Write};

/// What [`SealingStore::reseal`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResealReport {
    /// How many accounts, credentials, sessions and records it looked at.
    pub seen: u64,
    /// How many of them it sealed.
    pub sealed: u64,
}

impl SealingStore {
    /// Seals everything that was stored before this store stood in front: accounts with their credentials and sessions, and
    /// the records of these kinds. It reads in pages and writes one row at a time, each only as it was read, so that it can
    /// run beside everything else; when it is cut short, run it again.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn reseal(&self, kinds: &[RecordKind]) -> Result<ResealReport, PortError> {
        let mut report = ResealReport::default();
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = self.inner.accounts(request).await?;
            for found in page.items {
                let id = found.value.id;
                self.reseal_account(found, &mut report).await?;
                self.reseal_credentials(id, &mut report).await?;
                self.reseal_sessions(id, &mut report).await?;
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => break,
            }
        }
        for kind in kinds {
            self.reseal_records(*kind, &mut report).await?;
        }
        self.completed().await?;
        Ok(report)
    }

    async fn reseal_account(
        &self,
        found: Versioned<Account>,
        report: &mut ResealReport,
    ) -> Result<(), PortError> {
        report.seen += 1;
        let mut found = found;
        // A row that is changed at the same moment is changed by somebody who seals it, if they look at it at all.
        while found.value.profile.get(MARK).is_none() && !is_bare(&found.value) {
            let entity = EntityRef::Account(found.value.id);
            let id = found.value.id;
            if self.rewrite(entity, &found.version, Write::PutAccount(found.value)).await? {
                report.sealed += 1;
                return Ok(());
            }
            match self.inner.account(id).await? {
                Some(again) => found = again,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn reseal_credentials(
        &self,
        account: AccountId,
        report: &mut ResealReport,
    ) -> Result<(), PortError> {
        for found in self.inner.credentials_of(account).await? {
            report.seen += 1;
            if marked(&found.value.data).is_none() {
                let entity = EntityRef::Credential(found.value.id);
                let write = Write::PutCredential(found.value);
                report.sealed += u64::from(self.rewrite(entity, &found.version, write).await?);
            }
        }
        Ok(())
    }

    async fn reseal_sessions(&self, account: AccountId, report: &mut ResealReport) -> Result<(), PortError> {
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = self.inner.sessions_of(account, request).await?;
            for found in page.items {
                report.seen += 1;
                let plain = found.value.user_agent.as_deref().is_some_and(|text| !text.starts_with(MARK));
                if plain {
                    let entity = EntityRef::Session(found.value.id);
                    let write = Write::PutSession(found.value);
                    report.sealed += u64::from(self.rewrite(entity, &found.version, write).await?);
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }

    async fn reseal_records(&self, kind: RecordKind, report: &mut ResealReport) -> Result<(), PortError> {
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = self.inner.records(kind, request).await?;
            for found in page.items {
                report.seen += 1;
                if !found.value.body.starts_with("{\"ciam.sealed\":") {
                    let entity = EntityRef::Record(kind, found.value.key.clone());
                    let write = Write::PutRecord(found.value);
                    report.sealed += u64::from(self.rewrite(entity, &found.version, write).await?);
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }

    /// Writes a row as it was read, sealed; tells whether it was still as it was read.
    async fn rewrite(
        &self,
        entity: EntityRef,
        version: &crate::store::Version,
        write: Write,
    ) -> Result<bool, PortError> {
        let batch = Batch::new().require_version(entity, *version).write(write);
        Ok(self.commit_sealed(batch).await?.is_applied())
    }
}

/// Whether there is nothing to seal.
fn is_bare(account: &Account) -> bool {
    account.identifiers.is_empty() && account.profile.iter().next().is_none()
}

const PAGE: u32 = 200;
