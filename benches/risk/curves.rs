//! The table.

use std::fmt::Write as _;

use crate::attackers::Class;
use crate::simulation::Outcome;

/// How many of a hundred genuine sign-ins may be challenged.
const BUDGETS: [f64; 8] = [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0];

/// The lowest threshold that challenges no more than this share of the genuine sign-ins.
pub(crate) fn threshold(outcome: &Outcome, budget: f64) -> i32 {
    let mut scores: Vec<i32> = outcome.genuine.iter().map(|it| it.score).collect();
    scores.sort_unstable_by(|one, other| other.cmp(one));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length"
    )]
    let allowed = (scores.len() as f64 * budget) as usize;
    scores.get(allowed).map_or(i32::MIN, |score| score + 1)
}

pub(crate) fn report(outcome: &Outcome) -> String {
    let mut text = String::new();
    let _infallible = write_report(&mut text, outcome);
    text
}

fn write_report(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    writeln!(
        text,
        "{} genuine sign-ins, {:.1} % of them from new devices",
        outcome.genuine.len(),
        outcome.new_devices() * 100.0
    )?;
    writeln!(
        text,
        "\nwhat of the attacks is caught (%), if so many of the genuine sign-ins are challenged (%)\n"
    )?;
    write!(text, "{:>10} {:>10}", "challenged", "from score")?;
    for class in Class::ALL {
        write!(text, " {:>18}", class.name())?;
    }
    writeln!(text)?;
    for budget in BUDGETS {
        let from = threshold(outcome, budget / 100.0);
        write!(text, "{budget:>10.1} {:>10.2}", f64::from(from) / 100.0)?;
        for class in Class::ALL {
            write!(text, " {:>18.1}", outcome.at(from, class).1 * 100.0)?;
        }
        writeln!(text)?;
    }
    write!(text, "{:>10.1} {:>10}", outcome.challenged() * 100.0, "default")?;
    for class in Class::ALL {
        write!(text, " {:>18.1}", outcome.caught(class) * 100.0)?;
    }
    writeln!(text, "\n\nthe default policy, by what is known of a genuine account")?;
    for (name, from, to) in
        [("1st to 3rd", 1, 3), ("4th to 10th", 4, 10), ("11th to 30th", 11, 30), ("later", 31, usize::MAX)]
    {
        let share = outcome.challenged_of(|it| (from..=to).contains(&it.before));
        writeln!(text, "{name:>14} sign-in: {:.1} % challenged", share * 100.0)?;
    }
    let (new, old) = (outcome.challenged_of(|it| it.is_new), outcome.challenged_of(|it| !it.is_new));
    writeln!(text, "on a new device {:.1} % challenged, on a known one {:.2} %", new * 100.0, old * 100.0)?;
    writeln!(
        text,
        "{:.3} % of the genuine sign-ins are refused, whatever they prove",
        outcome.denied() * 100.0
    )
}
