//! How well the time of a refused sign-in hides whether there is such an account.
//!
//! 2,000 refused sign-ins of each case, in turn, on ports in memory with the default password hash. For each case beside
//! the first: the distance of the two distributions (Kolmogorov and Smirnov's, 0 for equal ones, 1 for ones that never
//! overlap), and how often one sample of it takes longer than one of the first (Mann and Whitney's measure, 0.5 for equal
//! ones). Nothing is asserted: a machine that does something else has other numbers. Two samples of 2,000 from one
//! distribution are 0.043 apart or less in 95 of 100 cases.
//!
//!     cargo bench -p ciam-benches --bench enumeration            # 2,000 samples
//!     cargo bench -p ciam-benches --bench enumeration -- --test  # 20, to see that it runs

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ciam_benches::fixtures::Failure;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::http::{BrowserId, Peer};
use ciam_core::journey::{Answer, JourneyPolicy, Journeys, Requirements, Visitor};
use ciam_core::memory;
use ciam_core::password::foreign::{ForeignHash, ForeignHashes};
use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::ratelimit::Limit;
use ciam_core::session::SessionManager;
use tokio::runtime::Builder;

/// bcrypt of cost 10, as Auth0 writes it.
const BCRYPT: &str = "$2b$10$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const FLOOR: Duration = Duration::from_millis(150);

fn main() -> Result<(), Failure> {
    let samples = if std::env::args().any(|it| it == "--test") { 20 } else { 2_000 };
    let runtime = Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let ports = memory::ports();
        report("each in its own time", &measure(&ports, Duration::ZERO, samples).await?)?;
        // The wait makes it long: a quarter of the samples.
        report("with a floor of 150 ms", &measure(&ports, FLOOR, samples.div_ceil(4)).await?)?;
        Ok(())
    })
}

/// The cases, the first of which the others are compared with.
const CASES: [(&str, &str); 4] = [
    ("a wrong password", "known@example.com"),
    ("nobody", "nobody@example.com"),
    ("an account without a password", "bare@example.com"),
    ("an imported bcrypt hash", "foreign@example.com"),
];

async fn measure(ports: &Ports, floor: Duration, samples: usize) -> Result<Vec<Vec<Duration>>, Failure> {
    let hasher =
        MigratingHasher::new(Arc::new(Argon2idHasher::new()?)).with_verifier(Arc::new(ForeignHashes::new()));
    let password = PasswordFactor::new(ports, Arc::new(hasher)).await?.with_floor(floor);
    let hash = password.accept(ports, &"correct horse battery staple".into(), &[]).await?;
    for (email, hash) in [
        ("known@example.com", Some(hash)),
        ("bare@example.com", None),
        ("foreign@example.com", Some(ForeignHash::parse(BCRYPT)?.to_hash())),
    ] {
        let mut account = NewAccount::new(Identifier::verified(IdentifierKey::email(email)?, ports.now()));
        if let Some(hash) = hash {
            account = account.with_password(hash);
        }
        // In the second round they are there already.
        let _there = account.create(ports).await;
    }
    let sessions = SessionManager::new(ports.clone());
    let journeys = Journeys::new(ports.clone(), sessions, password).with_policy(unlimited());
    let mut times = vec![Vec::with_capacity(samples); CASES.len()];
    for _ in 0..samples {
        for (times, (_, email)) in times.iter_mut().zip(CASES) {
            times.push(refused(&journeys, ports, email).await?);
        }
    }
    Ok(times)
}

async fn refused(journeys: &Journeys, ports: &Ports, email: &str) -> Result<Duration, Failure> {
    let browser = BrowserId::generate(ports.entropy())?;
    let visitor = Visitor::new(&browser, Peer::new([127, 0, 0, 1].into()));
    let (handle, _) = journeys.begin_sign_in(&visitor, Requirements::default()).await?;
    let answer = Answer::credentials(email, "not the right password");
    let started = Instant::now();
    journeys.answer(&handle, &visitor, answer).await?;
    Ok(started.elapsed())
}

/// The default policy, but for limits that nobody meets here.
fn unlimited() -> JourneyPolicy {
    let mut policy = JourneyPolicy::default();
    let none = |limit: &Limit| limit.clone().with_attempts(u64::MAX);
    policy.sign_in_per_identifier_and_peer = none(&policy.sign_in_per_identifier_and_peer);
    policy.sign_in_per_identifier = none(&policy.sign_in_per_identifier);
    policy.sign_in_per_peer = none(&policy.sign_in_per_peer);
    policy.sign_in_per_network = none(&policy.sign_in_per_network);
    policy.sign_in_backoff.free = u64::MAX;
    policy
}

fn report(title: &str, times: &[Vec<Duration>]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let sorted: Vec<Vec<Duration>> = times
        .iter()
        .map(|times| {
            let mut times = times.clone();
            times.sort();
            times
        })
        .collect();
    let first = sorted.first().map_or(&[][..], Vec::as_slice);
    writeln!(out, "\n{title}: {} samples of each", first.len())?;
    writeln!(out, "{:<32}{:>10}{:>10}{:>10}{:>10}", "", "median", "95 %", "distance", "longer")?;
    for ((name, _), times) in CASES.iter().zip(&sorted) {
        let (distance, longer) = (distance(first, times), longer(first, times));
        let (median, high) = (millis(times, 50), millis(times, 95));
        writeln!(out, "{name:<32}{median:>8.2}ms{high:>8.2}ms{distance:>10.3}{longer:>10.3}")?;
    }
    Ok(())
}

fn millis(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len().saturating_mul(percent) / 100;
    sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// The largest difference of the two distribution functions.
fn distance(one: &[Duration], other: &[Duration]) -> f64 {
    let share = |sorted: &[Duration], time| ratio(sorted.partition_point(|it| *it <= time), sorted.len());
    one.iter().chain(other).map(|time| (share(one, *time) - share(other, *time)).abs()).fold(0.0, f64::max)
}

/// How often a sample of the other takes longer than one of the first; ties count half.
fn longer(one: &[Duration], other: &[Duration]) -> f64 {
    let wins: f64 = other
        .iter()
        .map(|time| {
            let below = one.partition_point(|it| it < time);
            let tied = one.partition_point(|it| it <= time).saturating_sub(below);
            ratio(2 * below + tied, 2 * one.len())
        })
        .sum();
    wins / ratio(other.len().max(1), 1)
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |it: usize| u32::try_from(it).map_or(f64::from(u32::MAX), f64::from);
    number(part) / number(whole.max(1))
}
