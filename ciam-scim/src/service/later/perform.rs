//! Doing a request that was taken on: once, however often it is delivered.

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::store::{Batch, EntityRef, StoredRecord as _, Version, Versioned, load};
use ciam_core::vault::SealScope;
use http::Method;
use serde_json::{Map, Value};

use super::accept::PURPOSE;
use super::record::{Asked, Done, Kept, Mark};
use crate::error::ScimError;
use crate::event::REQUEST_COMPLETED;
use crate::patch::{MemberChange, Patch, ids_of, member};
use crate::service::context::{Conditions, Cx, Marking, Reply, is_group};
use crate::service::http::{Call, Payload};
use crate::service::{Caller, ScimService};

/// So many events in one commit.
const EVENTS: usize = 50;

impl ScimService {
    /// Does a request that was taken on. One that is done, or has expired, is passed over.
    pub(super) async fn perform(&self, txn: &str) -> Result<(), PortError> {
        let Some(kept) = load::<Kept>(self.ports.store(), txn).await? else { return Ok(()) };
        let (Some(asked), None) = (&kept.value.asked, &kept.value.done) else { return Ok(()) };
        let opened = self.ports.vault().open(&SealScope::Tenant, PURPOSE, asked).await?;
        let asked: Asked = serde_json::from_slice(opened.expose()).map_err(PortError::permanent)?;
        let mut caller = Caller::new(&kept.value.connection, &kept.value.base).with_access(kept.value.access);
        caller.account = kept.value.account;
        let tolerance = kept.value.connection.profile.tolerance();
        let marking = Marking { txn, expires_at: kept.value.expires_at };
        let cx = Cx {
            service: self,
            caller: &caller,
            tolerance: &tolerance,
            marking: Some(marking),
            common: None,
        };
        let bulk = asked.path.first().is_some_and(|it| it.eq_ignore_ascii_case("bulk"));
        let outcomes = if bulk { cx.bulk_later(&asked).await? } else { vec![cx.one_later(&asked).await?] };
        let version = kept.version;
        self.finish(kept.value, version, outcomes, bulk).await
    }

    /// Records what came of a request, and tells of it.
    async fn finish(
        &self,
        mut kept: Kept,
        version: Version,
        outcomes: Vec<Value>,
        bulk: bool,
    ) -> Result<(), PortError> {
        let mut events = Vec::with_capacity(outcomes.len());
        for (at, outcome) in outcomes.iter().enumerate() {
            let txn = if bulk { format!("{}:{at}", kept.txn) } else { kept.txn.clone() };
            let path =
                outcome.get("location").and_then(Value::as_str).and_then(|it| it.strip_prefix(&kept.base));
            let mut event = Event::new(&self.ports, REQUEST_COMPLETED, format!("scim-request:{}", kept.txn))?
                .by(&kept.connection.actor())
                .with("organization", kept.connection.organization.to_string())
                .with("location", path.unwrap_or("/"))
                .with("txn", txn);
            for name in ["method", "bulkId", "version", "status", "response"] {
                if let Some(value) = outcome.get(name) {
                    event = event.with(name, value.clone());
                }
            }
            events.push(event);
        }
        let last = events.split_off(events.len().saturating_sub(EVENTS));
        for piece in events.chunks(EVENTS) {
            let batch = piece.iter().cloned().fold(Batch::new(), Batch::event);
            let _applied = self.ports.store().commit(batch).await?;
        }
        kept.asked = None;
        let entity = EntityRef::record::<Kept>(kept.txn.clone());
        kept.done = Some(Done { at: self.ports.now(), outcomes, bulk });
        let batch = last.into_iter().fold(Batch::new(), Batch::event);
        let batch = batch.require_version(entity, version).put(&kept)?;
        // Another delivery has done it at the same time, and has told.
        let _applied = self.ports.store().commit(batch).await?;
        Ok(())
    }
}

