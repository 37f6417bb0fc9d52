//! Racers: several calls at the same moment.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{BoxFuture, join_all};

use super::suite::Violation;

/// How many racers a race has.
pub(super) const RACERS: usize = 32;

/// Runs all racers at the same moment, each in a task of its own, and gives back what each returns.
pub(super) async fn race<T: Send + 'static>(
    spawn: &(dyn Fn(BoxFuture<'static, ()>) -> BoxFuture<'static, ()> + Sync),
    racers: Vec<BoxFuture<'static, T>>,
) -> Result<Vec<T>, Violation> {
    let gate = Arc::new(Gate::for_arrivals(racers.len()));
    let mut running = Vec::with_capacity(racers.len());
    let mut results = Vec::with_capacity(racers.len());
    for racer in racers {
        let (sender, receiver) = oneshot::channel();
        let gate = Arc::clone(&gate);
        running.push(spawn(Box::pin(async move {
            Arrival { gate, arrived: false }.await;
            let _unwanted = sender.send(racer.await);
        })));
        results.push(receiver);
    }
    join_all(running).await;
    join_all(results)
        .await
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|_| Violation::new("a racer came to no end: it panicked"))
}

/// Where racers wait for each other.
struct Gate(Mutex<(usize, Vec<Waker>)>);

impl Gate {
    fn for_arrivals(number: usize) -> Self {
        Self(Mutex::new((number, Vec::with_capacity(number))))
    }
}

struct Arrival {
    gate: Arc<Gate>,
    arrived: bool,
}

impl Future for Arrival {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let gate = Arc::clone(&self.gate);
        let mut state = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.arrived {
            self.arrived = true;
            state.0 = state.0.saturating_sub(1);
        }
        if state.0 == 0 {
            state.1.drain(..).for_each(Waker::wake);
            return Poll::Ready(());
        }
        state.1.push(context.waker().clone());
        Poll::Pending
    }
}

/// Lets other tasks run once.
pub(super) async fn step_aside() {
    let mut aside = false;
    std::future::poll_fn(move |context| {
        if aside {
            return Poll::Ready(());
        }
        aside = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls a future at most so many times, and drops it if it is not done by then.
pub(super) async fn poll_some<T>(work: impl Future<Output = T> + Send, polls: usize) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The tasks that a broken implementation's harness runs at the moment.
///
/// They wait for each other in the middle of a step, so that a broken one shows its race every time.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    running: AtomicUsize,
    arrived: AtomicUsize,
}

impl Crowd {
    /// Makes a task one of the crowd, from now until it ends.
    pub(super) fn join(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let member = Member::enter(&self.0);
        Box::pin(async move {
            let _member = member;
            task.await;
        })
    }

    /// Stays between check and act until another one has come as far, or nobody else is left.
    ///
    /// Whoever comes has checked before the one that it releases acts.
    pub(super) async fn linger(&self) {
        let own = self.arrive();
        self.wait_until(|| self.0.arrived.load(Ordering::SeqCst) > own).await;
    }

    /// Says that somebody is between check and act.
    pub(super) fn arrive(&self) -> usize {
        self.0.arrived.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Waits until this is so, or nobody else is left who could make it so.
    pub(super) async fn wait_until(&self, reached: impl Fn() -> bool + Send) {
        // A bound, because the others may be waiting for this one.
        for _ in 0..100_000 {
            if reached() || self.0.running.load(Ordering::SeqCst) <= 1 {
                return;
            }
            thread::yield_now();
            step_aside().await;
        }
    }
}

/// A running task; leaves when it is dropped, however it ends.
struct Member(Arc<Counts>);

impl Member {
    fn enter(counts: &Arc<Counts>) -> Self {
        counts.running.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Completes after a time, unless it is dropped before.
pub(super) struct Watchdog {
    fired: oneshot::Receiver<()>,
    /// Dropping it ends the thread that waits.
    _leash: Sender<()>,
}

impl Watchdog {
    pub(super) fn after(time: Duration) -> Self {
        let (leash, held) = channel::<()>();
        let (fire, fired) = oneshot::channel();
        thread::spawn(move || {
            if matches!(held.recv_timeout(time), Err(RecvTimeoutError::Timeout)) {
                let _unwanted = fire.send(());
            }
        });
        Self { fired, _leash: leash }
    }
}

impl Future for Watchdog {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.fired).poll(context).map(drop)
    }
}

/// Runs a task in a thread of its own: a harness's `spawn` for implementations that need no async runtime.
///
/// Racers in threads are truly parallel. An implementation that needs a runtime is driven by that runtime's `spawn`.
#[must_use = "the task runs by itself, but only this future tells when it is done"]
pub fn spawn_thread(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    let (done, wait) = oneshot::channel::<()>();
    thread::spawn(move || {
        block_on(task);
        let _unwanted = done.send(());
    });
    Box::pin(async move {
        // An error is a panic of the task, which its racer's missing result shows.
        let _panicked = wait.await;
    })
}

fn block_on(mut task: BoxFuture<'static, ()>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    while task.as_mut().poll(&mut context).is_pending() {
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokio_spawn(task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let task = tokio::spawn(task);
        Box::pin(async move { drop(task.await) })
    }

    /// Each racer says how many had started before it went on: all of them.
    fn starters(number: usize) -> Vec<BoxFuture<'static, usize>> {
        let started = Arc::new(AtomicUsize::new(0));
        let racer = |_| -> BoxFuture<'static, usize> {
            let started = Arc::clone(&started);
            Box::pin(async move {
                started.fetch_add(1, Ordering::SeqCst);
                while started.load(Ordering::SeqCst) < number {
                    step_aside().await;
                }
                started.load(Ordering::SeqCst)
            })
        };
        (0..number).map(racer).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn racers_are_all_under_way_at_once() {
        assert_eq!(race(&tokio_spawn, starters(RACERS)).await.unwrap(), [RACERS; RACERS]);
        assert_eq!(race(&spawn_thread, starters(8)).await.unwrap(), [8; 8]);
    }

    #[tokio::test]
    async fn a_racer_that_panics_is_a_violation() {
        let racers: Vec<BoxFuture<'static, ()>> =
            vec![Box::pin(async {}), Box::pin(async { panic!("on purpose") })];
        assert!(race(&tokio_spawn, racers).await.is_err());
    }
}
