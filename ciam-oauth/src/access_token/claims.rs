//! What an access token says.

use ciam_core::id::GrantId;
use ciam_core::jose::Audience;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::authorization_details::AuthorizationDetail;
use crate::client::ClientId;
use crate::confirmation::Confirmation;
use crate::exchange::{Actor, MayAct};
use crate::scope::ScopeSet;
#[cfg(feature = "draft-status-list")]
use crate::status_list::StatusClaim;
use crate::validate::Scheme;

/// The claims of an access token ([RFC 9068, section 2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)), of
/// either form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccessTokenClaims {
    /// The issuer.
    pub iss: String,
    /// Whom it speaks of: the account as the client knows it, or the client itself.
    pub sub: String,
    /// Whom it is for: the resource, and what the [`Extension`](crate::extension::Extension) added.
    #[serde(serialize_with = "one_or_many", deserialize_with = "from_one_or_many")]
    pub aud: Vec<String>,
    /// From when it is refused, in seconds since 1970.
    pub exp: i64,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// Its own id.
    pub jti: String,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// Its scope.
    #[serde(with = "space_delimited", default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// What else it allows ([RFC 9396, section 9.1](https://www.rfc-editor.org/rfc/rfc9396#section-9.1)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<AuthorizationDetail>,
    /// When the person was authenticated, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The level of assurance that was reached then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The methods by which the person was authenticated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The grant that it came of; `None` when the client acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// The client whose grant it came of, when it was issued to another one in exchange for that one's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_client: Option<ClientId>,
    /// Who acts for the subject ([RFC 8693, section 4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// Who may act for the subject ([RFC 8693, section 4.4](https://www.rfc-editor.org/rfc/rfc8693#section-4.4)); `None` when the token
    /// does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<MayAct>,
    /// What its sender must prove to have; `None` for a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Where its status is listed.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusClaim>,
    /// What the host's hook added.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl AccessTokenClaims {
    /// The scheme that it is presented with: `DPoP` when it is bound to a key
    /// ([RFC 9449, section 7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        if self.cnf.is_some_and(|bound| bound.key.is_some()) { Scheme::Dpop } else { Scheme::Bearer }
    }

    /// Whether it can be used at `now`.
    #[must_use]
    pub fn is_current(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() < self.exp
    }

    /// Whether a hook may not set this claim: the protocol gives it a meaning, in this kind of token or another, or
    /// introspection does.
    pub(crate) fn is_reserved(name: &str) -> bool {
        const RESERVED: [&str; 38] = [
            "status",
            "grant_client",
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "nbf",
            "jti",
            "client_id",
            "scope",
            "auth_time",
            "acr",
            "amr",
            "grant_id",
            "sid",
            "azp",
            "nonce",
            "at_hash",
            "c_hash",
            "s_hash",
            "cnf",
            "act",
            "may_act",
            "events",
            "txn",
            "toe",
            "authorization_details",
            "active",
            "token_type",
            "username",
            "resource",
            "typ",
            "token_introspection",
            "sub_id",
            "org_id",
            "org_slug",
            "org_name",
        ];
        RESERVED.contains(&name)
    }
}

/// A single audience is a string, as most resource servers expect it.
fn one_or_many<S: Serializer>(audience: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => serializer.serialize_str(one),
        many => serializer.collect_seq(many),
    }
}

fn from_one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let audience = Audience::deserialize(deserializer)?;
    Ok(audience.iter().map(str::to_owned).collect())
}

mod space_delimited {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::scope::ScopeSet;

    pub(super) fn serialize<S: Serializer>(scopes: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(scopes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ScopeSet, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> AccessTokenClaims {
        AccessTokenClaims {
            iss: "https://id.example".to_owned(),
            sub: "s".to_owned(),
            aud: vec!["https://api.example".to_owned()],
            exp: 20,
            iat: 10,
            jti: "j".to_owned(),
            client_id: "app".parse().unwrap(),
            scope: ScopeSet::new(),
            authorization_details: Vec::new(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            grant_id: None,
            grant_client: None,
            act: None,
            may_act: None,
            cnf: None,
            #[cfg(feature = "draft-status-list")]
            status: None,
            extra: Map::new(),
        }
    }

    #[test]
    fn rfc9068_2_2_claims_on_the_wire() {
        assert_eq!(
            serde_json::to_value(claims()).unwrap(),
            json!({
                "iss": "https://id.example", "sub": "s", "aud": "https://api.example",
                "exp": 20, "iat": 10, "jti": "j", "client_id": "app",
            })
        );
        let mut full = claims();
        full.aud.push("https://id.example/userinfo".to_owned());
        full.scope = "b a".parse().unwrap();
        full.auth_time = Some(5);
        full.amr = vec!["pwd".to_owned()];
        full.extra.insert("plan".to_owned(), json!("gold"));
        let wire = serde_json::to_value(&full).unwrap();
        assert_eq!(wire["aud"], json!(["https://api.example", "https://id.example/userinfo"]));
        assert_eq!(wire["scope"], json!("a b"));
        assert_eq!(wire["plan"], json!("gold"));
        assert_eq!(serde_json::from_value::<AccessTokenClaims>(wire).unwrap(), full);
    }

    #[test]
    fn every_claim_of_ours_is_reserved() {
        let mut full = claims();
        full.scope = "a".parse().unwrap();
        full.auth_time = Some(1);
        full.acr = Some("x".to_owned());
        full.amr = vec!["pwd".to_owned()];
        full.grant_id = Some(GrantId::from_uuid(uuid::Uuid::nil()));
        full.grant_client = Some("app".parse().unwrap());
        full.act = Some(Actor::new("a", "app".parse().unwrap()));
        full.may_act = Some(MayAct::subject("b"));
        full.cnf = Some(Confirmation::default());
        #[cfg(feature = "draft-status-list")]
        {
            full.status = serde_json::from_value(json!({ "status_list": { "idx": 1, "uri": "u" } })).unwrap();
        }
        for name in serde_json::to_value(full).unwrap().as_object().unwrap().keys() {
            assert!(AccessTokenClaims::is_reserved(name), "{name}");
        }
        assert!(!AccessTokenClaims::is_reserved("plan"));
    }
}
