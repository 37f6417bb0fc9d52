//! The issuer identifier ([RFC 8414, section 2](https://www.rfc-editor.org/rfc/rfc8414#section-2)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The name of an authorization server: an exact string that is compared byte for byte.
///
/// Not a parsed URL, because parsing changes the text (`https://id.example` would become `https://id.example/`) and an
/// issuer that was changed is another issuer. Every URL of the server is this string and a path, whatever a request's
/// headers say.
///
/// ```
/// use ciam_oauth::issuer::Issuer;
///
/// let issuer: Issuer = "https://id.example/customers".parse()?;
/// assert_eq!(issuer.as_str(), "https://id.example/customers");
/// assert_eq!(issuer.endpoint("/token"), "https://id.example/customers/token");
/// # Ok::<(), ciam_oauth::issuer::InvalidIssuer>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

impl Issuer {
    /// An issuer is at most this long, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// The exact string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of an endpoint: the issuer, without a slash at its end, and a path that begins with one.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.trimmed())
    }

    /// The absolute URL of one of the host's pages: an `https` URL (or `http` on a loopback address) as it is, or a path below
    /// the issuer. `None` when it is neither, or has a fragment.
    #[must_use]
    pub fn page(&self, url: &str) -> Option<String> {
        let below = url.starts_with('/') && !url.starts_with("//");
        let absolute = if below { self.endpoint(url) } else { url.to_owned() };
        let parsed = Url::parse(&absolute).ok()?;
        let secure = parsed.scheme() == "https" || parsed.scheme() == "http" && is_loopback(&parsed);
        let plain = absolute.bytes().all(|byte| byte.is_ascii_graphic()) && parsed.fragment().is_none();
        (secure && plain).then_some(absolute)
    }

    /// The path of the issuer without a slash at its end; empty when it has none.
    #[must_use]
    pub fn path(&self) -> &str {
        let after_scheme = self.trimmed().split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("")
    }

    /// The origin: scheme, host and port, as written.
    #[must_use]
    pub fn origin(&self) -> &str {
        let trimmed = self.trimmed();
        trimmed.get(..trimmed.len() - self.path().len()).unwrap_or(trimmed)
    }

    /// Where a well-known document of the issuer is, by the rule of
    /// [RFC 8414, section 3](https://www.rfc-editor.org/rfc/rfc8414#section-3): the suffix stands between host and path.
    #[must_use]
    pub fn well_known_inserted(&self, suffix: &str) -> String {
        format!("{}/.well-known/{suffix}{}", self.origin(), self.path())
    }

    /// Where a well-known document of the issuer is, by the rule of
    /// [OpenID Connect Discovery, section 4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig):
    /// the suffix stands after the path.
    #[must_use]
    pub fn well_known_appended(&self, suffix: &str) -> String {
        format!("{}/.well-known/{suffix}", self.trimmed())
    }

    fn trimmed(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        if text.len() > Self::MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidIssuer::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidIssuer::NotAUrl)?;
        // Anything that a URL parser would write differently invites two spellings of one issuer.
        if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
            return Err(InvalidIssuer::NotCanonical);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidIssuer::QueryOrFragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidIssuer::UserInfo);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(InvalidIssuer::NotHttps),
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Issuer {
    type Error = InvalidIssuer;

    fn try_from(text: String) -> Result<Self, InvalidIssuer> {
        text.parse()
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0)
    }
}

/// Whether a URL's host is this machine: `localhost`, 127.0.0.0/8 or `::1`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The text cannot be an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIssuer {
    /// Not an absolute URL in ASCII, or too long.
    #[error("the issuer is not an absolute URL")]
    NotAUrl,
    /// Spelled as a URL parser would not: upper-case host, default port, dot segments.
    #[error("the issuer is not spelled in the canonical way")]
    NotCanonical,
    /// Neither `https` nor, on this machine, `http`.
    #[error("the issuer must be https (http only for localhost)")]
    NotHttps,
    /// It has a query or a fragment.
    #[error("the issuer must have no query and no fragment")]
    QueryOrFragment,
    /// It has a user name or a password.
    #[error("the issuer must have no user name and no password")]
    UserInfo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_exact_text_and_builds_urls_from_it() {
        let plain: Issuer = "https://id.example".parse().unwrap();
        assert_eq!(plain.as_str(), "https://id.example");
        assert_eq!(plain.path(), "");
        assert_eq!(plain.well_known_inserted("x"), "https://id.example/.well-known/x");
        assert_eq!(plain.well_known_appended("x"), "https://id.example/.well-known/x");

        let slash: Issuer = "https://id.example/a/".parse().unwrap();
        assert_eq!(slash.as_str(), "https://id.example/a/");
        assert_eq!(slash.path(), "/a");
        assert_eq!(slash.origin(), "https://id.example");
        assert_eq!(slash.endpoint("/token"), "https://id.example/a/token");
        assert_eq!(slash.well_known_inserted("x"), "https://id.example/.well-known/x/a");
        assert_eq!(slash.well_known_appended("x"), "https://id.example/a/.well-known/x");

        let local: Issuer = "http://localhost:8080".parse().unwrap();
        assert_eq!(local.origin(), "http://localhost:8080");
    }

    #[test]
    fn refuses_what_cannot_name_an_issuer() {
        for (text, error) in [
            ("", InvalidIssuer::NotAUrl),
            ("id.example", InvalidIssuer::NotAUrl),
            ("https://id.example/ü", InvalidIssuer::NotAUrl),
            ("https://ID.example", InvalidIssuer::NotCanonical),
            ("https://id.example:443", InvalidIssuer::NotCanonical),
            ("https://id.example/a/../b", InvalidIssuer::NotCanonical),
            ("http://id.example", InvalidIssuer::NotHttps),
            ("http://localhost.evil.example", InvalidIssuer::NotHttps),
            ("ftp://id.example/", InvalidIssuer::NotHttps),
            ("https://id.example?x=1", InvalidIssuer::NotCanonical),
            ("https://id.example/?x=1", InvalidIssuer::QueryOrFragment),
            ("https://id.example/#x", InvalidIssuer::QueryOrFragment),
            ("https://me@id.example/", InvalidIssuer::UserInfo),
        ] {
            assert_eq!(text.parse::<Issuer>(), Err(error), "{text}");
        }
    }
}
