//! Memberships of groups: one record each, so that a change of one is a write of one, at any size of the group.

use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{ACCOUNT, scoped};

/// The members of a group.
pub(crate) const BY_GROUP: IndexDeclaration = IndexDeclaration::many("group");
/// The groups of a member.
pub(crate) const BY_MEMBER: IndexDeclaration = IndexDeclaration::many("member");

/// Memberships of groups.
pub const EDGE: RecordKind = RecordKind::new("scim.edge", &[ACCOUNT, BY_GROUP, BY_MEMBER]);
/// How often the members of a group changed.
pub const TOUCH: RecordKind = RecordKind::new("scim.touch", &[]);

/// That somebody, or a group, is a member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub(crate) organization: OrganizationId,
    pub(crate) group: String,
    pub(crate) member: String,
    /// The type of the member.
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) account: Option<AccountId>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) added: OffsetDateTime,
}

impl Edge {
    pub(crate) fn key_of(organization: OrganizationId, group: &str, member: &str) -> String {
        scoped(organization, &format!("{group}|{member}"))
    }
}

pub(crate) fn group_value(organization: OrganizationId, group: &str) -> String {
    scoped(organization, group)
}

pub(crate) fn member_value(organization: OrganizationId, member: &str) -> String {
    scoped(organization, member)
}

impl StoredRecord for Edge {
    const KIND: RecordKind = EDGE;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(self.organization, &self.group, &self.member)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let mut values = vec![
            IndexValue::new(BY_GROUP, group_value(self.organization, &self.group)),
            IndexValue::new(BY_MEMBER, member_value(self.organization, &self.member)),
        ];
        values.extend(self.account.map(|id| IndexValue::new(ACCOUNT, id.to_string())));
        values
    }
}

/// Written with each change of a group's members, whatever its version: changes of different members do not contend, and the
/// group's version still moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Touch {
    pub(crate) organization: OrganizationId,
    pub(crate) group: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
}

impl Touch {
    pub(crate) fn key_of(organization: OrganizationId, group: &str) -> String {
        scoped(organization, group)
    }
}

impl StoredRecord for Touch {
    const KIND: RecordKind = TOUCH;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(self.organization, &self.group)
    }
}
