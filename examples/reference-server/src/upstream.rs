//! Providers that people can sign in with: buttons for everybody, and connections of organizations.
//!
//! What a provider says is checked by [`IdentityProvider`], whatever it speaks; which account somebody gets is decided by
//! [`Accounts::join`](ciam_core::account::Accounts::join): by issuer and subject, and never by an e-mail address alone.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::{
    account::federated::UpstreamIdentity,
    ephemeral::{self, EphemeralKey},
    error::PortError,
    id::SessionId,
    journey::{Connections, JourneyHandle},
    ports::Ports,
    secret::TokenDigest,
};
use ciam_oidc::rp::{
    EmailRule, Identity, IdentityProvider, RelyingParty, known::SetupError, oauth::OAuthParty,
};
use ciam_saml::model::NameId;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::config::{Config, UpstreamConfig, UpstreamKind};

/// A provider that people can sign in with.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// What its button says.
    pub label: String,
    /// Whether there is a button for everybody.
    pub button: bool,
    /// The client.
    pub provider: IdentityProvider,
    trust_factors: bool,
}

/// A way to sign in elsewhere, which everybody has.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its name, in addresses.
    pub name: String,
    /// What its button says.
    pub label: String,
    /// Who vouches for people there.
    pub vouches: Vouches,
}

/// Who vouches for the people of a way.
#[derive(Clone, Debug)]
pub enum Vouches {
    /// A provider, or its tenants.
    Upstream(IdentityProvider),
    /// An identity provider that speaks SAML.
    Saml(String),
}

impl Way {
    /// Whether this is who vouches for people here.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        match &self.vouches {
            Vouches::Upstream(provider) => provider.is_issuer(issuer),
            Vouches::Saml(entity) => entity == issuer,
        }
    }
}

/// All of them, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(Arc<Vec<(String, Upstream)>>);

impl Upstreams {
    /// Those of the configuration. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// One cannot be used.
    pub fn new(config: &Config, ports: &Ports) -> Result<Self, SetupError> {
        let make = |it: &UpstreamConfig| {
            let back = config.issuer.join(&format!("/upstream/{}/callback", it.name));
            let upstream = Upstream {
                label: it.label.clone(),
                button: it.button,
                provider: it.kind.provider(ports.clone(), back)?,
                trust_factors: it.trust_factors,
            };
            Ok::<_, SetupError>((it.name.clone(), upstream))
        };
        Ok(Self(Arc::new(config.upstreams.iter().map(make).collect::<Result<_, SetupError>>()?)))
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Upstream> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, upstream)| upstream)
    }

    /// Those with a button for everybody.
    pub fn buttons(&self) -> impl Iterator<Item = (&str, &Upstream)> {
        self.0.iter().filter(|(_, it)| it.button).map(|(name, it)| (name.as_str(), it))
    }

    /// What people know an issuer by.
    pub fn label_of(&self, issuer: &str) -> Option<&str> {
        self.0.iter().find(|(_, it)| it.provider.is_issuer(issuer)).map(|(_, it)| it.label.as_str())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[async_trait]
impl Connections for Upstreams {
    async fn has(&self, name: &str) -> Result<bool, PortError> {
        Ok(self.get(name).is_some())
    }
}

impl UpstreamKind {
    /// The provider, whose answers arrive here.
    fn provider(&self, ports: Ports, back: String) -> Result<IdentityProvider, SetupError> {
        Ok(match self {
            Self::OpenId(config) => {
                let mut config = (**config).clone();
                config.redirect_uri = back;
                IdentityProvider::open_id(RelyingParty::new(ports, config), EmailRule::Claimed)
            }
            Self::OAuth(provider, config) => {
                let mut config = (**config).clone();
                config.redirect_uri = back;
                IdentityProvider::oauth(OAuthParty::new(ports, (**provider).clone(), config)?)
            }
            Self::Known(row, setup) => {
                let mut setup = (**setup).clone();
                setup.redirect_uri = back;
                row.connect(ports, setup)?
            }
        })
    }
}

impl Upstream {
    /// The person as the provider describes them.
    pub fn described(&self, identity: &Identity, now: OffsetDateTime) -> UpstreamIdentity {
        let described = identity.upstream(now);
        if !self.trust_factors {
            return described;
        }
        let at = identity.auth_time.map_or(now, |at| at.min(now));
        described.with_trusted_amr(identity.amr.iter().map(String::as_str), at)
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

fn key(journey: &JourneyHandle) -> EphemeralKey {
    EphemeralKey::new("server.arriving", TokenDigest::of(journey.expose()).to_text())
}

/// As long as a journey.
const KEPT: Duration = Duration::minutes(30);
