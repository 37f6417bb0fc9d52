//! Permissions, and roles that bundle them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::OrganizationId;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

/// What somebody may do: `resource:action`, such as `invoice:approve`.
///
/// Both parts have 1 to 64 lower-case letters, digits, `-`, `_` and `.`. The resources `organization`, `member`, `role`,
/// `domain` and `policy` are those of the organization itself; see the constants. A host's own permissions name its own.
///
/// ```
/// use ciam_core::organization::Permission;
///
/// assert_eq!(Permission::new("invoice:approve")?.action(), "approve");
/// assert!(Permission::new("invoice").is_err());
/// # Ok::<(), ciam_core::organization::InvalidPermission>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(std::borrow::Cow<'static, str>);

impl Permission {
    /// See the organization's settings.
    pub const ORGANIZATION_READ: Self = Self::known("organization:read");
    /// Change the organization's name.
    pub const ORGANIZATION_UPDATE: Self = Self::known("organization:update");
    /// Make and unmake owners. Only owners have it, and no role can be given it.
    pub const ORGANIZATION_OWN: Self = Self::known("organization:own");
    /// See the members.
    pub const MEMBER_READ: Self = Self::known("member:read");
    /// Invite people, and see and revoke invitations.
    pub const MEMBER_INVITE: Self = Self::known("member:invite");
    /// Give members roles and take them away, suspend and reactivate members.
    pub const MEMBER_UPDATE: Self = Self::known("member:update");
    /// Remove members.
    pub const MEMBER_REMOVE: Self = Self::known("member:remove");
    /// Make, change and delete the organization's own roles.
    pub const ROLE_WRITE: Self = Self::known("role:write");
    /// Claim, verify and give up domains.
    pub const DOMAIN_WRITE: Self = Self::known("domain:write");
    /// Set what a sign-in must be.
    pub const POLICY_WRITE: Self = Self::known("policy:write");

    /// The permissions over the organization itself that a role may hold: all but [`ORGANIZATION_OWN`](Self::ORGANIZATION_OWN).
    pub const MANAGEMENT: [Self; 9] = [
        Self::ORGANIZATION_READ,
        Self::ORGANIZATION_UPDATE,
        Self::MEMBER_READ,
        Self::MEMBER_INVITE,
        Self::MEMBER_UPDATE,
        Self::MEMBER_REMOVE,
        Self::ROLE_WRITE,
        Self::DOMAIN_WRITE,
        Self::POLICY_WRITE,
    ];

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Fails when the text is not of the form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPermission> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        let part = |part: &str| (1..=64).contains(&part.len()) && part.bytes().all(allowed);
        match text.split_once(':') {
            Some((resource, action)) if part(resource) && part(action) => Ok(Self(text.into())),
            _ => Err(InvalidPermission),
        }
    }

    const fn known(name: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(name))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is over: the part before the colon.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.split_once(':').map_or("", |(resource, _)| resource)
    }

    /// What it allows to do: the part behind the colon.
    #[must_use]
    pub fn action(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, action)| action)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Permission {
    type Error = InvalidPermission;

    fn try_from(text: String) -> Result<Self, InvalidPermission> {
        Self::new(text)
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0.into_owned()
    }
}

/// The text is not a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a permission is `resource:action`, each of lower-case letters, digits, `-`, `_` and `.`")]
#[non_exhaustive]
pub struct InvalidPermission;

/// A role: a name for permissions, and for those of other roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Role {
    /// Whose role it is.
    pub scope: RoleScope,
    /// The name, unique in its scope.
    pub name: RoleName,
    /// What people read; may be empty.
    pub description: String,
    /// The permissions of its own, at most [`Role::MAX_PERMISSIONS`].
    pub permissions: BTreeSet<Permission>,
    /// The roles whose permissions it has as well, at most [`Role::MAX_INHERITED`]: a template inherits templates, an
    /// organization's own role inherits templates and its own.
    pub inherits: BTreeSet<RoleName>,
    /// Whether administrators of an organization may give it to members, where they hold what it holds; otherwise only the
    /// tenant may. Always so for an organization's own roles.
    #[serde(default = "yes")]
    pub assignable: bool,
}

