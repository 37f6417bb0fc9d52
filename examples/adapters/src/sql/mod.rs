//! What the SQL adapters share: rows, reads, batches, pages and times.
//!
//! A dialect adds its connections ([`Reader`]) and its way of applying a batch: SQLite a script of
//! statements under the lock of its one writer, PostgreSQL a function of its own.

mod batch;
mod instant;
mod page;
mod reads;
mod row;
mod search;
mod statements;
mod store;

pub(crate) use self::batch::{PreparedBatch, PreparedWrite};
pub(crate) use self::instant::{nanos, nanos_after};
pub(crate) use self::page::Bounds;
pub(crate) use self::reads::{Columns, Param, Reader, Reads, Scope};
pub(crate) use self::row::{
    AccountRow, CredentialRow, DamagedRow, MembershipRow, OrganizationRow, OutboxRow, RecordRow, SessionRow,
    decode_outbox,
};
pub(crate) use self::store::implement_store;
