//! How well the time of an answer hides whether there is such an account: of a refused sign-in, of a recovery that was asked
//! for, and of a registration.
//!
//! 2,000 answers of each case, in turn, on ports in memory with the default password hash. For each case beside
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
use ciam_core::journey::{
    Answer, Challenge, JourneyPolicy, Journeys, RefusalReason, Registration, Requirements, Step, Visitor,
};
use ciam_core::memory;
use ciam_core::password::foreign::{ForeignHash, ForeignHashes};
use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordFactor};
use ciam_core::ports::Ports;
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
        for flow in FLOWS {
            report(&flow, "each in its own time", &measure(&ports, &flow, Duration::ZERO, samples).await?)?;
        }
        // The wait makes it long: a quarter of the samples.
        for flow in FLOWS.iter().filter(|flow| flow.has_floor) {
            let samples = samples.div_ceil(4);
            report(flow, "with a floor of 150 ms", &measure(&ports, flow, FLOOR, samples).await?)?;
        }
        Ok(())
    })
}

/// What a stranger can begin.
struct Flow {
    name: &'static str,
    begin: Begin,
    /// What is answered with whose address.
    answer: fn(&str) -> Answer,
    /// Whether this is how it goes on.
    is_answer: fn(&Step) -> bool,
    /// Whether [`PasswordFactor::with_floor`] holds for it.
    has_floor: bool,
    /// The first of them is what the others are compared with.
    cases: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Begin {
    SignIn,
    Recovery,
    SignUp,
}

const FLOWS: [Flow; 3] = [
    Flow {
        name: "a refused sign-in",
        begin: Begin::SignIn,
        answer: |email| Answer::credentials(email, "not the right password"),
        is_answer: |step| matches!(step, Step::Refused(it) if it.reason == RefusalReason::Credentials),
        has_floor: true,
        cases: &[
            ("a wrong password", "known@example.com"),
            ("nobody", "nobody@example.com"),
            ("an account without a password", "bare@example.com"),
            ("an imported bcrypt hash", "foreign@example.com"),
        ],
    },
    Flow {
        name: "a recovery",
        begin: Begin::Recovery,
        answer: |email| Answer::recover(email),
        is_answer: |step| matches!(step, Step::Challenge(Challenge::Code { .. })),
        has_floor: false,
        cases: &[
            ("an account with a password", "known@example.com"),
            ("nobody", "nobody@example.com"),
            ("an account without a password", "bare@example.com"),
        ],
    },
    Flow {
        name: "a registration",
        begin: Begin::SignUp,
        answer: |email| Answer::Register(Registration::new(email, "correct horse battery staple")),
        is_answer: |step| matches!(step, Step::Challenge(Challenge::Code { .. })),
        has_floor: false,
        cases: &[("a taken address", "known@example.com"), ("a free address", "nobody@example.com")],
    },
];

async fn measure(
    ports: &Ports,
    flow: &Flow,
    floor: Duration,
    samples: usize,
) -> Result<Vec<Vec<Duration>>, Failure> {
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
    let mut times = vec![Vec::with_capacity(samples); flow.cases.len()];
    for _ in 0..samples {
        for (times, (_, email)) in times.iter_mut().zip(flow.cases) {
            times.push(answered(&journeys, ports, flow, email).await?);
        }
    }
    Ok(times)
}

async fn answered(journeys: &Journeys, ports: &Ports, flow: &Flow, email: &str) -> Result<Duration, Failure> {
    let browser = BrowserId::generate(ports.entropy())?;
    let visitor = Visitor::new(&browser, Peer::new([127, 0, 0, 1].into()));
    let requirements = Requirements::default();
    let (handle, _) = match flow.begin {
        Begin::SignIn => journeys.begin_sign_in(&visitor, requirements).await?,
        Begin::Recovery => journeys.begin_recovery(&visitor, requirements).await?,
        Begin::SignUp => journeys.begin_sign_up(&visitor, requirements).await?,
    };
    let answer = (flow.answer)(email);
    let started = Instant::now();
    let step = journeys.answer(&handle, &visitor, answer).await?;
    let elapsed = started.elapsed();
    // Another one would mean that a limit answered.
    if (flow.is_answer)(&step) { Ok(elapsed) } else { Err(format!("{}: {step:?}", flow.name).into()) }
}

/// The default policy, but for limits that nobody meets here.
fn unlimited() -> JourneyPolicy {
    let mut policy = JourneyPolicy::default();
    for limit in [
        &mut policy.sign_in_per_identifier_and_peer,
        &mut policy.sign_in_per_identifier,
        &mut policy.sign_in_per_peer,
        &mut policy.sign_in_per_network,
        &mut policy.recover_per_peer,
        &mut policy.check_after_recoveries,
        &mut policy.register_per_peer,
        &mut policy.register_per_network,
        &mut policy.register_per_domain,
        &mut policy.check_after_registrations,
        &mut policy.messages_per_address,
        &mut policy.messages_per_address_long,
        &mut policy.messages_per_recipient,
        &mut policy.budgets.mails,
    ] {
        *limit = limit.clone().with_attempts(u64::MAX);
    }
    policy.sign_in_backoff.free = u64::MAX;
    policy
}

fn report(flow: &Flow, title: &str, times: &[Vec<Duration>]) -> Result<(), Failure> {
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
    writeln!(out, "\n{}, {title}: {} samples of each", flow.name, first.len())?;
    writeln!(out, "{:<32}{:>10}{:>10}{:>10}{:>10}", "", "median", "95 %", "distance", "longer")?;
    for ((name, _), times) in flow.cases.iter().zip(&sorted) {
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
