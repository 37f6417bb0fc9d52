//! The endpoints of a tenant.

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;

use super::endpoint::{EventFilter, InvalidWebhook, StoredSecret, WebhookEndpoint, WebhookId, check_url};
use super::signature::WebhookSecret;
use super::sink::{SECRET_PURPOSE, WebhookSink};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::ports::Ports;
use crate::relay::{EventSink, SinkSource};
use crate::store::{Batch, Commit, EntityRef, Page, PageRequest, StoredRecord as _, Versioned, load};
use crate::vault::SealScope;

/// A webhook endpoint was created, changed or removed.
pub const WEBHOOK_CHANGED: EventType = EventType::new("ciam.webhook.changed.v1");

/// What an endpoint is to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// Its name.
    pub id: WebhookId,
    /// Where requests go.
    pub url: String,
    /// Which events it gets; all when there is none here.
    pub events: Vec<EventFilter>,
    /// What requests are signed with. When it differs from the one before, that one signs beside it for a day.
    pub secret: WebhookSecret,
    /// Whether it gets events at present. Default: it does.
    pub enabled: bool,
}

impl WebhookSettings {
    /// An endpoint that gets every event.
    #[must_use]
    pub fn new(id: WebhookId, url: impl Into<String>, secret: WebhookSecret) -> Self {
        Self { id, url: url.into(), events: Vec::new(), secret, enabled: true }
    }

    /// Sets which events it gets.
    #[must_use]
    pub fn with_events(mut self, events: Vec<EventFilter>) -> Self {
        self.events = events;
        self
    }

    /// Sets whether it gets events at present.
    #[must_use]
    pub const fn with_enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}

/// What [`Webhooks::put`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else that it could have done")]
pub enum WebhookPut {
    /// There was no such endpoint.
    Created,
    /// It differed.
    Updated,
    /// It was as it was to be.
    Unchanged,
}

/// An endpoint cannot be, or a port failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The endpoint cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidWebhook),
    /// A port failed.
    #[error("the webhook endpoint cannot be stored")]
    Port(#[from] PortError),
}

/// The webhook endpoints of a tenant, and the [`SinkSource`] that a relay delivers to them from.
#[derive(Clone, Debug)]
pub struct Webhooks {
    ports: Ports,
}

impl Webhooks {
    /// At most this many endpoints get events.
    pub const MAX_ENDPOINTS: u32 = 200;
    /// How long the secret before the newest signs beside it.
    pub const OVERLAP: Duration = Duration::DAY;

    /// The endpoints of a tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Checks what an endpoint is to be, without storing it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn check(&self, settings: &WebhookSettings) -> Result<(), InvalidWebhook> {
        check_url(&settings.url, self.ports.outbound_policy())?;
        if settings.events.len() > WebhookEndpoint::MAX_FILTERS {
            return Err(InvalidWebhook::TooManyFilters);
        }
        Ok(())
    }

    /// Creates an endpoint, or changes it where it differs.
    ///
    /// # Errors
    ///
    /// Fails when the endpoint cannot be, or when a port does.
    pub async fn put(&self, actor: &Actor, settings: &WebhookSettings) -> Result<WebhookPut, WebhookError> {
        self.check(settings)?;
        for _ in 0..RACES {
            let found = load::<WebhookEndpoint>(self.ports.store(), settings.id.as_str()).await?;
            let before = found.as_ref().map(|it| &it.value).filter(|it| !it.is_removed());
            let after = self.changed(before, settings).await?;
            let (done, what) = match before {
                Some(before) if *before == after => return Ok(WebhookPut::Unchanged),
                Some(_) => (WebhookPut::Updated, "updated"),
                None => (WebhookPut::Created, "created"),
            };
            if self.commit(actor, found.as_ref(), &after, what).await? {
                return Ok(done);
            }
        }
        Err(PortError::transient("the endpoint kept changing").into())
    }

    /// Removes an endpoint; `false` when there is none. What is queued for it is thrown away, its dead letters stay.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn remove(&self, actor: &Actor, id: &WebhookId) -> Result<bool, PortError> {
        for _ in 0..RACES {
            let Some(found) = load::<WebhookEndpoint>(self.ports.store(), id.as_str()).await? else {
                return Ok(false);
            };
            if found.value.is_removed() {
                return Ok(false);
            }
            let mut removed = found.value.clone();
            removed.secrets.clear();
            removed.removed_until = Some(self.ports.now().saturating_add(DRAIN));
            if self.commit(actor, Some(&found), &removed, "removed").await? {
                return Ok(true);
            }
        }
        Err(PortError::transient("the endpoint kept changing"))
    }

    /// Lists the endpoints, by name.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(&self, page: PageRequest) -> Result<Page<WebhookEndpoint>, PortError> {
        let mut found = self.all(page).await?;
        found.items.retain(|it| !it.is_removed());
        Ok(found)
    }

    async fn all(&self, page: PageRequest) -> Result<Page<WebhookEndpoint>, PortError> {
        let found = self.ports.store().records(WebhookEndpoint::KIND, page).await?;
        let items = found.items.iter().map(|it| it.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(items, found.next))
    }

    /// The endpoint as it is to be: with the secrets that it has while they are the same.
    async fn changed(
        &self,
        before: Option<&WebhookEndpoint>,
        settings: &WebhookSettings,
    ) -> Result<WebhookEndpoint, PortError> {
        let mut secrets = before.map(|it| it.secrets.clone()).unwrap_or_default();
        let newest = match secrets.first() {
            Some(stored) => {
                Some(self.ports.vault().open(&SealScope::Tenant, SECRET_PURPOSE, &stored.sealed).await?)
            }
            None => None,
        };
        if newest.is_none_or(|it| it.expose() != settings.secret.bytes().expose()) {
            let plain = settings.secret.bytes().expose();
            let sealed = self.ports.vault().seal(&SealScope::Tenant, SECRET_PURPOSE, plain).await?;
            secrets.truncate(1);
            for old in &mut secrets {
                old.until = Some(self.ports.now().saturating_add(Self::OVERLAP));
            }
            secrets.insert(0, StoredSecret { sealed, until: None });
        }
        Ok(WebhookEndpoint {
            id: settings.id.clone(),
            url: settings.url.clone(),
            events: settings.events.clone(),
            enabled: settings.enabled,
            secrets,
            removed_until: None,
        })
    }

    async fn commit(
        &self,
        actor: &Actor,
        found: Option<&Versioned<WebhookEndpoint>>,
        after: &WebhookEndpoint,
        what: &str,
    ) -> Result<bool, PortError> {
        let told = Event::new(&self.ports, WEBHOOK_CHANGED, format!("webhook:{}", after.id.as_str()))?
            .with("change", what)
            .by(actor);
        let entity = EntityRef::record::<WebhookEndpoint>(after.key());
        let batch = match found {
            Some(found) => Batch::new().require_version(entity, found.version),
            None => Batch::new().require_absent(entity),
        };
        Ok(self.ports.store().commit(batch.put(after)?.event(told)).await? == Commit::Applied)
    }
}

#[async_trait]
impl SinkSource for Webhooks {
    async fn sinks(&self) -> Result<Vec<Arc<dyn EventSink>>, PortError> {
        let page = self.all(PageRequest::first(Self::MAX_ENDPOINTS)).await?;
        let sink = |it| Arc::new(WebhookSink::new(self.ports.clone(), it)) as Arc<dyn EventSink>;
        Ok(page.items.into_iter().map(sink).collect())
    }
}

/// How long a removed endpoint is remembered, to throw away what is queued for it.
const DRAIN: Duration = Duration::days(7);
const RACES: usize = 8;
