//! The host's own fraud service beside the engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::risk::Observation;

/// A fraud service of the host: sees what the engine sees, and says how likely it is that this is not the owner.
///
/// # Contract
///
/// Gets no password, no code and no address of a person. What is later than its deadline is silence, and the choice that was
/// made for that counts: [`OnSilence`].
///
/// # Cancel safety
///
/// Its future is dropped at the deadline.
#[async_trait]
pub trait FraudService: fmt::Debug + Send + Sync {
    /// Its opinion.
    ///
    /// # Errors
    ///
    /// It has none: as if it were silent.
    async fn assess(&self, observation: &Observation) -> Result<Opinion, PortError>;
}

/// What a fraud service thinks.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Opinion {
    /// How much more likely (above 0) or less likely (below) an attack has become, as a logarithm of the odds. Counts from -4
    /// to 4.
    pub log_odds: f64,
    /// Why, as stable codes; at most 8 of at most 64 characters are kept.
    pub reasons: Vec<String>,
}

impl Opinion {
    /// An opinion.
    #[must_use]
    pub const fn new(log_odds: f64, reasons: Vec<String>) -> Self {
        Self { log_odds, reasons }
    }
}

/// What counts when the fraud service is silent. There is no default: whoever plugs one in makes the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "open or closed")]
pub enum OnSilence {
    /// As if it had no opinion. The assessment says that it is incomplete.
    FailOpen,
    /// Nobody goes on without a second factor, or a code to an address of their own where they have none.
    FailClosed,
}

/// A fraud service with its deadline and the choice for its silence.
#[derive(Clone, Debug)]
pub(super) struct Plugged {
    pub(super) service: Arc<dyn FraudService>,
    pub(super) deadline: Duration,
    pub(super) on_silence: OnSilence,
}

/// What became of the question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answered {
    /// There is no such service.
    NotAsked,
    /// It has an opinion.
    Opinion(Opinion),
    /// It was late, or failed.
    Silent(OnSilence),
}
