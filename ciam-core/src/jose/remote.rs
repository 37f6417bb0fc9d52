//! The keys of somebody else, fetched and kept.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use futures_util::lock::Mutex;
use http::header::ACCEPT;
use time::{Duration, OffsetDateTime};

use super::{JwkError, JwkSetLimits, KeySet, PublicJwkSet};
use crate::outbound::{Outbound, OutboundError};
use crate::ports::Ports;

/// When keys are fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteKeysPolicy {
    /// Keys older than this are fetched again. Default 15 minutes.
    pub refresh_after: Duration,
    /// Keys older than this are no longer used when they cannot be fetched. Default 24 hours.
    pub stale_after: Duration,
    /// No fetch begins sooner than this after the last one began, whatever asks for it: a stranger's made-up key names
    /// cannot become a flood. Default 30 seconds.
    pub cooldown: Duration,
    /// How large the document may be.
    pub limits: JwkSetLimits,
}

impl Default for RemoteKeysPolicy {
    fn default() -> Self {
        Self {
            refresh_after: Duration::minutes(15),
            stale_after: Duration::hours(24),
            cooldown: Duration::seconds(30),
            limits: JwkSetLimits::default(),
        }
    }
}

/// The keys at a `jwks_uri`: fetched through the outbound rules, parsed once, refreshed in good time.
///
/// [`current`](Self::current) takes no lock and is what a hot path reads. One fetch runs at a time; when it fails, the last
/// good keys stay in use until they are stale. While one runs, nobody who has usable keys waits for it; with
/// [`keep_fresh`](Self::keep_fresh) in the background, nobody waits for one that is due at all.
#[derive(Clone)]
pub struct RemoteKeys {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Ports,
    outbound: Outbound,
    url: String,
    policy: RemoteKeysPolicy,
    kept: ArcSwap<Kept>,
    attempted_at: RwLock<Option<OffsetDateTime>>,
    fetching: Mutex<()>,
}

/// What the last good fetch gave; nothing before the first.
#[derive(Default)]
struct Kept {
    /// The same value for as long as the document says the same, so that what hangs on it can stay.
    keys: Arc<KeySet>,
    document: PublicJwkSet,
    fetched_at: Option<OffsetDateTime>,
}

impl Kept {
    /// Whether it is younger than this.
    fn is_within(&self, age: Duration, now: OffsetDateTime) -> bool {
        self.fetched_at.is_some_and(|fetched_at| now - fetched_at < age)
    }
}

/// The keys that are there now, borrowed without a count being touched. Made for the length of a check: whoever keeps
/// them clones the `Arc`.
pub struct CurrentKeys(Guard<Arc<Kept>>);

impl Deref for CurrentKeys {
    type Target = Arc<KeySet>;

    fn deref(&self) -> &Arc<KeySet> {
        &self.0.keys
    }
}

impl fmt::Debug for CurrentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentKeys").field(&self.0.keys).finish()
    }
}

impl RemoteKeys {
    /// The keys at a URL. Nothing is fetched yet.
    #[must_use]
    pub fn new(ports: Ports, url: impl Into<String>) -> Self {
        Self::with_policy(ports, url, RemoteKeysPolicy::default())
    }

