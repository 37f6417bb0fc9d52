//! Records as they are stored, and as they are read.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::entity::{MARK, marked};
use super::{SealedRecords, SealingStore};
use crate::error::PortError;
use crate::store::{IndexDeclaration, Record, RecordKind};
use crate::vault::{SealScope, is_shredded};

/// What of a record is sealed.
#[derive(Serialize, Deserialize)]
struct PersonalRecord {
    body: String,
    /// The values of hashed indexes, in the record's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hashed: Vec<String>,
}

/// A record as it is read.
pub(super) enum Opened {
    /// It opened, or was never sealed.
    Whole(Record),
    /// The key of its account was shredded; the body is `null`.
    Shredded(Record),
}

impl Opened {
    /// The record, unless its key was shredded.
    pub(super) fn readable(self) -> Option<Record> {
        match self {
            Self::Whole(record) => Some(record),
            Self::Shredded(_) => None,
        }
    }

    /// The record in any case.
    pub(super) fn any(self) -> Record {
        match self {
            Self::Whole(record) | Self::Shredded(record) => record,
        }
    }
}

impl SealingStore {
    /// A record as it is stored.
    pub(super) async fn seal_record(&self, mut record: Record) -> Result<Record, PortError> {
        let Some(scope) = self.scope(&record) else { return Ok(record) };
        let mut hashed = Vec::new();
        for value in record.indexes.iter_mut().filter(|value| value.index.is_hashed()) {
            let hash = self.hash_index(record.kind, &value.index, &value.value).await?;
            hashed.push(std::mem::replace(&mut value.value, hash));
        }
        let personal = PersonalRecord { body: std::mem::take(&mut record.body), hashed };
        let plain =
            serde_json::to_vec(&personal).map_err(|_| PortError::permanent("a record cannot be encoded"))?;
        let sealed = self.vault.seal(&scope, &purpose(record.kind), &Zeroizing::new(plain)).await?;
        record.body = json!({ MARK: sealed.as_str() }).to_string();
        Ok(record)
    }

    /// A record as it is read.
    pub(super) async fn open_record(&self, mut record: Record) -> Result<Opened, PortError> {
        // Most records are not sealed, and need not be parsed to see it.
        if !record.body.starts_with("{\"ciam.sealed\":") {
            return Ok(Opened::Whole(record));
        }
        let value: Value = serde_json::from_str(&record.body).map_err(|_| damaged())?;
        let (Some(sealed), Some(scope)) = (marked(&value), self.scope(&record)) else {
            return Ok(Opened::Whole(record));
        };
        let plain = match self.vault.open(&scope, &purpose(record.kind), &sealed).await {
            Ok(plain) => plain,
            Err(error) if is_shredded(&error) => {
                "null".clone_into(&mut record.body);
                return Ok(Opened::Shredded(record));
            }
            Err(error) => return Err(error),
        };
        let personal: PersonalRecord = serde_json::from_slice(plain.expose()).map_err(|_| damaged())?;
        record.body = personal.body;
        let places = record.indexes.iter_mut().filter(|value| value.index.is_hashed());
        places.zip(personal.hashed).for_each(|(place, value)| place.value = value);
        Ok(Opened::Whole(record))
    }

    /// Whose key seals a record; `None`: it is not sealed.
    fn scope(&self, record: &Record) -> Option<SealScope> {
        if let Some(account) = record.owner() {
            return Some(SealScope::Account(account));
        }
        let sealed = record.kind.is_private() || self.records == SealedRecords::All;
        sealed.then_some(SealScope::Tenant)
    }

    /// The value under which the store beneath has a value of a hashed index.
    pub(super) async fn hash_index(
        &self,
        kind: RecordKind,
        index: &IndexDeclaration,
        value: &str,
    ) -> Result<String, PortError> {
        let purpose = format!("core.index.{}.{}", kind.name(), index.name());
        Ok(self.vault.lookup_hash(&purpose, value.as_bytes()).await?.to_text())
    }
}

fn purpose(kind: RecordKind) -> String {
    format!("core.record.{}", kind.name())
}

fn damaged() -> PortError {
    PortError::permanent("what is sealed in a record is not what belongs there")
}
