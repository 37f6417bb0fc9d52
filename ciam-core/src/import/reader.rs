//! Rows out of a stream of bytes, one at a time.

use std::fmt;
use std::io::{self, BufRead};

use super::row::RowProblem;

/// Takes a stream apart into rows: the lines of a file of JSON lines, or the elements of one JSON array, whichever it is.
///
/// Holds one row, and no more of one than its limit: 256 KiB unless [set](Self::with_max_row). Of a longer row the
/// beginning is given, as one that is too long, and the stream goes on behind its end.
///
/// ```
/// use ciam_core::import::RowReader;
///
/// let mut rows = RowReader::new(&br#"[{"a": 1}, {"a": 2}]"#[..]);
/// assert_eq!(rows.next_row()?.unwrap().text()?, r#"{"a": 1}"#);
/// assert_eq!(rows.next_row()?.unwrap().text()?, r#"{"a": 2}"#);
/// assert!(rows.next_row()?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RowReader<R> {
    input: R,
    max_row: usize,
    line: u64,
    shape: Option<Shape>,
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    Array,
}

/// A row as it came.
#[derive(Clone)]
pub struct RawRow {
    /// The line that it begins in, counted from 1.
    pub(super) line: u64,
    bytes: Vec<u8>,
    problem: Option<RowProblem>,
}

impl RawRow {
    /// The line that it begins in, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Its bytes: of one that is too long, the beginning.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its text.
    ///
    /// # Errors
    ///
    /// Fails when the row is too long, cut off, or not UTF-8.
    pub fn text(&self) -> Result<&str, RowProblem> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => std::str::from_utf8(&self.bytes).map_err(|_| RowProblem::Json),
        }
    }
}

/// Shows the line only: the rest is personal data.
impl fmt::Debug for RawRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRow").field("line", &self.line).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for RowReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowReader").field("line", &self.line).finish_non_exhaustive()
    }
}

impl<R: BufRead> RowReader<R> {
    /// The largest row unless it is set: 256 KiB.
    pub const DEFAULT_MAX_ROW: usize = 256 << 10;

    /// A reader of this stream.
    pub const fn new(input: R) -> Self {
        Self { input, max_row: Self::DEFAULT_MAX_ROW, line: 1, shape: None, over: false }
    }

    /// Sets the largest row, in bytes.
    #[must_use]
    pub const fn with_max_row(mut self, bytes: usize) -> Self {
        self.max_row = bytes;
        self
    }

    /// The next row; `None` behind the last. Empty lines are none.
    ///
    /// # Errors
    ///
    /// Fails when the stream does.
    pub fn next_row(&mut self) -> io::Result<Option<RawRow>> {
        if self.over {
            return Ok(None);
        }
        self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf))?;
        let Some(first) = self.peek()? else { return Ok(self.end()) };
        let shape = match self.shape {
            Some(shape) => shape,
            None if first == b'[' => {
                self.take()?;
                self.shape = Some(Shape::Array);
                Shape::Array
            }
            None => {
                self.shape = Some(Shape::Lines);
                Shape::Lines
            }
        };
        match shape {
            Shape::Lines => self.line_row().map(Some),
            Shape::Array => self.element(),
        }
    }

    fn line_row(&mut self) -> io::Result<RawRow> {
        let mut row = Building::new(self.line, self.max_row);
        while let Some(byte) = self.take()? {
            if byte == b'\n' {
                break;
            }
            row.push(byte);
        }
        Ok(row.whole())
    }

    /// The next element of the array.
    fn element(&mut self) -> io::Result<Option<RawRow>> {
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b',')?;
        match self.peek()? {
            Some(b']') => {
                self.take()?;
                self.skip(|byte| byte.is_ascii_whitespace())?;
                self.over = true;
                // What is behind the array belongs to nothing.
                let stray =
                    self.peek()?.map(|_| Building::new(self.line, self.max_row).with(RowProblem::Json));
                return Ok(stray);
            }
            None => return Ok(self.end()),
            Some(_) => {}
        }
        let mut row = Building::new(self.line, self.max_row);
        let mut nesting = Nesting::default();
        loop {
            let Some(byte) = self.peek()? else {
                self.over = true;
                return Ok(Some(row.with(RowProblem::Truncated)));
            };
            if nesting.ends_before(byte) {
                return Ok(Some(row.whole()));
            }
            self.take()?;
            row.push(byte);
            if nesting.ends_with(byte) {
                return Ok(Some(row.whole()));
            }
        }
    }

    /// An array that is not closed has lost its tail, and that is to be known.
    fn end(&mut self) -> Option<RawRow> {
        self.over = true;
        let cut = self.shape == Some(Shape::Array);
        cut.then(|| Building::new(self.line, self.max_row).with(RowProblem::Truncated))
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.input.consume(1);
        }
        if byte == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        Ok(byte)
    }

    fn skip(&mut self, mut unimportant: impl FnMut(u8) -> bool) -> io::Result<()> {
        while self.peek()?.is_some_and(&mut unimportant) {
            self.take()?;
        }
        Ok(())
    }
}

