//! Finding the provider of a person by what they type
//! ([OpenID Connect Discovery, section 2](https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerDiscovery)).

use ciam_core::outbound::{Outbound, OutboundError};
use serde::Deserialize;
use url::{Url, form_urlencoded};

/// The relation of a person to their provider.
const RELATION: &str = "http://openid.net/specs/connect/1.0/issuer";

/// The longest identifier that is asked for, in bytes.
const LONGEST: usize = 1_024;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    #[serde(default)]
    href: Option<String>,
}

/// The issuer of a person: of an address (`ada@example.com`, `acct:ada@example.com`), a URL, or a host.
///
/// # Errors
///
/// Fails when the text is none of these, when its host cannot be asked by the outbound rules, and when it names no issuer.
///
/// # Security
///
/// Whoever owns the host says which provider is theirs. The sign-in goes there, so a host offers this only where any provider
/// may sign its people in.
pub async fn issuer_of(outbound: &Outbound, identifier: &str) -> Result<String, WebFingerError> {
    let (authority, resource) = normal(identifier).ok_or(WebFingerError::Identifier)?;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("resource", &resource)
        .append_pair("rel", RELATION)
        .finish();
    let url = format!("https://{authority}/.well-known/webfinger?{query}");
    let document: Document = outbound.get_json(&url).await?;
    let issuer = document.links.into_iter().find(|link| link.rel == RELATION).and_then(|link| link.href);
    let issuer = issuer.ok_or(WebFingerError::NoIssuer)?;
    let parsed = Url::parse(&issuer).map_err(|_| WebFingerError::NoIssuer)?;
    let bare = parsed.query().is_none() && parsed.fragment().is_none() && parsed.username().is_empty();
    if parsed.scheme() == "https" && bare { Ok(issuer) } else { Err(WebFingerError::NoIssuer) }
}

/// The host to ask, and what to ask for
/// ([section 2.1.2](https://openid.net/specs/openid-connect-discovery-1_0.html#NormalizationSteps)).
fn normal(identifier: &str) -> Option<(String, String)> {
    let plain = (1..=LONGEST).contains(&identifier.len()) && identifier.bytes().all(|b| b.is_ascii_graphic());
    // XRIs are not served any more.
    if !plain || identifier.starts_with(['=', '@', '!']) {
        return None;
    }
    let account = identifier.strip_prefix("acct:");
    let has_scheme = account.is_some() || identifier.contains("://");
    let is_address = identifier.contains('@') && !identifier.contains(['/', '?', '#', ':']);
    if account.is_some() || (!has_scheme && is_address) {
        let account = account.unwrap_or(identifier);
        let (user, host) = account.rsplit_once('@')?;
        let authority = authority(&format!("https://{host}"))?;
        return (!user.is_empty()).then(|| (authority, format!("acct:{account}")));
    }
    let url = if has_scheme { identifier.to_owned() } else { format!("https://{identifier}") };
    let resource = url.split('#').next().unwrap_or_default().to_owned();
    Some((authority(&resource)?, resource))
}

fn authority(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The provider of a person cannot be found.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebFingerError {
    /// The text is no address, no URL and no host.
    #[error("the text names nobody")]
    Identifier,
    /// The host cannot be asked.
    #[error("the host cannot be asked")]
    Fetch(#[from] OutboundError),
    /// The host names no issuer, or none that can be used.
    #[error("the host names no issuer")]
    NoIssuer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_2_1_identifiers_are_normalised() {
        for (typed, authority, resource) in [
            ("joe@example.com", "example.com", "acct:joe@example.com"),
            ("acct:joe@example.com", "example.com", "acct:joe@example.com"),
            (
                "acct:juliet%40capulet.example@shop.example",
                "shop.example",
                "acct:juliet%40capulet.example@shop.example",
            ),
            ("https://example.com/joe", "example.com", "https://example.com/joe"),
            ("example.com", "example.com", "https://example.com"),
            ("example.com:8080", "example.com:8080", "https://example.com:8080"),
            ("example.com/joe#me", "example.com", "https://example.com/joe"),
        ] {
            assert_eq!(normal(typed), Some((authority.to_owned(), resource.to_owned())), "{typed}");
        }
    }

    #[test]
    fn discovery_2_1_what_names_nobody() {
        let long = format!("{}@example.com", "a".repeat(LONGEST));
        for typed in [
            "",
            " ",
            "=xri",
            "@xri",
            "!xri",
            "http://example.com/",
            "ftp://example.com",
            "acct:@example.com",
            "acct:joe",
            "acct:joe@",
            "joe@exa mple.com",
            "https://joe@example.com/",
            "https://",
            "acct:joe@evil.example/path@",
            &long,
        ] {
            assert_eq!(normal(typed), None, "{typed}");
        }
    }
}
