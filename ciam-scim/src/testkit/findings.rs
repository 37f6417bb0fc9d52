//! What a suite found.

use std::fmt;

/// What was not as it has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what was wrong is in here: call `assert_right`"]
pub struct Findings {
    rows: usize,
    wrong: Vec<String>,
}

impl Findings {
    pub(super) fn row(&mut self, name: &str, outcome: Result<(), String>) {
        self.rows += 1;
        if let Err(text) = outcome {
            self.wrong.push(format!("{name}: {text}"));
        }
    }

    /// How many rows were run.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// What was wrong, row by row.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Panics with everything that was wrong, and when nothing was run. For the last line of a test.
    ///
    /// # Panics
    ///
    /// Panics when something was wrong.
    #[expect(clippy::panic, reason = "a test ends by a panic")]
    pub fn assert_right(&self) {
        if self.rows == 0 || !self.wrong.is_empty() {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows are wrong", self.wrong.len(), self.rows)?;
        for text in &self.wrong {
            write!(f, "\n- {text}")?;
        }
        Ok(())
    }
}
