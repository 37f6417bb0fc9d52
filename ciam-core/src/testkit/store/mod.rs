//! The contract of [`Store`].

mod atomicity;
mod counts;
mod expiry;
mod mirror;
mod outbox;
mod pages;
mod preconditions;
mod prune;
mod races;
mod reads;
mod round_trip;
mod tenancy;
mod uniqueness;
mod versions;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use time::{Duration, OffsetDateTime};

use self::mirror::{FirstInOther, Mirror};
use super::race::race;
use super::sample::Samples;
use super::suite::{Report, Suite, Violation};
use super::{ManualClock, SeededEntropy};
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::TenantId;
use crate::memory;
use crate::notify::SealedMessage;
use crate::ports::Ports;
use crate::store::{Batch, Commit, Conflict, EntityRef, Store, Version, Write};
use crate::vault::Sealed;

/// How the suite drives an implementation of [`Store`].
///
/// ```
/// use std::sync::Arc;
///
/// use ciam_core::error::PortError;
/// use ciam_core::id::TenantId;
/// use ciam_core::memory::MemoryDatabase;
/// use ciam_core::store::Store;
/// use ciam_core::testkit::{self, ManualClock, StoreHarness};
/// use futures_util::future::BoxFuture;
///
/// #[derive(Debug, Default)]
/// struct Harness {
///     database: MemoryDatabase,
///     clock: Arc<ManualClock>,
/// }
///
/// #[async_trait::async_trait]
/// impl StoreHarness for Harness {
///     async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError> {
///         Ok(Arc::new(self.database.tenant(tenant, self.clock.clone())))
///     }
///
///     fn clock(&self) -> &ManualClock {
///         &self.clock
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
/// testkit::store(&Harness::default()).await.assert_kept();
/// # }
/// ```
#[async_trait]
pub trait StoreHarness: Send + Sync {
    /// Opens a handle on a tenant. All handles of a harness are on the same database and read the same clock.
    ///
    /// The suite makes up tenants that nobody has used before, so it may run against a database that holds other data.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn Store>, PortError>;

    /// The clock that every handle was made with. The suite moves it forward.
    fn clock(&self) -> &ManualClock;

    /// Runs a task beside the caller, as the host's runtime does; completes when the task is done.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;
}

/// Runs the contract of [`Store`] against an implementation.
pub async fn store(harness: &(dyn StoreHarness + 'static)) -> Report {
    store_suite().run(harness).await
}

/// The contract of [`Store`], clause by clause.
///
/// What no suite can see: that an applied batch survives a power failure, and what a restart leaves.
#[must_use]
pub fn store_suite() -> Suite<dyn StoreHarness> {
    Suite::new(
        "Store",
        &[
            tenancy::CLAUSES,
            round_trip::CLAUSES,
            versions::CLAUSES,
            preconditions::CLAUSES,
            atomicity::CLAUSES,
            uniqueness::CLAUSES,
            reads::CLAUSES,
            counts::CLAUSES,
            expiry::CLAUSES,
            pages::CLAUSES,
            outbox::CLAUSES,
            prune::CLAUSES,
            races::CLAUSES,
        ],
    )
}

/// What one clause works with: a new tenant, and another one beside it in which the same things happen.
struct Trial<'h> {
    harness: &'h dyn StoreHarness,
    samples: Samples,
    here: TenantId,
    there: TenantId,
    /// For making events only: nothing of it is the harness's.
    vocabulary: Ports,
}

impl<'h> Trial<'h> {
    async fn open(harness: &'h dyn StoreHarness) -> Result<Self, Violation> {
        let samples = Samples::new()?;
        let (here, there) = (samples.tenant(), samples.tenant());
        let (_, seed) = samples.uuid().as_u64_pair();
        let clock = Arc::new(ManualClock::new(harness.clock_time()));
        let vocabulary = memory::ports_with(clock, Arc::new(SeededEntropy::new(seed)));
        Ok(Self { harness, samples, here, there, vocabulary })
    }

