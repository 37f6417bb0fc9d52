//! Making, replacing, changing and deleting resources.

use ciam_core::id::EventId;
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, Commit, Conflict, EntityRef, PageRequest, Version, Write};
use serde_json::{Map, Value};

use super::context::{Conditions, Cx, Found, Reply, differing, is_group, is_user};
use super::identity::Aftermath;
use crate::error::{ScimError, ScimType};
use crate::event;
use crate::normalize::Normalizer;
use crate::patch::{MemberChange, Patch, check_immutable, ids_of, member};
use crate::profile::InactiveConflict;
use crate::project::Projection;
use crate::schema::ResourceType;
use crate::store::{
    Body, EDGE, EQUAL, Edge, RESOURCE, Stored, UNIQUE, is_active, lookup_value, member_value,
};

/// What becomes of the attributes of a resource.
type Change<'a> = dyn Fn(&Map<String, Value>) -> Result<Map<String, Value>, ScimError> + Send + Sync + 'a;

/// How often a change is decided again when it lost a race.
pub(super) const MAX_RACES: usize = 16;

/// What a client has sent for a resource, apart from what is kept elsewhere.
struct Sent {
    attributes: Map<String, Value>,
    password: Option<Secret>,
    /// Of a group.
    members: Option<MemberChange>,
}

