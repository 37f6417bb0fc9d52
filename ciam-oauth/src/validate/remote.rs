//! Key sets that somebody else publishes.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use ciam_core::jose::{JwkError, KeySet, PublicJwkSet};
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use futures_util::lock::Mutex;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::issuer::Issuer;

/// The keys of an issuer or client, fetched from where it publishes them.
///
/// Reading them is synchronous and takes no lock. Fetching is for somebody who waits: [`refresh`](Self::refresh) when a key
/// is unknown, [`keep_fresh`](Self::keep_fresh) in the background. However many wait, there is one request at a time and no
/// more than one in [`MIN_INTERVAL`](Self::MIN_INTERVAL), so that tokens with made-up key names cost the publisher nothing.
/// When a fetch fails, the last good keys stay in use until they are older than [`MAX_STALE`](Self::MAX_STALE).
#[derive(Debug)]
pub struct RemoteKeys {
    ports: Ports,
    location: Location,
    snapshot: ArcSwap<Snapshot>,
    /// Held by whoever fetches.
    flight: Mutex<Flight>,
}

#[derive(Debug)]
enum Location {
    Url(String),
    /// The `jwks_uri` of the issuer's metadata, once it is known.
    Issuer(Issuer, OnceLock<String>),
}

#[derive(Debug, Default)]
struct Snapshot {
    keys: Arc<KeySet>,
    /// Counts successful fetches.
    number: u64,
    fetched_at: Option<OffsetDateTime>,
}

#[derive(Debug, Default)]
struct Flight {
    started_at: Option<OffsetDateTime>,
}

impl RemoteKeys {
    /// At most one fetch is started in this time.
    pub const MIN_INTERVAL: Duration = Duration::seconds(30);
    /// Keys older than this are fetched again when somebody can wait for it.
    pub const MAX_AGE: Duration = Duration::minutes(15);
    /// Keys older than this are not used any more: their owner may have revoked one of them.
    pub const MAX_STALE: Duration = Duration::hours(24);

    /// The keys at an `https` address. Nothing is fetched yet.
    #[must_use]
    pub fn at(ports: Ports, url: &str) -> Self {
        Self::new(ports, Location::Url(url.to_owned()))
    }

    /// The keys that an issuer's metadata point to ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), or OpenID Connect
    /// Discovery where there is no such document). Nothing is fetched yet.
    #[must_use]
    pub fn of_issuer(ports: Ports, issuer: Issuer) -> Self {
        Self::new(ports, Location::Issuer(issuer, OnceLock::new()))
    }

    fn new(ports: Ports, location: Location) -> Self {
        Self { ports, location, snapshot: ArcSwap::default(), flight: Mutex::default() }
    }

    /// The keys that were fetched last, unless they are too old; `None` before the first fetch.
    #[must_use]
    pub fn usable(&self, now: OffsetDateTime) -> Option<Arc<KeySet>> {
        let snapshot = self.snapshot.load();
        let usable = snapshot.fetched_at.is_some_and(|fetched| now - fetched < Self::MAX_STALE);
        usable.then(|| Arc::clone(&snapshot.keys))
    }

    /// Whether the keys should be fetched again when somebody can wait for it.
    #[must_use]
    pub fn is_old(&self, now: OffsetDateTime) -> bool {
        self.snapshot.load().fetched_at.is_none_or(|fetched| now - fetched >= Self::MAX_AGE)
    }

    /// Fetches the keys, or waits for the fetch that is under way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the turn to the next who waits.
    ///
    /// # Errors
    ///
    /// Fails with [`RemoteKeysError::TooSoon`] when the last fetch was started a moment ago, and when the keys cannot be
    /// fetched or read; the known keys stay then.
    pub async fn refresh(&self) -> Result<(), RemoteKeysError> {
        let known = self.snapshot.load().number;
        let mut flight = self.flight.lock().await;
        if self.snapshot.load().number != known {
            return Ok(());
        }
        let now = self.ports.now();
        if flight.started_at.is_some_and(|started| (now - started).abs() < Self::MIN_INTERVAL) {
            return Err(RemoteKeysError::TooSoon);
        }
        flight.started_at = Some(now);
        let keys = Arc::new(self.fetch().await?);
        self.snapshot.store(Arc::new(Snapshot {
            keys,
            number: known.wrapping_add(1),
            fetched_at: Some(now),
        }));
        Ok(())
    }

    /// Fetches the keys again and again, for as long as it is polled: a future for the host to spawn. Failures wait for the
    /// next turn.
    pub async fn keep_fresh(&self) {
        loop {
            let fetched = self.refresh().await.is_ok();
            let pause = if fetched { Self::MAX_AGE } else { Self::MIN_INTERVAL };
            self.ports.runtime().sleep(pause.unsigned_abs()).await;
        }
    }

    async fn fetch(&self) -> Result<KeySet, RemoteKeysError> {
        let outbound = Outbound::new(self.ports.clone());
        let url = self.url(&outbound).await?;
        let jwks: PublicJwkSet = outbound.get_json(&url).await?;
        let keys = KeySet::from_jwks(self.ports.crypto(), &jwks)?;
        // An empty set is a publisher's mistake more often than its wish, and would lock everybody out.
        if keys.keys().is_empty() { Err(RemoteKeysError::NoKeys) } else { Ok(keys) }
    }

    async fn url(&self, outbound: &Outbound) -> Result<String, RemoteKeysError> {
        let (issuer, known) = match &self.location {
            Location::Url(url) => return Ok(url.clone()),
            Location::Issuer(issuer, known) => (issuer, known),
        };
        if let Some(url) = known.get() {
            return Ok(url.clone());
        }
        let metadata = issuer.well_known_inserted("oauth-authorization-server");
        let found = match outbound.get_json::<IssuerMetadata>(&metadata).await {
            Ok(found) => found,
            Err(OutboundError::Status(_)) => {
                outbound.get_json(&issuer.well_known_appended("openid-configuration")).await?
            }
            Err(error) => return Err(error.into()),
        };
        // Metadata of another issuer would make this one's tokens verify with the other's keys (RFC 8414, section 3.3).
        if found.issuer != issuer.as_str() {
            return Err(RemoteKeysError::OtherIssuer);
        }
        Ok(known.get_or_init(|| found.jwks_uri).clone())
    }
}

#[derive(Deserialize)]
struct IssuerMetadata {
    issuer: String,
    jwks_uri: String,
}

/// Keys could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteKeysError {
    /// The last fetch was started less than [`RemoteKeys::MIN_INTERVAL`] ago.
    #[error("the keys were fetched a moment ago")]
    TooSoon,
    /// The request failed.
    #[error("the keys cannot be fetched")]
    Outbound(#[from] OutboundError),
    /// The document is not a key set that can be used.
    #[error("the keys cannot be read")]
    Jwks(#[from] JwkError),
    /// The document has no key that can be used.
    #[error("the key set has no usable key")]
    NoKeys,
    /// The metadata are those of another issuer.
    #[error("the metadata are those of another issuer")]
    OtherIssuer,
}
