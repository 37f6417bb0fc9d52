//! What the service can do ([RFC 7644, section 4]), derived from what it does.
//!
//! [RFC 7644, section 4]: https://www.rfc-editor.org/rfc/rfc7644#section-4

use serde_json::{Value, json};

use super::context::{Cx, Reply};
use crate::error::ScimError;
use crate::event::{ASYNC_RESPONSE, EVENT_URIS};

impl Cx<'_> {
    /// `GET /ServiceProviderConfig`.
    pub(super) fn configuration(&self) -> Reply {
        let limits = &self.service.limits;
        let base = self.caller.base;
        let mut document = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
                "patch": { "supported": true },
                "bulk": {
                    "supported": true,
                    "maxOperations": limits.max_bulk_operations,
                    "maxPayloadSize": limits.max_bulk_body,
                },
                "filter": { "supported": true, "maxResults": limits.max_page },
                "changePassword": { "supported": true },
                "sort": { "supported": true },
                "etag": { "supported": true },
                "pagination": {
                    "cursor": true,
                    "index": true,
                    "defaultPaginationMethod": "index",
                    "defaultPageSize": limits.default_page,
                    "maxPageSize": limits.max_page,
                    "cursorTimeout": limits.cursor_lifetime.whole_seconds(),
                },
                "authenticationSchemes": [{
                    "type": "oauthbearertoken",
                    "name": "Bearer token",
                    "description": "A token of the organization's connection, or an OAuth access token.",
                    "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                    "primary": true,
                }],
                "meta": {
                    "resourceType": "ServiceProviderConfig",
                    "location": format!("{base}/ServiceProviderConfig"),
                },
        });
        // Left out where nothing is done later: clients that check strictly do not know it.
        if let (Some(_), Some(document)) = (self.later(), document.as_object_mut()) {
            let mut uris = EVENT_URIS.to_vec();
            uris.push(ASYNC_RESPONSE);
            let events = json!({ "asyncRequest": "request", "eventUris": uris });
            document.insert("securityEvents".to_owned(), events);
        }
        Reply::new(200, Some(document))
    }

    /// `GET /Schemas` and `GET /ResourceTypes`, with or without an id.
    pub(super) fn documents(
        &self,
        endpoint: Discovery,
        id: Option<&str>,
        filtered: bool,
    ) -> Result<Reply, ScimError> {
        if filtered {
            // RFC 7644, section 4: a filter on these is refused.
            return Err(ScimError::status(403, "these cannot be filtered"));
        }
        let registry = &self.service.registry;
        let base = self.caller.base;
        let one = |id: &str| match endpoint {
            Discovery::Schemas => registry.schema_document(id, base),
            Discovery::Types => registry.type_document(id, base),
        };
        if let Some(id) = id {
            return one(id).map(|it| Reply::new(200, Some(it))).ok_or_else(ScimError::not_found);
        }
        let all: Vec<Value> = match endpoint {
            Discovery::Schemas => registry.schemas().iter().filter_map(|it| one(&it.id)).collect(),
            Discovery::Types => registry.types().filter_map(|it| one(it.name())).collect(),
        };
        Ok(Reply::new(
            200,
            Some(json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": all.len(),
                "startIndex": 1,
                "itemsPerPage": all.len(),
                "Resources": all,
            })),
        ))
    }
}

/// Which documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    Schemas,
    Types,
}
