//! What it costs a resource server to accept an access token, and to refuse one.
//!
//! The floor is the signature alone, with a key at hand, on each backend; the peers are `jsonwebtoken` on `ring` and what
//! `peers/` builds. The last table says which promises hold.

use std::hint::black_box;
use std::process::Command;

use ciam_benches::cold::{self, Setting};
use ciam_benches::contest::{Contest, is_measuring};
use ciam_benches::fixtures::{Algorithm, Failure, Key};
use ciam_benches::gates::Gates;
use ciam_benches::peer_programs::{Build, start};
use ciam_benches::raw::Backend;
use ciam_benches::{cached, rotation};
use criterion::Criterion;

fn main() -> Result<(), Failure> {
    let measuring = is_measuring();
    let settings: Vec<_> = cold::algorithms().map(Setting::new).collect::<Result<_, _>>()?;
    let mut criterion = Criterion::default().configure_from_args();
    accept(&mut criterion, &settings);
    refuse(&mut criterion, &settings)?;
    criterion.final_summary();

    let mut gates = Gates::new();
    let tokens: Vec<_> = settings.iter().map(|setting| (&setting.key, setting.token.as_str())).collect();
    let peers = |build| if measuring { start(&tokens, build) } else { Ok(Vec::new()) };
    cold::contests(&settings, &peers(Build::Timing)?, measuring, &mut gates)?;
    cached::contests(measuring, &mut gates)?;
    rotation::contest()?;
    cold::judge_allocations(&allocations()?, &peers(Build::Counting)?, &mut gates)?;
    if measuring {
        println!("{gates}");
    }
    Ok(())
}

fn accept(criterion: &mut Criterion, settings: &[Setting]) {
    for setting in settings {
        let validator = setting.validator(Backend::Ring);
        criterion.bench_function(&format!("validate/{}", setting.key.algorithm.name()), |bencher| {
            bencher.iter(|| validator.validate(black_box(&setting.token), setting.now));
        });
    }
}

/// What a stranger can make a resource server do. Nothing here should cost more than one signature.
fn refuse(criterion: &mut Criterion, settings: &[Setting]) -> Result<(), Failure> {
    let of = |wanted| settings.iter().find(|it| it.key.algorithm == wanted).ok_or("no such algorithm");
    let setting = of(Algorithm::Es256)?;
    let (token, now, validator) = (&setting.token, setting.now, setting.validator(Backend::Ring));
    let (head, _) = token.rsplit_once('.').ok_or("no signature")?;
    let rows = [
        ("not a token", "A".repeat(token.len())),
        ("too large", format!("{token}{}", "A".repeat(1 << 20))),
        ("no signature", format!("{head}.")),
        ("another algorithm", of(Algorithm::Rs256)?.token.clone()),
        ("an unknown key", Key::generate(Algorithm::Es256)?.named("2026-12").access_token()?),
        ("another key's signature", Key::generate(Algorithm::Es256)?.access_token()?),
    ];
    let mut contest = Contest::new("refuse a token, ES256")
        .candidate("(accept a good one)", || validator.validate(black_box(token), now));
    let checks = &validator;
    for (name, hostile) in &rows {
        if validator.validate(hostile, now).is_ok() {
            return Err(format!("{name} was accepted").into());
        }
        criterion.bench_function(&format!("refuse/{name}"), |bencher| {
            bencher.iter(|| validator.validate(black_box(hostile), now));
        });
        contest = contest.candidate(*name, move || checks.validate(black_box(hostile), now));
    }
    contest.run();
    Ok(())
}

/// How often accepting a token allocates. Another program counts, because counting makes allocations slower.
fn allocations() -> Result<Vec<(String, u64)>, Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_allocations")).output()?;
    if !output.status.success() {
        return Err("allocations cannot be counted".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let row = |line: &str| -> Result<(String, u64), Failure> {
        let (count, name) = line.split_once(' ').ok_or("two words are wanted")?;
        Ok((name.to_owned(), count.parse()?))
    };
    text.lines().map(row).collect()
}
