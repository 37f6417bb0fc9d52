//! Candidates that take turns, so that noise hits all of them alike.
//!
//! A benchmark that measures one thing for a second and then another for a second compares two moments of a shared machine.
//! Here every round runs each candidate for a short while, a ratio is taken within the round, and the medians over all
//! rounds are reported. A turn is cut into takes, of which the fastest counts: a machine that does something else in between
//! can only make a take slower. Read the ratios; the absolute figures are of the machine.

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
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
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
    pub fn candidate<T>(self, name: impl Into<String>, mut operation: impl FnMut() -> T + 'a) -> Self {
        self.timed(name, move |batch| {
            let begin = Instant::now();
            for _ in 0..batch {
                black_box(operation());
            }
            begin.elapsed()
        })
    }

    /// Adds a candidate that says itself how long a number of its operations took.
    #[must_use]
    pub fn timed(mut self, name: impl Into<String>, run: impl FnMut(u32) -> Duration + 'a) -> Self {
        self.candidates.push(Candidate { name: name.into(), run: Box::new(run) });
        self
    }

    /// Runs the contest and prints the standings. Without `--bench` on the command line, as in `cargo test` and in
    /// `cargo bench -- --test`, each candidate runs once and nothing is printed.
    pub fn run(self) {
        if is_measuring() {
            println!("{}", self.measure(ROUNDS, TURN).standings());
        } else {
            self.try_out();
        }
    }

    /// Runs each candidate once.
    pub fn try_out(mut self) {
        for candidate in &mut self.candidates {
            (candidate.run)(1);
        }
    }

    /// Takes `rounds` rounds of about `turn` for each candidate. Every other round goes backwards, so that nobody always
    /// finds the caches as the same neighbour left them.
    pub fn measure(self, rounds: usize, turn: Duration) -> Rounds {
        self.rounds(rounds, turn / TAKES, TAKES)
    }

    /// As [`measure`](Self::measure), for small differences between slow candidates: each round is one take of each, as short as
    /// one operation, so that what is subtracted happened next to each other. That makes the single round noisy in both
    /// directions, and the median of very many of them exact.
    pub fn measure_closely(self, rounds: usize, take: Duration) -> Rounds {
        self.rounds(rounds, take, 1)
    }

    fn rounds(mut self, rounds: usize, take: Duration, takes: u32) -> Rounds {
        let batches: Vec<u32> =
            self.candidates.iter_mut().map(|candidate| batch_of(&mut candidate.run, take)).collect();
        let mut times = vec![Vec::with_capacity(rounds); self.candidates.len()];
        for round in 0..rounds {
            let mut turns: Vec<_> = self.candidates.iter_mut().zip(&batches).zip(&mut times).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for ((candidate, batch), times) in turns {
                let times_of_takes = (0..takes).map(|_| (candidate.run)(*batch));
                let best = times_of_takes.min().unwrap_or_default();
                times.push(best.as_secs_f64() * 1e9 / f64::from(*batch));
            }
        }
        let names = self.candidates.into_iter().map(|candidate| candidate.name);
        Rounds { title: self.title, candidates: names.zip(times).collect() }
    }
}

/// What every candidate took for an operation in every round, in nanoseconds.
#[derive(Debug)]
pub struct Rounds {
    title: String,
    candidates: Vec<(String, Vec<f64>)>,
}

