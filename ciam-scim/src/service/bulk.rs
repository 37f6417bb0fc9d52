//! Bulk requests ([RFC 7644, section 3.7]).
//!
//! What one operation makes, another may name before it is there: `bulkId:` references are an order in which to work. Where
//! they go in a circle, the resources are made without the references that close it, and these are added when all are there.
//!
//! [RFC 7644, section 3.7]: https://www.rfc-editor.org/rfc/rfc7644#section-3.7

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{BoxFuture, join_all};
use http::Method;
use serde_json::{Map, Value, json};

use super::context::{Conditions, Cx, Marking, Reply};
use super::http::{Call, Payload, segments};
use crate::error::ScimError;
use crate::fold::fold;
use crate::patch::{Patch, member};
use crate::schema::{Registry, ResourceType};

const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
const PREFIX: &str = "bulkId:";

/// One operation, checked.
#[derive(Clone, Debug)]
struct Operation {
    method: Method,
    path: String,
    bulk_id: Option<String>,
    version: Option<String>,
    data: Map<String, Value>,
    /// The bulk ids that its data and path name.
    needs: BTreeSet<String>,
}

/// What became of the operations.
#[derive(Debug, Default)]
struct Progress {
    outcomes: BTreeMap<usize, Value>,
    ids: BTreeMap<String, String>,
    /// The operations whose references are added when what they name is there: where the resource is, and its data.
    later: Vec<(usize, String, Map<String, Value>)>,
    errors: usize,
}

/// What an operation has done.
#[derive(Debug)]
struct Done {
    reply: Reply,
    /// The resource that it has made, under the name by which others refer to it.
    made: Option<(String, String)>,
    /// What of its data closes a circle, and where that belongs.
    later: Option<(String, Map<String, Value>)>,
}

/// At most so many operations are done at once: as many commits as a store is likely to make one write of.
const AT_ONCE: usize = 64;

