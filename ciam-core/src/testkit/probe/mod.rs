//! Watching and disturbing the calls that a flow makes.

mod ports;
mod state;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::entropy::Entropy;
use crate::ephemeral::Ephemeral;
use crate::error::PortError;
use crate::hooks::Hooks;
use crate::notify::Notifier;
use crate::outbound::HttpClient;
use crate::password::{BreachedPasswords, PasswordHasher};
use crate::ports::Ports;
use crate::risk::RiskEngine;
use crate::store::Store;
use crate::vault::KeyVault;

/// Counts the calls to the ports that it wraps, and fails those that it is told to fail.
///
/// Two uses: that a flow costs the same whether or not an account exists, and that it leaves nothing half-done when any
/// one of its calls fails.
///
/// ```
/// use ciam_core::memory;
/// use ciam_core::testkit::{Failure, Probe};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let probe = Probe::new();
/// let ports = probe.watch(&memory::ports());
/// ports.store().organization_by_slug("acme").await?;
/// assert_eq!(probe.count("store.organization_by_slug"), 1);
///
/// probe.fail_next("store.organization_by_slug", Failure::Transient);
/// assert!(ports.store().organization_by_slug("acme").await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    made: u64,
    interleaved: bool,
    by_number: BTreeMap<u64, Failure>,
    by_method: BTreeMap<&'static str, VecDeque<Option<Failure>>>,
}

/// One call that a [`Probe`] saw.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Call {
    /// The port and method: `store.commit`, `ephemeral.put`, `hasher.verify`.
    pub method: &'static str,
    /// What can be said of the arguments without naming anybody: a namespace, a record kind, the shape of a batch.
    pub detail: String,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing is done, and the error is transient.
    Transient,
    /// Nothing is done, and the error is permanent.
    Permanent,
    /// It is done, but the caller gets a transient error: the connection broke before the answer came.
    AnswerLost,
}

impl Probe {
    /// A probe that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same ports, with every call seen by this probe: the store, the ephemeral store, the vault, the entropy source,
    /// the hooks, the risk engine, the breached passwords and the HTTP client. Wrap a hasher or a notifier by itself.
    #[must_use]
    pub fn watch(&self, ports: &Ports) -> Ports {
        let mut watched = ports.clone();
        let all = watched.all_mut();
        all.store = self.store(Arc::clone(&all.store));
        all.ephemeral = self.ephemeral(Arc::clone(&all.ephemeral));
        all.vault = self.vault(Arc::clone(&all.vault));
        all.entropy = self.entropy(Arc::clone(&all.entropy));
        all.hooks = self.hooks(Arc::clone(&all.hooks));
        all.risk = self.risk(Arc::clone(&all.risk));
        all.breached_passwords = self.breached_passwords(Arc::clone(&all.breached_passwords));
        all.http_client = self.http_client(Arc::clone(&all.http_client));
        watched
    }

    /// Watches a store.
    #[must_use]
    pub fn store(&self, inner: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(self.around(inner))
    }

    /// Watches an ephemeral store.
    #[must_use]
    pub fn ephemeral(&self, inner: Arc<dyn Ephemeral>) -> Arc<dyn Ephemeral> {
        Arc::new(self.around(inner))
    }

    /// Watches a key vault.
    #[must_use]
    pub fn vault(&self, inner: Arc<dyn KeyVault>) -> Arc<dyn KeyVault> {
        Arc::new(self.around(inner))
    }

    /// Watches a password hasher. A `verify` cannot fail and is counted only; a `needs_rehash` costs
    /// nothing and is not counted.
    #[must_use]
    pub fn hasher(&self, inner: Arc<dyn PasswordHasher>) -> Arc<dyn PasswordHasher> {
        Arc::new(self.around(inner))
    }

    /// Watches a notifier.
    #[must_use]
    pub fn notifier(&self, inner: Arc<dyn Notifier>) -> Arc<dyn Notifier> {
        Arc::new(self.around(inner))
    }

    /// Watches an entropy source.
    #[must_use]
    pub fn entropy(&self, inner: Arc<dyn Entropy>) -> Arc<dyn Entropy> {
        Arc::new(self.around(inner))
    }

    /// Watches hooks.
    #[must_use]
    pub fn hooks(&self, inner: Arc<dyn Hooks>) -> Arc<dyn Hooks> {
        Arc::new(self.around(inner))
    }

    /// Watches a risk engine.
    #[must_use]
    pub fn risk(&self, inner: Arc<dyn RiskEngine>) -> Arc<dyn RiskEngine> {
        Arc::new(self.around(inner))
    }

    /// Watches a list of breached passwords.
    #[must_use]
    pub fn breached_passwords(&self, inner: Arc<dyn BreachedPasswords>) -> Arc<dyn BreachedPasswords> {
        Arc::new(self.around(inner))
    }

    /// Watches an HTTP client.
    #[must_use]
    pub fn http_client(&self, inner: Arc<dyn HttpClient>) -> Arc<dyn HttpClient> {
        Arc::new(self.around(inner))
    }

