//! The default risk engine in a simulated world: how many of the people it asks, and how many of the attackers it stops.
//!
//! The world is in `world.rs`, its people in `people.rs`, the attackers in `attackers.rs`: each says what it assumes. They were
//! written before there was any threshold to please, and a change to them is a change of its own. What comes out tells
//! whether the engine's rules do what they are meant to, and what they cost in comparison with others. It says nothing about
//! anybody's real people.
//!
//!     cargo run --release -p ciam-risk-simulation     # 3,000 people, 180 days; writes benches/risk/curves.svg
//!     cargo run -p ciam-risk-simulation -- --test     # 500 people, 120 days, as the pipeline does

mod attackers;
mod curves;
#[path = "../gates.rs"]
mod gates;
mod people;
mod picture;
mod random;
mod simulation;
mod speed;
mod world;

use std::path::Path;
use std::process::ExitCode;

use self::attackers::Class;
use self::gates::{Bound, Gates};
use self::simulation::Simulation;

/// Why a simulation does not come to its end.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The seed of the run that is reported; the thresholds were looked at with another one.
const SEED: u64 = 20_261_126;

fn main() -> Result<ExitCode, Failure> {
    let measuring = !std::env::args().any(|argument| argument == "--test");
    let (people, days) = if measuring { (3_000, 180.0) } else { (500, 120.0) };
    let seed = std::env::var("CIAM_RISK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let outcome = runtime.block_on(Simulation::new(seed, people, days)?.run())?;
    println!("{}", curves::report(&outcome));
    let mut gates = Gates::new();
    gates.add("genuine sign-ins from new devices, %", outcome.new_devices() * 100.0, Bound::AtLeast(8.0));
    gates.add("genuine sign-ins challenged, %", outcome.challenged() * 100.0, Bound::AtMost(5.0));
    gates.add("naive stuffing caught, %", outcome.caught(Class::Naive) * 100.0, Bound::AtLeast(99.0));
    gates.add(
        "VPN in the same country caught, %",
        outcome.caught(Class::SameCountry) * 100.0,
        Bound::AtLeast(75.0),
    );
    let unproved = outcome.caught(Class::BoundWithoutProof) * 100.0;
    gates.add("bound sessions without proof challenged, %", unproved, Bound::AtLeast(100.0));
    let micros = runtime.block_on(speed::assessment(measuring))?;
    if measuring {
        gates.add("an assessment with 50 stored signals, µs", micros, Bound::AtMost(20.0));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("curves.svg");
        std::fs::write(&path, picture::svg(&outcome))?;
        println!("wrote {}", path.display());
    }
    println!("{gates}");
    Ok(if gates.to_string().contains("MISS") { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