    /// The keys at a URL, with a policy.
    #[must_use]
    pub fn with_policy(ports: Ports, url: impl Into<String>, policy: RemoteKeysPolicy) -> Self {
        let outbound = Outbound::new(ports.clone());
        let (kept, attempted_at, fetching) = (ArcSwap::default(), RwLock::default(), Mutex::new(()));
        let url = url.into();
        Self { inner: Arc::new(Inner { ports, outbound, url, policy, kept, attempted_at, fetching }) }
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The keys that are there now, without waiting; `None` before the first fetch and when they are stale.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<KeySet>> {
        self.current(self.inner.ports.now()).map(|current| Arc::clone(&current))
    }

    /// The keys that are there at `now`, without waiting and without touching what threads share; `None` before the first
    /// fetch and when they are stale.
    #[must_use]
    pub fn current(&self, now: OffsetDateTime) -> Option<CurrentKeys> {
        let kept = self.inner.kept.load();
        kept.is_within(self.inner.policy.stale_after, now).then(|| CurrentKeys(kept))
    }

    /// Whether there are keys that are not due, so that [`keys`](Self::keys) would fetch none. Touches nothing that threads share.
    #[must_use]
    pub fn are_fresh(&self) -> bool {
        self.inner.kept.load().is_within(self.inner.policy.refresh_after, self.inner.ports.now())
    }

    /// The keys, fetched first when there are none or they are due.
    ///
    /// # Errors
    ///
    /// Fails when there are no usable keys: none could be fetched, and the last good ones are stale.
    pub async fn keys(&self) -> Result<Arc<KeySet>, RemoteKeysError> {
        self.keys_younger_than(self.inner.policy.refresh_after).await
    }

    /// Fetches the keys before they are due, for as long as the future is polled: for the host to spawn. A request then never
    /// waits for a refresh, only for a key that nobody has seen yet.
    ///
    /// ```
    /// # use ciam_core::{jose::RemoteKeys, ports::Ports};
    /// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
    /// fn start(ports: Ports) -> RemoteKeys {
    ///     let keys = RemoteKeys::new(ports, "https://id.example/jwks");
    ///     let background = keys.clone();
    ///     spawn(async move { background.keep_fresh().await });
    ///     keys
    /// }
    /// # let _ = start;
    /// ```
    pub async fn keep_fresh(&self) {
        let policy = self.inner.policy;
        let pause: Duration = policy.refresh_after / 8_i32;
        let pause = pause.max(policy.cooldown).max(Duration::SECOND);
        loop {
            // A failure is tried again after the pause; requests use the last good keys meanwhile.
            let _failed = self.keys_younger_than(policy.refresh_after - policy.refresh_after / 4_i32).await;
            self.inner.ports.runtime().sleep(pause.unsigned_abs()).await;
        }
    }

    async fn keys_younger_than(&self, age: Duration) -> Result<Arc<KeySet>, RemoteKeysError> {
        let kept = self.inner.kept.load();
        let now = self.inner.ports.now();
        if !kept.is_within(age, now) && kept.is_within(self.inner.policy.stale_after, now) {
            // They are due, and good enough while somebody else fetches.
            if self.inner.fetching.try_lock().is_none() {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        drop(kept);
        self.fetch_if(|kept, now| !kept.is_within(age, now)).await
    }

    /// The keys, fetched again because a token names one that is not among `seen`. A set that was replaced meanwhile is
    /// given at once.
    ///
    /// # Errors
    ///
    /// As [`keys`](Self::keys).
    pub async fn keys_after(&self, seen: &Arc<KeySet>) -> Result<Arc<KeySet>, RemoteKeysError> {
        self.fetch_if(|kept, _| kept.fetched_at.is_none() || Arc::ptr_eq(&kept.keys, seen)).await
    }

    async fn fetch_if(
        &self,
        wanted: impl Fn(&Kept, OffsetDateTime) -> bool,
    ) -> Result<Arc<KeySet>, RemoteKeysError> {
        if wanted(&self.inner.kept.load(), self.inner.ports.now()) {
            let _one_at_a_time = self.inner.fetching.lock().await;
            // Whoever waited here finds what the one before has fetched.
            let now = self.inner.ports.now();
            if wanted(&self.inner.kept.load(), now) && !self.is_cooling(now) {
                let fetched = self.fetch(now).await;
                if let Err(error) = fetched
                    && self.snapshot().is_none()
                {
                    return Err(error);
                }
            }
        }
        self.snapshot().ok_or(RemoteKeysError::Unavailable)
    }

    async fn fetch(&self, now: OffsetDateTime) -> Result<(), RemoteKeysError> {
        *self.inner.attempted_at.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let request =
            http::Request::get(&self.inner.url).header(ACCEPT, "application/json").body(Bytes::new());
        let answer = self.inner.outbound.json_of(request.map_err(|_| OutboundError::Url)?).await?;
        let text = std::str::from_utf8(&answer).map_err(|_| JwkError::Malformed)?;
        // Its own limits and rules, whatever the way out lets through.
        let document = PublicJwkSet::parse(text, &self.inner.policy.limits)?;
        let kept = self.inner.kept.load_full();
        let keys = if kept.fetched_at.is_some() && kept.document == document {
            Arc::clone(&kept.keys)
        } else {
            Arc::new(KeySet::from_jwks(self.inner.ports.crypto(), &document)?)
        };
        self.inner.kept.store(Arc::new(Kept { keys, document, fetched_at: Some(now) }));
        Ok(())
    }

    fn is_cooling(&self, now: OffsetDateTime) -> bool {
        let attempted_at = *self.inner.attempted_at.read().unwrap_or_else(PoisonError::into_inner);
        attempted_at.is_some_and(|at| now - at < self.inner.policy.cooldown)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

/// There are no usable keys.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteKeysError {
    /// The document cannot be fetched.
    #[error("the key set cannot be fetched")]
    Fetch(#[from] OutboundError),
    /// The document is not a usable key set.
    #[error("the key set cannot be used")]
    Keys(#[from] JwkError),
    /// The last attempt failed, and it is too soon for another.
    #[error("the key set is not available")]
    Unavailable,
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;
    use crate::clock::Clock as _;
    use crate::crypto;
    use crate::error::PortError;
    use crate::jose::{Algorithm, LocalSigner};
    use crate::memory;
    use crate::outbound::{HttpClient, OutboundPolicy, OutboundRequest};
    use crate::testkit::{ManualClock, SeededEntropy};

    /// A provider that publishes a new key at each request, unless it keeps the one it has, and can be down.
    #[derive(Debug, Default)]
    struct Provider {
        requests: AtomicU32,
        keeps: std::sync::Mutex<Option<Vec<u8>>>,
        down: AtomicBool,
        hangs: AtomicBool,
    }

    #[async_trait]
    impl HttpClient for Provider {
        async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
            Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
        }

        async fn send(&self, _: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.down.load(Ordering::SeqCst) {
                return Err(PortError::transient("down"));
            }
            let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
            let key = signer.with_kid(format!("k{number}")).public_jwk().unwrap();
            let new = serde_json::to_vec(&PublicJwkSet::new(vec![key])).unwrap();
            let body = self.keeps.lock().unwrap().clone().unwrap_or(new);
            let response = http::Response::builder().header("content-type", "application/json");
            Ok(response.body(Bytes::from(body)).unwrap())
        }
    }

    fn setting() -> (Arc<ManualClock>, Arc<Provider>, RemoteKeys) {
        setting_that_reads(OutboundPolicy::default().max_body)
    }

    /// With a way out that reads bodies of so many bytes.
    fn setting_that_reads(max_body: usize) -> (Arc<ManualClock>, Arc<Provider>, RemoteKeys) {
        let (clock, provider) = (Arc::new(ManualClock::default()), Arc::new(Provider::default()));
        let mut policy = OutboundPolicy::default();
        policy.max_body = max_body;
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_http_client(provider.clone())
            .with_outbound_policy(policy);
        (clock, provider, RemoteKeys::new(ports, "https://id.example/jwks"))
    }

    fn kid(keys: &KeySet) -> String {
        keys.keys()[0].kid().unwrap().to_owned()
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_again_in_good_time() {
        let (clock, provider, remote) = setting();
        assert!(remote.snapshot().is_none() && !remote.are_fresh());
        for keys in join_all((0..20).map(|_| remote.keys())).await {
            assert_eq!(kid(&keys.unwrap()), "k0");
        }
        assert_eq!(provider.requests.load(Ordering::SeqCst), 1);
        assert!(remote.are_fresh());
        clock.advance(Duration::minutes(15));
        assert!(!remote.are_fresh());
        assert_eq!(kid(&remote.keys().await.unwrap()), "k1");
        assert_eq!(kid(&remote.snapshot().unwrap()), "k1");
    }

    /// What hangs on a set of keys, such as a cache of verified tokens, need not begin anew at every refresh.
    #[tokio::test]
    async fn a_document_that_says_the_same_keeps_the_parsed_keys() {
        let (clock, provider, remote) = setting();
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
        let document = PublicJwkSet::new(vec![signer.public_jwk().unwrap()]);
        *provider.keeps.lock().unwrap() = Some(serde_json::to_vec(&document).unwrap());
        let first = remote.keys().await.unwrap();
        clock.advance(Duration::minutes(15));
        let second = remote.keys().await.unwrap();
        assert_eq!(provider.requests.load(Ordering::SeqCst), 2);
        assert!(Arc::ptr_eq(&first, &second));
        assert!(remote.current(clock.now()).is_some_and(|current| Arc::ptr_eq(&current, &first)));
        *provider.keeps.lock().unwrap() = None;
        clock.advance(Duration::minutes(15));
        assert!(!Arc::ptr_eq(&first, &remote.keys().await.unwrap()));
    }

    /// An endpoint that hangs holds up the one request that asks it, and nobody else who has keys.
    #[tokio::test]
    async fn nobody_with_usable_keys_waits_for_a_fetch_under_way() {
        let (clock, provider, remote) = setting();
        remote.keys().await.unwrap();
        provider.hangs.store(true, Ordering::SeqCst);
        clock.advance(Duration::minutes(15));
        let mut held_up = Box::pin(remote.keys());
        assert!((&mut held_up).now_or_never().is_none());
        for _ in 0..20 {
            assert_eq!(kid(&remote.keys().now_or_never().expect("no wait").unwrap()), "k0");
        }
        assert_eq!(provider.requests.load(Ordering::SeqCst), 2);
        // Whoever gives up lets the next one try, after the cooldown.
        drop(held_up);
        assert_eq!(kid(&remote.keys().now_or_never().expect("cooling").unwrap()), "k0");
        provider.hangs.store(false, Ordering::SeqCst);
        clock.advance(Duration::seconds(30));
        assert_eq!(kid(&remote.keys().await.unwrap()), "k2");
    }

    /// Sleeps by moving the clock, and gives up after some time.
    #[derive(Debug)]
    struct Days(Arc<ManualClock>);

    #[async_trait]
    impl crate::runtime::Runtime for Days {
        async fn sleep(&self, duration: std::time::Duration) {
            self.0.advance(Duration::try_from(duration).unwrap());
            if self.0.now() > ManualClock::default().now() + Duration::hours(2) {
                std::future::pending::<()>().await;
            }
        }

        async fn run_blocking(&self, _: crate::runtime::BlockingJob) -> Result<(), PortError> {
            Err(PortError::permanent("not here"))
        }
    }

    #[tokio::test]
    async fn in_the_background_keys_are_fetched_before_they_are_due() {
        let (clock, provider) = (Arc::new(ManualClock::default()), Arc::new(Provider::default()));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)))
            .with_runtime(Arc::new(Days(clock.clone())))
            .with_http_client(provider.clone());
        let remote = RemoteKeys::new(ports, "https://id.example/jwks");
        assert!(remote.keep_fresh().now_or_never().is_none());
        let fetched = provider.requests.load(Ordering::SeqCst);
        assert!((8..=11).contains(&fetched), "in two hours, at three quarters of 15 minutes: {fetched}");
        let before = provider.requests.load(Ordering::SeqCst);
        assert!(remote.keys().now_or_never().is_some_and(|keys| keys.is_ok()));
        assert_eq!(provider.requests.load(Ordering::SeqCst), before, "no request had to");
    }

    #[tokio::test]
    async fn made_up_key_names_are_one_fetch_and_not_a_flood() {
        let (clock, provider, remote) = setting();
        let seen = remote.keys().await.unwrap();
        for _ in 0..100 {
            assert_eq!(kid(&remote.keys_after(&seen).await.unwrap()), "k0");
        }
        assert_eq!(provider.requests.load(Ordering::SeqCst), 1, "within the cooldown");
        clock.advance(Duration::seconds(30));
        let newer = remote.keys_after(&seen).await.unwrap();
        assert_eq!(kid(&newer), "k1");
        assert!(Arc::ptr_eq(&newer, &remote.keys_after(&seen).await.unwrap()), "already replaced");
        assert_eq!(provider.requests.load(Ordering::SeqCst), 2);
    }

    /// A set that is too large, that has a member twice or a private key in it is none, and the last good one stays.
    #[tokio::test]
    async fn documents_that_are_no_key_set_change_nothing() {
        let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().public_jwk().unwrap();
        let key = serde_json::to_string(&key).unwrap();
        let nameless = |number: usize| {
            let mut members: serde_json::Value = serde_json::from_str(&key).unwrap();
            members.as_object_mut().unwrap().remove("kid");
            serde_json::json!({ "keys": vec![members; number] }).to_string()
        };
        let many = |number: usize| format!("{{\"keys\":[{}]}}", vec![key.as_str(); number].join(","));
        let limits = JwkSetLimits::default();
        for (document, why) in [
            (format!("{{\"keys\":[{key}]{}}}", " ".repeat(limits.bytes)), "too many bytes"),
            (many(limits.keys + 1), "too many keys"),
            (format!("{{\"keys\":[{key}],\"keys\":[]}}"), "a member twice"),
            (
                format!("{{\"keys\":[{}]}}", key.replacen('{', "{\"kty\":\"EC\",", 1)),
                "a member of a key twice",
            ),
            (format!("{{\"keys\":[{}]}}", key.replacen('{', "{\"d\":\"AA\",", 1)), "a private key"),
            ("\u{feff}{\"keys\":[]}".to_owned(), "something before it"),
        ] {
            let (clock, provider, remote) = setting_that_reads(usize::MAX);
            let good = remote.keys().await.unwrap();
            *provider.keeps.lock().unwrap() = Some(document.into_bytes());
            clock.advance(Duration::minutes(15));
            assert!(Arc::ptr_eq(&good, &remote.keys().await.unwrap()), "{why}");
            assert_eq!(provider.requests.load(Ordering::SeqCst), 2, "{why}");
            clock.advance(Duration::hours(24));
            assert!(matches!(remote.keys().await, Err(RemoteKeysError::Keys(_))), "{why}");
        }
        // The way out has a limit of its own, which comes first.
        let (_, provider, remote) = setting_that_reads(1_000);
        *provider.keeps.lock().unwrap() = Some(many(8).into_bytes());
        assert!(matches!(remote.keys().await, Err(RemoteKeysError::Fetch(OutboundError::Body))));
        // And without a limit in the way, the largest set that is allowed is read.
        let (_, provider, remote) = setting_that_reads(usize::MAX);
        *provider.keeps.lock().unwrap() = Some(nameless(limits.keys).into_bytes());
        assert_eq!(remote.keys().await.unwrap().keys().len(), limits.keys);
    }

    #[tokio::test]
    async fn the_last_good_keys_are_used_until_they_are_stale() {
        let (clock, provider, remote) = setting();
        remote.keys().await.unwrap();
        provider.down.store(true, Ordering::SeqCst);
        clock.advance(Duration::hours(23));
        assert_eq!(kid(&remote.keys().await.unwrap()), "k0");
        clock.advance(Duration::hours(1));
        assert!(remote.keys().await.is_err());
        provider.down.store(false, Ordering::SeqCst);
        clock.advance(Duration::seconds(30));
        assert!(remote.keys().await.is_ok());
    }
}
