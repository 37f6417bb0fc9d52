//! Metadata that is fetched: signed by a pinned key, with an end, and never older than before.

use std::collections::BTreeSet;
use std::sync::Arc;

use ciam_core::crypto::Crypto;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::aggregate::{self, Terms, Whole};
use super::parse::validity;
use super::{EntityDescriptor, MetadataError};
use crate::dsig::{SignaturePolicy, TrustedKeys, verify};
use crate::xml::{Doc, Limits};

/// Whom we believe about others, and for how long.
///
/// ```
/// use ciam_core::crypto::Crypto;
/// use ciam_saml::dsig::TrustedKeys;
/// use ciam_saml::metadata::{MetadataError, MetadataTrust};
/// use time::OffsetDateTime;
///
/// fn one_entity(
///     crypto: &dyn Crypto, federation: TrustedKeys, body: &[u8], now: OffsetDateTime,
/// ) -> Result<(), MetadataError> {
///     let trust = MetadataTrust::new(federation);
///     let loaded = trust.load_entity(crypto, body, "https://idp.example/metadata", None, now)?;
///     let partner = loaded.entities.first().ok_or(MetadataError::Structure)?.idp_partner(crypto)?;
///     // Keep `loaded.seen`, and give it to the next call.
///     # let _ = partner;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct MetadataTrust {
    keys: TrustedKeys,
    policy: SignaturePolicy,
    bytes: usize,
    only: Option<Arc<BTreeSet<String>>>,
    longest: Duration,
    skew: Duration,
}

/// What was seen of a source, to be kept: an answer that ends earlier is an old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// When what was seen ends.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_until: OffsetDateTime,
}

/// Metadata that is to be believed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The entities that are valid now.
    pub entities: Vec<EntityDescriptor>,
    /// How many were left out of an aggregate because they cannot be read, or are larger than
    /// [one entity may be](crate::xml::Limits::ENTITY).
    pub left_out: usize,
    /// Until when, at the latest.
    pub valid_until: OffsetDateTime,
    /// When to fetch it again.
    pub refresh_at: OffsetDateTime,
    /// What to keep for the next time.
    pub seen: Seen,
}

impl MetadataTrust {
    /// The longest validity that is believed, unless configured otherwise.
    pub const DEFAULT_LONGEST: Duration = Duration::days(28);
    /// The largest document, unless configured otherwise.
    pub const DEFAULT_BYTES: usize = 4 * 1024 * 1024;
    /// What to set for the aggregate of a federation of federations.
    pub const FEDERATION_BYTES: usize = 128 * 1024 * 1024;
    /// How long metadata is used that does not say when to fetch it again.
    pub const DEFAULT_REFRESH: Duration = Duration::hours(6);
    /// The shortest time between two fetches.
    pub const SHORTEST_REFRESH: Duration = Duration::minutes(5);

    /// Believes what is signed with one of these keys.
    #[must_use]
    pub fn new(keys: TrustedKeys) -> Self {
        Self {
            keys,
            policy: SignaturePolicy::default(),
            bytes: Self::DEFAULT_BYTES,
            only: None,
            longest: Self::DEFAULT_LONGEST,
            skew: Duration::minutes(1),
        }
    }

    /// Sets the longest validity that is believed.
    #[must_use]
    pub const fn with_longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Sets the largest document.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Keeps these entities of an aggregate, and passes over the others.
    #[must_use]
    pub fn with_only(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = Some(Arc::new(names.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets the algorithms that it may be signed with.
    #[must_use]
    pub fn with_signature_policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The largest document.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Loads the metadata of one entity that was asked for.
    ///
    /// # Errors
    ///
    /// Fails as [`load`](Self::load) does, and when the answer is not of this entity alone.
    pub fn load_entity(
        &self,
        crypto: &dyn Crypto,
        bytes: &[u8],
        entity_id: &str,
        seen: Option<&Seen>,
        now: OffsetDateTime,
    ) -> Result<Loaded, MetadataError> {
        let loaded = self.load(crypto, bytes, seen, now)?;
        match loaded.entities.as_slice() {
            [one] if one.entity_id == entity_id => Ok(loaded),
            _ => Err(MetadataError::OtherEntity),
        }
    }

    /// Loads metadata that is signed as a whole: one entity, or an aggregate.
    ///
    /// Entities that are over, or that cannot be read, are left out. An aggregate is read in one pass and without a tree of it,
    /// so it can be as large as memory allows; what it takes beside the document is a tree of one entity at a time, and the
    /// entities that are [wanted](Self::with_only). It takes long, a second for 100 MB: not where a request waits.
    ///
    /// # Errors
    ///
    /// Fails when the root is not signed by a pinned key, when the whole is over or does not end soon enough, when it ends
    /// before what was seen, and when an entity is there twice.
    pub fn load(
        &self,
        crypto: &dyn Crypto,
        bytes: &[u8],
        seen: Option<&Seen>,
        now: OffsetDateTime,
    ) -> Result<Loaded, MetadataError> {
        let limits = Limits { bytes: self.bytes, ..Limits::ENTITY };
        let whole = if aggregate::is_aggregate(bytes, limits)? {
            let (keys, policy, only, skew) = (&self.keys, &self.policy, self.only.as_deref(), self.skew);
            aggregate::read(crypto, bytes, Terms { keys, policy, limits, only, now, skew })?
        } else {
            self.one(crypto, bytes)?
        };
        let valid_until = whole.valid_until.ok_or(MetadataError::Validity)?;
        let latest = now.saturating_add(self.longest).saturating_add(self.skew);
        if valid_until.saturating_add(self.skew) <= now || valid_until > latest {
            return Err(MetadataError::Validity);
        }
        if seen.is_some_and(|seen| valid_until < seen.valid_until) {
            return Err(MetadataError::Rollback);
        }
        let cache = whole.cache_duration.unwrap_or(Self::DEFAULT_REFRESH).max(Self::SHORTEST_REFRESH);
        let refresh_at = now.saturating_add(cache).min(valid_until);
        let Whole { entities, left_out, .. } = whole;
        Ok(Loaded { entities, left_out, valid_until, refresh_at, seen: Seen { valid_until } })
    }

    /// One entity that is signed itself.
    fn one(&self, crypto: &dyn Crypto, bytes: &[u8]) -> Result<Whole, MetadataError> {
        let doc =
            Doc::parse(bytes, Limits { bytes: self.bytes.min(Limits::ENTITY.bytes), ..Limits::ENTITY })?;
        let signed = verify(crypto, doc.root()?, &self.keys, &self.policy)?;
        let root = signed.root()?;
        let (valid_until, cache_duration) = validity(root)?;
        let entity = EntityDescriptor::read(root)?;
        let wanted = self.only.as_ref().is_none_or(|only| only.contains(&entity.entity_id));
        let entities = wanted.then_some(entity).into_iter().collect();
        Ok(Whole { valid_until, cache_duration, entities, left_out: 0 })
    }
}
