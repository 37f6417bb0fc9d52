//! A set-associative table whose readers share nothing that is written.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use ciam_core::crypto;
use ciam_core::jose::KeySet;
use foldhash::quality::FixedState;
use time::OffsetDateTime;

use super::{Recognition, TokenCachePolicy};
use crate::validate::token::AccessToken;

/// How many places a hash has to choose from.
const WAYS: usize = 8;

/// A token that was found good with these keys.
pub(in crate::validate) struct Entry {
    pub(in crate::validate) seen: Seen,
    pub(in crate::validate) keys: Arc<KeySet>,
    /// Which of the validator's issuers it is of.
    pub(in crate::validate) trusted: usize,
    /// Until when it may be believed without asking again, beside the token's own time.
    pub(in crate::validate) until: Option<OffsetDateTime>,
    pub(in crate::validate) token: AccessToken,
}

impl Entry {
    /// An entry that is in no table.
    pub(in crate::validate) fn unkept(token: AccessToken) -> Self {
        Self { seen: Seen::Nothing, keys: Arc::default(), trusted: 0, until: None, token }
    }
}

/// By what the token is recognised.
pub(in crate::validate) enum Seen {
    /// There is none: the place is empty.
    Nothing,
    Token(Box<str>),
    Digest([u8; 32]),
}

/// Where a token belongs.
pub(in crate::validate) struct Place {
    bucket: usize,
    tag: u64,
    pub(in crate::validate) digest: Option<[u8; 32]>,
}

struct Bucket {
    /// Each entry's hash, so that others are not even looked at. 0 is an empty place.
    tags: [AtomicU64; WAYS],
    entries: [ArcSwap<Entry>; WAYS],
}

impl Bucket {
    fn new(empty: &Arc<Entry>) -> Self {
        Self { tags: Default::default(), entries: std::array::from_fn(|_| ArcSwap::new(Arc::clone(empty))) }
    }
}

pub(in crate::validate) struct Table {
    buckets: Box<[Bucket]>,
    hash: FixedState,
    keeps: Recognition,
    /// Which place the next newcomer takes where it has to push somebody out.
    victim: AtomicU64,
}

impl Table {
    pub(in crate::validate) fn new(policy: TokenCachePolicy, seed: u64) -> Self {
        let buckets = policy.capacity.div_ceil(WAYS).clamp(1, MAX_BUCKETS).next_power_of_two();
        let empty = Arc::new(Entry::unkept(AccessToken::nobody()));
        Self {
            buckets: (0..buckets).map(|_| Bucket::new(&empty)).collect(),
            hash: FixedState::with_seed(seed),
            keeps: policy.keeps,
            victim: AtomicU64::new(seed),
        }
    }

    pub(in crate::validate) fn place_of(&self, token: &str) -> Place {
        let digest = match self.keeps {
            Recognition::WholeToken => None,
            Recognition::Digest => Some(crypto::sha256(token.as_bytes())),
        };
        let hash = match &digest {
            None => self.hash.hash_one(token),
            Some(digest) => self.hash.hash_one(digest),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        let bucket = hash as usize & (self.buckets.len() - 1);
        Place { bucket, tag: hash | 1, digest }
    }

    pub(in crate::validate) fn seen(&self, token: &str, place: &Place) -> Seen {
        place.digest.map_or_else(|| Seen::Token(token.into()), Seen::Digest)
    }

    pub(in crate::validate) fn find(&self, place: &Place, token: &str) -> Option<Hit> {
        let bucket = self.buckets.get(place.bucket)?;
        for (tag, entry) in bucket.tags.iter().zip(&bucket.entries) {
            // The entry itself says whether it is the one; a tag that is read late only costs a look.
            if tag.load(Ordering::Relaxed) == place.tag {
                let hit = Hit(entry.load());
                if hit.entry().seen.is(token, place) {
                    return Some(hit);
                }
            }
        }
        None
    }

    pub(in crate::validate) fn insert(&self, place: &Place, entry: Arc<Entry>, now: OffsetDateTime) {
        let Some(bucket) = self.buckets.get(place.bucket) else { return };
        let way = self.way_for(bucket, place, &entry, now);
        if let (Some(tag), Some(slot)) = (bucket.tags.get(way), bucket.entries.get(way)) {
            slot.store(entry);
            tag.store(place.tag, Ordering::Relaxed);
        }
    }

    /// The same token's place, an empty one, an expired one, one of the same subject, any.
    fn way_for(&self, bucket: &Bucket, place: &Place, new: &Entry, now: OffsetDateTime) -> usize {
        let worth = |(tag, entry): (&AtomicU64, &ArcSwap<Entry>)| {
            let old = entry.load();
            if tag.load(Ordering::Relaxed) == place.tag && old.seen.same(&new.seen) {
                0
            } else if matches!(old.seen, Seen::Nothing) {
                1
            } else if old.token.expires_at() <= now || old.until.is_some_and(|until| until <= now) {
                2
            } else if old.token.subject() == new.token.subject() {
                3
            } else {
                4
            }
        };
        let worths = bucket.tags.iter().zip(&bucket.entries).map(worth);
        match worths.enumerate().min_by_key(|(_, worth)| *worth) {
            Some((way, worth)) if worth < 4 => way,
            _ => {
                let next = self.victim.fetch_add(ODD, Ordering::Relaxed);
                (next >> 32) as usize % WAYS
            }
        }
    }
}

/// Adding it over and over visits the ways in no order that a caller could use.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
/// At most 2^24 tokens.
const MAX_BUCKETS: usize = 1 << 21;

impl Seen {
    fn is(&self, token: &str, place: &Place) -> bool {
        match (self, &place.digest) {
            (Self::Token(seen), None) => **seen == *token,
            (Self::Digest(seen), Some(digest)) => seen == digest,
            _ => false,
        }
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one == other,
            (Self::Digest(one), Self::Digest(other)) => one == other,
            _ => false,
        }
    }
}

/// An entry that was found, without a reference count being touched.
pub(in crate::validate) struct Hit(Guard<Arc<Entry>>);

impl Hit {
    pub(in crate::validate) fn entry(&self) -> &Entry {
        &self.0
    }

    pub(in crate::validate) fn into_entry(self) -> Arc<Entry> {
        Guard::into_inner(self.0)
    }
}
