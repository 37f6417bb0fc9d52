//! Query strings and form bodies, strictly: no duplicate is ever seen by protocol code.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

/// How much a query string or form body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamsLimits {
    /// The whole, in bytes. Default 64 KiB.
    pub max_bytes: usize,
    /// The number of parameters. Default 64.
    pub max_params: usize,
}

impl Default for ParamsLimits {
    fn default() -> Self {
        Self { max_bytes: 64 * 1024, max_params: 64 }
    }
}

/// The decoded parameters of an `application/x-www-form-urlencoded` text.
///
/// ```
/// use ciam_core::http::{Params, ParamsLimits};
///
/// let params = Params::parse("scope=openid+email&state=a%26b", ParamsLimits::default())?;
/// assert_eq!(params.one("scope")?, Some("openid email"));
/// assert_eq!(params.one("state")?, Some("a&b"));
/// assert_eq!(params.one("nonce")?, None);
/// # Ok::<(), ciam_core::http::ParamsError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a query string (without `?`) or a form body.
    ///
    /// # Errors
    ///
    /// Fails when a limit is passed, or when a name or value is not UTF-8 under correct percent-encoding.
    pub fn parse(text: &str, limits: ParamsLimits) -> Result<Self, ParamsError> {
        if text.len() > limits.max_bytes {
            return Err(ParamsError::TooLarge);
        }
        let mut pairs = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            if pairs.len() >= limits.max_params {
                return Err(ParamsError::TooLarge);
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            pairs.push((form_decode(name)?, form_decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// Makes parameters of pairs, as a frozen request that was stored.
    #[must_use]
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The only value of a parameter. An empty value counts as absent
    /// ([RFC 6749, section 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).
    ///
    /// # Errors
    ///
    /// Fails when the parameter is there more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, ParamsError> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(ParamsError::Duplicate),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// Every value of a parameter, in order.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Refuses a parameter that is there more than once, but for those that may be.
    ///
    /// # Errors
    ///
    /// Fails at the first duplicate.
    pub fn refuse_duplicates(&self, repeatable: &[&str]) -> Result<(), ParamsError> {
        let mut seen: Vec<&str> = Vec::with_capacity(self.0.len());
        for (name, _) in &self.0 {
            if repeatable.contains(&name.as_str()) {
                continue;
            }
            if seen.contains(&name.as_str()) {
                return Err(ParamsError::Duplicate);
            }
            seen.push(name);
        }
        Ok(())
    }

    /// All pairs, in order.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Decodes one name or value of the `application/x-www-form-urlencoded` format: `+` is a space, `%` needs two hexadecimal
/// digits, and the result is UTF-8 without NUL.
///
/// # Errors
///
/// Fails when the text is not so encoded.
pub fn form_decode(text: &str) -> Result<String, ParamsError> {
    // Most names and many values are what they stand for.
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%' | b'\0')) {
        return Ok(text.to_owned());
    }
    let spaced: Cow<'_, str> =
        if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    let mut rest = spaced.as_bytes();
    while let Some(position) = rest.iter().position(|&byte| byte == b'%') {
        let digits = rest.get(position + 1..position + 3).ok_or(ParamsError::Encoding)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ParamsError::Encoding);
        }
        rest = rest.get(position + 3..).unwrap_or_default();
    }
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| ParamsError::Encoding)?;
    if decoded.contains('\0') { Err(ParamsError::Encoding) } else { Ok(decoded.into_owned()) }
}

/// Prints the names only: the values are codes, secrets and what people typed.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A query string or form body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// Over a limit.
    #[error("too many or too large parameters")]
    TooLarge,
    /// Not UTF-8 under correct percent-encoding.
    #[error("a parameter is wrongly encoded")]
    Encoding,
    /// A parameter is there more than once.
    #[error("a parameter is there more than once")]
    Duplicate,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Params, ParamsError> {
        Params::parse(text, ParamsLimits::default())
    }

    #[test]
    fn values_are_decoded_once() {
        let params = parse("a=1+2&b=%2B%25&c=%C3%A9&d&=e&f==").unwrap();
        assert_eq!(params.one("a"), Ok(Some("1 2")));
        assert_eq!(params.one("b"), Ok(Some("+%")));
        assert_eq!(params.one("c"), Ok(Some("é")));
        assert_eq!(params.one("d"), Ok(None));
        assert_eq!(params.one("f"), Ok(Some("=")));
    }

    #[test]
    fn wrong_encodings_are_refused() {
        for text in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%c3%28", "%=1", "a=%00", "a=b%0", "a=+%"] {
            assert_eq!(parse(text), Err(ParamsError::Encoding), "{text}");
        }
    }

    #[test]
    fn duplicates_are_seen_in_any_spelling() {
        let params = parse("state=1&st%61te=2&resource=a&resource=b").unwrap();
        assert_eq!(params.one("state"), Err(ParamsError::Duplicate));
        assert_eq!(params.refuse_duplicates(&["resource"]), Err(ParamsError::Duplicate));
        let params = parse("resource=a&resource=b&x=1").unwrap();
        assert_eq!(params.refuse_duplicates(&["resource"]), Ok(()));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        // An empty first value does not hide the second.
        assert_eq!(parse("a=&a=1").unwrap().one("a"), Err(ParamsError::Duplicate));
    }

    #[test]
    fn limits_are_limits() {
        let limits = ParamsLimits { max_bytes: 8, max_params: 2 };
        assert!(Params::parse("a=1&b=2", limits).is_ok());
        assert_eq!(Params::parse("a=1&b=2&c", limits), Err(ParamsError::TooLarge));
        assert_eq!(Params::parse("a&b&c", limits), Err(ParamsError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,200}") {
            let _answered = parse(&text);
        }

        #[test]
        fn what_url_encodes_is_read_back(pairs in prop::collection::vec(("[^\0]{1,20}", "[^\0]{1,20}"), 0..10)) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let params = parse(&text).unwrap();
            prop_assert_eq!(params.pairs(), &pairs[..]);
        }
    }
}
