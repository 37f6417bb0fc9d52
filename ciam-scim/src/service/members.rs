//! The members of groups.

use std::collections::BTreeSet;

use ciam_core::store::{Batch, EntityRef, PageRequest, Write};

use super::context::{Cx, Found};
use super::write::MAX_RACES;
use crate::error::ScimError;
use crate::event;
use crate::patch::MemberChange;
use crate::profile::UnknownMember;
use crate::schema::ResourceType;
use crate::store::{EDGE, Edge, Stored, Touch, group_value};

/// Somebody who can become a member.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) stored: Stored,
}

/// What changes, with everybody looked up who is to become a member.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// Whoever is a member before is none after, unless they are added.
    cleared: bool,
    add: Vec<Candidate>,
    remove: BTreeSet<String>,
    unknown: usize,
}

impl Cx<'_> {
    /// The change of a group's members that several changes come to, in order.
    pub(super) async fn resolve_changes(
        &self,
        group: &str,
        changes: &[MemberChange],
    ) -> Result<Resolved, ScimError> {
        let mut add = BTreeSet::new();
        let mut resolved = Resolved::default();
        for change in changes {
            match change {
                MemberChange::Add(ids) => {
                    resolved.remove.retain(|id| !ids.contains(id));
                    add.extend(ids.iter().cloned());
                }
                MemberChange::Remove(ids) => {
                    add.retain(|id| !ids.contains(id));
                    resolved.remove.extend(ids.iter().cloned());
                }
                MemberChange::Clear | MemberChange::Replace(_) => {
                    resolved.cleared = true;
                    resolved.remove.clear();
                    add.clear();
                    if let MemberChange::Replace(ids) = change {
                        add.extend(ids.iter().cloned());
                    }
                }
            }
        }
        if add.len() + resolved.remove.len() > self.service.limits.max_members_per_request {
            return Err(ScimError::status(413, "the request names too many members"));
        }
        let (add, unknown) = self.candidates(group, &add).await?;
        Ok(Resolved { add, unknown, ..resolved })
    }

    /// Those who are to become members of a new group.
    pub(super) async fn resolve_members(
        &self,
        group: &str,
        ids: &BTreeSet<String>,
    ) -> Result<Resolved, ScimError> {
        self.resolve_changes(group, &[MemberChange::Add(ids.clone())]).await
    }

    /// Looks up everybody who is to become a member, before anything is written. Somebody of another organization is as
    /// unknown as somebody who is not there.
    async fn candidates(
        &self,
        group: &str,
        ids: &BTreeSet<String>,
    ) -> Result<(Vec<Candidate>, usize), ScimError> {
        let registry = &self.service.registry;
        let kinds: Vec<&ResourceType> = registry.user().into_iter().chain(registry.group()).collect();
        let mut found = Vec::with_capacity(ids.len());
        let mut unknown = 0;
        for id in ids {
            if id == group {
                return Err(ScimError::value("a group cannot be a member of itself"));
            }
            let mut known = None;
            for kind in &kinds {
                known = self.stored(kind.name(), id).await?.filter(|it| !it.body.deleting);
                if known.is_some() {
                    break;
                }
            }
            match (known, self.tolerance.unknown_member) {
                (Some(stored), _) => found.push(Candidate { stored }),
                (None, UnknownMember::Skip) => unknown += 1,
                (None, UnknownMember::Reject) => return Err(ScimError::value("a member is not known")),
            }
        }
        Ok((found, unknown))
    }

    pub(super) async fn change_members(
        &self,
        kind: &ResourceType,
        group: &Stored,
        changes: &[MemberChange],
    ) -> Result<(), ScimError> {
        let resolved = self.resolve_changes(&group.body.id, changes).await?;
        self.apply_members(kind, group, resolved, None).await
    }

    /// As [`change_members`](Self::change_members), of the version that was found where one was asked for.
    pub(super) async fn change_members_if(
        &self,
        kind: &ResourceType,
        found: &Found,
        changes: &[MemberChange],
        exactly: bool,
    ) -> Result<(), ScimError> {
        let resolved = self.resolve_changes(&found.stored.body.id, changes).await?;
        self.apply_members(kind, &found.stored, resolved, exactly.then_some(found)).await
    }

    pub(super) async fn add_first_members(
        &self,
        kind: &ResourceType,
        group: &Stored,
        members: &Resolved,
    ) -> Result<(), ScimError> {
        self.apply_members(kind, group, members.clone(), None).await
    }

    /// Makes the change: as many members as fit into one commit, each commit whole with its events. The group is not
    /// written and none of its other members is read, so that changes of different members do not meet; a group that is deleted meanwhile stays deleted.
    pub(super) async fn apply_members(
        &self,
        kind: &ResourceType,
        group: &Stored,
        resolved: Resolved,
        exactly: Option<&Found>,
    ) -> Result<(), ScimError> {
        let id = &group.body.id;
        let mut remove: Vec<String> = Vec::new();
        let mut add = resolved.add;
        if resolved.cleared {
            let kept: BTreeSet<&str> = add.iter().map(|it| it.stored.body.id.as_str()).collect();
            let present = self.member_ids(id).await?;
            remove.extend(present.iter().filter(|it| !kept.contains(it.as_str())).cloned());
            add.retain(|it| !present.contains(&it.stored.body.id));
        } else {
            remove.extend(resolved.remove);
        }
        let size = if self.caller.connection.group_roles.is_empty() { PLAIN_CHUNK } else { ROLES_CHUNK };
        let mut exactly = exactly;
        let mut unknown = resolved.unknown;
        for chunk in remove.chunks(size) {
            self.commit_chunk(kind, group, &[], chunk, unknown, exactly.take()).await?;
            unknown = 0;
        }
        for chunk in add.chunks(size) {
            self.commit_chunk(kind, group, chunk, &[], unknown, exactly.take()).await?;
            unknown = 0;
        }
        Ok(())
    }

    /// Commits the change of some members.
    async fn commit_chunk(
        &self,
        kind: &ResourceType,
        group: &Stored,
        add: &[Candidate],
        remove: &[String],
        unknown: usize,
        exactly: Option<&Found>,
    ) -> Result<(), ScimError> {
        let id = &group.body.id;
        let organization = self.organization();
        let mut add = add.to_vec();
        for _ in 0..MAX_RACES {
            let Some(current) = self.stored(kind.name(), id).await?.filter(|it| !it.body.deleting) else {
                return Err(ScimError::not_found());
            };
            let mut batch = Batch::new().require_version(current.entity(), current.version);
            if let Some(found) = exactly {
                if current.version != found.stored.version {
                    return Err(ScimError::status(412, "the group has another version"));
                }
                let touch = EntityRef::record::<Touch>(Touch::key_of(organization, id));
                batch = match &found.touch {
                    Some(known) => batch.require_version(touch, known.version),
                    None => batch.require_absent(touch),
                };
            }
            let (mut added, mut removed) = (0, 0);
            for member in &add {
                let body = &member.stored.body;
                let key = Edge::key_of(organization, id, &body.id);
                if self.store().record(EDGE, &key).await?.is_some() {
                    continue;
                }
                added += 1;
                let edge = Edge {
                    organization,
                    group: id.clone(),
                    member: body.id.clone(),
                    kind: body.kind.clone(),
                    account: body.account,
                    added: self.service.ports.now(),
                };
                // Who is deleted at the same moment is no member.
                batch = batch.require_version(member.stored.entity(), member.stored.version).put(&edge)?;
                batch = self.roles_with(batch, member.stored.body.account, &body.id, &current, true).await?;
            }
            for member in remove {
                let key = Edge::key_of(organization, id, member);
                let Some(found) = self.store().record(EDGE, &key).await? else { continue };
                removed += 1;
                let edge: Edge = found.value.decode()?;
                batch = batch.write(Write::DeleteRecord(EDGE, key));
                batch = self.roles_with(batch, edge.account, member, &current, false).await?;
            }
            if added == 0 && removed == 0 {
                return Ok(());
            }
            let event = self
                .event(event::MEMBERS_CHANGED, kind, id)?
                .with("added", added)
                .with("removed", removed)
                .with("unknown", unknown);
            batch = batch.put(&self.touched(id))?.event(event);
            if self.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            if exactly.is_some() && self.moved(id, exactly).await? {
                return Err(ScimError::status(412, "the group has another version"));
            }
            self.look_again(&mut add).await?;
        }
        Err(ScimError::busy())
    }

    async fn moved(&self, id: &str, exactly: Option<&Found>) -> Result<bool, ScimError> {
        let version = self.touch(id).await?.map(|it| it.version);
        Ok(exactly.is_some_and(|found| found.touch.as_ref().map(|it| it.version) != version))
    }

    /// Reads those again who are to become members; who is gone is left out.
    async fn look_again(&self, members: &mut Vec<Candidate>) -> Result<(), ScimError> {
        let mut current = Vec::with_capacity(members.len());
        for member in members.iter() {
            let body = &member.stored.body;
            let found = self.stored(&body.kind, &body.id).await?.filter(|it| !it.body.deleting);
            current.extend(found.map(|stored| Candidate { stored }));
        }
        *members = current;
        Ok(())
    }

    /// Takes the members of a group away that is being deleted.
    pub(super) async fn remove_all_members(
        &self,
        kind: &ResourceType,
        group: &Stored,
    ) -> Result<(), ScimError> {
        let value = group_value(self.organization(), &group.body.id);
        let size = if self.caller.connection.group_roles.is_empty() { PLAIN_CHUNK } else { ROLES_CHUNK };
        let limit = u32::try_from(size).unwrap_or(1);
        let mut lost = 0;
        while lost < MAX_RACES {
            let page = self.store().records_by(EDGE, "group", &value, PageRequest::first(limit)).await?;
            if page.items.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new();
            for record in &page.items {
                let edge: Edge = record.value.decode()?;
                batch = batch.write(Write::DeleteRecord(EDGE, record.value.key.clone()));
                batch = self.roles_with(batch, edge.account, &edge.member, group, false).await?;
            }
            let event =
                self.event(event::MEMBERS_CHANGED, kind, &group.body.id)?.with("removed", page.items.len());
            // A role that somebody else changes at the same moment is decided again.
            if !self.store().commit(batch.event(event)).await?.is_applied() {
                lost += 1;
            }
        }
        Err(ScimError::busy())
    }

    async fn member_ids(&self, group: &str) -> Result<BTreeSet<String>, ScimError> {
        let value = group_value(self.organization(), group);
        let mut ids = BTreeSet::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(EDGE, "group", &value, request).await?;
            for record in page.items {
                ids.insert(record.value.decode::<Edge>()?.member);
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(ids),
            }
        }
    }

    pub(super) fn touched(&self, group: &str) -> Touch {
        Touch { organization: self.organization(), group: group.to_owned(), at: self.service.ports.now() }
    }
}

/// So many members change in one commit: each is a write and a condition, and beside them are the group and its touch.
const PLAIN_CHUNK: usize = 48;
/// So many where each may change a membership as well.
const ROLES_CHUNK: usize = 15;
