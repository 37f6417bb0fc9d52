//! Responses: JSON, errors and the page that a person sees when nothing can be redirected.

use std::error::Error;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, PRAGMA,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;

use crate::authorize::{escape, private};
use crate::error::SafeError;
use crate::trace;

/// A JSON response that nobody may store.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(body) => json_bytes(status, body),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A JSON response that nobody may store, of a body that is JSON already.
pub(crate) fn json_bytes(status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A JSON document that everybody may read and keep for a while, in seconds.
pub(crate) fn document<T: Serialize>(body: &T, max_age: u32) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(body) => raw_document(Bytes::from(body), i64::from(max_age)),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A JSON document that is serialized already, such as the key set.
pub(crate) fn raw_document(body: Bytes, max_age: i64) -> Response<Bytes> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let caching = HeaderValue::try_from(format!("public, max-age={}", max_age.max(0)));
    headers.insert(CACHE_CONTROL, caching.unwrap_or(HeaderValue::from_static("no-cache")));
    response
}

/// The body of an error response ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// An error as JSON.
pub(crate) fn error(status: StatusCode, code: &str, description: &str) -> Response<Bytes> {
    let mut response = json(status, &ErrorBody { error: code, error_description: description });
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// An error of an endpoint that authenticates clients, as JSON
/// ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)). A client that used the `Authorization`
/// header is told by which scheme to do that; one that did not has no header to correct.
pub(crate) fn refuse(
    request: &Request<Bytes>,
    status: StatusCode,
    code: &str,
    description: &str,
    cause: &(dyn Error + 'static),
) -> Response<Bytes> {
    trace::refused(code, cause);
    let mut response = error(status, code, description);
    if status == StatusCode::UNAUTHORIZED && request.headers().contains_key(AUTHORIZATION) {
        let scheme = HeaderValue::from_static("Basic realm=\"oauth\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

/// An empty response.
pub(crate) fn plain(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The method is not one of the endpoint's.
pub(crate) fn method_not_allowed(methods: &[Method]) -> Response<Bytes> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
    let allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::try_from(allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// A page for an error that cannot be redirected. It says what happened in fixed words; the error itself is in the
/// response's extensions, for a host that renders a page of its own.
pub(crate) fn page(found: SafeError) -> Response<Bytes> {
    trace::refused(found.code(), &found);
    let text = escape(person_text(&found));
    let code = found.code();
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Sign-in is not possible</title>\n\
         <h1>Sign-in is not possible</h1>\n<p>{text}</p>\n<p><small>{code}</small></p>\n</html>\n"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = found.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    );
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    private(&mut response);
    response.extensions_mut().insert(found);
    response
}

/// What a person is told. The same for everything that the application did wrong: the person can do nothing about it.
const fn person_text(found: &SafeError) -> &'static str {
    match found {
        SafeError::Malformed(_) | SafeError::UnknownClient | SafeError::RedirectUri => {
            "The application sent a request that cannot be answered. Go back to it and try again; if this happens \
             again, tell its operator."
        }
        SafeError::RequestUri | SafeError::Interaction => {
            "This sign-in has expired, or was finished in another tab. Go back to the application and start again."
        }
        SafeError::Port(_) => "The service is not available at the moment. Try again in a little while.",
    }
}
