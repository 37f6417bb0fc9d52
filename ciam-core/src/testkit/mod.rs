//! Contract suites for the ports, and what tests need to drive them.

mod clock;
mod entropy;
mod observed;
mod probe;

pub use self::clock::ManualClock;
pub use self::entropy::SeededEntropy;
pub use self::observed::{CallLog, Observed};
pub use self::probe::{Call, Failure, Probe};
