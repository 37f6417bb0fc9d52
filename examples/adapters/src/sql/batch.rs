//! A batch as steps of a transaction: what every SQL adapter does with it, in which order.

use std::collections::HashMap;

use ciam_core::error::PortError;
use ciam_core::store::{Batch, Commit, Conflict, EntityRef, Precondition, Version, Write};

use super::row::{
    AccountRow, CredentialRow, MembershipRow, OrganizationRow, OutboxRow, RecordRow, SessionRow,
};

/// A batch that is encoded and within its limits: all that is left is statements.
///
/// Made before the transaction begins, so that nothing is encoded, and nothing can be refused as malformed, under a lock.
#[derive(Clone, Debug)]
pub(crate) struct PreparedBatch {
    pub(crate) preconditions: Vec<Precondition>,
    pub(crate) writes: Vec<(EntityRef, PreparedWrite)>,
    pub(crate) outbox: Vec<OutboxRow>,
}

/// A write that is encoded.
#[derive(Clone, Debug)]
pub(crate) enum PreparedWrite {
    Account(AccountRow),
    Credential(CredentialRow),
    Organization(OrganizationRow),
    Membership(MembershipRow),
    Session(SessionRow),
    Record(RecordRow),
    Delete,
}

impl PreparedBatch {
    /// Encodes a batch.
    ///
    /// # Errors
    ///
    /// Fails permanently when the batch is over its limits or cannot be stored.
    pub(crate) fn new(batch: &Batch) -> Result<Self, PortError> {
        batch.check_size()?;
        Ok(Self {
            preconditions: batch.preconditions().to_vec(),
            writes: batch.writes().iter().map(prepare).collect::<Result<_, _>>()?,
            outbox: OutboxRow::encode(batch)?,
        })
    }
}

fn prepare(write: &Write) -> Result<(EntityRef, PreparedWrite), PortError> {
    Ok(match write {
        Write::PutAccount(account) => {
            (EntityRef::Account(account.id), PreparedWrite::Account(AccountRow::encode(account)?))
        }
        Write::PutCredential(credential) => (
            EntityRef::Credential(credential.id),
            PreparedWrite::Credential(CredentialRow::encode(credential)?),
        ),
        Write::DeleteCredential(id) => (EntityRef::Credential(*id), PreparedWrite::Delete),
        Write::PutOrganization(organization) => (
            EntityRef::Organization(organization.id),
            PreparedWrite::Organization(OrganizationRow::encode(organization)?),
        ),
        Write::PutMembership(membership) => (
            EntityRef::Membership(membership.organization, membership.account),
            PreparedWrite::Membership(MembershipRow::encode(membership)?),
        ),
        Write::DeleteMembership(organization, account) => {
            (EntityRef::Membership(*organization, *account), PreparedWrite::Delete)
        }
        Write::PutSession(session) => {
            (EntityRef::Session(session.id), PreparedWrite::Session(SessionRow::encode(session)?))
        }
        Write::DeleteSession(id) => (EntityRef::Session(*id), PreparedWrite::Delete),
        Write::PutRecord(record) => (
            EntityRef::Record(record.kind, record.key.clone()),
            PreparedWrite::Record(RecordRow::encode(record.clone())?),
        ),
        Write::DeleteRecord(kind, key) => (EntityRef::Record(*kind, key.clone()), PreparedWrite::Delete),
        _ => return Err(PortError::permanent("this adapter does not know this kind of write")),
    })
}

/// What the transaction knows of a row that it is about to write. The write is conditional on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: no precondition speaks of it.
    Unread,
    /// It does not exist, or has expired.
    Absent,
    /// It is at this version.
    At(Version),
}

impl Known {
    /// The version as a parameter of a conditional upsert: `NULL` for any, 0 for none.
    pub(crate) const fn parameter(self) -> Option<i64> {
        match self {
            Self::Unread => None,
            Self::Absent => Some(0),
            Self::At(version) => Some(version.get()),
        }
    }
}

/// What became of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Put {
    /// It is written.
    Written,
    /// An identifier, a slug or a unique index value belongs to another.
    Taken,
    /// The row is not as it was [`Known`] to be: another transaction came between.
    Lost,
}

/// What became of a batch in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Applied {
    /// It was decided. A conflict must be rolled back.
    Decided(Commit),
    /// Another transaction came between: roll back and, being data, apply it again.
    Lost,
}

