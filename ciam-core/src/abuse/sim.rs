//! Whether a phone number is in other hands, as a port: operators say when a number's SIM card was last changed.

use std::fmt;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use time::{Duration, OffsetDateTime};

use crate::account::IdentifierKey;
use crate::error::PortError;
use crate::ports::Ports;

/// Knows when the SIM card of a phone number was last changed: who talks an operator into a new card has the number, and the
/// codes that are sent to it.
///
/// # Contract
///
/// - `changed_at` answers `None` where the operator does not say, and for what is no number of anybody.
/// - It is asked before each code by text message, whether or not an account has the number, and is given up after
///   [`JourneyPolicy::risk_deadline`](crate::journey::JourneyPolicy::risk_deadline).
///
/// # Cancel safety
///
/// Nothing is changed, so its future may be dropped.
#[async_trait]
pub trait SimSwaps: fmt::Debug + Send + Sync {
    /// When the card of this number was last changed.
    ///
    /// # Errors
    ///
    /// The operator cannot be asked.
    async fn changed_at(&self, number: &IdentifierKey) -> Result<Option<OffsetDateTime>, PortError>;
}

/// Nobody says anything of cards.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoSimSwaps;

impl NoSimSwaps {
    /// Nobody says anything of cards.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl SimSwaps for NoSimSwaps {
    async fn changed_at(&self, _: &IdentifierKey) -> Result<Option<OffsetDateTime>, PortError> {
        Ok(None)
    }
}

/// Whether a code may go to a number: its card is as old as it has to be. Of silence `unanswered` says.
pub(crate) async fn may_text(
    ports: &Ports,
    number: &IdentifierKey,
    deadline: std::time::Duration,
    age: Duration,
    unanswered: bool,
) -> bool {
    match select(ports.sim_swaps().changed_at(number), ports.runtime().sleep(deadline)).await {
        Either::Left((Ok(Some(at)), _)) => ports.now() - at >= age,
        Either::Left((Ok(None), _)) => true,
        Either::Left((Err(_), _)) | Either::Right(_) => unanswered,
    }
}
