//! What one request works with.

use bytes::Bytes;
use ciam_core::event::{Event, EventType};
use ciam_core::id::OrganizationId;
use ciam_core::store::{Store, Versioned, load};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::common::Common;
use super::{Caller, ScimService};
use crate::error::ScimError;
use crate::profile::Tolerance;
use crate::schema::ResourceType;
use crate::store::{RESOURCE, Stored, Touch, record_key};

/// One request: the service, who calls, and how they are understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cx<'a> {
    pub(super) service: &'a ScimService,
    pub(super) caller: &'a Caller<'a>,
    pub(super) tolerance: &'a Tolerance,
    /// Of a request that was answered before it is done: what is done is marked.
    pub(super) marking: Option<Marking<'a>>,
    /// Of what is done at once in a bulk request, of which no answer has a body: what is looked up once for all of it.
    pub(super) common: Option<&'a Common>,
}

/// Under which name it is marked that an operation is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marking<'a> {
    pub(super) txn: &'a str,
    pub(super) expires_at: OffsetDateTime,
}

/// What a request asks of the version that it changes ([RFC 7644, section 3.14]).
///
/// [RFC 7644, section 3.14]: https://www.rfc-editor.org/rfc/rfc7644#section-3.14
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    pub(super) etag: Option<String>,
    pub(super) location: Option<String>,
    /// Of a request that is done later: its name.
    pub(super) txn: Option<String>,
    /// A token in the place of a body.
    pub(super) token: Option<Bytes>,
    /// When to ask again, in seconds.
    pub(super) retry_after: Option<u32>,
}

impl Reply {
    pub(super) const fn new(status: u16, body: Option<Value>) -> Self {
        Self { status, body, etag: None, location: None, txn: None, token: None, retry_after: None }
    }
}

/// A resource with the version that clients see.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) stored: Stored,
    /// Of a group: the change of its members.
    pub(super) touch: Option<Versioned<Touch>>,
}

impl Found {
    /// The version, as in `ETag`.
    pub(super) fn etag(&self) -> String {
        match &self.touch {
            Some(touch) => format!("W/\"{}.{}\"", self.stored.version.get(), touch.version.get()),
            None => format!("W/\"{}\"", self.stored.version.get()),
        }
    }
}

impl<'a> Cx<'a> {
    pub(super) fn store(&self) -> &'a dyn Store {
        self.service.ports.store()
    }

    pub(super) const fn organization(&self) -> OrganizationId {
        self.caller.connection.organization
    }

    /// A resource, unless it is being deleted.
    pub(super) async fn find(&self, kind: &ResourceType, id: &str) -> Result<Option<Found>, ScimError> {
        let Some(stored) = self.stored(kind.name(), id).await? else { return Ok(None) };
        if stored.body.deleting {
            return Ok(None);
        }
        let touch = if is_group(kind) { self.touch(id).await? } else { None };
        Ok(Some(Found { stored, touch }))
    }

    /// A resource, whether or not it is being deleted.
    pub(super) async fn stored(&self, kind: &str, id: &str) -> Result<Option<Stored>, ScimError> {
        if !is_id(id) {
            return Ok(None);
        }
        let key = record_key(self.organization(), kind, id);
        let Some(found) = self.store().record(RESOURCE, &key).await? else { return Ok(None) };
        Ok(Some(Stored::decode(&found.value, found.version)?))
    }

    pub(super) async fn touch(&self, group: &str) -> Result<Option<Versioned<Touch>>, ScimError> {
        Ok(load(self.store(), &Touch::key_of(self.organization(), group)).await?)
    }

    pub(super) fn location(&self, kind: &ResourceType, id: &str) -> String {
        format!("{}{}/{id}", self.caller.base, kind.endpoint())
    }

    /// An event of a resource, to be committed with its change.
    pub(super) fn event(
        &self,
        event_type: EventType,
        kind: &ResourceType,
        id: &str,
    ) -> Result<Event, ScimError> {
        let event = Event::new(&self.service.ports, event_type, format!("scim:{id}"))?
            .by(&self.caller.connection.actor())
            .with("organization", self.organization().to_string())
            .with("resource_type", kind.name())
            .with("location", format!("{}/{id}", kind.endpoint()));
        Ok(event)
    }

    /// Checks `If-Match`.
    pub(super) fn check_match(&self, conditions: &Conditions, etag: &str) -> Result<(), ScimError> {
        match &conditions.if_match {
            Some(given) if !names(given, etag)? => {
                Err(ScimError::status(412, "the resource has another version"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `If-Match` or `If-None-Match` name a version. They are compared weakly: versions are weak.
pub(super) fn names(header: &str, etag: &str) -> Result<bool, ScimError> {
    let header = header.trim();
    if header == "*" {
        return Ok(true);
    }
    let mut found = false;
    for tag in header.split(',') {
        let tag = tag.trim();
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
        if !quoted {
            return Err(ScimError::syntax("a version is not an entity tag"));
        }
        found |= Some(opaque) == etag.strip_prefix("W/");
    }
    Ok(found)
}

/// Whether a text can be an id of this server: it is not looked up otherwise.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

pub(super) fn is_group(kind: &ResourceType) -> bool {
    crate::patch::group_members(kind).is_some()
}

pub(super) fn is_user(kind: &ResourceType) -> bool {
    kind.schema().is_some_and(|schema| schema.id == crate::schema::USER)
}

/// The names of the attributes in which two resources differ.
pub(super) fn differing(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(before.keys().filter(|name| !after.contains_key(*name)).cloned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_weakly_and_malformed_ones_refused() {
        for (header, expected) in [
            ("*", Some(true)),
            ("W/\"3\"", Some(true)),
            ("\"3\"", Some(true)),
            ("W/\"2\", W/\"3\"", Some(true)),
            ("W/\"4\"", Some(false)),
            ("3", None),
            ("", None),
            ("\"3", None),
            ("\"", None),
            ("W/3", None),
        ] {
            let found = names(header, "W/\"3\"");
            match (found, expected) {
                (Ok(found), Some(expected)) => assert_eq!(found, expected, "{header}"),
                (Err(error), None) => assert_eq!(error.status, 400, "{header}"),
                (other, _) => panic!("{header}: {other:?}"),
            }
        }
    }

    #[test]
    fn nothing_but_an_id_is_looked_up() {
        for text in
            ["", "../Users/1", "a/b", "a%2fb", "a|b", ".search", "bulkId:x", "ä", "a b", &"a".repeat(65)]
        {
            assert!(!is_id(text), "{text}");
        }
        assert!(is_id("019a0000-0000-7000-8000-000000000000"));
    }
}
