//! Readers while an issuer rotates: validation with keys that are replaced over and over by another thread.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ciam_core::jose::{RemoteKeys, RemoteKeysPolicy};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_oauth::validate::Validator;
use serde_json::json;
use std::sync::Arc;

use crate::cold::validator;
use crate::contest::{Contest, is_measuring};
use crate::fixtures::{AUDIENCE, Algorithm, Failure, ISSUER, Key};
use crate::raw::Backend;

const URL: &str = "https://id.example.com/jwks";
const ROUNDS: usize = 41;
const TURN: Duration = Duration::from_millis(15);
/// How long the other thread rests between two rotations.
const REST: Duration = Duration::from_millis(1);

/// Lets fixed keys, fetched keys and fetched keys under rotation take turns, and prints the standings.
///
/// # Errors
///
/// Fails when the token is not accepted.
pub fn contest() -> Result<(), Failure> {
    let key = Key::generate(Algorithm::Es256)?;
    let token = key.access_token()?;
    let client = issuer(&key)?;
    let ports = memory::ports().with_http_client(Arc::new(client));
    let now = ports.now();
    let mut policy = RemoteKeysPolicy::default();
    // Every call fetches: what takes minutes in life happens in each millisecond here.
    (policy.refresh_after, policy.cooldown) = (time::Duration::ZERO, time::Duration::ZERO);
    let remote = RemoteKeys::with_policy(ports, URL, policy);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(remote.keys())?;

    let fixed = validator(Backend::Ring, &key)?;
    let fetched = Validator::new(ISSUER.parse()?, AUDIENCE, remote.clone());
    let later = now + time::Duration::hours(1);
    fetched.validate(&token, later)?;

    let (rotating, ended, rotations) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if rotating.load(Ordering::Relaxed) && runtime.block_on(remote.keys()).is_ok() {
                    rotations.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(REST);
            }
        });
        let validate = |rotates: bool, batch: u32| {
            rotating.store(rotates, Ordering::Relaxed);
            let begin = std::time::Instant::now();
            for _ in 0..batch {
                black_box(fetched.validate(black_box(&token), later).is_ok());
            }
            begin.elapsed()
        };
        let contest = Contest::new("accept an access token while keys change, ES256")
            .candidate("fixed keys", || fixed.validate(black_box(&token), later).is_ok())
            .timed("fetched keys", |batch| validate(false, batch))
            .timed("fetched keys, replaced every millisecond", |batch| validate(true, batch));
        if is_measuring() {
            println!("{}", contest.measure(ROUNDS, TURN).standings());
        } else {
            contest.try_out();
        }
        ended.store(true, Ordering::Relaxed);
    });
    if is_measuring() {
        println!("  {} rotations took place", rotations.into_inner());
    }
    Ok(())
}

/// An issuer that publishes its key beside another one, which is new in every second answer.
fn issuer(key: &Key) -> Result<MemoryHttpClient, Failure> {
    let mut documents = Vec::new();
    for name in ["one", "other"] {
        let beside = Key::generate(Algorithm::Es256)?.named(name);
        documents.push(Bytes::from(json!({"keys": [key.jwk()?, beside.jwk()?]}).to_string()));
    }
    let client = MemoryHttpClient::new();
    let answers = AtomicU64::new(0);
    client.serve("id.example.com", move |_| {
        let number = answers.fetch_add(1, Ordering::Relaxed) as usize;
        let mut response = http::Response::new(documents.get(number % 2).cloned().unwrap_or_default());
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        Box::pin(std::future::ready(response))
    });
    Ok(client)
}
