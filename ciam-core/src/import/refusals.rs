//! Where refused rows go.

use std::fmt;
use std::io;

use super::reader::RawRow;
use super::row::RowProblem;

/// Takes the rows that an import refuses, so that nothing is lost: a file, for one.
///
/// # Contract
///
/// - [`sync`](Self::sync) makes everything durable that was recorded and says where it ends. The number is kept with the
///   accounts of the rows around it.
/// - [`resume`](Self::resume) forgets what was recorded behind such an end: an import that was killed records it again.
///
/// # Errors
///
/// A failure stops the import before the rows count as done.
pub trait Refusals: fmt::Debug + Send {
    /// Records one refused row.
    fn record(&mut self, row: &RawRow, problem: &RowProblem) -> io::Result<()>;

    /// Makes what was recorded durable, and says where it ends.
    fn sync(&mut self) -> io::Result<u64>;

    /// Goes back to an end that [`sync`](Self::sync) gave; 0 is the beginning.
    fn resume(&mut self, end: u64) -> io::Result<()>;
}

/// Keeps refused rows in memory: line, problem and text. For tests and small files.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct MemoryRefusals {
    rows: Vec<(u64, RowProblem, Vec<u8>)>,
}

impl MemoryRefusals {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was refused.
    pub fn rows(&self) -> impl Iterator<Item = (u64, &RowProblem, &[u8])> {
        self.rows.iter().map(|(line, problem, row)| (*line, problem, row.as_slice()))
    }
}

/// Shows no row.
impl fmt::Debug for MemoryRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRefusals").field("rows", &self.rows.len()).finish()
    }
}

impl Refusals for MemoryRefusals {
    fn record(&mut self, row: &RawRow, problem: &RowProblem) -> io::Result<()> {
        self.rows.push((row.line(), problem.clone(), row.bytes().to_vec()));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<u64> {
        Ok(u64::try_from(self.rows.len()).unwrap_or(u64::MAX))
    }

    fn resume(&mut self, end: u64) -> io::Result<()> {
        self.rows.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        Ok(())
    }
}
