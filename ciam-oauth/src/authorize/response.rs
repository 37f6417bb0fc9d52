//! The authorization response: what goes back to the client, through the browser.

use std::fmt;

use bytes::Bytes;
use ciam_core::encoding::base64url;
use ciam_core::secret::Secret;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, PRAGMA, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::parse::ReturnAddress;
use super::request::ResponseMode;
use crate::error::AuthorizeError;
use crate::extension::ResponseMembers;
use crate::issuer::Issuer;
use crate::redirect_uri::RedirectUri;

/// The answer to an authorization request, for the redirect URI.
///
/// It always carries `state`, as it was sent, and `iss`
/// ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)), on success and on error alike, so that a client with several
/// authorization servers cannot mix them up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthorizeResponse {
    /// Where it goes.
    pub redirect_uri: RedirectUri,
    /// How it goes there.
    pub mode: ResponseMode,
    /// The client's own value.
    pub state: Option<String>,
    /// Who answers.
    pub issuer: Issuer,
    /// The answer.
    pub outcome: AuthorizeOutcome,
    /// What the [`Extension`](crate::extension::Extension) added.
    pub(super) extra: ResponseMembers,
    /// All of it in a signed JWT, for the modes that are one.
    pub(super) jwt: Option<Secret>,
}

/// A code or an error.
#[derive(Clone)]
#[non_exhaustive]
pub enum AuthorizeOutcome {
    /// A code to exchange at the token endpoint.
    Code(Secret),
    /// Nothing of the server itself: the request asked for an ID token alone, which the extension adds.
    Extension,
    /// A refusal.
    Error(AuthorizeError),
}

impl fmt::Debug for AuthorizeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code(..)"),
            Self::Extension => f.write_str("Extension"),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
        }
    }
}

impl AuthorizeResponse {
    pub(crate) fn new(address: ReturnAddress, issuer: Issuer, outcome: AuthorizeOutcome) -> Self {
        let ReturnAddress { redirect_uri, mode, state, .. } = address;
        Self { redirect_uri, mode, state, issuer, outcome, extra: ResponseMembers::default(), jwt: None }
    }

    /// The parameters, in order: the single one of a response in a JWT, or those of the response.
    #[must_use]
    pub fn params(&self) -> Vec<(&str, &str)> {
        match &self.jwt {
            Some(jwt) => vec![("response", jwt.expose())],
            None => self.plain_params(),
        }
    }

