//! Candidates that take turns, so that noise hits all of them alike.
//!
//! A benchmark that measures one thing for a second and then another for a second compares two moments of a shared machine.
//! Here every round runs each candidate for a short while, a ratio is taken within the round, and the medians over all
//! rounds are reported. Read the ratios; the absolute figures are of the machine.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Candidates for one job. The first is the reference that the others are divided by.
pub struct Contest<'a> {
    title: String,
    candidates: Vec<Candidate<'a>>,
}

struct Candidate<'a> {
    name: String,
    run: Box<dyn FnMut() + 'a>,
}

impl fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.candidates.iter().map(|candidate| &candidate.name).collect();
        f.debug_struct("Contest").field("title", &self.title).field("candidates", &names).finish()
    }
}

impl<'a> Contest<'a> {
    /// A contest without candidates.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), candidates: Vec::new() }
    }

    /// Adds a candidate: one operation, whose result is kept from the optimizer.
    #[must_use]
    pub fn candidate<T>(mut self, name: impl Into<String>, mut operation: impl FnMut() -> T + 'a) -> Self {
        self.candidates.push(Candidate {
            name: name.into(),
            run: Box::new(move || {
                black_box(operation());
            }),
        });
        self
    }

    /// Runs the contest and prints the standings. Without `--bench` on the command line, as in `cargo test` and in
    /// `cargo bench -- --test`, each candidate runs once and nothing is printed.
    pub fn run(self) {
        if is_measuring() {
            println!("{}", self.measure(ROUNDS, TURN));
        } else {
            for mut candidate in self.candidates {
                (candidate.run)();
            }
        }
    }

    /// Takes `rounds` rounds of about `turn` for each candidate.
    pub fn measure(mut self, rounds: usize, turn: Duration) -> Standings {
        let batches: Vec<u32> =
            self.candidates.iter_mut().map(|candidate| batch_of(&mut candidate.run, turn)).collect();
        let mut times = vec![Vec::with_capacity(rounds); self.candidates.len()];
        let mut ratios = times.clone();
        for _ in 0..rounds {
            let mut reference = None;
            for (index, candidate) in self.candidates.iter_mut().enumerate() {
                let batch = batches.get(index).copied().unwrap_or(1);
                let time = time_of(&mut candidate.run, batch).as_secs_f64() * 1e9 / f64::from(batch);
                let reference = *reference.get_or_insert(time);
                if let (Some(times), Some(ratios)) = (times.get_mut(index), ratios.get_mut(index)) {
                    times.push(time);
                    ratios.push(time / reference);
                }
            }
        }
        let rows = self.candidates.into_iter().zip(times.into_iter().zip(ratios));
        Standings {
            title: self.title,
            rows: rows
                .map(|(candidate, (times, ratios))| Standing {
                    name: candidate.name,
                    nanoseconds: median(times),
                    ratio: median(ratios),
                })
                .collect(),
        }
    }
}

/// How the candidates did.
#[derive(Debug)]
pub struct Standings {
    /// What they did.
    pub title: String,
    /// In the order in which they were added.
    pub rows: Vec<Standing>,
}

/// How one candidate did.
#[derive(Debug)]
pub struct Standing {
    /// Who.
    pub name: String,
    /// The median time of one operation.
    pub nanoseconds: f64,
    /// The median, over the rounds, of its time divided by the reference's time in the same round.
    pub ratio: f64,
}

impl fmt::Display for Standings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<44} {:>12} {:>12} {:>7}", self.title, "ns/op", "op/s", "ratio")?;
        for row in &self.rows {
            let per_second = 1e9 / row.nanoseconds;
            writeln!(
                f,
                "  {:<42} {:>12.0} {per_second:>12.0} {:>7.2}",
                row.name, row.nanoseconds, row.ratio
            )?;
        }
        Ok(())
    }
}

/// Whether this run is there to measure, or only to see that everything runs.
pub fn is_measuring() -> bool {
    let mut arguments = std::env::args();
    let (mut bench, mut test) = (false, false);
    arguments.by_ref().skip(1).for_each(|argument| {
        bench |= argument == "--bench";
        test |= argument == "--test";
    });
    bench && !test
}

/// How many runs fill a turn; the first ones also warm up.
fn batch_of(run: &mut dyn FnMut(), turn: Duration) -> u32 {
    let mut batch = 1_u32;
    loop {
        let spent = time_of(run, batch);
        if spent >= turn || batch >= 1 << 24 {
            return batch;
        }
        let wanted = turn.as_secs_f64() / spent.as_secs_f64().max(1e-9) * f64::from(batch) * 1.1;
        batch = (wanted.min(f64::from(batch) * 10.0) as u32).max(batch + 1);
    }
}

fn time_of(run: &mut dyn FnMut(), batch: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..batch {
        run();
    }
    begin.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const ROUNDS: usize = 41;
const TURN: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_that_does_three_times_the_work_takes_about_three_times_as_long() {
        let work =
            |times: u64| (0..times * 2_000).fold(0_u64, |sum, n| black_box(sum ^ n.wrapping_mul(0x9e37)));
        let standings = Contest::new("work")
            .candidate("once", move || work(1))
            .candidate("three times", move || work(3))
            .measure(15, Duration::from_millis(2));
        let ratio = standings.rows[1].ratio;
        assert!((standings.rows[0].ratio - 1.0).abs() < 1e-9, "{standings}");
        assert!((1.5..6.0).contains(&ratio), "{standings}");
    }
}