impl Cx<'_> {
    pub(super) async fn bulk(&self, body: &Map<String, Value>) -> Result<Reply, ScimError> {
        let (operations, stop_after) = self.operations(body)?;
        let order = order(&operations);
        let mut progress = Progress::default();
        let mut rest = order.as_slice();
        while !rest.is_empty() && stop_after.is_none_or(|most| progress.errors < most) {
            // Whoever stops at an error wants nothing done that comes after it.
            let most = if stop_after.is_some() { 1 } else { AT_ONCE };
            let some = together(rest, &operations, &self.service.registry).min(most).clamp(1, rest.len());
            let (some, others) = rest.split_at(some);
            self.run(some, &operations, &mut progress).await;
            self.complete(&mut progress, false).await;
            rest = others;
        }
        self.complete(&mut progress, true).await;
        let outcomes: Vec<Value> = progress.outcomes.into_values().collect();
        Ok(Reply::new(200, Some(json!({ "schemas": [RESPONSE], "Operations": outcomes }))))
    }

    /// Says what is wrong with a request as a whole.
    pub(super) fn check_bulk(&self, body: &Map<String, Value>) -> Result<(), ScimError> {
        self.operations(body).map(|_| ())
    }

    fn operations(&self, body: &Map<String, Value>) -> Result<(Vec<Operation>, Option<usize>), ScimError> {
        let named = match member(body, "schemas") {
            Some(Value::Array(schemas)) => schemas.iter().any(|it| it.as_str() == Some(REQUEST)),
            _ => false,
        };
        if !named {
            return Err(ScimError::syntax("`schemas` has not the schema of a bulk request"));
        }
        let stop_after = match member(body, "failOnErrors") {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => match number.as_u64().and_then(|it| usize::try_from(it).ok()) {
                // Whoever tolerates no error at all stops at the first.
                Some(most) => Some(most.max(1)),
                None => return Err(ScimError::value("`failOnErrors` is no count")),
            },
            Some(_) => return Err(ScimError::value("`failOnErrors` is no count")),
        };
        let Some(Value::Array(sent)) = member(body, "Operations") else {
            return Err(ScimError::syntax("`Operations` is not a list"));
        };
        if sent.len() > self.service.limits.max_bulk_operations {
            return Err(ScimError::status(413, "there are too many operations"));
        }
        let mut operations = Vec::with_capacity(sent.len());
        let mut ids = BTreeSet::new();
        for it in sent {
            let operation = read(it)?;
            if let Some(id) = &operation.bulk_id
                && !ids.insert(id.clone())
            {
                return Err(ScimError::syntax("a `bulkId` occurs twice"));
            }
            operations.push(operation);
        }
        Ok((operations, stop_after))
    }

    /// Does some operations that have nothing to do with each other, at once: a store that is asked for several commits makes one
    /// write of them.
    async fn run(&self, some: &[usize], all: &[Operation], progress: &mut Progress) {
        let known = &*progress;
        let operations = some.iter().filter_map(|at| all.get(*at));
        let names =
            operations.filter_map(|it| Some((self.service.registry.by_endpoint(&it.path)?, &it.data)));
        let names = names.flat_map(|(kind, data)| claims(kind, data));
        // One alone looks things up by itself.
        let common = if some.len() > 1 { self.common_of(names).await } else { None };
        let cx = Cx { common: common.as_ref(), ..*self };
        let attempts: Vec<BoxFuture<'_, Result<Done, ScimError>>> = some
            .iter()
            .filter_map(|at| all.get(*at).map(|operation| (*at, operation)))
            .map(|(at, operation)| Box::pin(cx.attempt(at, operation, all, known)) as BoxFuture<'_, _>)
            .collect();
        for (at, outcome) in some.iter().zip(join_all(attempts).await) {
            if let Some(operation) = all.get(*at) {
                self.note(*at, operation, outcome, progress);
            }
        }
    }

    /// Takes down what came of an operation.
    fn note(
        &self,
        at: usize,
        operation: &Operation,
        outcome: Result<Done, ScimError>,
        progress: &mut Progress,
    ) {
        let mut shown = Map::new();
        shown.insert("method".to_owned(), operation.method.as_str().into());
        if let Some(id) = &operation.bulk_id {
            shown.insert("bulkId".to_owned(), id.clone().into());
        }
        let status = match outcome {
            Ok(Done { reply, made, later }) => {
                progress.ids.extend(made);
                progress.later.extend(later.map(|(path, data)| (at, path, data)));
                let known = reply.location.or_else(|| self.place(operation, progress));
                shown.extend(known.map(|it| ("location".to_owned(), it.into())));
                shown.extend(reply.etag.map(|it| ("version".to_owned(), it.into())));
                reply.status
            }
            Err(error) => {
                progress.errors += 1;
                shown.extend(self.place(operation, progress).map(|it| ("location".to_owned(), it.into())));
                shown.insert("response".to_owned(), error.to_json());
                error.status
            }
        };
        shown.insert("status".to_owned(), status.to_string().into());
        progress.outcomes.insert(at, Value::Object(shown));
    }

    /// Where the resource of an operation is that has a path of its own.
    fn place(&self, operation: &Operation, progress: &Progress) -> Option<String> {
        if operation.method == Method::POST {
            return None;
        }
        let path = resolved_path(&operation.path, &progress.ids).unwrap_or_else(|| operation.path.clone());
        Some(format!("{}{path}", self.caller.base))
    }

    async fn attempt(
        &self,
        at: usize,
        operation: &Operation,
        all: &[Operation],
        progress: &Progress,
    ) -> Result<Done, ScimError> {
        let path = resolved_path(&operation.path, &progress.ids)
            .ok_or_else(|| ScimError::value("the path names a `bulkId` that nothing has made"))?;
        let made_later = |id: &str| all.iter().any(|it| it.bulk_id.as_deref() == Some(id));
        let missing: BTreeSet<&str> =
            operation.needs.iter().map(String::as_str).filter(|id| !progress.ids.contains_key(*id)).collect();
        let failed = |id: &&str| {
            let made = all.iter().position(|it| it.bulk_id.as_deref() == Some(*id));
            made.is_none_or(|other| progress.outcomes.contains_key(&other))
        };
        if missing.iter().any(|id| !made_later(id) || failed(id)) {
            let detail = "the data names a `bulkId` that nothing has made";
            return Err(ScimError { status: 409, ..ScimError::value(detail) });
        }
        let mut data = operation.data.clone();
        let mut postponed = Map::new();
        if !missing.is_empty() {
            if operation.method != Method::POST || operation.bulk_id.is_some_and_is_in(&missing) {
                return Err(ScimError { status: 409, ..ScimError::value("the operation names itself") });
            }
            // What closes the circle waits until all are there.
            let names: Vec<String> = data
                .iter()
                .filter(|(_, value)| references(value).iter().any(|id| missing.contains(id.as_str())))
                .map(|(name, _)| name.clone())
                .collect();
            for name in names {
                postponed.extend(data.remove(&name).map(|value| (name, value)));
            }
        }
        resolve(&mut data, &progress.ids);
        let call = Call {
            method: operation.method.clone(),
            path: segments(&path)?,
            params: Vec::new(),
            conditions: Conditions { if_match: operation.version.clone(), if_none_match: None },
            body: Payload::Parsed(data),
            later: false,
        };
        if !matches!(call.path.as_slice(), [_] | [_, _])
            || call.path.get(1).is_some_and(|it| it.starts_with('.'))
        {
            return Err(ScimError::syntax("the path is none of a resource"));
        }
        let name = self.marking.map(|it| format!("{}:{at}", it.txn));
        let marking = name.as_deref().zip(self.marking).map(|(txn, it)| Marking { txn, ..it });
        let cx = Cx { marking, ..*self };
        let reply = Reply { body: None, ..Box::pin(cx.once(call)).await? };
        let mut done = Done { reply, made: None, later: None };
        let id = done.reply.location.as_deref().and_then(|it| it.rsplit('/').next()).map(ToOwned::to_owned);
        if operation.method == Method::POST
            && let (Some(bulk_id), Some(id)) = (&operation.bulk_id, id)
        {
            done.later = (!postponed.is_empty()).then(|| (format!("{path}/{id}"), postponed));
            done.made = Some((bulk_id.clone(), id));
        }
        Ok(done)
    }

    /// Adds the references that close circles as soon as what they name is there: whoever changes a resource that is in a circle
    /// changes all of it. At the `end` what is not there is an error.
    async fn complete(&self, progress: &mut Progress, end: bool) {
        for (at, path, mut data) in std::mem::take(&mut progress.later) {
            let waits = unresolved(&data).iter().any(|id| !progress.ids.contains_key(id));
            if waits && !end {
                progress.later.push((at, path, data));
                continue;
            }
            resolve(&mut data, &progress.ids);
            let outcome = match segments(&path) {
                Ok(_) if !unresolved(&data).is_empty() => Err(ScimError {
                    status: 409,
                    ..ScimError::value("the data names a `bulkId` that nothing has made")
                }),
                Ok(path) => {
                    let body = json!({
                        "schemas": [Patch::SCHEMA],
                        "Operations": [{ "op": "add", "value": data }],
                    });
                    let body = body.as_object().cloned().unwrap_or_default();
                    let call = Call {
                        method: Method::PATCH,
                        path,
                        params: Vec::new(),
                        conditions: Conditions::default(),
                        body: Payload::Parsed(body),
                        later: false,
                    };
                    // It belongs to an operation that is marked already.
                    let cx = Cx { marking: None, ..*self };
                    Box::pin(cx.resource(call)).await
                }
                Err(error) => Err(error),
            };
            let Some(Value::Object(shown)) = progress.outcomes.get_mut(&at) else { continue };
            match outcome {
                Ok(reply) => {
                    shown.extend(reply.etag.map(|it| ("version".to_owned(), it.into())));
                }
                Err(error) => {
                    shown.insert("status".to_owned(), error.status.to_string().into());
                    shown.insert("response".to_owned(), error.to_json());
                }
            }
        }
    }
}

