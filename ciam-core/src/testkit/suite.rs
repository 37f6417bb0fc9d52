//! Suites: named clauses that an implementation of a port keeps or breaks.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt as _, select};

use super::race::Watchdog;
use crate::error::PortError;

/// The contract of a port as a list of clauses that can be run against any implementation.
///
/// `H` is the port's harness: how an implementation is opened and driven in a test.
#[derive(Debug)]
pub struct Suite<H: ?Sized + 'static> {
    port: &'static str,
    clauses: Vec<Clause<H>>,
    patience: Duration,
}

/// One sentence of a contract, and the check of it.
pub struct Clause<H: ?Sized + 'static> {
    name: &'static str,
    docs: &'static str,
    check: Check<H>,
}

type Check<H> = for<'h> fn(&'h H) -> BoxFuture<'h, Result<(), Violation>>;

/// What an implementation did against its contract.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation(String);

/// What became of a run of a [`Suite`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a violated contract is in here: call `assert_kept`"]
pub struct Report {
    port: &'static str,
    verdicts: Vec<Verdict>,
}

/// What became of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The clause's name.
    pub clause: &'static str,
    /// The sentence of the contract.
    pub docs: &'static str,
    /// How it was broken; `None` when it was kept.
    pub violation: Option<Violation>,
}

impl<H: ?Sized + Sync> Suite<H> {
    pub(super) fn new(port: &'static str, groups: &[&[Clause<H>]]) -> Self {
        let clauses = groups.iter().flat_map(|group| group.iter().copied()).collect();
        Self { port, clauses, patience: Duration::from_secs(60) }
    }

    /// Sets how long a clause may take before it counts as hanging. Default 60 s.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The clauses, in the order in which they run.
    #[must_use]
    pub fn clauses(&self) -> &[Clause<H>] {
        &self.clauses
    }

    /// Runs every clause, one after the other.
    pub async fn run(&self, harness: &H) -> Report {
        let mut verdicts = Vec::with_capacity(self.clauses.len());
        for clause in &self.clauses {
            verdicts.push(self.run_clause(clause, harness).await);
        }
        Report { port: self.port, verdicts }
    }

    /// Runs one clause of this suite.
    pub async fn run_clause(&self, clause: &Clause<H>, harness: &H) -> Verdict {
        let watchdog = Watchdog::after(self.patience);
        // An implementation that panics breaks the clause, and the other clauses still run.
        let check = AssertUnwindSafe((clause.check)(harness)).catch_unwind();
        let violation = match select(check, watchdog).await {
            Either::Left((Ok(outcome), _)) => outcome.err(),
            Either::Left((Err(_), _)) => Some(Violation::new("it panicked")),
            Either::Right(_) => {
                Some(Violation::new(format!("not done after {} seconds", self.patience.as_secs_f32())))
            }
        };
        Verdict { clause: clause.name, docs: clause.docs, violation }
    }
}

impl<H: ?Sized> Clause<H> {
    pub(super) const fn new(name: &'static str, docs: &'static str, check: Check<H>) -> Self {
        Self { name, docs, check }
    }

    /// The name, such as `outbox.order`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The sentence of the contract that it checks.
    #[must_use]
    pub const fn docs(&self) -> &'static str {
        self.docs
    }
}

impl<H: ?Sized> Clone for Clause<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: ?Sized> Copy for Clause<H> {}

impl<H: ?Sized> fmt::Debug for Clause<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clause").field("name", &self.name).field("docs", &self.docs).finish_non_exhaustive()
    }
}

impl Report {
    /// The verdict on every clause.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The clauses that were broken.
    pub fn violations(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.violation.is_some())
    }

    /// Whether every clause was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.violations().next().is_none()
    }

    /// Panics with every violation, if there is one. For the last line of a test.
    ///
    /// # Panics
    ///
    /// Panics when a clause was broken.
    #[expect(clippy::panic, reason = "a test ends by a panic")]
    pub fn assert_kept(&self) {
        if !self.is_kept() {
            panic!("{self}");
        }
    }
}

/// Lists the violations.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (broken, all) = (self.violations().count(), self.verdicts.len());
        write!(f, "{}: {broken} of {all} clauses broken", self.port)?;
        for verdict in self.violations() {
            if let Some(violation) = &verdict.violation {
                write!(f, "\n- {}: {violation}\n  {}", verdict.clause, verdict.docs)?;
            }
        }
        Ok(())
    }
}

impl Violation {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error where the contract has none.
impl From<PortError> for Violation {
    fn from(error: PortError) -> Self {
        Self(format!("failed: {error:?}"))
    }
}

/// A clause: its name, its sentence and the function that checks it in a trial of its own.
macro_rules! clause {
    ($trial:ty, $name:literal, $check:path, $docs:literal) => {
        $crate::testkit::suite::Clause::new($name, $docs, |harness| {
            Box::pin(async move { $check(&<$trial>::open(harness).await?).await })
        })
    };
}

/// Returns a violation unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::testkit::suite::Violation::new(format!($($text)+)));
        }
    };
}

/// Returns a violation unless both values are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($text:tt)+) => {
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    let what = format!($($text)+);
                    let text = format!("{what}: {left:?}, not {right:?}");
                    return Err($crate::testkit::suite::Violation::new(text));
                }
            }
        }
    };
}

pub(super) use {clause, ensure, ensure_eq};
