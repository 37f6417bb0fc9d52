//! Requests and responses of HTTP ([RFC 7644, section 3]).
//!
//! [RFC 7644, section 3]: https://www.rfc-editor.org/rfc/rfc7644#section-3

use bytes::Bytes;
use ciam_core::http::{Params, ParamsLimits};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::context::{Conditions, Cx, Reply};
use super::discovery::Discovery;
use super::later::prefers_later;
use super::search::Query;
use super::{Caller, ScimService};
use crate::connection::Access;
use crate::error::{ScimError, ScimType};
use crate::json::read_object;
use crate::patch::member;
use crate::project::Projection;
use crate::schema::ResourceType;

/// A request, without the transport.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path below the base, decoded.
    pub(super) path: Vec<String>,
    pub(super) params: Vec<(String, String)>,
    pub(super) conditions: Conditions,
    pub(super) body: Payload,
    /// The client wants to be answered before the request is done.
    pub(super) later: bool,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Bytes(Bytes),
    Parsed(Map<String, Value>),
}

impl Payload {
    pub(super) fn object(self) -> Result<Map<String, Value>, ScimError> {
        match self {
            Self::Bytes(bytes) => read_object(&bytes),
            Self::Parsed(object) => Ok(object),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Parsed(_) => 0,
        }
    }
}

impl ScimService {
    /// Answers one request. The base of the caller is cut from the request's path; what is left is the endpoint.
    ///
    /// Every answer that is an error is a SCIM error message. What the store said goes to nobody: a host that wants it in its
    /// logs wraps the store.
    pub async fn handle(&self, caller: &Caller<'_>, request: Request<Bytes>) -> Response<Bytes> {
        let tolerance = caller.connection.profile.tolerance();
        let cx = Cx { service: self, caller, tolerance: &tolerance, marking: None, common: None };
        let reply = match cx.call_of(request) {
            Ok(call) => cx.answer(call).await,
            Err(error) => Err(error),
        };
        match reply {
            Ok(reply) => response(reply),
            Err(error) => refusal(&error),
        }
    }
}

