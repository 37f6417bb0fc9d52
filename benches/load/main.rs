//! What a server does in a second on one core, over HTTP with connections that stay: tokens, introspection, and a sign-in with
//! its pages from the authorization request to the tokens.
//!
//!     cargo bench -p ciam-benches --bench load [-- token|introspection|sign-in]
//!
//! Each server is a process of its own on the first core, the load is made on the second. They take turns of a second. The peer is npm
//! `oidc-provider`, which is installed in `load/` when it is missing; the limits are axum handlers that only sign, or only answer a
//! form. Without Node the peer is left out, without a second core all share one.

mod client;
mod jobs;
mod pages;
mod serve;
mod servers;

use std::time::Duration;

use ciam_benches::contest::{is_measuring, median};
use ciam_benches::fixtures::Failure;
use ciam_benches::gates::{Bound, Gates};

use crate::jobs::Job;
use crate::servers::{Kind, Server};

/// So many connections ask at the same time.
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 7;
const TURN: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("serve") {
        let (kind, port) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
        return runtime.block_on(serve::run(Kind::from_name(&kind).ok_or("no such server")?, port.parse()?));
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let measuring = is_measuring();
    let kinds = if measuring { &Kind::ALL[..] } else { &Kind::OURS[..] };
    let servers: Vec<Server> =
        kinds.iter().filter_map(|kind| Server::start(*kind).transpose()).collect::<Result<_, _>>()?;
    if measuring {
        servers::pin(std::process::id(), 1);
    }
    let mut gates = Gates::new();
    let is_wanted = |job: &Job| named.is_empty() || named.iter().any(|it| it == job.name());
    for job in Job::ALL.into_iter().filter(is_wanted) {
        let rates = runtime.block_on(rates(job, &servers, measuring))?;
        let of =
            |kind: Kind| rates.iter().find(|(found, _)| *found == kind).map_or(f64::NAN, |(_, rate)| *rate);
        if measuring {
            print(job, &rates, of(Kind::Ciam));
        }
        gates.add(
            format!("{}: times oidc-provider", job.name()),
            of(Kind::Ciam) / of(Kind::Peer),
            Bound::AtLeast(job.peer()),
        );
        if let Some((limit, share)) = job.limit() {
            gates.add(
                format!("{}: of {}", job.name(), limit.name()),
                of(Kind::Ciam) / of(limit),
                Bound::AtLeast(share),
            );
        }
        // Before the sign-ins: a store in memory keeps every session and grant, as long as nobody prunes it.
        if job == Job::Introspect
            && let Some(ours) = servers.iter().find(|it| it.kind == Kind::Ciam)
        {
            gates.add("memory after tokens and introspection, MB", ours.memory()?, Bound::AtMost(50.0));
        }
    }
    if measuring {
        println!("{gates}");
    }
    Ok(())
}

/// How many answers a second each server gives: medians over rounds in which they take turns.
async fn rates(job: Job, servers: &[Server], measuring: bool) -> Result<Vec<(Kind, f64)>, Failure> {
    let mut all = Vec::new();
    for server in servers.iter().filter(|it| job.is_for(it.kind)) {
        let prepared = job.prepare(server).await?;
        if !measuring {
            jobs::rate(server, &prepared, 1, Duration::ZERO).await?;
            continue;
        }
        // The first requests fill caches, and compile what is interpreted.
        jobs::rate(server, &prepared, CONNECTIONS, TURN * 2).await?;
        all.push((server, prepared, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (server, prepared, rates) in &mut all {
            rates.push(jobs::rate(server, prepared, CONNECTIONS, TURN).await?);
        }
    }
    Ok(all.into_iter().map(|(server, _, rates)| (server.kind, median(rates))).collect())
}

fn print(job: Job, rates: &[(Kind, f64)], ours: f64) {
    println!("\n{:<44} {:>12} {:>8}", job.title(), "in a second", "ours");
    for (kind, rate) in rates {
        println!("  {:<42} {rate:>12.0} {:>7.2}x", kind.name(), ours / rate);
    }
}
