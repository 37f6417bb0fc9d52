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
    // ==1234== Collected : 567890
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    Ok(collected.ok_or("valgrind said no number")?.1.trim().parse()?)
}