impl Cx<'_> {
    fn call_of(&self, request: Request<Bytes>) -> Result<Call, ScimError> {
        let (parts, body) = request.into_parts();
        if body.len() > self.service.limits.max_body {
            return Err(ScimError::status(413, "the body is too long"));
        }
        let base = base_path(self.caller.base);
        let path = segments(below(&base, parts.uri.path())?)?;
        let params = match parts.uri.query() {
            Some(query) => Params::parse(query, query_limits())
                .map_err(|_| ScimError::syntax("the query is not valid"))?,
            None => Params::from_pairs(Vec::new()),
        };
        params.refuse_duplicates(&[]).map_err(|_| ScimError::syntax("a parameter occurs twice"))?;
        if !body.is_empty() {
            check_type(&parts.headers)?;
        }
        Ok(Call {
            method: parts.method,
            path,
            params: params.pairs().to_vec(),
            conditions: Conditions {
                if_match: header(&parts.headers, &IF_MATCH)?,
                if_none_match: header(&parts.headers, &IF_NONE_MATCH)?,
            },
            later: prefers_later(&parts.headers),
            body: Payload::Bytes(body),
        })
    }

    /// Finds the endpoint of a call and asks it.
    async fn answer(&self, call: Call) -> Result<Reply, ScimError> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let (first, rest) = path.split_first().unwrap_or((&"", &[]));
        let searches = call.method == Method::POST && path.last() == Some(&".search");
        let changes = call.method != Method::GET && !searches;
        if changes && self.caller.access != Access::Manage {
            return Err(ScimError::status(403, "the token is for reading alone"));
        }
        if let (true, true, Some(later)) = (changes, call.later, self.later())
            && [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&call.method)
            && !first.eq_ignore_ascii_case("me")
        {
            self.check_size(&call)?;
            return self.take_on(later, call).await;
        }
        match (first.to_ascii_lowercase().as_str(), rest) {
            ("", []) => self.root(&call).await,
            (".search", []) => self.posted_search(&self.all_kinds(), call).await,
            ("serviceproviderconfig", []) => {
                only(&call.method, &[Method::GET])?;
                Ok(self.configuration())
            }
            ("schemas", ids) => self.discover(Discovery::Schemas, &call, ids),
            ("resourcetypes", ids) => self.discover(Discovery::Types, &call, ids),
            ("bulk", []) => {
                only(&call.method, &[Method::POST])?;
                self.check_size(&call)?;
                self.bulk(&call.body.object()?).await
            }
            ("me", []) => self.me(call).await,
            ("requests", [name]) => {
                only(&call.method, &[Method::GET])?;
                self.result_of(self.later().ok_or_else(ScimError::not_found)?, name).await
            }
            _ => self.resource(call).await,
        }
    }

    fn check_size(&self, call: &Call) -> Result<(), ScimError> {
        let bulk = call.path.first().is_some_and(|it| it.eq_ignore_ascii_case("bulk"));
        if bulk && call.body.len() > self.service.limits.max_bulk_body {
            return Err(ScimError::status(413, "the body is too long for a bulk request"));
        }
        Ok(())
    }

    fn all_kinds(&self) -> Vec<&ResourceType> {
        self.service.registry.types().collect()
    }

    async fn root(&self, call: &Call) -> Result<Reply, ScimError> {
        only(&call.method, &[Method::GET])?;
        self.search(&self.all_kinds(), &query_of(&call.params)?).await
    }

    fn discover(&self, what: Discovery, call: &Call, ids: &[&str]) -> Result<Reply, ScimError> {
        only(&call.method, &[Method::GET])?;
        let filtered = call.params.iter().any(|(name, _)| name.eq_ignore_ascii_case("filter"));
        match ids {
            [] => self.documents(what, None, filtered),
            [id] => self.documents(what, Some(id), filtered),
            _ => Err(ScimError::not_found()),
        }
    }

    /// `/Me`: the user that the caller's account is ([RFC 7644, section 3.11]).
    ///
    /// [RFC 7644, section 3.11]: https://www.rfc-editor.org/rfc/rfc7644#section-3.11
    async fn me(&self, call: Call) -> Result<Reply, ScimError> {
        let Some(account) = self.caller.account else {
            return Err(ScimError::status(501, "the token is no person's"));
        };
        let kind = self.service.registry.user().ok_or_else(ScimError::not_found)?;
        let found = self.of_account(account).await?.ok_or_else(ScimError::not_found)?;
        only(&call.method, &[Method::GET, Method::PUT, Method::PATCH])?;
        self.of_one(kind, &found.body.id, call).await
    }

    /// Calls of the kinds of resources; of a bulk request as well.
    pub(super) async fn resource(&self, call: Call) -> Result<Reply, ScimError> {
        let path = call.path.clone();
        let (endpoint, rest) = path.split_first().ok_or_else(ScimError::not_found)?;
        let kind =
            self.service.registry.by_endpoint(&format!("/{endpoint}")).ok_or_else(ScimError::not_found)?;
        match rest {
            [] => match call.method {
                Method::GET => self.search(&[kind], &query_of(&call.params)?).await,
                Method::POST => {
                    let projection = self.projection(kind, &call.params)?.unwrap_or_default();
                    self.create(kind, call.body.object()?, &projection).await
                }
                _ => Err(not_allowed()),
            },
            [search] if search == ".search" => self.posted_search(&[kind], call).await,
            [id] => self.of_one(kind, id, call).await,
            _ => Err(ScimError::not_found()),
        }
    }

    async fn of_one(&self, kind: &ResourceType, id: &str, call: Call) -> Result<Reply, ScimError> {
        let projection = self.projection(kind, &call.params)?;
        let shown = projection.clone().unwrap_or_default();
        match call.method {
            Method::GET => self.get(kind, id, &shown, &call.conditions).await,
            Method::PUT => self.replace(kind, id, call.body.object()?, &shown, &call.conditions).await,
            Method::PATCH => {
                self.patch(kind, id, &call.body.object()?, projection.as_ref(), &call.conditions).await
            }
            Method::DELETE => self.delete(kind, id, &call.conditions).await,
            _ => Err(not_allowed()),
        }
    }

    /// `POST …/.search` ([RFC 7644, section 3.4.3]).
    ///
    /// [RFC 7644, section 3.4.3]: https://www.rfc-editor.org/rfc/rfc7644#section-3.4.3
    async fn posted_search(&self, kinds: &[&ResourceType], call: Call) -> Result<Reply, ScimError> {
        const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
        only(&call.method, &[Method::POST])?;
        let body = call.body.object()?;
        let named = match member(&body, "schemas") {
            Some(Value::Array(schemas)) => schemas.iter().any(|it| it.as_str() == Some(SCHEMA)),
            _ => false,
        };
        if !named {
            return Err(ScimError::syntax("`schemas` has not the schema of a search"));
        }
        let text = |name: &str| match member(&body, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Array(names)) => {
                let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                names
                    .map(|it| Some(it.join(",")))
                    .ok_or_else(|| ScimError::value(format!("`{name}` is no list of names")))
            }
            Some(_) => Err(ScimError::value(format!("`{name}` is no text"))),
        };
        let number = |name: &str| match member(&body, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => whole_number(&number.to_string()).map(Some),
            Some(_) => Err(ScimError::value(format!("`{name}` is no number"))),
        };
        let query = Query {
            filter: text("filter")?,
            sort_by: text("sortBy")?,
            sort_order: text("sortOrder")?,
            start: number("startIndex")?,
            count: number("count")?,
            cursor: text("cursor")?,
            attributes: text("attributes")?,
            excluded: text("excludedAttributes")?,
        };
        self.search(kinds, &query).await
    }

    /// What is asked for; `None` when nothing is.
    fn projection(
        &self,
        kind: &ResourceType,
        params: &[(String, String)],
    ) -> Result<Option<Projection>, ScimError> {
        let (attributes, excluded) = (param(params, "attributes"), param(params, "excludedAttributes"));
        if attributes.is_none() && excluded.is_none() {
            return Ok(None);
        }
        Projection::parse(kind, attributes, excluded).map(Some)
    }
}

