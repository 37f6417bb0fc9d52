//! OpenID Providers that people can sign in with: buttons for everybody, and connections of organizations.
//!
//! What a provider says is checked by [`RelyingParty`]; which account somebody gets is decided by
//! [`Accounts::join`](ciam_core::account::Accounts::join): by issuer and subject, and never by an e-mail address alone.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use ciam_core::{
    account::{IdentifierKey, Profile, federated::UpstreamIdentity},
    assurance::Acr,
    ephemeral::{self, EphemeralKey},
    error::PortError,
    id::SessionId,
    journey::{Connections, JourneyHandle},
    ports::Ports,
    secret::{Secret, TokenDigest},
};
use ciam_oidc::rp::{Authentication, IdTokenClaims, RelyingParty, RelyingPartyConfig, SignInError, SignedIn};
use ciam_saml::model::NameId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::config::{Config, UpstreamConfig};

/// An OpenID Provider that people can sign in with.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// What its button says.
    pub label: String,
    /// Whether there is a button for everybody.
    pub button: bool,
    /// The client.
    pub party: RelyingParty,
    trust_factors: bool,
}

/// All of them, by name.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(Arc<BTreeMap<String, Upstream>>);

impl Upstreams {
    /// Those of the configuration. Nothing is fetched yet.
    pub fn new(config: &Config, ports: &Ports) -> Self {
        let make = |it: &UpstreamConfig| {
            let back = config.issuer.join(&format!("/upstream/{}/callback", it.name));
            let authentication = match &it.client_secret {
                Some(secret) => Authentication::SecretBasic(Secret::from(secret.expose())),
                None => Authentication::None,
            };
            let registration =
                RelyingPartyConfig::new(it.issuer.as_str(), it.client_id.as_str(), authentication, back)
                    .with_scope(&it.scope);
            let upstream = Upstream {
                label: it.label.clone(),
                button: it.button,
                party: RelyingParty::new(ports.clone(), registration),
                trust_factors: it.trust_factors,
            };
            (it.name.clone(), upstream)
        };
        Self(Arc::new(config.upstreams.iter().map(make).collect()))
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Upstream> {
        self.0.get(name)
    }

    /// Those with a button for everybody.
    pub fn buttons(&self) -> impl Iterator<Item = (&str, &Upstream)> {
        self.0.iter().filter(|(_, it)| it.button).map(|(name, it)| (name.as_str(), it))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[async_trait]
impl Connections for Upstreams {
    async fn has(&self, name: &str) -> Result<bool, PortError> {
        Ok(self.0.contains_key(name))
    }
}

impl Upstream {
    /// The person as the provider describes them. What the ID token does not say of them, UserInfo does.
    ///
    /// # Errors
    ///
    /// UserInfo cannot be had, or is about somebody else.
    pub async fn identity(
        &self,
        signed_in: &SignedIn,
        now: OffsetDateTime,
    ) -> Result<UpstreamIdentity, SignInError> {
        let claims = &signed_in.tokens.claims;
        let mut said = claims.all.clone();
        let more = self.party.metadata().await?.userinfo_endpoint.is_some() && !said.contains_key("email");
        if more {
            said.extend(self.party.userinfo(&signed_in.tokens).await?);
        }
        Ok(self.described(claims, &said, now))
    }

    fn described(
        &self,
        claims: &IdTokenClaims,
        said: &Map<String, Value>,
        now: OffsetDateTime,
    ) -> UpstreamIdentity {
        let issuer = self.party.config().issuer.as_str();
        let at = claims.auth_time.map_or(now, |at| at.min(now));
        let mut identity = UpstreamIdentity::new(issuer, claims.subject.as_str(), at);
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        if let Some(email) = verified_email(said) {
            identity = identity.with_verified_email(email);
        }
        let mut profile = Profile::new();
        for name in ["name", "given_name", "family_name"] {
            if let Some(value) = text(name).filter(|it| it.len() <= 256 && !it.chars().any(char::is_control))
            {
                // What does not fit is left out.
                let _left_out = profile.set(name, value);
            }
        }
        identity = identity.with_profile(profile);
        if self.trust_factors {
            identity = identity.with_trusted_amr(claims.amr.iter().map(String::as_str), at);
        }
        match claims.acr.as_deref().filter(|acr| acr.len() <= 256) {
            Some(acr) => identity.with_acr(&Acr::new(acr)),
            None => identity,
        }
    }
}

/// What is to be done once a journey that a provider has begun ends with a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arriving {
    /// The provider.
    pub upstream: String,
    /// How it names the session, to end with it.
    pub session: Option<Origin>,
    /// The same where it speaks SAML.
    #[serde(default)]
    pub saml: Option<SamlOrigin>,
    /// The identity that is linked to the account that is proved.
    pub link: Option<UpstreamIdentity>,
}

/// How a provider names a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The person.
    pub subject: String,
    /// The session.
    pub sid: Option<String>,
}

impl Arriving {
    /// Keeps it for the end of a journey.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn keep(&self, ports: &Ports, journey: &JourneyHandle) -> Result<(), PortError> {
        ports.ephemeral().put(&key(journey), ephemeral::encode(self)?, KEPT).await
    }