    /// A handle on the tenant that the clause looks at. What is done through it is done in the other tenant as well.
    async fn store(&self) -> Result<Mirror, Violation> {
        let (own, other) = (self.harness.open(self.here).await?, self.harness.open(self.there).await?);
        Ok(Mirror::new(own, FirstInOther(other)))
    }

    /// Another handle on the same tenant, alone.
    async fn plain(&self) -> Result<Arc<dyn Store>, Violation> {
        Ok(self.harness.open(self.here).await?)
    }

    /// A handle on the other tenant, alone.
    async fn elsewhere(&self) -> Result<Arc<dyn Store>, Violation> {
        Ok(self.harness.open(self.there).await?)
    }

    fn now(&self) -> OffsetDateTime {
        self.harness.clock_time()
    }

    fn advance(&self, by: Duration) {
        self.harness.clock().advance(by);
    }

    /// An event of a subject, with a detail.
    fn event(&self, subject: &str) -> Result<Event, Violation> {
        const NOTED: EventType = EventType::new("ciam.testkit.noted.v1");
        let mut event = Event::new(&self.vocabulary, NOTED, subject)?.with("detail", "\u{1f469} 'quoted'");
        event.id = self.samples.event_id();
        Ok(event)
    }

    fn message(&self) -> SealedMessage {
        SealedMessage {
            id: self.samples.event_id(),
            account: Some(self.samples.account_id()),
            sealed: Sealed::from_text(self.samples.text()),
            expires_at: self.now() + Duration::DAY,
        }
    }

    /// The write of one entity of each kind, each after what it refers to.
    fn one_of_each(&self) -> Result<Vec<Write>, Violation> {
        let (samples, now) = (&self.samples, self.now());
        let account = samples.account(now)?;
        let organization = samples.organization(now)?;
        let membership = Samples::membership(organization.id, account.id, now)?;
        let credential = samples.credential(account.id, now);
        let session = samples.session(account.id, now);
        Ok(vec![
            Write::PutAccount(account),
            Write::PutOrganization(organization),
            Write::PutCredential(credential),
            Write::PutMembership(membership),
            Write::PutSession(session),
            Write::PutRecord(samples.record()),
        ])
    }

    /// Runs one call per handle, all at the same moment.
    async fn race<T, F>(&self, number: usize, call: F) -> Result<Vec<T>, Violation>
    where
        T: Send + 'static,
        F: Fn(usize, Arc<dyn Store>) -> BoxFuture<'static, Result<T, PortError>> + Send + Sync,
    {
        let mut racers = Vec::with_capacity(number);
        for racer in 0..number {
            racers.push(call(racer, self.plain().await?));
        }
        let outcomes = race(&|task| self.harness.spawn(task), racers).await?;
        Ok(outcomes.into_iter().collect::<Result<_, _>>()?)
    }
}

impl dyn StoreHarness + '_ {
    fn clock_time(&self) -> OffsetDateTime {
        crate::clock::Clock::now(self.clock())
    }
}

/// Commits a batch that must be applied.
async fn applied(store: &dyn Store, batch: Batch, what: &str) -> Result<(), Violation> {
    match store.commit(batch).await? {
        Commit::Applied => Ok(()),
        Commit::Conflict(conflict) => Err(Violation::new(format!("{what}: refused with {conflict:?}"))),
    }
}

/// Commits a batch that must be refused.
async fn refused(store: &dyn Store, batch: Batch, what: &str) -> Result<Conflict, Violation> {
    match store.commit(batch).await? {
        Commit::Conflict(conflict) => Ok(conflict),
        Commit::Applied => Err(Violation::new(format!("{what}: applied"))),
    }
}

/// Commits a batch that must be refused because a precondition does not hold.
async fn refused_by_precondition(store: &dyn Store, batch: Batch, what: &str) -> Result<(), Violation> {
    match refused(store, batch, what).await? {
        Conflict::Precondition(_) => Ok(()),
        other @ Conflict::Unique(_) => Err(Violation::new(format!("{what}: refused with {other:?}"))),
    }
}

