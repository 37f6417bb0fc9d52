//! Kinds of tokens, and who acts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::ClientId;

/// A kind of token ([RFC 8693, section 3](https://www.rfc-editor.org/rfc/rfc8693#section-3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// An access token, of whatever form.
    AccessToken,
    /// An access token that is a JWT.
    Jwt,
}

impl TokenKind {
    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    /// The kind with this name, of those that can be exchanged here.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::AccessToken, Self::Jwt].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Who acts for the subject of a token, and for whom before: the `act` claim
/// ([RFC 8693, section 4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// Who acts: the subject of the actor token, or the client itself.
    pub sub: String,
    /// The client that acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    /// Somebody who acts, by a client.
    #[must_use]
    pub fn new(sub: impl Into<String>, client: ClientId) -> Self {
        Self { sub: sub.into(), client_id: Some(client), act: None }
    }

    /// The same, after others.
    #[must_use]
    pub fn after(mut self, before: Option<Self>) -> Self {
        self.act = before.map(Box::new);
        self
    }

    /// How many act.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depth = 1;
        let mut next = self.act.as_deref();
        while let Some(actor) = next {
            depth += 1;
            next = actor.act.as_deref();
        }
        depth
    }
}

/// Who may act for the subject of a token: the `may_act` claim
/// ([RFC 8693, section 4.4](https://www.rfc-editor.org/rfc/rfc8693#section-4.4)). What it says must all be true of whoever acts.
///
/// The host's [`before_token`](ciam_core::hooks::Hooks::before_token) sets it, as the claim of its name:
///
/// ```
/// use ciam_oauth::exchange::MayAct;
///
/// // In the hook: `claims.insert("may_act".to_owned(), may_act)`.
/// let may_act = serde_json::to_value(MayAct::client("orders".parse()?))?;
/// assert_eq!(may_act, serde_json::json!({ "client_id": "orders" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// A token that has the claim is exchanged by nobody else, whatever the [policy](super::ExchangePolicy) says, with or without an actor
/// token. One that does not have it is left to the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MayAct {
    /// The subject of the one who acts: of its actor token, or the client's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The client that acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Whose name `sub` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// What else it says: nobody is known to be that.
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl MayAct {
    /// A client, in its own name or with somebody's token.
    #[must_use]
    pub fn client(client: ClientId) -> Self {
        Self { sub: None, client_id: Some(client), iss: None, others: Map::new() }
    }

    /// A subject of this server.
    #[must_use]
    pub fn subject(sub: impl Into<String>) -> Self {
        Self { sub: Some(sub.into()), client_id: None, iss: None, others: Map::new() }
    }

    /// Whether it names somebody: an issuer alone is everybody.
    #[must_use]
    pub const fn names_somebody(&self) -> bool {
        self.sub.is_some() || self.client_id.is_some()
    }

    /// Whether it names this one.
    #[must_use]
    pub fn allows(&self, sub: &str, client: &ClientId, issuer: &str) -> bool {
        self.others.is_empty()
            && self.names_somebody()
            && self.sub.as_deref().is_none_or(|named| named == sub)
            && self.client_id.as_ref().is_none_or(|named| named == client)
            && self.iss.as_deref().is_none_or(|named| named == issuer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8693, section 4.4: the members together say who it is.
    #[test]
    fn rfc8693_4_4_everything_must_be_true() {
        let orders: ClientId = "orders".parse().unwrap();
        for (claim, allows) in [
            (json!({ "sub": "orders" }), true),
            (json!({ "client_id": "orders" }), true),
            (json!({ "sub": "orders", "client_id": "orders", "iss": "https://id.example" }), true),
            (json!({ "sub": "orders", "client_id": "stock" }), false),
            (json!({ "sub": "ada", "client_id": "orders" }), false),
            (json!({ "sub": "orders", "iss": "https://other.example" }), false),
            (json!({ "iss": "https://id.example" }), false),
            (json!({}), false),
            (json!({ "sub": "orders", "email": "orders@example.com" }), false),
        ] {
            let may_act: MayAct = serde_json::from_value(claim.clone()).unwrap();
            assert_eq!(may_act.allows("orders", &orders, "https://id.example"), allows, "{claim}");
            assert_eq!(serde_json::to_value(&may_act).unwrap(), claim);
        }
    }

    /// RFC 8693, figure 6: the one who acts now is outermost.
    #[test]
    fn rfc8693_4_1_a_chain_of_actors() {
        let first = Actor::new("service77", "s77".parse().unwrap());
        let second = Actor::new("service16", "s16".parse().unwrap()).after(Some(first));
        assert_eq!(second.depth(), 2);
        let json = serde_json::to_value(&second).unwrap();
        assert_eq!(json["sub"], "service16");
        assert_eq!(json["act"]["sub"], "service77");
        assert_eq!(serde_json::from_value::<Actor>(json).unwrap(), second);
    }
}
