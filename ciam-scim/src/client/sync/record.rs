//! What is kept of a service provider: who is who there, and what was written.

use ciam_core::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};

use super::written::Written;

const BY_TARGET: IndexDeclaration = IndexDeclaration::many("target");
const BY_REMOTE: IndexDeclaration = IndexDeclaration::many("remote");
const BY_GROUP: IndexDeclaration = IndexDeclaration::many("group");

/// Users and groups of ours at service providers.
pub const SYNC_LINK: RecordKind = RecordKind::new("scim.sync_link", &[BY_TARGET, BY_REMOTE]).private();
/// Members that were written.
pub const SYNC_MEMBER: RecordKind = RecordKind::new("scim.sync_member", &[BY_GROUP]).private();

/// A user or a group of ours at a service provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) target: String,
    /// The endpoint there.
    pub(super) endpoint: String,
    pub(super) key: String,
    /// The id there.
    pub(super) remote: String,
    pub(super) written: Written,
    /// It has left, and was switched off.
    #[serde(default)]
    pub(super) left: bool,
}

impl Link {
    pub(super) fn key_of(target: &str, endpoint: &str, key: &str) -> String {
        format!("{target}|{endpoint}|{key}")
    }

    pub(super) fn target_value(target: &str, endpoint: &str) -> String {
        format!("{target}|{endpoint}")
    }

    pub(super) fn remote_value(target: &str, endpoint: &str, remote: &str) -> String {
        format!("{target}|{endpoint}|{remote}")
    }
}

impl StoredRecord for Link {
    const KIND: RecordKind = SYNC_LINK;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.target, &self.endpoint, &self.key)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_TARGET, Self::target_value(&self.target, &self.endpoint)),
            IndexValue::new(BY_REMOTE, Self::remote_value(&self.target, &self.endpoint, &self.remote)),
        ]
    }
}

/// A member that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentMember {
    pub(super) target: String,
    pub(super) group: String,
    /// The key of the user.
    pub(super) member: String,
    /// The id there.
    pub(super) remote: String,
}

impl SentMember {
    pub(super) fn key_of(target: &str, group: &str, member: &str) -> String {
        format!("{target}|{group}|{member}")
    }

    pub(super) fn group_value(target: &str, group: &str) -> String {
        format!("{target}|{group}")
    }
}

impl StoredRecord for SentMember {
    const KIND: RecordKind = SYNC_MEMBER;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.target, &self.group, &self.member)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_GROUP, Self::group_value(&self.target, &self.group))]
    }
}
