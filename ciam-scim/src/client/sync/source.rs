//! What a service provider is to have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use serde_json::{Map, Value};

/// A user as it is to be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DesiredUser {
    /// What it is called here, for ever: the `externalId` there.
    pub key: String,
    /// The attributes, without `schemas`, `id`, `externalId` and `meta`. `userName` is among them.
    pub attributes: Map<String, Value>,
}

impl DesiredUser {
    /// A user of this key and `userName`.
    #[must_use]
    pub fn new(key: impl Into<String>, user_name: impl Into<String>) -> Self {
        let attributes = Map::from_iter([("userName".to_owned(), Value::String(user_name.into()))]);
        Self { key: key.into(), attributes }
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// A group as it is to be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DesiredGroup {
    /// What it is called here, for ever: the `externalId` there.
    pub key: String,
    /// Its name.
    pub display_name: String,
}

impl DesiredGroup {
    /// A group of this key and name.
    #[must_use]
    pub fn new(key: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self { key: key.into(), display_name: display_name.into() }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SourcePage<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where it goes on; `None` at the end.
    pub next: Option<String>,
}

impl<T> SourcePage<T> {
    /// A part, and where it goes on.
    #[must_use]
    pub const fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }
}

/// Who and what a service provider is to have.
///
/// # Contract
///
/// - A list is whole, or it fails: whoever is not listed leaves. An answer that is empty because something is broken would
///   remove everybody, and only the limit of the [policy](super::SyncPolicy) would stand before it.
/// - A key names the same person or group at every call, and nobody else later.
/// - `after` is a `next` of the same list.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// The users.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn users(&self, after: Option<&str>) -> Result<SourcePage<DesiredUser>, PortError>;

    /// The groups.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn groups(&self, after: Option<&str>) -> Result<SourcePage<DesiredGroup>, PortError>;

    /// The keys of the users that are members of a group.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn members(&self, group: &str, after: Option<&str>) -> Result<SourcePage<String>, PortError>;
}

/// A source in memory.
#[derive(Clone, Debug, Default)]
pub struct ListSource {
    users: Vec<DesiredUser>,
    groups: Vec<DesiredGroup>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl ListSource {
    /// A source of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user.
    #[must_use]
    pub fn with_user(mut self, user: DesiredUser) -> Self {
        self.users.push(user);
        self
    }

    /// Adds a group of these users.
    #[must_use]
    pub fn with_group<S: Into<String>>(
        mut self,
        group: DesiredGroup,
        members: impl IntoIterator<Item = S>,
    ) -> Self {
        self.members.insert(group.key.clone(), members.into_iter().map(Into::into).collect());
        self.groups.push(group);
        self
    }
}

#[async_trait]
impl Source for ListSource {
    async fn users(&self, _after: Option<&str>) -> Result<SourcePage<DesiredUser>, PortError> {
        Ok(SourcePage::new(self.users.clone(), None))
    }

    async fn groups(&self, _after: Option<&str>) -> Result<SourcePage<DesiredGroup>, PortError> {
        Ok(SourcePage::new(self.groups.clone(), None))
    }

    async fn members(&self, group: &str, _after: Option<&str>) -> Result<SourcePage<String>, PortError> {
        let members = self.members.get(group).into_iter().flatten().cloned();
        Ok(SourcePage::new(members.collect(), None))
    }
}
