//! The key ring: the thin shell around the rules of [`record`](super::record).

use std::sync::Arc;
use std::time::Duration as StdDuration;

use arc_swap::ArcSwap;
use futures_util::future::{Either, select};
use futures_util::lock::Mutex;
use time::{Duration, OffsetDateTime};

use super::error::KeyRingError;
use super::policy::KeyPolicy;
use super::record::{AlgorithmKeys, KeyChange};
use super::snapshot::{KeySnapshot, PURPOSE};
use super::source::{KeySource, LocalKeys, NewKey};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::jose::{Algorithm, JwkError, PublicJwk, Signer};
use crate::ports::Ports;
use crate::secret::SecretBytes;
use crate::store::{Batch, Commit, EntityRef, Page, PageRequest, StoredRecord, Version, load};
use crate::vault::SealScope;

/// What a [`KeyRing`] is made of.
#[derive(Clone, Debug)]
#[must_use = "a key ring is made by `open`"]
pub struct KeyRingBuilder {
    ports: Ports,
    algorithms: Vec<Algorithm>,
    policy: KeyPolicy,
    source: Arc<dyn KeySource>,
}

impl KeyRingBuilder {
    /// Sets how long keys live.
    pub const fn policy(mut self, policy: KeyPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets where private keys come from.
    pub fn source(mut self, source: Arc<dyn KeySource>) -> Self {
        self.source = source;
        self
    }

    /// Reads the keys, and makes those that are missing and can be made.
    ///
    /// # Errors
    ///
    /// Fails when the policy is contradictory, when no algorithm or a symmetric one is asked for, and when a port fails.
    pub async fn open(self) -> Result<KeyRing, KeyRingError> {
        self.policy.check()?;
        let mut algorithms = Vec::new();
        for algorithm in self.algorithms {
            if algorithm.is_symmetric() {
                return Err(KeyRingError::Symmetric);
            }
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        if algorithms.is_empty() {
            return Err(KeyRingError::NoAlgorithms);
        }
        let (ports, policy, source) = (self.ports, self.policy, self.source);
        let empty = KeySnapshot::load(&ports, &*source, &[], Vec::new(), None).await?;
        let known = Known { snapshot: Arc::new(empty), read_at: OffsetDateTime::UNIX_EPOCH };
        let inner = Inner {
            ports,
            algorithms,
            policy,
            source,
            known: ArcSwap::from_pointee(known),
            reading: Mutex::new(()),
        };
        let ring = KeyRing { inner: Arc::new(inner) };
        ring.maintain().await?;
        Ok(ring)
    }
}

/// The signing keys of a tenant: made, published, used, rotated and retired, by any number of nodes at once.
///
/// Keys are kept in the [`Store`](crate::store::Store), their private parts sealed by the
/// [`KeyVault`](crate::vault::KeyVault). Each node works on a [`KeySnapshot`] in memory, which it reads again when it is a
/// minute old. Someone has to look after the keys: the host spawns [`run`](Self::run), or calls
/// [`maintain`](Self::maintain) from its own scheduler.
///
/// Rotation breaks no client: a new key is published long before it signs, and an old one until all that it signed has
/// expired. See [`KeyPolicy`] for the times.
///
/// ```
/// use ciam_core::jose::{Algorithm, AlgorithmSet, TokenType, Verifier, sign};
/// use ciam_core::keys::KeyRing;
/// # #[cfg(feature = "memory")] {
/// # use ciam_core::memory;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let ring = KeyRing::builder(memory::ports(), [Algorithm::Es256]).open().await?;
/// let signer = ring.signer(Algorithm::Es256).await?;
/// let token = sign(&*signer, "at+jwt", &serde_json::json!({ "sub": "alice" })).await?;
///
/// let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("at+jwt"));
/// assert!(verifier.verify(&token, ring.keys().await?.keys()).is_ok());
/// assert_eq!(ring.keys().await?.jwks().keys().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    ports: Ports,
    algorithms: Vec<Algorithm>,
    policy: KeyPolicy,
    source: Arc<dyn KeySource>,
    known: ArcSwap<Known>,
    /// Held while the store is read, so that one reader does it for all.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    snapshot: Arc<KeySnapshot>,
    read_at: OffsetDateTime,
}

/// What [`KeyRing::maintain`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintenance {
    /// The keys that changed their state.
    pub changes: Vec<KeyChange>,
    /// When there will be something to do again.
    pub next: Option<OffsetDateTime>,
    /// The algorithms that have no key and for which none could be made: one has to be imported.
    pub missing: Vec<Algorithm>,
}