impl Cx<'_> {
    async fn bulk_later(&self, asked: &Asked) -> Result<Vec<Value>, PortError> {
        let body = asked.body.as_object().cloned().unwrap_or_default();
        match self.bulk(&body).await {
            Ok(reply) => {
                let outcomes =
                    reply.body.as_ref().and_then(|it| it.get("Operations")).and_then(Value::as_array);
                let outcomes = outcomes.cloned().unwrap_or_default();
                // What is marked is not done again, and the rest is.
                if outcomes.iter().any(|it| it.get("status").and_then(Value::as_str) == Some("503")) {
                    return Err(PortError::transient("an operation of a bulk request is to be tried again"));
                }
                Ok(outcomes)
            }
            Err(error) => Ok(vec![outcome(&Method::POST, Err(&error), None)]),
        }
    }

    async fn one_later(&self, asked: &Asked) -> Result<Value, PortError> {
        let method = Method::from_bytes(asked.method.as_bytes()).map_err(PortError::permanent)?;
        let call = Call {
            method: method.clone(),
            path: asked.path.clone(),
            params: asked.params.clone(),
            conditions: Conditions { if_match: asked.if_match.clone(), if_none_match: None },
            body: Payload::Parsed(asked.body.as_object().cloned().unwrap_or_default()),
            later: false,
        };
        let place =
            (method != Method::POST).then(|| format!("{}/{}", self.caller.base, asked.path.join("/")));
        match self.once(call).await {
            // It is delivered again.
            Err(error) if error.status == 503 => Err(PortError::transient(error)),
            Err(error) => Ok(outcome(&method, Err(&error), place)),
            Ok(reply) => {
                let place = reply.location.clone().or(place);
                Ok(outcome(&method, Ok(&reply), place))
            }
        }
    }

    /// Does an operation, or what is left of it when a delivery before has done the most of it.
    pub(in crate::service) async fn once(&self, call: Call) -> Result<Reply, ScimError> {
        let Some(marking) = &self.marking else { return Box::pin(self.resource(call)).await };
        let Some(mark) = load::<Mark>(self.store(), marking.txn).await? else {
            return Box::pin(self.resource(call)).await;
        };
        self.rest_of(call, &mark).await
    }

    async fn rest_of(&self, call: Call, mark: &Versioned<Mark>) -> Result<Reply, ScimError> {
        let id = mark.value.id.as_str();
        let endpoint = call.path.first().cloned().unwrap_or_default();
        let kind = self.service.registry.by_endpoint(&format!("/{endpoint}"));
        let kind = kind.ok_or_else(ScimError::not_found)?;
        if call.method == Method::DELETE {
            // What hangs on it may still have to be taken away.
            return match self.delete(kind, id, &Conditions::default()).await {
                Err(error) if error.status != 404 => Err(error),
                _ => Ok(Reply::new(204, None)),
            };
        }
        let found = self.find(kind, id).await?;
        if let (true, Some(found)) = (is_group(kind), &found) {
            let body = call.body.object()?;
            let changes = members_of(&call.method, &body, self, kind)?;
            if !changes.is_empty() {
                self.change_members(kind, &found.stored, &changes).await?;
            }
        }
        let status = match (&call.method, is_group(kind)) {
            (&Method::POST, _) => 201,
            (&Method::PATCH, true) => 204,
            _ => 200,
        };
        let etag = self.find(kind, id).await?.map(|it| it.etag());
        Ok(Reply { etag, location: Some(self.location(kind, id)), ..Reply::new(status, None) })
    }
}

fn members_of(
    method: &Method,
    body: &Map<String, Value>,
    cx: &Cx<'_>,
    kind: &crate::schema::ResourceType,
) -> Result<Vec<MemberChange>, ScimError> {
    if *method == Method::PATCH {
        return Ok(Patch::compile(body, kind, cx.tolerance)?.members().to_vec());
    }
    let sent = member(body, "members").map(|it| ids_of(it, cx.tolerance)).transpose()?;
    Ok(sent.map(MemberChange::Replace).into_iter().collect())
}

/// As the answer to a bulk request has it.
fn outcome(method: &Method, of: Result<&Reply, &ScimError>, place: Option<String>) -> Value {
    let mut shown = Map::new();
    shown.insert("method".to_owned(), method.as_str().into());
    shown.extend(place.map(|it| ("location".to_owned(), it.into())));
    let status = match of {
        Ok(reply) => {
            shown.extend(reply.etag.clone().map(|it| ("version".to_owned(), it.into())));
            reply.status
        }
        Err(error) => {
            shown.insert("response".to_owned(), error.to_json());
            error.status
        }
    };
    shown.insert("status".to_owned(), status.to_string().into());
    Value::Object(shown)
}

impl Cx<'_> {
    /// Marks in a batch that an operation is done by it.
    pub(in crate::service) fn marked(&self, batch: Batch, id: &str) -> Result<Batch, ScimError> {
        let Some(marking) = &self.marking else { return Ok(batch) };
        let mark = Mark {
            name: marking.txn.to_owned(),
            organization: self.organization(),
            id: id.to_owned(),
            expires_at: marking.expires_at,
        };
        Ok(batch.require_absent(EntityRef::record::<Mark>(mark.key())).put(&mark)?)
    }
}
