//! A directory of an organization, for the suites.

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::id::OrganizationId;
use http::{HeaderMap, Request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::target::Target;
use crate::error::ScimError;
use crate::profile::Profile;
use crate::schema::{GROUP, USER};

/// Sends requests, and reads what comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directory<'t> {
    target: &'t dyn Target,
    organization: OrganizationId,
    profile: Profile,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// Whether it is this error and nothing else.
    pub(super) fn is_error(&self, status: u16, kind: &str) -> Result<(), String> {
        let found = self.body.get("scimType").and_then(Value::as_str).unwrap_or_default();
        let schema = self.body.pointer("/schemas/0").and_then(Value::as_str);
        let said = self.body.get("status").and_then(Value::as_str);
        let text = status.to_string();
        if self.status != status || found != kind || schema != Some(ScimError::SCHEMA) || said != Some(&text)
        {
            return Err(format!("{} {}, not {status} {kind}", self.status, self.body));
        }
        Ok(())
    }

    pub(super) fn id(&self) -> Result<String, String> {
        let id = self.body.get("id").and_then(Value::as_str);
        id.map(ToOwned::to_owned).ok_or_else(|| format!("no id: {} {}", self.status, self.body))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

impl<'t> Directory<'t> {
    /// The directory of a new organization.
    pub(super) async fn new(target: &'t dyn Target, profile: Profile) -> Result<Self, String> {
        let organization = target.organization().await.map_err(|it| told(&it))?;
        Ok(Self { target, organization, profile })
    }

    pub(super) const fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    pub(super) fn base(&self) -> &str {
        self.target.base()
    }

    /// Sends a request; the path is escaped where it has to be, and only there.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let path = utf8_percent_encode(path, PLAIN);
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).map_err(|it| it.to_string())?;
        let response = self.target.send(self.organization, self.profile, request).await;
        let (parts, body) = response.map_err(|it| told(&it))?.into_parts();
        let body = match body.as_ref() {
            b"" => Value::Null,
            text => {
                serde_json::from_slice(text).map_err(|it| format!("{} is no JSON: {it}", parts.status))?
            }
        };
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, String> {
        self.send("GET", path, &[], "").await
    }

    pub(super) async fn json(&self, method: &str, path: &str, body: &Value) -> Result<Answer, String> {
        self.send(method, path, &[("content-type", "application/scim+json")], body.to_string()).await
    }

    pub(super) async fn patch(&self, path: &str, operations: &Value) -> Result<Answer, String> {
        self.json("PATCH", path, &patch_of(operations)).await
    }

    /// Makes a user; its id.
    pub(super) async fn user(&self, name: &str) -> Result<String, String> {
        self.json("POST", "/Users", &json!({ "schemas": [USER], "userName": name })).await?.id()
    }

    /// Makes a group; its id.
    pub(super) async fn group(&self, name: &str, members: &[&str]) -> Result<String, String> {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        self.json("POST", "/Groups", &body).await?.id()
    }

    /// The ids of the members of a group, in order.
    pub(super) async fn members(&self, group: &str) -> Result<Vec<String>, String> {
        let found = self.get(&format!("/Groups/{group}")).await?;
        let members = found.body.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids = members.iter().filter_map(|it| it.get("value").and_then(Value::as_str));
        let mut ids: Vec<String> = ids.map(ToOwned::to_owned).collect();
        ids.sort();
        Ok(ids)
    }

    /// Everything that there is, as text.
    pub(super) async fn everything(&self) -> Result<String, String> {
        Ok(self.get("/?count=1000").await?.body.get("Resources").map(ToString::to_string).unwrap_or_default())
    }

    /// Everything is as it was.
    pub(super) async fn unchanged(&self, before: &str, after: &str) -> Result<(), String> {
        let now = self.everything().await?;
        if now == before { Ok(()) } else { Err(format!("{after} has changed something: {before} {now}")) }
    }
}

pub(super) fn patch_of(operations: &Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

fn told(error: &PortError) -> String {
    format!("no answer: {error:?}")
}

/// What cannot stand in an address as it is. What is escaped already stays as it is.
const PLAIN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
