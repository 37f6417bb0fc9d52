//! Contract suites for the ports, and what tests need to drive them.

mod clock;
mod entropy;
mod ephemeral;
pub mod faulty;
mod probe;
mod race;
mod sample;
mod store;
mod suite;

pub use self::clock::ManualClock;
pub use self::entropy::SeededEntropy;
pub use self::ephemeral::{EphemeralHarness, ephemeral, ephemeral_suite};
pub use self::probe::{Call, Failure, Probe};
pub use self::race::spawn_thread;
pub use self::store::{StoreHarness, store, store_suite};
pub use self::suite::{Clause, Report, Suite, Verdict, Violation};
