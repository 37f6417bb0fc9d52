//! What was promised, and whether it holds: the last table of a run.

use std::fmt;

/// Rows of the table.
#[derive(Debug, Default)]
pub struct Gates(Vec<Gate>);

#[derive(Debug)]
struct Gate {
    what: String,
    value: f64,
    bound: Bound,
}

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    /// By how many per cent of the bound a value misses it.
    fn missed_by(self, value: f64) -> f64 {
        let (Self::AtMost(bound) | Self::AtLeast(bound)) = self;
        ((value - bound) / bound * 100.0).abs()
    }
}

impl Gates {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row.
    pub fn add(&mut self, what: impl Into<String>, value: f64, bound: Bound) {
        self.0.push(Gate { what: what.into(), value, bound });
    }
}

impl fmt::Display for Gates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|gate| gate.what.chars().count()).max().unwrap_or_default();
        writeln!(f, "\n{:<6}{:<width$} {:>9}", "", "must reach", "measured")?;
        let mut passed = 0;
        for Gate { what, value, bound } in &self.0 {
            let holds = bound.holds(*value);
            passed += usize::from(holds);
            let verdict = if holds { "PASS" } else { "MISS" };
            write!(f, "{verdict:<6}{what:<width$} {value:>9.3}")?;
            match bound {
                Bound::AtMost(most) => write!(f, "  at most {most}")?,
                Bound::AtLeast(least) => write!(f, "  at least {least}")?,
            }
            // What was not measured is no number.
            if value.is_nan() {
                write!(f, ", was not measured")?;
            } else if !holds {
                write!(f, ", misses it by {:.1} %", bound.missed_by(*value))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{passed} of {} PASS", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_it_holds_and_by_how_much_it_does_not() {
        let mut gates = Gates::new();
        gates.add("low enough", 0.11, Bound::AtMost(0.12));
        gates.add("too high", 0.15, Bound::AtMost(0.12));
        gates.add("high enough", 2.5, Bound::AtLeast(2.2));
        gates.add("too low", 1.1, Bound::AtLeast(2.2));
        gates.add("unknown", f64::NAN, Bound::AtLeast(2.2));
        let table = gates.to_string();
        let of = |what: &str| table.lines().find(|line| line.contains(what)).unwrap().to_owned();
        assert!(of("low enough").starts_with("PASS"));
        assert!(
            of("too high").starts_with("MISS") && of("too high").ends_with("misses it by 25.0 %"),
            "{table}"
        );
        assert!(of("high enough").starts_with("PASS"));
        assert!(
            of("too low").starts_with("MISS") && of("too low").ends_with("misses it by 50.0 %"),
            "{table}"
        );
        assert!(of("unknown").starts_with("MISS"));
        assert!(table.ends_with("2 of 5 PASS\n"));
    }
}
