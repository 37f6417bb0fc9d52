//! How an import meets a store that fails for the moment.

use std::time::Duration;

use crate::error::{PortError, PortErrorKind};
use crate::runtime::Runtime;

/// How often an import asks a port again that failed for the moment, and how long it waits before.
///
/// The pause doubles with each failure in a row. With the default a restart of the database of almost a minute is sat out; one
/// that takes longer ends the run, and the next run goes on where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportRetry {
    /// How often one call is made at most. Default 10; 1 never asks again.
    pub attempts: u32,
    /// The pause after the first failure. Default 200 ms.
    pub first: Duration,
    /// The longest pause. Default 15 s.
    pub longest: Duration,
}

impl Default for ImportRetry {
    fn default() -> Self {
        Self { attempts: 10, first: Duration::from_millis(200), longest: Duration::from_secs(15) }
    }
}

impl ImportRetry {
    /// At most so many calls, with the default pauses.
    #[must_use]
    pub fn times(attempts: u32) -> Self {
        Self { attempts, ..Self::default() }
    }

    /// The pause after a call that has failed so often in a row; `None` when that was enough.
    #[must_use]
    pub fn pause(&self, failed: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        Some(self.first.saturating_mul(doubled).min(self.longest))
    }

    /// Waits after the `failed`th failure in a row.
    ///
    /// # Errors
    ///
    /// Gives the failure back when it will not pass, and when it was the last that is waited for.
    pub(super) async fn wait(
        &self,
        runtime: &dyn Runtime,
        error: PortError,
        failed: u32,
    ) -> Result<(), PortError> {
        match self.pause(failed).filter(|_| error.kind() == PortErrorKind::Transient) {
            Some(pause) => {
                runtime.sleep(pause).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Makes a call that changes nothing until it succeeds.
    ///
    /// # Errors
    ///
    /// See [`wait`](Self::wait).
    pub(super) async fn read<T, F>(
        &self,
        runtime: &dyn Runtime,
        mut call: impl FnMut() -> F + Send,
    ) -> Result<T, PortError>
    where
        T: Send,
        F: Future<Output = Result<T, PortError>> + Send,
    {
        let mut failed = 0_u32;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    self.wait(runtime, error, failed).await?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let retry = ImportRetry::times(10);
        let pauses: Vec<_> = (1..=10).map(|failed| retry.pause(failed).map(|it| it.as_millis())).collect();
        let expected = [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000];
        assert_eq!(pauses[..9], expected.map(Some));
        assert_eq!(pauses[9], None);
        assert_eq!(ImportRetry::times(1).pause(1), None);
        let endless = ImportRetry { attempts: u32::MAX, ..retry };
        assert_eq!(endless.pause(u32::MAX - 1), Some(retry.longest), "no overflow");
    }
}
