//! The relay at work, for as long as the host runs.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{Either, Shared, join, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use super::{Relay, RelayReport, Route};
use crate::error::PortError;

impl Relay {
    /// Delivers until `stop` completes, and then finishes the deliveries that are under way.
    ///
    /// A failing store is tried again after the idle time. A destination that hangs or fails keeps no other waiting.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let stop = stop.shared();
        join(self.run_dispatch(stop.clone()), self.run_serve(stop)).await;
        self.stopping.store(false, Ordering::Relaxed);
    }

    async fn run_dispatch<F: Future<Output = ()> + Send>(&self, mut stop: Shared<F>) {
        loop {
            let taken = match self.routes().await {
                Ok(routes) => self.dispatch(&routes).await,
                Err(error) => Err(error),
            };
            let pause = match taken {
                Ok(0) => self.policy.idle,
                Ok(_) => {
                    self.fresh.store(true, Ordering::Relaxed);
                    Duration::ZERO
                }
                Err(error) => {
                    log_broken(&error);
                    self.policy.idle
                }
            };
            if self.stopped(&mut stop, pause).await {
                return;
            }
        }
    }

    async fn run_serve<F: Future<Output = ()> + Send>(&self, mut stop: Shared<F>) {
        let mut busy: BTreeSet<String> = BTreeSet::new();
        let mut passes = FuturesUnordered::new();
        let mut ticks = 0_u32;
        let mut due = true;
        loop {
            // What this relay has queued is served at once; what others have queued, and what has waited, every few ticks.
            let fresh = self.fresh.swap(false, Ordering::Relaxed);
            if (fresh || due)
                && let Ok(routes) = self.meanwhile(&mut passes, &mut busy, self.routes()).await
            {
                for route in routes {
                    if busy.insert(route.name().to_owned()) {
                        passes.push(self.pass(route));
                    }
                }
            }
            // Only time makes it due: passes end at once where there is nothing to do, as many as there are destinations.
            due = match self.one_pass_or_pause(&mut passes, &mut busy, &mut stop).await {
                Wake::Stop => break,
                Wake::Pass => false,
                Wake::Tick => {
                    ticks = ticks.wrapping_add(1);
                    ticks.is_multiple_of(TICKS)
                }
            };
        }
        self.stopping.store(true, Ordering::Relaxed);
        while passes.next().await.is_some() {}
    }

    /// Waits for something while the passes go on: one that stood still could hold the very connection that is waited for.
    async fn meanwhile<T, P: Future<Output = (String, bool)> + Send>(
        &self,
        passes: &mut FuturesUnordered<P>,
        busy: &mut BTreeSet<String>,
        work: impl Future<Output = T> + Send,
    ) -> T {
        let mut work = pin!(work);
        loop {
            if passes.is_empty() {
                return work.await;
            }
            match select(work.as_mut(), passes.next()).await {
                Either::Left((done, _)) => return done,
                Either::Right((Some((name, worked)), _)) => self.ended(busy, &name, worked),
                Either::Right((None, _)) => {}
            }
        }
    }

    fn ended(&self, busy: &mut BTreeSet<String>, name: &str, worked: bool) {
        busy.remove(name);
        if worked {
            self.fresh.store(true, Ordering::Relaxed);
        }
    }

    /// Waits for a pass to end or for a tick.
    async fn one_pass_or_pause<F: Future<Output = ()> + Send, P: Future<Output = (String, bool)> + Send>(
        &self,
        passes: &mut FuturesUnordered<P>,
        busy: &mut BTreeSet<String>,
        stop: &mut Shared<F>,
    ) -> Wake {
        let tick = select(self.ports.runtime().sleep(self.policy.idle), &mut *stop);
        let of = |ended: Either<_, _>| match ended {
            Either::Left(((), _)) => Wake::Tick,
            Either::Right(((), _)) => Wake::Stop,
        };
        if passes.is_empty() {
            return of(tick.await);
        }
        match select(passes.next(), tick).await {
            Either::Left((Some((name, worked)), _)) => {
                self.ended(busy, &name, worked);
                if stop.peek().is_some() { Wake::Stop } else { Wake::Pass }
            }
            Either::Left((None, _)) => Wake::Pass,
            Either::Right((ended, _)) => of(ended),
        }
    }

    async fn pass(&self, route: Route) -> (String, bool) {
        let served = self.serve(&route).await;
        if let Err(error) = &served {
            log_broken(error);
        }
        (route.name().to_owned(), served.is_ok_and(|report| report != RelayReport::default()))
    }

    async fn stopped<F: Future<Output = ()> + Send>(&self, stop: &mut Shared<F>, pause: Duration) -> bool {
        let sleep = self.ports.runtime().sleep(pause);
        matches!(select(&mut *stop, sleep).await, Either::Left(_))
    }
}

/// Why the serving loop goes on.
enum Wake {
    /// A pass has ended.
    Pass,
    /// The idle time has passed.
    Tick,
    Stop,
}

/// How many idle times pass between two looks at what others have queued.
const TICKS: u32 = 4;

#[cfg(feature = "tracing")]
fn log_broken(error: &PortError) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(cause, "the relay cannot work and tries again");
}

#[cfg(not(feature = "tracing"))]
const fn log_broken(_error: &PortError) {}
