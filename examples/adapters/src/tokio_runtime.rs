//! The runtime port on tokio.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::runtime::{BlockingJob, Runtime};
use tokio::sync::Semaphore;

/// Runs blocking jobs on tokio's blocking threads, so many at once and so many waiting, and refuses the rest.
///
/// A job that has begun runs to its end even when nobody waits for it any more. One whose caller goes away while it still
/// waits for its turn is never begun: abandoned requests do not use up the machine.
///
/// ```
/// use std::sync::Arc;
///
/// use ciam_adapters::tokio_runtime::TokioRuntime;
/// use ciam_core::runtime::{Runtime, blocking};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ciam_core::error::PortError> {
/// let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new(2, 100));
/// let sum = blocking(&runtime, || (1..=10).sum::<u32>()).await?;
/// assert_eq!(sum, 55);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TokioRuntime {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
}

impl TokioRuntime {
    /// A runtime that runs at most `running` blocking jobs at once, and keeps at most `waiting` more for their turn.
    #[must_use]
    pub fn new(running: usize, waiting: usize) -> Self {
        let running = running.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            running: Arc::new(Semaphore::new(running)),
            waiting: AtomicUsize::new(0),
            max_waiting: waiting,
        }
    }

    /// As many jobs at once as the machine has threads, and up to 1,000 waiting.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(2, usize::from), 1_000)
    }
}

#[async_trait]
impl Runtime for TokioRuntime {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        let permit = if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            permit
        } else {
            let _place = Place::take(&self.waiting, self.max_waiting)?;
            Arc::clone(&self.running).acquire_owned().await.map_err(PortError::transient)?
        };
        let running = tokio::task::spawn_blocking(move || {
            job();
            drop(permit);
        });
        // An error is a panic of the job, or a runtime that shuts down. Its text could quote what the job worked on.
        running.await.map_err(|_| PortError::transient("the blocking job did not finish"))
    }
}

/// A place in the queue, given back when its holder stops waiting for whatever reason.
struct Place<'r>(&'r AtomicUsize);

impl<'r> Place<'r> {
    fn take(waiting: &'r AtomicUsize, max: usize) -> Result<Self, PortError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= max {
            return Err(PortError::transient("too many blocking jobs are waiting"));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;

    use ciam_core::error::PortErrorKind;
    use ciam_core::runtime::blocking;
    use futures_util::FutureExt as _;

    use super::*;

    fn runtime(running: usize, waiting: usize) -> Arc<dyn Runtime> {
        Arc::new(TokioRuntime::new(running, waiting))
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        for waiting in [100, 10] {
            ciam_core::testkit::runtime(&TokioRuntime::new(2, waiting)).await.assert_kept();
        }
    }

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_are_allowed() {
        let runtime = runtime(3, 100);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..20).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            blocking(&runtime, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(5));
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        for outcome in futures_util::future::join_all(jobs).await {
            outcome.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_free_one_takes_again() {
        let runtime = runtime(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let mut first = Box::pin(blocking(&runtime, move || gate.recv().is_ok()));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(blocking(&runtime, || ()));
        assert!(second.as_mut().now_or_never().is_none());
        let refused = blocking(&runtime, || ()).await.unwrap_err();
        assert_eq!(refused.kind(), PortErrorKind::Transient);
        release.send(()).unwrap();
        assert!(first.await.unwrap());
        second.await.unwrap();
        blocking(&runtime, || ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_job_that_has_begun_runs_to_its_end_without_its_caller() {
        let runtime = runtime(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let mut abandoned = Box::pin(blocking(&runtime, move || {
            gate.recv().unwrap();
            flag.store(true, Ordering::SeqCst);
        }));
        assert!(abandoned.as_mut().now_or_never().is_none());
        drop(abandoned);
        release.send(()).unwrap();
        // The next job gets its turn when the first has ended.
        blocking(&runtime, || ()).await.unwrap();
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_caller_that_leaves_the_queue_gives_its_place_back() {
        let runtime = runtime(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let mut first = Box::pin(blocking(&runtime, move || gate.recv().is_ok()));
        assert!(first.as_mut().now_or_never().is_none());
        let begun = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&begun);
        let mut leaving = Box::pin(blocking(&runtime, move || flag.store(true, Ordering::SeqCst)));
        assert!(leaving.as_mut().now_or_never().is_none());
        drop(leaving);
        let mut staying = Box::pin(blocking(&runtime, || ()));
        assert!(staying.as_mut().now_or_never().is_none(), "the place is free again");
        release.send(()).unwrap();
        assert!(first.await.unwrap());
        staying.await.unwrap();
        assert!(!begun.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_that_panics_is_an_error_and_frees_its_thread() {
        let runtime = runtime(1, 1);
        for _ in 0..3 {
            let error = blocking(&runtime, || panic!("on purpose")).await.unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Transient);
        }
        assert_eq!(blocking(&runtime, || 7).await.unwrap(), 7);
    }
}
