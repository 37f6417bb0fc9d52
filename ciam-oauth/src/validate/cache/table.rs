//! A set-associative table whose readers share nothing that is written.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapAny, Guard};
use ciam_core::crypto;
use ciam_core::jose::KeySet;
use foldhash::quality::FixedState;
use time::OffsetDateTime;
use triomphe::ThinArc;

use super::{Recognition, TokenCachePolicy};
use crate::validate::token::AccessToken;

/// How many places a hash has to choose from.
const WAYS: usize = 8;

/// A token that was found good with these keys.
#[repr(C)]
pub(in crate::validate) struct Entry {
    pub(in crate::validate) keys: Arc<KeySet>,
    /// Which of the validator's issuers it is of.
    pub(in crate::validate) trusted: usize,
    /// Until when it may be believed without asking again, beside the token's own time.
    pub(in crate::validate) until: Option<OffsetDateTime>,
    pub(in crate::validate) token: AccessToken,
}

impl Entry {
    /// Of a token that nobody's keys vouch for.
    pub(in crate::validate) fn new(token: AccessToken) -> Self {
        Self { keys: Arc::default(), trusted: 0, until: None, token }
    }
}

/// An entry and by what it is recognised, in one piece of memory: where tokens are many, what a look-up costs is how often it
/// has to wait for memory to learn where to look next.
#[derive(Clone)]
pub(in crate::validate) struct Kept(ThinArc<Entry, u8>);

impl Kept {
    /// Of a token that is recognised by these bytes: itself, its digest, or nothing, which no token is.
    fn seen_as(entry: Entry, seen: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice(entry, seen))
    }

    /// An entry that is in no table.
    pub(in crate::validate) fn apart(entry: Entry) -> Self {
        Self::seen_as(entry, &[])
    }

    pub(in crate::validate) fn entry(&self) -> &Entry {
        &self.0.header.header
    }
}

/// Where a token belongs.
pub(in crate::validate) struct Place {
    bucket: usize,
    tag: u64,
    pub(in crate::validate) digest: Option<[u8; 32]>,
}

/// As many places as a hash has to choose from, in two of the lines that memory is read by, which come together.
#[repr(align(128))]
struct Bucket([Way; WAYS]);

struct Way {
    /// The entry's hash, so that others are not even looked at. 0 is an empty place.
    tag: AtomicU64,
    entry: ArcSwapAny<ThinArc<Entry, u8>>,
}

impl Bucket {
    fn new(empty: &Kept) -> Self {
        let way = |_| Way { tag: AtomicU64::new(0), entry: ArcSwapAny::new(ThinArc::clone(&empty.0)) };
        Self(std::array::from_fn(way))
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
        let empty = Kept::apart(Entry::new(AccessToken::nobody()));
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
            None => self.hash.hash_one(end_of(token)),
            Some(digest) => self.hash.hash_one(digest),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        let bucket = hash as usize & (self.buckets.len() - 1);
        Place { bucket, tag: hash | 1, digest }
    }

    pub(in crate::validate) fn find(&self, place: &Place, token: &str) -> Option<Hit> {
        let Bucket(ways) = self.buckets.get(place.bucket)?;
        for Way { tag, entry } in ways {
            // The entry itself says whether it is the one; a tag that is read late only costs a look.
            if tag.load(Ordering::Relaxed) == place.tag {
                let hit = Hit(entry.load());
                if hit.0.slice == *place.seen(token) {
                    return Some(hit);
                }
            }
        }
        None
    }

    /// Keeps an entry for a token.
    pub(in crate::validate) fn insert(
        &self,
        place: &Place,
        token: &str,
        entry: Entry,
        now: OffsetDateTime,
    ) -> Kept {
        let new = Kept::seen_as(entry, place.seen(token));
        if let Some(bucket) = self.buckets.get(place.bucket)
            && let Some(way) = bucket.0.get(self.way_for(bucket, place, &new, now))
        {
            way.entry.store(ThinArc::clone(&new.0));
            way.tag.store(place.tag, Ordering::Relaxed);
        }
        new
    }

    /// The same token's place, an empty one, an expired one, one of the same subject, any.
    fn way_for(&self, bucket: &Bucket, place: &Place, new: &Kept, now: OffsetDateTime) -> usize {
        let worth = |way: &Way| {
            let kept = way.entry.load();
            let old = &kept.header.header;
            if way.tag.load(Ordering::Relaxed) == place.tag && kept.slice == new.0.slice {
                0
            } else if kept.slice.is_empty() {
                1
            } else if old.token.expires_at() <= now || old.until.is_some_and(|until| until <= now) {
                2
            } else if old.token.subject() == new.entry().token.subject() {
                3
            } else {
                4
            }
        };
        match bucket.0.iter().map(worth).enumerate().min_by_key(|(_, worth)| *worth) {
            Some((way, worth)) if worth < 4 => way,
            _ => {
                let next = self.victim.fetch_add(ODD, Ordering::Relaxed);
                (next >> 32) as usize % WAYS
            }
        }
    }
}

impl Place {
    /// By what the token of this place is recognised.
    fn seen<'t>(&'t self, token: &'t str) -> &'t [u8] {
        self.digest.as_ref().map_or(token.as_bytes(), |digest| digest)
    }
}

/// The end of a token, which finds its place. It is of the signature, so it differs between tokens as if by chance, and only the
/// issuer makes one: whoever alters the rest of a token comes to the same place, and is told apart by the whole of it.
fn end_of(token: &str) -> &[u8] {
    const ENOUGH: usize = 48;
    let bytes = token.as_bytes();
    bytes.get(bytes.len().saturating_sub(ENOUGH)..).unwrap_or(bytes)
}

/// Adding it over and over visits the ways in no order that a caller could use.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
/// At most 2^24 tokens.
const MAX_BUCKETS: usize = 1 << 21;

/// An entry that was found, without a reference count being touched.
pub(in crate::validate) struct Hit(Guard<ThinArc<Entry, u8>>);

impl Hit {
    pub(in crate::validate) fn entry(&self) -> &Entry {
        &self.0.header.header
    }

    pub(in crate::validate) fn into_kept(self) -> Kept {
        Kept(Guard::into_inner(self.0))
    }
}
