//! Roles of the organization that the members of groups have, by configuration.

use std::collections::BTreeSet;

use ciam_core::id::AccountId;
use ciam_core::organization::{MembershipChange, RoleName};
use ciam_core::store::{Batch, PageRequest};
use serde_json::{Map, Value};

use super::context::Cx;
use super::identity::refused;
use super::write::MAX_RACES;
use crate::error::ScimError;
use crate::fold::fold;
use crate::store::{EDGE, Edge, Stored, group_value};

impl Cx<'_> {
    /// The roles that a group of a name gives.
    fn roles_of(&self, name: Option<&Value>) -> BTreeSet<RoleName> {
        let Some(Value::String(name)) = name else { return BTreeSet::new() };
        let name = fold(name);
        let given = self.caller.connection.group_roles.iter().filter(|it| fold(&it.group) == name);
        given.map(|it| it.role.clone()).filter(|it| *it != RoleName::owner()).collect()
    }

    /// The roles that a directory gives and takes: no others are ever touched, and an owner stays one.
    fn managed(&self) -> BTreeSet<RoleName> {
        let roles = self.caller.connection.group_roles.iter().map(|it| it.role.clone());
        roles.filter(|it| *it != RoleName::owner()).collect()
    }

    /// Adds to a batch what it means to somebody's roles that they join or leave a group.
    pub(super) async fn roles_with(
        &self,
        batch: Batch,
        account: Option<AccountId>,
        member: &str,
        group: &Stored,
        joins: bool,
    ) -> Result<Batch, ScimError> {
        let here = self.roles_of(group.body.attributes.get("displayName"));
        if here.is_empty() {
            return Ok(batch);
        }
        let mut roles = self.roles_by_groups(member, &group.body.id).await?;
        if joins {
            roles.extend(here);
        }
        self.with_roles(batch, account, roles).await
    }

    /// The roles that somebody has by their groups but one.
    async fn roles_by_groups(&self, member: &str, but: &str) -> Result<BTreeSet<RoleName>, ScimError> {
        let Some(kind) = self.service.registry.group() else { return Ok(BTreeSet::new()) };
        let mut roles = BTreeSet::new();
        for group in self.group_ids_of(member).await? {
            if group == but {
                continue;
            }
            let found = self.stored(kind.name(), &group).await?.filter(|it| !it.body.deleting);
            roles.extend(
                found.into_iter().flat_map(|it| self.roles_of(it.body.attributes.get("displayName"))),
            );
        }
        Ok(roles)
    }

    /// Adds to a batch that an account has these roles of those that the directory manages.
    async fn with_roles(
        &self,
        batch: Batch,
        account: Option<AccountId>,
        roles: BTreeSet<RoleName>,
    ) -> Result<Batch, ScimError> {
        let Some(account) = account else { return Ok(batch) };
        let Some(membership) = self.store().membership(self.organization(), account).await? else {
            return Ok(batch);
        };
        let managed = self.managed();
        let mut next: BTreeSet<RoleName> = membership.value.roles.difference(&managed).cloned().collect();
        next.extend(roles);
        if next == membership.value.roles {
            return Ok(batch);
        }
        let standing = self.standing().await?;
        let organizations = &self.service.organizations;
        let change = organizations.prepare_change(&standing, &membership, &MembershipChange::Roles(next));
        Ok(batch.append(change.map_err(refused)?.unwrap_or_default()))
    }

    /// Gives and takes roles after a group got another name.
    pub(super) async fn roles_after_rename(
        &self,
        before: &Map<String, Value>,
        group: &Stored,
    ) -> Result<(), ScimError> {
        let name = |attributes: &Map<String, Value>| self.roles_of(attributes.get("displayName"));
        if name(before) == name(&group.body.attributes) {
            return Ok(());
        }
        let value = group_value(self.organization(), &group.body.id);
        let mut request = PageRequest::first(100);
        loop {
            let page = self.store().records_by(EDGE, "group", &value, request).await?;
            for record in page.items {
                self.roles_again(&record.value.decode::<Edge>()?, group).await?;
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, 100),
                None => return Ok(()),
            }
        }
    }

    async fn roles_again(&self, edge: &Edge, group: &Stored) -> Result<(), ScimError> {
        for _ in 0..MAX_RACES {
            let mut roles = self.roles_by_groups(&edge.member, &group.body.id).await?;
            roles.extend(self.roles_of(group.body.attributes.get("displayName")));
            let batch = self.with_roles(Batch::new(), edge.account, roles).await?;
            if batch.writes().is_empty() || self.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
        }
        Err(ScimError::busy())
    }
}
