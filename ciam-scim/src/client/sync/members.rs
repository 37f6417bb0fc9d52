//! The members of groups: in pieces, each recorded when it was written.

use std::collections::{BTreeMap, BTreeSet};

use ciam_core::error::PortError;
use ciam_core::store::{Batch, PageRequest, Write};
use serde_json::{Map, Value, json};

use super::record::{SYNC_MEMBER, SentMember};
use super::{GROUPS, Source, SyncEngine, SyncReport, USERS, body_of, judge};
use crate::client::ClientError;

/// So many records are written at once.
const CHUNK: usize = 48;

/// The key of a user, and the id there.
type Pair<'m> = (&'m String, &'m String);

impl SyncEngine {
    pub(super) async fn members(
        &self,
        source: &dyn Source,
        groups: &BTreeSet<String>,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        for group in groups {
            let Some(link) = self.link(GROUPS, group).await? else { continue };
            let outcome = self.members_of(source, group, &link.value.remote, report).await;
            judge(report, GROUPS, group, outcome)?;
        }
        Ok(())
    }

    async fn members_of(
        &self,
        source: &dyn Source,
        group: &str,
        remote: &str,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let wanted = self.wanted(source, group, report).await?;
        let sent = self.sent(group).await?;
        let add: Vec<Pair<'_>> = wanted.iter().filter(|(key, id)| sent.get(*key) != Some(*id)).collect();
        let remove: Vec<Pair<'_>> = sent.iter().filter(|(key, id)| wanted.get(*key) != Some(*id)).collect();
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        if !self.client.profile.patch {
            return self.whole(group, remote, &wanted, (&add, &remove), report).await;
        }
        let size = self.client.profile.members_per_request.max(1);
        for piece in remove.chunks(size) {
            let operations = piece.iter().map(|(_, id)| {
                json!({ "op": "remove", "path": format!("members[value eq {}]", Value::from(id.as_str())) })
            });
            self.write(remote, operations.collect()).await?;
            self.note(group, &[], piece).await?;
            report.members_removed += piece.len();
        }
        for piece in add.chunks(size) {
            let members: Vec<Value> = piece.iter().map(|(_, id)| json!({ "value": id })).collect();
            self.write(remote, vec![json!({ "op": "add", "path": "members", "value": members })]).await?;
            self.note(group, piece, &[]).await?;
            report.members_added += piece.len();
        }
        Ok(())
    }

    async fn write(&self, remote: &str, operations: Vec<Value>) -> Result<(), ClientError> {
        if self.client.patch(GROUPS, remote, operations).await? {
            return Ok(());
        }
        // It is made again by the next run.
        Err(ClientError::Answer("the group is not there any more"))
    }

    /// Writes a group with all of its members.
    async fn whole(
        &self,
        group: &str,
        remote: &str,
        wanted: &BTreeMap<String, String>,
        (add, remove): (&[Pair<'_>], &[Pair<'_>]),
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let Some(there) = self.client.get(GROUPS, remote).await? else {
            return Err(ClientError::Answer("the group is not there any more"));
        };
        let kept = there
            .attributes
            .into_iter()
            .filter(|(name, _)| ["displayName", "externalId"].contains(&name.as_str()));
        let mut body = body_of(GROUPS, &kept.collect());
        let members: Vec<Value> = wanted.values().map(|id| json!({ "value": id })).collect();
        body.insert("members".to_owned(), members.into());
        if !self.client.replace(GROUPS, remote, &body).await? {
            return Err(ClientError::Answer("the group is not there any more"));
        }
        self.note(group, add, remove).await?;
        report.members_added += add.len();
        report.members_removed += remove.len();
        Ok(())
    }

    /// A group as it is to be, with the members that were written: for those who know no `PATCH`.
    pub(super) async fn body_of_group(
        &self,
        group: &str,
        wanted: &Map<String, Value>,
    ) -> Result<Map<String, Value>, ClientError> {
        let mut body = body_of(GROUPS, wanted);
        let members: Vec<Value> = self.sent(group).await?.values().map(|id| json!({ "value": id })).collect();
        body.insert("members".to_owned(), members.into());
        Ok(body)
    }

    /// Who is to be a member: by key, the id there.
    async fn wanted(
        &self,
        source: &dyn Source,
        group: &str,
        report: &mut SyncReport,
    ) -> Result<BTreeMap<String, String>, ClientError> {
        let mut wanted = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = source.members(group, after.as_deref()).await?;
            for key in page.items {
                match self.link(USERS, &key).await? {
                    Some(link) if !link.value.left => drop(wanted.insert(key, link.value.remote)),
                    _ => report.members_unknown += 1,
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(wanted);
            }
        }
    }

    /// Who was written: by key, the id there.
    async fn sent(&self, group: &str) -> Result<BTreeMap<String, String>, ClientError> {
        let value = SentMember::group_value(&self.target, group);
        let mut sent = BTreeMap::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.client.ports.store().records_by(SYNC_MEMBER, "group", &value, request).await?;
            for record in page.items {
                let member: SentMember = record.value.decode().map_err(PortError::from)?;
                sent.insert(member.member, member.remote);
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(sent),
            }
        }
    }

    /// Records what was written.
    async fn note(&self, group: &str, added: &[Pair<'_>], removed: &[Pair<'_>]) -> Result<(), ClientError> {
        let mut writes = Vec::new();
        let kept: BTreeSet<&String> = added.iter().map(|(key, _)| *key).collect();
        for (key, _) in removed.iter().filter(|(key, _)| !kept.contains(key)) {
            writes.push(Write::DeleteRecord(SYNC_MEMBER, SentMember::key_of(&self.target, group, key)));
        }
        for (key, id) in added {
            let member = SentMember {
                target: self.target.clone(),
                group: group.to_owned(),
                member: (*key).clone(),
                remote: (*id).clone(),
            };
            let record = ciam_core::store::Record::encode(&member).map_err(PortError::from)?;
            writes.push(Write::PutRecord(record));
        }
        while !writes.is_empty() {
            let rest = writes.split_off(writes.len().min(CHUNK));
            let batch = std::mem::replace(&mut writes, rest).into_iter().fold(Batch::new(), Batch::write);
            // Without a precondition there is no conflict.
            let _applied = self.client.ports.store().commit(batch).await?;
        }
        Ok(())
    }

    /// Forgets what was written of a group's members.
    pub(super) async fn forget_members(&self, group: &str) -> Result<(), ClientError> {
        let sent = self.sent(group).await?;
        let all: Vec<Pair<'_>> = sent.iter().collect();
        self.note(group, &[], &all).await
    }
}
