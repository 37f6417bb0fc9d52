//! What the API answers when it does not do what was asked.

use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use ciam_core::error::PortError;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{pages::Fault, web::Failure};

/// A problem, as JSON of the type `application/problem+json`.
///
/// Like [`Failure`] it has no body until it leaves the server: the guard writes it, logs the cause, and adds the reference.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Report>);

/// Why it was not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Report {
    /// `urn:ciam:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What it is, in a few English words for developers. It may change; the code does not.
    title: &'static str,
    /// The status of the response.
    status: u16,
    /// What it is, for programs.
    code: Code,
    /// More about this occurrence, in English for developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong with which member of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
    /// Under which the server's log has this request, when the fault is the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip)]
    retry_after: Option<u64>,
    #[serde(skip)]
    cause: Option<Failure>,
}

/// What is wrong with one member of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The member, such as `password` or `attributes.city`.
    field: String,
    /// What is wrong with it, for programs, such as `too_short`.
    code: Cow<'static, str>,
}

/// Declares the codes with their statuses and titles.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:ident $title:literal,)*) => {
        /// What a problem is, for programs. Codes are added, and never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status that goes with it.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or the query or the path cannot be read.
    MalformedRequest BAD_REQUEST "the request cannot be read",
    /// A cookie and a token were sent: it must be one of them.
    AmbiguousCredentials BAD_REQUEST "both a cookie and a token were sent",
    /// Nobody is signed in, or no longer.
    NotSignedIn UNAUTHORIZED "nobody is signed in",
    /// The request does not come from this origin.
    CrossSite FORBIDDEN "the request does not come from a page of this origin",
    /// The caller may not do that.
    NotAllowed FORBIDDEN "the caller may not do that",
    /// The caller must prove again, or better, who they are.
    StepUpRequired FORBIDDEN "the caller must sign in again or with a further factor first",
    /// There is nothing, or nothing of the caller's.
    NotFound NOT_FOUND "there is nothing here",
    /// The address does not take this method.
    MethodNotAllowed METHOD_NOT_ALLOWED "the method is not accepted here",
    /// What was to be changed has changed meanwhile, or is there already.
    Conflict CONFLICT "it has changed meanwhile, or exists already",
    /// Others would be left in an organization without an owner.
    LastOwner CONFLICT "others would be left in an organization without an owner",
    /// The body is too large.
    TooLarge PAYLOAD_TOO_LARGE "the request is too large",
    /// The body is not of the type `application/json`.
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "the body must be JSON",
    /// What was sent can be read and is not acceptable; `errors` says where.
    Unacceptable UNPROCESSABLE_ENTITY "something in the request is not acceptable",
    /// What was sent proves nothing: a code, a password, a link.
    NotProved UNPROCESSABLE_ENTITY "that proves nothing: it is wrong, used or expired",
    /// Too many requests; `Retry-After` says when to try again.
    SlowDown TOO_MANY_REQUESTS "too many requests",
    /// The server has a defect.
    Internal INTERNAL_SERVER_ERROR "the server made a mistake",
    /// Something that the server needs does not answer; `Retry-After` says when to try again.
    Unavailable SERVICE_UNAVAILABLE "the server cannot answer at this moment",
}

impl Problem {
    /// A problem with what the developer of the caller should know of this occurrence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self::from(code);
        problem.0.detail = Some(detail.into());
        problem
    }

    /// Members of the request that are not acceptable.
    pub fn unacceptable(
        errors: impl IntoIterator<Item = (impl Into<String>, impl Into<Cow<'static, str>>)>,
    ) -> Self {
        let errors = errors.into_iter();
        let errors =
            errors.map(|(field, code)| FieldProblem { field: field.into(), code: code.into() }).collect();
        let mut problem = Self::from(Code::Unacceptable);
        problem.0.errors = errors;
        problem
    }

    /// Too many requests; the next has a chance after so many seconds.
    pub fn slow_down(seconds: u64) -> Self {
        let mut problem = Self::from(Code::SlowDown);
        problem.0.retry_after = Some(seconds);
        problem
    }

    /// A defect of the server.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Failure::internal(cause).into()
    }

    /// What it is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The cause, for the log.
    pub(crate) fn cause(&self) -> Option<&Failure> {
        self.0.cause.as_ref()
    }

    /// The response, whole.
    pub(crate) fn write(mut self, reference: &str, response: &mut Response) {
        let status = self.0.code.status();
        self.0.reference = status.is_server_error().then(|| reference.to_owned());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let waits = matches!(self.0.code, Code::SlowDown | Code::Unavailable);
        if waits && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, self.0.retry_after.unwrap_or(RETRY).into());
        }
        *response.status_mut() = status;
        // A problem is made of texts and numbers: it can always be written.
        *response.body_mut() = Body::from(serde_json::to_vec(&self).unwrap_or_default());
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let name = serde_json::to_value(code).ok();
        let name = name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        Self(Box::new(Report {
            kind: format!("urn:ciam:problem:{name}"),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: None,
            errors: Vec::new(),
            reference: None,
            retry_after: None,
            cause: None,
        }))
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let code = match failure.fault() {
            Fault::Internal => Code::Internal,
            Fault::BadRequest => Code::MalformedRequest,
            Fault::Expired => Code::Conflict,
            Fault::Forbidden => Code::CrossSite,
            Fault::NotFound => Code::NotFound,
            Fault::TooLarge => Code::TooLarge,
            Fault::Method => Code::MethodNotAllowed,
            Fault::Busy => Code::SlowDown,
            Fault::Unavailable => Code::Unavailable,
        };
        let mut problem = Self::from(code);
        problem.0.cause = Some(failure);
        problem
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// After how many seconds to try again, where nothing better is known.
const RETRY: u64 = 10;
