//! Entities as rows, and rows as entities.

use ciam_core::account::Account;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::id::EventId;
use ciam_core::organization::{Membership, Organization};
use ciam_core::session::Session;
use ciam_core::store::{
    Batch, IndexValue, OutboxItem, OutboxPayload, Record, RecordKind, Version, Versioned,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::instant::{from_nanos, nanos};

/// An account, with the identifiers that it owns.
#[derive(Clone, Debug)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    pub(crate) document: String,
    /// Kind and normal form.
    pub(crate) identifiers: Vec<(&'static str, String)>,
}

impl AccountRow {
    pub(crate) fn encode(account: &Account) -> Result<Self, PortError> {
        let keys = account.identifiers.iter().map(|identifier| &identifier.key);
        Ok(Self {
            id: *account.id.as_uuid(),
            document: document(account)?,
            identifiers: keys.map(|key| (key.kind().as_str(), key.as_str().to_owned())).collect(),
        })
    }
}

/// A credential.
#[derive(Clone, Debug)]
pub(crate) struct CredentialRow {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) counter: i64,
    pub(crate) document: String,
}

impl CredentialRow {
    pub(crate) fn encode(credential: &Credential) -> Result<Self, PortError> {
        Ok(Self {
            id: *credential.id.as_uuid(),
            account: *credential.account.as_uuid(),
            counter: credential.counter,
            document: document(credential)?,
        })
    }
}

/// An organization.
#[derive(Clone, Debug)]
pub(crate) struct OrganizationRow {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) document: String,
}

impl OrganizationRow {
    pub(crate) fn encode(organization: &Organization) -> Result<Self, PortError> {
        Ok(Self {
            id: *organization.id.as_uuid(),
            slug: organization.slug.as_str().to_owned(),
            document: document(organization)?,
        })
    }
}

/// A membership.
#[derive(Clone, Debug)]
pub(crate) struct MembershipRow {
    pub(crate) organization: Uuid,
    pub(crate) account: Uuid,
    pub(crate) document: String,
}

impl MembershipRow {
    pub(crate) fn encode(membership: &Membership) -> Result<Self, PortError> {
        Ok(Self {
            organization: *membership.organization.as_uuid(),
            account: *membership.account.as_uuid(),
            document: document(membership)?,
        })
    }
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) expires_at: i64,
    pub(crate) document: String,
}

impl SessionRow {
    pub(crate) fn encode(session: &Session) -> Result<Self, PortError> {
        Ok(Self {
            id: *session.id.as_uuid(),
            account: *session.account.as_uuid(),
            expires_at: nanos(session.expires_at),
            document: document(session)?,
        })
    }
}

/// A record to write, with its index rows.
#[derive(Clone, Debug)]
pub(crate) struct RecordRow {
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) schema: u16,
    pub(crate) counter: i64,
    pub(crate) expires_at: Option<i64>,
    /// The index rows once more, as JSON beside the record.
    pub(crate) index_values: String,
    pub(crate) body: String,
    pub(crate) indexes: Vec<IndexRow>,
    /// Whether the kind declares any index, so that older index rows may have to go.
    pub(crate) indexed: bool,
}

/// A value of a record in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexRow {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) unique: bool,
}

impl RecordRow {
    /// A key is at most this long, in bytes.
    const MAX_KEY: usize = 512;

    pub(crate) fn encode(record: Record) -> Result<Self, PortError> {
        if record.key.is_empty() || record.key.len() > Self::MAX_KEY {
            return Err(PortError::permanent("a record key has 1 to 512 bytes"));
        }
        let mut indexes: Vec<IndexRow> = Vec::with_capacity(record.indexes.len());
        for value in &record.indexes {
            if record.kind.index(value.index.name()) != Some(&value.index) {
                return Err(PortError::permanent("a record has a value in an undeclared index"));
            }
            let row = IndexRow {
                name: value.index.name(),
                value: value.value.clone(),
                unique: value.index.is_unique(),
            };
            if !indexes.contains(&row) {
                indexes.push(row);
            }
        }
        let pairs: Vec<(&str, &str)> =
            record.indexes.iter().map(|value| (value.index.name(), value.value.as_str())).collect();
        Ok(Self {
            kind: record.kind.name(),
            schema: record.schema,
            counter: record.counter,
            expires_at: record.expires_at.map(nanos),
            index_values: document(&pairs)?,
            indexed: !record.kind.indexes().is_empty(),
            key: record.key,
            body: record.body,
            indexes,
        })
    }
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct StoredRecordRow {
    pub(crate) key: String,
    pub(crate) schema: i64,
    pub(crate) counter: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) version: i64,
    pub(crate) index_values: String,
    pub(crate) body: String,
}

