//! What OpenID Connect keeps with a request, its code and its grant.

use ciam_core::error::PortError;
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
    /// The subjects of which the request is about one: that of the hint, or those asked for by value; empty for anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) subjects: Vec<String>,
}

impl Frozen {
    /// Reads what [`to_members`](Self::to_members) wrote. What cannot be read fails: taken for not asked for, a demand for a
    /// level of assurance or for a person would be dropped, and the nonce with it.
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, PortError> {
        serde_json::from_value(Value::Object(members.clone())).map_err(PortError::permanent)
    }

    pub(crate) fn to_members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(members: &Value) -> Result<Frozen, PortError> {
        Frozen::read(members.as_object().unwrap())
    }

    #[test]
    fn what_was_written_is_read() {
        let claims = r#"{"id_token":{"acr":{"essential":true,"values":["high"]}},"userinfo":{"name":null}}"#;
        let frozen = Frozen {
            nonce: Some("n".to_owned()),
            claims: ClaimsRequest::parse(claims).unwrap(),
            subjects: vec!["ada".to_owned()],
        };
        assert_eq!(Frozen::read(&frozen.to_members()).unwrap(), frozen);
        assert_eq!(read(&json!({})).unwrap(), Frozen::default(), "a grant without openid");
    }

    #[test]
    fn a_demand_that_cannot_be_read_is_not_dropped() {
        for members in [
            json!({ "claims": { "id_token": { "acr": 7 } } }),
            json!({ "claims": null }),
            json!({ "subjects": "ada" }),
            json!({ "nonce": ["n"] }),
        ] {
            assert!(read(&members).is_err(), "{members}");
        }
    }
}
