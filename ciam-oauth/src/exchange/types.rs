//! Kinds of tokens, and who acts.

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
