//! A connection: one directory of one organization, what it may do and how it is understood.

use ciam_core::actor::Actor;
use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::id::OrganizationId;
use ciam_core::organization::RoleName;
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, PageRequest, RecordKind, StoredRecord, Versioned, load,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::profile::Profile;

/// What a directory is to an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Whose people it provisions. It sees and changes nothing of another organization.
    pub organization: OrganizationId,
    /// How it is understood.
    #[serde(default)]
    pub profile: Profile,
    /// Which roles of the organization the members of which groups have.
    #[serde(default)]
    pub group_roles: Vec<GroupRole>,
    /// The tokens that are good: at most [`Connection::MAX_TOKENS`].
    #[serde(default)]
    pub tokens: Vec<ConnectionToken>,
    /// The OAuth clients that act for the directory by access tokens of their own: at most [`Connection::MAX_CLIENTS`].
    #[serde(default)]
    pub clients: Vec<String>,
    /// Whether requests may be answered before they are done, where the service can
    /// ([`ScimService::with_later_requests`](crate::service::ScimService::with_later_requests)). Off by default: clients that
    /// check the configuration of the service strictly do not know it.
    #[serde(default)]
    pub later: bool,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Access {
    /// Reading and searching.
    Read,
    /// Everything. The default: tokens of before were for everything.
    #[default]
    Manage,
}

impl Access {
    /// The scope value of OAuth that stands for it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Read => "scim:read",
            Self::Manage => "scim:manage",
        }
    }
}

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admitted {
    /// By which connection.
    pub connection: Connection,
    /// What for.
    pub access: Access,
}

impl Admitted {
    /// By a connection, for this.
    #[must_use]
    pub const fn new(connection: Connection, access: Access) -> Self {
        Self { connection, access }
    }
}

/// The members of a group have a role of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupRole {
    /// The `displayName` of the group; case does not matter.
    pub group: String,
    /// The role. [`owner`](RoleName::owner) is never given by a directory.
    pub role: RoleName,
}

impl GroupRole {
    /// The members of this group have this role.
    #[must_use]
    pub fn new(group: impl Into<String>, role: RoleName) -> Self {
        Self { group: group.into(), role }
    }
}

/// A bearer token of a connection ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)): what is kept is its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionToken {
    /// The digest.
    pub digest: TokenDigest,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From when it is not good any more.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// What it is for.
    #[serde(default)]
    pub access: Access,
}

impl ConnectionToken {
    fn is_good(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

const BY_TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
const BY_CLIENT: IndexDeclaration = IndexDeclaration::unique("client");

impl StoredRecord for Connection {
    const KIND: RecordKind = RecordKind::new("scim.connection", &[BY_TOKEN, BY_CLIENT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.organization.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let tokens = self.tokens.iter().map(|it| IndexValue::new(BY_TOKEN, it.digest.to_text()));
        tokens.chain(self.clients.iter().map(|it| IndexValue::new(BY_CLIENT, it.as_str()))).collect()
    }
}

impl Connection {
    /// The most tokens at once.
    pub const MAX_TOKENS: usize = 4;
    /// The most OAuth clients.
    pub const MAX_CLIENTS: usize = 4;
    /// The most mappings of groups to roles.
    pub const MAX_GROUP_ROLES: usize = 64;

    /// A connection with the default profile, without roles and tokens.
    #[must_use]
    pub const fn new(organization: OrganizationId) -> Self {
        Self {
            organization,
            profile: Profile::Interop,
            group_roles: Vec::new(),
            tokens: Vec::new(),
            clients: Vec::new(),
            later: false,
        }
    }

    /// Sets how it is understood.
    #[must_use]
    pub const fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets whether requests may be answered before they are done.
    #[must_use]
    pub const fn with_later(mut self, later: bool) -> Self {
        self.later = later;
        self
    }

    /// Sets which roles the members of which groups have. `owner` is left out: an owner is made by an owner.
    #[must_use]
    pub fn with_group_roles(mut self, roles: impl IntoIterator<Item = GroupRole>) -> Self {
        let given = roles.into_iter().filter(|it| it.role != RoleName::owner());
        self.group_roles = given.take(Self::MAX_GROUP_ROLES).collect();
        self
    }

    /// Who does what the directory asks for.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        Actor::system("directory")
    }
}

/// Connections and their tokens.
#[derive(Clone, Debug)]
pub struct Connections {
    ports: Ports,
}

impl Connections {
    /// The connections of a tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// The connection of an organization.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn of(&self, organization: OrganizationId) -> Result<Option<Connection>, PortError> {
        Ok(self.load(organization).await?.map(|found| found.value))
    }

    async fn load(&self, organization: OrganizationId) -> Result<Option<Versioned<Connection>>, PortError> {
        load(self.ports.store(), &organization.to_string()).await
    }

    /// Makes a token for a connection, and the connection where there is none. Those of the same access that were good before
    /// stay good for `overlap`, so that a directory can be given the new one without an interruption. The token is told once.
    ///
    /// # Errors
    ///
    /// Fails when a port does, and when others change the connection again and again.
    pub async fn rotate(
        &self,
        organization: OrganizationId,
        access: Access,
        overlap: Duration,
        actor: &Actor,
    ) -> Result<Secret, PortError> {
        let token = new_token(self.ports.entropy())?;
        let digest = token.digest();
        self.change(organization, actor, "token_rotated", |connection, now| {
            let until = now + overlap.max(Duration::ZERO);
            connection.tokens.retain(|it| it.is_good(now));
            for known in connection.tokens.iter_mut().filter(|it| it.access == access) {
                known.expires_at = Some(known.expires_at.map_or(until, |at| at.min(until)));
            }
            connection.tokens.retain(|it| it.is_good(now));
            connection.tokens.push(ConnectionToken { digest, created_at: now, expires_at: None, access });
            let surplus = connection.tokens.len().saturating_sub(Connection::MAX_TOKENS);
            connection.tokens.drain(..surplus);
        })
        .await?;
        Ok(token)
    }

    /// Sets whether requests may be answered before they are done.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn allow_later(
        &self,
        organization: OrganizationId,
        later: bool,
        actor: &Actor,
    ) -> Result<(), PortError> {
        self.change(organization, actor, "configured", |connection, _| connection.later = later).await
    }

