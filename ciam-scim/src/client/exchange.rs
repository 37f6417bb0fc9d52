//! One request, until there is an answer to it.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::secret::Secret;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Map, Value};

use super::ScimClient;
use super::error::ClientError;
use super::retry::{Next, retry_after};

/// The access tokens of a service provider.
///
/// # Contract
///
/// `token` gives the token that is good now. Where one was `rejected` it gives another, or the same when it has no other.
#[async_trait]
pub trait AccessTokens: fmt::Debug + Send + Sync {
    /// A token.
    ///
    /// # Errors
    ///
    /// Fails when there is none to be had.
    async fn token(&self, rejected: Option<&Secret>) -> Result<Secret, PortError>;
}

/// One token that stays.
#[derive(Clone, Debug)]
pub struct FixedToken(Secret);

impl FixedToken {
    /// A token.
    #[must_use]
    pub const fn new(token: Secret) -> Self {
        Self(token)
    }
}

#[async_trait]
impl AccessTokens for FixedToken {
    async fn token(&self, _rejected: Option<&Secret>) -> Result<Secret, PortError> {
        Ok(self.0.clone())
    }
}

/// What was answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Bytes,
}

impl Answer {
    /// The body of an answer that says yes; `null` where it has none.
    pub(super) fn accepted(self) -> Result<Value, ClientError> {
        let parsed = serde_json::from_slice::<Value>(&self.body);
        if self.status.is_success() {
            return match parsed {
                Ok(body) => Ok(body),
                Err(_) if self.body.is_empty() => Ok(Value::Null),
                Err(_) => Err(ClientError::Answer("it is no JSON")),
            };
        }
        let said = parsed.unwrap_or_default();
        let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
        Err(ClientError::Refused {
            status: self.status.as_u16(),
            scim_type: text("scimType").chars().take(40).collect(),
            detail: text("detail").chars().take(300).collect(),
        })
    }
}

impl ScimClient {
    /// Sends a request, and again as far as the policy goes.
    pub(super) async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Map<String, Value>>,
    ) -> Result<Answer, ClientError> {
        let bytes = body.map(serde_json::to_vec).transpose().map_err(PortError::permanent)?;
        let bytes = Bytes::from(bytes.unwrap_or_default());
        let mut token = self.tokens.token(None).await?;
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let request = self.request(&method, path, &token, bytes.clone())?;
            let outcome = self.outbound.send(request).await;
            let status = outcome.as_ref().ok().map(Response::status);
            if status == Some(StatusCode::UNAUTHORIZED) && !renewed {
                renewed = true;
                let other = self.tokens.token(Some(&token)).await?;
                if !other.ct_eq(token.expose()) {
                    token = other;
                    continue;
                }
            }
            let asked = outcome.as_ref().ok().and_then(|it| it.headers().get(RETRY_AFTER));
            let asked = asked.and_then(|it| retry_after(it.to_str().ok()?, self.ports.now()));
            match self.retry.decide(&method, attempt, status, asked) {
                Next::Later(after) => return Err(ClientError::Later { after }),
                Next::Again(wait) => {
                    attempt += 1;
                    self.ports.runtime().sleep(wait).await;
                }
                Next::Take => {
                    let response = outcome?;
                    return Ok(Answer { status: response.status(), body: response.into_body() });
                }
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        token: &Secret,
        body: Bytes,
    ) -> Result<Request<Bytes>, ClientError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| PortError::permanent("the access token is none of a header"))?;
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/scim+json, application/json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/scim+json");
        }
        Ok(request.body(body).map_err(PortError::permanent)?)
    }
}
