//! What Apple says that others do not
//! ([Sign in with Apple](https://developer.apple.com/documentation/signinwithapple)).

use ciam_core::http::Params;
use serde::Deserialize;
use serde_json::Value;

use super::id_token::IdTokenClaims;
use super::identity::short;

/// What Apple's ID tokens say beyond the standard's claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppleClaims {
    /// Whether the address is one of the private relay: mail to it arrives only from registered senders, and it ends when the
    /// person wants it to.
    pub is_private_email: bool,
    /// What Apple thinks of the person's being one.
    pub real_user: RealUser,
}

/// Whether there is a person, as Apple sees it
/// ([`real_user_status`](https://developer.apple.com/documentation/signinwithapple/asuserdetectionstatus)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealUser {
    /// It does not say: not on this platform, or not this time.
    #[default]
    Unsupported,
    /// It cannot tell.
    Unknown,
    /// It seems to be a person.
    LikelyReal,
}

impl AppleClaims {
    /// Reads the claims of an ID token that was checked.
    #[must_use]
    pub fn of(claims: &IdTokenClaims) -> Self {
        let is_private_email = match claims.all.get("is_private_email") {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        let real_user = match claims.all.get("real_user_status").and_then(Value::as_u64) {
            Some(1) => RealUser::Unknown,
            Some(2) => RealUser::LikelyReal,
            _ => RealUser::Unsupported,
        };
        Self { is_private_email, real_user }
    }
}

/// The longest `user`, in bytes.
const MAX_USER: usize = 4_096;

/// The given and the family name in a `user` beside the code. It comes through the browser, which may have written it: of its
/// address nothing is taken, and what cannot be read is left out.
pub(super) fn posted_name(response: &Params) -> (Option<String>, Option<String>) {
    #[derive(Deserialize)]
    struct User {
        #[serde(default)]
        name: Name,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Name {
        #[serde(default)]
        first_name: Option<String>,
        #[serde(default)]
        last_name: Option<String>,
    }

    let text = response.one("user").ok().flatten().filter(|text| text.len() <= MAX_USER);
    let user = text.and_then(|text| serde_json::from_str::<User>(text).ok());
    let name = user.map(|user| user.name).unwrap_or_default();
    let shown = |name: Option<String>| name.as_deref().and_then(short);
    (shown(name.first_name), shown(name.last_name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_posted_user_the_name_is_taken_and_nothing_else() {
        let of = |user: &str| posted_name(&Params::from_pairs(vec![("user".to_owned(), user.to_owned())]));
        let name = |first: &str, last: &str| (Some(first.to_owned()), Some(last.to_owned()));
        let whole =
            json!({ "name": { "firstName": "Ada", "lastName": "Lovelace" }, "email": "eve@example.com" });
        assert_eq!(of(&whole.to_string()), name("Ada", "Lovelace"));
        assert_eq!(of("{\"name\":{\"firstName\":\"Ada\"}}"), (Some("Ada".to_owned()), None));
        let long = json!({ "name": { "firstName": "Ada" }, "x": "y".repeat(MAX_USER) }).to_string();
        for none in [
            "",
            "Ada",
            "[]",
            "{}",
            "{\"name\":\"Ada\"}",
            "{\"name\":{\"firstName\":7}}",
            "{\"name\":{\"firstName\":\"a\\u0000\"}}",
            "{\"email\":\"ada@example.com\"}",
            &long,
        ] {
            assert_eq!(of(none), (None, None), "{none}");
        }
        assert_eq!(posted_name(&Params::from_pairs(Vec::new())), (None, None));
    }

    #[test]
    fn an_address_is_a_private_one_where_the_token_says_yes() {
        for (said, expected) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!("yes"), false),
            (json!(1), false),
            (json!(null), false),
        ] {
            let claims = IdTokenClaims {
                issuer: "https://appleid.apple.com".to_owned(),
                subject: "1".to_owned(),
                session: None,
                auth_time: None,
                acr: None,
                amr: Vec::new(),
                all: json!({ "is_private_email": said }).as_object().cloned().unwrap(),
            };
            assert_eq!(AppleClaims::of(&claims).is_private_email, expected, "{said}");
        }
    }
}
