//! WebFinger ([OpenID Connect Discovery, section 2](https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery),
//! [RFC 7033](https://www.rfc-editor.org/rfc/rfc7033)): which provider a person's identifier belongs to.

use std::collections::BTreeSet;

use bytes::Bytes;
use ciam_core::http::{Params, ParamsLimits};
use ciam_oauth::AuthorizationServer;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use url::Url;

use crate::http as reply;

/// It is at the root of the host, whatever the issuer's path is.
pub(crate) const PATH: &str = "/.well-known/webfinger";

/// What clients ask for.
const ISSUER: &str = "http://openid.net/specs/connect/1.0/issuer";

/// Answers for these domains. Whether there is such a person is not looked at, so that the answer does not tell.
pub(crate) fn answer(
    server: &AuthorizationServer,
    domains: &BTreeSet<String>,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    match *request.method() {
        Method::OPTIONS => return reply::preflight("GET"),
        Method::GET | Method::HEAD => {}
        _ => return reply::method_not_allowed("GET"),
    }
    let query = request.uri().query().unwrap_or_default();
    let Ok(params) = Params::parse(query, ParamsLimits::default()) else {
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    let Ok(Some(resource)) = params.one("resource") else { return reply::empty(StatusCode::BAD_REQUEST) };
    let Some(domain) = domain_of(resource) else { return reply::empty(StatusCode::BAD_REQUEST) };
    if !domains.contains(&domain) {
        return reply::readable_anywhere(reply::empty(StatusCode::NOT_FOUND));
    }
    let mut asked = params.all("rel").peekable();
    let wanted = asked.peek().is_none() || asked.any(|rel| rel == ISSUER);
    let link = wanted.then(|| json!({ "rel": ISSUER, "href": server.issuer().as_str() }));
    let links: Vec<_> = link.into_iter().collect();
    let mut response = reply::json(&json!({ "subject": resource, "links": links }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jrd+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    reply::readable_anywhere(response)
}

/// The domain of an identifier: of an account at it, or of an address.
fn domain_of(resource: &str) -> Option<String> {
    if let Some(account) = resource.strip_prefix("acct:") {
        let (name, domain) = account.rsplit_once('@')?;
        let well_formed = !name.is_empty() && !domain.is_empty() && !domain.contains(['/', ':', '?', '#']);
        return well_formed.then(|| domain.to_ascii_lowercase());
    }
    let url = Url::parse(resource).ok().filter(|url| url.scheme() == "https")?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_2_1_the_domain_of_an_identifier() {
        for (resource, domain) in [
            ("acct:joe@example.com", Some("example.com")),
            ("acct:joe@home@Example.COM", Some("example.com")),
            ("https://example.com/joe", Some("example.com")),
            ("https://example.com:8443/joe", Some("example.com")),
            ("acct:joe", None),
            ("acct:@example.com", None),
            ("acct:joe@", None),
            ("acct:joe@example.com/x", None),
            ("http://example.com/joe", None),
            ("joe@example.com", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(domain_of(resource).as_deref(), domain, "{resource}");
        }
    }
}
