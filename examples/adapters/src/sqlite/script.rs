//! A batch as one script: every statement of it goes to the connection at once.
//!
//! SQLite works in a thread of its own, and each statement that is waited for is a switch of threads there and one back: many
//! times what the statement costs. So the statements of a batch are one text with one list of parameters, and what each of them
//! is to come to stands beside it. At the first that comes to something else the batch is decided; what the connection has done
//! beyond it is undone with the rest.

use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::store::{Commit, Conflict};
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteArguments, SqliteQueryResult, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Either, Encode, Executor as _, Row as _, Sqlite, SqliteConnection, Type,
};
use uuid::Uuid;

use super::error::port_error;

/// The statements of a batch, in their order, for one tenant at one time.
#[derive(Debug)]
pub(super) struct Script {
    text: String,
    arguments: SqliteArguments,
    expected: Vec<Expected>,
}

/// What a statement is to come to. The number is the position of the precondition, or of the write, that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// To whatever it does.
    Anything,
    /// A precondition: no row.
    Absent(usize),
    /// A precondition: a row of this version.
    Version(usize, i64),
    /// A precondition: a row whose counter is below.
    CounterBelow(usize, i64),
    /// A row is written. None is when the row is not as the preconditions have seen it.
    Row,
    /// A row is written that nobody else may have: an identifier, a slug, an index value.
    Own(usize),
    /// Both: a violated constraint says that somebody else has it.
    RowOfOwn(usize),
    /// There is room for one more credential.
    Room,
}

impl Script {
    /// A script of no statements.
    ///
    /// # Errors
    ///
    /// Fails when the parameters cannot be encoded, which these can.
    pub(super) fn new(tenant: Uuid, now: i64) -> Result<Self, PortError> {
        let mut script =
            Self { text: String::new(), arguments: SqliteArguments::default(), expected: Vec::new() };
        script.bind(tenant.into_bytes().to_vec())?;
        script.bind(now)?;
        Ok(script)
    }

    /// Adds a statement, of which `$1` is the tenant, `$2` the time, and the others are bound next.
    pub(super) fn add(&mut self, sql: &'static str, expected: Expected) -> &mut Self {
        let shift = self.arguments.len().saturating_sub(Self::COMMON);
        let mut parts = sql.split('$');
        self.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|it: char| !it.is_ascii_digit()).unwrap_or(part.len());
            let (number, rest) = part.split_at(end);
            let number: usize = number.parse().unwrap_or_default();
            let number = if number > Self::COMMON { number + shift } else { number };
            self.text.push('$');
            self.text.push_str(&number.to_string());
            self.text.push_str(rest);
        }
        self.text.push_str(";\n");
        self.expected.push(expected);
        self
    }

    /// The tenant and the time.
    const COMMON: usize = 2;

    /// Binds the next parameter of the statement that was added last.
    ///
    /// # Errors
    ///
    /// Fails when the value cannot be encoded.
    pub(super) fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(
        &mut self,
        value: T,
    ) -> Result<&mut Self, PortError> {
        self.arguments.add(value).map_err(|_| PortError::permanent("a parameter cannot be encoded"))?;
        Ok(self)
    }

    /// Runs the statements until one comes to something else than it should.
    ///
    /// # Errors
    ///
    /// Fails when a statement does, and when a row is not as the same transaction has just seen it.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<Commit, PortError> {
        let Self { text, arguments, expected } = self;
        // Made of words of this crate and numbers of parameters. Those of the usual changes are few, and are kept.
        let usual = expected.len() <= MOST_KEPT;
        let query = sqlx::query_with(AssertSqlSafe(text), arguments).persistent(usual);
        let mut results = connection.fetch_many(query);
        let mut number = None;
        for expected in expected {
            loop {
                match results.try_next().await {
                    Ok(Some(Either::Right(row))) => number = number.or(Some(first(&row)?)),
                    Ok(Some(Either::Left(done))) => match expected.check(number.take(), &done)? {
                        None => break,
                        Some(conflict) => return Ok(Commit::Conflict(conflict)),
                    },
                    Ok(None) => return Err(PortError::permanent("a script ended before its last statement")),
                    Err(error) => return expected.failed(error).map(Commit::Conflict),
                }
            }
        }
        Ok(Commit::Applied)
    }
}

/// A script of more statements than these is not kept by the connection: hardly another is the same.
const MOST_KEPT: usize = 96;

fn first(row: &SqliteRow) -> Result<i64, PortError> {
    row.try_get(0).map_err(port_error)
}

impl Expected {
    /// What is decided by what a statement came to: the number that it has read, and how many rows it has written.
    fn check(self, number: Option<i64>, done: &SqliteQueryResult) -> Result<Option<Conflict>, PortError> {
        let (holds, conflict) = match self {
            Self::Anything => return Ok(None),
            Self::Absent(at) => (number.is_none(), Conflict::Precondition(at)),
            Self::Version(at, version) => (number == Some(version), Conflict::Precondition(at)),
            Self::CounterBelow(at, value) => {
                (number.is_some_and(|it| it < value), Conflict::Precondition(at))
            }
            Self::Own(at) => (done.rows_affected() > 0, Conflict::Unique(at)),
            Self::Row | Self::RowOfOwn(_) if done.rows_affected() > 0 => return Ok(None),
            Self::Row | Self::RowOfOwn(_) => {
                return Err(PortError::permanent("a row changed under the lock of the writer"));
            }
            Self::Room => {
                let others = number.and_then(|it| usize::try_from(it).ok());
                if others.is_none_or(|others| others >= Credential::MAX_PER_ACCOUNT) {
                    return Err(PortError::permanent("the account has too many credentials"));
                }
                return Ok(None);
            }
        };
        Ok((!holds).then_some(conflict))
    }

    /// What is decided by a statement that failed.
    fn failed(self, error: sqlx::Error) -> Result<Conflict, PortError> {
        match (self, &error) {
            (Self::RowOfOwn(at), sqlx::Error::Database(violated)) if violated.is_unique_violation() => {
                Ok(Conflict::Unique(at))
            }
            _ => Err(port_error(error)),
        }
    }
}
