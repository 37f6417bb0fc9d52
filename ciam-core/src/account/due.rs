//! What becomes due for accounts by itself: records in the order in which they become due, so that the background step
//! reads the first page and nothing else.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::AccountId;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

/// What becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DueKind {
    /// A suspension ends.
    SuspensionEnds,
    /// A reserved identifier is free for others.
    ReservationEnds,
}

impl DueKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SuspensionEnds => "suspension",
            Self::ReservationEnds => "reservation",
        }
    }
}

/// Something that [`Accounts::settle_due`](super::Accounts::settle_due) does when its time has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusDue {
    /// Whose it is.
    pub account: AccountId,
    /// What it is.
    pub kind: DueKind,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl StatusDue {
    /// Something that becomes due.
    #[must_use]
    pub const fn new(account: AccountId, kind: DueKind, at: OffsetDateTime) -> Self {
        Self { account, kind, at }
    }
}

impl StoredRecord for StatusDue {
    const KIND: RecordKind = RecordKind::new("core.account_due", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        format!("{}.{}.{}", sortable(self.at), self.account, self.kind.as_str())
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

/// A closed account that is to be erased when its grace period is over. Whoever erases it requires the account at the
/// version at which [`Account::is_due_for_erasure`](super::Account::is_due_for_erasure) held, and deletes this record in
/// the same commit: an erasure never wins against a restoration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErasureDue {
    /// Whose it is.
    pub account: AccountId,
    /// From when.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl ErasureDue {
    /// An erasure that becomes due.
    #[must_use]
    pub const fn new(account: AccountId, at: OffsetDateTime) -> Self {
        Self { account, at }
    }
}

impl StoredRecord for ErasureDue {
    const KIND: RecordKind = RecordKind::new("core.account_erasure_due", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        format!("{}.{}", sortable(self.at), self.account)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

/// A text that sorts as the time does.
fn sortable(at: OffsetDateTime) -> String {
    format!("{:015}", (at.unix_timestamp_nanos() / 1_000_000).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_times_do() {
        let id = AccountId::from_uuid(uuid::Uuid::nil());
        let key = |seconds| ErasureDue::new(id, OffsetDateTime::from_unix_timestamp(seconds).unwrap()).key();
        let times = [0, 9, 10, 999_999_999, 1_000_000_000, 9_999_999_999, 10_000_000_000, 250_000_000_000];
        assert!(times.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
    }
}
