//! Accounts in a table of the host's.

use std::fmt;

use async_trait::async_trait;
use ciam_core::account::{Account, IdentifierKey};
use ciam_core::id::AccountId;
use ciam_core::store::{Version, Versioned};
use sqlx::PgConnection;

/// A host's table of accounts, in the same database as our tables.
///
/// [`PostgresDatabase::tenant_with_accounts`](super::PostgresDatabase::tenant_with_accounts) makes a store of it that keeps
/// everything else in our tables, and writes both in one transaction. The example `own-users-table` implements it.
///
/// # Contract
///
/// - The methods run on the connection that they are given, and on no other: within a commit it is in the transaction.
/// - An account has a version: 1 when it is inserted, one more at each [`put`](Self::put). Writes of the host's that change
///   what an account is made of count it up too, best by a trigger, so that they are not overwritten.
/// - Everything of an [`Account`] comes back from a read as it was put.
///
/// # Cancel safety
///
/// Dropping a future ends the transaction without a trace.
///
/// # Errors
///
/// The errors of the statements, as they are: the store decides which of them pass. A row that cannot be understood is
/// [`sqlx::Error::Decode`]; it quotes nothing of the row.
///
/// # Implementing
///
/// The store holds a lock for the account and for each of its identifiers while a batch runs, so `put` needs no
/// precautions against other batches. Against the host's own statements it needs what [`lock`](Self::lock) takes (`FOR
/// UPDATE`) and the unique constraints of the table. Check an implementation with `ciam_core::testkit::store`.
#[async_trait]
pub trait AccountTable: fmt::Debug + Send + Sync {
    /// Reads an account.
    async fn read(
        &self,
        connection: &mut PgConnection,
        key: AccountKey<'_>,
    ) -> Result<Option<Versioned<Account>>, sqlx::Error>;

    /// Reads up to `limit` accounts with an id over `after`, by id.
    async fn list(
        &self,
        connection: &mut PgConnection,
        after: Option<AccountId>,
        limit: i64,
    ) -> Result<Vec<Versioned<Account>>, sqlx::Error>;

    /// Reads the version of an account and locks its row until the transaction ends.
    async fn lock(
        &self,
        connection: &mut PgConnection,
        key: AccountKey<'_>,
    ) -> Result<Option<Version>, sqlx::Error>;

    /// Inserts or replaces an account with its whole set of identifiers, unless one of them belongs to another.
    ///
    /// The store rolls back when it does; a unique violation that the statement itself raises means the same.
    async fn put(&self, connection: &mut PgConnection, account: &Account) -> Result<AccountPut, sqlx::Error>;
}

/// What an account is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an account has an id and identifiers")]
pub enum AccountKey<'k> {
    /// Its id.
    Id(AccountId),
    /// One of its identifiers, verified or not.
    Identifier(&'k IdentifierKey),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "an account is written or it is not")]
pub enum AccountPut {
    /// It is written.
    Written,
    /// An identifier belongs to another account.
    Taken,
}
