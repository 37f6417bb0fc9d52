//! Tokens that are refused before they expire.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use time::OffsetDateTime;

use super::token::AccessToken;
use crate::issuer::Issuer;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denied {
    /// One token, by its `jti`.
    Token(String),
    /// Every token of a session, by its `sid`.
    Session(String),
    /// Every token of a subject, by its `sub`, that was issued at or before this time. A token that does not say when it was
    /// issued is refused too.
    Subject(String, OffsetDateTime),
}

/// A list of what is revoked, told by the host as it learns of it: from back-channel logout, from events, from its own
/// decisions. [`Validator`](super::Validator)s that share it refuse what it names from the next request on.
///
/// Each entry is of one issuer and about that issuer's tokens: two issuers may give the same name to a token, a session or a
/// person.
///
/// Reading takes no lock; telling it something copies the list, so tell it many things at once where there are many. It
/// forgets each entry when it has been told that no such token can live any more, and holds at most
/// [`DenyList::MAX_ENTRIES`] of each issuer.
///
/// ```
/// use ciam_oauth::validate::{Denied, DenyList};
/// use time::macros::datetime;
///
/// let list = DenyList::new();
/// let (issuer, now) = ("https://id.example".parse()?, datetime!(2026-11-23 12:00 UTC));
/// // Tokens live for ten minutes at most: after that there is nothing left to refuse.
/// let until = now + time::Duration::minutes(10);
/// let forgotten = list.deny(&issuer, [(Denied::Session("s-1".to_owned()), until)], now);
/// assert_eq!(forgotten, 0);
/// assert_eq!(list.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct DenyList {
    current: ArcSwap<HashMap<Box<str>, Entries, RandomState>>,
    /// One writer at a time.
    writing: Mutex<()>,
}

#[derive(Clone, Default)]
struct Entries {
    tokens: HashMap<Box<str>, OffsetDateTime, RandomState>,
    sessions: HashMap<Box<str>, OffsetDateTime, RandomState>,
    /// Issued up to when, and until when the entry counts.
    subjects: HashMap<Box<str>, (OffsetDateTime, OffsetDateTime), RandomState>,
}

impl DenyList {
    /// At most this many entries of each issuer.
    pub const MAX_ENTRIES: usize = 1_000_000;

    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is revoked of an issuer's tokens, each with the time after which no such token is valid any more. Entries whose
    /// time has come are dropped. Gives back how many of the issuer's had to be dropped before their time because there was no
    /// room; the ones that would have been dropped soonest.
    ///
    /// # Security
    ///
    /// A number above 0 means that revoked tokens may pass until they expire: raise an alarm.
    pub fn deny(
        &self,
        issuer: &Issuer,
        denied: impl IntoIterator<Item = (Denied, OffsetDateTime)>,
        now: OffsetDateTime,
    ) -> usize {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = HashMap::clone(&self.current.load());
        all.values_mut().for_each(|entries| entries.forget(now));
        let entries = all.entry(issuer.as_str().into()).or_default();
        for (what, until) in denied {
            entries.add(what, until);
        }
        let dropped = entries.shrink_to(Self::MAX_ENTRIES);
        all.retain(|_, entries| entries.len() > 0);
        self.current.store(Arc::new(all));
        dropped
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.load().values().map(Entries::len).sum()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a token is revoked.
    pub(super) fn names(&self, token: &AccessToken, now: OffsetDateTime) -> bool {
        let all = self.current.load();
        let Some(entries) = all.get(token.issuer()) else { return false };
        let token_is = token.id().and_then(|id| entries.tokens.get(id)).is_some_and(|until| now < *until);
        let session_is =
            || token.session_id().and_then(|id| entries.sessions.get(id)).is_some_and(|until| now < *until);
        let subject_is = || {
            entries.subjects.get(token.subject()).is_some_and(|(before, until)| {
                now < *until && token.issued_at().is_none_or(|issued| issued <= *before)
            })
        };
        token_is || session_is() || subject_is()
    }
}

impl Entries {
    fn len(&self) -> usize {
        self.tokens.len() + self.sessions.len() + self.subjects.len()
    }

    /// Adds an entry; of two about the same the one that refuses more counts.
    fn add(&mut self, what: Denied, until: OffsetDateTime) {
        let later = |known: &mut OffsetDateTime| *known = (*known).max(until);
        match what {
            Denied::Token(id) => later(self.tokens.entry(id.into()).or_insert(until)),
            Denied::Session(id) => later(self.sessions.entry(id.into()).or_insert(until)),
            Denied::Subject(id, before) => {
                let known = self.subjects.entry(id.into()).or_insert((before, until));
                *known = (known.0.max(before), known.1.max(until));
            }
        }
    }

    fn forget(&mut self, now: OffsetDateTime) {
        self.tokens.retain(|_, until| now < *until);
        self.sessions.retain(|_, until| now < *until);
        self.subjects.retain(|_, (_, until)| now < *until);
    }

    /// Drops what ends soonest until no more than `most` are left.
    fn shrink_to(&mut self, most: usize) -> usize {
        let surplus = self.len().saturating_sub(most);
        if surplus == 0 {
            return 0;
        }
        let ends = self.tokens.values().chain(self.sessions.values()).copied();
        let mut ends: Vec<_> = ends.chain(self.subjects.values().map(|(_, until)| *until)).collect();
        ends.sort_unstable();
        let before = self.len();
        if let Some(last) = ends.get(surplus - 1) {
            self.forget(*last);
        }
        before - self.len()
    }
}

impl fmt::Debug for DenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyList").field("entries", &self.len()).finish_non_exhaustive()
    }
}
