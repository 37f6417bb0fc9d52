//! What an access token says.

use std::borrow::Cow;
use std::fmt;

use ciam_core::id::GrantId;
use ciam_core::jose::Audience;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AccessTokenClaims {
    /// The issuer.
    pub iss: String,
    /// Whom it speaks of: the account as the client knows it, or the client itself.
    pub sub: String,
    /// Whom it is for: the resource, and what the [`Extension`](crate::extension::Extension) added.
    #[serde(serialize_with = "one_or_many")]
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
    #[serde(serialize_with = "space_delimited", skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// What else it allows ([RFC 9396, section 9.1](https://www.rfc-editor.org/rfc/rfc9396#section-9.1)).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<AuthorizationDetail>,
    /// When the person was authenticated, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The level of assurance that was reached then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The methods by which the person was authenticated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The grant that it came of; `None` when the client acts for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// The client whose grant it came of, when it was issued to another one in exchange for that one's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_client: Option<ClientId>,
    /// Who acts for the subject ([RFC 8693, section 4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// Who may act for the subject ([RFC 8693, section 4.4](https://www.rfc-editor.org/rfc/rfc8693#section-4.4)); `None` when the token
    /// does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_act: Option<MayAct>,
    /// What its sender must prove to have; `None` for a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Where its status is listed.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    #[serde(skip_serializing_if = "Option::is_none")]
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

fn space_delimited<S: Serializer>(scopes: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scopes)
}

/// Written out, because what serde derives for flattened members keeps every member of the object aside before it reads the first.
impl<'de> Deserialize<'de> for AccessTokenClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = AccessTokenClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<AccessTokenClaims, A::Error> {
        let mut read = Members::default();
        while let Some(Name(name)) = members.next_key()? {
            read.member(name, &mut members)?;
        }
        read.finish()
    }
}

/// The name of a member, not copied where that can be.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// One audience, or several.
#[derive(Deserialize)]
struct Audiences(#[serde(deserialize_with = "from_one_or_many")] Vec<String>);

fn from_one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let audience = Audience::deserialize(deserializer)?;
    Ok(audience.iter().map(str::to_owned).collect())
}

/// The members that were read so far.
#[derive(Default)]
struct Members {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audiences>,
    exp: Option<i64>,
    iat: Option<i64>,
    jti: Option<String>,
    client_id: Option<ClientId>,
    scope: Option<String>,
    authorization_details: Option<Vec<AuthorizationDetail>>,
    auth_time: Option<Option<i64>>,
    acr: Option<Option<String>>,
    amr: Option<Vec<String>>,
    grant_id: Option<Option<GrantId>>,
    grant_client: Option<Option<ClientId>>,
    act: Option<Option<Actor>>,
    may_act: Option<Option<MayAct>>,
    cnf: Option<Option<Confirmation>>,
    #[cfg(feature = "draft-status-list")]
    status: Option<Option<StatusClaim>>,
    extra: Map<String, Value>,
}

impl Members {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: Cow<'_, str>, from: &mut A) -> Result<(), A::Error> {
        match &*name {
            "iss" => once(&mut self.iss, "iss", from),
            "sub" => once(&mut self.sub, "sub", from),
            "aud" => once(&mut self.aud, "aud", from),
            "exp" => once(&mut self.exp, "exp", from),
            "iat" => once(&mut self.iat, "iat", from),
            "jti" => once(&mut self.jti, "jti", from),
            "client_id" => once(&mut self.client_id, "client_id", from),
            "scope" => once(&mut self.scope, "scope", from),
            "authorization_details" => once(&mut self.authorization_details, "authorization_details", from),
            "auth_time" => once(&mut self.auth_time, "auth_time", from),
            "acr" => once(&mut self.acr, "acr", from),
            "amr" => once(&mut self.amr, "amr", from),
            "grant_id" => once(&mut self.grant_id, "grant_id", from),
            "grant_client" => once(&mut self.grant_client, "grant_client", from),
            "act" => once(&mut self.act, "act", from),
            "may_act" => once(&mut self.may_act, "may_act", from),
            "cnf" => once(&mut self.cnf, "cnf", from),
            #[cfg(feature = "draft-status-list")]
            "status" => once(&mut self.status, "status", from),
            _ => {
                self.extra.insert(name.into_owned(), from.next_value()?);
                Ok(())
            }
        }
    }

    fn finish<E: de::Error>(self) -> Result<AccessTokenClaims, E> {
        fn there<T, E: de::Error>(member: Option<T>, name: &'static str) -> Result<T, E> {
            member.ok_or_else(|| E::missing_field(name))
        }
        let scope = self.scope.map_or_else(|| Ok(ScopeSet::new()), |scope| scope.parse());
        Ok(AccessTokenClaims {
            iss: there(self.iss, "iss")?,
            sub: there(self.sub, "sub")?,
            aud: there(self.aud, "aud")?.0,
            exp: there(self.exp, "exp")?,
            iat: there(self.iat, "iat")?,
            jti: there(self.jti, "jti")?,
            client_id: there(self.client_id, "client_id")?,
            scope: scope.map_err(E::custom)?,
            authorization_details: self.authorization_details.unwrap_or_default(),
            auth_time: self.auth_time.flatten(),
            acr: self.acr.flatten(),
            amr: self.amr.unwrap_or_default(),
            grant_id: self.grant_id.flatten(),
            grant_client: self.grant_client.flatten(),
            act: self.act.flatten(),
            may_act: self.may_act.flatten(),
            cnf: self.cnf.flatten(),
            #[cfg(feature = "draft-status-list")]
            status: self.status.flatten(),
            extra: self.extra,
        })
    }
}

/// Reads a member that is there no more than once.
fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    name: &'static str,
    from: &mut A,
) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    *place = Some(from.next_value()?);
    Ok(())
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
    fn a_claim_is_there_once_and_of_its_kind_or_nothing_is_read() {
        let good = serde_json::to_string(&claims()).unwrap();
        let read = |text: &str| serde_json::from_str::<AccessTokenClaims>(text);
        assert_eq!(read(&good).unwrap(), claims());
        // An escape in a name, a member that is null, and members of others.
        let other = good.replace("\"sub\"", r#""s\u0075b""#).replace('{', r#"{"acr":null,"plan":{"a":[1]},"#);
        let other = read(&other).unwrap();
        assert_eq!((other.sub.as_str(), other.acr, &other.extra["plan"]), ("s", None, &json!({"a": [1]})));
        for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
            let mut without = serde_json::to_value(claims()).unwrap();
            without.as_object_mut().unwrap().remove(name);
            assert!(read(&without.to_string()).is_err(), "{name}");
            assert!(read(&good.replace('{', &format!("{{\"{name}\":null,"))).is_err(), "{name}");
        }
        for twice in [r#""sub":"x""#, r#""acr":"a","acr":"b""#, r#""scope":"a","scope":"b""#] {
            assert!(read(&good.replace('{', &format!("{{{twice},"))).is_err(), "{twice}");
        }
        for bad in [r#""scope":"\"""#, r#""amr":"pwd""#, r#""auth_time":"now""#, r#""grant_id":"x""#] {
            assert!(read(&good.replace('{', &format!("{{{bad},"))).is_err(), "{bad}");
        }
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