/// As much as a filter of the longest kind needs, percent-encoded.
fn query_limits() -> ParamsLimits {
    let mut limits = ParamsLimits::default();
    limits.max_bytes = 256 * 1024;
    limits
}

fn query_of(params: &[(String, String)]) -> Result<Query, ScimError> {
    let text = |name: &str| param(params, name).map(ToOwned::to_owned);
    let number = |name: &str| param(params, name).map(whole_number).transpose();
    Ok(Query {
        filter: text("filter"),
        sort_by: text("sortBy"),
        sort_order: text("sortOrder"),
        start: number("startIndex")?,
        count: number("count")?,
        cursor: text("cursor"),
        attributes: text("attributes"),
        excluded: text("excludedAttributes"),
    })
}

fn whole_number(text: &str) -> Result<i128, ScimError> {
    let wrong = || ScimError::new(ScimType::InvalidValue, "a number was expected");
    if text.len() > 30 {
        return Err(wrong());
    }
    text.trim().parse().map_err(|_| wrong())
}

fn param<'p>(params: &'p [(String, String)], name: &str) -> Option<&'p str> {
    params.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn only(method: &Method, allowed: &[Method]) -> Result<(), ScimError> {
    if allowed.contains(method) { Ok(()) } else { Err(not_allowed()) }
}

fn not_allowed() -> ScimError {
    ScimError::status(405, "the method is not allowed here")
}

/// The path of a base URL, whatever query it has.
fn base_path(base: &str) -> String {
    let path = url::Url::parse(base).map(|url| url.path().to_owned()).unwrap_or_default();
    path.trim_end_matches('/').to_owned()
}

/// What of a path is below the base. Another version of the protocol beside it is one that is not supported ([RFC 7644,
/// section 3.13]); anything else is not here.
///
/// [RFC 7644, section 3.13]: https://www.rfc-editor.org/rfc/rfc7644#section-3.13
fn below<'p>(base: &str, path: &'p str) -> Result<&'p str, ScimError> {
    let rest = path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some(rest) = rest {
        let first = rest.strip_prefix('/').unwrap_or(rest).split('/').next().unwrap_or_default();
        return if is_version(first) { Err(other_version()) } else { Ok(rest) };
    }
    let (above, version) = base.rsplit_once('/').unwrap_or_default();
    let beside = path.strip_prefix(above).and_then(|rest| rest.strip_prefix('/'));
    let first = beside.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if is_version(version) && is_version(first) {
        return Err(other_version());
    }
    Err(ScimError::not_found())
}

/// `v1`, `V2`, `v2.1`.
fn is_version(text: &str) -> bool {
    let number = text.strip_prefix(['v', 'V']).unwrap_or_default();
    number.starts_with(|it: char| it.is_ascii_digit())
        && number.bytes().all(|it| it.is_ascii_digit() || it == b'.')
}

fn other_version() -> ScimError {
    ScimError::new(ScimType::InvalidVers, "the version of the protocol is not supported")
}