    /// Lets an OAuth client act for the directory. The one who asks has made the client, or holds its secret.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate); with a permanent error when there are too many.
    pub async fn add_client(
        &self,
        organization: OrganizationId,
        client: &str,
        actor: &Actor,
    ) -> Result<(), PortError> {
        let known = self.load(organization).await?.map(|it| it.value.clients).unwrap_or_default();
        if known.len() >= Connection::MAX_CLIENTS && !known.iter().any(|it| it == client) {
            return Err(PortError::permanent("the connection has as many clients as it may have"));
        }
        self.change(organization, actor, "client_added", |connection, _| {
            if !connection.clients.iter().any(|it| it == client) {
                connection.clients.push(client.to_owned());
                connection.clients.truncate(Connection::MAX_CLIENTS);
            }
        })
        .await
    }

    /// Takes it from an OAuth client to act for the directory. Its access tokens are void at once.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn remove_client(
        &self,
        organization: OrganizationId,
        client: &str,
        actor: &Actor,
    ) -> Result<(), PortError> {
        self.change(organization, actor, "client_removed", |connection, _| {
            connection.clients.retain(|it| it != client);
        })
        .await
    }

    /// The connection that an OAuth client acts for.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn of_client(&self, client: &str) -> Result<Option<Connection>, PortError> {
        let store = self.ports.store();
        let page =
            store.records_by(Connection::KIND, BY_CLIENT.name(), client, PageRequest::first(1)).await?;
        let found = page.items.into_iter().next();
        Ok(found.map(|it| it.value.decode()).transpose()?)
    }

    /// Makes every token of a connection void at once.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn revoke(&self, organization: OrganizationId, actor: &Actor) -> Result<(), PortError> {
        self.change(organization, actor, "tokens_revoked", |connection, _| connection.tokens.clear()).await
    }

    /// Sets how a connection is understood and which roles its groups give.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    ///
    /// # Security
    ///
    /// Whoever may set the roles may give them: ask whether the person holds what the roles hold.
    pub async fn configure(
        &self,
        organization: OrganizationId,
        profile: Profile,
        group_roles: Vec<GroupRole>,
        actor: &Actor,
    ) -> Result<(), PortError> {
        self.change(organization, actor, "configured", move |connection, _| {
            *connection =
                connection.clone().with_profile(profile).with_group_roles(group_roles.iter().cloned());
        })
        .await
    }

    async fn change(
        &self,
        organization: OrganizationId,
        actor: &Actor,
        what: &str,
        change: impl Fn(&mut Connection, OffsetDateTime) + Send,
    ) -> Result<(), PortError> {
        for _ in 0..8 {
            let known = self.load(organization).await?;
            let entity = EntityRef::record::<Connection>(organization.to_string());
            let batch = match &known {
                Some(known) => Batch::new().require_version(entity, known.version),
                None => Batch::new().require_absent(entity),
            };
            let mut next = known.map_or_else(|| Connection::new(organization), |known| known.value);
            change(&mut next, self.ports.now());
            let event = ciam_core::event::Event::new(
                &self.ports,
                crate::event::CONNECTION_CHANGED,
                format!("organization:{organization}"),
            )?;
            let batch = batch.put(&next)?.event(event.by(actor).with("change", what));
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
        }
        Err(PortError::transient("the connection is being changed by others"))
    }

    /// The connection that a token is of, while it is good.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    ///
    /// # Security
    ///
    /// The token is looked up by its digest, so that how long it takes tells nothing about it.
    pub async fn authenticate(&self, token: &Secret) -> Result<Option<Admitted>, PortError> {
        if token.expose().len() > 256 {
            return Ok(None);
        }
        let digest = token.digest();
        let page = self
            .ports
            .store()
            .records_by(Connection::KIND, BY_TOKEN.name(), &digest.to_text(), PageRequest::first(1))
            .await?;
        let Some(found) = page.items.into_iter().next() else { return Ok(None) };
        let connection: Connection = found.value.decode()?;
        let now = self.ports.now();
        let good = connection.tokens.iter().find(|it| it.digest == digest && it.is_good(now));
        let access = good.map(|it| it.access);
        Ok(access.map(|access| Admitted { connection, access }))
    }
}

fn new_token(entropy: &dyn Entropy) -> Result<Secret, PortError> {
    let random = Secret::random(entropy)?;
    Ok(Secret::new(format!("{TOKEN_PREFIX}{}", random.expose())))
}

/// What a token begins with, so that scanners of published code know it.
pub const TOKEN_PREFIX: &str = "ciam_scim_";
