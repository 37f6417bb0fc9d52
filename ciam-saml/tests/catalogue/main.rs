//! The catalogue of attacks, each tried against every message that it applies to.
//!
//! Prints a table of number, message and what became of it, and how many of the 79 were tried. It fails when one attack
//! succeeds, or when the message that it was made from is not accepted without it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that panics is a test that fails, and this one prints a table"
)]

#[path = "../it/sealed.rs"]
#[expect(dead_code, reason = "shared with the other suite")]
mod sealed;
#[path = "../it/support.rs"]
mod support;
#[path = "../it/world.rs"]
#[expect(dead_code, reason = "shared with the other suite")]
mod world;

mod artifacts;
mod attacks;
mod documents;
mod protocol;
mod report;
mod signatures;
mod targets;
mod wrapping;

fn main() {
    let mut report = report::Report::default();
    wrapping::run(&mut report);
    documents::run(&mut report);
    signatures::run(&mut report);
    protocol::run(&mut report);
    attacks::run(&mut report);
    artifacts::run(&mut report);
    report.finish();
}