/// A row that is being read.
struct Building {
    row: RawRow,
    max: usize,
}

impl Building {
    const fn new(line: u64, max: usize) -> Self {
        Self { row: RawRow { line, bytes: Vec::new(), problem: None }, max }
    }

    fn push(&mut self, byte: u8) {
        if self.row.bytes.len() < self.max {
            self.row.bytes.push(byte);
        } else {
            self.row.problem = Some(RowProblem::TooLong);
        }
    }

    fn whole(mut self) -> RawRow {
        while self.row.bytes.last().is_some_and(u8::is_ascii_whitespace) {
            self.row.bytes.pop();
        }
        self.row
    }

    fn with(mut self, problem: RowProblem) -> RawRow {
        self.row.problem = Some(problem);
        self.row
    }
}

/// Where in an element's brackets and strings a byte stands.
#[derive(Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Whether the element is over before this byte: one without brackets ends where the array goes on.
    const fn ends_before(&self, byte: u8) -> bool {
        self.depth == 0 && !self.in_string && matches!(byte, b',' | b']')
    }

    /// Whether the element is over with this byte.
    const fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Vec<(u64, Result<String, RowProblem>)> {
        let mut reader = RowReader::new(text).with_max_row(40);
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows.push((row.line(), row.text().map(ToOwned::to_owned)));
            assert!(rows.len() <= text.len() + 1, "rows without end");
        }
        rows
    }

    fn row(line: u64, text: &str) -> (u64, Result<String, RowProblem>) {
        (line, Ok(text.to_owned()))
    }

    #[test]
    fn lines_are_rows_and_a_bad_one_spoils_no_other() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  {\"a\":\n{\"a\":2}  \n\n{\"a\":3}";
        assert_eq!(
            rows(text),
            [row(1, "{\"a\":1}"), row(3, "{\"a\":"), row(4, "{\"a\":2}"), row(6, "{\"a\":3}")]
        );
        assert_eq!(rows(b""), []);
        assert_eq!(rows(b"\n \n"), []);
    }

    #[test]
    fn elements_of_an_array_are_rows() {
        let text = b"[\n {\"a\": \"]},\\\"{\"},\n {\"b\": [1, {\"c\": 2}]}, 7,\"x,y\" ]\n";
        assert_eq!(
            rows(text),
            [
                row(2, "{\"a\": \"]},\\\"{\"}"),
                row(3, "{\"b\": [1, {\"c\": 2}]}"),
                row(3, "7"),
                row(3, "\"x,y\"")
            ]
        );
        assert_eq!(rows(b" [ ] "), []);
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_told() {
        assert_eq!(rows(b"[{\"a\":1},{\"a\":"), [row(1, "{\"a\":1}"), (1, Err(RowProblem::Truncated))]);
        assert_eq!(rows(b"[{\"a\":1}"), [row(1, "{\"a\":1}"), (1, Err(RowProblem::Truncated))]);
        assert_eq!(rows(b"[{\"a\":1}] x"), [row(1, "{\"a\":1}"), (1, Err(RowProblem::Json))]);
        let long = format!("{}\n{{\"a\":1}}", "x".repeat(50));
        assert_eq!(rows(long.as_bytes()), [(1, Err(RowProblem::TooLong)), row(2, "{\"a\":1}")]);
        assert_eq!(rows(b"\xff\xfe\n"), [(1, Err(RowProblem::Json))]);
    }

    proptest! {
        /// Whatever comes, it ends, and no row is over the limit.
        #[test]
        fn reading_ends(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = RowReader::new(text.as_slice()).with_max_row(16);
            let mut count = 0;
            while let Some(row) = reader.next_row().unwrap() {
                prop_assert!(row.bytes().len() <= 16);
                count += 1;
                prop_assert!(count <= text.len() + 1);
            }
        }
    }
}
