//! Metadata that is fetched, again and again, in the background.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use ciam_core::runtime::blocking;
use ciam_core::secret::TokenDigest;
use ciam_core::store::{Batch, EntityRef, RecordKind, StoredRecord, load};
use futures_util::lock::Mutex;
use http::StatusCode;
use http::header::ACCEPT;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{
    EntityDescriptor, Loaded, METADATA_REFRESHED, MetadataError, MetadataQuery, MetadataTrust, Seen,
};

/// When metadata is fetched again, and how long without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// Metadata that was fetched longer ago is no longer used, although it says that it is valid. Default 7 days.
    pub stale_after: Duration,
    /// No fetch begins sooner than this after the last one began; each failure doubles it, up to an hour. Default 1 minute.
    pub cooldown: Duration,
    /// How long a fetch may take. Default 2 minutes: an aggregate is large, and nobody waits for it.
    pub deadline: std::time::Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            stale_after: Duration::days(7),
            cooldown: Duration::minutes(1),
            deadline: std::time::Duration::from_secs(120),
        }
    }
}

/// Metadata at a URL: an aggregate, or one entity, signed by a pinned key.
///
/// It is fetched through core's [outbound rules](ciam_core::outbound), verified as a whole, and used until it ends or is
/// [stale](RefreshPolicy::stale_after). When it cannot be fetched, or what is fetched is refused, the last good one stays. That it is never
/// replaced by an older one holds across restarts and nodes: how new the newest was is in the store.
///
/// ```
/// # use ciam_core::ports::Ports;
/// # use ciam_saml::dsig::TrustedKeys;
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// use ciam_saml::metadata::{MetadataQuery, MetadataTrust, RemoteMetadata};
///
/// fn follow(ports: Ports, federation: TrustedKeys) -> RemoteMetadata {
///     let query = MetadataQuery::new("https://mdq.example/");
///     let trust = MetadataTrust::new(federation);
///     let idp = RemoteMetadata::of_entity(ports, &query, "https://idp.example/metadata", trust);
///     let background = idp.clone();
///     spawn(async move { background.keep_fresh(|_now| { /* make partners of what there is now */ }).await });
///     idp
/// }
/// # let _ = follow;
/// ```
#[derive(Clone)]
pub struct RemoteMetadata {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    outbound: Outbound,
    url: String,
    entity: Option<String>,
    trust: MetadataTrust,
    policy: RefreshPolicy,
    kept: RwLock<Option<Arc<Snapshot>>>,
    failures: RwLock<Failures>,
    fetching: Mutex<()>,
}

/// What the last good fetch gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The entities, by their names.
    pub entities: BTreeMap<String, EntityDescriptor>,
    /// How many could not be read.
    pub left_out: usize,
    /// Until when all of it may be used.
    pub valid_until: OffsetDateTime,
    /// When it is fetched again.
    pub refresh_at: OffsetDateTime,
    /// When it was fetched.
    pub fetched_at: OffsetDateTime,
}

impl Snapshot {
    fn new(loaded: Loaded, fetched_at: OffsetDateTime) -> Self {
        let Loaded { entities, left_out, valid_until, refresh_at, .. } = loaded;
        let entities = entities.into_iter().map(|entity| (entity.entity_id.clone(), entity)).collect();
        Self { entities, left_out, valid_until, refresh_at, fetched_at }
    }

    /// When it is no longer used.
    fn end(&self, policy: &RefreshPolicy) -> OffsetDateTime {
        self.valid_until.min(self.fetched_at.saturating_add(policy.stale_after))
    }
}

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: Option<OffsetDateTime>,
}

impl Failures {
    /// When the next fetch may begin.
    fn over_at(self, policy: &RefreshPolicy) -> Option<OffsetDateTime> {
        let doubled = 2_i32.saturating_pow(self.count.saturating_sub(1).min(16));
        let pause = (policy.cooldown * doubled).min(Duration::HOUR.max(policy.cooldown));
        self.last.map(|last| last.saturating_add(pause))
    }
}

