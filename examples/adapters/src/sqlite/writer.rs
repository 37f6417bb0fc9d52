//! The one writer: a task that owns the connection and runs every change, several to a transaction.

use std::fmt;
use std::ops::ControlFlow;

use ciam_core::error::PortError;
use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::error::{is_busy, port_error};

/// A change, as the writer runs it. It may be run more than once, but is committed at most once.
pub(super) trait Operation: Send + Sync + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Whether it may end with [`Step::Undo`], and so needs a savepoint when it shares a transaction.
    const MAY_UNDO: bool;

    /// Runs the statements within a transaction.
    ///
    /// # Errors
    ///
    /// Fails when a statement does; the transaction is rolled back.
    fn run(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Step<Self::Output>, PortError>> + Send;
}

/// What an operation has done.
#[derive(Debug)]
pub(super) enum Step<T> {
    /// Its writes stay.
    Keep(T),
    /// Its writes are undone.
    Undo(T),
}

/// A handle on the writer.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Request>);

enum Request {
    Run(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// How many changes wait at most before callers wait to add theirs.
    const QUEUE: usize = 1024;

    /// Starts the task.
    pub(super) fn spawn(options: SqliteConnectOptions, connection: SqliteConnection, group: usize) -> Self {
        let (sender, receiver) = mpsc::channel(Self::QUEUE);
        let task = Task { options, connection: Some(connection), group: group.max(1) };
        tokio::spawn(task.serve(receiver));
        Self(sender)
    }

    /// Runs a change and completes when it is on the disk.
    ///
    /// Dropping the future leaves the change done or not begun: the task finishes what it has taken.
    ///
    /// # Errors
    ///
    /// Fails when a statement does, or when the database was closed.
    pub(super) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, PortError> {
        let (reply, outcome) = oneshot::channel();
        let pending = Pending { operation, output: None, reply };
        let closed = || PortError::transient("the database is closed");
        self.0.send(Request::Run(Box::new(pending))).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// Finishes what is under way and closes the connection.
    pub(super) async fn close(&self) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Request::Close(done)).await.is_ok() {
            // The sender is dropped without a word only when the runtime stops: closed all the same.
            let _closed = wait.await;
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

/// An operation with somebody who waits for it.
struct Pending<O: Operation> {
    operation: O,
    output: Option<O::Output>,
    reply: oneshot::Sender<Result<O::Output, PortError>>,
}

trait Job: Send {
    fn may_undo(&self) -> bool;
    fn is_abandoned(&self) -> bool;
    /// Runs the operation; tells whether its writes stay.
    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, PortError>>;
    /// Tells the caller, once the transaction has ended.
    fn reply(self: Box<Self>, ended: Result<(), PortError>);
}

impl<O: Operation> Job for Pending<O> {
    fn may_undo(&self) -> bool {
        O::MAY_UNDO
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run<'a>(&'a mut self, connection: &'a mut SqliteConnection) -> BoxFuture<'a, Result<bool, PortError>> {
        Box::pin(async move {
            let (keep, output) = match self.operation.run(connection).await? {
                Step::Keep(output) => (true, output),
                Step::Undo(output) => (false, output),
            };
            self.output = Some(output);
            Ok(keep)
        })
    }

    fn reply(self: Box<Self>, ended: Result<(), PortError>) {
        let Self { output, reply, .. } = *self;
        let outcome = ended
            .and_then(|()| output.ok_or_else(|| PortError::permanent("a change ended without an outcome")));
        // Nobody waits any more when the caller was cancelled.
        let _unwanted = reply.send(outcome);
    }
}

/// The task's state.
struct Task {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    group: usize,
}

impl Task {
    /// Serves until the last handle is gone, or until it is told to close.
    async fn serve(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut waiting = Vec::with_capacity(self.group);
        while requests.recv_many(&mut waiting, self.group).await > 0 {
            if let ControlFlow::Break(done) = self.serve_group(waiting.drain(..)).await {
                requests.close();
                self.close().await;
                let _unwanted = done.send(());
                return;
            }
        }
        self.close().await;
    }

    async fn serve_group(
        &mut self,
        requests: impl Iterator<Item = Request> + Send,
    ) -> ControlFlow<oneshot::Sender<()>> {
        let mut jobs = Vec::new();
        let mut close = None;
        for request in requests {
            match request {
                // What comes after the wish to close is dropped, which its caller sees as a closed database.
                Request::Run(_) if close.is_some() => {}
                Request::Run(job) if job.is_abandoned() => {}
                Request::Run(job) => jobs.push(job),
                Request::Close(done) => close = Some(done),
            }
        }
        self.run_jobs(jobs).await;
        close.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    /// Runs jobs in one transaction; when one of them fails, each in a transaction of its own.
    async fn run_jobs(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        match self.transaction(&mut jobs).await {
            Ok(()) => jobs.into_iter().for_each(|job| job.reply(Ok(()))),
            Err(Failure::Job(_)) if jobs.len() > 1 => {
                for job in jobs {
                    let mut alone = vec![job];
                    let ended = self.transaction(&mut alone).await.map_err(Failure::into_error);
                    alone.into_iter().for_each(|job| job.reply(ended.clone()));
                }
            }
            Err(failure) => {
                let error = failure.into_error();
                jobs.into_iter().for_each(|job| job.reply(Err(error.clone())));
            }
        }
    }

    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut connection = self.connected().await.map_err(Failure::Transaction)?;
        if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await {
            if is_busy(&error) {
                self.connection = Some(connection);
            }
            return Err(Failure::Transaction(port_error(error)));
        }
        let outcome = match run_all(&mut connection, jobs).await {
            Ok(End::Commit) => execute(&mut connection, "COMMIT").await.map_err(Failure::Transaction),
            Ok(End::RollBack) => execute(&mut connection, "ROLLBACK").await.map_err(Failure::Transaction),
            Err(error) => Err(Failure::Job(error)),
        };
        if outcome.is_ok() {
            self.connection = Some(connection);
            return outcome;
        }
        // SQLite has ended the transaction by itself after some errors (a full disk), and after others not. Whether the
        // connection is clean shows when a transaction can be ended now: if not, a new connection is.
        let ended = execute(&mut connection, "ROLLBACK").await;
        if ended.is_ok() {
            self.connection = Some(connection);
        }
        outcome
    }

    async fn connected(&mut self) -> Result<SqliteConnection, PortError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await.map_err(port_error),
        }
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Every acknowledged change is in the log already; the next to open the file reads it from there.
            let _closed = connection.close().await;
        }
    }
}

/// What failed: one job, or the transaction around all of them.
enum Failure {
    Job(PortError),
    Transaction(PortError),
}

impl Failure {
    fn into_error(self) -> PortError {
        match self {
            Self::Job(error) | Self::Transaction(error) => error,
        }
    }
}

/// How a transaction is to end.
enum End {
    Commit,
    RollBack,
}

async fn run_all(connection: &mut SqliteConnection, jobs: &mut [Box<dyn Job>]) -> Result<End, PortError> {
    if let [job] = jobs {
        // Alone in its transaction, a job is undone with it.
        return Ok(if job.run(connection).await? { End::Commit } else { End::RollBack });
    }
    // The last savepoint goes with the transaction.
    let mut savepoint = "SAVEPOINT job";
    for job in jobs {
        if !job.may_undo() {
            job.run(connection).await?;
            continue;
        }
        execute(connection, savepoint).await?;
        savepoint = "RELEASE job; SAVEPOINT job";
        if !job.run(connection).await? {
            execute(connection, "ROLLBACK TO job").await?;
        }
    }
    Ok(End::Commit)
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), PortError> {
    sqlx::query(sql).execute(&mut *connection).await.map_err(port_error)?;
    Ok(())
}
