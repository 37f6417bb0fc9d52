//! The steps of a batch as SQLite statements: every precondition in order, then every write in order, then the outbox.

use std::collections::HashMap;

use ciam_core::error::PortError;
use ciam_core::store::{EntityRef, Precondition, RecordKind, Version};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use super::script::{Expected, Script};
use super::statements as sql;
use crate::sql::{
    AccountRow, CredentialRow, MembershipRow, OrganizationRow, OutboxRow, PreparedBatch, PreparedWrite,
    RecordRow, SessionRow,
};

/// A statement with its parameters.
pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A statement of a tenant, which is its first parameter.
pub(super) fn statement<'q>(sql: &'static str, tenant: Uuid) -> Statement<'q> {
    sqlx::query(sql).bind(blob(tenant))
}

/// An id as a column holds it.
pub(super) fn blob(id: Uuid) -> Vec<u8> {
    id.into_bytes().to_vec()
}

/// The statements of a batch. Within `BEGIN IMMEDIATE` nobody else writes until it ends, so what was read stays so.
///
/// # Errors
///
/// Fails when this adapter does not know a kind of entity or precondition.
pub(super) fn script_of(batch: &PreparedBatch, tenant: Uuid, now: i64) -> Result<Script, PortError> {
    let mut script = Script::new(tenant, now)?;
    let mut known: HashMap<&EntityRef, Known> = HashMap::new();
    for (at, precondition) in batch.preconditions.iter().enumerate() {
        if let Some((entity, seen)) = script.require(at, precondition)? {
            known.insert(entity, seen);
        }
    }
    for (at, (entity, write)) in batch.writes.iter().enumerate() {
        // After this write the row is no longer as the preconditions saw it.
        let known = known.remove(entity).unwrap_or(Known::Unread);
        match write {
            PreparedWrite::Account(row) => script.put_account(at, row, known)?,
            PreparedWrite::Credential(row) => script.put_credential(row, known)?,
            PreparedWrite::Organization(row) => script.put_organization(at, row, known)?,
            PreparedWrite::Membership(row) => script.put_membership(row, known)?,
            PreparedWrite::Session(row) => script.put_session(row, known)?,
            PreparedWrite::Record(row) => script.put_record(at, row, known)?,
            PreparedWrite::Delete => script.delete(entity)?,
        }
    }
    for row in &batch.outbox {
        script.push_outbox(row)?;
    }
    Ok(script)
}

/// What the transaction knows of a row that it is about to write. The write is conditional on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing: no precondition speaks of it.
    Unread,
    /// It does not exist, or has expired.
    Absent,
    /// It is at this version.
    At(Version),
}

impl Known {
    /// The version as a parameter of a conditional upsert: `NULL` for any, 0 for none.
    const fn parameter(self) -> Option<i64> {
        match self {
            Self::Unread => None,
            Self::Absent => Some(0),
            Self::At(version) => Some(version.get()),
        }
    }
}

