//! Counts how often accepting a token allocates: a line for each algorithm and backend, and for a token that was seen before.

use std::hint::black_box;

use ciam_benches::cached::Cached;
use ciam_benches::cold::{self, Setting};
use ciam_benches::fixtures::Failure;
use ciam_benches::raw::BACKENDS;

fn main() -> Result<(), Failure> {
    for algorithm in cold::algorithms() {
        let setting = Setting::new(algorithm)?;
        for backend in BACKENDS {
            let validator = setting.validator(backend);
            let count = count(|| validator.validate(black_box(&setting.token), setting.now).is_ok());
            println!("{count} cold, {} on {}", algorithm.name(), backend.name());
        }
    }
    let cached = Cached::new(50)?;
    println!("{} cached", count(|| cached.whole.validate(black_box(cached.token(0)), cached.now).is_ok()));
    Ok(())
}

/// Of the second time, which finds what is made once.
fn count(mut operation: impl FnMut() -> bool) -> u64 {
    operation();
    allocation_counter::measure(|| {
        black_box(operation());
    })
    .count_total
}