trait IsIn {
    fn is_some_and_is_in(&self, ids: &BTreeSet<&str>) -> bool;
}

impl IsIn for Option<String> {
    fn is_some_and_is_in(&self, ids: &BTreeSet<&str>) -> bool {
        self.as_deref().is_some_and(|it| ids.contains(it))
    }
}

fn read(operation: &Value) -> Result<Operation, ScimError> {
    let Value::Object(operation) = operation else {
        return Err(ScimError::syntax("an operation is not an object"));
    };
    let text = |name: &str| match member(operation, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ScimError::syntax(format!("`{name}` of an operation is no text"))),
    };
    let method = match text("method")?.unwrap_or_default().to_ascii_uppercase().as_str() {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Err(ScimError::syntax("the method of an operation is none of a bulk request")),
    };
    let path = text("path")?.ok_or_else(|| ScimError::syntax("an operation has no path"))?;
    let bulk_id = text("bulkId")?;
    if method == Method::POST && bulk_id.as_ref().is_none_or(String::is_empty) {
        return Err(ScimError::syntax("a `POST` has a `bulkId`"));
    }
    let data = match member(operation, "data") {
        Some(Value::Object(data)) => data.clone(),
        None | Some(Value::Null) if method == Method::DELETE => Map::new(),
        _ => return Err(ScimError::syntax("an operation has no data")),
    };
    let mut needs = unresolved(&data);
    needs.extend(path.split('/').filter_map(|it| it.strip_prefix(PREFIX)).map(ToOwned::to_owned));
    Ok(Operation { method, path, bulk_id, version: text("version")?, data, needs })
}

