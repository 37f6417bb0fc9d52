//! Tokens that were found good before: a bounded cache in front of a [`Validator`].
//!
//! A signature costs tens of microseconds, a token that is seen again a fraction of one. What the cache gives is what
//! the validator would say now: times, revocation and keys are looked at again at every hit.

pub(super) mod table;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use time::OffsetDateTime;

use self::table::{Entry, Hit, Kept, Table};
use super::error::ValidateError;
use super::presented::Presented;
use super::token::AccessToken;
use super::validator::{Validator, Vouched};

/// How a [`CachingValidator`] keeps tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCachePolicy {
    /// How many tokens are kept, rounded up to the next power of two. Default 65536: with RS256 tokens of 1 KiB about 150 MiB
    /// when it is full. Memory for the places alone (16 bytes each) is taken at once.
    pub capacity: usize,
    /// What is kept of a token to recognise it. Default the whole token.
    pub keeps: Recognition,
}

impl Default for TokenCachePolicy {
    fn default() -> Self {
        Self { capacity: 65_536, keeps: Recognition::WholeToken }
    }
}

/// By what a token is recognised. Both are exact: a hash only finds the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a secret is kept, or its digest is")]
pub enum Recognition {
    /// The token itself, compared byte for byte. The cheapest; whoever can read the process's memory has live tokens.
    WholeToken,
    /// Its SHA-256 digest, for hosts that will not keep tokens in memory. Costs the digest at every look-up, about 0.6 µs for
    /// a token of 1 KiB. The claims are in memory all the same.
    Digest,
}

/// A [`Validator`] that remembers.
///
/// # Security
///
/// - Only tokens that the validator accepted get in, so that a stranger can neither fill the cache nor push anything out.
/// - An owner of many good tokens can hold no more than one place in eight: where there is no room, a new token takes the
///   place of one that has expired, then of one of the same subject, then of any.
/// - The hash that finds the place is of the token's end, which is the issuer's signature, and seeded at random: nobody can aim
///   at a place. What is found is compared with the whole token.
/// - Whoever presents a bound token proves it at each hit too.
/// - An entry is worth nothing once the token has expired, the keys were replaced by others, or the
///   [deny list](super::DenyList) names it, or the list of its issuer where that is looked at.
///
/// ```
/// # use ciam_core::crypto;
/// # use ciam_core::entropy::SystemEntropy;
/// # use ciam_core::jose::{Algorithm, KeySet, LocalSigner, sign};
/// # use ciam_oauth::validate::Validator;
/// # use time::macros::datetime;
/// use ciam_oauth::validate::{CachingValidator, TokenCachePolicy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256)?;
/// # let now = datetime!(2026-11-23 12:00 UTC);
/// # let token = sign(&issuer, "at+jwt", &serde_json::json!({
/// #     "iss": "https://id.example", "aud": "https://api.example", "sub": "alice", "client_id": "shop",
/// #     "exp": now.unix_timestamp() + 600,
/// # })).await?;
/// # let keys = KeySet::from(issuer.verification_key(&*crypto::ring())?);
/// # let validator = Validator::new("https://id.example".parse()?, "https://api.example", keys);
/// let validator = CachingValidator::new(validator, TokenCachePolicy::default(), &SystemEntropy::new())?;
/// assert_eq!(validator.validate(&token, now)?.subject(), "alice");
/// assert!(validator.validate(&token, now)?.was_cached());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CachingValidator {
    validator: Validator,
    table: Arc<Table>,
}

