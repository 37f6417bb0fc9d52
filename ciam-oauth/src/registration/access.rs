//! Initial access tokens, and the tokens by which registrations are managed.

use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::store::{self, Batch, EntityRef, RecordKind, StoredRecord, Versioned};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::error::RegistrationError;
use crate::AuthorizationServer;
use crate::client::ClientId;
use crate::event;

/// What an initial access token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InitialAccess {
    /// What it is called in events and for the policy.
    pub name: String,
    /// How many clients it registers.
    pub uses: u32,
    /// How long it is good.
    pub lifetime: Duration,
}

impl InitialAccess {
    /// For one client, within a day.
    #[must_use]
    pub fn once() -> Self {
        Self { name: String::new(), uses: 1, lifetime: Duration::DAY }
    }

    /// Sets what it is called: for whom it is.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how many clients it registers.
    #[must_use]
    pub const fn with_uses(mut self, uses: u32) -> Self {
        self.uses = uses;
        self
    }

    /// Sets how long it is good.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

/// An initial access token, under its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessRecord {
    digest: TokenDigest,
    pub(super) name: String,
    uses: u32,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl StoredRecord for AccessRecord {
    const KIND: RecordKind = RecordKind::new("oauth.initial_access", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.digest.to_text()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

impl AccessRecord {
    /// Adds to the batch that one more client was registered with it.
    pub(super) fn use_once(found: &Versioned<Self>, batch: Batch) -> Result<Batch, PortError> {
        let entity = EntityRef::record::<Self>(found.value.key());
        let next = Self { uses: found.value.uses.saturating_sub(1), ..found.value.clone() };
        Ok(batch.require_version(entity, found.version).put(&next)?)
    }
}

/// The registration of a client that registered itself: who may change it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RegistrationRecord {
    pub(super) client: ClientId,
    pub(super) digest: TokenDigest,
}

impl StoredRecord for RegistrationRecord {
    const KIND: RecordKind = RecordKind::new("oauth.registration", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.client.as_str().to_owned()
    }
}

impl AuthorizationServer {
    /// Makes a token with which clients register themselves. It is returned once and stored as a digest.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn issue_initial_access(
        &self,
        actor: &Actor,
        access: InitialAccess,
    ) -> Result<Secret, PortError> {
        let token = Secret::random(self.ports().entropy())?;
        let record = AccessRecord {
            digest: token.digest(),
            name: access.name,
            uses: access.uses,
            expires_at: self.ports().now() + access.lifetime,
        };
        let event = Event::new(self.ports(), event::INITIAL_ACCESS_ISSUED, "server".to_owned())?
            .with("name", record.name.as_str())
            .by(actor);
        let entity = EntityRef::record::<AccessRecord>(record.key());
        let batch = Batch::new().require_absent(entity).put(&record)?.event(event);
        if self.ports().store().commit(batch).await?.is_applied() {
            Ok(token)
        } else {
            Err(PortError::permanent("a random token was made twice"))
        }
    }

    /// The initial access token that was shown, if it is good for one more client.
    pub(super) async fn initial_access(
        &self,
        shown: &str,
    ) -> Result<Versioned<AccessRecord>, RegistrationError> {
        let key = TokenDigest::of(shown).to_text();
        let found = store::load::<AccessRecord>(self.ports().store(), &key).await?;
        let now = self.ports().now();
        let good = found.filter(|found| found.value.uses > 0 && now < found.value.expires_at);
        good.ok_or(RegistrationError::InvalidToken)
    }
}