impl Script {
    fn require<'b>(
        &mut self,
        at: usize,
        precondition: &'b Precondition,
    ) -> Result<Option<(&'b EntityRef, Known)>, PortError> {
        Ok(match precondition {
            Precondition::Absent(entity) => {
                self.version(entity, Expected::Absent(at))?;
                Some((entity, Known::Absent))
            }
            Precondition::VersionIs(entity, version) => {
                self.version(entity, Expected::Version(at, version.get()))?;
                Some((entity, Known::At(*version)))
            }
            Precondition::CounterBelow(entity, value) => {
                self.counter(entity, Expected::CounterBelow(at, *value))?;
                None
            }
            _ => return Err(PortError::permanent("this adapter does not know this kind of precondition")),
        })
    }

    fn version(&mut self, entity: &EntityRef, expected: Expected) -> Result<(), PortError> {
        match entity {
            EntityRef::Account(id) => self.of_id(sql::ACCOUNT_VERSION, id.as_uuid(), expected)?,
            EntityRef::Identifier(key) => self
                .add(sql::IDENTIFIER_VERSION, expected)
                .bind(key.kind().as_str())?
                .bind(key.as_str().to_owned())?,
            EntityRef::Credential(id) => self.of_id(sql::CREDENTIAL_VERSION, id.as_uuid(), expected)?,
            EntityRef::Organization(id) => self.of_id(sql::ORGANIZATION_VERSION, id.as_uuid(), expected)?,
            EntityRef::Membership(organization, account) => self
                .of_id(sql::MEMBERSHIP_VERSION, organization.as_uuid(), expected)?
                .bind(blob(*account.as_uuid()))?,
            EntityRef::Session(id) => self.of_id(sql::SESSION_VERSION, id.as_uuid(), expected)?,
            EntityRef::Record(kind, key) => self.of_record(sql::RECORD_VERSION, *kind, key, expected)?,
            _ => return Err(unknown_entity()),
        };
        Ok(())
    }

    fn counter(&mut self, entity: &EntityRef, expected: Expected) -> Result<(), PortError> {
        match entity {
            EntityRef::Credential(id) => self.of_id(sql::CREDENTIAL_COUNTER, id.as_uuid(), expected)?,
            EntityRef::Record(kind, key) => self.of_record(sql::RECORD_COUNTER, *kind, key, expected)?,
            // Nothing else has a counter.
            _ => self.add(sql::NO_COUNTER, expected),
        };
        Ok(())
    }

    fn put_account(&mut self, at: usize, row: &AccountRow, known: Known) -> Result<(), PortError> {
        self.of_id(sql::PUT_ACCOUNT, &row.id, Expected::Row)?
            .bind(row.document.clone())?
            .bind(known.parameter())?;
        if known != Known::Absent {
            self.of_id(sql::CLEAR_IDENTIFIERS, &row.id, Expected::Anything)?;
        }
        for (kind, value) in &row.identifiers {
            self.of_id(sql::PUT_IDENTIFIER, &row.id, Expected::Own(at))?.bind(*kind)?.bind(value.clone())?;
        }
        Ok(())
    }

    /// Writes a credential, unless the account would have too many.
    fn put_credential(&mut self, row: &CredentialRow, known: Known) -> Result<(), PortError> {
        self.of_id(sql::OTHER_CREDENTIALS, &row.account, Expected::Room)?.bind(blob(row.id))?;
        self.of_id(sql::PUT_CREDENTIAL, &row.id, Expected::Row)?
            .bind(blob(row.account))?
            .bind(row.counter)?
            .bind(row.document.clone())?
            .bind(known.parameter())?;
        Ok(())
    }

    fn put_organization(&mut self, at: usize, row: &OrganizationRow, known: Known) -> Result<(), PortError> {
        self.of_id(sql::PUT_ORGANIZATION, &row.id, Expected::RowOfOwn(at))?
            .bind(row.slug.clone())?
            .bind(row.document.clone())?
            .bind(known.parameter())?;
        Ok(())
    }

    fn put_membership(&mut self, row: &MembershipRow, known: Known) -> Result<(), PortError> {
        self.of_id(sql::PUT_MEMBERSHIP, &row.organization, Expected::Row)?
            .bind(blob(row.account))?
            .bind(row.document.clone())?
            .bind(known.parameter())?;
        Ok(())
    }

    fn put_session(&mut self, row: &SessionRow, known: Known) -> Result<(), PortError> {
        self.of_id(sql::PUT_SESSION, &row.id, Expected::Row)?
            .bind(blob(row.account))?
            .bind(row.expires_at)?
            .bind(row.document.clone())?
            .bind(known.parameter())?;
        Ok(())
    }

    fn put_record(&mut self, at: usize, row: &RecordRow, known: Known) -> Result<(), PortError> {
        self.add(sql::PUT_RECORD, Expected::Row)
            .bind(row.kind)?
            .bind(row.key.clone())?
            .bind(i64::from(row.schema))?
            .bind(row.counter)?
            .bind(row.expires_at)?
            .bind(row.index_values.clone())?
            .bind(row.body.clone())?
            .bind(known.parameter())?;
        if row.indexed {
            // Also when it is known to be absent: an expired row, and its index rows, may still be there.
            self.add(sql::CLEAR_RECORD_INDEXES, Expected::Anything).bind(row.kind)?.bind(row.key.clone())?;
        }
        for index in &row.indexes {
            if index.unique {
                self.add(sql::DELETE_EXPIRED_OWNER, Expected::Anything)
                    .bind(row.kind)?
                    .bind(index.name)?
                    .bind(index.value.clone())?;
            }
            self.add(sql::PUT_RECORD_INDEX, Expected::Own(at))
                .bind(row.kind)?
                .bind(row.key.clone())?
                .bind(index.name)?
                .bind(index.value.clone())?
                .bind(index.unique)?;
        }
        Ok(())
    }

    /// Deletes an entity and what hangs on its row; absent is fine.
    fn delete(&mut self, entity: &EntityRef) -> Result<(), PortError> {
        let anything = Expected::Anything;
        match entity {
            EntityRef::Credential(id) => self.of_id(sql::DELETE_CREDENTIAL, id.as_uuid(), anything)?,
            EntityRef::Membership(organization, account) => self
                .of_id(sql::DELETE_MEMBERSHIP, organization.as_uuid(), anything)?
                .bind(blob(*account.as_uuid()))?,
            EntityRef::Session(id) => self.of_id(sql::DELETE_SESSION, id.as_uuid(), anything)?,
            EntityRef::Record(kind, key) => self.of_record(sql::DELETE_RECORD, *kind, key, anything)?,
            _ => return Err(unknown_entity()),
        };
        Ok(())
    }

    /// Adds an item to the end of the outbox.
    fn push_outbox(&mut self, row: &OutboxRow) -> Result<(), PortError> {
        self.of_id(sql::PUSH_OUTBOX, &row.id, Expected::Anything)?
            .bind(row.subject.clone())?
            .bind(row.payload.clone())?;
        Ok(())
    }

    fn of_id(&mut self, sql: &'static str, id: &Uuid, expected: Expected) -> Result<&mut Self, PortError> {
        self.add(sql, expected).bind(blob(*id))
    }

    fn of_record(
        &mut self,
        sql: &'static str,
        kind: RecordKind,
        key: &str,
        expected: Expected,
    ) -> Result<&mut Self, PortError> {
        self.add(sql, expected).bind(kind.name())?.bind(key.to_owned())
    }
}

fn unknown_entity() -> PortError {
    PortError::permanent("this adapter does not know this kind of entity")
}