impl Role {
    /// At most this many permissions of its own.
    pub const MAX_PERMISSIONS: usize = 64;
    /// At most this many inherited roles.
    pub const MAX_INHERITED: usize = 16;
    /// At most this many roles in a scope.
    pub const MAX_IN_SCOPE: usize = 100;
    /// A description is at most this long, in characters.
    pub const MAX_DESCRIPTION: usize = 256;

    /// A role that inherits nothing.
    #[must_use]
    pub fn new(scope: RoleScope, name: RoleName, permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            scope,
            name,
            description: String::new(),
            permissions: permissions.into_iter().collect(),
            inherits: BTreeSet::new(),
            assignable: true,
        }
    }

    /// Sets what people read.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the roles whose permissions it has as well.
    #[must_use]
    pub fn with_inherited(mut self, inherits: impl IntoIterator<Item = RoleName>) -> Self {
        self.inherits = inherits.into_iter().collect();
        self
    }

    /// Makes it one that only the tenant may give to members.
    #[must_use]
    pub const fn for_the_tenant_to_assign(mut self) -> Self {
        self.assignable = false;
        self
    }

    /// The roles that every tenant has: `member`, who sees the organization, and `admin`, who manages all of it but its owners.
    /// A template of the tenant with the same name takes their place. The third, `owner`, is no record: an owner holds every
    /// permission over the organization and every permission of an assignable role.
    #[must_use]
    pub fn built_in() -> [Self; 2] {
        let member = Self::new(RoleScope::Tenant, RoleName::member(), [Permission::ORGANIZATION_READ])
            .with_description("Sees the organization");
        let admin = Self::new(RoleScope::Tenant, RoleName::admin(), Permission::MANAGEMENT)
            .with_description("Manages everything but the owners");
        [member, admin]
    }

    /// The record key of a role.
    #[must_use]
    pub fn record_key(scope: RoleScope, name: &RoleName) -> String {
        format!("{scope}|{}", name.as_str())
    }
}

const fn yes() -> bool {
    true
}

pub(super) const BY_SCOPE: IndexDeclaration = IndexDeclaration::many("scope");

impl StoredRecord for Role {
    const KIND: RecordKind = RecordKind::new("core.role", &[BY_SCOPE]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.scope, &self.name)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_SCOPE, self.scope.to_string())]
    }
}

/// Whose a role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of", content = "id")]
#[expect(clippy::exhaustive_enums, reason = "a role is everybody's or one organization's")]
pub enum RoleScope {
    /// A template: for every organization of the tenant.
    Tenant,
    /// For one organization alone.
    Organization(OrganizationId),
}

/// As in record keys: `tenant`, or the organization's id.
impl fmt::Display for RoleScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Organization(id) => fmt::Display::fmt(id, f),
        }
    }
}

/// The name of a role: 1 to 64 lower-case letters, digits, `-`, `_`, `.` and `:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl RoleName {
    /// `owner`: the built-in role that an organization that has one never loses.
    #[must_use]
    pub fn owner() -> Self {
        Self("owner".to_owned())
    }

    /// `admin`: the built-in role that manages everything but the owners.
    #[must_use]
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }

    /// `member`: the built-in role that sees the organization.
    #[must_use]
    pub fn member() -> Self {
        Self("member".to_owned())
    }

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Fails when the text is not of the form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRoleName> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.:".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidRoleName)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoleName {
    type Error = InvalidRoleName;

    fn try_from(text: String) -> Result<Self, InvalidRoleName> {
        Self::new(text)
    }
}

impl From<RoleName> for String {
    fn from(role: RoleName) -> Self {
        role.0
    }
}

/// The text is not a role name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role name has 1 to 64 lower-case letters, digits, `-`, `_`, `.` and `:`")]
#[non_exhaustive]
pub struct InvalidRoleName;