impl RemoteMetadata {
    /// The metadata at a URL. Nothing is fetched yet.
    #[must_use]
    pub fn new(ports: Ports, url: impl Into<String>, trust: MetadataTrust) -> Self {
        Self::make(ports, url.into(), None, trust, RefreshPolicy::default())
    }

    /// The metadata of one entity, by a query.
    #[must_use]
    pub fn of_entity(
        ports: Ports,
        query: &MetadataQuery,
        entity_id: impl Into<String>,
        trust: MetadataTrust,
    ) -> Self {
        let entity_id = entity_id.into();
        Self::make(ports, query.url(&entity_id), Some(entity_id), trust, RefreshPolicy::default())
    }

    /// The same with another policy, and nothing fetched.
    #[must_use]
    pub fn with_policy(&self, policy: RefreshPolicy) -> Self {
        let Inner { ports, url, entity, trust, .. } = &*self.inner;
        Self::make(ports.clone(), url.clone(), entity.clone(), trust.clone(), policy)
    }

    fn make(
        ports: Ports,
        url: String,
        entity: Option<String>,
        trust: MetadataTrust,
        policy: RefreshPolicy,
    ) -> Self {
        let outbound = Outbound::new(ports.clone()).with_limits(policy.deadline, trust.bytes());
        let (kept, failures, fetching) = (RwLock::default(), RwLock::default(), Mutex::new(()));
        Self {
            inner: Arc::new(Inner { ports, outbound, url, entity, trust, policy, kept, failures, fetching }),
        }
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// What there is now, without waiting; `None` before the first fetch, and when it has ended or is stale.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        let kept = self.inner.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        kept.filter(|kept| self.inner.ports.now() < kept.end(&self.inner.policy))
    }

    /// What there is, fetched first when there is nothing or it is due. Of many who ask, one fetches.
    ///
    /// # Errors
    ///
    /// Fails when there is nothing that may be used. When there is, a fetch that failed is not an error: it is tried again
    /// later.
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, RemoteMetadataError> {
        if let Err(error) = self.fetch_if_due().await
            && self.current().is_none()
        {
            return Err(error);
        }
        self.current().ok_or(RemoteMetadataError::Unavailable)
    }

    /// Fetches when it is due, for as long as the future is polled: for the host to spawn. `changed` is told what there is,
    /// whenever that is something else than before; `None` when there is nothing any more.
    pub async fn keep_fresh(&self, mut changed: impl FnMut(Option<&Snapshot>) + Send) {
        let mut told: Option<Arc<Snapshot>> = None;
        loop {
            // Tried again after a pause; what there is stays until its end.
            let _failed = self.fetch_if_due().await;
            let current = self.current();
            let same = match (&told, &current) {
                (Some(told), Some(current)) => told.entities == current.entities,
                (None, None) => true,
                _ => false,
            };
            if !same {
                changed(current.as_deref());
            }
            told = current;
            let pause = self.next_at() - self.inner.ports.now();
            self.inner.ports.runtime().sleep(pause.max(Duration::SECOND).unsigned_abs()).await;
        }
    }

    /// When there is something to do: a fetch, or the end of what there is.
    fn next_at(&self) -> OffsetDateTime {
        let policy = &self.inner.policy;
        let now = self.inner.ports.now();
        let fetch = self.due_at().max(self.failures().over_at(policy).unwrap_or(now));
        let end = self.current().map_or(fetch, |current| current.end(policy));
        fetch.min(end)
    }

    fn due_at(&self) -> OffsetDateTime {
        self.current().map_or(OffsetDateTime::UNIX_EPOCH, |current| current.refresh_at)
    }

    fn failures(&self) -> Failures {
        *self.inner.failures.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self) -> bool {
        let now = self.inner.ports.now();
        self.due_at() <= now && self.failures().over_at(&self.inner.policy).is_none_or(|over| over <= now)
    }

