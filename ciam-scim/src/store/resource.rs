//! The record of a resource.

use ciam_core::error::PortError;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::store::{EntityRef, IndexDeclaration, IndexValue, Record, RecordError, RecordKind, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{ACCOUNT, index_values, scoped};
use crate::schema::ResourceType;

/// All resources of a type in an organization.
pub(crate) const LIST: IndexDeclaration = IndexDeclaration::many("list");
/// Values that are one resource's alone.
pub(crate) const UNIQUE: IndexDeclaration = IndexDeclaration::unique("unique").hashed();
/// Values that resources are looked up by.
pub(crate) const EQUAL: IndexDeclaration = IndexDeclaration::many("equal").hashed();

/// Resources of every type.
pub const RESOURCE: RecordKind = RecordKind::new("scim.resource", &[ACCOUNT, LIST, UNIQUE, EQUAL]).private();

const SCHEMA: u16 = 1;

/// A resource as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) organization: OrganizationId,
    pub(crate) version: Version,
    pub(crate) body: Body,
}

/// The part that is written as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) organization: OrganizationId,
    /// The account that a user is.
    #[serde(default)]
    pub(crate) account: Option<AccountId>,
    pub(crate) attributes: Map<String, Value>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) modified: OffsetDateTime,
    /// It is being deleted: it is no more, and what hangs on it is being taken away.
    #[serde(default)]
    pub(crate) deleting: bool,
}

impl Stored {
    pub(crate) fn decode(record: &Record, version: Version) -> Result<Self, PortError> {
        if record.schema != SCHEMA {
            return Err(RecordError::UnknownSchema { kind: RESOURCE.name(), schema: record.schema }.into());
        }
        let body: Body = serde_json::from_str(&record.body)
            .map_err(|_| PortError::from(RecordError::Damaged { kind: RESOURCE.name() }))?;
        Ok(Self { organization: body.organization, version, body })
    }

    /// The record, with the index values of its type.
    pub(crate) fn record(&self, kind: &ResourceType) -> Result<Record, PortError> {
        let body = serde_json::to_string(&self.body)
            .map_err(|_| PortError::from(RecordError::Encode { kind: RESOURCE.name() }))?;
        let mut record = Record::new(RESOURCE, self.key(), SCHEMA, body);
        record.indexes.extend(self.body.account.map(|id| IndexValue::new(ACCOUNT, id.to_string())));
        if !self.body.deleting {
            record.indexes.push(IndexValue::new(LIST, list_value(self.organization, &self.body.kind)));
            record.indexes.extend(index_values(kind, self.organization, &self.body));
        }
        Ok(record)
    }

    pub(crate) fn key(&self) -> String {
        record_key(self.organization, &self.body.kind, &self.body.id)
    }

    pub(crate) fn entity(&self) -> EntityRef {
        EntityRef::Record(RESOURCE, self.key())
    }

    /// Whether the directory says that the person may act.
    pub(crate) fn is_active(&self) -> bool {
        is_active(&self.body.attributes)
    }
}

/// Whether a user is active: unless it says otherwise.
pub(crate) fn is_active(attributes: &Map<String, Value>) -> bool {
    attributes.get("active") != Some(&Value::Bool(false))
}

pub(crate) fn record_key(organization: OrganizationId, kind: &str, id: &str) -> String {
    scoped(organization, &format!("{kind}|{id}"))
}

pub(crate) fn list_value(organization: OrganizationId, kind: &str) -> String {
    scoped(organization, kind)
}
