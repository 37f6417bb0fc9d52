//! A batch that speaks of accounts in a host's table: both tables in one transaction.

use std::sync::Arc;

use ciam_core::account::Account;
use ciam_core::store::{Batch, Commit, Conflict, EntityRef, Precondition, Write};
use sqlx::{PgConnection, PgPool, Row as _};

use super::accounts::{AccountKey, AccountPut, AccountTable};
use super::batch::{EncodedBatch, is_of_account};
use super::reads::statement;
use crate::sql::Scope;

/// The part of a batch that speaks of accounts.
#[derive(Clone, Debug)]
pub(super) struct Hosted<'b> {
    table: &'b Arc<dyn AccountTable>,
    require: Vec<(usize, &'b Precondition)>,
    puts: Vec<(usize, &'b Account)>,
}

impl<'b> Hosted<'b> {
    /// The part of a batch, if there is one.
    pub(super) fn new(table: &'b Arc<dyn AccountTable>, batch: &'b Batch) -> Option<Self> {
        let require = batch.preconditions().iter().enumerate();
        let require: Vec<_> = require.filter(|(_, condition)| speaks_of_account(condition)).collect();
        let puts = batch.writes().iter().enumerate().filter_map(|(at, write)| match write {
            Write::PutAccount(account) => Some((at, account)),
            _ => None,
        });
        let puts: Vec<_> = puts.collect();
        (!require.is_empty() || !puts.is_empty()).then_some(Self { table, require, puts })
    }

    /// Applies the batch in one transaction. Unless it is applied, the transaction is rolled back by being dropped.
    pub(super) async fn apply(
        &self,
        pool: &PgPool,
        scope: &Scope,
        batch: &EncodedBatch,
    ) -> Result<Commit, sqlx::Error> {
        let now = scope.now();
        let mut transaction = pool.begin().await?;
        let begin = statement(BEGIN_BATCH, scope.tenant).bind(now).bind(&batch.locks).bind(&batch.require);
        let ours: Option<i32> = begin.fetch_one(&mut *transaction).await?.try_get(0)?;
        let ours = ours.map(position).transpose()?;
        let theirs = self.first_failing(&mut transaction).await?;
        if let Some(first) = ours.into_iter().chain(theirs).min() {
            return Ok(Commit::Conflict(Conflict::Precondition(first)));
        }
        for (at, account) in &self.puts {
            if has_one_twice(account) {
                return Ok(Commit::Conflict(Conflict::Unique(*at)));
            }
            match self.table.put(&mut transaction, account).await {
                Ok(AccountPut::Written) => {}
                Ok(AccountPut::Taken) => return Ok(Commit::Conflict(Conflict::Unique(*at))),
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                    return Ok(Commit::Conflict(Conflict::Unique(*at)));
                }
                Err(error) => return Err(error),
            }
        }
        let write = statement(BATCH_WRITE, scope.tenant).bind(now).bind(&batch.writes).bind(&batch.outbox);
        write.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Commit::Applied)
    }

    async fn first_failing(&self, connection: &mut PgConnection) -> Result<Option<usize>, sqlx::Error> {
        for (at, condition) in &self.require {
            let holds = match condition {
                Precondition::Absent(entity) => self.version(connection, entity).await?.is_none(),
                Precondition::VersionIs(entity, version) => {
                    self.version(connection, entity).await? == Some(*version)
                }
                // An account has no counter.
                _ => false,
            };
            if !holds {
                return Ok(Some(*at));
            }
        }
        Ok(None)
    }

    async fn version(
        &self,
        connection: &mut PgConnection,
        entity: &EntityRef,
    ) -> Result<Option<ciam_core::store::Version>, sqlx::Error> {
        match entity {
            EntityRef::Account(id) => self.table.lock(connection, AccountKey::Id(*id)).await,
            EntityRef::Identifier(key) => self.table.lock(connection, AccountKey::Identifier(key)).await,
            _ => Ok(None),
        }
    }
}

const fn speaks_of_account(condition: &Precondition) -> bool {
    match condition {
        Precondition::Absent(entity)
        | Precondition::VersionIs(entity, _)
        | Precondition::CounterBelow(entity, _) => is_of_account(entity),
        _ => false,
    }
}

/// Whether an account names one identifier twice: it would be its own second owner.
fn has_one_twice(account: &Account) -> bool {
    let keys = account.identifiers.iter().map(|identifier| &identifier.key);
    let mut seen = std::collections::HashSet::new();
    !keys.into_iter().all(|key| seen.insert(key))
}

/// A position in a batch, as our functions return it.
pub(super) fn position(number: i32) -> Result<usize, sqlx::Error> {
    usize::try_from(number).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

const BEGIN_BATCH: &str = "SELECT begin_batch($1, $2, $3, $4)";
const BATCH_WRITE: &str = "SELECT batch_write($1, $2, $3, $4)";