impl StoredRecordRow {
    pub(crate) fn decode(self, kind: RecordKind) -> Result<Versioned<Record>, DamagedRow> {
        let damaged = DamagedRow { table: "records" };
        let pairs: Vec<(String, String)> = serde_json::from_str(&self.index_values).map_err(|_| damaged)?;
        let mut record =
            Record::new(kind, self.key, u16::try_from(self.schema).map_err(|_| damaged)?, self.body);
        record.counter = self.counter;
        record.expires_at = self.expires_at.map(from_nanos);
        // A value in an index that this release no longer declares is of no use to it.
        record.indexes = pairs
            .into_iter()
            .filter_map(|(name, value)| kind.index(&name).map(|index| IndexValue::new(*index, value)))
            .collect();
        Ok(Versioned::new(record, version(self.version, damaged)?))
    }
}

/// An event or message on its way out.
#[derive(Clone, Debug)]
pub(crate) struct OutboxRow {
    pub(crate) id: Uuid,
    pub(crate) subject: Option<String>,
    pub(crate) payload: String,
}

impl OutboxRow {
    /// The rows of a batch: events first, then messages, as they were added.
    pub(crate) fn encode(batch: &Batch) -> Result<Vec<Self>, PortError> {
        let events = batch.events().iter().map(|event| {
            Ok(Self {
                id: *event.id.as_uuid(),
                subject: Some(event.subject.clone()),
                payload: document(&OutboxPayload::Event(event.clone()))?,
            })
        });
        let messages = batch.messages().iter().map(|message| {
            Ok(Self {
                id: *message.id.as_uuid(),
                subject: None,
                payload: document(&OutboxPayload::Message(message.clone()))?,
            })
        });
        events.chain(messages).collect()
    }
}

/// Reads an outbox row.
pub(crate) fn decode_outbox(id: Uuid, attempts: i64, payload: &str) -> Result<OutboxItem, DamagedRow> {
    let damaged = DamagedRow { table: "outbox" };
    let payload: OutboxPayload = serde_json::from_str(payload).map_err(|_| damaged)?;
    let attempts = u32::try_from(attempts).map_err(|_| damaged)?;
    Ok(OutboxItem::new(EventId::from_uuid(id), attempts, payload))
}

/// Reads an entity from its document. `is_it` compares it with the key of the row that it came from.
pub(crate) fn decode_entity<T: DeserializeOwned>(
    table: &'static str,
    text: &str,
    row_version: i64,
    is_it: impl FnOnce(&T) -> bool,
) -> Result<Versioned<T>, DamagedRow> {
    let damaged = DamagedRow { table };
    let value: T = serde_json::from_str(text).map_err(|_| damaged)?;
    if !is_it(&value) {
        return Err(damaged);
    }
    Ok(Versioned::new(value, version(row_version, damaged)?))
}

fn version(number: i64, damaged: DamagedRow) -> Result<Version, DamagedRow> {
    if number >= 1 { Ok(Version::new(number)) } else { Err(damaged) }
}

fn document<T: Serialize>(value: &T) -> Result<String, PortError> {
    // The cause could quote the entity, and the error goes to the log.
    serde_json::to_string(value).map_err(|_| PortError::permanent("an entity cannot be encoded"))
}

