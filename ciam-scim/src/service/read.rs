//! Reading one resource, and the form in which clients see it.

use std::collections::BTreeSet;

use ciam_core::store::PageRequest;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::context::{Conditions, Cx, Found, Reply, is_group, is_user, names};
use crate::error::{ScimError, ScimType};
use crate::project::Projection;
use crate::schema::ResourceType;
use crate::store::{EDGE, Edge, group_value, member_value};

impl Cx<'_> {
    /// `GET` of a resource.
    pub(super) async fn get(
        &self,
        kind: &ResourceType,
        id: &str,
        projection: &Projection,
        conditions: &Conditions,
    ) -> Result<Reply, ScimError> {
        let found = self.find(kind, id).await?.ok_or_else(ScimError::not_found)?;
        let etag = found.etag();
        if let Some(known) = &conditions.if_none_match
            && names(known, &etag)?
        {
            return Ok(Reply { etag: Some(etag), ..Reply::new(304, None) });
        }
        let body = self.shown(kind, &found, projection).await?;
        Ok(Reply { etag: Some(etag), location: Some(self.location(kind, id)), ..Reply::new(200, Some(body)) })
    }

    /// A resource as a response has it. Members and groups are read only where they are asked for.
    pub(super) async fn shown(
        &self,
        kind: &ResourceType,
        found: &Found,
        projection: &Projection,
    ) -> Result<Value, ScimError> {
        let mut whole = self.whole(kind, found);
        let wants = |name: &str| kind.child(None, name).is_some_and(|id| projection.has(kind, id));
        if is_group(kind) && wants("members") {
            let members = self.members_of(&found.stored.body.id).await?;
            if !members.is_empty() {
                whole.insert("members".to_owned(), Value::Array(members));
            }
        }
        if is_user(kind) && wants("groups") {
            let groups = self.groups_of(&found.stored.body.id).await?;
            if !groups.is_empty() {
                whole.insert("groups".to_owned(), Value::Array(groups));
            }
        }
        Ok(Value::Object(projection.apply(kind, whole)))
    }

    /// A resource with everything but members and groups.
    pub(super) fn whole(&self, kind: &ResourceType, found: &Found) -> Map<String, Value> {
        let body = &found.stored.body;
        let mut whole = body.attributes.clone();
        let mut schemas: Vec<Value> =
            kind.schema().map(|it| Value::from(it.id.clone())).into_iter().collect();
        let extensions = kind.extensions().filter(|(schema, _)| body.attributes.contains_key(&schema.id));
        schemas.extend(extensions.map(|(schema, _)| Value::from(schema.id.clone())));
        whole.insert("schemas".to_owned(), Value::Array(schemas));
        whole.insert("id".to_owned(), body.id.clone().into());
        let modified = found.touch.as_ref().map_or(body.modified, |touch| touch.value.at.max(body.modified));
        let text = |at: time::OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        whole.insert(
            "meta".to_owned(),
            json!({
                "resourceType": kind.name(),
                "created": text(body.created),
                "lastModified": text(modified),
                "location": self.location(kind, &body.id),
                "version": found.etag(),
            }),
        );
        whole
    }

    /// The members of a group, as a response lists them.
    async fn members_of(&self, group: &str) -> Result<Vec<Value>, ScimError> {
        let value = group_value(self.organization(), group);
        let mut members = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(EDGE, "group", &value, request).await?;
            for record in page.items {
                let edge: Edge = record.value.decode()?;
                members.push(self.member(&edge));
            }
            if members.len() > self.service.limits.max_members_inline {
                let detail = "the group has too many members to list: ask for it without `members`";
                return Err(ScimError::new(ScimType::TooMany, detail));
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(members),
            }
        }
    }

    fn member(&self, edge: &Edge) -> Value {
        let mut member = Map::new();
        member.insert("value".to_owned(), edge.member.clone().into());
        if let Some(kind) = self.service.registry.by_name(&edge.kind) {
            member.insert("$ref".to_owned(), self.location(kind, &edge.member).into());
        }
        member.insert("type".to_owned(), edge.kind.clone().into());
        Value::Object(member)
    }

    /// The groups that somebody is a member of, as a response lists them.
    async fn groups_of(&self, member: &str) -> Result<Vec<Value>, ScimError> {
        let Some(kind) = self.service.registry.group() else { return Ok(Vec::new()) };
        let mut groups = Vec::new();
        for (group, direct) in self.groups_above(member).await? {
            let Some(stored) = self.stored(kind.name(), &group).await? else { continue };
            if stored.body.deleting {
                continue;
            }
            let display = stored.body.attributes.get("displayName").cloned().unwrap_or_default();
            groups.push(json!({
                "value": group,
                "$ref": self.location(kind, &group),
                "display": display,
                "type": if direct { "direct" } else { "indirect" },
            }));
        }
        Ok(groups)
    }

    /// The groups that somebody is in, themselves (`true`) or by groups in groups, as deep as these count. A circle ends where
    /// it began.
    pub(super) async fn groups_above(&self, member: &str) -> Result<Vec<(String, bool)>, ScimError> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut level = vec![member.to_owned()];
        for depth in 0..=self.service.nested {
            let mut next = Vec::new();
            for id in &level {
                for group in self.group_ids_of(id).await? {
                    if seen.insert(group.clone()) {
                        found.push((group.clone(), depth == 0));
                        next.push(group);
                    }
                }
                if found.len() > self.service.limits.max_members_inline {
                    return Err(ScimError::new(
                        ScimType::TooMany,
                        "the member is in too many groups to list",
                    ));
                }
            }
            level = next;
        }
        Ok(found)
    }

    /// The ids of the groups that somebody is a member of; at most as many as a response lists members.
    pub(super) async fn group_ids_of(&self, member: &str) -> Result<Vec<String>, ScimError> {
        let value = member_value(self.organization(), member);
        let mut groups = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(EDGE, "member", &value, request).await?;
            for record in page.items {
                groups.push(record.value.decode::<Edge>()?.group);
            }
            if groups.len() > self.service.limits.max_members_inline {
                return Err(ScimError::new(ScimType::TooMany, "the member is in too many groups to list"));
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(groups),
            }
        }
    }
}
