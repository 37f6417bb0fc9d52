//! The other end of the contest in `benches/`: a program that checks tokens when it is told to, and says how long it took.
//!
//! Line by line on standard input and output:
//!
//! 1. in: a [`Setting`] as JSON; out: the [`Entry`]s as JSON, each of which has accepted its token once;
//! 2. in: `INDEX BATCH`; out: the nanoseconds that this many checks took;
//! 3. in: `INDEX allocations`; out: how often one check allocated, of a program built with the feature `count`.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What can go wrong.
pub type Failure = Box<dyn Error>;

/// What is to be checked.
#[derive(Debug, Deserialize)]
pub struct Setting {
    /// The issuer that the tokens must have.
    pub issuer: String,
    /// The audience that the tokens must have.
    pub audience: String,
    /// A token for each algorithm.
    pub tokens: Vec<Token>,
}

/// A token and the key that verifies it.
#[derive(Debug, Deserialize)]
pub struct Token {
    /// The algorithm by its JOSE name.
    pub algorithm: String,
    /// The token.
    pub token: String,
    /// The public key, or the shared secret, as a JWK.
    pub jwk: serde_json::Value,
}

impl Token {
    /// A member of the JWK, decoded.
    ///
    /// # Errors
    ///
    /// Fails when it is not there or no base64url.
    pub fn bytes(&self, member: &str) -> Result<Vec<u8>, Failure> {
        use base64::Engine as _;

        let text = self.jwk.get(member).and_then(serde_json::Value::as_str).ok_or("a member is missing")?;
        Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text)?)
    }

    /// The point of an EC key in its uncompressed form.
    ///
    /// # Errors
    ///
    /// Fails when the key is not such a key.
    pub fn point(&self) -> Result<Vec<u8>, Failure> {
        Ok([vec![4], self.bytes("x")?, self.bytes("y")?].concat())
    }
}

/// The claims that an application reads: what the validator of `ciam-oauth` has accessors for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "named as on the wire")]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Vec<String>,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub client_id: String,
    pub scope: String,
    pub sid: String,
    pub auth_time: u64,
    pub acr: String,
    pub amr: Vec<String>,
}

/// The same without what implementations read themselves that know the registered claims.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "named as on the wire")]
pub struct OwnClaims {
    pub client_id: String,
    pub scope: String,
    pub sid: String,
    pub auth_time: u64,
    pub acr: String,
    pub amr: Vec<String>,
}

/// The candidates of a program.
#[derive(Default)]
pub struct Candidates(Vec<(Entry, Check)>);

type Check = Box<dyn Fn() -> Result<(), Failure>>;

/// A candidate as the contest knows it.
#[derive(Debug, Serialize)]
pub struct Entry {
    name: &'static str,
    algorithm: String,
    primitive: &'static str,
}

impl Candidates {
    /// Adds a candidate: its name, the code that does its arithmetic, and one check of this token.
    ///
    /// # Errors
    ///
    /// Fails when the token is not accepted.
    pub fn add<T: 'static>(
        &mut self,
        name: &'static str,
        primitive: &'static str,
        token: &Token,
        check: impl Fn(&str) -> Result<T, Failure> + 'static,
    ) -> Result<(), Failure> {
        let text = token.token.clone();
        check(&text).map_err(|error| format!("{name} refuses the token: {error}"))?;
        let entry = Entry { name, algorithm: token.algorithm.clone(), primitive };
        let check = move || check(black_box(&text)).map(|checked| drop(black_box(checked)));
        self.0.push((entry, Box::new(check)));
        Ok(())
    }
}

/// Takes turns until nobody asks any more.
///
/// # Errors
///
/// Fails when what it is told makes no sense, and when a candidate fails.
pub fn run(prepare: impl FnOnce(&Setting) -> Result<Candidates, Failure>) -> Result<(), Failure> {
    let mut lines = std::io::stdin().lock().lines();
    let mut out = std::io::stdout().lock();
    let setting = serde_json::from_str(&lines.next().ok_or("no setting")??)?;
    let candidates = prepare(&setting)?.0;
    let entries: Vec<_> = candidates.iter().map(|(entry, _)| entry).collect();
    writeln!(out, "{}", serde_json::to_string(&entries)?)?;
    for line in lines {
        let line = line?;
        let (index, what) = line.split_once(' ').ok_or("two words are wanted")?;
        let (_, check) = candidates.get(index.parse::<usize>()?).ok_or("no such candidate")?;
        let answer =
            if what == "allocations" { allocations(check)? } else { nanoseconds(check, what.parse()?)? };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn nanoseconds(check: &Check, batch: u32) -> Result<u128, Failure> {
    let begin = Instant::now();
    for _ in 0..batch {
        check()?;
    }
    Ok(begin.elapsed().as_nanos())
}

/// Counting slows every allocation down, so it is another build that counts.
#[cfg(feature = "count")]
fn allocations(check: &Check) -> Result<u128, Failure> {
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = check());
    result.map(|()| counted.count_total.into())
}

#[cfg(not(feature = "count"))]
fn allocations(_: &Check) -> Result<u128, Failure> {
    Err("built without the feature `count`".into())
}
