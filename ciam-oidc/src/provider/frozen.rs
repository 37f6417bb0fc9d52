//! What OpenID Connect keeps with a request, its code and its grant.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims::ClaimsRequest;

/// The parameters of OpenID Connect, as they were frozen with the authorization request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    /// The client's own value for the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    /// The claims that were asked for singly.
    #[serde(default)]
    pub(crate) claims: ClaimsRequest,
    /// The subject that the request is about: of the hint, or asked for by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
}

impl Frozen {
    /// Reads what [`to_members`](Self::to_members) wrote. What another release wrote and this one cannot read counts as not
    /// asked for.
    pub(crate) fn of(members: &Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(members.clone())).unwrap_or_default()
    }

    pub(crate) fn to_members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}
