//! Token introspection ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)).
//!
//! A resource asks what a token means now. Unlike the validation of a JWT, the answer knows of revocation, of the session
//! that a grant hangs on, and of the account. It is given to those whom the token concerns: the client that it was issued
//! to, and the clients that [serve](crate::client::Client::serves) a resource that it is for. To everybody else, and of
//! everything that is not a live token of this server, the answer is `{"active":false}` and nothing more.
//!
//! A resource that asks with `Accept: application/token-introspection+jwt` is answered with a signed JWT
//! ([RFC 9701](https://www.rfc-editor.org/rfc/rfc9701)), which proves to others what it was told, and which is encrypted for the
//! resource besides where it is registered so.

use ciam_core::error::PortError;
use ciam_core::jose::{self, Algorithm};
use ciam_core::secret::Secret;
use ciam_core::store;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::access_token::{AccessTokenClaims, ActiveToken};
use crate::client::{AuthenticatedClient, Client};
use crate::error::{ClientAuthError, TokenError};
use crate::grant::Grant;
use crate::organization::OrganizationClaims;
use crate::token::refresh::RefreshTokenText;

/// The answer to an introspection request. It serializes as the JSON object that it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Introspection(Answer);

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// Nothing is said but that the token is not active
    /// ([RFC 7662, section 2.2](https://www.rfc-editor.org/rfc/rfc7662#section-2.2)): it is not, or not the asker's business.
    Inactive,
    /// The members of the answer about an access token.
    Access(Box<AccessTokenClaims>),
    /// The members of the answer about a refresh token.
    Refresh(Map<String, Value>),
}

impl Introspection {
    const INACTIVE: Self = Self(Answer::Inactive);

    /// Whether the token can be used.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self.0, Answer::Inactive)
    }

    /// A member of the answer.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.to_json().get_mut(name).map(Value::take)
    }

    /// The JSON object of the answer.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({ "active": false }))
    }
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a, T> {
            active: bool,
            #[serde(flatten)]
            more: Option<&'a T>,
        }
        match &self.0 {
            Answer::Inactive => Members { active: false, more: None::<&()> }.serialize(serializer),
            Answer::Access(claims) => Members { active: true, more: Some(&**claims) }.serialize(serializer),
            Answer::Refresh(members) => Members { active: true, more: Some(members) }.serialize(serializer),
        }
    }
}

impl AuthorizationServer {
    /// Says what a token means now to an authenticated client. It counts as no use of the token.
    ///
    /// # Errors
    ///
    /// Fails when the client is public, because naming oneself is no authentication, and when a port fails.
    pub async fn introspect(
        &self,
        asker: &AuthenticatedClient,
        token: &str,
    ) -> Result<Introspection, TokenError> {
        let asker = &asker.client;
        if asker.is_public() {
            return Err(ClientAuthError::WrongMethod.into());
        }
        match self.refresh_secrets().read(token).await? {
            Some(refresh) => Ok(self.introspect_refresh_token(asker, &refresh).await?),
            None => {
                let found = self.inspect_knowing(token, Some(asker)).await?;
                let found = found.filter(|found| concerns(asker, found));
                Ok(found.map_or(Introspection::INACTIVE, describe))
            }
        }
    }

    /// The answer as a JWT for the one who asked, which shows later who said what
    /// ([RFC 9701, section 5](https://www.rfc-editor.org/rfc/rfc9701#section-5)); encrypted for it, if it is registered so.
    ///
    /// # Errors
    ///
    /// Fails when there is no key of the algorithm or none to encrypt for, and when a port does. Nothing is sent unencrypted
    /// instead.
    pub async fn introspection_jwt(
        &self,
        asker: &AuthenticatedClient,
        answer: &Introspection,
    ) -> Result<Secret, PortError> {
        let algorithm =
            asker.client.introspection_alg.or_else(|| self.introspection_algorithms().first().copied());
        let algorithm = algorithm.ok_or_else(|| PortError::permanent("there is no key to sign with"))?;
        let signer = self.keys().signer(algorithm).await.map_err(PortError::from)?;
        let claims = json!({
            "iss": self.issuer().as_str(),
            "aud": asker.client.id.as_str(),
            "iat": self.ports().now().unix_timestamp(),
            "token_introspection": answer.to_json(),
        });
        let signed = jose::sign(&*signer, INTROSPECTION_JWT, &claims).await.map_err(PortError::from)?;
        Ok(Secret::new(match asker.client.messages.introspection_encryption {
            Some(encryption) => self.encrypt_for(&asker.client, encryption, &signed).await?,
            None => signed,
        }))
    }

    /// What an answer can be signed with, the default first.
    pub(crate) fn introspection_algorithms(&self) -> &[Algorithm] {
        self.keys().algorithms()
    }

    /// A refresh token is nobody's business but its client's.
    async fn introspect_refresh_token(
        &self,
        asker: &Client,
        refresh: &RefreshTokenText,
    ) -> Result<Introspection, PortError> {
        let now = self.ports().now();
        let key = Grant::record_key(refresh.grant);
        let Some(found) = store::load::<Grant>(self.ports().store(), &key).await? else {
            return Ok(Introspection::INACTIVE);
        };
        let grant = found.value;
        let live = grant.refresh.as_ref().filter(|family| family.is_live(now));
        let Some(family) = live.filter(|family| family.generations.current == refresh.generation) else {
            return Ok(Introspection::INACTIVE);
        };
        if grant.client != asker.id {
            return Ok(Introspection::INACTIVE);
        }
        let end = family.idle_expires_at.min(family.expires_at);
        let Ok(holder) = self.grant_holder(&grant, now).await? else { return Ok(Introspection::INACTIVE) };
        let mut members = Map::new();
        members.insert("iss".to_owned(), Value::from(self.issuer().as_str()));
        members.insert("client_id".to_owned(), Value::from(asker.id.as_str()));
        members.insert("sub".to_owned(), Value::from(self.subject(asker, &holder.account)));
        members.insert("scope".to_owned(), Value::from(grant.scopes.to_string()));
        members.insert("iat".to_owned(), seconds(grant.created_at));
        members.insert("exp".to_owned(), seconds(end));
        if let Some(bound) = grant.confirmation {
            members.insert("cnf".to_owned(), json!(bound));
        }
        Ok(Introspection(Answer::Refresh(members)))
    }
}

/// The `typ` of an answer that is a JWT, and the end of its media type.
pub(crate) const INTROSPECTION_JWT: &str = "token-introspection+jwt";

fn describe(found: ActiveToken) -> Introspection {
    let mut claims = found.claims;
    // Which grant it came of is between the client and this server.
    claims.grant_id = None;
    claims.grant_client = None;
    // Who asks here needs no list.
    #[cfg(feature = "draft-status-list")]
    {
        claims.status = None;
    }
    claims.extra.remove("status");
    claims.extra.insert("token_type".to_owned(), Value::from(claims.scheme().as_str()));
    // The roles of now, not those of when the token was issued.
    claims.extra.extend(found.organization.iter().flat_map(OrganizationClaims::to_members));
    Introspection(Answer::Access(Box::new(claims)))
}

/// Whether a token is the asker's business.
fn concerns(asker: &Client, found: &ActiveToken) -> bool {
    found.claims.client_id == asker.id
        || asker.serves.iter().any(|own| found.claims.aud.iter().any(|audience| audience == own.as_str()))
}

fn seconds(time: OffsetDateTime) -> Value {
    Value::from(time.unix_timestamp())
}
