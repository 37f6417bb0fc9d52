//! Why something about an organization was not done.

use super::resolve::{GrantProblem, RoleProblem};
use crate::error::PortError;
use crate::ratelimit::RateLimitError;

/// Something about an organization was not done.
///
/// # Security
///
/// [`NotFound`](Self::NotFound) stands for an organization that does not exist, that is another tenant's, and that the actor
/// is no active member of; and within an organization for a member, role, invitation or domain that is another
/// organization's: who does not belong there cannot tell whether it is there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrganizationError {
    /// There is none, as far as the actor can see.
    #[error("there is no such thing in the organization")]
    NotFound,
    /// The actor may not.
    #[error("the actor may not do that")]
    Denied {
        /// Why, as the [decision point](super::Decision) said: for logs.
        reasons: Vec<String>,
    },
    /// The organization was suspended by the tenant.
    #[error("the organization is suspended")]
    Suspended,
    /// Roles cannot be given or taken like that.
    #[error("roles cannot be given like that")]
    Grant(#[from] GrantProblem),
    /// A role cannot be written like that.
    #[error("the role cannot be written")]
    Role(#[from] RoleProblem),
    /// The last owner would go.
    #[error("an organization keeps an owner")]
    LastOwner,
    /// There are as many owners, roles of a member, domains or invitations as there may be.
    #[error("there are too many")]
    TooMany,
    /// The address is a member already.
    #[error("the person is a member already")]
    AlreadyMember,
    /// The name in URLs is taken.
    #[error("the slug is taken")]
    SlugTaken,
    /// A name, an address or a setting is not of its form; with the name of the field.
    #[error("`{0}` is not valid")]
    Invalid(&'static str),
    /// Nobody may claim this domain: strangers have addresses or names in it.
    #[error("the domain cannot be claimed")]
    DomainRefused,
    /// The domain is another organization's, which has proved it.
    #[error("the domain is taken")]
    DomainTaken,
    /// The policy of the organization does not admit the address.
    #[error("the address is not admitted")]
    NotAdmitted,
    /// Too many in too short a time.
    #[error("too many attempts")]
    Limited {
        /// After this time it is allowed again.
        retry_after: time::Duration,
    },
    /// Others changed the organization again and again at the same moment.
    #[error("the organization is being changed by others")]
    Busy,
    /// A port failed.
    #[error("the organization cannot be read or written")]
    Port(#[from] PortError),
}

impl OrganizationError {
    /// The refusal of somebody who may not, without a reason from the decision point.
    pub(super) fn denied(reason: &str) -> Self {
        Self::Denied { reasons: vec![reason.to_owned()] }
    }

    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Denied { .. } => "denied",
            Self::Suspended => "organization_suspended",
            Self::Grant(problem) => problem.code(),
            Self::Role(problem) => problem.code(),
            Self::LastOwner => "last_owner",
            Self::TooMany => "too_many",
            Self::AlreadyMember => "already_member",
            Self::SlugTaken => "slug_taken",
            Self::Invalid(_) => "invalid",
            Self::DomainRefused => "domain_refused",
            Self::DomainTaken => "domain_taken",
            Self::NotAdmitted => "address_not_admitted",
            Self::Limited { .. } => "too_many_attempts",
            Self::Busy => "busy",
            Self::Port(_) => "unavailable",
        }
    }
}

impl From<RateLimitError> for OrganizationError {
    fn from(error: RateLimitError) -> Self {
        match error {
            RateLimitError::Limited { retry_after } => Self::Limited { retry_after },
            RateLimitError::Port(error) => Self::Port(error),
        }
    }
}
