//! What a transaction token says.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::exchange::Actor;
use crate::scope::ScopeSet;

/// The claims of a transaction token
/// ([section 9.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09#section-9.2)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TransactionClaims {
    /// The server that signed it.
    pub iss: String,
    /// The trust domain, outside of which it means nothing.
    pub aud: String,
    /// When it was issued.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// The transaction.
    pub txn: String,
    /// Whom it is for.
    pub sub: String,
    /// What it is for.
    #[serde(serialize_with = "space_delimited", deserialize_with = "from_space_delimited")]
    pub scope: ScopeSet,
    /// The workload that asked for it: a client.
    pub req_wl: String,
    /// What it is about, which does not change.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub tctx: Map<String, Value>,
    /// Under which circumstances it was asked for.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub rctx: Map<String, Value>,
    /// Who acted before the one that asked: the workloads that had the tokens which this one takes the place of, and whoever acted for
    /// the subject of the access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

fn space_delimited<S: Serializer>(scopes: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scopes)
}

fn from_space_delimited<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ScopeSet, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
