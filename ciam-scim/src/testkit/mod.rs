//! Suites that a host runs against its own server: what directories send, bad input, searches, and races.
//!
//! The store has a suite of its own in [`ciam_core`]'s `testkit`. These ask the other question: does the whole of it, the
//! service on a host's store and behind a host's HTTP, answer as directories need it?
//!
//! ```
//! use std::sync::Arc;
//!
//! use ciam_core::memory;
//! use ciam_core::organization::Organizations;
//! use ciam_core::password::{Argon2idHasher, PasswordFactor};
//! use ciam_core::session::SessionManager;
//! use ciam_scim::service::ScimService;
//! use ciam_scim::testkit::{self, InProcess};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A host passes the ports of its own adapters.
//! let ports = memory::ports();
//! let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
//! let organizations = Organizations::new(ports.clone());
//! let service = ScimService::new(ports.clone(), organizations, SessionManager::new(ports), password);
//! let target = InProcess::new(service);
//! testkit::recorded(&target, "E1").await.assert_right();
//! # Ok(()) }
//! ```

mod bad_bodies;
mod bad_filters;
mod bad_requests;
mod directory;
mod findings;
mod races;
mod recorded;
mod searches;
mod strangers;
mod target;

pub use self::findings::Findings;
pub use self::races::races;
pub use self::recorded::{lines, recorded};
pub use self::searches::searches;
pub use self::target::{InProcess, Target};

/// Runs the tables of bad input: each row has its exact answer, and nothing has changed after it.
pub async fn bad_input(target: &dyn Target) -> Findings {
    let mut findings = Findings::default();
    for (name, table) in bad_tables() {
        findings.row(name, table(target).await);
    }
    findings
}

type Table = for<'t> fn(&'t dyn Target) -> futures_util::future::BoxFuture<'t, Result<(), String>>;

fn bad_tables() -> [(&'static str, Table); 8] {
    [
        ("filters", |target| Box::pin(bad_filters::filters(target))),
        ("bodies", |target| Box::pin(bad_bodies::bodies(target))),
        ("spellings", |target| Box::pin(bad_filters::spellings(target))),
        ("bulk", |target| Box::pin(bad_bodies::bulk(target))),
        ("patches", |target| Box::pin(bad_requests::patches(target))),
        ("pages", |target| Box::pin(bad_requests::pages(target))),
        ("another organization", |target| Box::pin(strangers::strangers(target))),
        ("ids and versions", |target| Box::pin(bad_requests::ids(target))),
    ]
}