/// The statements of a dialect, within one transaction of one tenant.
///
/// Every read sees what the transaction has written before it. Expired sessions and records are absent.
pub(crate) trait BatchTransaction: Send {
    /// The version of an entity; keeps others from changing it until the transaction ends.
    fn version(
        &mut self,
        entity: &EntityRef,
    ) -> impl Future<Output = Result<Option<Version>, PortError>> + Send;

    /// The counter of a credential or record; keeps others from changing it until the transaction ends.
    fn counter(&mut self, entity: &EntityRef) -> impl Future<Output = Result<Option<i64>, PortError>> + Send;

    /// Writes an account and replaces the set of its identifiers.
    fn put_account(
        &mut self,
        row: &AccountRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Writes a credential, unless the account would have too many.
    fn put_credential(
        &mut self,
        row: &CredentialRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Writes an organization.
    fn put_organization(
        &mut self,
        row: &OrganizationRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Writes a membership.
    fn put_membership(
        &mut self,
        row: &MembershipRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Writes a session.
    fn put_session(
        &mut self,
        row: &SessionRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Writes a record and replaces the set of its index values.
    fn put_record(
        &mut self,
        row: &RecordRow,
        known: Known,
    ) -> impl Future<Output = Result<Put, PortError>> + Send;

    /// Deletes an entity and what hangs on its row; absent is fine.
    fn delete(&mut self, entity: &EntityRef) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Adds an item to the end of the outbox.
    fn push_outbox(&mut self, row: &OutboxRow) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Runs a batch in a transaction: every precondition in order, then every write in order, then the outbox.
///
/// Stops at the first thing that does not hold; the caller rolls back unless the outcome is [`Commit::Applied`].
///
/// # Errors
///
/// Fails when a statement does; the caller rolls back.
pub(crate) async fn apply<T: BatchTransaction>(
    transaction: &mut T,
    batch: &PreparedBatch,
) -> Result<Applied, PortError> {
    let mut known: HashMap<&EntityRef, Known> = HashMap::new();
    for (position, precondition) in batch.preconditions.iter().enumerate() {
        if !holds(transaction, precondition, &mut known).await? {
            return Ok(Applied::Decided(Commit::Conflict(Conflict::Precondition(position))));
        }
    }
    for (position, (entity, write)) in batch.writes.iter().enumerate() {
        // After this write the row is no longer as the preconditions saw it.
        let known = known.remove(entity).unwrap_or(Known::Unread);
        match execute(transaction, entity, write, known).await? {
            Put::Written => {}
            Put::Taken => return Ok(Applied::Decided(Commit::Conflict(Conflict::Unique(position)))),
            Put::Lost => return Ok(Applied::Lost),
        }
    }
    for row in &batch.outbox {
        transaction.push_outbox(row).await?;
    }
    Ok(Applied::Decided(Commit::Applied))
}

async fn holds<'b, T: BatchTransaction>(
    transaction: &mut T,
    precondition: &'b Precondition,
    known: &mut HashMap<&'b EntityRef, Known>,
) -> Result<bool, PortError> {
    match precondition {
        Precondition::Absent(entity) => {
            let absent = transaction.version(entity).await?.is_none();
            known.insert(entity, Known::Absent);
            Ok(absent)
        }
        Precondition::VersionIs(entity, version) => {
            let found = transaction.version(entity).await?;
            known.insert(entity, Known::At(*version));
            Ok(found == Some(*version))
        }
        Precondition::CounterBelow(entity, value) => {
            Ok(transaction.counter(entity).await?.is_some_and(|stored| stored < *value))
        }
        _ => Err(PortError::permanent("this adapter does not know this kind of precondition")),
    }
}

async fn execute<T: BatchTransaction>(
    transaction: &mut T,
    entity: &EntityRef,
    write: &PreparedWrite,
    known: Known,
) -> Result<Put, PortError> {
    match write {
        PreparedWrite::Account(row) => transaction.put_account(row, known).await,
        PreparedWrite::Credential(row) => transaction.put_credential(row, known).await,
        PreparedWrite::Organization(row) => transaction.put_organization(row, known).await,
        PreparedWrite::Membership(row) => transaction.put_membership(row, known).await,
        PreparedWrite::Session(row) => transaction.put_session(row, known).await,
        PreparedWrite::Record(row) => transaction.put_record(row, known).await,
        PreparedWrite::Delete => {
            transaction.delete(entity).await?;
            Ok(Put::Written)
        }
    }
}
