//! Adaptive risk: how unlike its owner a sign-in looks, and what follows.
//!
//! [`AdaptiveRisk`] is the default engine behind the [`RiskEngine`](ciam_core::risk::RiskEngine) port of `ciam-core`. The journey
//! asks it at each sign-in, step-up, recovery and registration; what it answers decides whether the sign-in goes on, whether
//! one more proof is asked for, or nothing helps.
//!
//! ```
//! # #[cfg(feature = "memory")] {
//! use std::sync::Arc;
//!
//! use ciam_core::memory;
//! use ciam_mfa::risk::AdaptiveRisk;
//!
//! let ports = memory::ports();
//! let engine = AdaptiveRisk::new(&ports);
//! let ports = ports.with_risk(Arc::new(engine));
//! # let _ = ports;
//! # }
//! ```
//!
//! # How it judges
//!
//! What is seen (the device, the network, the browser, the hour, the signals of core) is weighed against what is remembered of
//! the account's confirmed sign-ins. The sum is a score with its evidence, on a scale of log-odds: [`Weights`] has the table.
//! [`RiskPolicy`] says from which score on a sign-in is challenged, needs a second proof, or is refused, and that a level of
//! assurance which is asked for may be stricter.
//!
//! # What it says
//!
//! [`Reason`] has the stable codes of what speaks against the owner, the strongest first. They are in the events of the
//! sign-in (`risk`, `risk_reasons`, `risk_score` in hundredths), and with the place and the device in the notice and in the mail
//! with the code: "new device in Lyon".
//!
//! # What it remembers
//!
//! One bounded record for each account: digests of devices and networks, names of countries, cities and kinds of browsers, hours.
//! It belongs to the account: sealed by a [`SealingStore`](ciam_core::sealing::SealingStore), told in an export, erased with
//! it. It is read once for an assessment, and written once, with the session, if the sign-in came to its good end.
//!
//! # What it does not do
//!
//! A copied cookie used from the owner's own surroundings looks like the owner: against that help keys that cannot be copied,
//! and a session that is bound to one and does not prove it is never let through by any score. The engine knows no more of
//! networks than the host's [`Networks`] tell it; without any, places and reputations count for nothing.
//!
//! # Security
//!
//! Failed attempts of strangers move nothing for a device that is known, so that nobody locks an owner out. An answer costs
//! the same calls whether or not the account exists.

mod engine;
mod fraud;
mod learning;
mod model;
mod network;
mod packed;
mod policy;
mod profile;
mod reason;

pub use self::engine::AdaptiveRisk;
pub use self::fraud::{FraudService, OnSilence, Opinion};
pub use self::model::Weights;
pub use self::network::{
    Coordinates, NetworkFacts, NetworkKind, NetworkTable, Networks, NoNetworks, PlacesOnly,
};
pub use self::policy::{RiskPolicy, Thresholds, Verdict};
pub(crate) use self::profile::RiskProfile;
pub use self::reason::Reason;
