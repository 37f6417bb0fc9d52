//! The status of tokens, from the lists that their issuers publish
//! ([draft-ietf-oauth-status-list-21](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-status-list-21)).

mod fetch;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ciam_core::jose::AlgorithmSet;
use ciam_core::outbound::Outbound;
use ciam_core::ports::Ports;
use foldhash::quality::RandomState;
use time::{Duration, OffsetDateTime};

use super::error::ValidateError;
use super::token::AccessToken;
use super::trust::Trusted;
use crate::status_list::{StatusList, TokenStatus};

/// When lists are fetched and for how long they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusPolicy {
    /// For how long a list counts that does not say it (`ttl`). Default 5 minutes.
    pub default_ttl: Duration,
    /// For how long a list counts at most, whatever it says. Default 1 hour: no revocation is seen later.
    pub max_ttl: Duration,
    /// For how much longer a list counts when it cannot be fetched again. Default not at all: tokens are refused until it can. Never
    /// beyond the list's own `exp`.
    pub stale_for: Duration,
    /// No fetch of a list begins sooner than this after the last one. Default 5 seconds.
    pub cooldown: Duration,
    /// How many lists are kept. Default 64.
    pub max_lists: usize,
    /// How large a Status List Token may be. Default 2 MiB.
    pub max_token: usize,
    /// How large a list may be when it is unpacked. Default 1 MiB: four million tokens at two bits.
    pub max_list: usize,
    /// Whether a token that names no list is refused. Default `true`.
    pub required: bool,
}

impl Default for StatusPolicy {
    fn default() -> Self {
        Self {
            default_ttl: Duration::minutes(5),
            max_ttl: Duration::HOUR,
            stale_for: Duration::ZERO,
            cooldown: Duration::seconds(5),
            max_lists: 64,
            max_token: 2 * 1024 * 1024,
            max_list: 1024 * 1024,
            required: true,
        }
    }
}

/// Checks the status of tokens. Cloning is cheap; clones share the lists.
///
/// ```
/// use ciam_core::jose::KeySet;
/// use ciam_core::memory;
/// use ciam_oauth::validate::{StatusChecker, Validator};
///
/// let validator = Validator::new("https://id.example".parse()?, "https://api.example", KeySet::default())
///     .with_status_checks(StatusChecker::new(memory::ports()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// - A list counts when the issuer of the token signed it, with a key and an algorithm that the validator accepts, as a Status List Token
///   and for the very address that the token names (section 8.3 of the draft).
/// - A token passes when the list says that it is valid, and in no other case: not when the list cannot be had, is too old, or does not
///   reach to the token's index, nor when the status is one that is not known.
/// - Nothing is fetched for a token that is not good otherwise. Addresses are fetched by the
///   [outbound rules](ciam_core::outbound), not more often than the policy says, whatever comes of it.
/// - A list is never replaced by one that was issued before it.
/// - Size is bounded before a list is unpacked and while it is.
/// - [`Validator::validate`](super::Validator::validate), which fetches nothing, refuses with
///   [`ValidateError::StatusUnknown`] what there is no list for.
#[derive(Clone)]
pub struct StatusChecker {
    inner: Arc<Inner>,
}

struct Inner {
    outbound: Outbound,
    policy: StatusPolicy,
    kept: ArcSwap<HashMap<Box<str>, Arc<Kept>, RandomState>>,
    flights: Mutex<HashMap<Box<str>, Flight, RandomState>>,
}

/// When a list was last tried to be fetched; whoever fetches it holds the lock.
type Flight = Arc<futures_util::lock::Mutex<Option<OffsetDateTime>>>;

/// A list that was fetched and found good.
struct Kept {
    issuer: Box<str>,
    list: StatusList,
    issued_at: OffsetDateTime,
    /// From when it is fetched again.
    due_at: OffsetDateTime,
    /// Until when it counts.
    usable_until: OffsetDateTime,
}

/// Where a token says that it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed<'t> {
    pub(super) uri: &'t str,
    pub(super) idx: u64,
}

