//! A batch as it goes to the store beneath.

use futures_util::future::try_join_all;

use super::SealingStore;
use crate::account::{Account, IdentifierKey};
use crate::error::PortError;
use crate::id::AccountId;
use crate::store::{Batch, Commit, Conflict, EntityRef, Precondition, Write};

impl SealingStore {
    pub(super) async fn commit_sealed(&self, batch: Batch) -> Result<Commit, PortError> {
        batch.check_size()?;
        if !self.is_complete()
            && let Some(position) = self.taken_before_sealing(&batch).await?
        {
            return Ok(Commit::Conflict(Conflict::Unique(position)));
        }
        let (preconditions, writes, events, messages) = batch.into_parts();
        let preconditions = try_join_all(preconditions.into_iter().map(|it| self.seal_precondition(it)));
        // At once, so that the keys of several new accounts are made at once.
        let writes = try_join_all(writes.into_iter().map(|write| self.seal_write(write)));
        let (preconditions, writes) = futures_util::future::try_join(preconditions, writes).await?;
        let batch = Batch::from_parts(preconditions, writes, events, messages);
        self.inner.commit(batch).await
    }

    async fn seal_precondition(&self, precondition: Precondition) -> Result<Precondition, PortError> {
        Ok(match precondition {
            Precondition::Absent(EntityRef::Identifier(key)) => {
                Precondition::Absent(EntityRef::Identifier(self.stored_key(&key).await?))
            }
            Precondition::VersionIs(EntityRef::Identifier(key), version) => {
                Precondition::VersionIs(EntityRef::Identifier(self.stored_key(&key).await?), version)
            }
            other => other,
        })
    }

    async fn seal_write(&self, write: Write) -> Result<Write, PortError> {
        Ok(match write {
            Write::PutAccount(account) => Write::PutAccount(self.seal_account(account).await?),
            Write::PutCredential(credential) => Write::PutCredential(self.seal_credential(credential).await?),
            Write::PutSession(session) => Write::PutSession(self.seal_session(session).await?),
            Write::PutRecord(record) => Write::PutRecord(self.seal_record(record).await?),
            other @ (Write::PutOrganization(_)
            | Write::PutMembership(_)
            | Write::DeleteCredential(_)
            | Write::DeleteMembership(..)
            | Write::DeleteSession(_)
            | Write::DeleteRecord(..)) => other,
        })
    }

    /// The key under which the store beneath has an identifier now: its hash, or the identifier itself in a row of before.
    async fn stored_key(&self, key: &IdentifierKey) -> Result<IdentifierKey, PortError> {
        if !self.is_complete() && self.inner.account_by_identifier(key).await?.is_some() {
            return Ok(key.clone());
        }
        self.hashed(key).await
    }

    /// The position of a write that would give a second owner to an identifier that a row of before holds.
    ///
    /// Nobody writes such rows any more, so what is found free here stays free of them.
    async fn taken_before_sealing(&self, batch: &Batch) -> Result<Option<usize>, PortError> {
        let mut rewritten: Vec<AccountId> = Vec::new();
        for (position, write) in batch.writes().iter().enumerate() {
            let Write::PutAccount(account) = write else { continue };
            for identifier in &account.identifiers {
                let holder = self.inner.account_by_identifier(&identifier.key).await?;
                let holder: Option<&Account> = holder.as_ref().map(|found| &found.value);
                let another = |holder: &&Account| holder.id != account.id && !rewritten.contains(&holder.id);
                if holder.filter(another).is_some() {
                    return Ok(Some(position));
                }
            }
            rewritten.push(account.id);
        }
        Ok(None)
    }
}
