//! A batch as the parameters of the function that applies it.

use ciam_core::credential::Credential;
use ciam_core::crypto::sha256;
use ciam_core::error::PortError;
use ciam_core::store::{EntityRef, Precondition};
use serde::Serialize;
use uuid::Uuid;

use crate::sql::{OutboxRow, PreparedBatch, PreparedWrite, RecordRow};

/// The parameters of `commit_batch`.
#[derive(Clone, Debug)]
pub(super) struct EncodedBatch {
    /// What is locked, by name.
    pub(super) locks: Vec<String>,
    /// The preconditions as JSON.
    pub(super) require: String,
    /// The writes as JSON.
    pub(super) writes: String,
    /// The outbox items as JSON.
    pub(super) outbox: String,
}

/// Where the accounts of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accounts {
    /// In our table.
    Ours,
    /// In a table of the host's: what the batch says of them is left out, and only locked.
    Theirs,
}

impl EncodedBatch {
    /// Encodes a batch.
    ///
    /// # Errors
    ///
    /// Fails permanently when the batch holds what this adapter does not know.
    pub(super) fn new(batch: &PreparedBatch, accounts: Accounts) -> Result<Self, PortError> {
        let mut locks = Vec::new();
        let mut require = Vec::with_capacity(batch.preconditions.len());
        for (at, precondition) in batch.preconditions.iter().enumerate() {
            let required = Required::new(at, precondition)?;
            locks.push(lock_of(required.reference)?);
            if accounts == Accounts::Ours || !is_of_account(required.reference) {
                require.push(required);
            }
        }
        let mut writes = Vec::with_capacity(batch.writes.len());
        for (at, (entity, write)) in batch.writes.iter().enumerate() {
            locks.push(lock_of(entity)?);
            lock_unique(write, &mut locks);
            if accounts == Accounts::Ours || !is_of_account(entity) {
                writes.push(Written::new(at, entity, write)?);
            }
        }
        Ok(Self { locks, require: json(&require)?, writes: json(&writes)?, outbox: outbox(&batch.outbox)? })
    }
}

/// Whether this speaks of an account.
pub(super) const fn is_of_account(entity: &EntityRef) -> bool {
    matches!(entity, EntityRef::Account(_) | EntityRef::Identifier(_))
}

/// An index value as it is stored: itself, or a digest when it is longer than an index entry may be.
pub(super) fn index_value(value: &str) -> String {
    const LONGEST: usize = 1024;
    if value.len() <= LONGEST {
        return value.to_owned();
    }
    let mut digest = String::from("sha256:");
    for byte in sha256(value.as_bytes()) {
        digest.push_str(&format!("{byte:02x}"));
    }
    digest
}

/// The name of an entity's lock.
fn lock_of(entity: &EntityRef) -> Result<String, PortError> {
    Ok(match entity {
        EntityRef::Account(id) => format!("account/{id}"),
        EntityRef::Identifier(key) => identifier_lock(key.kind().as_str(), key.as_str()),
        EntityRef::Credential(id) => format!("credential/{id}"),
        EntityRef::Organization(id) => format!("organization/{id}"),
        EntityRef::Membership(organization, account) => format!("membership/{organization}/{account}"),
        EntityRef::Session(id) => format!("session/{id}"),
        EntityRef::Record(kind, key) => format!("record/{}/{key}", kind.name()),
        _ => return Err(unknown_entity()),
    })
}

fn identifier_lock(kind: &str, value: &str) -> String {
    format!("identifier/{kind}/{value}")
}

/// The locks of what a write makes unique, and of the credentials of an account, which are counted.
fn lock_unique(write: &PreparedWrite, locks: &mut Vec<String>) {
    match write {
        PreparedWrite::Account(row) => {
            locks.extend(row.identifiers.iter().map(|(kind, value)| identifier_lock(kind, value)));
        }
        PreparedWrite::Credential(row) => locks.push(format!("credentials/{}", row.account)),
        PreparedWrite::Organization(row) => locks.push(format!("slug/{}", row.slug)),
        PreparedWrite::Record(row) => {
            let unique = row.indexes.iter().filter(|index| index.unique);
            locks.extend(unique.map(|index| format!("value/{}/{}/{}", row.kind, index.name, index.value)));
        }
        PreparedWrite::Membership(_) | PreparedWrite::Session(_) | PreparedWrite::Delete => {}
    }
}

/// What an entity is found by.
#[derive(Debug, Default, Serialize)]
struct Found<'b> {
    entity: &'static str,
    id: Option<Uuid>,
    account: Option<Uuid>,
    kind: Option<&'static str>,
    key: Option<&'b str>,
}

