//! What is kept in core's [`Store`](ciam_core::store::Store): resources, memberships of groups as edges, and who owns accounts.

mod edge;
mod index;
mod owner;
mod resource;

pub use self::edge::{EDGE, TOUCH};
pub(crate) use self::edge::{Edge, Touch, group_value, member_value};
pub(crate) use self::index::{
    Day, active_value, day_value, index_values, indexed, is_of_many, is_whole_prefix, lookup_value,
    overflow_value, prefix_value,
};
pub use self::owner::OWNER;
pub(crate) use self::owner::Ownership;
pub use self::resource::RESOURCE;
pub(crate) use self::resource::{Body, EQUAL, LIST, Stored, UNIQUE, is_active, list_value, record_key};

use ciam_core::id::OrganizationId;
use ciam_core::privacy::PersonalKind;
use ciam_core::store::IndexDeclaration;

/// What an account's resources say of its person, for exports and erasures of personal data.
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![PersonalKind::whole(RESOURCE), PersonalKind::silent(EDGE), PersonalKind::silent(OWNER)]
}

pub(crate) const ACCOUNT: IndexDeclaration = IndexDeclaration::many(ciam_core::store::OWNER_INDEX);

/// A key or index value that begins with the organization: nothing of another one is found by it.
pub(crate) fn scoped(organization: OrganizationId, rest: &str) -> String {
    format!("{organization}|{rest}")
}
