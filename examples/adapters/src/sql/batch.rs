//! A batch as rows: what every SQL adapter makes of it before its transaction begins.

use ciam_core::error::PortError;
use ciam_core::store::{Batch, EntityRef, Precondition, Write};

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
