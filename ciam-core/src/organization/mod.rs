//! Organizations: business customers whose people sign in, with their members, roles, invitations, domains and policies.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::collections::BTreeSet;
//!
//! use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
//! use ciam_core::actor::Actor;
//! use ciam_core::memory;
//! use ciam_core::organization::{Organizations, RoleName, Slug};
//!
//! let ports = memory::ports();
//! let organizations = Organizations::new(ports.clone());
//! let email = Identifier::verified(IdentifierKey::email("ada@example.com")?, ports.now());
//! let ada = NewAccount::new(email).create(&ports).await?;
//!
//! let tenant = Actor::system("setup");
//! let acme = organizations.create(&tenant, Slug::new("acme")?, "Acme", Some(ada.id)).await?;
//! let roles = BTreeSet::from([RoleName::member()]);
//! organizations.invite(&Actor::Account(ada.id), acme.id, "grace@example.com", roles, Vec::new()).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Who may do what
//!
//! A member's [`Role`]s come to [`Permission`]s by inheritance ([`RoleBook::resolve`], a pure function). Each administrative
//! function takes an [`Actor`](crate::actor::Actor), asks the [`Decision`] point whether the actor may, and commits on the
//! condition that the organization, its roles and the actor's own membership are as they were when it was asked.
//! Administration is delegated: an organization's administrators see and change nothing but their organization, and four
//! rules stand above every policy:
//!
//! - nobody gives a role that holds what they do not hold, and nobody touches a member who holds more than they do;
//! - an organization that has an owner keeps one: the owners are part of the organization's own record, and two who remove two
//!   owners at once contend for it;
//! - who is no active member may do nothing, and cannot tell whether the organization exists;
//! - an organization's administrators change memberships, never accounts.
//!
//! The tenant itself acts as [`Actor::System`](crate::actor::Actor::System); the host decides who that is.

mod acting;
mod administer;
mod decision;
mod dns;
mod domain;
mod domains;
mod error;
mod invitation;
mod invite;
mod members;
mod model;
mod ownership;
mod policy;
mod resolve;
mod role;
mod service;
mod ties;

pub use self::acting::{Acting, ActingError};
pub use self::decision::{Decision, Question, Rbac, Resource, Verdict};
pub use self::dns::{DnsTxt, NoDns};
pub use self::domain::{DomainClaim, DomainName, DomainState, InvalidDomain, RefusedDomains};
pub use self::domains::{HomeRealm, Rechecked};
pub use self::error::OrganizationError;
pub use self::invitation::{Invitation, InvitationError, OpenInvitation, PendingInvitation};
pub use self::members::{Change as MembershipChange, Member};
pub use self::model::{InvalidSlug, Membership, MembershipStatus, Organization, OrganizationStatus, Slug};
pub use self::policy::{OrganizationPolicy, PolicyDemand, SignInFacts};
pub use self::resolve::{GrantProblem, Held, Resolved, RoleBook, RoleProblem};
pub use self::role::{InvalidPermission, InvalidRoleName, Permission, Role, RoleName, RoleScope};
pub use self::service::{OrganizationSettings, Organizations, Standing};
pub use self::ties::AccountTies;
