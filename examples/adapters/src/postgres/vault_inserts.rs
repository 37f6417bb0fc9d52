//! New keys, several to a commit: an import asks for hundreds at once, and each commit waits for the disk.

use ciam_core::error::{PortError, PortErrorKind};
use ciam_core::vault::WrappedKey;
use sqlx::{PgPool, Row as _};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::error::port_error;

/// A handle on the task that inserts. It ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Inserts(mpsc::Sender<Insert>);

/// A row with somebody who waits for it.
#[derive(Debug)]
struct Insert {
    tenant: Uuid,
    account: Uuid,
    key: WrappedKey,
    reply: oneshot::Sender<Result<bool, PortError>>,
}

impl Inserts {
    /// How many wait at most before callers wait to add theirs.
    const QUEUE: usize = 1024;
    /// How many rows one statement inserts at most.
    const GROUP: usize = 256;

    /// Starts the task, within a tokio runtime.
    pub(super) fn spawn(pool: PgPool) -> Self {
        let (sender, mut receiver) = mpsc::channel(Self::QUEUE);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(Self::GROUP);
            while receiver.recv_many(&mut waiting, Self::GROUP).await > 0 {
                // Whoever was cancelled wants no key any more.
                waiting.retain(|insert: &Insert| !insert.reply.is_closed());
                run(&pool, std::mem::take(&mut waiting)).await;
            }
        });
        Self(sender)
    }

    /// Inserts a key unless its scope has one, and completes when it is committed. Says whether it was inserted.
    ///
    /// # Errors
    ///
    /// Fails when the database does.
    pub(super) async fn insert(
        &self,
        tenant: Uuid,
        account: Uuid,
        key: &WrappedKey,
    ) -> Result<bool, PortError> {
        let (reply, outcome) = oneshot::channel();
        let closed = || PortError::transient("the vault is closed");
        let insert = Insert { tenant, account, key: key.clone(), reply };
        self.0.send(insert).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }
}

/// Inserts in one statement; when the database refuses it, each in a statement of its own.
async fn run(pool: &PgPool, mut inserts: Vec<Insert>) {
    // In one order on every node: two statements never wait for each other.
    inserts.sort_by_key(|insert| (insert.tenant, insert.account));
    match statement(pool, &inserts).await {
        Ok(inserted) => {
            let mut inserted = inserted.into_iter().peekable();
            for insert in inserts {
                // Two of one scope in one group: the first is inserted.
                let mine = inserted.next_if_eq(&(insert.tenant, insert.account)).is_some();
                answer(insert, Ok(mine));
            }
        }
        Err(error) if inserts.len() > 1 && error.kind() == PortErrorKind::Permanent => {
            for insert in inserts {
                let alone = statement(pool, std::slice::from_ref(&insert)).await;
                answer(insert, alone.map(|inserted| !inserted.is_empty()));
            }
        }
        Err(error) => inserts.into_iter().for_each(|insert| answer(insert, Err(error.clone()))),
    }
}

/// The scopes whose keys were inserted, in the order of scopes.
async fn statement(pool: &PgPool, inserts: &[Insert]) -> Result<Vec<(Uuid, Uuid)>, PortError> {
    let column = |of: fn(&Insert) -> &str| inserts.iter().map(|it| of(it).to_owned()).collect::<Vec<_>>();
    let rows = sqlx::query(INSERT)
        .bind(inserts.iter().map(|insert| insert.tenant).collect::<Vec<_>>())
        .bind(inserts.iter().map(|insert| insert.account).collect::<Vec<_>>())
        .bind(column(|insert| &insert.key.key_id))
        .bind(column(|insert| &insert.key.text))
        .fetch_all(pool)
        .await
        .map_err(port_error)?;
    let mut inserted = Vec::with_capacity(rows.len());
    for row in &rows {
        inserted.push((row.try_get(0).map_err(port_error)?, row.try_get(1).map_err(port_error)?));
    }
    inserted.sort_unstable();
    Ok(inserted)
}

fn answer(insert: Insert, outcome: Result<bool, PortError>) {
    // Nobody waits any more when the caller was cancelled.
    let _unwanted = insert.reply.send(outcome);
}

const INSERT: &str = "\
INSERT INTO vault_keys (tenant, account, key_id, wrapped)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
ON CONFLICT (tenant, account) DO NOTHING
RETURNING tenant, account";
