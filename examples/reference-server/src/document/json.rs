//! Finds the place of a value in a JSON text that is known to be well formed.

use super::{KeyPath, Step};

/// Where the value at `path` begins; of a missing key, where the object begins in which it would be.
pub(super) fn locate(text: &str, path: &KeyPath) -> Option<usize> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.space();
    let mut place = scan.at;
    for step in &path.0 {
        let found = match step {
            Step::Key(key) => scan.enter_object(key),
            Step::Index(index) => scan.enter_array(*index),
        };
        if found.is_none() {
            break;
        }
        place = scan.at;
    }
    Some(place)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|it| it.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Steps over `expected` and the space around it.
    fn take(&mut self, expected: u8) -> Option<()> {
        self.space();
        if self.peek()? != expected {
            return None;
        }
        self.at += 1;
        self.space();
        Some(())
    }

    /// Steps over a string and gives its contents.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        while self.peek()? != b'"' {
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_slice(self.bytes.get(start..self.at)?).ok()
    }

    /// Steps over any value. The nesting was bounded by the parser that read the text before.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.peek(), None | Some(b',' | b'}' | b']')) {
                return Some(());
            }
        }
    }

    /// Moves to the value at `key` of the object that begins here.
    fn enter_object(&mut self, key: &str) -> Option<()> {
        self.take(b'{')?;
        while self.peek()? == b'"' {
            let found = self.string()?;
            self.take(b':')?;
            if found == key {
                return Some(());
            }
            self.skip()?;
            self.take(b',')?;
        }
        None
    }

    /// Moves to the value at `index` of the array that begins here.
    fn enter_array(&mut self, index: usize) -> Option<()> {
        self.take(b'[')?;
        for _ in 0..index {
            self.skip()?;
            self.take(b',')?;
        }
        (self.peek()? != b']').then_some(())
    }
}