    async fn fetch_if_due(&self) -> Result<(), RemoteMetadataError> {
        if !self.is_due() {
            return Ok(());
        }
        let _one_at_a_time = self.inner.fetching.lock().await;
        // Whoever waited here finds what the one before has fetched.
        if !self.is_due() {
            return Ok(());
        }
        let now = self.inner.ports.now();
        let fetched = self.fetch(now).await;
        let mut failures = self.inner.failures.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(snapshot) => {
                *failures = Failures { count: 0, last: Some(now) };
                *self.inner.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(snapshot));
                Ok(())
            }
            Err(error) => {
                *failures = Failures { count: failures.count.saturating_add(1), last: Some(now) };
                Err(error)
            }
        }
    }

    async fn fetch(&self, now: OffsetDateTime) -> Result<Snapshot, RemoteMetadataError> {
        let Inner { ports, outbound, url, .. } = &*self.inner;
        let request = http::Request::get(url).header(ACCEPT, ACCEPTED).body(Bytes::new());
        let response = outbound.send(request.map_err(|_| OutboundError::Url)?).await?;
        if response.status() != StatusCode::OK {
            return Err(OutboundError::Status(response.status()).into());
        }
        let stored = load::<Newest>(ports.store(), &Newest::key_of(url)).await?;
        let (body, inner) = (response.into_body(), Arc::clone(&self.inner));
        let seen = stored.as_ref().map(|stored| stored.value.seen.clone());
        // An aggregate takes seconds: no thread that others need.
        let loaded = blocking(ports.runtime(), move || inner.load(&body, seen.as_ref(), now)).await??;
        self.note(&loaded, stored).await?;
        Ok(Snapshot::new(loaded, now))
    }

    /// Notes how new it is, unless another node has seen a newer one meanwhile.
    async fn note(
        &self,
        loaded: &Loaded,
        mut stored: Option<ciam_core::store::Versioned<Newest>>,
    ) -> Result<(), RemoteMetadataError> {
        let Inner { ports, url, .. } = &*self.inner;
        let key = Newest::key_of(url);
        for _ in 0..ATTEMPTS {
            let entity = EntityRef::record::<Newest>(key.clone());
            let batch = match &stored {
                Some(stored) if stored.value.seen.valid_until > loaded.seen.valid_until => {
                    return Err(MetadataError::Rollback.into());
                }
                Some(stored) if stored.value.seen == loaded.seen => return Ok(()),
                Some(stored) => Batch::new().require_version(entity, stored.version),
                None => Batch::new().require_absent(entity),
            };
            let event = Event::new(ports, METADATA_REFRESHED, format!("metadata:{key}"))?
                .with("source", url.as_str())
                .with("entities", loaded.entities.len().to_string());
            let newest = Newest { url: url.clone(), seen: loaded.seen.clone() };
            let batch = batch.put(&newest).map_err(PortError::permanent)?.event(event);
            if ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            stored = load::<Newest>(ports.store(), &key).await?;
        }
        Err(PortError::transient("too many nodes note what they have seen").into())
    }
}

impl Inner {
    fn load(&self, body: &[u8], seen: Option<&Seen>, now: OffsetDateTime) -> Result<Loaded, MetadataError> {
        let crypto = self.ports.crypto();
        match &self.entity {
            Some(entity) => self.trust.load_entity(crypto, body, entity, seen, now),
            None => self.trust.load(crypto, body, seen, now),
        }
    }
}

impl fmt::Debug for RemoteMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteMetadata").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

/// The newest that was seen at a URL.
#[derive(Debug, Serialize, Deserialize)]
struct Newest {
    url: String,
    seen: Seen,
}

impl Newest {
    fn key_of(url: &str) -> String {
        TokenDigest::of(url).to_text()
    }
}

impl StoredRecord for Newest {
    const KIND: RecordKind = RecordKind::new("saml.metadata_newest", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.url)
    }
}

/// There is no metadata that may be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteMetadataError {
    /// It cannot be fetched.
    #[error("the metadata cannot be fetched")]
    Fetch(#[from] OutboundError),
    /// What was fetched is refused.
    #[error("the metadata is refused")]
    Metadata(#[from] MetadataError),
    /// The last attempt failed, and it is too soon for another.
    #[error("the metadata is not available")]
    Unavailable,
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

const ACCEPTED: &str = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8";
/// How often a note is tried again that another node has changed.
const ATTEMPTS: usize = 4;
