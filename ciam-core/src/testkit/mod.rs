//! Contract suites for the ports, and what tests need to drive them.

mod clock;
mod entropy;

pub use self::clock::ManualClock;
pub use self::entropy::SeededEntropy;
