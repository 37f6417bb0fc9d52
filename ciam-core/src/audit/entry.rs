//! Entries, the head and checkpoints.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::crypto;
use crate::event::Event;
use crate::id::{EventId, TenantId};
use crate::secret::TokenDigest;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

/// A hash of the chain: base64url text of 43 characters.
pub type ChainDigest = TokenDigest;

/// What one event left in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Its place, counted from 1.
    pub sequence: u64,
    /// The event's id.
    pub event: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To whom or what.
    pub subject: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The details.
    pub data: Map<String, Value>,
    /// The hash of the entry before; of the tenant's name for the first.
    pub previous: ChainDigest,
    /// Its own hash.
    pub digest: ChainDigest,
}

impl AuditEntry {
    /// The entry of an event behind a head.
    pub(super) fn of(tenant: TenantId, head: &AuditHead, event: &Event) -> Self {
        let mut entry = Self {
            sequence: head.sequence.saturating_add(1),
            event: event.id,
            event_type: event.event_type.as_str().to_owned(),
            subject: event.subject.clone(),
            time: event.time,
            data: event.data.clone(),
            previous: head.digest,
            digest: head.digest,
        };
        entry.digest = entry.computed(tenant);
        entry
    }

    /// The hash that the entry must have: SHA-256 over its fields, each with its length before it.
    #[must_use]
    pub fn computed(&self, tenant: TenantId) -> ChainDigest {
        let mut bytes = Vec::with_capacity(512);
        for field in [
            &b"ciam.audit.v1"[..],
            tenant.as_uuid().as_bytes(),
            &self.sequence.to_be_bytes(),
            self.previous.as_bytes(),
            self.event.as_uuid().as_bytes(),
            self.event_type.as_bytes(),
            self.subject.as_bytes(),
            &self.time.unix_timestamp_nanos().to_be_bytes(),
            canonical(&Value::Object(self.data.clone())).as_bytes(),
        ] {
            let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        ChainDigest::of_bytes(&bytes)
    }

    /// The key of the entry at a place: keys sort as places do.
    pub(super) fn record_key(sequence: u64) -> String {
        format!("{sequence:020}")
    }
}

/// JSON with the members of objects by name and without spaces.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            let members = sorted
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::String(name.clone()), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

pub(super) const BY_EVENT: IndexDeclaration = IndexDeclaration::unique("event");
pub(super) const BY_SUBJECT: IndexDeclaration = IndexDeclaration::many("subject");

impl StoredRecord for AuditEntry {
    const KIND: RecordKind = RecordKind::new("core.audit_entry", &[BY_EVENT, BY_SUBJECT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.sequence)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_EVENT, self.event.to_string()),
            IndexValue::new(BY_SUBJECT, self.subject.clone()),
        ]
    }
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditHead {
    /// How many entries there are.
    pub sequence: u64,
    /// The hash of the last one.
    pub digest: ChainDigest,
}

impl AuditHead {
    /// A head that was written down elsewhere.
    #[must_use]
    pub const fn new(sequence: u64, digest: ChainDigest) -> Self {
        Self { sequence, digest }
    }

    /// The head of an empty log.
    #[must_use]
    pub fn empty(tenant: TenantId) -> Self {
        let name = [&b"ciam.audit.v1\0"[..], tenant.as_uuid().as_bytes()].concat();
        Self { sequence: 0, digest: ChainDigest::from_bytes(crypto::sha256(&name)) }
    }

    pub(super) const KEY: &'static str = "head";
}

impl StoredRecord for AuditHead {
    const KIND: RecordKind = RecordKind::new("core.audit_head", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// What a checkpoint says, as the claims of a JWT of type `audit-checkpoint+jwt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The tenant.
    pub tenant: TenantId,
    /// How many entries there were.
    pub sequence: u64,
    /// The hash of the last one.
    pub digest: ChainDigest,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
}

impl Checkpoint {
    /// The type in the header.
    pub const TYPE: &'static str = "audit-checkpoint+jwt";

    /// The head that it says.
    #[must_use]
    pub const fn head(&self) -> AuditHead {
        AuditHead { sequence: self.sequence, digest: self.digest }
    }
}