    /// The parameters of the response, whether they go in a JWT or not.
    pub(super) fn plain_params(&self) -> Vec<(&str, &str)> {
        let mut params = Vec::with_capacity(4);
        match &self.outcome {
            AuthorizeOutcome::Code(code) => params.push(("code", code.expose())),
            AuthorizeOutcome::Extension => {}
            AuthorizeOutcome::Error(error) => {
                params.push(("error", error.code()));
                params.push(("error_description", error.description()));
            }
        }
        if let Some(state) = &self.state {
            params.push(("state", state.as_str()));
        }
        params.push(("iss", self.issuer.as_str()));
        params.extend(self.extra.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        params
    }

    /// The response for the browser: a redirect, or a page that posts a form.
    #[must_use]
    pub fn to_http(&self) -> Response<Bytes> {
        let params = self.params();
        let mut response = match self.mode.place() {
            ResponseMode::Fragment => redirect(&self.redirect_uri.with_fragment(&params)),
            ResponseMode::FormPost => form_post(&self.redirect_uri, &params),
            ResponseMode::WebMessage => web_message(&self.redirect_uri, &params),
            _ => redirect(&self.redirect_uri.with_query(&params)),
        };
        private(&mut response);
        if self.mode == ResponseMode::WebMessage {
            // Its own policy names the one origin that may frame it.
            response.headers_mut().remove(X_FRAME_OPTIONS);
        }
        for cookie in &self.extra.cookies {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        response
    }
}

/// A redirect that turns a POST into a GET, so that no credential is ever posted on
/// ([RFC 9700, section 4.12](https://www.rfc-editor.org/rfc/rfc9700#section-4.12)).
pub(crate) fn redirect(location: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    match HeaderValue::try_from(location) {
        Ok(value) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, value);
        }
        // Every location is ASCII by construction; if one is not, nothing is sent anywhere.
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

/// Headers of a response that is for this browser only: not stored, not framed, no referrer.
pub(crate) fn private(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
}

const SUBMIT: &str = "document.forms[0].submit()";

fn form_post(redirect_uri: &RedirectUri, params: &[(&str, &str)]) -> Response<Bytes> {
    let mut fields = String::new();
    for (name, value) in params {
        fields.push_str("<input type=\"hidden\" name=\"");
        fields.push_str(&escape(name));
        fields.push_str("\" value=\"");
        fields.push_str(&escape(value));
        fields.push_str("\">\n");
    }
    let action = escape(redirect_uri.as_str());
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Returning to the application</title>\n\
         <form method=\"post\" action=\"{action}\">\n{fields}\
         <noscript><button type=\"submit\">Continue</button></noscript>\n</form>\n<script>{SUBMIT}</script>\n</html>\n"
    );
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // The script is allowed by its hash, and the form may go nowhere but to the client.
    let target = redirect_uri.origin().unwrap_or_else(|| format!("{}:", redirect_uri.scheme()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; form-action {target}; frame-ancestors 'none'; base-uri 'none'",
        script_hash()
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

const TELL: &str = "const m=JSON.parse(document.getElementById('m').textContent);\
    (window.opener||window.parent).postMessage({type:'authorization_response',response:m.response},m.origin)";

/// A page that tells the window which opened it, or the frame around it, and no other origin
/// ([draft](https://datatracker.ietf.org/doc/html/draft-sakimura-oauth-wmrm-00)).
fn web_message(redirect_uri: &RedirectUri, params: &[(&str, &str)]) -> Response<Bytes> {
    let Some(origin) = redirect_uri.origin() else { return redirect(&redirect_uri.with_query(params)) };
    let response: Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    // No text in it can end the element that it is in.
    let message = json!({ "origin": origin, "response": response }).to_string().replace('<', "\\u003c");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Returning to the application</title>\n\
         <script type=\"application/json\" id=\"m\">{message}</script>\n<script>{TELL}</script>\n</html>\n"
    );
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; frame-ancestors {origin}; base-uri 'none'; form-action 'none'",
        hash_of(TELL)
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The script's SHA-256 digest in the padded base64 that a Content-Security-Policy wants.
fn script_hash() -> String {
    hash_of(SUBMIT)
}

fn hash_of(script: &str) -> String {
    let digest = ciam_core::secret::TokenDigest::of(script);
    let unpadded = base64url::encode(digest.as_bytes()).replace('-', "+").replace('_', "/");
    format!("{unpadded}=")
}

/// Escapes text for an HTML attribute in double quotes, and for element content.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(mode: ResponseMode, outcome: AuthorizeOutcome) -> AuthorizeResponse {
        AuthorizeResponse {
            redirect_uri: "https://app.example/cb?t=7".parse().unwrap(),
            mode,
            state: Some("\"><script>alert(1)</script>&'".to_owned()),
            issuer: "https://id.example".parse().unwrap(),
            outcome,
            extra: ResponseMembers::default(),
            jwt: None,
        }
    }

    fn header(response: &Response<Bytes>, name: http::HeaderName) -> String {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// RFC 9207: `iss` on success and on error; RFC 9700, section 4.12: 303.
    #[test]
    fn redirects_with_state_and_issuer() {
        for outcome in [
            AuthorizeOutcome::Code(Secret::from("c0de")),
            AuthorizeOutcome::Error(AuthorizeError::AccessDenied),
        ] {
            let sent = response(ResponseMode::Query, outcome).to_http();
            assert_eq!(sent.status(), StatusCode::SEE_OTHER);
            let url = url::Url::parse(&header(&sent, LOCATION)).unwrap();
            let value = |name: &str| {
                url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
            };
            assert_eq!(value("t").as_deref(), Some("7"));
            assert_eq!(value("iss").as_deref(), Some("https://id.example"));
            assert_eq!(value("state").as_deref(), Some("\"><script>alert(1)</script>&'"));
            assert!(value("code").is_some() ^ value("error").is_some());
            assert_eq!(header(&sent, CACHE_CONTROL), "no-store");
            assert_eq!(header(&sent, REFERRER_POLICY), "no-referrer");
            assert_eq!(header(&sent, X_FRAME_OPTIONS), "DENY");
        }
    }

    #[test]
    fn the_fragment_mode_leaves_the_query_alone() {
        let outcome = AuthorizeOutcome::Code(Secret::from("c0de"));
        let sent = response(ResponseMode::Fragment, outcome).to_http();
        assert!(header(&sent, LOCATION).starts_with("https://app.example/cb?t=7#code=c0de&"));
    }

    /// S4: nothing that a client or attacker sends becomes markup, and the form goes to the client only.
    #[test]
    fn the_form_is_escaped_and_confined() {
        let outcome = AuthorizeOutcome::Code(Secret::from("c0de"));
        let sent = response(ResponseMode::FormPost, outcome).to_http();
        let body = std::str::from_utf8(sent.body()).unwrap();
        assert_eq!(sent.status(), StatusCode::OK);
        assert_eq!(body.matches("<script>").count(), 1);
        assert!(body.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;\""));
        assert!(body.contains("action=\"https://app.example/cb?t=7\""));
        let policy = header(&sent, CONTENT_SECURITY_POLICY);
        assert!(policy.contains("form-action https://app.example;"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(header(&sent, CONTENT_TYPE), "text/html; charset=utf-8");
    }

    /// The message goes to the client's origin alone, which alone may frame the page; nothing in it becomes markup.
    #[test]
    fn a_message_is_for_one_origin() {
        let outcome = AuthorizeOutcome::Code(Secret::from("c0de"));
        let sent = response(ResponseMode::WebMessage, outcome).to_http();
        let body = std::str::from_utf8(sent.body()).unwrap();
        assert_eq!(sent.status(), StatusCode::OK);
        assert_eq!(body.matches("<script").count(), 2);
        let message = body.split("id=\"m\">").nth(1).unwrap().split("</script>").next().unwrap();
        let message: Value = serde_json::from_str(message).unwrap();
        assert_eq!(message["origin"], "https://app.example");
        assert_eq!(message["response"]["code"], "c0de");
        assert_eq!(message["response"]["state"], "\"><script>alert(1)</script>&'");
        assert_eq!(message["response"]["iss"], "https://id.example");
        let policy = header(&sent, CONTENT_SECURITY_POLICY);
        assert!(policy.contains("frame-ancestors https://app.example;"), "{policy}");
        assert!(policy.contains(&format!("script-src 'sha256-{}'", hash_of(TELL))), "{policy}");
        assert_eq!(header(&sent, X_FRAME_OPTIONS), "");
    }

    /// The digest of the script as `openssl dgst -sha256 -binary | base64` prints it.
    #[test]
    fn the_script_is_allowed_by_its_hash() {
        assert_eq!(script_hash(), "ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=");
    }

    #[test]
    fn a_code_is_not_printed() {
        let outcome = AuthorizeOutcome::Code(Secret::from("c0de"));
        assert!(!format!("{:?}", response(ResponseMode::Query, outcome)).contains("c0de"));
    }
}
