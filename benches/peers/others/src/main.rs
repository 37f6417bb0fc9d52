//! Implementations that can live in one program.

mod of_biscuit;
mod of_josekit;
mod of_jwt_compact;
mod of_jwt_simple;

use ciam_peers_common::{Candidates, Failure, Setting, run};

fn main() -> Result<(), Failure> {
    run(prepare)
}

fn prepare(setting: &Setting) -> Result<Candidates, Failure> {
    let mut candidates = Candidates::default();
    for token in &setting.tokens {
        of_biscuit::add(&mut candidates, setting, token)?;
        of_josekit::add(&mut candidates, setting, token)?;
        of_jwt_compact::add(&mut candidates, setting, token)?;
        of_jwt_simple::add(&mut candidates, setting, token)?;
    }
    Ok(candidates)
}
