//! The steps of a batch as SQLite statements.

use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::store::{EntityRef, RecordKind, Version};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::error::port_error;
use super::statements as sql;
use crate::sql::{
    AccountRow, BatchTransaction, CredentialRow, IndexRow, Known, MembershipRow, OrganizationRow, OutboxRow,
    Put, RecordRow, SessionRow,
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

/// Within `BEGIN IMMEDIATE`: nobody else writes until it ends, so what was read stays so.
#[derive(Debug)]
pub(super) struct SqliteTransaction<'c> {
    pub(super) connection: &'c mut SqliteConnection,
    pub(super) tenant: Uuid,
    pub(super) now: i64,
}

impl SqliteTransaction<'_> {
    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        statement.execute(&mut *self.connection).await.map(|done| done.rows_affected())
    }

    async fn number(&mut self, statement: Statement<'_>) -> Result<Option<i64>, PortError> {
        let row = statement.fetch_optional(&mut *self.connection).await.map_err(port_error)?;
        row.map(|row: SqliteRow| row.try_get(0)).transpose().map_err(port_error)
    }

    /// Runs an upsert that writes one row, or none when the row is not as it is known to be.
    async fn upsert(&mut self, statement: Statement<'_>) -> Result<Put, PortError> {
        match self.execute(statement).await {
            Ok(0) => Ok(Put::Lost),
            Ok(_) => Ok(Put::Written),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Put::Taken),
            Err(error) => Err(port_error(error)),
        }
    }

    fn of(&self, sql: &'static str) -> Statement<'static> {
        statement(sql, self.tenant)
    }

    fn of_id(&self, sql: &'static str, id: &Uuid) -> Statement<'static> {
        self.of(sql).bind(blob(*id))
    }

    fn of_record(&self, sql: &'static str, kind: RecordKind, key: &str) -> Statement<'static> {
        self.of(sql).bind(kind.name()).bind(key.to_owned())
    }

    async fn put_index(&mut self, record: &RecordRow, index: &IndexRow) -> Result<Put, PortError> {
        if self.insert_index(record, index).await? {
            return Ok(Put::Written);
        }
        let free = self
            .of(sql::DELETE_EXPIRED_OWNER)
            .bind(record.kind)
            .bind(index.name)
            .bind(index.value.clone())
            .bind(self.now);
        let freed = self.execute(free).await.map_err(port_error)? > 0;
        Ok(if freed && self.insert_index(record, index).await? { Put::Written } else { Put::Taken })
    }

    async fn insert_index(&mut self, record: &RecordRow, index: &IndexRow) -> Result<bool, PortError> {
        let insert = self
            .of(sql::PUT_RECORD_INDEX)
            .bind(record.kind)
            .bind(record.key.clone())
            .bind(index.name)
            .bind(index.value.clone())
            .bind(index.unique);
        Ok(self.execute(insert).await.map_err(port_error)? > 0)
    }
}

impl BatchTransaction for SqliteTransaction<'_> {
    async fn version(&mut self, entity: &EntityRef) -> Result<Option<Version>, PortError> {
        let statement = match entity {
            EntityRef::Account(id) => self.of_id(sql::ACCOUNT_VERSION, id.as_uuid()),
            EntityRef::Identifier(key) => {
                self.of(sql::IDENTIFIER_VERSION).bind(key.kind().as_str()).bind(key.as_str().to_owned())
            }
            EntityRef::Credential(id) => self.of_id(sql::CREDENTIAL_VERSION, id.as_uuid()),
            EntityRef::Organization(id) => self.of_id(sql::ORGANIZATION_VERSION, id.as_uuid()),
            EntityRef::Membership(organization, account) => {
                self.of_id(sql::MEMBERSHIP_VERSION, organization.as_uuid()).bind(blob(*account.as_uuid()))
            }
            EntityRef::Session(id) => self.of_id(sql::SESSION_VERSION, id.as_uuid()).bind(self.now),
            EntityRef::Record(kind, key) => self.of_record(sql::RECORD_VERSION, *kind, key).bind(self.now),
            _ => return Err(unknown_entity()),
        };
        Ok(self.number(statement).await?.map(Version::new))
    }

    async fn counter(&mut self, entity: &EntityRef) -> Result<Option<i64>, PortError> {
        let statement = match entity {
            EntityRef::Credential(id) => self.of_id(sql::CREDENTIAL_COUNTER, id.as_uuid()),
            EntityRef::Record(kind, key) => self.of_record(sql::RECORD_COUNTER, *kind, key).bind(self.now),
            // Nothing else has a counter.
            _ => return Ok(None),
        };
        self.number(statement).await
    }

    async fn put_account(&mut self, row: &AccountRow, known: Known) -> Result<Put, PortError> {
        let upsert = self.of_id(sql::PUT_ACCOUNT, &row.id).bind(row.document.clone()).bind(known.parameter());
        let put = self.upsert(upsert).await?;
        if put != Put::Written {
            return Ok(put);
        }
        if known != Known::Absent {
            let clear = self.of_id(sql::CLEAR_IDENTIFIERS, &row.id);
            self.execute(clear).await.map_err(port_error)?;
        }
        for (kind, value) in &row.identifiers {
            let insert = self.of_id(sql::PUT_IDENTIFIER, &row.id).bind(*kind).bind(value.clone());
            if self.execute(insert).await.map_err(port_error)? == 0 {
                return Ok(Put::Taken);
            }
        }
        Ok(Put::Written)
    }

    async fn put_credential(&mut self, row: &CredentialRow, known: Known) -> Result<Put, PortError> {
        let others = self.of_id(sql::OTHER_CREDENTIALS, &row.account).bind(blob(row.id));
        let others = self.number(others).await?.and_then(|number| usize::try_from(number).ok());
        if others.is_none_or(|others| others >= Credential::MAX_PER_ACCOUNT) {
            return Err(PortError::permanent("the account has too many credentials"));
        }
        let upsert = self
            .of_id(sql::PUT_CREDENTIAL, &row.id)
            .bind(blob(row.account))
            .bind(row.counter)
            .bind(row.document.clone())
            .bind(known.parameter());
        self.upsert(upsert).await
    }

    async fn put_organization(&mut self, row: &OrganizationRow, known: Known) -> Result<Put, PortError> {
        let upsert = self
            .of_id(sql::PUT_ORGANIZATION, &row.id)
            .bind(row.slug.clone())
            .bind(row.document.clone())
            .bind(known.parameter());
        self.upsert(upsert).await
    }

    async fn put_membership(&mut self, row: &MembershipRow, known: Known) -> Result<Put, PortError> {
        let upsert = self
            .of_id(sql::PUT_MEMBERSHIP, &row.organization)
            .bind(blob(row.account))
            .bind(row.document.clone())
            .bind(known.parameter());
        self.upsert(upsert).await
    }

    async fn put_session(&mut self, row: &SessionRow, known: Known) -> Result<Put, PortError> {
        let upsert = self
            .of_id(sql::PUT_SESSION, &row.id)
            .bind(blob(row.account))
            .bind(row.expires_at)
            .bind(row.document.clone())
            .bind(known.parameter())
            .bind(self.now);
        self.upsert(upsert).await
    }

    async fn put_record(&mut self, row: &RecordRow, known: Known) -> Result<Put, PortError> {
        let upsert = self
            .of(sql::PUT_RECORD)
            .bind(row.kind)
            .bind(row.key.clone())
            .bind(i64::from(row.schema))
            .bind(row.counter)
            .bind(row.expires_at)
            .bind(row.index_values.clone())
            .bind(row.body.clone())
            .bind(known.parameter())
            .bind(self.now);
        let put = self.upsert(upsert).await?;
        if put != Put::Written {
            return Ok(put);
        }
        if row.indexed {
            // Also when it is known to be absent: an expired row, and its index rows, may still be there.
            let clear = self.of(sql::CLEAR_RECORD_INDEXES).bind(row.kind).bind(row.key.clone());
            self.execute(clear).await.map_err(port_error)?;
        }
        for index in &row.indexes {
            let put = self.put_index(row, index).await?;
            if put != Put::Written {
                return Ok(put);
            }
        }
        Ok(Put::Written)
    }

    async fn delete(&mut self, entity: &EntityRef) -> Result<(), PortError> {
        let statement = match entity {
            EntityRef::Credential(id) => self.of_id(sql::DELETE_CREDENTIAL, id.as_uuid()),
            EntityRef::Membership(organization, account) => {
                self.of_id(sql::DELETE_MEMBERSHIP, organization.as_uuid()).bind(blob(*account.as_uuid()))
            }
            EntityRef::Session(id) => self.of_id(sql::DELETE_SESSION, id.as_uuid()),
            EntityRef::Record(kind, key) => self.of_record(sql::DELETE_RECORD, *kind, key),
            _ => return Err(unknown_entity()),
        };
        self.execute(statement).await.map_err(port_error)?;
        Ok(())
    }

    async fn push_outbox(&mut self, row: &OutboxRow) -> Result<(), PortError> {
        let insert =
            self.of_id(sql::PUSH_OUTBOX, &row.id).bind(row.subject.clone()).bind(row.payload.clone());
        self.execute(insert).await.map_err(port_error)?;
        Ok(())
    }
}

fn unknown_entity() -> PortError {
    PortError::permanent("this adapter does not know this kind of entity")
}
