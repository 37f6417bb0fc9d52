//! What the SQL adapters share: rows, reads, batches, pages and times.
//!
//! A dialect adds its connections ([`Reader`]) and its way of applying a batch: SQLite one statement after the other under
//! the lock of its one writer ([`BatchTransaction`]), PostgreSQL a function of its own.

mod batch;
mod instant;
mod page;
mod reads;
mod row;
mod search;
mod statements;
mod store;

pub(crate) use self::batch::{Applied, BatchTransaction, Known, PreparedBatch, PreparedWrite, Put, apply};
pub(crate) use self::instant::{nanos, nanos_after};
pub(crate) use self::page::Bounds;
pub(crate) use self::reads::{Columns, Param, Reader, Reads, Scope};
pub(crate) use self::row::{
    AccountRow, CredentialRow, DamagedRow, IndexRow, MembershipRow, OrganizationRow, OutboxRow, RecordRow,
    SessionRow, decode_outbox,
};
pub(crate) use self::store::implement_store;
