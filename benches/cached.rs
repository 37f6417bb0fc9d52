//! Tokens that are seen again: a cache full of live ones, asked for in turn and at random.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use ciam_core::entropy::SystemEntropy;
use ciam_oauth::validate::{Access, CachingValidator, Recognition, TokenCachePolicy};
use foldhash::quality::RandomState;
use time::OffsetDateTime;

use crate::cold::validator;
use crate::contest::{Contest, median};
use crate::fixtures::{Algorithm, EXPIRES_AT, Failure, ISSUED_AT, Key};
use crate::gates::{Bound, Gates};
use crate::raw::Backend;

/// How many times cheaper than the raw check of RS256 on `ring`.
const CHEAPER: Bound = Bound::AtLeast(90.0);
/// What it may take of the time of the plainest map that does the same.
const OF_THE_FLOOR: Bound = Bound::AtMost(1.35);
/// What two threads do, as a multiple of one.
const TWO_THREADS: Bound = Bound::AtLeast(1.9);

const UNIT: &str = "ring: the RS256 signature alone";
const MEMORY: &str = "one read at random from as much memory";
const FLOOR: &str = "floor, in turn: hash, look up, compare, expiry";
const WHOLE: &str = "ciam-oauth, in turn: whole token kept";
const FLOOR_AT_RANDOM: &str = "floor, at random";
const WHOLE_AT_RANDOM: &str = "ciam-oauth, at random: whole token kept";
const DIGEST: &str = "ciam-oauth, in turn: digest kept";
const DIGEST_AT_RANDOM: &str = "ciam-oauth, at random: digest kept";
const READ: &str = "ciam-oauth, in turn: whole token kept, its subject read";
const READ_AT_RANDOM: &str = "ciam-oauth, at random: whole token kept, its subject read";
const TOKENS: usize = 100_000;
const ROUNDS: usize = 61;
const TURN: Duration = Duration::from_millis(25);
const WINDOW: Duration = Duration::from_millis(40);

/// Live tokens in the order in which they were first seen, and caches that have seen them.
#[derive(Debug)]
pub struct Cached {
    tokens: Vec<String>,
    /// An order that has nothing to do with where they are in memory.
    at_random: Vec<usize>,
    /// Keeps whole tokens.
    pub whole: CachingValidator,
    digests: CachingValidator,
    /// When they are looked at.
    pub now: OffsetDateTime,
}

impl Cached {
    /// With so many tokens.
    ///
    /// # Errors
    ///
    /// Fails when a token is not accepted.
    pub fn new(number: usize) -> Result<Self, Failure> {
        let key = Key::generate(Algorithm::Es256)?;
        let now = OffsetDateTime::from_unix_timestamp(ISSUED_AT)? + time::Duration::minutes(5);
        let cache = |keeps| -> Result<CachingValidator, Failure> {
            // Room enough that next to nothing is pushed out, of a few tokens nothing.
            let mut policy = TokenCachePolicy::default();
            (policy.capacity, policy.keeps) = ((number * 2).max(4096), keeps);
            Ok(CachingValidator::new(validator(Backend::Ring, &key)?, policy, &SystemEntropy::new())?)
        };
        let (whole, digests) = (cache(Recognition::WholeToken)?, cache(Recognition::Digest)?);
        let mut tokens = Vec::with_capacity(number);
        for index in 0..number {
            tokens.push(key.access_token_of(index)?);
        }
        for cache in [&whole, &digests] {
            for token in &tokens {
                cache.validate(token, now)?;
            }
        }
        let mut cached = Self { tokens: Vec::new(), at_random: Vec::new(), whole, digests, now };
        cached.tokens = tokens.into_iter().filter(|token| cached.is_kept(token)).collect();
        cached.at_random = (0..cached.tokens.len()).collect();
        shuffle(&mut cached.at_random);
        // Those few that found no room are left out.
        if cached.tokens.len() * 50 < number * 49 {
            return Err(format!("only {} of {number} are kept", cached.tokens.len()).into());
        }
        Ok(cached)
    }