impl StatusChecker {
    /// Checks by the default policy.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self::with_policy(ports, StatusPolicy::default())
    }

    /// Checks by a policy.
    #[must_use]
    pub fn with_policy(ports: Ports, policy: StatusPolicy) -> Self {
        let deadline = ports.outbound_policy().deadline;
        let outbound = Outbound::new(ports).with_limits(deadline, policy.max_token);
        let (kept, flights) = (ArcSwap::default(), Mutex::default());
        Self { inner: Arc::new(Inner { outbound, policy, kept, flights }) }
    }

    /// How many lists are kept.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.inner.kept.load().len()
    }

    /// Checks a token whose signature was checked, with the lists that are there.
    pub(super) fn check(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        let Some(listed) = token.listed() else {
            return if self.inner.policy.required {
                Err(ValidateError::MissingClaim("status"))
            } else {
                Ok(())
            };
        };
        let all = self.inner.kept.load();
        let kept = all.get(listed.uri).filter(|kept| kept.counts(token.issuer(), now));
        let kept = kept.ok_or(ValidateError::StatusUnknown)?;
        let index = usize::try_from(listed.idx).ok();
        match index.and_then(|index| kept.list.get(index)) {
            Some(TokenStatus::Valid) => Ok(()),
            Some(TokenStatus::Suspended) => Err(ValidateError::Suspended),
            // What is not understood is not good, nor what the list does not reach to (section 8.3).
            Some(_) | None => Err(ValidateError::Revoked),
        }
    }

    /// Whether the list of a token is needed or due.
    pub(super) fn is_due(&self, token: &AccessToken, now: OffsetDateTime) -> bool {
        token.listed().is_some_and(|listed| self.state(listed, token.issuer(), now) != State::Fresh)
    }

    /// Fetches the list of a token that is good otherwise, if it is needed or due.
    pub(super) async fn prepare(&self, trusted: &Trusted, token: &AccessToken, fetch: Fetch) {
        let Some(listed) = token.listed() else { return };
        let state = self.state(listed, token.issuer(), fetch.now);
        if state == State::Fresh {
            return;
        }
        let flight = self.flight(listed.uri);
        let attempt = match state {
            // It is good enough while somebody else fetches.
            State::Due => flight.try_lock(),
            _ => Some(flight.lock().await),
        };
        let Some(mut attempt) = attempt else { return };
        let cooling = attempt.is_some_and(|at| fetch.now - at < self.inner.policy.cooldown);
        if cooling || self.state(listed, token.issuer(), fetch.now) == State::Fresh {
            return;
        }
        *attempt = Some(fetch.now);
        if let Some(kept) = self.fetch(trusted, listed.uri, fetch).await {
            self.keep(listed.uri, kept, fetch.now);
        }
    }

    fn state(&self, listed: Listed<'_>, issuer: &str, now: OffsetDateTime) -> State {
        let all = self.inner.kept.load();
        match all.get(listed.uri).filter(|kept| kept.counts(issuer, now)) {
            None => State::Missing,
            Some(kept) if now < kept.due_at => State::Fresh,
            Some(_) => State::Due,
        }
    }

    fn flight(&self, uri: &str) -> Flight {
        let mut flights = self.inner.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() >= 2 * self.inner.policy.max_lists && !flights.contains_key(uri) {
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
        }
        Arc::clone(flights.entry(uri.into()).or_default())
    }

    fn keep(&self, uri: &str, new: Kept, now: OffsetDateTime) {
        let new = Arc::new(new);
        self.inner.kept.rcu(|all| {
            let mut all = HashMap::clone(all);
            let newer = |old: &Arc<Kept>| old.issuer == new.issuer && old.issued_at > new.issued_at;
            if all.get(uri).is_some_and(newer) {
                return all;
            }
            all.retain(|_, kept| now < kept.usable_until);
            if all.len() >= self.inner.policy.max_lists && !all.contains_key(uri) {
                let soonest =
                    all.iter().min_by_key(|(_, kept)| kept.usable_until).map(|(uri, _)| uri.clone());
                soonest.and_then(|soonest| all.remove(&soonest));
            }
            all.insert(uri.into(), Arc::clone(&new));
            all
        });
    }
}

/// By what a list is verified, and when.
#[derive(Clone, Copy)]
pub(super) struct Fetch {
    pub(super) algorithms: AlgorithmSet,
    pub(super) now: OffsetDateTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    Due,
    Fresh,
}

impl Kept {
    /// Whether it says something about the tokens of an issuer now.
    fn counts(&self, issuer: &str, now: OffsetDateTime) -> bool {
        *self.issuer == *issuer && now < self.usable_until
    }
}

impl fmt::Debug for StatusChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusChecker").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::memory;

    use super::*;

    /// Addresses are forgotten that nobody fetches from, and never one that somebody does: two would fetch from it.
    #[test]
    fn flights_are_bounded() {
        let policy = StatusPolicy { max_lists: 2, ..StatusPolicy::default() };
        let checker = StatusChecker::with_policy(memory::ports(), policy);
        let under_way = checker.flight("https://id.example/status/one");
        for number in 0..100 {
            checker.flight(&format!("https://id.example/status/{number}"));
            assert!(checker.inner.flights.lock().unwrap().len() <= 4);
        }
        assert!(Arc::ptr_eq(&under_way, &checker.flight("https://id.example/status/one")));
    }
}
