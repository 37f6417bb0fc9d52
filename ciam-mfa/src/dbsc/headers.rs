//! The header fields, and the little of Structured Fields ([RFC 9651](https://www.rfc-editor.org/rfc/rfc9651)) that they use.

use ciam_core::error::PortError;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Asks the browser to bind the session.
pub const SECURE_SESSION_REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
/// What the next proof has to sign.
pub const SECURE_SESSION_CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");
/// A proof.
pub const SECURE_SESSION_RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
/// Which session is to be refreshed.
pub const SECURE_SESSION_ID: HeaderName = HeaderName::from_static("sec-secure-session-id");

/// The string of a header field that has to have one; `None` where there is none, another thing, or more than one.
pub(super) fn string<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    if values.next().is_some() {
        return None;
    }
    let (text, rest) = value.strip_prefix('"')?.split_once('"')?;
    // What has to be escaped is in none of the texts that are expected. Parameters are to be ignored.
    let sensible = !text.contains('\\') && (rest.is_empty() || rest.starts_with(';'));
    sensible.then_some(text)
}

/// `(ES256 RS256);path="…";challenge="…"`
pub(super) fn registration(path: &str, challenge: &str) -> Result<HeaderValue, PortError> {
    let text = format!(r#"(ES256 RS256);path="{path}";challenge="{challenge}""#);
    HeaderValue::try_from(text).map_err(PortError::permanent)
}

/// `"…";id="…"`
pub(super) fn challenge(challenge: &str, id: &str) -> Result<HeaderValue, PortError> {
    HeaderValue::try_from(format!(r#""{challenge}";id="{id}""#)).map_err(PortError::permanent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_and_nothing_else() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(SECURE_SESSION_ID, HeaderValue::from_static(value));
            string(&headers, &SECURE_SESSION_ID).map(ToOwned::to_owned)
        };
        assert_eq!(read(r#""abc""#).as_deref(), Some("abc"));
        assert_eq!(read(r#" "abc";x=1 "#).as_deref(), Some("abc"));
        assert_eq!(read(r#""""#).as_deref(), Some(""));
        for bad in ["abc", r#""abc"#, r#""a"b"#, r#""a\"b""#, r#""a\b""#, r#""a", "b""#, "", "?1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let mut twice = HeaderMap::new();
        twice.append(SECURE_SESSION_ID, HeaderValue::from_static(r#""a""#));
        twice.append(SECURE_SESSION_ID, HeaderValue::from_static(r#""b""#));
        assert_eq!(string(&twice, &SECURE_SESSION_ID), None);
    }
}
