//! What is kept of a request that was answered before it was done.

use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::store::{RecordKind, StoredRecord};
use ciam_core::vault::Sealed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::connection::{Access, Connection};

/// Requests that are answered before they are done.
pub const REQUEST: RecordKind = RecordKind::new("scim.request", &[]).private();
/// What of them is done.
pub const MARK: RecordKind = RecordKind::new("scim.request_mark", &[]);

/// A request, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) txn: String,
    /// The connection as it was, without its tokens.
    pub(super) connection: Connection,
    pub(super) base: String,
    #[serde(default)]
    pub(super) account: Option<AccountId>,
    pub(super) access: Access,
    /// What was asked, sealed: it has people's data, and perhaps a password. Gone when it is done.
    #[serde(default)]
    pub(super) asked: Option<Sealed>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
    #[serde(default)]
    pub(super) done: Option<Done>,
}

/// What came of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Done {
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
    /// One for each operation, as the answer to a bulk request has it.
    pub(super) outcomes: Vec<Value>,
    pub(super) bulk: bool,
}

/// What was asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: Vec<String>,
    pub(super) params: Vec<(String, String)>,
    #[serde(default)]
    pub(super) if_match: Option<String>,
    pub(super) body: Value,
}

impl StoredRecord for Kept {
    const KIND: RecordKind = REQUEST;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.txn.clone()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// That an operation is done: written in the commit that does it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The request, and the number of the operation.
    pub(super) name: String,
    pub(super) organization: OrganizationId,
    /// The resource.
    pub(super) id: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

impl StoredRecord for Mark {
    const KIND: RecordKind = MARK;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}
