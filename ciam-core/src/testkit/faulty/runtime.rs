//! Broken runtimes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::Faulty;
use crate::error::PortError;
use crate::runtime::{BlockingJob, Runtime, ThreadRuntime};

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    WakesEarly,
    SleepsInPlace,
    ReturnsAtOnce,
    RunsInPlace,
    DropsWithCaller,
    ForgetsWhenBusy,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::WakesEarly, "sleep.least"),
    (Fault::SleepsInPlace, "sleep.aside"),
    (Fault::ReturnsAtOnce, "blocking.runs"),
    (Fault::RunsInPlace, "blocking.aside"),
    (Fault::DropsWithCaller, "blocking.detached"),
    (Fault::ForgetsWhenBusy, "blocking.many"),
];

/// Every fault, in a runtime of its own.
pub(super) fn runtimes() -> Vec<Faulty<dyn Runtime>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn Runtime> {
            Box::new(Broken {
                fault,
                right: ThreadRuntime::new(),
                running: AtomicUsize::new(0),
                calls: AtomicUsize::new(0),
            })
        };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    right: ThreadRuntime,
    running: AtomicUsize,
    calls: AtomicUsize,
}

#[async_trait]
impl Runtime for Broken {
    async fn sleep(&self, duration: Duration) {
        match self.fault {
            Fault::WakesEarly => self.right.sleep(duration / 2).await,
            Fault::SleepsInPlace => std::thread::sleep(duration),
            _ => self.right.sleep(duration).await,
        }
    }

    async fn run_blocking(&self, job: BlockingJob) -> Result<(), PortError> {
        match self.fault {
            Fault::ReturnsAtOnce => {
                let first = self.calls.fetch_add(1, Ordering::SeqCst) == 0;
                let alone = self.running.fetch_add(1, Ordering::SeqCst) == 0;
                let outcome = if alone && !first {
                    std::thread::spawn(job);
                    Ok(())
                } else {
                    self.right.run_blocking(job).await
                };
                self.running.fetch_sub(1, Ordering::SeqCst);
                outcome
            }
            Fault::RunsInPlace => {
                job();
                Ok(())
            }
            Fault::DropsWithCaller => {
                // Gets to the job when it is asked a second time, if it ever is.
                crate::testkit::race::step_aside().await;
                self.right.run_blocking(job).await
            }
            Fault::ForgetsWhenBusy => {
                let before = self.running.fetch_add(1, Ordering::SeqCst);
                let outcome = if before < 16 { self.right.run_blocking(job).await } else { Ok(()) };
                self.running.fetch_sub(1, Ordering::SeqCst);
                outcome
            }
            _ => self.right.run_blocking(job).await,
        }
    }
}