impl CachingValidator {
    /// Puts a cache in front of a validator.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn new(
        validator: Validator,
        policy: TokenCachePolicy,
        entropy: &dyn Entropy,
    ) -> Result<Self, PortError> {
        let mut seed = [0; 8];
        entropy.fill(&mut seed)?;
        let table = Arc::new(Table::new(policy, u64::from_ne_bytes(seed)));
        Ok(Self { validator, table })
    }

    /// The validator behind the cache.
    #[must_use]
    pub const fn validator(&self) -> &Validator {
        &self.validator
    }

    /// Validates a token at a time, with the keys that are there: nothing is fetched. A hit takes no lock and allocates nothing.
    ///
    /// # Errors
    ///
    /// As [`Validator::validate`].
    pub fn validate<'r>(
        &self,
        presented: impl Into<Presented<'r>>,
        now: OffsetDateTime,
    ) -> Result<Access, ValidateError> {
        let presented = presented.into();
        presented.check_size()?;
        let place = self.table.place_of(presented.token);
        if let Some(hit) = self.table.find(&place, presented.token)
            && self.still_counts(&hit, &presented, now)?
        {
            return Ok(Access(Kind::Cached(hit)));
        }
        let mut token = AccessToken::nobody();
        let Vouched { keys, trusted } = self.validator.validate_here(&presented, now, &mut token)?;
        let entry = Entry { keys: Arc::clone(&keys), trusted, until: None, token };
        Ok(self.keep(&presented, &place, entry, now))
    }

    /// Validates a token, and fetches the issuer's keys first when they are due or the token's key is not among them.
    ///
    /// # Errors
    ///
    /// As [`Validator::validate_or_fetch`].
    pub async fn validate_or_fetch<'r>(
        &self,
        presented: impl Into<Presented<'r>> + Send,
        now: OffsetDateTime,
    ) -> Result<Access, ValidateError> {
        let presented = presented.into();
        presented.check_size()?;
        let place = self.table.place_of(presented.token);
        let mut found = self.table.find(&place, presented.token);
        if let Some(due) = found.take_if(|hit| self.is_due(hit.entry(), now)).map(Hit::into_kept) {
            self.refresh(due.entry(), now).await?;
            found = self.table.find(&place, presented.token);
        }
        if let Some(hit) = found
            && self.still_counts(&hit, &presented, now)?
        {
            return Ok(Access(Kind::Cached(hit)));
        }
        let mut token = AccessToken::nobody();
        let Vouched { keys, trusted } = self.validator.validate_fetching(&presented, now, &mut token).await?;
        let entry = Entry { keys, trusted, until: None, token };
        Ok(self.keep(&presented, &place, entry, now))
    }

    /// Whether something has to be fetched for a token that was found good before. Its issuer is known by now: were it not asked for
    /// here, nobody would who comes to a hit.
    fn is_due(&self, entry: &Entry, now: OffsetDateTime) -> bool {
        let keys = self.validator.trusted(entry.trusted).is_some_and(|trusted| !trusted.is_fresh());
        #[cfg(feature = "draft-status-list")]
        let list = self.validator.is_list_due(&entry.token, now);
        #[cfg(not(feature = "draft-status-list"))]
        let (list, _) = (false, now);
        keys || list
    }

    /// Fetches what is due.
    async fn refresh(&self, entry: &Entry, now: OffsetDateTime) -> Result<(), ValidateError> {
        let Some(trusted) = self.validator.trusted(entry.trusted) else { return Ok(()) };
        if !trusted.is_fresh() {
            trusted.keys().await?;
        }
        #[cfg(feature = "draft-status-list")]
        self.validator.check_status_fetching(trusted, &entry.token, now).await?;
        #[cfg(not(feature = "draft-status-list"))]
        let _ = now;
        Ok(())
    }

    /// Whether an entry that was found counts now: it does not when it was found good with other keys.
    fn still_counts(
        &self,
        hit: &Hit,
        presented: &Presented<'_>,
        now: OffsetDateTime,
    ) -> Result<bool, ValidateError> {
        let keys = self.validator.snapshot_of(hit.entry().trusted, now)?;
        if !Arc::ptr_eq(&hit.entry().keys, &keys) {
            return Ok(false);
        }
        self.validator.rules().check_again(&hit.entry().token, presented, now)?;
        #[cfg(feature = "draft-status-list")]
        self.validator.check_status(&hit.entry().token, now)?;
        Ok(true)
    }

    fn keep(
        &self,
        presented: &Presented<'_>,
        place: &table::Place,
        entry: Entry,
        now: OffsetDateTime,
    ) -> Access {
        Access(Kind::Fresh(self.table.insert(place, presented.token, entry, now)))
    }
}

impl fmt::Debug for CachingValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingValidator").field("validator", &self.validator).finish_non_exhaustive()
    }
}

impl From<AccessToken> for Access {
    fn from(token: AccessToken) -> Self {
        Self(Kind::Fresh(Kept::apart(Entry::new(token))))
    }
}

/// A token that was found good, now or before. Reads as an [`AccessToken`].
///
/// Made for the length of a request; what lives longer takes [`into_shared`](Self::into_shared).
pub struct Access(pub(super) Kind);

pub(super) enum Kind {
    Fresh(Kept),
    Cached(Hit),
}

impl Access {
    /// Whether it was found good before.
    #[must_use]
    pub const fn was_cached(&self) -> bool {
        matches!(self.0, Kind::Cached(_))
    }

    /// The same to be kept and shared.
    #[must_use]
    pub fn into_shared(self) -> SharedAccess {
        SharedAccess(match self.0 {
            Kind::Fresh(kept) => kept,
            Kind::Cached(hit) => hit.into_kept(),
        })
    }
}

impl Deref for Access {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        match &self.0 {
            Kind::Fresh(kept) => &kept.entry().token,
            Kind::Cached(hit) => &hit.entry().token,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A token that was found good, to be kept with a request and shared between tasks. Reads as an [`AccessToken`].
#[derive(Clone)]
pub struct SharedAccess(Kept);

impl Deref for SharedAccess {
    type Target = AccessToken;

    fn deref(&self) -> &AccessToken {
        &self.0.entry().token
    }
}

impl fmt::Debug for SharedAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests;