impl Cx<'_> {
    fn read(&self, kind: &ResourceType, mut input: Map<String, Value>) -> Result<Sent, ScimError> {
        let members = if is_group(kind) {
            let sent = member(&input, "members").map(|it| ids_of(it, self.tolerance)).transpose()?;
            input.retain(|name, _| !name.eq_ignore_ascii_case("members"));
            sent.map(MemberChange::Replace)
        } else {
            None
        };
        let mut attributes = Normalizer::new(kind, self.tolerance).resource(input)?;
        let password = take_password(kind, &mut attributes);
        Ok(Sent { attributes, password, members })
    }

    /// `POST` of a resource.
    pub(super) async fn create(
        &self,
        kind: &ResourceType,
        input: Map<String, Value>,
        projection: &Projection,
    ) -> Result<Reply, ScimError> {
        let sent = self.read(kind, input)?;
        let members = match &sent.members {
            Some(MemberChange::Replace(ids)) => Some(self.resolve_members("", ids).await?),
            _ => None,
        };
        for attempt in 0..MAX_RACES {
            let now = self.service.ports.now();
            // One of the ids of the tenant's clock and entropy.
            let id = EventId::generate(self.service.ports.clock(), self.service.ports.entropy())?.to_string();
            let mut stored = Stored {
                organization: self.organization(),
                version: Version::FIRST,
                body: Body {
                    kind: kind.name().to_owned(),
                    id: id.clone(),
                    organization: self.organization(),
                    account: None,
                    attributes: sent.attributes.clone(),
                    created: now,
                    modified: now,
                    deleting: false,
                },
            };
            let mut batch = Batch::new().require_absent(stored.entity());
            let mut after = Aftermath::default();
            if is_user(kind) {
                // Whoever lost a race looks for himself.
                let cx = if attempt == 0 { *self } else { Cx { common: None, ..*self } };
                let identity = cx.provision(&sent.attributes, sent.password.as_ref()).await?;
                stored.body.account = Some(identity.account);
                after = identity.after;
                batch = batch.append(identity.batch);
            }
            let names: Vec<String> = sent.attributes.keys().cloned().collect();
            let created = self.event(event::RESOURCE_CREATED, kind, &id)?.with("attributes", names);
            batch = batch.write(Write::PutRecord(stored.record(kind)?)).event(created);
            batch = self.marked(batch, &id)?;
            match self.store().commit(batch).await? {
                Commit::Applied => {
                    self.settle(after).await?;
                    let found = match &members {
                        Some(members) => {
                            self.add_first_members(kind, &stored, members).await?;
                            self.find(kind, &id).await?.ok_or_else(ScimError::busy)?
                        }
                        None => Found { stored, touch: None },
                    };
                    return self.made(kind, 201, &found, projection).await;
                }
                Commit::Conflict(Conflict::Unique(_)) => {
                    if let Some(taken) = self.holder(kind, &sent.attributes, None).await? {
                        return self.taken(kind, taken, &sent, projection).await;
                    }
                }
                Commit::Conflict(_) => {}
            }
        }
        Err(ScimError::busy())
    }

    /// Something of the same name is there already.
    async fn taken(
        &self,
        kind: &ResourceType,
        taken: Stored,
        sent: &Sent,
        projection: &Projection,
    ) -> Result<Reply, ScimError> {
        let reactivates = is_user(kind)
            && !taken.is_active()
            && is_active(&sent.attributes)
            && self.tolerance.inactive_conflict == InactiveConflict::Reactivate;
        if !reactivates {
            return Err(exists());
        }
        let id = taken.body.id.clone();
        let change = |_: &Map<String, Value>| Ok(sent.attributes.clone());
        let found =
            self.change(kind, &id, &Conditions::default(), sent.password.as_ref(), &change, false).await?;
        self.made(kind, 201, &found, projection).await
    }

    /// The other resource that has one of the unique values.
    async fn holder(
        &self,
        kind: &ResourceType,
        attributes: &Map<String, Value>,
        but: Option<&str>,
    ) -> Result<Option<Stored>, ScimError> {
        for id in kind.unique() {
            let Some(node) = kind.node(id) else { continue };
            let Some(Value::String(text)) = attributes.get(&node.path) else { continue };
            let Some(value) = lookup_value(kind, self.organization(), id, text) else { continue };
            let page =
                self.store().records_by(RESOURCE, UNIQUE.name(), &value, PageRequest::first(1)).await?;
            for record in page.items {
                let stored = Stored::decode(&record.value, record.version)?;
                if Some(stored.body.id.as_str()) != but {
                    return Ok(Some(stored));
                }
            }
        }
        Ok(None)
    }

    async fn made(
        &self,
        kind: &ResourceType,
        status: u16,
        found: &Found,
        projection: &Projection,
    ) -> Result<Reply, ScimError> {
        let body = match self.common {
            Some(_) => None,
            None => Some(self.shown(kind, found, projection).await?),
        };
        let location = self.location(kind, &found.stored.body.id);
        Ok(Reply { etag: Some(found.etag()), location: Some(location), ..Reply::new(status, body) })
    }

    /// `PUT` of a resource.
    pub(super) async fn replace(
        &self,
        kind: &ResourceType,
        id: &str,
        input: Map<String, Value>,
        projection: &Projection,
        conditions: &Conditions,
    ) -> Result<Reply, ScimError> {
        if self.find(kind, id).await?.is_none() {
            return Err(ScimError::not_found());
        }
        let sent = self.read(kind, input)?;
        let change = |before: &Map<String, Value>| {
            let mut after = sent.attributes.clone();
            keep_unwritten(kind, before, &mut after);
            check_immutable(kind, before, &after)?;
            Ok(after)
        };
        let mut found = self.change(kind, id, conditions, sent.password.as_ref(), &change, true).await?;
        if is_group(kind) {
            let members = sent.members.unwrap_or(MemberChange::Clear);
            self.change_members(kind, &found.stored, &[members]).await?;
            found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
        }
        self.made(kind, 200, &found, projection).await
    }

    /// `PATCH` of a resource.
    pub(super) async fn patch(
        &self,
        kind: &ResourceType,
        id: &str,
        input: &Map<String, Value>,
        projection: Option<&Projection>,
        conditions: &Conditions,
    ) -> Result<Reply, ScimError> {
        let found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
        let patch = Patch::compile(input, kind, self.tolerance)?;
        patch.check_id(id)?;
        let plain = Projection::default();
        if patch.is_of_members_alone() {
            self.check_match(conditions, &found.etag())?;
            if !patch.members().is_empty() {
                self.change_members_if(kind, &found, patch.members(), conditions.if_match.is_some()).await?;
                return self.changed_members(kind, id, projection).await;
            }
            return self.made(kind, 200, &found, projection.unwrap_or(&plain)).await;
        }
        // Whoever is named is looked up before anything is written.
        let resolved = self.resolve_changes(id, patch.members()).await?;
        let change = |before: &Map<String, Value>| {
            let mut after = before.clone();
            patch.apply(kind, &mut after)?;
            Normalizer::new(kind, self.tolerance).required(&after)?;
            check_immutable(kind, before, &after)?;
            Ok(after)
        };
        let found = self.change(kind, id, conditions, None, &change, false).await?;
        if patch.members().is_empty() {
            return self.made(kind, 200, &found, projection.unwrap_or(&plain)).await;
        }
        self.apply_members(kind, &found.stored, resolved, None).await?;
        self.changed_members(kind, id, projection).await
    }

    /// The answer to a change of members: nothing, unless something is asked for. A list of all would cost what the change
    /// does not.
    async fn changed_members(
        &self,
        kind: &ResourceType,
        id: &str,
        projection: Option<&Projection>,
    ) -> Result<Reply, ScimError> {
        let found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
        match projection {
            Some(projection) => self.made(kind, 200, &found, projection).await,
            None => Ok(Reply { etag: Some(found.etag()), ..Reply::new(204, None) }),
        }
    }

    /// Changes the attributes of a resource, with its account and its events, in one commit: decided again when it lost a race,
    /// unless a version was asked for.
    async fn change(
        &self,
        kind: &ResourceType,
        id: &str,
        conditions: &Conditions,
        password: Option<&Secret>,
        change: &Change<'_>,
        replaces: bool,
    ) -> Result<Found, ScimError> {
        for _ in 0..MAX_RACES {
            let found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
            self.check_match(conditions, &found.etag())?;
            let before = &found.stored.body.attributes;
            let mut after = change(before)?;
            let set = take_password(kind, &mut after);
            let password = set.as_ref().or(password);
            if *before == after && password.is_none() {
                return Ok(found);
            }
            let mut next = found.stored.clone();
            next.body.attributes = after;
            next.body.modified = self.service.ports.now();
            let mut batch = Batch::new().require_version(next.entity(), found.stored.version);
            if let Some(touch) = found.touch.as_ref().filter(|_| conditions.if_match.is_some()) {
                let entity = EntityRef::record::<crate::store::Touch>(crate::store::Touch::key_of(
                    self.organization(),
                    id,
                ));
                batch = batch.require_version(entity, touch.version);
            }
            let mut aftermath = Aftermath::default();
            if is_user(kind) {
                let identity = self.update(&found.stored, &next.body.attributes, password).await?;
                aftermath = identity.after;
                next.body.account = Some(identity.account);
                batch = batch.append(identity.batch);
            }
            let names = differing(before, &next.body.attributes);
            let what = if replaces { event::RESOURCE_REPLACED } else { event::RESOURCE_PATCHED };
            batch = batch.event(self.event(what, kind, id)?.with("attributes", names));
            if is_user(kind) && found.stored.is_active() != next.is_active() {
                let what =
                    if next.is_active() { event::RESOURCE_ACTIVATED } else { event::RESOURCE_DEACTIVATED };
                batch = batch.event(self.event(what, kind, id)?);
            }
            batch = self.marked(batch.write(Write::PutRecord(next.record(kind)?)), id)?;
            match self.store().commit(batch).await? {
                Commit::Applied => {
                    self.settle(aftermath).await?;
                    if is_group(kind) && before.get("displayName") != next.body.attributes.get("displayName")
                    {
                        self.roles_after_rename(before, &next).await?;
                    }
                    return self.find(kind, id).await?.ok_or_else(ScimError::not_found);
                }
                Commit::Conflict(Conflict::Unique(_)) => {
                    if self.holder(kind, &next.body.attributes, Some(id)).await?.is_some() {
                        return Err(exists());
                    }
                }
                Commit::Conflict(_) => {}
            }
        }
        Err(ScimError::busy())
    }

    /// `DELETE` of a resource: first it is no more, with what that means to its account, then what hangs on it is taken away.
    /// One whose removal was interrupted is removed by the next attempt.
    pub(super) async fn delete(
        &self,
        kind: &ResourceType,
        id: &str,
        conditions: &Conditions,
    ) -> Result<Reply, ScimError> {
        for _ in 0..MAX_RACES {
            let Some(stored) = self.stored(kind.name(), id).await? else {
                return Err(ScimError::not_found());
            };
            if stored.body.deleting {
                self.take_away(kind, &stored).await?;
                return Err(ScimError::not_found());
            }
            let found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
            self.check_match(conditions, &found.etag())?;
            let mut next = found.stored.clone();
            next.body.deleting = true;
            let mut batch = Batch::new()
                .require_version(next.entity(), found.stored.version)
                .event(self.event(event::RESOURCE_DELETED, kind, id)?);
            let mut aftermath = Aftermath::default();
            if is_user(kind)
                && let Some(identity) = self.deprovision(&found.stored).await?
            {
                aftermath = identity.after;
                batch = batch.append(identity.batch);
            }
            batch = self.marked(batch.write(Write::PutRecord(next.record(kind)?)), id)?;
            if self.store().commit(batch).await?.is_applied() {
                self.settle(aftermath).await?;
                self.take_away(kind, &next).await?;
                return Ok(Reply::new(204, None));
            }
        }
        Err(ScimError::busy())
    }

    /// Takes away what hangs on a resource that is no more, and then the resource.
    async fn take_away(&self, kind: &ResourceType, stored: &Stored) -> Result<(), ScimError> {
        let id = &stored.body.id;
        if is_group(kind) {
            self.remove_all_members(kind, stored).await?;
        }
        let value = member_value(self.organization(), id);
        loop {
            let page = self.store().records_by(EDGE, "member", &value, PageRequest::first(30)).await?;
            if page.items.is_empty() {
                break;
            }
            let mut batch = Batch::new();
            for record in page.items {
                let edge: Edge = record.value.decode()?;
                batch = batch
                    .write(Write::DeleteRecord(EDGE, record.value.key.clone()))
                    .put(&self.touched(&edge.group))?;
            }
            // Without a precondition there is no conflict.
            let _applied = self.store().commit(batch).await?;
        }
        let batch = Batch::new().write(Write::DeleteRecord(RESOURCE, stored.key())).write(
            Write::DeleteRecord(crate::store::TOUCH, crate::store::Touch::key_of(self.organization(), id)),
        );
        let _applied = self.store().commit(batch).await?;
        Ok(())
    }

    /// The user that an account is, for `/Me`.
    pub(super) async fn of_account(
        &self,
        account: ciam_core::id::AccountId,
    ) -> Result<Option<Stored>, ScimError> {
        let mut request = PageRequest::first(50);
        loop {
            let page = self
                .store()
                .records_by(RESOURCE, ciam_core::store::OWNER_INDEX, &account.to_string(), request)
                .await?;
            for record in page.items {
                let stored = Stored::decode(&record.value, record.version)?;
                if stored.organization == self.organization() && !stored.body.deleting {
                    return Ok(Some(stored));
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, 50),
                None => return Ok(None),
            }
        }
    }

    /// The resources that are found under an index value.
    pub(super) async fn found_by(&self, value: &str, limit: usize) -> Result<Option<Vec<Stored>>, ScimError> {
        let mut out = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(RESOURCE, EQUAL.name(), value, request).await?;
            for record in page.items {
                out.push(Stored::decode(&record.value, record.version)?);
            }
            if out.len() > limit {
                return Ok(None);
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(Some(out)),
            }
        }
    }
}

/// What a client does not send in a `PUT` it does not clear where it can never read it: what only it writes.
fn keep_unwritten(kind: &ResourceType, before: &Map<String, Value>, after: &mut Map<String, Value>) {
    for (_, node) in kind.nodes() {
        if node.parent.is_none()
            && node.attribute.mutability == crate::schema::Mutability::WriteOnly
            && !after.contains_key(&node.attribute.name)
            && let Some(known) = before.get(&node.attribute.name)
        {
            after.insert(node.attribute.name.clone(), known.clone());
        }
    }
}

/// Takes the password of a user out of what is kept: it is never kept there.
fn take_password(kind: &ResourceType, attributes: &mut Map<String, Value>) -> Option<Secret> {
    if !is_user(kind) {
        return None;
    }
    match attributes.remove("password") {
        Some(Value::String(text)) => Some(Secret::new(text)),
        _ => None,
    }
}

fn exists() -> ScimError {
    ScimError::new(ScimType::Uniqueness, "a resource of this name exists already")
}
