//! Consent: what a person allowed, to whom, when, and what they were shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::AccountId;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

/// The consent of an account to one recipient (a client, a purpose): one record, replaced as it grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Consent {
    /// Who consented.
    pub account: AccountId,
    /// To whom: `client:<client id>`, or a purpose of the host.
    pub recipient: String,
    /// What was allowed: scope values, and `<resource> <scope>` pairs where a resource was named.
    pub allowed: BTreeSet<String>,
    /// When it was first given.
    #[serde(with = "time::serde::rfc3339")]
    pub given_at: OffsetDateTime,
    /// When it was last extended.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");
const BY_RECIPIENT: IndexDeclaration = IndexDeclaration::many("recipient");

impl Consent {
    /// A consent given now.
    #[must_use]
    pub fn new(
        account: AccountId,
        recipient: impl Into<String>,
        allowed: BTreeSet<String>,
        now: OffsetDateTime,
    ) -> Self {
        Self { account, recipient: recipient.into(), allowed, given_at: now, updated_at: now }
    }

    /// The record key of an account's consent to a recipient.
    #[must_use]
    pub fn record_key(account: AccountId, recipient: &str) -> String {
        format!("{account}|{recipient}")
    }

    /// Whether everything wanted is allowed.
    pub fn covers<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> bool {
        wanted.into_iter().all(|item| self.allowed.contains(item))
    }
}

impl StoredRecord for Consent {
    const KIND: RecordKind = RecordKind::new("core.consent", &[BY_ACCOUNT, BY_RECIPIENT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.account, &self.recipient)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_ACCOUNT, self.account.to_string()),
            IndexValue::new(BY_RECIPIENT, self.recipient.clone()),
        ]
    }
}
