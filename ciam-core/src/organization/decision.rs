//! The policy decision point: may somebody do something to something?

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::resolve::Held;
use super::role::{Permission, RoleName};
use crate::actor::Actor;
use crate::error::PortError;
use crate::id::OrganizationId;

/// A question to a [`Decision`] point. It has everything that the answer may depend on: a decision point loads nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question<'a> {
    /// Who would do it.
    pub actor: &'a Actor,
    /// What they would do, such as `member:remove`.
    pub action: &'a Permission,
    /// What they would do it to.
    pub resource: &'a Resource,
    /// The actor's roles in the organization, with those that are inherited.
    pub roles: &'a BTreeSet<RoleName>,
    /// What the roles allow.
    pub held: &'a Held,
    /// What else is known of the request, such as the address or the level of assurance.
    pub context: &'a Map<String, Value>,
}

/// What somebody would do something to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resource {
    /// The kind, such as `member` or a host's `invoice`.
    pub kind: String,
    /// The id within its kind.
    pub id: String,
    /// The organization that it belongs to.
    pub organization: OrganizationId,
    /// What else is known of it.
    pub attributes: Map<String, Value>,
}

impl Resource {
    /// Something of an organization.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>, organization: OrganizationId) -> Self {
        Self { kind: kind.into(), id: id.into(), organization, attributes: Map::new() }
    }

    /// The organization itself.
    #[must_use]
    pub fn organization(id: OrganizationId) -> Self {
        Self::new("organization", id.to_string(), id)
    }

    /// Adds what else is known of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// The answer of a [`Decision`] point.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the actor may.
    pub allowed: bool,
    /// Why, for logs and for administrators: names of rules or policies, never of people.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// Yes.
    #[must_use]
    pub const fn allow(reasons: Vec<String>) -> Self {
        Self { allowed: true, reasons }
    }

    /// No.
    #[must_use]
    pub const fn deny(reasons: Vec<String>) -> Self {
        Self { allowed: false, reasons }
    }
}

/// Decides whether somebody may do something: by roles ([`Rbac`], the default), or by the policies of an engine.
///
/// # Contract
///
/// - The answer depends on the question alone; the same question has the same answer until the host changes its policies.
/// - What is not allowed is denied: a decision point that has no rule for a question says no.
/// - An error denies as well. It is an outage, told as such.
///
/// Above every decision point stand rules that none can lift: nobody gives what they do not hold, nobody touches who holds
/// more, an organization keeps an owner, and nobody acts in an organization that they are no active member of.
///
/// # Cancel safety
///
/// A decision changes nothing.
#[async_trait]
pub trait Decision: fmt::Debug + Send + Sync {
    /// Answers one question.
    ///
    /// # Errors
    ///
    /// Fails when the engine does: nobody may do anything then.
    async fn decide(&self, question: &Question<'_>) -> Result<Verdict, PortError>;
}

/// Decides by roles: who holds the permission may.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Rbac;

impl Rbac {
    /// Decides by roles.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Decision for Rbac {
    async fn decide(&self, question: &Question<'_>) -> Result<Verdict, PortError> {
        let reason = vec![format!("rbac:{}", question.action)];
        Ok(if question.held.holds(question.action) { Verdict::allow(reason) } else { Verdict::deny(reason) })
    }
}
