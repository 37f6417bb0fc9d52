//! The claims of an access token, read once and borrowed.

use std::ops::Range;

use ciam_core::jose::{Audience, NumericDate, Text};
use serde::Deserialize;

/// The claims that every validation looks at. One that is there twice makes the token malformed.
#[derive(Debug, Deserialize)]
pub(super) struct RawClaims<'a> {
    #[serde(borrow)]
    pub(super) iss: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) sub: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) aud: Option<Audience<'a>>,
    pub(super) exp: Option<NumericDate>,
    pub(super) iat: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
    #[serde(borrow)]
    pub(super) jti: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) client_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) scope: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) sid: Option<Text<'a>>,
    pub(super) auth_time: Option<NumericDate>,
    #[serde(borrow)]
    pub(super) acr: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) amr: Vec<Text<'a>>,
}

/// A string of a payload that is kept beside it: where it stands, or the text itself when it had an escape.
#[derive(Clone, Debug)]
pub(super) enum Place {
    At(Range<usize>),
    Unescaped(Box<str>),
}

impl Place {
    /// Finds a text in the payload that it was read from.
    pub(super) fn of(text: &str, payload: &str) -> Self {
        let start = (text.as_ptr() as usize).wrapping_sub(payload.as_ptr() as usize);
        let range = start..start.wrapping_add(text.len());
        // A slice of the payload is where the addresses say; a text that was unescaped is somewhere else.
        if payload.get(range.clone()).is_some_and(|found| found == text) {
            Self::At(range)
        } else {
            Self::Unescaped(text.into())
        }
    }

    pub(super) fn text<'p>(&'p self, payload: &'p str) -> &'p str {
        match self {
            Self::At(range) => payload.get(range.clone()).unwrap_or_default(),
            Self::Unescaped(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_strings_are_borrowed_and_found_again() {
        let payload = r#"{"iss":"https://id.example","sub":"a\u0062c","aud":["x","y"],"x":{"iss":1}}"#;
        let claims: RawClaims<'_> = serde_json::from_str(payload).unwrap();
        let iss = Place::of(claims.iss.unwrap().as_str(), payload);
        assert!(matches!(iss, Place::At(_)));
        assert_eq!(iss.text(payload), "https://id.example");
        let sub = Place::of(claims.sub.unwrap().as_str(), payload);
        assert!(matches!(sub, Place::Unescaped(_)));
        assert_eq!(sub.text(payload), "abc");
        let aud: Vec<_> = claims.aud.unwrap().iter().map(|text| Place::of(text, payload)).collect();
        assert_eq!(aud.iter().map(|place| place.text(payload)).collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn a_text_of_elsewhere_is_copied() {
        let place = Place::of("elsewhere", "payload");
        assert!(matches!(place, Place::Unescaped(_)));
        assert_eq!(place.text("payload"), "elsewhere");
    }

    #[test]
    fn s15_wrong_types_and_duplicates_are_errors() {
        for bad in [
            r#"{"iss":1}"#,
            r#"{"aud":[1]}"#,
            r#"{"exp":"1"}"#,
            r#"{"iss":"a","iss":"a"}"#,
            r#"{"exp":1,"exp":2}"#,
            r#"{"scope":["a"]}"#,
            "null",
            "1",
            r#"{"iss":"a"}x"#,
        ] {
            assert!(serde_json::from_str::<RawClaims<'_>>(bad).is_err(), "{bad}");
        }
    }
}
