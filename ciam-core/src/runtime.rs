//! The asynchronous runtime as a port: sleeping and blocking work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_channel::oneshot;

use crate::error::PortError;

/// A piece of blocking work, such as a password hash.
pub type BlockingJob = Box<dyn FnOnce() + Send + 'static>;

/// What the libraries need of the host's runtime.
///
/// # Contract
///
/// - `sleep` completes no earlier than after the duration.
/// - `run_blocking` runs the job to its end even when the returned future is dropped, on a thread where blocking is
///   allowed, with a bound on how many run at once: password hashing is the largest amount of memory and CPU that a
///   stranger can ask for.
#[async_trait]
pub trait Runtime: fmt::Debug + Send + Sync {
    /// Completes after `duration`.
    async fn sleep(&self, duration: Duration);

    /// Runs a blocking job elsewhere and completes when it is done.
    ///
    /// # Errors
    ///
    /// Fails when the job could not be run (the pool is full or shutting down).
    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError>;
}

/// Runs `work` through [`Runtime::run_blocking`] and gives back its result.
///
/// # Errors
///
/// Fails when the runtime cannot run the job.
pub async fn blocking<T, F>(runtime: &Arc<dyn Runtime>, work: F) -> Result<T, PortError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    runtime
        .run_blocking(Box::new(move || {
            // The receiver is gone only when the caller was cancelled; nobody wants the result then.
            let _unwanted = sender.send(work());
        }))
        .await?;
    receiver.await.map_err(|_| PortError::transient("the blocking job was abandoned"))
}

/// A runtime of plain threads: needs no async runtime, starts a thread for each call.
///
/// The default of [`Ports`](crate::ports::Ports), right for tests and small programs. A server passes its own.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ThreadRuntime;

impl ThreadRuntime {
    /// A runtime of plain threads.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Runtime for ThreadRuntime {
    async fn sleep(&self, duration: Duration) {
        let (sender, receiver) = oneshot::channel::<()>();
        let spawned = std::thread::Builder::new().name("ciam-sleep".to_owned()).spawn(move || {
            std::thread::sleep(duration);
            let _unwanted = sender.send(());
        });
        if spawned.is_ok() {
            let _closed = receiver.await;
        } else {
            std::thread::sleep(duration);
        }
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        let (sender, receiver) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("ciam-blocking".to_owned())
            .spawn(move || {
                job();
                let _unwanted = sender.send(());
            })
            .map_err(PortError::transient)?;
        receiver.await.map_err(|_| PortError::transient("the blocking job panicked"))
    }
}
