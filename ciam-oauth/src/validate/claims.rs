//! The claims of an access token, read once and borrowed.

use std::fmt;

use ciam_core::jose::{MemberReader, NumericDate, Text};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::places::{Place, Places};
use crate::confirmation::Confirmation;

/// The claims that every validation looks at, as places in the payload.
#[derive(Debug)]
pub(super) struct RawClaims {
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
    #[cfg(feature = "draft-status-list")]
    pub(super) status: Option<(Place, u64)>,
    /// Only in the answer of an introspection endpoint.
    pub(super) active: Option<bool>,
}

/// Reads claims. One that is there twice, or of another type, makes the token malformed.
#[derive(Debug)]
pub(super) struct Reader<'p> {
    payload: &'p str,
    pub(super) claims: RawClaims,
}

impl<'p> Reader<'p> {
    pub(super) const fn of(payload: &'p str) -> Self {
        let claims = RawClaims {
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
            #[cfg(feature = "draft-status-list")]
            status: None,
            active: None,
        };
        Self { payload, claims }
    }

    fn text<A: MapAccess<'p>>(&self, object: &mut A) -> Result<Option<Place>, A::Error> {
        let text = object.next_value::<Option<Text<'p>>>()?;
        Ok(text.map(|text| Place::of(text.as_str(), self.payload)))
    }

    fn list<A: MapAccess<'p>>(&self, or_one: bool, object: &mut A) -> Result<Places, A::Error> {
        object.next_value_seed(PlacesSeed { payload: self.payload, or_one })
    }
}

impl<'p> MemberReader<'p> for Reader<'p> {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => self.claims.iss = self.text(object)?,
            "sub" => self.claims.sub = self.text(object)?,
            "aud" => self.claims.aud = self.list(true, object)?,
            "exp" => self.claims.exp = object.next_value()?,
            "iat" => self.claims.iat = object.next_value()?,
            "nbf" => self.claims.nbf = object.next_value()?,
            "jti" => self.claims.jti = self.text(object)?,
            "client_id" => self.claims.client_id = self.text(object)?,
            "scope" => self.claims.scope = self.text(object)?,
            "sid" => self.claims.sid = self.text(object)?,
            "auth_time" => self.claims.auth_time = object.next_value()?,
            "acr" => self.claims.acr = self.text(object)?,
            "amr" => self.claims.amr = self.list(false, object)?,
            // A binding that is null would be none.
            "cnf" => self.claims.cnf = Some(object.next_value()?),
            #[cfg(feature = "draft-status-list")]
            "status" => {
                let listed = object.next_value::<StatusMembers<'p>>()?.status_list;
                self.claims.status =
                    listed.map(|listed| (Place::of(listed.uri.as_str(), self.payload), listed.idx));
            }
            "active" => self.claims.active = object.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// By which ways the status of a token can be found out; the list is the only one that is known here.
#[cfg(feature = "draft-status-list")]
#[derive(serde::Deserialize)]
struct StatusMembers<'p> {
    #[serde(borrow, default)]
    status_list: Option<ListedAt<'p>>,
}

#[cfg(feature = "draft-status-list")]
#[derive(serde::Deserialize)]
struct ListedAt<'p> {
    idx: u64,
    #[serde(borrow)]
    uri: Text<'p>,
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
        let mut places = Places::None;
        while let Some(text) = items.next_element::<Text<'de>>()? {
            places.push(Place::of(text.as_str(), self.payload), self.payload);
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::jose::{JwsError, read_members};

    use super::super::payload::Payload;
    use super::*;

    fn read(payload: &str) -> Result<RawClaims, JwsError> {
        let mut reader = Reader::of(payload);
        read_members(payload, &mut reader).map(|()| reader.claims)
    }

    #[test]
    fn claims_are_found_again_where_they_stand() {
        let text = r#"{"iss":"https://id.example","sub":"a\u0062c","aud":["x","y"],"x":{"iss":1}}"#;
        let payload = Payload::from(text.as_bytes());
        let claims = read(text).unwrap();
        assert_eq!(claims.iss.unwrap().text(&payload), "https://id.example");
        assert_eq!(claims.sub.unwrap().text(&payload), "abc");
        assert_eq!(claims.aud.texts(&payload).collect::<Vec<_>>(), ["x", "y"]);
        for (one, expected) in [(r#"{"aud":"x"}"#, "x"), (r#"{"aud":["x"]}"#, "x")] {
            let payload = Payload::from(one.as_bytes());
            assert_eq!(read(one).unwrap().aud.texts(&payload).collect::<Vec<_>>(), [expected]);
        }
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