/// Commits a batch that must be refused because something unique is taken.
async fn refused_by_uniqueness(store: &dyn Store, batch: Batch, what: &str) -> Result<(), Violation> {
    match refused(store, batch, what).await? {
        Conflict::Unique(_) => Ok(()),
        other @ Conflict::Precondition(_) => Err(Violation::new(format!("{what}: refused with {other:?}"))),
    }
}

/// Inserts entities that nobody has stored before.
async fn insert(store: &dyn Store, writes: impl IntoIterator<Item = Write>) -> Result<(), Violation> {
    let mut batch = Batch::new();
    for write in writes {
        if let Some(entity) = entity_of(&write) {
            batch = batch.require_absent(entity);
        }
        batch = batch.write(write);
    }
    applied(store, batch, "an insert of new entities").await
}

/// What a write puts or deletes.
fn entity_of(write: &Write) -> Option<EntityRef> {
    Some(match write {
        Write::PutAccount(account) => EntityRef::Account(account.id),
        Write::PutCredential(credential) => EntityRef::Credential(credential.id),
        Write::PutOrganization(organization) => EntityRef::Organization(organization.id),
        Write::PutMembership(membership) => {
            EntityRef::Membership(membership.organization, membership.account)
        }
        Write::PutSession(session) => EntityRef::Session(session.id),
        Write::PutRecord(record) => EntityRef::Record(record.kind, record.key.clone()),
        Write::DeleteCredential(_)
        | Write::DeleteMembership(..)
        | Write::DeleteSession(_)
        | Write::DeleteRecord(..) => return None,
    })
}

/// The write that deletes what another one put; accounts and organizations are never deleted.
fn deletion_of(write: &Write) -> Option<Write> {
    Some(match write {
        Write::PutCredential(credential) => Write::DeleteCredential(credential.id),
        Write::PutMembership(membership) => {
            Write::DeleteMembership(membership.organization, membership.account)
        }
        Write::PutSession(session) => Write::DeleteSession(session.id),
        Write::PutRecord(record) => Write::DeleteRecord(record.kind, record.key.clone()),
        _ => return None,
    })
}

/// The version of what a write put, as reads show it.
async fn version_of(store: &dyn Store, put: &Write) -> Result<Option<Version>, PortError> {
    Ok(match put {
        Write::PutAccount(account) => store.account(account.id).await?.map(|found| found.version),
        Write::PutCredential(credential) => {
            let mut found = store.credentials_of(credential.account).await?;
            found.retain(|found| found.value.id == credential.id);
            found.pop().map(|found| found.version)
        }
        Write::PutOrganization(organization) => {
            store.organization(organization.id).await?.map(|found| found.version)
        }
        Write::PutMembership(membership) => {
            let found = store.membership(membership.organization, membership.account).await?;
            found.map(|found| found.version)
        }
        Write::PutSession(session) => store.session(session.id).await?.map(|found| found.version),
        Write::PutRecord(record) => store.record(record.kind, &record.key).await?.map(|found| found.version),
        _ => None,
    })
}

/// The version of what a write put, which must be there.
async fn present(store: &dyn Store, put: &Write) -> Result<Version, Violation> {
    version_of(store, put).await?.ok_or_else(|| Violation::new(format!("{} is absent", name_of(put))))
}

/// A short name for a write, for violations.
const fn name_of(write: &Write) -> &'static str {
    match write {
        Write::PutAccount(_) => "an account",
        Write::PutCredential(_) => "a credential",
        Write::DeleteCredential(_) => "the deletion of a credential",
        Write::PutOrganization(_) => "an organization",
        Write::PutMembership(_) => "a membership",
        Write::DeleteMembership(..) => "the deletion of a membership",
        Write::PutSession(_) => "a session",
        Write::DeleteSession(_) => "the deletion of a session",
        Write::PutRecord(_) => "a record",
        Write::DeleteRecord(..) => "the deletion of a record",
    }
}
