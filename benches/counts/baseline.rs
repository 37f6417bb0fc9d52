//! What was counted when it was last agreed to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::operations::Operation;
use crate::{Counts, Failure};

/// How much dearer an operation may look before it is: another compiler orders instructions differently.
const TOLERANCE: f64 = 0.03;

pub(crate) struct Baseline(BTreeMap<String, Counts>);

impl Baseline {
    pub(crate) fn read() -> Result<Self, Failure> {
        let document: BTreeMap<String, Value> = serde_json::from_slice(&std::fs::read(path())?)?;
        let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64);
        let mut all = BTreeMap::new();
        for (name, value) in document {
            let (instructions, allocations) = (number(&value, "instructions"), number(&value, "allocations"));
            let counts =
                instructions.zip(allocations).ok_or_else(|| format!("{name} has a number too few"))?;
            all.insert(name, Counts { instructions: counts.0, allocations: counts.1 });
        }
        Ok(Self(all))
    }

    pub(crate) fn of(&self, name: &str) -> Result<Counts, Failure> {
        self.0.get(name).copied().ok_or_else(|| format!("{name} is not written down; update").into())
    }

    pub(crate) fn write(all: &[(&'static Operation, Counts)]) -> Result<(), Failure> {
        let document: BTreeMap<_, _> = all
            .iter()
            .map(|(operation, counts)| {
                let counts = json!({"instructions": counts.instructions, "allocations": counts.allocations});
                (operation.name, counts)
            })
            .collect();
        std::fs::write(path(), format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        Ok(())
    }
}

/// Whether an operation may cost this now.
pub(crate) fn verdict(before: Counts, now: Counts) -> Result<&'static str, &'static str> {
    let change = now.instructions as f64 / before.instructions as f64 - 1.0;
    if now.allocations > before.allocations {
        Err("MORE ALLOCATIONS")
    } else if change > TOLERANCE {
        Err("MORE INSTRUCTIONS")
    } else if change < -TOLERANCE || now.allocations < before.allocations {
        Ok("better: update the baseline")
    } else {
        Ok("")
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dearer_is_an_error_and_cheaper_is_not() {
        let counts = |instructions, allocations| Counts { instructions, allocations };
        let before = counts(10_000, 3);
        assert_eq!(verdict(before, counts(10_200, 3)), Ok(""));
        assert_eq!(verdict(before, counts(10_301, 3)), Err("MORE INSTRUCTIONS"));
        assert_eq!(verdict(before, counts(9_000, 4)), Err("MORE ALLOCATIONS"));
        assert_eq!(verdict(before, counts(9_000, 3)), Ok("better: update the baseline"));
        assert_eq!(verdict(before, counts(10_000, 2)), Ok("better: update the baseline"));
    }

    #[test]
    fn what_is_written_down_has_every_operation() {
        let baseline = Baseline::read().unwrap();
        for operation in crate::operations::OPERATIONS {
            assert!(baseline.of(operation.name).is_ok(), "{}", operation.name);
        }
    }
}