/// The parts of a path, decoded. None has a slash in it, however it was written.
pub(super) fn segments(path: &str) -> Result<Vec<String>, ScimError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut parts = Vec::new();
    for part in path.split('/').filter(|_| !path.is_empty()) {
        let part = percent_decode_str(part).decode_utf8().map_err(|_| ScimError::not_found())?;
        if part.contains('/') || part == "." || part == ".." || part.is_empty() {
            return Err(ScimError::not_found());
        }
        parts.push(part.into_owned());
    }
    Ok(parts)
}

fn check_type(headers: &HeaderMap) -> Result<(), ScimError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let json = ["application/scim+json", "application/json"];
    if json.iter().any(|it| it.eq_ignore_ascii_case(essence)) {
        Ok(())
    } else {
        Err(ScimError::status(415, "the body is `application/scim+json`"))
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ScimError> {
    let mut texts = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| ScimError::syntax("a header is not text"))?;
        texts.push(text.to_owned());
    }
    Ok((!texts.is_empty()).then(|| texts.join(",")))
}

fn response(reply: Reply) -> Response<Bytes> {
    let content = match (&reply.body, &reply.token) {
        (Some(_), _) => Some("application/scim+json"),
        (None, Some(_)) => Some("application/secevent+jwt"),
        (None, None) => None,
    };
    let body = reply.body.map(|body| Bytes::from(body.to_string()));
    let mut response = Response::new(body.or(reply.token).unwrap_or_default());
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content) = content {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    }
    if reply.txn.is_some() {
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
    }
    let retry_after = reply.retry_after.map(|it| it.to_string());
    // Personal data, for one client.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        (ETAG, reply.etag),
        (LOCATION, reply.location),
        (SET_TXN, reply.txn),
        (http::header::RETRY_AFTER, retry_after),
    ] {
        if let Some(value) = value.and_then(|it| HeaderValue::from_str(&it).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// The response to a request that was refused, in the form of the standard: for hosts that refuse before the service is asked.
#[must_use]
pub fn refusal(error: &ScimError) -> Response<Bytes> {
    let mut response = response(Reply::new(error.status, Some(error.to_json())));
    if error.status == 401 {
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.status == 503 {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// What a client preferred and was given ([RFC 7240, section 3](https://www.rfc-editor.org/rfc/rfc7240#section-3)).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The name of a request that is done later ([RFC 9967, section 3](https://www.rfc-editor.org/rfc/rfc9967#section-3)).
const SET_TXN: HeaderName = HeaderName::from_static("set-txn");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_parts_and_none_leaves_it() {
        for (path, expected) in [
            ("/Users/1", Some(vec!["Users", "1"])),
            ("/Users/", Some(vec!["Users"])),
            ("", Some(vec![])),
            ("/", Some(vec![])),
            ("/Schemas/urn%3Aietf", Some(vec!["Schemas", "urn:ietf"])),
            ("/Users/a%2fb", None),
            ("/Users/..", None),
            ("/Users/%2e%2e", None),
            ("/Users//1", None),
            ("/Users/%ff", None),
        ] {
            let found = segments(path).ok();
            let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn another_version_of_the_protocol_is_not_supported() {
        for (path, expected) in [
            ("/scim/v2", Ok("")),
            ("/scim/v2/Users", Ok("/Users")),
            ("/scim/v2/vUsers", Ok("/vUsers")),
            ("/scim/v1/Users", Err(Some(ScimType::InvalidVers))),
            ("/scim/v2.1", Err(Some(ScimType::InvalidVers))),
            ("/scim/v2/v1/Users", Err(Some(ScimType::InvalidVers))),
            ("/scim/v2Users", Err(None)),
            ("/scim/Users", Err(None)),
            ("/other/v1/Users", Err(None)),
            ("/", Err(None)),
        ] {
            assert_eq!(below("/scim/v2", path).map_err(|it| it.scim_type), expected, "{path}");
        }
        assert_eq!(below("", "/Users").ok(), Some("/Users"));
        assert_eq!(below("/directory", "/v1/Users").map_err(|it| it.scim_type), Err(None));
    }

    #[test]
    fn the_base_may_have_a_query() {
        assert_eq!(base_path("https://id.example/scim/v2/?aadOptscim062020"), "/scim/v2");
        assert_eq!(base_path("https://id.example"), "");
    }
}
