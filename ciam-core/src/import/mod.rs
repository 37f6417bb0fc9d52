//! Accounts from elsewhere, by the million.
//!
//! A file is read row by row ([`RowReader`]), each row is understood by a [format](ImportFormat) and judged, and the
//! accounts are made in batches ([`Importer`]). Of the file only one row is in memory.
//!
//! - **It can be killed.** How far it has come is written in the same commit as the accounts ([`ImportCheckpoint`]), under
//!   the digest of the file. The next run goes on behind the last commit, and makes no account twice and loses none.
//! - **It sits out a store that is away for a moment** ([`ImportRetry`]), also when it was the answer to a commit that got lost.
//! - **It can be repeated.** A changed file is another file: the rows of before are found by their external id (or their
//!   first identifier) and counted as existing. Nothing is updated: what people changed since is newer than the file.
//! - **It says what it refused**: line, code and field, without personal data; and gives the rows themselves to
//!   [`Refusals`], so that they can be put right and imported again.
//! - **It can be tried** without writing: [`Importer::as_dry_run`].
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use ciam_core::crypto::sha256;
//! use ciam_core::import::{Importer, JsonLines, MemoryRefusals, RowReader};
//! use ciam_core::memory;
//! use ciam_core::migration::{ExternalAccount, ExternalId};
//!
//! let file = br#"{"id": "4711", "email": "ada@example.com", "email_verified": true}
//! {"id": "4712", "email": "no address"}"#;
//! let ports = memory::ports();
//! let mut refused = MemoryRefusals::new();
//! let importer = Importer::new(ports.clone(), Arc::new(JsonLines::new())).with_source("shop");
//! let report = importer.run(RowReader::new(&file[..]), sha256(file), &mut refused).await?;
//! assert_eq!((report.tally.created, report.tally.refused), (1, 1));
//! assert_eq!(refused.rows().next().map(|(line, problem, _)| (line, problem.code())), Some((2, "email")));
//! assert!(ExternalAccount::find(&ports, "shop", &ExternalId::new("4711")?).await?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Security
//!
//! - An address is verified here only where the old system says that it was verified there.
//! - A hash that would cost too much to verify is refused with its row.
//! - An identifier that belongs to somebody is nobody else's: such a row is refused, and the account left alone.

mod auth0;
mod fields;
mod importer;
mod json_lines;
mod okta;
mod patience;
mod reader;
mod records;
mod refusals;
mod row;

use std::fmt;
use std::io;

use time::OffsetDateTime;

pub use self::auth0::Auth0Export;
pub use self::importer::Importer;
pub use self::json_lines::JsonLines;
pub use self::okta::OktaExport;
pub use self::patience::ImportRetry;
pub use self::reader::{RawRow, RowReader};
pub use self::records::{ImportCheckpoint, Tally};
pub use self::refusals::{MemoryRefusals, Refusals};
pub use self::row::{ImportRow, RowProblem};
use crate::error::PortError;

/// How a system writes down an account.
pub trait ImportFormat: fmt::Debug + Send + Sync {
    /// The stable name, such as `auth0`.
    fn name(&self) -> &'static str;

    /// Reads one row. `now` is when an address counts as verified that the row says is verified.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong with the row. The problem names fields, and never what was in them.
    fn parse(&self, row: &str, now: OffsetDateTime) -> Result<ImportRow, RowProblem>;
}

/// The digest of a whole file, by which an import knows it again. Reads it to its end.
///
/// # Errors
///
/// Fails when the file cannot be read.
pub fn digest_of(input: impl io::Read) -> io::Result<[u8; 32]> {
    crate::crypto::sha256_of(input)
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// How many rows it has.
    pub rows: u64,
    /// How many of them earlier runs had done.
    pub resumed_at: u64,
    /// What became of all of them, earlier runs included.
    pub tally: Tally,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// An import stopped. What was committed stays, and the next run goes on behind it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Input(#[source] io::Error),
    /// The refused rows cannot be written.
    #[error("the refused rows cannot be written")]
    Refusals(#[source] io::Error),
    /// Somebody else imports the same file at the same time.
    #[error("the same file is being imported elsewhere")]
    Elsewhere,
    /// A port failed.
    #[error("the accounts cannot be stored")]
    Port(#[from] PortError),
}
