//! Cookies of the `__Host-` kind ([RFC 6265bis, section 4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3)).

use http::header::{COOKIE, HeaderMap, HeaderValue};
use time::Duration;

use crate::entropy::Entropy;
use crate::error::PortError;
use crate::secret::{Secret, TokenDigest};

/// The cookie that holds a session: `<session id>.<secret>`.
pub const SESSION_COOKIE: &str = "__Host-ciam-session";

/// The cookie that binds interactions and journeys to a browser before there is a session.
pub const BROWSER_COOKIE: &str = "__Host-ciam-browser";

/// The cookie by which an account remembers a browser: `<device id>.<secret>`.
pub const DEVICE_COOKIE: &str = "__Host-ciam-device";

/// The value of a cookie; `None` when it is absent, or there more than once (somebody else put one there).
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    if values.next().is_some() { None } else { Some(first) }
}

/// A `Set-Cookie` value: host-only, `Secure`, `HttpOnly`, `SameSite=Lax`, for `max_age` or the browser's session.
///
/// # Errors
///
/// Fails when the value cannot stand in a cookie.
pub fn set_cookie(name: &str, value: &str, max_age: Option<Duration>) -> Result<HeaderValue, PortError> {
    if !value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\')) {
        return Err(PortError::permanent("the value cannot stand in a cookie"));
    }
    let age = max_age.map(|age| format!("; Max-Age={}", age.whole_seconds().max(0))).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    HeaderValue::try_from(text).map_err(PortError::permanent)
}

/// A `Set-Cookie` value that removes a cookie.
///
/// # Errors
///
/// Fails when the name cannot stand in a header.
pub fn expired_cookie(name: &str) -> Result<HeaderValue, PortError> {
    set_cookie(name, "", Some(Duration::ZERO))
}

/// The secret that tells one browser from another before there is a session.
#[derive(Clone, Debug)]
pub struct BrowserId(Secret);

impl BrowserId {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        Secret::random(entropy).map(Self)
    }

    /// The browser's own, from its cookie; `None` when it has none, or one that we did not make.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::from_cookie(headers, BROWSER_COOKIE)
    }

    /// The browser's own, from a cookie with another name: for a second application on the same host, since ports do not
    /// separate cookies.
    #[must_use]
    pub fn from_cookie(headers: &HeaderMap, name: &str) -> Option<Self> {
        Self::from_token(cookie(headers, name)?)
    }

    /// The digest under which it is stored.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        self.0.digest()
    }

    /// A digest that only this browser's requests can be given, for one purpose: an anti-forgery token of a form.
    ///
    /// It tells nothing about the secret, nor about the digest of another purpose.
    #[must_use]
    pub fn token_for(&self, purpose: &str) -> TokenDigest {
        TokenDigest::of(&format!("browser:{}:{purpose}", self.0.expose()))
    }

    /// What an application without cookies presents instead; `None` when it has another form.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        Secret::of_random_form(token).map(Self)
    }

    /// The text for an application without cookies.
    #[must_use]
    pub fn token(&self) -> Secret {
        self.0.clone()
    }

    /// The `Set-Cookie` value that gives it to the browser, until the browser is closed.
    ///
    /// # Errors
    ///
    /// Never for a value of ours; the signature is that of [`set_cookie`].
    pub fn set_cookie(&self) -> Result<HeaderValue, PortError> {
        self.set_cookie_as(BROWSER_COOKIE)
    }

    /// The same under another name, as read by [`from_cookie`](Self::from_cookie).
    ///
    /// # Errors
    ///
    /// As [`set_cookie`].
    pub fn set_cookie_as(&self, name: &str) -> Result<HeaderValue, PortError> {
        set_cookie(name, self.0.expose(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name() {
        let headers = headers(&["x=1; __Host-ciam-session=abc; y=2"]);
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("abc"));
        assert_eq!(cookie(&headers, "ciam-session"), None);
        assert_eq!(cookie(&headers, "__host-ciam-session"), None);
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_not_trusted() {
        assert_eq!(cookie(&headers(&["a=1; a=2"]), "a"), None);
        assert_eq!(cookie(&headers(&["a=1", "a=1"]), "a"), None);
    }

    #[test]
    fn cookies_are_host_only_secure_and_unreadable_for_scripts() {
        let value = set_cookie(SESSION_COOKIE, "abc", Some(Duration::hours(1))).unwrap();
        assert_eq!(value, "__Host-ciam-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600");
        for bad in ["a;b", "a b", "a\r\nSet-Cookie: x=y", "a,b", "\"a\"", "ä"] {
            assert!(set_cookie("a", bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_browser_id_of_our_form_is_taken() {
        let id = BrowserId::generate(&SystemEntropy::new()).unwrap();
        let header = id.set_cookie().unwrap();
        let pair = header.to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(BrowserId::from_headers(&headers(&[&pair])).unwrap().digest(), id.digest());
        for bad in
            ["", "short", &"a".repeat(44), &format!("{}=", "a".repeat(42)), &format!("{}.", "a".repeat(42))]
        {
            assert!(
                BrowserId::from_headers(&headers(&[&format!("{BROWSER_COOKIE}={bad}")])).is_none(),
                "{bad}"
            );
        }
    }
}