impl Rounds {
    /// The names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().map(|(name, _)| name.as_str())
    }

    /// The median time of a candidate.
    pub fn nanoseconds(&self, name: &str) -> f64 {
        median(self.times(name).to_vec())
    }

    /// The median, over the rounds, of one candidate's time divided by another's in the same round.
    pub fn ratio(&self, name: &str, to: &str) -> f64 {
        median(self.times(name).iter().zip(self.times(to)).map(|(time, to)| time / to).collect())
    }

    /// The median, over the rounds, of what one candidate takes more than another, divided by a third one's time.
    pub fn excess(&self, name: &str, over: &str, unit: &str) -> f64 {
        let differences = self.times(name).iter().zip(self.times(over)).map(|(time, over)| time - over);
        median(differences.zip(self.times(unit)).map(|(difference, unit)| difference / unit).collect())
    }

    /// The medians, with ratios to the first candidate.
    pub fn standings(&self) -> Standings {
        let reference = self.names().next().unwrap_or_default().to_owned();
        let row = |name: &str| Standing {
            name: name.to_owned(),
            nanoseconds: self.nanoseconds(name),
            ratio: self.ratio(name, &reference),
        };
        Standings { title: self.title.clone(), rows: self.names().map(row).collect() }
    }

    fn times(&self, name: &str) -> &[f64] {
        let found = self.candidates.iter().find(|(of, _)| of == name);
        found.map(|(_, times)| times.as_slice()).unwrap_or_default()
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

/// How many runs fill a take; the first ones also warm up.
fn batch_of(run: &mut dyn FnMut(u32) -> Duration, take: Duration) -> u32 {
    let mut batch = 1_u32;
    loop {
        let spent = run(batch);
        if spent >= take || batch >= 1 << 24 {
            // What came in between made it look slower than it is.
            let again = run(batch).min(spent);
            let wanted = take.as_secs_f64() / again.as_secs_f64().max(1e-9) * f64::from(batch);
            return (wanted as u32).clamp(1, batch * 4);
        }
        let wanted = take.as_secs_f64() / spent.as_secs_f64().max(1e-9) * f64::from(batch) * 1.1;
        batch = (wanted.min(f64::from(batch) * 10.0) as u32).max(batch + 1);
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const ROUNDS: usize = 41;
const TURN: Duration = Duration::from_millis(15);
/// Into how many takes a turn is cut.
const TAKES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_that_does_three_times_the_work_takes_about_three_times_as_long() {
        let work =
            |times: u64| (0..times * 2_000).fold(0_u64, |sum, n| black_box(sum ^ n.wrapping_mul(0x9e37)));
        let rounds = Contest::new("work")
            .candidate("once", move || work(1))
            .candidate("three times", move || work(3))
            .measure(15, Duration::from_millis(2));
        let standings = rounds.standings();
        let ratio = standings.rows[1].ratio;
        assert!((standings.rows[0].ratio - 1.0).abs() < 1e-9, "{standings}");
        assert!((1.5..6.0).contains(&ratio), "{standings}");
        assert!((0.5..5.0).contains(&rounds.excess("three times", "once", "once")), "{standings}");
    }

    /// Each candidate's runs after the ones that find out how many fill a take.
    fn runs(rounds: usize, measure: impl Fn(Contest<'_>, usize) -> Rounds) -> Vec<&'static str> {
        let log = std::cell::RefCell::new(Vec::new());
        let told = |name: &'static str| {
            let log = &log;
            move |batch: u32| {
                log.borrow_mut().push(name);
                Duration::from_millis(u64::from(batch))
            }
        };
        drop(measure(Contest::new("order").timed("a", told("a")).timed("b", told("b")), rounds));
        let runs = log.into_inner();
        // One that fills the take, and one more, for each.
        runs[4..].to_vec()
    }

    #[test]
    fn turns_go_forth_and_back_and_have_five_takes() {
        let turn = Duration::from_millis(5);
        let order = runs(2, |contest, rounds| contest.measure(rounds, turn)).join("");
        assert_eq!(order, "aaaaabbbbbbbbbbaaaaa");
    }

    #[test]
    fn a_close_measurement_takes_one_of_each_in_turn() {
        let take = Duration::from_millis(1);
        let order = runs(4, |contest, rounds| contest.measure_closely(rounds, take)).join("");
        assert_eq!(order, "abbaabba");
    }

    /// What happens to both at once is in neither's difference, however large it is.
    #[test]
    fn a_close_difference_survives_a_machine_whose_speed_changes() {
        let number = std::cell::Cell::new(0_u64);
        let slow = |of: u64| {
            let number = &number;
            move |batch: u32| {
                // Every few rounds everything takes twice as long, and now and then one take is lost to something else.
                number.set(number.get() + 1);
                let slower = if (number.get() / 40).is_multiple_of(2) { 1 } else { 2 };
                let lost = if number.get().is_multiple_of(7) { 5_000 } else { 0 };
                Duration::from_micros((of * slower + lost) * u64::from(batch))
            }
        };
        let rounds = Contest::new("noise")
            .timed("unit", slow(20))
            .timed("raw", slow(700))
            .timed("ours", slow(702))
            .measure_closely(1_001, Duration::from_micros(1));
        let excess = rounds.excess("ours", "raw", "unit");
        assert!((excess - 0.1).abs() < 0.01, "{excess}");
    }

    #[test]
    fn who_did_not_take_part_has_no_number() {
        let rounds = Contest::new("one").timed("a", |_| Duration::from_micros(1)).measure(3, TURN);
        assert!(rounds.ratio("b", "a").is_nan() && rounds.ratio("a", "b").is_nan());
        assert!(rounds.nanoseconds("b").is_nan() && rounds.excess("a", "b", "a").is_nan());
        assert!(median(Vec::new()).is_nan());
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn as_many_runs_as_fill_a_take() {
        let filled = |each: Duration| batch_of(&mut |batch| each * batch, Duration::from_millis(1));
        assert_eq!(filled(Duration::from_micros(10)), 100);
        assert_eq!(filled(Duration::from_micros(1)), 1_000);
        // What is slower than a take is run once.
        assert_eq!(filled(Duration::from_secs(1)), 1);
    }

    #[test]
    fn what_a_candidate_says_itself_is_what_counts() {
        let slow = |batch: u32| Duration::from_micros(u64::from(batch) * 30);
        let fast = |batch: u32| Duration::from_micros(u64::from(batch) * 10);
        let rounds = Contest::new("told").timed("fast", fast).timed("slow", slow).measure(3, TURN);
        assert!((rounds.ratio("slow", "fast") - 3.0).abs() < 1e-6);
        assert!((rounds.excess("slow", "fast", "fast") - 2.0).abs() < 1e-6);
        assert!((rounds.nanoseconds("fast") - 10_000.0).abs() < 1e-3);
    }
}
