//! Redirect URIs: where the authorization response goes, and how a requested one is compared.
//!
//! Comparison is by bytes ([RFC 9700, section 2.1](https://www.rfc-editor.org/rfc/rfc9700#section-2.1)): no normalisation,
//! no patterns. The one exception is the port of a loopback address of a native app
//! ([RFC 8252, section 7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)).

use std::fmt;
use std::str::FromStr;

use ciam_core::http::{Params, ParamsLimits};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use crate::issuer::is_loopback;

/// A redirect URI that is safe to register and to redirect to.
///
/// ```
/// use ciam_oauth::redirect_uri::{RedirectUri, RedirectUriError};
///
/// let uri: RedirectUri = "https://app.example/callback?tenant=7".parse()?;
/// assert_eq!(uri.as_str(), "https://app.example/callback?tenant=7");
/// assert_eq!("https://app.example/#x".parse::<RedirectUri>(), Err(RedirectUriError::HasFragment));
/// # Ok::<(), RedirectUriError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// Whose a redirect URI is, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectUriKind {
    /// `https`: a web application, or an app that claims the address.
    Https,
    /// `http` to a loopback address or `localhost`: an app on the person's machine, or development.
    Loopback,
    /// A scheme of the app's own, a domain name in reverse such as `com.example.app`.
    PrivateUse,
}

impl RedirectUri {
    /// A redirect URI is at most this long, in bytes.
    pub const MAX_LENGTH: usize = 2048;

    /// The exact string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose it is, by its form.
    #[must_use]
    pub fn kind(&self) -> RedirectUriKind {
        if starts_with_ignoring_case(&self.0, "https:") {
            RedirectUriKind::Https
        } else if starts_with_ignoring_case(&self.0, "http:") {
            RedirectUriKind::Loopback
        } else {
            RedirectUriKind::PrivateUse
        }
    }

    /// Whether a requested URI is this registered one: the same bytes.
    #[must_use]
    pub fn matches_exactly(&self, requested: &str) -> bool {
        self.0 == requested
    }

    /// Whether a requested URI is this registered one but for the port, which an app on the person's machine cannot know
    /// beforehand. Only for `http` to the literals `127.0.0.1` and `[::1]`; `localhost` is a name that may lead elsewhere
    /// ([RFC 8252, section 8.3](https://www.rfc-editor.org/rfc/rfc8252#section-8.3)), so it is compared exactly.
    #[must_use]
    pub fn matches_on_any_loopback_port(&self, requested: &str) -> bool {
        match (split_loopback(&self.0), split_loopback(requested)) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
    }

    /// The origin for a Content-Security-Policy; `None` for a private-use scheme, which has none.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        match self.kind() {
            RedirectUriKind::PrivateUse => None,
            _ => Url::parse(&self.0).ok().map(|url| url.origin().ascii_serialization()),
        }
    }

    /// The scheme, as written.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// The URI with parameters added to its query, form-encoded.
    #[must_use]
    pub fn with_query(&self, params: &[(&str, &str)]) -> String {
        let separator = match self.0.find('?') {
            None => "?",
            Some(at) if at + 1 == self.0.len() || self.0.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.0, encode(params))
    }

    /// The URI with parameters as its fragment, form-encoded.
    #[must_use]
    pub fn with_fragment(&self, params: &[(&str, &str)]) -> String {
        format!("{}#{}", self.0, encode(params))
    }
}