    /// One of the tokens.
    pub fn token(&self, index: usize) -> &str {
        self.tokens.get(index % self.tokens.len()).map(String::as_str).unwrap_or_default()
    }

    fn is_kept(&self, token: &str) -> bool {
        self.whole.validate(token, self.now).is_ok_and(|access| access.was_cached())
            && self.digests.validate(token, self.now).is_ok_and(|access| access.was_cached())
    }
}

/// In which order clients come.
#[derive(Clone, Copy)]
enum Order {
    /// As they came first: devices that report every minute.
    InTurn,
    /// As if each time one were drawn: nothing foretells the next.
    AtRandom,
}

/// Asks for all, over and over, as a server does: a token has just been read from the network and is in the processor's own
/// cache, what is kept of it is not.
struct Requests<'a> {
    cached: &'a Cached,
    order: Order,
    next: usize,
    read: [String; 32],
}

impl<'a> Requests<'a> {
    fn new(cached: &'a Cached, order: Order, next: usize) -> Self {
        Self { cached, order, next, read: Default::default() }
    }

    fn next(&mut self) -> &'a str {
        let place = self.next;
        self.next = if place + 1 < self.cached.tokens.len() { place + 1 } else { 0 };
        self.cached.token(match self.order {
            Order::InTurn => place,
            Order::AtRandom => self.cached.at_random.get(place).copied().unwrap_or_default(),
        })
    }

    /// How long it takes to answer so many.
    fn time(&mut self, number: u32, accepts: impl Fn(&str) -> bool) -> Duration {
        let (mut rest, mut spent) = (number as usize, Duration::ZERO);
        while rest > 0 {
            let chunk = self.read.len().min(rest);
            rest -= chunk;
            for place in 0..chunk {
                let token = self.next();
                if let Some(read) = self.read.get_mut(place) {
                    read.clear();
                    read.push_str(token);
                }
            }
            let read = black_box(&self.read);
            let begin = Instant::now();
            for token in read.iter().take(chunk) {
                black_box(accepts(token));
            }
            spent += begin.elapsed();
        }
        spent
    }
}

/// Lets the caches, their floor and the raw check of RS256 take turns; then one thread and two.
///
/// # Errors
///
/// Fails when a token is not accepted.
pub fn contests(measuring: bool, gates: &mut Gates) -> Result<(), Failure> {
    let cached = Cached::new(if measuring { TOKENS } else { 50 })?;
    let unit = Key::generate(Algorithm::Rs256)?;
    let (check, message) = (Backend::Ring.check(&unit)?, unit.access_token()?);
    let (message, signature) = message.rsplit_once('.').ok_or("no signature")?;
    let signature = crate::fixtures::decode(signature)?;

    let (now, hot) = (cached.now, cached.token(0));
    let floor = Floor::new(&cached);
    let mut memory = Memory::of(cached.tokens.iter().map(String::len).sum());
    let in_turn = || Requests::new(&cached, Order::InTurn, 0);
    let at_random = || Requests::new(&cached, Order::AtRandom, 0);
    let has_subject = |access: Access| !black_box(access.subject()).is_empty();
    let read = |token: &str| cached.whole.validate(token, now).is_ok_and(has_subject);
    let contest = Contest::new(format!("accept one of {} tokens again", cached.tokens.len()))
        .candidate(UNIT, || check(black_box(message.as_bytes()), &signature))
        .candidate(MEMORY, || memory.read())
        .timed(FLOOR, asking(in_turn(), |token| floor.accepts(token, now)))
        .timed(WHOLE, asking(in_turn(), |token| cached.whole.validate(token, now).is_ok()))
        .timed(READ, asking(in_turn(), read))
        .timed(DIGEST, asking(in_turn(), |token| cached.digests.validate(token, now).is_ok()))
        .timed(FLOOR_AT_RANDOM, asking(at_random(), |token| floor.accepts(token, now)))
        .timed(WHOLE_AT_RANDOM, asking(at_random(), |token| cached.whole.validate(token, now).is_ok()))
        .timed(READ_AT_RANDOM, asking(at_random(), read))
        .timed(DIGEST_AT_RANDOM, asking(at_random(), |token| cached.digests.validate(token, now).is_ok()))
        .candidate("ciam-oauth: whole token, always the same", || {
            cached.whole.validate(black_box(hot), now).is_ok()
        });
    if !measuring {
        contest.try_out();
        threads(&cached, 2, Duration::ZERO);
        return Ok(());
    }
    let rounds = contest.measure(ROUNDS, TURN);
    println!("{}", rounds.standings());
    gates.add("cached: times cheaper than raw RS256 on ring", rounds.ratio(UNIT, WHOLE), CHEAPER);
    gates.add("cached: to its floor, a plain map", rounds.ratio(WHOLE, FLOOR), OF_THE_FLOOR);
    let at_random = rounds.ratio(WHOLE_AT_RANDOM, FLOOR_AT_RANDOM);
    gates.add("cached, at random: to its floor", at_random, OF_THE_FLOOR);

    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let one = threads(&cached, 1, WINDOW);
        ratios.push(threads(&cached, 2, WINDOW) / one);
    }
    gates.add("cached: two threads, in times of one", median(ratios), TWO_THREADS);
    Ok(())
}