/// The order in which to work: what is named comes before what names it, else as they were sent. What is in a circle comes as
/// it was sent. Nothing recurses: each round takes what has everything it needs.
fn order(operations: &[Operation]) -> Vec<usize> {
    let mut maker: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, operation) in operations.iter().enumerate() {
        maker.extend(operation.bulk_id.as_deref().map(|id| (id, at)));
    }
    let needs = |operation: &Operation| -> BTreeSet<usize> {
        operation.needs.iter().filter_map(|id| maker.get(id.as_str()).copied()).collect()
    };
    let mut waiting: BTreeMap<usize, BTreeSet<usize>> =
        operations.iter().enumerate().map(|(at, it)| (at, needs(it))).collect();
    let mut wanted_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, needs) in &waiting {
        for need in needs {
            wanted_by.entry(*need).or_default().push(*at);
        }
    }
    let mut ready: BTreeSet<usize> =
        waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(at, _)| *at).collect();
    let mut order = Vec::with_capacity(operations.len());
    while !waiting.is_empty() {
        // Where all wait for each other, the first goes on without what it waits for.
        let next = ready.pop_first().or_else(|| waiting.keys().next().copied());
        let Some(next) = next else { break };
        if waiting.remove(&next).is_none() {
            continue;
        }
        order.push(next);
        for other in wanted_by.remove(&next).unwrap_or_default() {
            if let Some(needs) = waiting.get_mut(&other) {
                needs.remove(&next);
                if needs.is_empty() {
                    ready.insert(other);
                }
            }
        }
    }
    order
}

/// How many of the next operations have nothing to do with each other: each makes something, names nothing that is made here,
/// and has no name or address that another one has.
fn together(next: &[usize], operations: &[Operation], registry: &Registry) -> usize {
    let mut claimed = BTreeSet::new();
    let apart = |at: &usize| {
        let Some(operation) = operations.get(*at) else { return true };
        let kind = registry.by_endpoint(&operation.path);
        let Some(kind) = kind.filter(|_| operation.method == Method::POST && operation.needs.is_empty())
        else {
            return true;
        };
        let texts = claims(kind, &operation.data);
        let met = texts.iter().any(|text| claimed.contains(text));
        claimed.extend(texts);
        met
    };
    next.iter().position(apart).unwrap_or(next.len())
}

/// What a resource would have for itself: its unique values, and the addresses of a person.
fn claims(kind: &ResourceType, data: &Map<String, Value>) -> Vec<String> {
    let named = kind.unique().filter_map(|id| member(data, &kind.node(id)?.attribute.name));
    let emails = member(data, "emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let addresses = emails.iter().filter_map(|it| it.as_object().and_then(|it| member(it, "value")));
    named.chain(addresses).filter_map(Value::as_str).map(|text| fold(text).into_owned()).collect()
}

/// The bulk ids that are named in data.
fn unresolved(data: &Map<String, Value>) -> BTreeSet<String> {
    data.values().flat_map(references).collect()
}

/// The bulk ids that are named anywhere in a value: as a whole text, or in a path of a patch.
fn references(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.extend(names_in(text).map(ToOwned::to_owned)),
            Value::Array(values) => open.extend(values),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

/// The bulk ids in a text: the text itself is one, or it is quoted in a filter.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let whole = text.strip_prefix(PREFIX);
    let quoted = text.split('"').skip(1).step_by(2).filter_map(|part| part.strip_prefix(PREFIX));
    whole.into_iter().chain(quoted)
}

/// Puts ids in the place of the bulk ids that are known.
fn resolve(data: &mut Map<String, Value>, ids: &BTreeMap<String, String>) {
    let mut open: Vec<&mut Value> = data.values_mut().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                let names: Vec<String> = names_in(text).map(ToOwned::to_owned).collect();
                for name in names {
                    let Some(id) = ids.get(&name) else { continue };
                    let reference = format!("{PREFIX}{name}");
                    if *text == reference {
                        text.clone_from(id);
                    } else {
                        *text = text.replace(&format!("\"{reference}\""), &format!("\"{id}\""));
                    }
                }
            }
            Value::Array(values) => open.extend(values),
            Value::Object(members) => open.extend(members.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// A path with ids in the place of bulk ids; `None` when one is not known.
fn resolved_path(path: &str, ids: &BTreeMap<String, String>) -> Option<String> {
    let parts = path.split('/').map(|part| match part.strip_prefix(PREFIX) {
        Some(name) => ids.get(name).cloned(),
        None => Some(part.to_owned()),
    });
    parts.collect::<Option<Vec<String>>>().map(|parts| parts.join("/"))
}
