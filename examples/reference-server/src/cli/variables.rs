//! Variables, and those that were misspelt.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::Cli;

/// The `CIAM_*` variables that mean something.
pub fn variables() -> Vec<String> {
    let command = Cli::command();
    let name = |it: &clap::Arg| it.get_env().map(|name| name.to_string_lossy().into_owned());
    command.get_arguments().filter_map(name).collect()
}

/// The variables that are set, mean nothing, and look like a setting that was misspelt: each with what was meant.
///
/// Others that begin with `CIAM_` belong to somebody else, such as a secret that an import file names.
pub fn misspelt_variables(set: impl IntoIterator<Item = OsString>) -> Vec<(String, String)> {
    let known = variables();
    let mut found = Vec::new();
    for name in set.into_iter().filter_map(|it| it.into_string().ok()) {
        if !name.starts_with("CIAM") || known.contains(&name) {
            continue;
        }
        let near = known.iter().map(|it| (distance(&name, it), it)).min();
        if let Some((_, meant)) = near.filter(|(distance, _)| *distance <= NEAR) {
            found.push((name, meant.clone()));
        }
    }
    found.sort();
    found
}

/// How many letters must be put in, taken out or changed to make one text of another.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((column, known), above) in other.iter().enumerate().zip(row.iter().skip(1)) {
            let diagonal = row.get(column).map_or(usize::MAX, |it| it + usize::from(letter != *known));
            let left = next.last().map_or(usize::MAX, |it| it + 1);
            next.push(diagonal.min(left).min(above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Two letters: more is another word.
const NEAR: usize = 2;
