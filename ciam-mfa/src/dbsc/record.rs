//! What is kept of a bound session.

use ciam_core::id::{AccountId, SessionId};
use ciam_core::jose::PublicJwk;
use ciam_core::store::{IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The key to which a session is bound. Gone when the session would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BoundSession {
    pub(crate) session: SessionId,
    pub(crate) account: AccountId,
    pub(crate) key: PublicJwk,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires_at: OffsetDateTime,
}

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for BoundSession {
    const KIND: RecordKind = RecordKind::new("mfa.bound_session", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.session.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}
