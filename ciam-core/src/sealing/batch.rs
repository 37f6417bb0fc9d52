//! A batch as it goes to the store beneath.

use futures_util::future::{try_join, try_join_all};

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
        let (preconditions, writes) = try_join(preconditions, self.seal_writes(writes)).await?;
        let batch = Batch::from_parts(preconditions, writes, events, messages);
        self.inner.commit(batch).await
    }

    /// Seals many at once, so that the keys of several new accounts are made at once. Accounts come first: what else is written
    /// for a new one finds its key in memory, and does not ask for it again.
    async fn seal_writes(&self, writes: Vec<Write>) -> Result<Vec<Write>, PortError> {
        let (accounts, others): (Vec<_>, Vec<_>) =
            writes.into_iter().enumerate().partition(|(_, write)| matches!(write, Write::PutAccount(_)));
        let seal = |(position, write): (usize, Write)| async move {
            Ok::<_, PortError>((position, self.seal_write(write).await?))
        };
        let mut sealed = try_join_all(accounts.into_iter().map(seal)).await?;
        sealed.extend(try_join_all(others.into_iter().map(seal)).await?);
        sealed.sort_unstable_by_key(|(position, _)| *position);
        Ok(sealed.into_iter().map(|(_, write)| write).collect())
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