/// A candidate that answers requests.
fn asking<'a>(
    mut requests: Requests<'a>,
    accepts: impl Fn(&str) -> bool + 'a,
) -> impl FnMut(u32) -> Duration + 'a {
    move |batch| requests.time(batch, &accepts)
}

/// How many tokens a second this many threads accept together.
fn threads(cached: &Cached, number: usize, window: Duration) -> f64 {
    const BATCH: u32 = 512;
    let start = Barrier::new(number);
    let one = |begin: usize| {
        let mut requests = Requests::new(cached, Order::InTurn, begin);
        start.wait();
        let (begin, mut done, mut spent) = (Instant::now(), 0, Duration::ZERO);
        loop {
            spent += requests.time(BATCH, |token| cached.whole.validate(token, cached.now).is_ok());
            done += BATCH;
            if begin.elapsed() >= window {
                return f64::from(done) / spent.as_secs_f64().max(1e-9);
            }
        }
    };
    std::thread::scope(|scope| {
        let one = &one;
        let far = cached.tokens.len() / number;
        let all: Vec<_> = (0..number).map(|index| scope.spawn(move || one(index * far))).collect();
        all.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).sum()
    })
}

/// What a cache cannot do without, in the plainest form: one map, no eviction, no claims, for one thread.
struct Floor(HashMap<Box<str>, i64, RandomState>);

impl Floor {
    /// Made in the order in which the cache saw them, so that neighbours in memory are the same.
    fn new(cached: &Cached) -> Self {
        Self(cached.tokens.iter().map(|token| (token.as_str().into(), EXPIRES_AT)).collect())
    }

    fn accepts(&self, token: &str, now: OffsetDateTime) -> bool {
        self.0.get(token).is_some_and(|expiry| now.unix_timestamp() < *expiry)
    }
}

/// What the machine takes to read from memory where nothing foretells the place: each place says where the next one is.
struct Memory {
    next: Vec<u32>,
    place: u32,
}

impl Memory {
    /// So many bytes.
    fn of(bytes: usize) -> Self {
        let places = u32::try_from(bytes / size_of::<u32>()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..places).collect();
        shuffle(&mut order);
        let mut next = vec![0; order.len()];
        for (place, following) in order.iter().zip(order.iter().cycle().skip(1)) {
            if let Some(next) = next.get_mut(*place as usize) {
                *next = *following;
            }
        }
        Self { next, place: 0 }
    }

    fn read(&mut self) -> u32 {
        self.place = self.next.get(self.place as usize).copied().unwrap_or_default();
        self.place
    }
}

fn shuffle<T>(tokens: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for end in (1..tokens.len()).rev() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        tokens.swap(end, (state >> 33) as usize % (end + 1));
    }
}
