//! The file of refused rows.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use ciam_core::import::{RawRow, Refusals, RowProblem};
use serde_json::json;

/// One JSON object a line: `line`, `code`, `field`, and `row` unless it is left out. Readable by its owner only.
#[derive(Debug)]
pub struct RefusedFile {
    file: BufWriter<File>,
    with_rows: bool,
    /// Whether something was recorded that is not durable yet.
    fresh: bool,
}

impl RefusedFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn open(path: &Path, with_rows: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: BufWriter::new(options.open(path)?), with_rows, fresh: false })
    }

    /// Removes the file when nothing was refused.
    ///
    /// # Errors
    ///
    /// It cannot be read or removed.
    pub fn close(mut self, path: &Path) -> io::Result<()> {
        let end = self.sync()?;
        drop(self);
        if end == 0 { std::fs::remove_file(path) } else { Ok(()) }
    }
}

impl Refusals for RefusedFile {
    fn record(&mut self, row: &RawRow, problem: &RowProblem) -> io::Result<()> {
        let mut entry = json!({ "line": row.line(), "code": problem.code(), "field": problem.field() });
        if let (true, Some(entry)) = (self.with_rows, entry.as_object_mut()) {
            entry.insert("row".to_owned(), String::from_utf8_lossy(row.bytes()).into());
        }
        self.fresh = true;
        serde_json::to_writer(&mut self.file, &entry)?;
        self.file.write_all(b"\n")
    }

    fn sync(&mut self) -> io::Result<u64> {
        self.file.flush()?;
        if std::mem::take(&mut self.fresh) {
            self.file.get_ref().sync_data()?;
        }
        self.file.get_mut().stream_position()
    }

    fn resume(&mut self, end: u64) -> io::Result<()> {
        let file = self.file.get_mut();
        if file.metadata()?.len() < end {
            return Err(io::Error::other(
                "the file of refused rows is shorter than it was when the import stopped",
            ));
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end)).map(|_| ())
    }
}
