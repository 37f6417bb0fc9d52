//! Counting instructions.

use std::process::{Command, Stdio};

use crate::Failure;

/// How many instructions this program executes with these arguments, from its first to its last.
pub(crate) fn instructions(arguments: &[&str]) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{arguments:?} failed:\n{said}").into());
    }
    collected(&said)
}

/// The number in what `callgrind` says at its end: `==1234== Collected : 567890`.
fn collected(said: &str) -> Result<u64, Failure> {
    let found = said.lines().find_map(|line| line.split_once("Collected :"));
    Ok(found.ok_or("valgrind said no number")?.1.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_among_the_rest() {
        let said = "==7== Events    : Ir\n==7== Collected : 567890\n==7== \n==7== I   refs:      567,890\n";
        assert_eq!(collected(said).unwrap(), 567_890);
        for bad in ["", "==7== Collected :", "==7== Collected : many", "==7== I   refs: 567,890"] {
            assert!(collected(bad).is_err(), "{bad}");
        }
    }
}
