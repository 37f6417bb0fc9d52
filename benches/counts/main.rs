//! A regression that time cannot show on a shared machine, counts can: instructions, as `valgrind` sees them, and allocations.
//!
//!     cargo run --release -p ciam-counts -- check     # fails when something has become dearer
//!     cargo run --release -p ciam-counts -- update    # writes down what it is now
//!
//! Each operation runs in a process of its own, a few times and then many times: what the difference divides by is what one takes.
//! Where the signature is most of the work it is counted alone and taken off.

mod baseline;
mod operations;
mod requests;
mod valgrind;

use std::error::Error;

use self::baseline::Baseline;
use self::operations::{OPERATIONS, Operation};

/// What can go wrong.
type Failure = Box<dyn Error>;

/// What an operation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    instructions: u64,
    allocations: u64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["check"] => check(),
        ["update"] => Baseline::write(&counted()?),
        // What this program starts itself.
        ["run", name, times] => operations::of(name)?.run(times.parse()?),
        _ => Err("check or update?".into()),
    }
}

fn check() -> Result<(), Failure> {
    let baseline = Baseline::read()?;
    let mut bad = 0;
    println!("{:<28} {:>12} {:>10} {:>8} {:>12}", "", "instructions", "baseline", "change", "allocations");
    for (operation, now) in counted()? {
        let before = baseline.of(operation.name)?;
        let verdict = baseline::verdict(before, now);
        let change = (now.instructions as f64 / before.instructions as f64 - 1.0) * 100.0;
        println!(
            "{:<28} {:>12} {:>10} {change:>+7.1}% {:>5} of {:>3}  {}",
            operation.name,
            now.instructions,
            before.instructions,
            now.allocations,
            before.allocations,
            verdict.as_ref().map_or_else(|problem| *problem, |note| *note),
        );
        bad += usize::from(verdict.is_err());
    }
    if bad > 0 {
        let hint = "if that is worth it, say so in the commit and run `cargo run --release -p ciam-counts -- update`";
        return Err(format!("{bad} operations have become dearer; {hint}").into());
    }
    Ok(())
}

fn counted() -> Result<Vec<(&'static Operation, Counts)>, Failure> {
    OPERATIONS.iter().map(|operation| Ok((operation, operation.count()?))).collect()
}
