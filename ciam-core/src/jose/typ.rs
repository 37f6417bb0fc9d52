//! The type of a token, its `typ`.

use std::borrow::Cow;

/// Which types of token are accepted ([RFC 8725, section 3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
///
/// Compared as media types: without regard to case, `application/` may be left out
/// ([RFC 7515, section 4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)). There is no way to accept any type.
///
/// ```
/// use ciam_core::jose::TokenType;
///
/// let access_token = TokenType::exactly("at+jwt");
/// assert!(access_token.matches(Some("application/at+JWT")));
/// assert!(!access_token.matches(Some("JWT")));
/// assert!(!access_token.matches(None));
///
/// let assertion = TokenType::one_of(&["client-authentication+jwt", "JWT"]).or_absent();
/// assert!(assertion.matches(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenType {
    names: Cow<'static, [&'static str]>,
    absent: bool,
}

impl TokenType {
    /// One type.
    #[must_use]
    pub fn exactly(name: &'static str) -> Self {
        Self { names: Cow::Owned(vec![name]), absent: false }
    }

    /// Any of these types.
    #[must_use]
    pub const fn one_of(names: &'static [&'static str]) -> Self {
        Self { names: Cow::Borrowed(names), absent: false }
    }

    /// Accepts tokens without a type as well.
    #[must_use]
    pub const fn or_absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Whether a header's `typ` is accepted.
    #[must_use]
    pub fn matches(&self, typ: Option<&str>) -> bool {
        match typ {
            None => self.absent,
            Some(typ) => self.names.iter().any(|name| short(name).eq_ignore_ascii_case(short(typ))),
        }
    }
}

/// A media type without `application/`, if nothing that follows has a slash.
fn short(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_as_media_types() {
        let access_token = TokenType::exactly("at+jwt");
        for accepted in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(access_token.matches(Some(accepted)), "{accepted}");
        }
        for refused in
            ["", "jwt", "at+jwt ", "at+jwtx", "text/at+jwt", "application/application/at+jwt", "application/"]
        {
            assert!(!access_token.matches(Some(refused)), "{refused}");
        }
        assert!(!access_token.matches(None));
        assert!(!TokenType::one_of(&[]).matches(Some("")));
    }
}
