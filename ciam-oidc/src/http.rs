//! Responses of the provider's endpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::secret::TokenDigest;
use ciam_oauth::AuthorizationServer;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;

use crate::logout::SignOutError;

pub(crate) async fn discovery(server: &AuthorizationServer, request: &Request<Bytes>) -> Response<Bytes> {
    match *request.method() {
        Method::OPTIONS => preflight("GET"),
        Method::GET | Method::HEAD => {
            let Ok(document) = server.published_metadata().await else { return unavailable() };
            let mut response = json(&document);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            readable_anywhere(response)
        }
        _ => method_not_allowed("GET"),
    }
}

pub(crate) fn json<T: Serialize>(body: &T) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(body) => with(StatusCode::OK, Bytes::from(body), &[(CONTENT_TYPE, "application/json")]),
        Err(_) => unavailable(),
    }
}

pub(crate) fn jwt(jwt: String) -> Response<Bytes> {
    with(StatusCode::OK, Bytes::from(jwt), &[(CONTENT_TYPE, "application/jwt")])
}

pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    with(status, Bytes::new(), &[])
}

pub(crate) fn unavailable() -> Response<Bytes> {
    with(StatusCode::SERVICE_UNAVAILABLE, Bytes::new(), &[(RETRY_AFTER, "5")])
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Bytes> {
    with(StatusCode::METHOD_NOT_ALLOWED, Bytes::new(), &[(ALLOW, allowed)])
}

/// A page for a sign-out that cannot be done, in fixed words: nothing of the request is repeated. The error itself is in the
/// response's extensions, for a host that renders a page of its own.
pub(crate) fn sign_out_refused(error: SignOutError) -> Response<Bytes> {
    let (status, text) = match error {
        SignOutError::Port(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The service is not available at the moment. Try again in a little while.",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "The application sent a request that cannot be answered, and you were not signed out. Go back to it and \
             try again; if this happens again, tell its operator.",
        ),
    };
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Sign-out is not possible</title>\n\
         <h1>Sign-out is not possible</h1>\n<p>{text}</p>\n<p><small>{}</small></p>\n</html>\n",
        error.code()
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    let mut response = with(status, Bytes::from(body), &headers);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response.extensions_mut().insert(error);
    response
}

/// 303 See Other, which every browser follows with a GET that carries nothing of this request.
pub(crate) fn redirect(to: &str) -> Response<Bytes> {
    let mut response = with(StatusCode::SEE_OTHER, Bytes::new(), &[(REFERRER_POLICY, "no-referrer")]);
    match HeaderValue::try_from(to) {
        Ok(location) => {
            response.headers_mut().insert(LOCATION, location);
            response
        }
        // Every location is ASCII by construction; if one is not, nothing is sent anywhere.
        Err(_) => unavailable(),
    }
}

/// A page that loads addresses in frames and then goes on.
pub(crate) fn frames(frames: &[String], origins: &[String], next: &str) -> Response<Bytes> {
    let frames: String = frames
        .iter()
        .map(|frame| format!("<iframe src=\"{}\" hidden title=\"\"></iframe>\n", escape(frame)))
        .collect();
    let next = escape(next);
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"refresh\" content=\"{WAIT};url={next}\">\n<title>Signing out</title>\n\
         <p>You are being signed out of your applications. <a href=\"{next}\">Continue</a></p>\n\
         {frames}<script>{GO_ON}</script>\n</html>\n"
    );
    let policy = format!(
        "default-src 'none'; frame-src {}; script-src 'sha256-{}'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'",
        origins.join(" "),
        STANDARD.encode(TokenDigest::of(GO_ON).as_bytes())
    );
    let Ok(policy) = HeaderValue::try_from(policy) else { return unavailable() };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    let mut response = with(StatusCode::OK, Bytes::from(body), &headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Goes on when every frame has loaded.
const GO_ON: &str = "addEventListener(\"load\",()=>location.replace(document.links[0].href))";

/// How many seconds the page waits where there are no scripts, or a frame hangs.
const WAIT: u32 = 4;

/// Escapes text for an HTML attribute in double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(crate) fn preflight(methods: &'static str) -> Response<Bytes> {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
    ];
    readable_anywhere(with(StatusCode::NO_CONTENT, Bytes::new(), &headers))
}

/// Lets scripts of every origin read the response: no cookie plays a part in it.
pub(crate) fn readable_anywhere(mut response: Response<Bytes>) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, DPoP-Nonce"));
    response
}

pub(crate) fn is_form(value: &HeaderValue) -> bool {
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn with(status: StatusCode, body: Bytes, headers: &[(HeaderName, &'static str)]) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let all = response.headers_mut();
    all.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    all.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in headers {
        all.insert(name.clone(), HeaderValue::from_static(value));
    }
    response
}
