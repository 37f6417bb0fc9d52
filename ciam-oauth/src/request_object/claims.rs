//! What a request object must say, and what it says.

use ciam_core::http::Params;
use ciam_core::jose::{AudienceRule, RegisteredClaims, Text, VerifiedJws};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::RequestObjects;
use crate::client::ClientId;
use crate::error::RequestObjectProblem;

/// What the claims of a request object are checked against.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestObjectRules<'a> {
    pub(super) client: &'a ClientId,
    pub(super) issuer: &'a str,
    /// Whether `exp` and `nbf` must be there.
    pub(super) dated: bool,
    /// Whether every claim about the token must be there, and none about the client besides
    /// ([CIBA Core, section 7.1.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1.1)).
    pub(super) complete: bool,
    pub(super) max_params: usize,
    pub(super) now: OffsetDateTime,
}

/// The claims that are about the token and no parameters of the request.
const ABOUT_THE_TOKEN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl RequestObjectRules<'_> {
    /// Checks a request object whose signature was found good, and gives its parameters.
    pub(super) fn read(&self, verified: &VerifiedJws<'_>) -> Result<Params, RequestObjectProblem> {
        let malformed = |_| RequestObjectProblem::Malformed;
        let claims: RegisteredClaims<'_> = verified.claims().map_err(malformed)?;
        self.check(&claims)?;
        self.params(verified.claims::<Map<String, Value>>().map_err(malformed)?)
    }

    /// The claims about the token ([RFC 9101, sections 4 and 6.3](https://www.rfc-editor.org/rfc/rfc9101#section-4)).
    fn check(&self, claims: &RegisteredClaims<'_>) -> Result<(), RequestObjectProblem> {
        let client = self.client.as_str();
        if claims.iss.as_ref().map(Text::as_str) != Some(client) {
            return Err(RequestObjectProblem::Party);
        }
        // With the client as the subject it would be a client assertion (section 10.8).
        if claims.sub.as_ref().is_some_and(|sub| sub.as_str() == client) {
            return Err(RequestObjectProblem::Party);
        }
        let audience = claims.aud.as_ref().ok_or(RequestObjectProblem::Audience)?;
        if !AudienceRule::Includes(self.issuer.to_owned()).accepts(audience) {
            return Err(RequestObjectProblem::Audience);
        }
        let whole = claims.iat.is_some() && claims.jti.as_ref().is_some_and(|jti| !jti.as_str().is_empty());
        if self.complete && !whole {
            return Err(RequestObjectProblem::Member);
        }
        if self.is_valid_now(claims) { Ok(()) } else { Err(RequestObjectProblem::Time) }
    }

    fn is_valid_now(&self, claims: &RegisteredClaims<'_>) -> bool {
        let (skew, lifetime) = (RequestObjects::SKEW, RequestObjects::LIFETIME);
        let (begin, end) = (claims.nbf.map(|at| at.get()), claims.exp.map(|at| at.get()));
        if self.dated && (begin.is_none() || end.is_none()) {
            return false;
        }
        // Differences, not sums: a date at the end of time must not overflow.
        let not_future = |at: OffsetDateTime| at - self.now <= skew;
        let begun = begin.is_none_or(not_future) && claims.iat.is_none_or(|at| not_future(at.get()));
        let recent = begin.is_none_or(|at| self.now - at <= lifetime + skew);
        let lasting = end.is_none_or(|at| self.now - at < skew && at - self.now <= lifetime + skew);
        let short = begin.zip(end).is_none_or(|(begin, end)| end - begin <= lifetime);
        begun && recent && lasting && short
    }

    fn params(&self, members: Map<String, Value>) -> Result<Params, RequestObjectProblem> {
        let named = members.get("client_id").and_then(Value::as_str);
        let unnamed = self.complete && !members.contains_key("client_id");
        if named != Some(self.client.as_str()) && !unnamed {
            return Err(RequestObjectProblem::Party);
        }
        let mut pairs = Vec::with_capacity(members.len());
        for (name, value) in members {
            if ABOUT_THE_TOKEN.contains(&name.as_str()) {
                continue;
            }
            if ["request", "request_uri"].contains(&name.as_str()) {
                return Err(RequestObjectProblem::Nested);
            }
            match value {
                // The only parameter that may be there more than once is a list here.
                Value::Array(values) if name == "resource" => {
                    for value in values {
                        let Value::String(value) = value else { return Err(RequestObjectProblem::Member) };
                        pairs.push((name.clone(), value));
                    }
                }
                Value::Null => return Err(RequestObjectProblem::Member),
                Value::String(text) => pairs.push((name, text)),
                // Numbers as they are written, structures as the JSON that the parameter would hold.
                other => pairs.push((name, other.to_string())),
            }
        }
        if pairs.len() > self.max_params {
            Err(RequestObjectProblem::Member)
        } else {
            Ok(Params::from_pairs(pairs))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    fn rules(client: &ClientId, dated: bool) -> RequestObjectRules<'_> {
        let issuer = "https://id.example";
        RequestObjectRules { client, issuer, dated, complete: false, max_params: 20, now: NOW }
    }

    /// Reads claims that were changed from good ones: `null` takes one away.
    fn read(dated: bool, changes: &Value) -> Result<Params, RequestObjectProblem> {
        let now = NOW.unix_timestamp();
        let mut claims = json!({
            "iss": "app", "aud": "https://id.example", "exp": now + 300, "nbf": now, "client_id": "app",
            "scope": "openid",
        });
        for (name, value) in changes.as_object().unwrap() {
            let members = claims.as_object_mut().unwrap();
            match value {
                Value::Null => members.remove(name),
                other => members.insert(name.clone(), other.clone()),
            };
        }
        let client = "app".parse().unwrap();
        let rules = rules(&client, dated);
        let text = claims.to_string();
        rules.check(&serde_json::from_str(&text).unwrap())?;
        rules.params(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn s28_the_claims_about_the_token() {
        let now = NOW.unix_timestamp();
        use RequestObjectProblem::{Audience, Nested, Party, Time};
        for (changes, refused) in [
            (json!({}), None),
            (json!({ "aud": ["https://other.example", "https://id.example"] }), None),
            (json!({ "sub": "somebody" }), None),
            (json!({ "iat": now, "jti": "j" }), None),
            (json!({ "nbf": now + 8 }), None),
            (json!({ "iss": null }), Some(Party)),
            (json!({ "iss": "other" }), Some(Party)),
            (json!({ "sub": "app" }), Some(Party)),
            (json!({ "client_id": null }), Some(Party)),
            (json!({ "client_id": "other" }), Some(Party)),
            (json!({ "client_id": ["app"] }), Some(Party)),
            (json!({ "aud": null }), Some(Audience)),
            (json!({ "aud": [] }), Some(Audience)),
            (json!({ "aud": "https://id.example/" }), Some(Audience)),
            (json!({ "exp": now - 31 }), Some(Time)),
            (json!({ "exp": now + 3631 }), Some(Time)),
            (json!({ "exp": now + 3000, "nbf": now - 601 }), Some(Time)),
            (json!({ "nbf": now + 31 }), Some(Time)),
            (json!({ "nbf": now - 70 * 60, "exp": null }), Some(Time)),
            (json!({ "iat": now + 31 }), Some(Time)),
            (json!({ "request": "a.b.c" }), Some(Nested)),
            (json!({ "request_uri": "urn:x" }), Some(Nested)),
        ] {
            for dated in [false, true] {
                let refused = if dated && changes.get("exp").is_some_and(Value::is_null) {
                    Some(Time)
                } else {
                    refused
                };
                assert_eq!(read(dated, &changes).err(), refused, "{changes} {dated}");
            }
        }
    }

    #[test]
    fn fapi2_ms_5_3_1_times_are_demanded_only_where_they_are_wanted() {
        for changes in [json!({ "exp": null }), json!({ "nbf": null })] {
            assert!(read(false, &changes).is_ok(), "{changes}");
            assert_eq!(read(true, &changes).err(), Some(RequestObjectProblem::Time), "{changes}");
        }
    }

    #[test]
    fn rfc9101_4_members_become_parameters() {
        let params = read(
            false,
            &json!({
                "max_age": 300, "claims": { "id_token": { "acr": null } }, "resource": ["urn:a", "urn:b"],
                "state": "s", "jti": "j",
            }),
        )
        .unwrap();
        assert_eq!(params.one("max_age").unwrap(), Some("300"));
        assert_eq!(params.one("claims").unwrap(), Some(r#"{"id_token":{"acr":null}}"#));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["urn:a", "urn:b"]);
        for about in ABOUT_THE_TOKEN {
            assert_eq!(params.one(about).unwrap(), None, "{about}");
        }
    }

    #[test]
    fn members_of_the_wrong_type_are_refused() {
        let many: Map<String, Value> = (0..30).map(|n| (format!("p{n}"), json!("x"))).collect();
        for changes in [json!({ "resource": ["urn:a", 7] }), Value::Object(many)] {
            assert_eq!(read(false, &changes).err(), Some(RequestObjectProblem::Member), "{changes}");
        }
    }
}
