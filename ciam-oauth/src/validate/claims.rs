//! The claims of an access token, read once and borrowed.

use std::fmt;
use std::ops::Range;

use ciam_core::jose::{MemberReader, NumericDate, Text};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::confirmation::Confirmation;

/// The claims that every validation looks at, as places in the payload. One that is there twice, or of another type, makes the
/// token malformed.
#[derive(Debug)]
pub(super) struct RawClaims<'p> {
    payload: &'p str,
    pub(super) iss: Option<Place>,
    pub(super) sub: Option<Place>,
    pub(super) aud: Places,
    pub(super) exp: Option<NumericDate>,
    pub(super) iat: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
    pub(super) jti: Option<Place>,
    pub(super) client_id: Option<Place>,
    pub(super) scope: Option<Place>,
    pub(super) sid: Option<Place>,
    pub(super) auth_time: Option<NumericDate>,
    pub(super) acr: Option<Place>,
    pub(super) amr: Places,
    pub(super) cnf: Option<Confirmation>,
    /// Only in the answer of an introspection endpoint.
    pub(super) active: Option<bool>,
}

impl<'p> RawClaims<'p> {
    pub(super) const fn of(payload: &'p str) -> Self {
        Self {
            payload,
            iss: None,
            sub: None,
            aud: Places::None,
            exp: None,
            iat: None,
            nbf: None,
            jti: None,
            client_id: None,
            scope: None,
            sid: None,
            auth_time: None,
            acr: None,
            amr: Places::None,
            cnf: None,
            active: None,
        }
    }

    fn text<A: MapAccess<'p>>(&self, object: &mut A) -> Result<Option<Place>, A::Error> {
        let text = object.next_value::<Option<Text<'p>>>()?;
        Ok(text.map(|text| Place::of(text.as_str(), self.payload)))
    }
}

impl<'p> MemberReader<'p> for RawClaims<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => self.iss = self.text(object)?,
            "sub" => self.sub = self.text(object)?,
            "aud" => self.aud = object.next_value_seed(PlacesSeed { payload: self.payload, or_one: true })?,
            "exp" => self.exp = object.next_value()?,
            "iat" => self.iat = object.next_value()?,
            "nbf" => self.nbf = object.next_value()?,
            "jti" => self.jti = self.text(object)?,
            "client_id" => self.client_id = self.text(object)?,
            "scope" => self.scope = self.text(object)?,
            "sid" => self.sid = self.text(object)?,
            "auth_time" => self.auth_time = object.next_value()?,
            "acr" => self.acr = self.text(object)?,
            "amr" => {
                self.amr = object.next_value_seed(PlacesSeed { payload: self.payload, or_one: false })?
            }
            // A binding that is null would be none.
            "cnf" => self.cnf = Some(object.next_value()?),
            "active" => self.active = object.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
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

/// The strings of a claim that is a string or an array of them.
#[derive(Clone, Debug)]
pub(super) enum Places {
    None,
    One(Place),
    Many(Vec<Place>),
}

impl Places {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Place> {
        match self {
            Self::None => [].iter(),
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// Reads an array of strings; with `or_one` a single one as well.
struct PlacesSeed<'p> {
    payload: &'p str,
    or_one: bool,
}

impl<'de> DeserializeSeed<'de> for PlacesSeed<'de> {
    type Value = Places;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Places, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PlacesSeed<'de> {
    type Value = Places;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.or_one { "a string or an array of strings" } else { "an array of strings" })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Places, E> {
        if self.or_one {
            Ok(Places::One(Place::of(text, self.payload)))
        } else {
            Err(E::invalid_type(serde::de::Unexpected::Str(text), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Places, A::Error> {
        let mut many = Vec::new();
        while let Some(text) = items.next_element::<Text<'de>>()? {
            many.push(Place::of(text.as_str(), self.payload));
        }
        Ok(Places::Many(many))
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::jose::{JwsError, read_members};

    use super::*;

    fn read(payload: &str) -> Result<RawClaims<'_>, JwsError> {
        read_members(payload, RawClaims::of(payload))
    }

    #[test]
    fn plain_strings_are_borrowed_and_found_again() {
        let payload = r#"{"iss":"https://id.example","sub":"a\u0062c","aud":["x","y"],"x":{"iss":1}}"#;
        let claims = read(payload).unwrap();
        let iss = claims.iss.unwrap();
        assert!(matches!(iss, Place::At(_)));
        assert_eq!(iss.text(payload), "https://id.example");
        let sub = claims.sub.unwrap();
        assert!(matches!(sub, Place::Unescaped(_)));
        assert_eq!(sub.text(payload), "abc");
        assert_eq!(claims.aud.iter().map(|place| place.text(payload)).collect::<Vec<_>>(), ["x", "y"]);
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
            r#"{"aud":1}"#,
            r#"{"aud":null}"#,
            r#"{"amr":"pwd"}"#,
            r#"{"exp":"1"}"#,
            r#"{"scope":["a"]}"#,
            r#"{"cnf":null}"#,
            r#"{"cnf":"x"}"#,
            r#"{"cnf":{"jkt":"x"}}"#,
            "null",
            "1",
            "[]",
            r#"{"iss":"a"}x"#,
        ] {
            assert_eq!(read(bad).unwrap_err(), JwsError::Malformed, "{bad}");
        }
        for twice in [
            r#"{"iss":"a","iss":"a"}"#,
            r#"{"exp":1,"exp":2}"#,
            r#"{"exp":1,"\u0065xp":2}"#,
            r#"{"plan":1,"plan":2}"#,
            r#"{"plan":{"name":1,"name":2}}"#,
        ] {
            assert_eq!(read(twice).unwrap_err(), JwsError::DuplicateMember, "{twice}");
        }
    }
}
