//! What happened, for the outbox ([RFC 9967]).
//!
//! Every change of a resource is an event in the batch of the change. It names attributes and never has their values. With
//! [`security_event`] it becomes the payload of a security event token, to be signed and pushed ([RFC 8935]) by the host.
//!
//! [RFC 9967]: https://www.rfc-editor.org/rfc/rfc9967
//! [RFC 8935]: https://www.rfc-editor.org/rfc/rfc8935

use ciam_core::event::{Event, EventType};
use serde_json::{Value, json};

/// A resource was made. Details: `by`, `organization`, `resource_type`, `attributes`.
pub const RESOURCE_CREATED: EventType = EventType::new("ciam.scim.resource.created.v1");
/// A resource was replaced. Details as for [`RESOURCE_CREATED`].
pub const RESOURCE_REPLACED: EventType = EventType::new("ciam.scim.resource.replaced.v1");
/// A resource was changed. Details as for [`RESOURCE_CREATED`].
pub const RESOURCE_PATCHED: EventType = EventType::new("ciam.scim.resource.patched.v1");
/// A resource was deleted. Details: `by`, `organization`, `resource_type`.
pub const RESOURCE_DELETED: EventType = EventType::new("ciam.scim.resource.deleted.v1");
/// A user became active.
pub const RESOURCE_ACTIVATED: EventType = EventType::new("ciam.scim.resource.activated.v1");
/// A user became inactive.
pub const RESOURCE_DEACTIVATED: EventType = EventType::new("ciam.scim.resource.deactivated.v1");
/// The members of a group changed. Details: `by`, `organization`, `added`, `removed`, `unknown`: counts.
pub const MEMBERS_CHANGED: EventType = EventType::new("ciam.scim.members.changed.v1");
/// A connection got a token, or was changed. Details: `by`, `change`.
pub const CONNECTION_CHANGED: EventType = EventType::new("ciam.scim.connection.changed.v1");

/// A request was taken on that is done later. Details: `by`, `organization`, `txn`.
pub const REQUEST_ACCEPTED: EventType = EventType::new("ciam.scim.request.accepted.v1");
/// An operation of such a request is done, or was refused. Details: `by`, `organization`, `location`, `txn`, `method`, `status`, and
/// where there are `bulkId`, `version` and `response`, the error.
pub const REQUEST_COMPLETED: EventType = EventType::new("ciam.scim.request.completed.v1");
/// What a security event says of it ([RFC 9967, section 2.5.1.3](https://www.rfc-editor.org/rfc/rfc9967#section-2.5.1.3)).
pub const ASYNC_RESPONSE: &str = "urn:ietf:params:scim:event:misc:asyncresp";

/// The event of a change as the claims of a security event token ([RFC 9967, section 2]): `sub_id` and `events`. The host adds
/// `iss`, `aud`, `iat` and `jti`. `None` for an event that is none of these.
///
/// It is a notice: the names of what changed, and no values.
///
/// [RFC 9967, section 2]: https://www.rfc-editor.org/rfc/rfc9967#section-2
#[must_use]
pub fn security_event(event: &Event) -> Option<Value> {
    let kinds = [
        (RESOURCE_CREATED, "prov:create:notice"),
        (RESOURCE_REPLACED, "prov:put:notice"),
        (RESOURCE_PATCHED, "prov:patch:notice"),
        (RESOURCE_DELETED, "prov:delete"),
        (RESOURCE_ACTIVATED, "prov:activate"),
        (RESOURCE_DEACTIVATED, "prov:deactivate"),
        (MEMBERS_CHANGED, "prov:patch:notice"),
    ];
    if event.event_type == REQUEST_COMPLETED {
        let location = event.data.get("location")?.as_str()?;
        let told = ["method", "bulkId", "version", "status", "response"];
        let payload: serde_json::Map<_, _> = told
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), event.data.get(*name)?.clone())))
            .collect();
        return Some(json!({
            "sub_id": { "format": "scim", "uri": location },
            "txn": event.data.get("txn")?,
            "events": { ASYNC_RESPONSE: payload },
        }));
    }
    let (_, uri) = kinds.into_iter().find(|(kind, _)| *kind == event.event_type)?;
    let location = event.data.get("location")?.as_str()?;
    let mut payload = serde_json::Map::new();
    if uri.ends_with(":notice") {
        let attributes = event.data.get("attributes").cloned().unwrap_or_else(|| json!(["members"]));
        payload.insert("attributes".to_owned(), attributes);
    }
    Some(json!({
        "sub_id": { "format": "scim", "uri": location },
        "events": { format!("urn:ietf:params:scim:event:{uri}"): payload },
    }))
}

/// The events that [`security_event`] makes, for a host that advertises them.
pub const EVENT_URIS: [&str; 6] = [
    "urn:ietf:params:scim:event:prov:create:notice",
    "urn:ietf:params:scim:event:prov:put:notice",
    "urn:ietf:params:scim:event:prov:patch:notice",
    "urn:ietf:params:scim:event:prov:delete",
    "urn:ietf:params:scim:event:prov:activate",
    "urn:ietf:params:scim:event:prov:deactivate",
];
