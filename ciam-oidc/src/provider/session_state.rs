//! Whether a person is still signed in, asked by a client in its own page
//! ([OpenID Connect Session Management 1.0](https://openid.net/specs/openid-connect-session-1_0.html)).
//!
//! The response with a code says `session_state`. The client loads [`PATH`] in a hidden frame and posts its id and that value to it;
//! the frame compares with a cookie that only this origin reads, and answers `unchanged`, `changed` or `error`.
//!
//! # Security
//!
//! The cookie names the session by a keyed hash that no client is told, and opens nothing. It has to be readable by scripts and
//! sent to frames on other sites, which many browsers no longer do: a client that has to know learns it by
//! [back-channel logout](crate::logout).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::extension::{Asked, ResponseMembers};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response};

use crate::http as reply;

/// Where the frame is, below the issuer.
pub(crate) const PATH: &str = "/check-session";

/// The cookie that the frame reads.
const COOKIE: &str = "__Host-ciam_state";

/// What the response says, and the cookie that it is compared with
/// ([section 3.2](https://openid.net/specs/openid-connect-session-1_0.html#ChangeNotification)).
pub(super) fn response(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
) -> Result<ResponseMembers, PortError> {
    let members = ResponseMembers::default();
    // A client without an origin has no page to ask from.
    let (Some(session), Some(origin)) = (asked.session, asked.request.redirect_uri.origin()) else {
        return Ok(members);
    };
    let state = server.browser_state(session.id);
    let salt = Secret::random(server.ports().entropy())?;
    let salt = salt.expose().get(..SALT).unwrap_or_default();
    let cookie = HeaderValue::try_from(format!("{COOKIE}={state}; Path=/; Secure; SameSite=None"));
    Ok(members
        .with_param("session_state", session_state(asked.client.id.as_str(), &origin, &state, salt))
        .with_cookie(cookie.map_err(PortError::permanent)?))
}

const SALT: usize = 16;

fn session_state(client: &str, origin: &str, state: &str, salt: &str) -> String {
    let digest = TokenDigest::of(&format!("{client} {origin} {state} {salt}"));
    format!("{}.{salt}", URL_SAFE_NO_PAD.encode(digest.as_bytes()))
}

/// The cookie of a browser that nobody is signed in with any more.
pub(crate) fn expired_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-ciam_state=; Path=/; Secure; SameSite=None; Max-Age=0")
}

/// The frame. It is for every origin: what it tells is the answer to a question that only a client can put.
pub(super) fn frame(request: &Request<Bytes>) -> Response<Bytes> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply::method_not_allowed("GET");
    }
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Session</title>\n<script>{SCRIPT}</script>\n</html>\n"
    );
    let digest = STANDARD.encode(TokenDigest::of(SCRIPT).as_bytes());
    let policy =
        format!("default-src 'none'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let Ok(policy) = HeaderValue::try_from(policy) else { return reply::unavailable() };
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// Takes "<client> <session state>" of a page, and tells that page alone.
const SCRIPT: &str = r#"
addEventListener("message", async (event) => {
  const tell = (word) => event.source.postMessage(word, event.origin);
  const match = typeof event.data === "string" && /^([\x21-\x7e]+) ([\w-]+)\.([\w-]+)$/.exec(event.data);
  if (!match) return tell("error");
  const [, client, hash, salt] = match;
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("__Host-ciam_state="));
  if (!cookie) return tell("changed");
  const text = [client, event.origin, cookie.slice(cookie.indexOf("=") + 1), salt].join(" ");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const found = btoa(String.fromCharCode(...digest)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  tell(found === hash ? "unchanged" : "changed");
});
"#;

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'app https://app.example s abc' | openssl dgst -sha256 -binary | basenc --base64url`
    #[test]
    fn session_3_2_the_value_is_a_salted_hash() {
        let value = session_state("app", "https://app.example", "s", "abc");
        assert_eq!(value, "fcOygXZzLsPsCF13s2Q37Y4JHY9RmzghIafADDrIeFE.abc");
    }
}