    /// Every call, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How often each method was called.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.lock().calls {
            *counts.entry(call.method).or_default() += 1;
        }
        counts
    }

    /// How often one method was called.
    #[must_use]
    pub fn count(&self, method: &str) -> u64 {
        self.lock().calls.iter().filter(|call| call.method == method).map(|_| 1).sum()
    }

    /// Forgets the calls that were seen and the failures that are still to come.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Fails the `number`-th call from now on, whatever it is; 1 is the next.
    pub fn fail_call(&self, number: u64, failure: Failure) {
        let mut state = self.lock();
        let number = state.made.saturating_add(number);
        state.by_number.insert(number, failure);
    }

    /// Fails the next call of one method; calling it again fails the one after.
    pub fn fail_next(&self, method: &'static str, failure: Failure) {
        self.lock().by_method.entry(method).or_default().push_back(Some(failure));
    }

    /// Lets the next call of one method through, so that a [`fail_next`](Self::fail_next) behind it hits a later one.
    pub fn pass_next(&self, method: &'static str) {
        self.lock().by_method.entry(method).or_default().push_back(None);
    }

    /// From now on, lets other futures go on before each call: flows that run at once on one thread meet between any two of
    /// their calls, where memory would answer at once and one flow would be over before the next begins.
    pub fn interleave(&self) {
        self.lock().interleaved = true;
    }

    fn around<P: ?Sized>(&self, inner: Arc<P>) -> Probed<P> {
        Probed { inner, probe: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call and says how it is to fail.
    fn enter(&self, method: &'static str, detail: String) -> Option<Failure> {
        let mut state = self.lock();
        state.calls.push(Call { method, detail });
        state.made = state.made.saturating_add(1);
        let number = state.made;
        let of_method = state.by_method.get_mut(method).and_then(VecDeque::pop_front).flatten();
        state.by_number.remove(&number).or(of_method)
    }

    async fn call<T>(
        &self,
        method: &'static str,
        detail: String,
        work: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let failure = self.enter(method, detail);
        if self.lock().interleaved {
            let mut waited = false;
            poll_fn(|context| {
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        match failure {
            None => work.await,
            Some(Failure::AnswerLost) => {
                work.await?;
                Err(Failure::AnswerLost.error())
            }
            Some(failure) => Err(failure.error()),
        }
    }
}

impl Failure {
    fn error(self) -> PortError {
        match self {
            Self::Transient => PortError::transient("the probe fails this call"),
            Self::Permanent => PortError::permanent("the probe fails this call"),
            Self::AnswerLost => PortError::transient("the probe loses this answer"),
        }
    }
}

/// A port behind a probe.
#[derive(Debug)]
struct Probed<P: ?Sized> {
    inner: Arc<P>,
    probe: Probe,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ephemeral::EphemeralKey;
    use crate::memory;
    use crate::store::{Batch, Record, RecordKind, Write};

    const NOTE: RecordKind = RecordKind::new("app.note", &[]);

    fn note(key: &str) -> Batch {
        Batch::new().write(Write::PutRecord(Record::new(NOTE, key, 1, "{}")))
    }

    #[tokio::test]
    async fn calls_are_seen_in_order_with_their_shape() {
        let probe = Probe::new();
        let ports = probe.watch(&memory::ports());
        let key = EphemeralKey::new("app.mark", "somebody");
        ports.ephemeral().increment(&key, time::Duration::MINUTE).await.unwrap();
        let _commit = ports.store().commit(note("1")).await.unwrap();
        ports.store().record(NOTE, "1").await.unwrap().unwrap();
        let calls: Vec<String> =
            probe.calls().iter().map(|call| format!("{} {}", call.method, call.detail)).collect();
        assert_eq!(
            calls,
            [
                "ephemeral.increment app.mark",
                "store.commit 0 preconditions, 1 writes, 0 events, 0 messages",
                "store.record app.note"
            ]
        );
        assert_eq!(probe.counts().len(), 3);
        probe.clear();
        assert_eq!(probe.calls(), []);
    }

    #[tokio::test]
    async fn the_chosen_call_fails_and_only_a_lost_answer_leaves_its_effect() {
        let probe = Probe::new();
        let ports = probe.watch(&memory::ports());
        for (key, failure, there) in [
            ("1", Failure::Transient, false),
            ("2", Failure::Permanent, false),
            ("3", Failure::AnswerLost, true),
        ] {
            probe.fail_call(2, failure);
            ports.store().record(NOTE, key).await.unwrap();
            assert!(ports.store().commit(note(key)).await.is_err());
            assert_eq!(ports.store().record(NOTE, key).await.unwrap().is_some(), there, "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_later_call_of_a_method_can_be_chosen() {
        let probe = Probe::new();
        let ports = probe.watch(&memory::ports());
        probe.pass_next("store.commit");
        probe.fail_next("store.commit", Failure::Transient);
        assert!(ports.store().commit(note("1")).await.unwrap().is_applied());
        assert!(ports.store().commit(note("2")).await.is_err());
        assert!(ports.store().commit(note("3")).await.unwrap().is_applied());
    }
}
