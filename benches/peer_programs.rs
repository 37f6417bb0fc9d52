//! Peers in programs of their own: what `peers/` builds, started once and told when it is their turn.
//!
//! They cannot be linked in here: two backends of `jsonwebtoken` in one program panic, and OpenSSL is not to be
//! among what the workspace depends on.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixtures::{AUDIENCE, Failure, ISSUER, Key};

const PROGRAMS: [&str; 3] =
    ["ciam-peer-jsonwebtoken-aws-lc", "ciam-peer-jsonwebtoken-rust-crypto", "ciam-peer-others"];

/// One implementation with one token, in another process.
#[derive(Clone, Debug)]
pub struct PeerCandidate {
    /// Who.
    pub name: String,
    /// The algorithm by its JOSE name.
    pub algorithm: String,
    /// Whose code does the arithmetic.
    pub primitive: String,
    index: usize,
    program: Rc<RefCell<Program>>,
}

#[derive(Debug)]
struct Program {
    name: &'static str,
    child: Child,
    asking: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Whether a build counts allocations, which makes it slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// To be timed.
    Timing,
    /// To count.
    Counting,
}

/// Builds the programs and starts each with these keys' tokens. `CIAM_BENCH_PEERS=0` leaves them out, and so does a build that
/// fails, which is said.
///
/// # Errors
///
/// Fails when a program that was built does not accept a token.
pub fn start(keys: &[(&Key, &str)], build: Build) -> Result<Vec<PeerCandidate>, Failure> {
    let mut candidates = Vec::new();
    if std::env::var("CIAM_BENCH_PEERS").is_ok_and(|wanted| wanted == "0") {
        return Ok(candidates);
    }
    for name in PROGRAMS {
        match made(name, build) {
            Ok(program) => candidates.extend(begin(name, &program, keys)?),
            Err(problem) => println!("SKIPPED: {name} cannot be built here: {problem}"),
        }
    }
    Ok(candidates)
}

impl PeerCandidate {
    /// Takes a turn: how long so many checks took.
    ///
    /// # Errors
    ///
    /// Fails when the program has ended or says something else.
    pub fn turn(&self, batch: u32) -> Result<Duration, Failure> {
        Ok(Duration::from_nanos(self.program.borrow_mut().ask(self.index, batch)?))
    }

    /// How often one check allocates, in a [`Build::Counting`].
    ///
    /// # Errors
    ///
    /// Fails when the program has ended or says something else.
    pub fn allocations(&self) -> Result<u64, Failure> {
        self.program.borrow_mut().ask(self.index, "allocations")
    }
}

impl Program {
    fn ask(&mut self, index: usize, what: impl std::fmt::Display) -> Result<u64, Failure> {
        writeln!(self.asking, "{index} {what}")?;
        self.asking.flush()?;
        Ok(self.line()?.trim().parse()?)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(format!("{} has ended", self.name).into());
        }
        Ok(line)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, built if need be.
fn made(name: &str, build: Build) -> Result<PathBuf, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let target = folder.join("target");
    println!("building {name} ({build:?})");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--locked", "--quiet", "--release", "--package", name]).current_dir(&folder);
    // Each with its own features and so in its own go: together they would get each other's.
    if build == Build::Counting {
        command.args(["--features", "count"]);
    }
    if !command.arg("--target-dir").arg(&target).status()?.success() {
        return Err("the build failed".into());
    }
    // The next build with other features takes the place of this one.
    let (built, kept) = (target.join("release").join(name), target.join(format!("{name}-{build:?}")));
    std::fs::copy(built, &kept)?;
    Ok(kept)
}

fn begin(name: &'static str, program: &Path, keys: &[(&Key, &str)]) -> Result<Vec<PeerCandidate>, Failure> {
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        algorithm: String,
        primitive: String,
    }

    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let asking = child.stdin.take().ok_or("no standard input")?;
    let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    let mut program = Program { name, child, asking, answers };
    let tokens: Result<Vec<Value>, Failure> = keys
        .iter()
        .map(|(key, token)| Ok(json!({"algorithm": key.algorithm.name(), "token": token, "jwk": key.jwk()?})))
        .collect();
    let setting = json!({"issuer": ISSUER, "audience": AUDIENCE, "tokens": tokens?});
    writeln!(program.asking, "{setting}")?;
    let entries: Vec<Entry> = serde_json::from_str(&program.line()?)?;
    let program = Rc::new(RefCell::new(program));
    let candidate = |(index, entry): (usize, Entry)| PeerCandidate {
        name: entry.name,
        algorithm: entry.algorithm,
        primitive: entry.primitive,
        index,
        program: Rc::clone(&program),
    };
    Ok(entries.into_iter().enumerate().map(candidate).collect())
}
