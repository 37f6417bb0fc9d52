//! Organizations and their members.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::{AccountId, OrganizationId};

/// An organization: a business customer whose people sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// The id.
    pub id: OrganizationId,
    /// The name in URLs and configuration, unique in the tenant.
    pub slug: Slug,
    /// The name that people read.
    pub name: String,
    /// Whether its members may act for it.
    pub status: OrganizationStatus,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl Organization {
    /// An active organization.
    #[must_use]
    pub fn new(id: OrganizationId, slug: Slug, name: impl Into<String>, now: OffsetDateTime) -> Self {
        Self { id, slug, name: name.into(), status: OrganizationStatus::Active, created_at: now }
    }
}

/// Whether an organization is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrganizationStatus {
    /// In use.
    Active,
    /// Stopped by an administrator.
    Suspended,
}

/// A name for URLs: 2 to 63 lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Fails when the text is not of the form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSlug> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let well_formed = (2..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if well_formed { Ok(Self(text)) } else { Err(InvalidSlug) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        Self::new(text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

/// The text is not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug has 2 to 63 lower-case letters, digits and inner hyphens")]
#[non_exhaustive]
pub struct InvalidSlug;

/// The membership of an account in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The member.
    pub account: AccountId,
    /// The member's roles in this organization, by name.
    pub roles: BTreeSet<RoleName>,
    /// When the account joined.
    #[serde(with = "time::serde::rfc3339")]
    pub joined_at: OffsetDateTime,
}

impl Membership {
    /// A membership with roles.
    #[must_use]
    pub fn new(
        organization: OrganizationId,
        account: AccountId,
        roles: BTreeSet<RoleName>,
        now: OffsetDateTime,
    ) -> Self {
        Self { organization, account, roles, joined_at: now }
    }
}

/// The name of a role: 1 to 64 lower-case letters, digits, `-`, `_`, `.` and `:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl RoleName {
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
