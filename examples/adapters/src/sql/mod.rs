//! What every SQL adapter shares: rows, batches, pages and times, without a line of SQL.
//!
//! A dialect adds the statements ([`BatchTransaction`] and the reads) and its way of running a transaction. SQLite runs
//! one writer at a time; PostgreSQL will lock the rows that [`BatchTransaction::version`] reads, in key order, and retry a
//! batch that [`Applied::Lost`] a race.

mod batch;
mod instant;
mod page;
mod row;

pub(crate) use self::batch::{Applied, BatchTransaction, Known, PreparedBatch, Put, apply};
pub(crate) use self::instant::{nanos, nanos_after};
pub(crate) use self::page::Bounds;
pub(crate) use self::row::{
    AccountRow, CredentialRow, DamagedRow, IndexRow, MembershipRow, OrganizationRow, OutboxRow, RecordRow,
    SessionRow, StoredRecordRow, decode_entity, decode_outbox,
};