    /// Takes it, once.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn take(ports: &Ports, journey: &JourneyHandle) -> Result<Option<Self>, PortError> {
        let bytes = ports.ephemeral().take(&key(journey)).await?;
        Ok(bytes.and_then(|bytes| ephemeral::decode(&bytes).ok()))
    }
}

/// How an identity provider that speaks SAML names a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamlOrigin {
    /// The person.
    pub name: NameId,
    /// The session.
    pub index: Option<String>,
}

/// A session, and how it is named elsewhere.
pub type Named = (SessionId, Option<String>);

impl SamlOrigin {
    /// Remembers that a session began with this name, as long as sessions last. Of very many, the newest are remembered.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn remember(
        &self,
        ports: &Ports,
        connection: &str,
        session: SessionId,
        lifetime: Duration,
    ) -> Result<(), PortError> {
        let (store, key) = (ports.ephemeral(), self.key(connection)?);
        for _ in 0..ATTEMPTS {
            let stored = store.get(&key).await?;
            let mut all: Vec<Named> = stored.as_deref().map_or_else(|| Ok(Vec::new()), ephemeral::decode)?;
            if all.len() >= MOST {
                all.remove(0);
            }
            all.push((session, self.index.clone()));
            let new = ephemeral::encode(&all)?;
            let done = match &stored {
                Some(old) => store.compare_and_swap(&key, old, new, lifetime).await?,
                None => store.put_if_absent(&key, new, lifetime).await?,
            };
            if done {
                return Ok(());
            }
        }
        Err(PortError::transient("a list of sessions is written to by too many at once"))
    }

    /// The sessions that began with this name.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn sessions(&self, ports: &Ports, connection: &str) -> Result<Vec<Named>, PortError> {
        let stored = ports.ephemeral().get(&self.key(connection)?).await?;
        stored.as_deref().map_or_else(|| Ok(Vec::new()), ephemeral::decode)
    }

    /// Keeps how a session of ours is named elsewhere, and by which connection it came, as long as sessions last.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn keep(
        &self,
        ports: &Ports,
        connection: &str,
        session: SessionId,
        lifetime: Duration,
    ) -> Result<(), PortError> {
        let kept = ephemeral::encode(&(connection, self))?;
        ports.ephemeral().put(&session_key(session), kept, lifetime).await
    }

    /// Takes that, once.
    ///
    /// # Errors
    ///
    /// The ephemeral store fails.
    pub async fn take(ports: &Ports, session: SessionId) -> Result<Option<(String, Self)>, PortError> {
        let stored = ports.ephemeral().take(&session_key(session)).await?;
        stored.as_deref().map(ephemeral::decode).transpose()
    }

    fn key(&self, connection: &str) -> Result<EphemeralKey, PortError> {
        let name = serde_json::to_string(&(connection, &self.name)).map_err(PortError::permanent)?;
        Ok(EphemeralKey::new("server.saml_sessions", TokenDigest::of(&name).to_text()))
    }
}

fn session_key(session: SessionId) -> EphemeralKey {
    EphemeralKey::new("server.saml_session", TokenDigest::of(&session.to_string()).to_text())
}

const MOST: usize = 64;
const ATTEMPTS: usize = 16;

/// An address that the provider has not verified is no address.
fn verified_email(said: &Map<String, Value>) -> Option<IdentifierKey> {
    let verified = said.get("email_verified") == Some(&Value::Bool(true));
    let email = said.get("email").and_then(Value::as_str).filter(|_| verified)?;
    IdentifierKey::email(email).ok()
}

fn key(journey: &JourneyHandle) -> EphemeralKey {
    EphemeralKey::new("server.arriving", TokenDigest::of(journey.expose()).to_text())
}

/// As long as a journey.
const KEPT: Duration = Duration::minutes(30);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_that_is_not_verified_is_none() {
        let of = |said: Value| verified_email(said.as_object().unwrap()).map(|it| it.as_str().to_owned());
        let ada = Some("ada@example.com".to_owned());
        assert_eq!(of(json!({ "email": "Ada@Example.com", "email_verified": true })), ada);
        for said in [
            json!({ "email": "ada@example.com" }),
            json!({ "email": "ada@example.com", "email_verified": false }),
            json!({ "email": "ada@example.com", "email_verified": "true" }),
            json!({ "email": "ada@example.com", "email_verified": 1 }),
            json!({ "email": "nonsense", "email_verified": true }),
            json!({ "email_verified": true }),
        ] {
            assert_eq!(of(said.clone()), None, "{said}");
        }
    }
}
