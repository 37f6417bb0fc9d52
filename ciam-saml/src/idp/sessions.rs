//! Who was told of a session: so that all can be told of its end.
//!
//! Kept in the short-lived store for as long as [sessions last](super::IdentityProviderConfig::with_session_lifetime). When
//! that store loses everything, nobody is told of the end of sessions that were begun before: they end by themselves.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::secret::TokenDigest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::IdentityProvider;
use crate::model::NameId;

/// A service that was told of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Participant {
    /// The service.
    pub sp: String,
    /// The person's name there.
    pub name_id: NameId,
    /// The session's name there.
    pub session_index: String,
}

impl IdentityProvider {
    /// The services that were told of a session.
    ///
    /// # Errors
    ///
    /// Fails only when a port does.
    pub async fn participants(&self, session: &str) -> Result<Vec<Participant>, PortError> {
        self.list(&session_key(session)).await
    }

    /// Forgets who was told of a session: when it has ended, and everybody was told.
    ///
    /// # Errors
    ///
    /// Fails only when a port does.
    pub async fn forget(&self, session: &str) -> Result<(), PortError> {
        self.ports.ephemeral().take(&session_key(session)).await.map(|_| ())
    }

    pub(super) async fn remember(&self, session: &str, participant: Participant) -> Result<(), PortError> {
        let ttl = self.config.session_lifetime;
        let (sp, index) = (&participant.sp, &participant.session_index);
        let by_index = index_key(sp, index);
        self.ports.ephemeral().put(&by_index, ephemeral::encode(&session)?, ttl).await?;
        let by_name = name_key(sp, &participant.name_id);
        self.append(&by_name, session.to_owned()).await?;
        self.append(&session_key(session), participant).await
    }

    /// The sessions that a service means.
    pub(super) async fn sessions_of(
        &self,
        sp: &str,
        name_id: &NameId,
        indexes: &[String],
    ) -> Result<Vec<String>, PortError> {
        let mut found: Vec<String> = Vec::new();
        if indexes.is_empty() {
            found = self.list(&name_key(sp, name_id)).await?;
        }
        for index in indexes.iter().take(MOST) {
            if let Some(stored) = self.ports.ephemeral().get(&index_key(sp, index)).await? {
                found.push(ephemeral::decode(&stored)?);
            }
        }
        // An index is no secret: the name has to be the one that was given with it. Services leave its qualifiers out.
        let idp = &self.config.entity_id;
        let asked = name_id.qualified(idp, sp);
        let mut meant: Vec<String> = Vec::new();
        for session in found {
            let told = self.participants(&session).await?;
            let same = |one: &Participant| one.sp == sp && one.name_id.qualified(idp, sp).is_same(&asked);
            if told.iter().any(same) && !meant.contains(&session) {
                meant.push(session);
            }
        }
        Ok(meant)
    }

    async fn list<T: DeserializeOwned>(&self, key: &EphemeralKey) -> Result<Vec<T>, PortError> {
        let stored = self.ports.ephemeral().get(key).await?;
        stored.map_or_else(|| Ok(Vec::new()), |stored| ephemeral::decode(&stored))
    }

    /// Adds to a list, whoever else does; of a long one, the oldest is dropped.
    async fn append<T>(&self, key: &EphemeralKey, entry: T) -> Result<(), PortError>
    where
        T: Serialize + DeserializeOwned + PartialEq + Clone + Send,
    {
        let (port, ttl) = (self.ports.ephemeral(), self.config.session_lifetime);
        for _ in 0..ATTEMPTS {
            let stored = port.get(key).await?;
            let mut list: Vec<T> = match &stored {
                Some(stored) => ephemeral::decode(stored)?,
                None => Vec::new(),
            };
            list.retain(|known| *known != entry);
            if list.len() >= MOST {
                list.remove(0);
            }
            list.push(entry.clone());
            let new = ephemeral::encode(&list)?;
            let done = match &stored {
                Some(old) => port.compare_and_swap(key, old, new, ttl).await?,
                None => port.put_if_absent(key, new, ttl).await?,
            };
            if done {
                return Ok(());
            }
        }
        Err(PortError::transient("a list of sessions is written to by too many at once"))
    }
}

/// Most services of one session, and most sessions of one name at one service.
const MOST: usize = 64;
const ATTEMPTS: usize = 16;

fn session_key(session: &str) -> EphemeralKey {
    EphemeralKey::new("saml.session", TokenDigest::of(session).to_text())
}

fn index_key(sp: &str, index: &str) -> EphemeralKey {
    EphemeralKey::new("saml.index", TokenDigest::of(&format!("{sp}\n{index}")).to_text())
}

fn name_key(sp: &str, name_id: &NameId) -> EphemeralKey {
    EphemeralKey::new("saml.name", TokenDigest::of(&format!("{sp}\n{}", name_id.value)).to_text())
}
