//! Metadata that is fetched: signed by a pinned key, with an end, and never older than before.

use std::collections::BTreeSet;

use ciam_core::crypto::Crypto;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::parse::validity;
use super::{EntityDescriptor, MetadataError};
use crate::dsig::{SignaturePolicy, TrustedKeys, verify};
use crate::names::METADATA;
use crate::xml::{Doc, Element, Limits};

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
    limits: Limits,
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
            limits: Limits { bytes: Self::DEFAULT_BYTES, ..Limits::ENTITY },
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
        self.limits.bytes = bytes;
        self
    }

    /// Sets the algorithms that it may be signed with.
    #[must_use]
    pub fn with_signature_policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The address of one entity's metadata at a service of the
    /// [metadata query protocol](https://datatracker.ietf.org/doc/draft-young-md-query/).
    #[must_use]
    pub fn query_url(base: &str, entity_id: &str) -> String {
        let escaped = utf8_percent_encode(entity_id, NON_ALPHANUMERIC);
        format!("{}/entities/{escaped}", base.trim_end_matches('/'))
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

    /// Loads metadata that is signed as a whole.
    ///
    /// Entities that are over, or that cannot be read, are left out.
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
        let doc = Doc::parse(bytes, self.limits)?;
        let signed = verify(crypto, doc.root()?, &self.keys, &self.policy)?;
        let root = signed.root()?;
        let (valid_until, cache) = validity(root)?;
        let valid_until = valid_until.ok_or(MetadataError::Validity)?;
        let latest = now.saturating_add(self.longest).saturating_add(self.skew);
        if valid_until.saturating_add(self.skew) <= now || valid_until > latest {
            return Err(MetadataError::Validity);
        }
        if seen.is_some_and(|seen| valid_until < seen.valid_until) {
            return Err(MetadataError::Rollback);
        }
        let entities = self.entities(root, now)?;
        let cache = cache.unwrap_or(Self::DEFAULT_REFRESH).max(Self::SHORTEST_REFRESH);
        let refresh_at = now.saturating_add(cache).min(valid_until);
        Ok(Loaded { entities, valid_until, refresh_at, seen: Seen { valid_until } })
    }

    fn entities(
        &self,
        root: Element<'_>,
        now: OffsetDateTime,
    ) -> Result<Vec<EntityDescriptor>, MetadataError> {
        let valid =
            |until: Option<OffsetDateTime>| until.is_none_or(|until| until.saturating_add(self.skew) > now);
        if root.is(METADATA, "EntityDescriptor") {
            return Ok(vec![EntityDescriptor::read(root)?]);
        }
        if !root.is(METADATA, "EntitiesDescriptor") {
            return Err(MetadataError::Structure);
        }
        let (mut found, mut names) = (Vec::new(), BTreeSet::new());
        let mut left = vec![root];
        while let Some(group) = left.pop() {
            for child in group.only_children()? {
                if child.is(METADATA, "EntitiesDescriptor") {
                    if valid(validity(child)?.0) {
                        left.push(child);
                    }
                } else if child.is(METADATA, "EntityDescriptor") {
                    let name = child.attribute("entityID").ok_or(MetadataError::Structure)?;
                    if !names.insert(name.to_owned()) {
                        return Err(MetadataError::Duplicate);
                    }
                    found.extend(
                        EntityDescriptor::read(child).ok().filter(|entity| valid(entity.valid_until)),
                    );
                }
            }
        }
        Ok(found)
    }
}
