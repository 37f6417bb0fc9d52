//! The `claims` parameter.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Single claims that a client asks for
/// ([OpenID Connect Core, section 5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter)).
///
/// ```
/// use ciam_oidc::claims::ClaimsRequest;
///
/// let request = ClaimsRequest::parse(r#"{"id_token":{"email":null,"acr":{"essential":true,"values":["aal2"]}}}"#)?;
/// assert!(request.id_token.contains_key("email"));
/// # Ok::<(), ciam_oidc::claims::InvalidClaims>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClaimsRequest {
    /// To be in the UserInfo response.
    #[serde(default, deserialize_with = "no_name_twice")]
    pub userinfo: BTreeMap<String, Option<ClaimRequest>>,
    /// To be in the ID token.
    #[serde(default, deserialize_with = "no_name_twice")]
    pub id_token: BTreeMap<String, Option<ClaimRequest>>,
}

/// How a client asks for one claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// Whether the client cannot go on without it.
    #[serde(default)]
    pub essential: bool,
    /// The value that it should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values of which it should have one, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

impl ClaimsRequest {
    /// At most this many claims.
    pub const MAX_CLAIMS: usize = 64;
    /// The longest parameter, in bytes.
    pub const MAX_LENGTH: usize = 8 * 1024;

    /// Reads the parameter.
    ///
    /// # Errors
    ///
    /// Fails when the text is not of the standard's form, or over a limit. Members other than `userinfo` and `id_token` are
    /// ignored, as the standard wants it.
    ///
    /// # Security
    ///
    /// What cannot be understood is refused, never left out: a name that is there twice, and a value for `sub` or `acr` that
    /// is no text. Left out, a demand for a person or a level of assurance would be no demand any more.
    pub fn parse(text: &str) -> Result<Self, InvalidClaims> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidClaims);
        }
        let document: Value = serde_json::from_str(text).map_err(|_| InvalidClaims)?;
        if !is_well_formed(&document) {
            return Err(InvalidClaims);
        }
        // From the text once more: in the document above, of two members of one name the first is gone.
        let request: Self = serde_json::from_str(text).map_err(|_| InvalidClaims)?;
        if request.userinfo.len() + request.id_token.len() > Self::MAX_CLAIMS {
            return Err(InvalidClaims);
        }
        if ["sub", "acr"].into_iter().any(|claim| !request.asks_for_text(claim)) {
            return Err(InvalidClaims);
        }
        Ok(request)
    }

    /// Whether every value asked for one claim of the ID token is a text.
    fn asks_for_text(&self, claim: &str) -> bool {
        let asked = self.id_token.get(claim).and_then(Option::as_ref);
        asked.is_none_or(|one| one.value.iter().chain(&one.values).all(Value::is_string))
    }

    /// The text values asked for one claim of the ID token, and whether the claim is essential.
    #[must_use]
    pub fn wanted_in_id_token(&self, claim: &str) -> Option<(Vec<&str>, bool)> {
        let request = self.id_token.get(claim)?.as_ref()?;
        let values = request.value.iter().chain(&request.values).filter_map(Value::as_str).collect();
        Some((values, request.essential))
    }
}

/// Reads a map in which no name is there twice: readers disagree about which of two counts.
fn no_name_twice<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Option<ClaimRequest>>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = BTreeMap<String, Option<ClaimRequest>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut names = BTreeMap::new();
            while let Some((name, request)) = members.next_entry::<String, _>()? {
                if names.insert(name, request).is_some() {
                    return Err(A::Error::custom("a name is there twice"));
                }
            }
            Ok(names)
        }
    }

    deserializer.deserialize_map(Names)
}

/// Whether objects stand where objects must: reading into structs would take arrays for them.
fn is_well_formed(document: &Value) -> bool {
    let Some(document) = document.as_object() else { return false };
    ["userinfo", "id_token"].iter().filter_map(|name| document.get(*name)).all(|members| {
        members
            .as_object()
            .is_some_and(|members| members.values().all(|one| one.is_null() || one.is_object()))
    })
}

/// The `claims` parameter is not of the standard's form, or over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a claims request")]
#[non_exhaustive]
pub struct InvalidClaims;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn claims_are_asked_for_by_null_or_by_an_object() {
        let request = ClaimsRequest::parse(
            r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,"picture":null},
                "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:a","urn:b"]},"sub":{"value":"x"}},
                "unheard_of":7}"#,
        )
        .unwrap();
        assert_eq!(request.userinfo.len(), 3);
        assert_eq!(request.wanted_in_id_token("acr"), Some((vec!["urn:a", "urn:b"], false)));
        assert_eq!(request.wanted_in_id_token("sub"), Some((vec!["x"], false)));
        assert_eq!(request.wanted_in_id_token("auth_time"), Some((vec![], true)));
        assert_eq!(request.wanted_in_id_token("email"), None);
    }

    /// What fuzzing found: without care, the last digit of a number changes when it is stored.
    #[test]
    fn numbers_are_stored_as_they_came() {
        let text = r#"{"userinfo":{"x":{"values":[444444443E-44,4.4444444299999996e-36,0.1,1e300]}}}"#;
        let request = ClaimsRequest::parse(text).unwrap();
        let stored = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&stored).unwrap(), request);
    }

    #[test]
    fn other_forms_are_refused() {
        let many: Vec<String> = (0..65).map(|n| format!("\"c{n}\":null")).collect();
        let deep =
            format!("{{\"userinfo\":{{\"x\":{{\"value\":{}1{}}}}}}}", "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            "null",
            "[]",
            "7",
            "{",
            r#"{"id_token":[]}"#,
            r#"{"id_token":{"a":7}}"#,
            r#"{"id_token":{"a":[]}}"#,
            r#"{"id_token":{"a":{"essential":"yes"}}}"#,
            r#"{"id_token":{"a":{"values":"x"}}}"#,
            r#"{"id_token":{},"id_token":{}}"#,
            r#"{"id_token":{"acr":{"essential":true,"value":"high"},"acr":null}}"#,
            r#"{"id_token":{"acr":{"essential":true,"essential":false}}}"#,
            r#"{"userinfo":{"name":null,"n\u0061me":null}}"#,
            r#"{"id_token":{"acr":{"essential":true,"values":[2]}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"values":["high",null]}}}"#,
            r#"{"id_token":{"sub":{"value":7}}}"#,
            r#"{"id_token":{"sub":{"value":{"x":1}}}}"#,
            &format!("{{\"id_token\":{{{}}}}}", many.join(",")),
            &deep,
            &" ".repeat(8 * 1024 + 1),
        ] {
            assert_eq!(ClaimsRequest::parse(text), Err(InvalidClaims), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,300}") {
            let _answered = ClaimsRequest::parse(&text);
        }
    }
}
