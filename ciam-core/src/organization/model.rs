//! The organization and the membership.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::policy::OrganizationPolicy;
use super::role::RoleName;
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
    /// The active members with the role [`owner`](RoleName::owner), at most [`Organization::MAX_OWNERS`]. Kept here, so that
    /// who takes the last one away contends with everybody else who changes owners.
    #[serde(default)]
    pub owners: BTreeSet<AccountId>,
    /// What a sign-in must be for a person to act for it.
    #[serde(default)]
    pub policy: OrganizationPolicy,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

impl Organization {
    /// At most this many owners.
    pub const MAX_OWNERS: usize = 32;
    /// A name is at most this long, in characters.
    pub const MAX_NAME: usize = 128;

    /// An active organization without owners, with the policy that demands nothing.
    #[must_use]
    pub fn new(id: OrganizationId, slug: Slug, name: impl Into<String>, now: OffsetDateTime) -> Self {
        Self {
            id,
            slug,
            name: name.into(),
            status: OrganizationStatus::Active,
            owners: BTreeSet::new(),
            policy: OrganizationPolicy::default(),
            created_at: now,
        }
    }

    /// Whether its members may act for it.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.status, OrganizationStatus::Active)
    }

    /// The subject of its events: `organization:<id>`.
    #[must_use]
    pub fn event_subject(&self) -> String {
        format!("organization:{}", self.id)
    }

    /// A name as people may give it: trimmed, 1 to [`MAX_NAME`](Self::MAX_NAME) characters, no control characters; `None` for
    /// another.
    #[must_use]
    pub fn checked_name(text: &str) -> Option<String> {
        let name = text.trim();
        let good =
            !name.is_empty() && name.chars().count() <= Self::MAX_NAME && !name.chars().any(char::is_control);
        good.then(|| name.to_owned())
    }
}

/// Whether an organization is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrganizationStatus {
    /// In use.
    Active,
    /// Stopped by an administrator of the tenant.
    Suspended,
}

impl OrganizationStatus {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
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
    /// The member's roles in this organization, by name, at most [`Membership::MAX_ROLES`].
    pub roles: BTreeSet<RoleName>,
    /// Whether the member may act for it.
    #[serde(default)]
    pub status: MembershipStatus,
    /// When the account joined.
    #[serde(with = "time::serde::rfc3339")]
    pub joined_at: OffsetDateTime,
    /// Since when the member may act without a break: from joining, or from the end of the last suspension. What was granted
    /// before is not good any more. `None` is the time of joining.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub active_since: Option<OffsetDateTime>,
}

impl Membership {
    /// At most this many roles.
    pub const MAX_ROLES: usize = 16;

    /// An active membership with roles.
    #[must_use]
    pub fn new(
        organization: OrganizationId,
        account: AccountId,
        roles: BTreeSet<RoleName>,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            organization,
            account,
            roles,
            status: MembershipStatus::Active,
            joined_at: now,
            active_since: None,
        }
    }

    /// Whether the member may act for the organization.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.status, MembershipStatus::Active)
    }

    /// Since when the member may act without a break.
    #[must_use]
    pub fn active_since(&self) -> OffsetDateTime {
        self.active_since.unwrap_or(self.joined_at)
    }

    /// Whether the member is an owner who counts: active, with the role [`owner`](RoleName::owner).
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.is_active() && self.roles.contains(&RoleName::owner())
    }
}

/// Where a membership is in its life. What is removed is no more: its row is gone, and an event tells of it.
///
/// ```text
/// joined ──▶ active ◀──▶ suspended
///              │             │
///              └──▶ removed ◀┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MembershipStatus {
    /// In use.
    #[default]
    Active,
    /// Stopped by an administrator of the organization.
    Suspended,
}

impl MembershipStatus {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}
