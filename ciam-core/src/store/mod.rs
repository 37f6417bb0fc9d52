//! Durable state: typed reads and one atomic commit.
//!
//! A change is *data*: a [`Batch`] of preconditions, writes, events and messages that the adapter applies whole or not at
//! all. The library decides, the store stores. See [`Store`] for the contract and [`crate::testkit`] for the suite that
//! checks an implementation.

mod batch;
mod decoded;
mod page;
mod query;
mod record;

use std::fmt;

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

pub use self::batch::{
    Batch, BatchTooLarge, Commit, Conflict, EntityRef, OutboxItem, OutboxPayload, Precondition, Write,
};
pub use self::decoded::DecodedRecords;
pub use self::page::{Cursor, InvalidCursor, Page, PageRequest};
pub use self::query::{Counted, IndexQuery, IndexTerm, Window};
pub use self::record::{
    IndexDeclaration, IndexValue, OWNER_INDEX, Record, RecordError, RecordKind, StoredRecord, Version,
    Versioned, load,
};
use crate::account::{Account, IdentifierKey};
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::{AccountId, EventId, OrganizationId, SessionId, TenantId};
use crate::organization::{Membership, Organization};
use crate::session::Session;

/// Durable state of one tenant.
///
/// # Contract
///
/// - **One tenant.** A handle is bound to one tenant when it is made. No read returns, and no write or precondition
///   touches, anything of another tenant, even when identifiers or keys are equal.
/// - **All or nothing.** [`commit`](Self::commit) checks every precondition and applies every write, event and message in
///   one transaction, or applies nothing and names the first condition, by position, that does not hold.
/// - **Serializable outcome.** Of two concurrent commits that require what the other changes, at most one is applied. A
///   batch is data: after a serialization failure or a deadlock the adapter retries it whole, and nobody else does.
/// - **Versions.** Every stored entity has a [`Version`]: 1 when it is inserted, one more at each write. The adapter counts.
/// - **Uniqueness.** An identifier belongs to at most one account, a slug to one organization, and a unique index value to
///   one record of its kind. A batch that breaks this is a [`Conflict::Unique`], whatever its preconditions.
/// - **Expiry.** A session or record whose `expires_at` has come (`expires_at <= now` of the clock that the store was made
///   with) is absent for every read and precondition, and may be overwritten as if it had never been (its version starts
///   at 1 again).
/// - **Deterministic lists.** Lists are ordered by key and cut into cursor pages; an entity that exists through the whole
///   listing is listed exactly once.
/// - **Outbox.** Events and messages of an applied batch are kept until acknowledged; of a refused batch there is no trace.
///
/// # Cancel safety
///
/// Dropping a future leaves the store before or after the operation, never between.
///
/// # Errors
///
/// Every method fails only when the backend does. Absence is `None`, a lost race is [`Commit::Conflict`].
///
/// # Implementing
///
/// SQLite: `BEGIN IMMEDIATE`. PostgreSQL: `READ COMMITTED`, conditional updates whose row count is checked, unique
/// constraints for absence, rows taken in key order so that two batches cannot deadlock. Check an implementation with
/// the suite in `ciam_core::testkit` (feature `testkit`).
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The tenant that this handle is bound to.
    fn tenant(&self) -> TenantId;

    /// The account with this id.
    async fn account(&self, id: AccountId) -> Result<Option<Versioned<Account>>, PortError>;

    /// The account that holds this identifier, verified or not.
    async fn account_by_identifier(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Versioned<Account>>, PortError>;

    /// All accounts, by id.
    async fn accounts(&self, page: PageRequest) -> Result<Page<Versioned<Account>>, PortError>;

    /// The credentials of an account (at most [`Credential::MAX_PER_ACCOUNT`]), by id.
    async fn credentials_of(&self, account: AccountId) -> Result<Vec<Versioned<Credential>>, PortError>;

    /// The organization with this id.
    async fn organization(&self, id: OrganizationId) -> Result<Option<Versioned<Organization>>, PortError>;

    /// The organization with this slug.
    async fn organization_by_slug(&self, slug: &str) -> Result<Option<Versioned<Organization>>, PortError>;

    /// All organizations, by id.
    async fn organizations(&self, page: PageRequest) -> Result<Page<Versioned<Organization>>, PortError>;

    /// The membership of an account in an organization.
    async fn membership(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Versioned<Membership>>, PortError>;

    /// The members of an organization, by account id.
    async fn members_of(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError>;

    /// The memberships of an account, by organization id.
    async fn memberships_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Membership>>, PortError>;

    /// The session with this id, unless it has expired.
    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, PortError>;

    /// The unexpired sessions of an account, by id.
    async fn sessions_of(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Versioned<Session>>, PortError>;

    /// The record of this kind and key, unless it has expired.
    async fn record(&self, kind: RecordKind, key: &str) -> Result<Option<Versioned<Record>>, PortError>;

    /// The unexpired records of this kind, by key.
    async fn records(
        &self,
        kind: RecordKind,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError>;

    /// The unexpired records of this kind with this value in this declared index, by key.
    ///
    /// An index that the kind does not declare is a permanent error, not an empty page.
    async fn records_by(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        page: PageRequest,
    ) -> Result<Page<Versioned<Record>>, PortError>;

    /// Of the unexpired records of this kind with this value in this declared index those of which a query holds: how many
    /// there are, and the ones of a window, by key. The count and the window may be of moments that follow each other.
    ///
    /// An index that the kind does not declare, also in the query, is a permanent error, and so is a query of more than
    /// [`IndexQuery::MAX_TERMS`] terms.
    ///
    /// What is here by default reads everything that [`records_by`](Self::records_by) lists. A store that can count does that
    /// instead, and a store around another one passes it on.
    async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        if !query.is_for(kind) {
            return Err(PortError::permanent("the query is none of this kind of record"));
        }
        let mut found = Counted::new(Vec::new(), 0);
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.records_by(kind, index, value, request).await?;
            for record in page.items.into_iter().filter(|it| query.holds(&it.value.indexes)) {
                if found.total >= window.skip && found.items.len() < window.limit as usize {
                    found.items.push(record);
                }
                found.total += 1;
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(found),
            }
        }
    }

    /// Applies a batch whole, or not at all.
    ///
    /// A batch over [`Batch::MAX_WRITES`] or [`Batch::MAX_PRECONDITIONS`] is a permanent error and applies nothing.
    async fn commit(&self, batch: Batch) -> Result<Commit, PortError>;

    /// Leases up to `limit` undelivered outbox items to the caller until `lease` has passed, oldest first.
    ///
    /// Items of one subject are delivered in order: while an item of a subject is leased or undelivered, no later item of
    /// the same subject is handed out in another claim, and within one claim they come in order. Two concurrent claims
    /// never return the same item. An item whose lease has run out is handed out again.
    async fn claim_outbox(&self, lease: Duration, limit: u32) -> Result<Vec<OutboxItem>, PortError>;

    /// Marks outbox items as delivered. Unknown and already acknowledged ids are ignored.
    async fn acknowledge(&self, delivered: &[EventId]) -> Result<(), PortError>;

    /// Removes up to `limit` entities that expired at or before `before`, and delivered outbox items of before then; returns
    /// how many were removed. Call it again until it returns fewer than `limit`.
    async fn prune(&self, before: OffsetDateTime, limit: u32) -> Result<u32, PortError>;
}