fn encode(params: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The parts of a loopback URI that must be equal: the address, and everything after the port.
fn split_loopback(uri: &str) -> Option<(&str, &str)> {
    let (address, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|address| uri.strip_prefix(address).map(|rest| (address, rest)))?;
    let after_port = match rest.strip_prefix(':') {
        None => rest,
        Some(port_and_more) => {
            let digits = port_and_more.bytes().take_while(u8::is_ascii_digit).count();
            let (port, more) = port_and_more.split_at_checked(digits)?;
            let canonical = !port.starts_with('0') && port.parse::<u16>().is_ok();
            canonical.then_some(more)?
        }
    };
    (after_port.is_empty() || after_port.starts_with(['/', '?'])).then_some((address, after_port))
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, RedirectUriError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(RedirectUriError::TooLong);
        }
        // A backslash is a slash to some browsers; quotes and angle brackets have no place in a URI.
        let allowed =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`');
        if !text.bytes().all(allowed) {
            return Err(RedirectUriError::BadCharacter);
        }
        if text.contains('#') {
            return Err(RedirectUriError::HasFragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
        check_scheme(text, &url)?;
        // As it is written, since the parser forgets a userinfo that is empty.
        if authority(text).contains('@') {
            return Err(RedirectUriError::UserInfo);
        }
        check_path(&url, text)?;
        check_query(url.query().unwrap_or_default())?;
        Ok(Self(text.to_owned()))
    }
}

/// What stands between `//` and the path or query.
fn authority(text: &str) -> &str {
    let rest = text.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or_default();
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn check_scheme(text: &str, url: &Url) -> Result<(), RedirectUriError> {
    match url.scheme() {
        "http" | "https" => {
            // The parser forgives `https:host` and `https:///host`; a comparison by bytes must not meet such spellings.
            let (_, rest) = text.split_once(':').unwrap_or_default();
            let host = rest.strip_prefix("//").ok_or(RedirectUriError::NotAbsolute)?;
            if host.starts_with('/') || url.host().is_none() {
                return Err(RedirectUriError::NotAbsolute);
            }
            if url.scheme() == "http" && !is_loopback(url) {
                return Err(RedirectUriError::PlainHttp);
            }
            Ok(())
        }
        // A private-use scheme is a reversed domain name, which none of the schemes that run or read something is.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

/// Refuses dot segments, written or percent-encoded: what they lead to depends on who resolves them.
fn check_path(url: &Url, text: &str) -> Result<(), RedirectUriError> {
    let before_query = text.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let decoded = before_query.replace("%2e", ".");
    let dotted = decoded.split('/').skip(1).any(|segment| segment == "." || segment == "..");
    if dotted || before_query.contains("%2f") && url.has_host() || before_query.contains("%5c") {
        return Err(RedirectUriError::DotSegment);
    }
    Ok(())
}

fn check_query(query: &str) -> Result<(), RedirectUriError> {
    let params = Params::parse(query, ParamsLimits::default()).map_err(|_| RedirectUriError::BadCharacter)?;
    if params.pairs().iter().any(|(name, _)| RESERVED_PARAMETERS.contains(&name.as_str())) {
        return Err(RedirectUriError::ReservedParameter);
    }
    Ok(())
}

/// The names of authorization response parameters. A registered URI that already has one would make the response
/// ambiguous: the client could read the one from the registration and not ours.
pub const RESERVED_PARAMETERS: [&str; 13] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "response",
    "id_token",
    "access_token",
    "token_type",
    "expires_in",
    "scope",
    "session_state",
];

impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;

    fn try_from(text: String) -> Result<Self, RedirectUriError> {
        text.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

/// The text cannot be a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectUriError {
    /// Over [`RedirectUri::MAX_LENGTH`].
    #[error("the redirect URI is too long")]
    TooLong,
    /// Not an absolute URI with a host or a scheme of its own.
    #[error("the redirect URI is not absolute")]
    NotAbsolute,
    /// A character that a URI does not have: a space, a quote, a backslash, one outside ASCII.
    #[error("the redirect URI has a character that is not allowed")]
    BadCharacter,
    /// It has a fragment, even an empty one.
    #[error("the redirect URI has a fragment")]
    HasFragment,
    /// It has a user name or password.
    #[error("the redirect URI has a user name or password")]
    UserInfo,
    /// It has a segment `.` or `..`, or an encoded slash or backslash.
    #[error("the redirect URI has a dot segment or an encoded slash")]
    DotSegment,
    /// `http` to a host that is not this machine.
    #[error("the redirect URI is plain http to another machine")]
    PlainHttp,
    /// The scheme is neither `https`, nor loopback `http`, nor a reversed domain name.
    #[error("the redirect URI has a scheme that is not allowed")]
    Scheme,
    /// The query has a parameter of [`RESERVED_PARAMETERS`].
    #[error("the redirect URI has a parameter that belongs to the response")]
    ReservedParameter,
}

#[cfg(test)]
mod tests;