impl<'b> Found<'b> {
    fn new(entity: &'b EntityRef) -> Result<Self, PortError> {
        let by_id = |entity, id: &Uuid| Self { entity, id: Some(*id), ..Self::default() };
        Ok(match entity {
            EntityRef::Account(id) => by_id("account", id.as_uuid()),
            EntityRef::Identifier(key) => Self {
                entity: "identifier",
                kind: Some(key.kind().as_str()),
                key: Some(key.as_str()),
                ..Self::default()
            },
            EntityRef::Credential(id) => by_id("credential", id.as_uuid()),
            EntityRef::Organization(id) => by_id("organization", id.as_uuid()),
            EntityRef::Membership(organization, account) => {
                Self { account: Some(*account.as_uuid()), ..by_id("membership", organization.as_uuid()) }
            }
            EntityRef::Session(id) => by_id("session", id.as_uuid()),
            EntityRef::Record(kind, key) => {
                Self { entity: "record", kind: Some(kind.name()), key: Some(key), ..Self::default() }
            }
            _ => return Err(unknown_entity()),
        })
    }
}

/// A precondition as the function reads it.
#[derive(Debug, Serialize)]
struct Required<'b> {
    at: usize,
    needs: &'static str,
    number: Option<i64>,
    #[serde(flatten)]
    found: Found<'b>,
    #[serde(skip)]
    reference: &'b EntityRef,
}

impl<'b> Required<'b> {
    fn new(at: usize, precondition: &'b Precondition) -> Result<Self, PortError> {
        let (needs, reference, number) = match precondition {
            Precondition::Absent(entity) => ("absent", entity, None),
            Precondition::VersionIs(entity, version) => ("version", entity, Some(version.get())),
            Precondition::CounterBelow(entity, value) => ("counter", entity, Some(*value)),
            _ => return Err(PortError::permanent("this adapter does not know this kind of precondition")),
        };
        Ok(Self { at, needs, number, found: Found::new(reference)?, reference })
    }
}

/// A write as the function reads it.
#[derive(Debug, Default, Serialize)]
struct Written<'b> {
    at: usize,
    write: &'static str,
    id: Option<Uuid>,
    account: Option<Uuid>,
    kind: Option<&'static str>,
    key: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<Vec<Identifier<'b>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_values: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indexed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indexes: Option<Vec<Index>>,
    /// How many credentials an account may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Identifier<'b> {
    kind: &'static str,
    value: &'b str,
}

#[derive(Debug, Serialize)]
struct Index {
    name: &'static str,
    value: String,
    is_unique: bool,
}

impl<'b> Written<'b> {
    fn new(at: usize, entity: &'b EntityRef, write: &'b PreparedWrite) -> Result<Self, PortError> {
        let Found { id, account, kind, key, entity: name } = Found::new(entity)?;
        let found = Self { at, id, account, kind, key, ..Self::default() };
        Ok(match write {
            PreparedWrite::Account(row) => Self {
                write: "put_account",
                document: Some(&row.document),
                identifiers: Some(
                    row.identifiers.iter().map(|(kind, value)| Identifier { kind, value }).collect(),
                ),
                ..found
            },
            PreparedWrite::Credential(row) => Self {
                write: "put_credential",
                account: Some(row.account),
                counter: Some(row.counter),
                document: Some(&row.document),
                most: Some(Credential::MAX_PER_ACCOUNT),
                ..found
            },
            PreparedWrite::Organization(row) => Self {
                write: "put_organization",
                slug: Some(&row.slug),
                document: Some(&row.document),
                ..found
            },
            PreparedWrite::Membership(row) => {
                Self { write: "put_membership", document: Some(&row.document), ..found }
            }
            PreparedWrite::Session(row) => Self {
                write: "put_session",
                account: Some(row.account),
                expires_at: Some(row.expires_at),
                document: Some(&row.document),
                ..found
            },
            PreparedWrite::Record(row) => Self::record(found, row),
            PreparedWrite::Delete => Self { write: deletion(name)?, ..found },
        })
    }

    fn record(found: Self, row: &'b RecordRow) -> Self {
        let indexes = row.indexes.iter().map(|index| Index {
            name: index.name,
            value: index_value(&index.value),
            is_unique: index.unique,
        });
        Self {
            write: "put_record",
            schema: Some(row.schema),
            counter: Some(row.counter),
            expires_at: row.expires_at,
            document: Some(&row.body),
            index_values: Some(&row.index_values),
            indexed: Some(row.indexed),
            indexes: Some(indexes.collect()),
            ..found
        }
    }
}

fn deletion(entity: &str) -> Result<&'static str, PortError> {
    match entity {
        "credential" => Ok("delete_credential"),
        "membership" => Ok("delete_membership"),
        "session" => Ok("delete_session"),
        "record" => Ok("delete_record"),
        _ => Err(unknown_entity()),
    }
}

fn outbox(rows: &[OutboxRow]) -> Result<String, PortError> {
    #[derive(Serialize)]
    struct Item<'b> {
        id: Uuid,
        subject: Option<&'b str>,
        payload: &'b str,
    }
    let items =
        rows.iter().map(|row| Item { id: row.id, subject: row.subject.as_deref(), payload: &row.payload });
    json(&items.collect::<Vec<_>>())
}

fn json<T: Serialize>(value: &T) -> Result<String, PortError> {
    // The cause could quote what is written, and the error goes to the log.
    serde_json::to_string(value).map_err(|_| PortError::permanent("a batch cannot be encoded"))
}

fn unknown_entity() -> PortError {
    PortError::permanent("this adapter does not know this kind of entity")
}
