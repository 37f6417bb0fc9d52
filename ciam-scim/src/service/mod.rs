//! The service provider ([RFC 7644]): requests in, answers out.
//!
//! [`ScimService::handle`] takes the `http` crate's types, which every HTTP stack of Rust speaks. Who may call is the host's to
//! say: it authenticates, by the token of a [`Connection`] or otherwise, and passes the connection.
//!
//! [RFC 7644]: https://www.rfc-editor.org/rfc/rfc7644

mod bulk;
mod common;
mod context;
mod cursor;
mod discovery;
mod http;
mod identity;
mod identity_rule;
mod later;
mod limits;
mod lookup;
mod members;
mod read;
mod roles;
mod search;
mod write;

use std::sync::Arc;

use ciam_core::id::AccountId;
use ciam_core::organization::Organizations;
use ciam_core::password::PasswordFactor;
use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;
use time::Duration;

pub use self::http::refusal;
pub use self::later::{LaterRequests, MARK, REQUEST};
pub use self::limits::Limits;
use crate::connection::{Access, Connection};
use crate::schema::Registry;

/// Serves SCIM for the organizations of a tenant. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ScimService {
    pub(crate) ports: Ports,
    pub(crate) organizations: Organizations,
    pub(crate) sessions: SessionManager,
    pub(crate) password: Arc<PasswordFactor>,
    pub(crate) registry: Registry,
    pub(crate) limits: Limits,
    pub(crate) grace: Duration,
    pub(crate) later: Option<Arc<LaterRequests>>,
    pub(crate) nested: u8,
}

impl ScimService {
    /// A service with users, groups and the default limits. The accounts that it closes are due for erasure after 30 days.
    #[must_use]
    pub fn new(
        ports: Ports,
        organizations: Organizations,
        sessions: SessionManager,
        password: PasswordFactor,
    ) -> Self {
        Self {
            ports,
            organizations,
            sessions,
            password: Arc::new(password),
            registry: Registry::new(),
            limits: Limits::default(),
            grace: Duration::days(30),
            later: None,
            nested: 0,
        }
    }

    /// Sets the kinds of resources.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets after which time a closed account is due for erasure: that of the host's
    /// [`AccountPolicy`](ciam_core::account::AccountPolicy).
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets through how many groups in groups somebody is a member of the outer ones: `groups` of a user has them as
    /// `indirect` then, and filters find by them. Default 0: members are members of their own groups. Roles are given by those
    /// alone in any case.
    #[must_use]
    pub const fn with_nested_groups(mut self, levels: u8) -> Self {
        self.nested = levels;
        self
    }

    /// The kinds of resources.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Who calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caller<'a> {
    /// The connection: it says for which organization.
    pub connection: &'a Connection,
    /// Where the service is, without a trailing slash: `https://id.example/scim/v2`.
    pub base: &'a str,
    /// The person whose token it is; `None` for a directory's own.
    pub account: Option<AccountId>,
    /// What the token is for. Default: everything.
    pub access: Access,
}

impl<'a> Caller<'a> {
    /// The directory itself.
    #[must_use]
    pub const fn new(connection: &'a Connection, base: &'a str) -> Self {
        Self { connection, base, account: None, access: Access::Manage }
    }

    /// Sets what the token is for.
    #[must_use]
    pub const fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the person whose token it is: `/Me` is theirs.
    #[must_use]
    pub const fn with_account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }
}
