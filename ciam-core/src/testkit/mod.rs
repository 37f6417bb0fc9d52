//! Contract suites for the ports, and what tests need to drive them.

mod clock;
mod entropy;
mod probe;

pub use self::clock::ManualClock;
pub use self::entropy::SeededEntropy;
pub use self::probe::{Call, Failure, Probe};
