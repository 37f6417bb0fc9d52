//! Tokens that are seen again: a cache full of live ones, asked in random order.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use ciam_core::entropy::SystemEntropy;
use ciam_oauth::validate::{CachingValidator, Recognition, TokenCachePolicy};
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
const FLOOR: &str = "floor: hash, look up, compare, expiry";
const WHOLE: &str = "ciam-oauth: whole token kept";
const TOKENS: usize = 100_000;
const ROUNDS: usize = 61;
const TURN: Duration = Duration::from_millis(25);
const WINDOW: Duration = Duration::from_millis(40);

/// Live tokens, and caches that have seen them.
#[derive(Debug)]
pub struct Cached {
    tokens: Vec<String>,
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
        for token in &tokens {
            whole.validate(token, now)?;
            digests.validate(token, now)?;
        }
        // In an order that has nothing to do with where they are in memory.
        shuffle(&mut tokens);
        let mut cached = Self { tokens: Vec::new(), whole, digests, now };
        cached.tokens = tokens.into_iter().filter(|token| cached.is_kept(token)).collect();
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

/// Asks for all in turn, as a server does: a token has just been read from the network and is in the processor's own cache, what
/// is kept of it is not.
struct Requests<'a> {
    tokens: &'a [String],
    next: usize,
    read: [String; 32],
}

impl<'a> Requests<'a> {
    fn new(cached: &'a Cached, next: usize) -> Self {
        Self { tokens: &cached.tokens, next, read: Default::default() }
    }

    /// How long it takes to answer so many.
    fn time(&mut self, number: u32, accepts: impl Fn(&str) -> bool) -> Duration {
        let (mut rest, mut spent) = (number as usize, Duration::ZERO);
        while rest > 0 {
            let chunk = self.read.len().min(rest);
            rest -= chunk;
            for read in self.read.iter_mut().take(chunk) {
                self.next = if self.next + 1 < self.tokens.len() { self.next + 1 } else { 0 };
                read.clear();
                read.push_str(self.tokens.get(self.next).map(String::as_str).unwrap_or_default());
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
    let floor = Floor::new(&cached.tokens);
    let mut memory = Memory::of(cached.tokens.iter().map(String::len).sum());
    let [mut whole, mut digests, mut floors] = [(); 3].map(|()| Requests::new(&cached, 0));
    let contest = Contest::new(format!("accept one of {} tokens again", cached.tokens.len()))
        .candidate(UNIT, || check(black_box(message.as_bytes()), &signature))
        .candidate(MEMORY, || memory.read())
        .timed(FLOOR, |batch| floors.time(batch, |token| floor.accepts(token, now)))
        .timed(WHOLE, |batch| whole.time(batch, |token| cached.whole.validate(token, now).is_ok()))
        .timed("ciam-oauth: digest kept", |batch| {
            digests.time(batch, |token| cached.digests.validate(token, now).is_ok())
        })
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

    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let one = threads(&cached, 1, WINDOW);
        ratios.push(threads(&cached, 2, WINDOW) / one);
    }
    gates.add("cached: two threads, in times of one", median(ratios), TWO_THREADS);
    Ok(())
}

/// How many tokens a second this many threads accept together.
fn threads(cached: &Cached, number: usize, window: Duration) -> f64 {
    const BATCH: u32 = 512;
    let start = Barrier::new(number);
    let one = |begin: usize| {
        let mut requests = Requests::new(cached, begin);
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
    fn new(tokens: &[String]) -> Self {
        // Not made in the order in which they will be asked for: neighbours in memory would be neighbours in time.
        let mut tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
        shuffle(&mut tokens);
        Self(tokens.into_iter().map(|token| (token.into(), EXPIRES_AT)).collect())
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