/// What became of an imported key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Import {
    /// The ring had the key already.
    Known,
    /// It is the first of its algorithm and signs now.
    Current,
    /// It is published, and will sign after [`KeyPolicy::publish_ahead`].
    Pending,
}

impl KeyRing {
    /// Starts to describe a ring with keys for these algorithms.
    pub fn builder(ports: Ports, algorithms: impl IntoIterator<Item = Algorithm>) -> KeyRingBuilder {
        KeyRingBuilder {
            ports,
            algorithms: algorithms.into_iter().collect(),
            policy: KeyPolicy::default(),
            source: Arc::new(LocalKeys::new()),
        }
    }

    /// The algorithms of the ring, in the order in which they were given.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.inner.algorithms
    }

    /// How long keys live.
    #[must_use]
    pub fn policy(&self) -> &KeyPolicy {
        &self.inner.policy
    }

    /// The keys as this node last read them, without waiting. They may be older than is good for anything but a hot path
    /// that something else keeps fresh, such as [`run`](Self::run).
    #[must_use]
    pub fn snapshot(&self) -> Arc<KeySnapshot> {
        Arc::clone(&self.inner.known.load().snapshot)
    }

    /// The keys, read again when they are older than [`KeyPolicy::refresh_after`].
    ///
    /// # Errors
    ///
    /// Fails when the store does and the keys are older than [`KeyPolicy::max_stale`].
    pub async fn keys(&self) -> Result<Arc<KeySnapshot>, KeyRingError> {
        let policy = &self.inner.policy;
        let age = self.age();
        if age < policy.refresh_after {
            return Ok(self.snapshot());
        }
        let usable = age < policy.max_stale;
        let guard = match self.inner.reading.try_lock() {
            Some(guard) => guard,
            // Somebody is reading already; what is here is good enough meanwhile.
            None if usable => return Ok(self.snapshot()),
            None => self.inner.reading.lock().await,
        };
        if self.age() < policy.refresh_after {
            return Ok(self.snapshot());
        }
        let outcome = self.read().await;
        drop(guard);
        match outcome {
            Err(_) if usable => Ok(self.snapshot()),
            other => other.map_err(KeyRingError::from),
        }
    }

    /// The keys for a token that names this key, read again when it is not among them and was not looked for in the last
    /// five seconds.
    ///
    /// # Errors
    ///
    /// As [`keys`](Self::keys).
    pub async fn keys_for(&self, kid: Option<&str>) -> Result<Arc<KeySnapshot>, KeyRingError> {
        let keys = self.keys().await?;
        let unknown = kid.is_some_and(|kid| keys.state(kid).is_none());
        if !unknown || self.age() < Self::LOOK_AGAIN {
            return Ok(keys);
        }
        let guard = self.inner.reading.lock().await;
        let outcome = if self.age() < Self::LOOK_AGAIN { Ok(self.snapshot()) } else { self.read().await };
        drop(guard);
        Ok(outcome.unwrap_or(keys))
    }

    /// The signer of the current key of an algorithm.
    ///
    /// # Errors
    ///
    /// Fails as [`keys`](Self::keys) does, and when the algorithm has no key.
    pub async fn signer(&self, algorithm: Algorithm) -> Result<Arc<dyn Signer>, KeyRingError> {
        let keys = self.keys().await?;
        keys.signer(algorithm).cloned().ok_or(KeyRingError::NoKey { algorithm })
    }

    /// Makes every transition that is due and every key that is wanted. Any number of nodes may do it at once.
    ///
    /// # Errors
    ///
    /// Fails when a port does; what was done before is kept.
    pub async fn maintain(&self) -> Result<Maintenance, KeyRingError> {
        let mut done = Maintenance::default();
        for algorithm in self.inner.algorithms.iter().copied() {
            let (keys, changes) = self.change(algorithm, Change::Maintain).await?;
            done.changes.extend(changes);
            done.next = [done.next, keys.next_due(&self.inner.policy)].into_iter().flatten().min();
            if keys.current().is_none() {
                done.missing.push(algorithm);
            }
        }
        self.refresh().await?;
        Ok(done)
    }

    /// Looks after the keys until `stop` completes: maintains them, and keeps this node's snapshot fresh. A failing port is
    /// tried again.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let refresh_after = self.inner.policy.refresh_after;
        loop {
            let outcome = self.maintain().await;
            let now = self.inner.ports.now();
            let pause = match outcome {
                Ok(Maintenance { next: Some(next), .. }) => (next - now).min(refresh_after),
                Ok(_) => refresh_after,
                Err(error) => {
                    log_failure(&error);
                    Self::LOOK_AGAIN
                }
            };
            let pause =
                StdDuration::try_from(pause.max(Duration::SECOND)).unwrap_or(StdDuration::from_secs(1));
            match select(stop, self.inner.ports.runtime().sleep(pause)).await {
                Either::Left(_) => return,
                Either::Right(((), unfinished)) => stop = unfinished,
            }
        }
    }

    /// Adds a private key in unencrypted PKCS #8 (DER): how RSA keys come in, which `ring` cannot make.
    ///
    /// # Errors
    ///
    /// Fails when the key is refused, when another key is waiting to sign already, when the key was withdrawn before, and
    /// when a port fails.
    pub async fn import_pkcs8(
        &self,
        algorithm: Algorithm,
        pkcs8: SecretBytes,
    ) -> Result<Import, KeyRingError> {
        let key = NewKey::from_pkcs8(&self.inner.ports, algorithm, pkcs8)?;
        self.import(algorithm, key).await
    }

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// As [`import_pkcs8`](Self::import_pkcs8).
    pub async fn import(&self, algorithm: Algorithm, key: NewKey) -> Result<Import, KeyRingError> {
        self.check_algorithm(algorithm)?;
        if !Algorithm::of_public_key(key.public()).contains(&algorithm) {
            return Err(KeyRingError::Key(JwkError::AlgorithmMismatch));
        }
        let kid = PublicJwk::new(key.public().clone()).thumbprint();
        if let Some(other) = self.keys().await?.algorithm(&kid).filter(|other| *other != algorithm) {
            return Err(KeyRingError::OtherAlgorithm { algorithm: other });
        }
        let (keys, changes) = self.change(algorithm, Change::Add(&key)).await?;
        self.refresh().await?;
        let current = keys.current().is_some_and(|current| current.kid() == kid);
        Ok(match changes.iter().any(|change| change.kid == kid) {
            false => Import::Known,
            true if current => Import::Current,
            true => Import::Pending,
        })
    }

    /// Begins to rotate an algorithm's key now: a new key is published, and signs after [`KeyPolicy::publish_ahead`].
    /// Does nothing when a new key is waiting already.
    ///
    /// # Errors
    ///
    /// Fails when the source cannot make the key, and when a port fails.
    pub async fn rotate(&self, algorithm: Algorithm) -> Result<(), KeyRingError> {
        self.check_algorithm(algorithm)?;
        self.change(algorithm, Change::Rotate).await?;
        self.refresh().await?;
        Ok(())
    }

    /// Rotates an algorithm's key as soon as every node can serve the new one: it is published now, and signs after twice
    /// [`KeyPolicy::refresh_after`] instead of [`KeyPolicy::publish_ahead`]; the old one stays published as it always does. A
    /// key that waits already is brought forward. Says when the new key signs.
    ///
    /// For an operator in a hurry. Clients that keep a JWKS and do not fetch it again for a key that is not in it refuse tokens
    /// until they do, for [`KeyPolicy::jwks_max_age`] at most. A key that is in other hands is
    /// [withdrawn](Self::withdraw).
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn rotate_soon(&self, algorithm: Algorithm) -> Result<OffsetDateTime, KeyRingError> {
        self.check_algorithm(algorithm)?;
        let ahead: Duration = self.inner.policy.refresh_after * 2;
        let at = self.inner.ports.now().saturating_add(ahead.min(self.inner.policy.publish_ahead));
        let (keys, _) = self.change(algorithm, Change::RotateAt(at)).await?;
        self.refresh().await?;
        Ok(keys.activates_at().unwrap_or(at))
    }

    /// Takes a key out at once, because its private part may be in other hands. If it was current, the waiting key or a new
    /// one takes its place at once, and clients that keep a JWKS have to fetch it again. Nodes follow within
    /// [`KeyPolicy::refresh_after`]. Unknown keys are ignored.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn withdraw(&self, kid: &str) -> Result<(), KeyRingError> {
        for algorithm in self.inner.algorithms.iter().copied() {
            self.change(algorithm, Change::Withdraw(kid)).await?;
        }
        self.refresh().await?;
        Ok(())
    }

    fn check_algorithm(&self, algorithm: Algorithm) -> Result<(), KeyRingError> {
        if self.inner.algorithms.contains(&algorithm) {
            Ok(())
        } else {
            Err(KeyRingError::NoKey { algorithm })
        }
    }

    fn age(&self) -> Duration {
        self.inner.ports.now() - self.inner.known.load().read_at
    }

    async fn refresh(&self) -> Result<Arc<KeySnapshot>, PortError> {
        let _guard = self.inner.reading.lock().await;
        self.read().await
    }

    /// Reads the store. The caller holds `reading`.
    async fn read(&self) -> Result<Arc<KeySnapshot>, PortError> {
        let Inner { ports, source, known, algorithms, .. } = &*self.inner;
        let read_at = ports.now();
        let Page { items, .. } =
            ports.store().records(AlgorithmKeys::KIND, PageRequest::first(PageRequest::MAX_LIMIT)).await?;
        let mut records = Vec::new();
        let mut versions = Vec::new();
        for item in items {
            let record: AlgorithmKeys = item.value.decode()?;
            // Another release may keep keys for algorithms that this ring was not asked for.
            if algorithms.contains(&record.algorithm) {
                versions.push((record.algorithm, item.version));
                records.push(record);
            }
        }
        let old = Arc::clone(&known.load().snapshot);
        let snapshot = if old.is_of(&versions) {
            old
        } else {
            Arc::new(KeySnapshot::load(ports, &**source, &records, versions, Some(&old)).await?)
        };
        known.store(Arc::new(Known { snapshot: Arc::clone(&snapshot), read_at }));
        Ok(snapshot)
    }

    /// Changes the keys of one algorithm in one commit, deciding anew when somebody else was faster.
    async fn change(
        &self,
        algorithm: Algorithm,
        change: Change<'_>,
    ) -> Result<(AlgorithmKeys, Vec<KeyChange>), KeyRingError> {
        let mut made = None;
        for _ in 0..Self::ATTEMPTS {
            let found = load::<AlgorithmKeys>(self.inner.ports.store(), algorithm.as_str()).await?;
            let (mut keys, version) = match found {
                Some(found) => (found.value, Some(found.version)),
                None => (AlgorithmKeys::new(algorithm), None),
            };
            let before = keys.clone();
            let changes = self.decide(&mut keys, &change, &mut made).await?;
            if keys == before || self.commit(&keys, version, &changes).await?.is_applied() {
                return Ok((keys, changes));
            }
        }
        Err(KeyRingError::Port(PortError::transient("the keys are being changed by others all the time")))
    }

    async fn decide(
        &self,
        keys: &mut AlgorithmKeys,
        change: &Change<'_>,
        made: &mut Option<NewKey>,
    ) -> Result<Vec<KeyChange>, KeyRingError> {
        let now = self.inner.ports.now();
        let policy = &self.inner.policy;
        let mut changes = Vec::new();
        let wants = match change {
            Change::Maintain => {
                changes = keys.advance(now, policy);
                keys.wants_key(now, policy)
            }
            Change::Rotate | Change::RotateAt(_) => !keys.has_successor(),
            Change::Withdraw(kid) => {
                changes = keys.withdraw(kid, now)?;
                !changes.is_empty() && keys.current().is_none()
            }
            Change::Add(key) => return self.add(keys, key, now).await,
        };
        if wants {
            if made.is_none() {
                *made = self.inner.source.generate(&self.inner.ports, keys.algorithm).await?;
            }
            match (&made, change) {
                (Some(key), _) => changes.extend(self.add(keys, key, now).await?),
                (None, Change::Rotate | Change::RotateAt(_)) => {
                    return Err(KeyRingError::CannotGenerate { algorithm: keys.algorithm });
                }
                (None, _) => {}
            }
        }
        if let Change::RotateAt(at) = change {
            keys.hasten(*at, &mut changes);
        }
        Ok(changes)
    }

    async fn add(
        &self,
        keys: &mut AlgorithmKeys,
        key: &NewKey,
        now: OffsetDateTime,
    ) -> Result<Vec<KeyChange>, KeyRingError> {
        let jwk = PublicJwk::new(key.public().clone()).bound_to(keys.algorithm);
        let kid = jwk.thumbprint();
        match keys.find(&kid) {
            Some(known) if known.state.is_published() => return Ok(Vec::new()),
            Some(_) => return Err(KeyRingError::RetiredKey),
            None if keys.has_successor() => return Err(KeyRingError::SuccessorWaiting),
            None => {}
        }
        let material =
            self.inner.ports.vault().seal(&SealScope::Tenant, PURPOSE, key.material().expose()).await?;
        Ok(vec![keys.add(jwk.with_kid(kid), material, now, &self.inner.policy)])
    }

    async fn commit(
        &self,
        keys: &AlgorithmKeys,
        version: Option<Version>,
        changes: &[KeyChange],
    ) -> Result<Commit, PortError> {
        let entity = EntityRef::record::<AlgorithmKeys>(keys.key());
        let batch = match version {
            Some(version) => Batch::new().require_version(entity, version),
            None => Batch::new().require_absent(entity),
        };
        let mut batch = batch.put(keys)?;
        for change in changes {
            let event = Event::new(&self.inner.ports, EventType::KEY_ROTATED, format!("key:{}", change.kid))?
                .with("algorithm", change.algorithm.as_str())
                .with("state", change.state.name());
            batch = batch.event(event);
        }
        self.inner.ports.store().commit(batch).await
    }

    /// How long a miss is remembered, and how long to wait after a failure.
    const LOOK_AGAIN: Duration = Duration::seconds(5);
    /// How often a change is tried when others change the same keys.
    const ATTEMPTS: usize = 16;
}

/// What to do with the keys of an algorithm.
enum Change<'k> {
    Maintain,
    Rotate,
    /// With a new key that signs from then on, at the latest.
    RotateAt(OffsetDateTime),
    Withdraw(&'k str),
    Add(&'k NewKey),
}

#[cfg(feature = "tracing")]
fn log_failure(error: &KeyRingError) {
    tracing::error!(%error, "the signing keys could not be looked after");
}

#[cfg(not(feature = "tracing"))]
const fn log_failure(_: &KeyRingError) {}

#[cfg(test)]
mod tests;
