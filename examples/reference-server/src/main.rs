//! The program around the library of the same name: arguments in, exit status out.

use std::process::ExitCode;

use clap::Parser as _;
use reference_server::{
    cli::{Cli, Command},
    run,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    run::run(cli.command.unwrap_or(Command::Serve), &cli.flags)
}
