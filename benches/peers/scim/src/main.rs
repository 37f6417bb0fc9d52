//! The filters of `scim_v2`, told on the standard input when it is their turn.
//!
//! First the filters, as a JSON array on one line; then lines of a number of a filter and how often it is to be parsed. Each is
//! answered with the nanoseconds that it took.

use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use scim_v2::filter::Filter;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut lines = std::io::stdin().lock().lines();
    let filters: Vec<String> = serde_json::from_str(&lines.next().ok_or("no filters")??)?;
    for filter in &filters {
        filter.parse::<Filter>().map_err(|error| format!("{filter}: {error}"))?;
    }
    for line in lines {
        let line = line?;
        let (at, batch) = line.split_once(' ').ok_or("no batch")?;
        let filter = filters.get(at.parse::<usize>()?).ok_or("no such filter")?;
        let begin = Instant::now();
        for _ in 0..batch.trim().parse::<u32>()? {
            let _ = black_box(black_box(filter.as_str()).parse::<Filter>());
        }
        println!("{}", begin.elapsed().as_nanos());
        std::io::stdout().flush()?;
    }
    Ok(())
}
