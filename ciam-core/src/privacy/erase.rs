//! The steps of an erasure after its first commit, and the background work.

use super::erasure::{Erasure, ErasureError};
use crate::account::{AccountStatus, ErasureDue, ReasonCode};
use crate::actor::Actor;
use crate::error::PortError;
use crate::id::AccountId;
use crate::organization::Organizations;
use crate::store::{Batch, EntityRef, OWNER_INDEX, PageRequest, StoredRecord as _, Write};
use crate::vault::SealedProblem;

/// What one erasure deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// How many credentials, sessions, memberships and records.
    pub entities: u64,
}

/// What one round of [`Erasure::run`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErasureReport {
    /// Erasures that had been begun and were finished.
    pub resumed: u32,
    /// Accounts that were due and were erased.
    pub erased: u32,
}

impl Erasure {
    /// Finishes what was begun, then erases what is due: at most `limit` accounts. Run it now and then, on any number of
    /// nodes, until it does nothing.
    ///
    /// # Errors
    ///
    /// Fails when a port does; what was done so far stays done.
    pub async fn run(&self, limit: u32) -> Result<ErasureReport, PortError> {
        let mut report = ErasureReport::default();
        for id in self.open(limit).await? {
            self.finish(id).await?;
            report.resumed += 1;
        }
        let due = self.ports.store().records(ErasureDue::KIND, PageRequest::first(limit)).await?;
        for found in due.items {
            let due: ErasureDue = found.value.decode()?;
            if due.at > self.ports.now() {
                break;
            }
            match self.erase_due(due.account).await {
                Ok(erased) => report.erased += u32::from(erased),
                Err(ErasureError::Port(error)) => return Err(error),
                // Somebody else came first.
                Err(_) => {}
            }
        }
        Ok(report)
    }

    /// Erases again what came back with an older copy of the database: accounts whose key was shredded and whose rows do not
    /// say so. Run it once after the server starts; it reads all accounts, a page at a time.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn erase_restored(&self) -> Result<u32, PortError> {
        const PAGE: u32 = 200;
        let (mut request, mut again) = (PageRequest::first(PAGE), 0);
        loop {
            let page = self.ports.store().accounts(request).await?;
            for account in page.items {
                let id = account.value.id;
                if account.value.status != AccountStatus::Erased || self.load(id).await?.is_some() {
                    continue;
                }
                let (by, reason) = (Actor::system("restored_backup"), ReasonCode::time_over());
                let batch = self.beginning(&account, &by, &reason).await?;
                if self.ports.store().commit(batch).await?.is_applied() {
                    self.finish(id).await?;
                    again += 1;
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(again),
            }
        }
    }

    /// Every step behind the first commit. Harmless to repeat.
    pub(super) async fn finish(&self, id: AccountId) -> Result<Erased, PortError> {
        match self.ports.vault().shred(id).await {
            Ok(()) => {}
            // A host without a vault that shreds still gets everything deleted.
            Err(error) if cannot_shred(&error) => {}
            Err(error) => return Err(error),
        }
        let mut erased = Erased::default();
        self.delete_credentials(id, &mut erased).await?;
        self.delete_sessions(id, &mut erased).await?;
        self.delete_memberships(id, &mut erased).await?;
        for kind in self.kinds.records() {
            while self.delete_records(kind, id, &mut erased).await? {}
        }
        self.closed(id).await?;
        Ok(erased)
    }

    async fn delete_credentials(&self, id: AccountId, erased: &mut Erased) -> Result<(), PortError> {
        let found = self.ports.store().credentials_of(id).await?;
        let deletions = found.into_iter().map(|found| Write::DeleteCredential(found.value.id)).collect();
        self.delete(deletions, erased).await
    }

    async fn delete_sessions(&self, id: AccountId, erased: &mut Erased) -> Result<(), PortError> {
        loop {
            let found = self.ports.store().sessions_of(id, PageRequest::first(STEP)).await?;
            if found.items.is_empty() {
                return Ok(());
            }
            let deletions = found.items.into_iter().map(|found| Write::DeleteSession(found.value.id));
            self.delete(deletions.collect(), erased).await?;
        }
    }

    async fn delete_memberships(&self, id: AccountId, erased: &mut Erased) -> Result<(), PortError> {
        let organizations = Organizations::new(self.ports.clone());
        loop {
            let found = self.ports.store().memberships_of(id, PageRequest::first(STEP)).await?;
            if found.items.is_empty() {
                return Ok(());
            }
            for membership in found.items {
                organizations.erase_member(&membership.value).await?;
                erased.entities += 1;
            }
        }
    }

    /// Deletes some records of a kind; tells whether there were any.
    async fn delete_records(
        &self,
        kind: crate::store::RecordKind,
        id: AccountId,
        erased: &mut Erased,
    ) -> Result<bool, PortError> {
        let (store, page) = (self.ports.store(), PageRequest::first(STEP));
        let found = store.records_by(kind, OWNER_INDEX, &id.to_string(), page).await?;
        let deletions: Vec<Write> =
            found.items.into_iter().map(|found| Write::DeleteRecord(kind, found.value.key)).collect();
        let any = !deletions.is_empty();
        self.delete(deletions, erased).await?;
        Ok(any)
    }

    async fn delete(&self, deletions: Vec<Write>, erased: &mut Erased) -> Result<(), PortError> {
        for some in deletions.chunks(Batch::MAX_WRITES / 2) {
            let batch = some.iter().cloned().fold(Batch::new(), Batch::write);
            if !self.ports.store().commit(batch).await?.is_applied() {
                return Err(PortError::permanent("a batch without conditions was refused"));
            }
            erased.entities += u64::try_from(some.len()).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    async fn closed(&self, id: AccountId) -> Result<(), PortError> {
        let Some(found) = self.load(id).await? else { return Ok(()) };
        let mut record = found.value;
        if record.erased_at.is_some() {
            return Ok(());
        }
        record.erased_at = Some(self.ports.now());
        let entity = EntityRef::record::<super::ErasureRecord>(record.key());
        // A conflict means that another node has come to the same end.
        let batch = Batch::new().require_version(entity, found.version).put(&record)?;
        let _closed = self.ports.store().commit(batch).await?;
        Ok(())
    }
}

fn cannot_shred(error: &PortError) -> bool {
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<SealedProblem>());
    matches!(source, Some(SealedProblem::CannotShred))
}

/// How many entities one step looks at.
const STEP: u32 = 32;
