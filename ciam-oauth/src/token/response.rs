//! The token response.

use std::collections::BTreeMap;

use ciam_core::secret::Secret;
use serde::Serialize;
use serde_json::{Map, Value};
use time::Duration;

use crate::access_token::Minted;
use crate::authorization_details::AuthorizationDetail;
use crate::scope::ScopeSet;
use crate::validate::Scheme;

/// A successful token response ([RFC 6749, section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The access token.
    pub access_token: Secret,
    /// The scheme that it is presented with: its type.
    pub scheme: Scheme,
    /// How long the access token can be used.
    pub expires_in: Duration,
    /// The scope of the access token.
    pub scopes: ScopeSet,
    /// The refresh token that takes the place of the one that was presented, if any.
    pub refresh_token: Option<Secret>,
    /// The authorization details of the access token.
    pub details: Vec<AuthorizationDetail>,
    /// What the [`Extension`](crate::extension::Extension) added, such as `id_token`.
    pub members: Map<String, Value>,
    /// Whether it is a token of a transaction, which no scheme presents: its type is `N_A`.
    #[cfg(feature = "draft-transaction-tokens")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
    pub is_transaction: bool,
}

impl TokenResponse {
    /// The response with an access token and nothing more.
    pub(super) fn of(minted: Minted) -> Self {
        Self {
            access_token: minted.token,
            scheme: minted.scheme,
            expires_in: minted.expires_in,
            scopes: minted.scopes,
            refresh_token: None,
            details: minted.details,
            members: Map::new(),
            #[cfg(feature = "draft-transaction-tokens")]
            is_transaction: false,
        }
    }

    const fn token_type(&self) -> &'static str {
        #[cfg(feature = "draft-transaction-tokens")]
        if self.is_transaction {
            return "N_A";
        }
        self.scheme.as_str()
    }

    /// The response's JSON body.
    ///
    /// # Security
    ///
    /// It holds the tokens in the clear: send it with `Cache-Control: no-store` and do not log it.
    ///
    /// # Errors
    ///
    /// Never for members that are JSON; the signature is serde's.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            access_token: &'a str,
            token_type: &'static str,
            expires_in: i64,
            #[serde(skip_serializing_if = "String::is_empty")]
            scope: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            refresh_token: Option<&'a str>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            authorization_details: &'a [AuthorizationDetail],
            #[serde(flatten)]
            members: BTreeMap<&'a str, &'a Value>,
        }
        const OWN: [&str; 6] =
            ["access_token", "token_type", "expires_in", "scope", "refresh_token", "authorization_details"];
        serde_json::to_vec(&Body {
            access_token: self.access_token.expose(),
            token_type: self.token_type(),
            expires_in: self.expires_in.whole_seconds(),
            scope: self.scopes.to_string(),
            refresh_token: self.refresh_token.as_ref().map(Secret::expose),
            authorization_details: &self.details,
            members: self
                .members
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .filter(|(name, _)| !OWN.contains(name))
                .collect(),
        })
    }
}
