//! A client for the service providers of others ([RFC 7644]), and what keeps one in step.
//!
//! [`ScimClient`] sends one request at a time and tries again what may be tried again. [`SyncEngine`] compares what a [`Source`]
//! wants with what was written before, and sends the difference. How a service provider differs from the standard is in a
//! [`TargetProfile`].
//!
//! Every request goes through [`Outbound`]: `https`, public addresses, no redirect.
//!
//! [RFC 7644]: https://www.rfc-editor.org/rfc/rfc7644

mod error;
mod exchange;
mod profile;
mod retry;
mod sync;

use std::sync::Arc;

use ciam_core::outbound::Outbound;
use ciam_core::ports::Ports;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

pub use self::error::ClientError;
pub use self::exchange::{AccessTokens, FixedToken};
pub use self::profile::TargetProfile;
pub use self::retry::RetryPolicy;
pub use self::sync::{
    Counts, DesiredGroup, DesiredUser, Drift, DriftReport, Held, ListSource, SYNC_FINISHED, SYNC_LINK,
    SYNC_MEMBER, Source, SourcePage, SyncEngine, SyncError, SyncFailure, SyncPolicy, SyncReport,
};
use crate::patch::Patch;

/// Sends requests to one service provider. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ScimClient {
    ports: Ports,
    outbound: Outbound,
    base: String,
    tokens: Arc<dyn AccessTokens>,
    profile: TargetProfile,
    retry: RetryPolicy,
}

/// A resource as a service provider has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Remote {
    /// Its id there.
    pub id: String,
    /// Everything that was answered.
    pub attributes: Map<String, Value>,
}

/// A page of resources.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RemotePage {
    /// The resources.
    pub resources: Vec<Remote>,
    /// How many there are in all, as far as it was told.
    pub total: Option<u64>,
}

impl ScimClient {
    /// A client of the service provider at this address, such as `https://app.example/scim/v2`.
    #[must_use]
    pub fn new(ports: Ports, base: impl Into<String>, tokens: Arc<dyn AccessTokens>) -> Self {
        let base: String = base.into();
        Self {
            outbound: Outbound::new(ports.clone()),
            ports,
            base: base.trim_end_matches('/').to_owned(),
            tokens,
            profile: TargetProfile::standard(),
            retry: RetryPolicy::default(),
        }
    }

    /// Sets how the service provider differs from the standard.
    #[must_use]
    pub const fn with_profile(mut self, profile: TargetProfile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets when it is tried again.
    #[must_use]
    pub const fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How the service provider differs from the standard.
    #[must_use]
    pub const fn profile(&self) -> &TargetProfile {
        &self.profile
    }

    /// The resource of an id; `None` when there is none.
    ///
    /// # Errors
    ///
    /// Fails when the service provider cannot be reached or refuses.
    pub async fn get(&self, endpoint: &str, id: &str) -> Result<Option<Remote>, ClientError> {
        let path = format!("{endpoint}/{}", escaped(id));
        let answer = self.exchange(Method::GET, &path, None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(answer.accepted()?).map(Some)
    }

    /// The resources whose attribute is this text: at most two, which is how one knows that it is not one.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn find(
        &self,
        endpoint: &str,
        attribute: &str,
        text: &str,
    ) -> Result<Vec<Remote>, ClientError> {
        let filter = format!("{attribute} eq {}", Value::from(text));
        let excluded = if endpoint == GROUPS { "&excludedAttributes=members" } else { "" };
        let path = format!("{endpoint}?filter={}&startIndex=1&count=2{excluded}", escaped(&filter));
        let answer = self.exchange(Method::GET, &path, None).await?;
        // Some answer a search that finds nothing like this.
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        Ok(read_page(answer.accepted()?)?.resources)
    }

    /// A page of resources, from the one of this number, counted from 1. Groups come without their members.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn page(&self, endpoint: &str, start: usize) -> Result<RemotePage, ClientError> {
        let excluded = if endpoint == GROUPS { "&excludedAttributes=members" } else { "" };
        let path = format!("{endpoint}?startIndex={start}&count={}{excluded}", self.profile.page_size);
        read_page(self.exchange(Method::GET, &path, None).await?.accepted()?)
    }

    /// Makes a resource. It is not tried again when nobody knows whether it was made: look for it then.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`ClientError::is_taken`] when there is one of that name.
    pub async fn create(&self, endpoint: &str, body: &Map<String, Value>) -> Result<Remote, ClientError> {
        read(self.exchange(Method::POST, endpoint, Some(body)).await?.accepted()?)
    }

    /// Replaces a resource; `false` when there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn replace(
        &self,
        endpoint: &str,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<bool, ClientError> {
        self.change(Method::PUT, endpoint, id, Some(body)).await
    }

    /// Changes a resource by operations; `false` when there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn patch(&self, endpoint: &str, id: &str, operations: Vec<Value>) -> Result<bool, ClientError> {
        let body = json!({ "schemas": [Patch::SCHEMA], "Operations": operations });
        let body = body.as_object().cloned().unwrap_or_default();
        self.change(Method::PATCH, endpoint, id, Some(&body)).await
    }

    /// Deletes a resource; `false` when there is none.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, endpoint: &str, id: &str) -> Result<bool, ClientError> {
        self.change(Method::DELETE, endpoint, id, None).await
    }

    async fn change(
        &self,
        method: Method,
        endpoint: &str,
        id: &str,
        body: Option<&Map<String, Value>>,
    ) -> Result<bool, ClientError> {
        let path = format!("{endpoint}/{}", escaped(id));
        let answer = self.exchange(method, &path, body).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        answer.accepted().map(|_| true)
    }
}

const USERS: &str = "/Users";
const GROUPS: &str = "/Groups";

/// As part of a path or a query.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn read(body: Value) -> Result<Remote, ClientError> {
    let Value::Object(attributes) = body else { return Err(ClientError::Answer("it is no resource")) };
    match attributes.get("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(Remote { id: id.clone(), attributes }),
        _ => Err(ClientError::Answer("the resource has no id")),
    }
}

fn read_page(body: Value) -> Result<RemotePage, ClientError> {
    let Value::Object(mut list) = body else { return Err(ClientError::Answer("it is no list")) };
    let total = list.get("totalResults").and_then(Value::as_u64);
    let resources = match list.remove("Resources") {
        Some(Value::Array(resources)) => resources.into_iter().map(read).collect::<Result<_, _>>()?,
        // A list of none has none.
        None | Some(Value::Null) if total.unwrap_or_default() == 0 => Vec::new(),
        _ => return Err(ClientError::Answer("it is no list of resources")),
    };
    Ok(RemotePage { resources, total })
}
