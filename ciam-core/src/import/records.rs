//! What an import remembers of a file: how far it has come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::TokenDigest;
use crate::store::{RecordKind, StoredRecord};

/// How far the import of one file has come. Written in the same commit as the accounts of the rows that it counts, so that
/// it can be neither ahead of them nor behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportCheckpoint {
    /// The SHA-256 digest of the file, with the source and the format.
    pub input: TokenDigest,
    /// The source.
    pub source: String,
    /// How many rows are done.
    pub rows: u64,
    /// Where the refusals of these rows end, as their writer counts.
    pub refusals: u64,
    /// What became of them.
    pub tally: Tally,
    /// Whether it was the last row.
    pub finished: bool,
}

impl ImportCheckpoint {
    pub(super) fn new(input: TokenDigest, source: &str) -> Self {
        Self {
            input,
            source: source.to_owned(),
            rows: 0,
            refusals: 0,
            tally: Tally::default(),
            finished: false,
        }
    }
}

impl StoredRecord for ImportCheckpoint {
    const KIND: RecordKind = RecordKind::new("core.import", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.input.to_text()
    }
}

/// What became of the rows of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tally {
    /// Accounts that were made.
    pub created: u64,
    /// Accounts that an earlier import had made already.
    pub existing: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// The refused rows by their code.
    pub codes: BTreeMap<String, u64>,
    /// The passwords of the accounts that were made, by what verifying them costs.
    pub passwords: BTreeMap<String, u64>,
    /// The fields that were left out, by name; at most [`Tally::MAX_NAMES`].
    pub ignored: BTreeMap<String, u64>,
}

impl Tally {
    /// At most this many names in each table; what comes later is counted under `other`.
    pub const MAX_NAMES: usize = 100;

    pub(super) fn count(table: &mut BTreeMap<String, u64>, name: &str) {
        let name = if table.len() < Self::MAX_NAMES || table.contains_key(name) { name } else { "other" };
        let number = table.entry(name.to_owned()).or_default();
        *number = number.saturating_add(1);
    }
}
