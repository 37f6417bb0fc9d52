//! Taking a request on.

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::id::EventId;
use ciam_core::store::{Batch, EntityRef};
use ciam_core::vault::SealScope;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::LaterRequests;
use super::record::{Asked, Kept};
use crate::connection::Connection;
use crate::error::ScimError;
use crate::event::REQUEST_ACCEPTED;
use crate::service::context::{Cx, Reply};
use crate::service::http::Call;

pub(super) const PURPOSE: &str = "scim.request";

/// Whether a client wants to be answered before the request is done ([RFC 7240, sections 4.1 and 4.3]). Whoever can wait for a
/// second is answered when it is done: an operation takes less.
///
/// [RFC 7240, sections 4.1 and 4.3]: https://www.rfc-editor.org/rfc/rfc7240#section-4.1
pub(in crate::service) fn prefers_later(headers: &HeaderMap) -> bool {
    let texts = headers.get_all("prefer").iter().filter_map(|it| it.to_str().ok());
    let (mut later, mut waits) = (false, false);
    for preference in texts.flat_map(|text| text.split(',')) {
        let mut parts = preference.split(';').next().unwrap_or_default().splitn(2, '=');
        let name = parts.next().unwrap_or_default().trim();
        let value = parts.next().unwrap_or_default().trim().trim_matches('"');
        later |= name.eq_ignore_ascii_case("respond-async");
        waits |= name.eq_ignore_ascii_case("wait") && value.parse::<u32>().is_ok_and(|seconds| seconds > 0);
    }
    later && !waits
}

impl Cx<'_> {
    /// The settings, where this connection may be answered before a request is done.
    pub(in crate::service) fn later(&self) -> Option<&LaterRequests> {
        self.service.later.as_deref().filter(|_| self.caller.connection.later)
    }

    /// Takes a request on that is to be done later. What is wrong with it at first sight is said at once.
    pub(in crate::service) async fn take_on(
        &self,
        later: &LaterRequests,
        call: Call,
    ) -> Result<Reply, ScimError> {
        let ports = &self.service.ports;
        let body = if call.method == Method::DELETE { serde_json::Map::new() } else { call.body.object()? };
        let (first, rest) = call.path.split_first().ok_or_else(ScimError::not_found)?;
        let bulk = first.eq_ignore_ascii_case("bulk") && rest.is_empty();
        if bulk {
            self.check_bulk(&body)?;
        } else if self.service.registry.by_endpoint(&format!("/{first}")).is_none() {
            return Err(ScimError::not_found());
        }
        let asked = Asked {
            method: call.method.as_str().to_owned(),
            path: call.path,
            params: call.params,
            if_match: call.conditions.if_match,
            body: Value::Object(body),
        };
        let bytes = serde_json::to_vec(&asked).map_err(PortError::permanent)?;
        let (txn, now) = (EventId::generate(ports.clock(), ports.entropy())?.to_string(), ports.now());
        let mut connection: Connection = self.caller.connection.clone();
        connection.tokens.clear();
        let kept = Kept {
            txn: txn.clone(),
            connection,
            base: self.caller.base.to_owned(),
            account: self.caller.account,
            access: self.caller.access,
            asked: Some(ports.vault().seal(&SealScope::Tenant, PURPOSE, &bytes).await?),
            at: now,
            expires_at: now + later.kept_for,
            done: None,
        };
        let event = Event::new(ports, REQUEST_ACCEPTED, format!("scim-request:{txn}"))?
            .by(&self.caller.connection.actor())
            .with("organization", self.organization().to_string())
            .with("txn", txn.clone());
        let batch =
            Batch::new().require_absent(EntityRef::record::<Kept>(txn.clone())).put(&kept)?.event(event);
        if !ports.store().commit(batch).await?.is_applied() {
            return Err(ScimError::busy());
        }
        let location = Some(format!("{}/Requests/{txn}", self.caller.base));
        Ok(Reply { location, txn: Some(txn), ..Reply::new(202, None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_in_every_spelling() {
        for (text, expected) in [
            ("respond-async", true),
            ("Respond-Async", true),
            ("return=minimal, respond-async", true),
            ("respond-async; x=y", true),
            ("respond-async, wait=0", true),
            ("respond-async, wait=10", false),
            ("wait=\"10\", respond-async", false),
            ("return=minimal", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("prefer"), text.parse().unwrap())]);
            assert_eq!(prefers_later(&headers), expected, "{text}");
        }
    }
}
