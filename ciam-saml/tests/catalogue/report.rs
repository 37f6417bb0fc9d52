//! What was tried, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

/// The numbers of the catalogue.
const LAST: u32 = 79;

#[derive(Default)]
pub(crate) struct Report {
    /// Number and message, with the verdicts.
    rows: BTreeMap<(u32, &'static str), BTreeMap<String, usize>>,
    failures: Vec<String>,
}

impl Report {
    /// The attack has to be refused.
    pub(crate) fn refused(
        &mut self,
        number: u32,
        target: &'static str,
        what: &str,
        outcome: Result<String, String>,
    ) {
        match outcome {
            Err(reason) => self.add(number, target, reason),
            Ok(accepted) => self.fail(number, target, what, &format!("accepted: {accepted}")),
        }
    }

    /// The attack has to be refused, or to change nothing.
    pub(crate) fn harmless(
        &mut self,
        number: u32,
        target: &'static str,
        what: &str,
        right: &str,
        outcome: Result<String, String>,
    ) {
        match outcome {
            Ok(accepted) if accepted == right => self.add(number, target, "no effect".into()),
            other => self.refused(number, target, what, other),
        }
    }

    /// Something has to hold.
    pub(crate) fn holds(&mut self, number: u32, target: &'static str, what: &str, holds: bool) {
        if holds {
            self.add(number, target, what.to_owned());
        } else {
            self.fail(number, target, what, "does not hold");
        }
    }

    pub(crate) fn fail(&mut self, number: u32, target: &'static str, what: &str, why: &str) {
        let why: String = why.chars().take(200).collect();
        self.failures.push(format!("{number} {target} ({what}): {why}"));
    }

    fn add(&mut self, number: u32, target: &'static str, verdict: String) {
        *self.rows.entry((number, target)).or_default().entry(verdict).or_default() += 1;
    }

    pub(crate) fn finish(self) {
        println!("{:>3}  {:<22} verdict", "no.", "message");
        for ((number, target), verdicts) in &self.rows {
            let verdicts: Vec<String> =
                verdicts.iter().map(|(verdict, count)| format!("{verdict} ({count})")).collect();
            println!("{number:>3}  {target:<22} {}", verdicts.join(", "));
        }
        let tried: BTreeSet<u32> = self.rows.keys().map(|(number, _)| *number).collect();
        let missing: Vec<String> =
            (1..=LAST).filter(|number| !tried.contains(number)).map(|number| number.to_string()).collect();
        if !missing.is_empty() {
            println!("not tried: {}", missing.join(", "));
        }
        println!("catalogue: {} of {LAST}", tried.len());
        for failure in &self.failures {
            println!("FAILED: {failure}");
        }
        assert!(self.failures.is_empty(), "{} attacks succeeded", self.failures.len());
        assert!(missing.is_empty(), "some attacks were not tried");
    }
}
