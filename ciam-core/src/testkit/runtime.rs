//! The contract of [`Runtime`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use super::race::{poll_some, step_aside};
use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::runtime::Runtime;

/// Runs the contract of [`Runtime`] against an implementation. It really sleeps, for less than a second in all.
///
/// ```
/// use ciam_core::runtime::ThreadRuntime;
/// use ciam_core::testkit;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// testkit::runtime(&ThreadRuntime::new()).await.assert_kept();
/// # });
/// ```
pub async fn runtime(runtime: &(dyn Runtime + 'static)) -> Report {
    runtime_suite().run(runtime).await
}

/// The contract of [`Runtime`], clause by clause.
#[must_use]
pub fn runtime_suite() -> Suite<dyn Runtime> {
    Suite::new("Runtime", &[CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |runtime| Box::pin($check(runtime)))
    };
}

const CLAUSES: &[Clause<dyn Runtime>] = &[
    clause!("sleep.least", sleep, "`sleep` completes no earlier than after the duration."),
    clause!("sleep.aside", aside, "While one sleeps, others go on."),
    clause!("blocking.runs", runs, "`run_blocking` completes when the job has run, once."),
    clause!("blocking.aside", elsewhere, "While a job blocks, others go on."),
    clause!("blocking.detached", detached, "A job runs to its end even when nobody waits for it any more."),
    clause!("blocking.many", many, "Of many jobs at once each one runs, or is refused and does not run."),
];

async fn sleep(runtime: &dyn Runtime) -> Result<(), Violation> {
    for milliseconds in [0, 1, 20, 60] {
        let (duration, begun) = (Duration::from_millis(milliseconds), Instant::now());
        runtime.sleep(duration).await;
        ensure!(begun.elapsed() >= duration, "a sleep of {duration:?} took {:?}", begun.elapsed());
    }
    Ok(())
}

async fn aside(runtime: &dyn Runtime) -> Result<(), Violation> {
    // One that sleeps on the caller's thread sleeps before it is ever pending.
    let polls = poll_some(runtime.sleep(Duration::from_millis(60)), 1).await;
    ensure!(polls.is_none(), "the caller's thread slept");
    Ok(())
}

async fn runs(runtime: &dyn Runtime) -> Result<(), Violation> {
    let runs = Arc::new(AtomicUsize::new(0));
    for expected in 1..=4 {
        let counted = Arc::clone(&runs);
        let job = move || {
            std::thread::sleep(Duration::from_millis(5));
            counted.fetch_add(1, Ordering::SeqCst);
        };
        runtime.run_blocking(Box::new(job)).await?;
        ensure_eq!(runs.load(Ordering::SeqCst), expected, "how many jobs had run when the call completed");
    }
    Ok(())
}

async fn elsewhere(runtime: &dyn Runtime) -> Result<(), Violation> {
    let (go, wait) = channel::<()>();
    let waited = Arc::new(Mutex::new(None));
    let outcome = Arc::clone(&waited);
    let job = move || {
        let went = wait.recv_timeout(Duration::from_secs(2)).is_ok();
        *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(went);
    };
    let sender = async {
        step_aside().await;
        let _gone = go.send(());
    };
    join(runtime.run_blocking(Box::new(job)), sender).await.0?;
    let went = *waited.lock().unwrap_or_else(PoisonError::into_inner);
    ensure_eq!(went, Some(true), "whether the caller went on while the job blocked");
    Ok(())
}

async fn detached(runtime: &dyn Runtime) -> Result<(), Violation> {
    let (begin, begun) = channel::<()>();
    let (end, ended) = channel::<()>();
    let job = move || {
        let _gone = begun.recv_timeout(Duration::from_secs(2));
        let _gone = end.send(());
    };
    // Polled until it is under way, then dropped.
    let completed = poll_some(runtime.run_blocking(Box::new(job)), 1).await;
    if let Some(outcome) = completed {
        outcome?;
    }
    let _gone = begin.send(());
    ensure!(ended.recv_timeout(Duration::from_secs(2)).is_ok(), "a job ended with its caller");
    Ok(())
}

async fn many(runtime: &dyn Runtime) -> Result<(), Violation> {
    let ran = Arc::new(AtomicUsize::new(0));
    let jobs = (0..64).map(|_| {
        let ran = Arc::clone(&ran);
        runtime.run_blocking(Box::new(move || {
            std::thread::sleep(Duration::from_millis(1));
            ran.fetch_add(1, Ordering::SeqCst);
        }))
    });
    let accepted = join_all(jobs).await.iter().filter(|outcome| outcome.is_ok()).count();
    ensure!(accepted > 0, "none of 64 jobs was accepted");
    ensure_eq!(ran.load(Ordering::SeqCst), accepted, "how many of the accepted jobs ran");
    Ok(())
}
