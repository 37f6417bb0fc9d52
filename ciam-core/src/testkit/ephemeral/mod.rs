//! The contract of [`Ephemeral`].

mod mirror;
mod races;
mod tenancy;
mod values;
mod verbs;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use time::Duration;

use self::mirror::Mirror;
use super::race::race;
use super::sample::Samples;
use super::suite::{Report, Suite, Violation};
use crate::ephemeral::{Ephemeral, EphemeralKey};
use crate::error::PortError;
use crate::id::TenantId;

/// How the suite drives an implementation of [`Ephemeral`].
///
/// ```
/// use std::sync::Arc;
///
/// use ciam_core::ephemeral::Ephemeral;
/// use ciam_core::error::PortError;
/// use ciam_core::id::TenantId;
/// use ciam_core::memory::MemoryEphemeralDatabase;
/// use ciam_core::testkit::{self, EphemeralHarness, ManualClock};
/// use futures_util::future::BoxFuture;
/// use time::Duration;
///
/// #[derive(Debug, Default)]
/// struct Harness {
///     database: MemoryEphemeralDatabase,
///     clock: Arc<ManualClock>,
/// }
///
/// #[async_trait::async_trait]
/// impl EphemeralHarness for Harness {
///     async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError> {
///         Ok(Arc::new(self.database.tenant(tenant, self.clock.clone())))
///     }
///
///     async fn pass(&self, time: Duration) {
///         self.clock.advance(time);
///     }
///
///     fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
///         let task = tokio::spawn(task);
///         Box::pin(async move { drop(task.await) })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// testkit::ephemeral(&Harness::default()).await.assert_kept();
/// # }
/// ```
#[async_trait]
pub trait EphemeralHarness: Send + Sync {
    /// Opens a handle on a tenant. All handles of a harness are on the same backend.
    ///
    /// The suite makes up tenants that nobody has used before, so it may run against a backend that holds other data.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Ephemeral>, PortError>;

    /// Lets at least this much time pass: moves the clock that the handles read, or really waits.
    async fn pass(&self, time: Duration);

    /// The shortest time to live that means anything to the backend; the suite uses small multiples of it. On a clock
    /// that is driven it costs nothing. Default 1 s; with a real clock a few hundred milliseconds do.
    fn moment(&self) -> Duration {
        Duration::SECOND
    }

    /// Runs a task beside the caller, as the host's runtime does; completes when the task is done.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;
}

/// Runs the contract of [`Ephemeral`] against an implementation.
pub async fn ephemeral(harness: &(dyn EphemeralHarness + 'static)) -> Report {
    ephemeral_suite().run(harness).await
}

/// The contract of [`Ephemeral`], clause by clause.
#[must_use]
pub fn ephemeral_suite() -> Suite<dyn EphemeralHarness> {
    Suite::new("Ephemeral", &[tenancy::CLAUSES, values::CLAUSES, verbs::CLAUSES, races::CLAUSES])
}

/// What one clause works with: a new tenant, and another one beside it in which the same things happen.
struct Trial<'h> {
    harness: &'h dyn EphemeralHarness,
    samples: Samples,
    here: TenantId,
    there: TenantId,
}

impl<'h> Trial<'h> {
    async fn open(harness: &'h dyn EphemeralHarness) -> Result<Self, Violation> {
        let samples = Samples::new()?;
        let (here, there) = (samples.tenant(), samples.tenant());
        Ok(Self { harness, samples, here, there })
    }

    /// A handle on the tenant that the clause looks at. What is done through it is done in the other tenant as well.
    async fn handle(&self) -> Result<Mirror, Violation> {
        Ok(Mirror::new(self.harness.open(self.here).await?, self.harness.open(self.there).await?))
    }

    /// Another handle on the same tenant, alone.
    async fn plain(&self) -> Result<Arc<dyn Ephemeral>, Violation> {
        Ok(self.harness.open(self.here).await?)
    }

    /// A handle on the other tenant, alone.
    async fn elsewhere(&self) -> Result<Arc<dyn Ephemeral>, Violation> {
        Ok(self.harness.open(self.there).await?)
    }

    fn key(&self) -> EphemeralKey {
        EphemeralKey::new("testkit.value", self.samples.text())
    }

    fn moments(&self, number: i32) -> Duration {
        self.harness.moment().saturating_mul(number)
    }

    async fn pass(&self, moments: i32) {
        self.harness.pass(self.moments(moments)).await;
    }

    /// A time to live that no clause outlives.
    fn long(&self) -> Duration {
        self.moments(1000).max(Duration::HOUR)
    }

    /// Runs one call per handle, all at the same moment.
    async fn race<T, F>(&self, number: usize, call: F) -> Result<Vec<T>, Violation>
    where
        T: Send + 'static,
        F: Fn(usize, Arc<dyn Ephemeral>) -> BoxFuture<'static, Result<T, PortError>> + Send + Sync,
    {
        let mut racers = Vec::with_capacity(number);
        for racer in 0..number {
            racers.push(call(racer, self.plain().await?));
        }
        let outcomes = race(&|task| self.harness.spawn(task), racers).await?;
        Ok(outcomes.into_iter().collect::<Result<_, _>>()?)
    }
}
