//! Rich authorization requests ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)): what a client wants to be allowed, in more
//! words than a scope value has.
//!
//! A detail is a JSON object with a `type`. The server knows the types that the host gave it
//! ([`ServerBuilder::detail_type`](crate::ServerBuilder::detail_type)); a client may ask for those that it is
//! [registered](crate::client::Client::authorization_details_types) for. The person sees each detail in the type's own words and
//! allows them together; they are asked every time, because what a payment of today says nothing about tomorrow's. The access
//! token, its introspection and the token response carry what was allowed.
//!
//! ```
//! use ciam_oauth::authorization_details::{AuthorizationDetail, DetailProblem, DetailType};
//! use ciam_oauth::client::Client;
//!
//! /// A payment.
//! #[derive(Debug)]
//! struct Payment;
//!
//! impl DetailType for Payment {
//!     fn name(&self) -> &str {
//!         "payment"
//!     }
//!
//!     fn check(&self, detail: &AuthorizationDetail, _: &Client) -> Result<(), DetailProblem> {
//!         match detail.get("amount").and_then(|amount| amount.as_u64()) {
//!             Some(1..=100_000) => Ok(()),
//!             _ => Err(DetailProblem),
//!         }
//!     }
//!
//!     fn describe(&self, detail: &AuthorizationDetail) -> String {
//!         format!("Pay {} cents", detail.get("amount").cloned().unwrap_or_default())
//!     }
//! }
//!
//! let detail: AuthorizationDetail = serde_json::from_str(r#"{"type":"payment","amount":4200}"#)?;
//! assert_eq!(Payment.describe(&detail), "Pay 4200 cents");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::resource::ResourceIndicator;

/// One thing that a client wants to be allowed: a JSON object with a `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuthorizationDetail(Map<String, Value>);

impl AuthorizationDetail {
    /// At most this many in one request.
    pub const MAX_PER_REQUEST: usize = 16;
    /// A `type` is at most this long, in bytes.
    pub const MAX_TYPE: usize = 256;

    /// A detail of a type, with nothing more.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Map::from_iter([(TYPE.to_owned(), Value::String(name.into()))]))
    }

    /// Sets a member; `type` stays as it is.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if name != TYPE {
            self.0.insert(name, value.into());
        }
        self
    }

    /// Its type.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.get(TYPE).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Every member, the type among them.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The whole of it as a type of the host's.
    ///
    /// # Errors
    ///
    /// Fails when it is not of that type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DetailProblem> {
        T::deserialize(Value::Object(self.0.clone())).map_err(|_| DetailProblem)
    }

    /// Whether it means something at a resource: it names that one, or none
    /// ([section 2.2](https://www.rfc-editor.org/rfc/rfc9396#section-2.2)).
    #[must_use]
    pub fn is_for(&self, resource: &ResourceIndicator) -> bool {
        match self.0.get("locations").and_then(Value::as_array) {
            None => true,
            Some(locations) => locations.iter().any(|location| location.as_str() == Some(resource.as_str())),
        }
    }
}

const TYPE: &str = "type";

/// The members that the standard gives a form, each a list of strings
/// ([section 2.2](https://www.rfc-editor.org/rfc/rfc9396#section-2.2)).
const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];

impl TryFrom<Map<String, Value>> for AuthorizationDetail {
    type Error = DetailProblem;

    fn try_from(members: Map<String, Value>) -> Result<Self, DetailProblem> {
        let name = members.get(TYPE).and_then(Value::as_str).ok_or(DetailProblem)?;
        let is_list = |member: &&str| {
            members.get(*member).is_none_or(|value| {
                value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_string))
            })
        };
        let well_formed = (1..=Self::MAX_TYPE).contains(&name.len())
            && LISTS.iter().all(is_list)
            && members.get("identifier").is_none_or(Value::is_string);
        if well_formed { Ok(Self(members)) } else { Err(DetailProblem) }
    }
}

impl<'de> Deserialize<'de> for AuthorizationDetail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// Reads the parameter `authorization_details`: a list of details, none of them unreadable.
///
/// # Errors
///
/// Fails when the text is no list of JSON objects with a type, or a longer one than
/// [`MAX_PER_REQUEST`](AuthorizationDetail::MAX_PER_REQUEST).
pub fn parse(text: &str) -> Result<Vec<AuthorizationDetail>, DetailProblem> {
    let details: Vec<AuthorizationDetail> = serde_json::from_str(text).map_err(|_| DetailProblem)?;
    let fits = (1..=AuthorizationDetail::MAX_PER_REQUEST).contains(&details.len());
    if fits { Ok(details) } else { Err(DetailProblem) }
}

/// A type of details, as the host knows it.
pub trait DetailType: fmt::Debug + Send + Sync {
    /// The name in `type`.
    fn name(&self) -> &str;

    /// Whether a detail of this type is one that the client may ask for. What the type does not know is to be refused: the
    /// person would not see it ([section 5](https://www.rfc-editor.org/rfc/rfc9396#section-5)).
    ///
    /// # Errors
    ///
    /// Fails when it is not. The client hears `invalid_authorization_details`.
    fn check(&self, detail: &AuthorizationDetail, client: &Client) -> Result<(), DetailProblem>;

    /// What it allows, in one plain sentence, for the consent page.
    fn describe(&self, detail: &AuthorizationDetail) -> String;

    /// Whether one that was granted covers one that a token is asked for with. By default only the very same.
    fn covers(&self, granted: &AuthorizationDetail, asked: &AuthorizationDetail) -> bool {
        granted == asked
    }
}

/// The details are malformed, of an unknown type, or not the client's to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the authorization details are not acceptable")]
#[expect(clippy::exhaustive_structs, reason = "a host makes it, and it says nothing more")]
pub struct DetailProblem;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9396_2_a_list_of_objects_with_a_type() {
        let details =
            parse(r#"[{"type":"payment","amount":7,"locations":["https://api.example"]},{"type":"x"}]"#)
                .unwrap();
        assert_eq!(details[0].name(), "payment");
        assert_eq!(details[0].get("amount").unwrap(), 7);
        assert!(details[0].is_for(&"https://api.example".parse().unwrap()));
        assert!(!details[0].is_for(&"https://stock.example".parse().unwrap()));
        assert!(details[1].is_for(&"https://stock.example".parse().unwrap()));
        let many = format!("[{}]", vec![r#"{"type":"x"}"#; 17].join(","));
        for bad in [
            "",
            "{}",
            "[]",
            "null",
            "[7]",
            "[{}]",
            r#"{"type":"x"}"#,
            r#"[{"type":7}]"#,
            r#"[{"type":""}]"#,
            r#"[{"type":"x","locations":"https://api.example"}]"#,
            r#"[{"type":"x","locations":[]}]"#,
            r#"[{"type":"x","actions":[7]}]"#,
            r#"[{"type":"x","identifier":7}]"#,
            &many,
        ] {
            assert_eq!(parse(bad), Err(DetailProblem), "{bad}");
        }
    }

    #[test]
    fn the_type_of_a_detail_stays() {
        let detail = AuthorizationDetail::new("payment").with("type", "other").with("amount", 7);
        assert_eq!((detail.name(), detail.get("amount")), ("payment", Some(&Value::from(7))));
    }
}