/// A row is not what was written. Says which table, and nothing of the row: it may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of table `{table}` is damaged")]
pub(crate) struct DamagedRow {
    pub(crate) table: &'static str,
}

impl From<DamagedRow> for PortError {
    fn from(error: DamagedRow) -> Self {
        Self::permanent(error)
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::id::AccountId;
    use ciam_core::store::IndexDeclaration;
    use time::macros::datetime;

    use super::*;

    const OWNER: IndexDeclaration = IndexDeclaration::many("owner");
    const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
    const NOTE: RecordKind = RecordKind::new("app.note", &[OWNER, TOKEN]);

    fn stored(row: RecordRow, version: i64) -> StoredRecordRow {
        StoredRecordRow {
            key: row.key,
            schema: i64::from(row.schema),
            counter: row.counter,
            expires_at: row.expires_at,
            version,
            index_values: row.index_values,
            body: row.body,
        }
    }

    #[test]
    fn records_round_trip_with_every_field() {
        let mut record = Record::new(NOTE, "k", 7, "{}");
        record.counter = -3;
        record.expires_at = Some(datetime!(2026-11-23 12:00:00.000_000_001 UTC));
        record.indexes =
            vec![IndexValue::new(OWNER, "ada"), IndexValue::new(TOKEN, "t"), IndexValue::new(OWNER, "bob")];
        let row = RecordRow::encode(record.clone()).unwrap();
        assert_eq!(row.indexes.len(), 3);
        let read = stored(row, 4).decode(NOTE).unwrap();
        assert_eq!(read, Versioned::new(record, Version::new(4)));
    }

    #[test]
    fn a_value_that_is_given_twice_is_one_index_row() {
        let mut record = Record::new(NOTE, "k", 1, "{}");
        record.indexes = vec![IndexValue::new(TOKEN, "t"), IndexValue::new(TOKEN, "t")];
        assert_eq!(RecordRow::encode(record).unwrap().indexes.len(), 1);
    }

    #[test]
    fn undeclared_indexes_and_unusable_keys_are_refused() {
        let mut record = Record::new(NOTE, "k", 1, "{}");
        record.indexes = vec![IndexValue::new(IndexDeclaration::many("token"), "t")];
        assert!(RecordRow::encode(record).is_err(), "declared unique, written as many");
        assert!(RecordRow::encode(Record::new(NOTE, "", 1, "{}")).is_err());
        assert!(RecordRow::encode(Record::new(NOTE, "k".repeat(513), 1, "{}")).is_err());
        assert!(RecordRow::encode(Record::new(NOTE, "k".repeat(512), 1, "{}")).is_ok());
    }

    #[test]
    fn damaged_rows_are_errors_that_quote_nothing() {
        let row = RecordRow::encode(Record::new(NOTE, "k", 1, "{}")).unwrap();
        for spoil in [
            |row: &mut StoredRecordRow| row.schema = 70_000,
            |row: &mut StoredRecordRow| row.version = 0,
            |row: &mut StoredRecordRow| row.index_values = "[\"ada@example.com\"]".to_owned(),
        ] {
            let mut row = stored(row.clone(), 1);
            spoil(&mut row);
            let error = row.decode(NOTE).unwrap_err();
            assert_eq!(error, DamagedRow { table: "records" });
        }
        let error =
            decode_entity::<Account>("accounts", "{\"id\":\"ada@example.com\"}", 1, |_| true).unwrap_err();
        assert!(!error.to_string().contains("ada"), "{error}");
    }

    #[test]
    fn an_entity_in_the_row_of_another_is_damage() {
        let account = Account::new(AccountId::from_uuid(Uuid::from_u128(1)), datetime!(2026-11-23 12:00 UTC));
        let row = AccountRow::encode(&account).unwrap();
        let other = AccountId::from_uuid(Uuid::from_u128(2));
        assert!(decode_entity::<Account>("accounts", &row.document, 1, |found| found.id == other).is_err());
        let read =
            decode_entity::<Account>("accounts", &row.document, 1, |found| found.id == account.id).unwrap();
        assert_eq!(read.value, account);
    }
}
