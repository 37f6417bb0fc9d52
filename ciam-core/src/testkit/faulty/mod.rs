//! Broken implementations: how the suites are tested.
//!
//! Each of them breaks one clause of its port's suite and keeps all the others, so a clause that lets its own broken
//! implementations pass tests nothing. The implementations of this crate are the material; one decision of each is wrong.
//! Where a decision loses a race, it first lets other racers come as far, so that the race is seen.
//!
//! There are [`stores`], [`ephemerals`], [`vaults`], [`hashers`], [`runtimes`], [`http_clients`], [`cryptos`],
//! [`entropies`], [`human_checks`] and [`legacy_directories`]. Where a port keeps tenants apart, there is also one implementation that does not, and that no clause
//! accepts: [`store_without_tenants`], [`ephemeral_without_tenants`] and [`vault_without_tenants`].
//!
//! Whoever writes a suite of their own can use them as a sample of what to look for; whoever runs ours can see what it finds:
//!
//! ```
//! use ciam_core::testkit::{entropy_suite, faulty};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! for broken in faulty::entropies() {
//!     let report = entropy_suite().run(&*broken.harness()).await;
//!     let found: Vec<_> = report.violations().map(|verdict| verdict.clause).collect();
//!     assert_eq!(found, [broken.breaks()], "{broken:?}");
//! }
//! # });
//! ```

mod crypto;
mod entropy;
mod ephemeral;
mod hasher;
mod http_client;
mod human_check;
mod legacy_directory;
mod runtime;
mod store;
mod vault;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{EphemeralHarness, HumanCheckHarness, LegacyDirectoryHarness, StoreHarness, VaultHarness};
use crate::crypto::Crypto;
use crate::entropy::Entropy;
use crate::outbound::HttpClient;
use crate::password::PasswordHasher;
use crate::runtime::Runtime;

/// Runs a task beside the caller: what the harnesses of broken implementations are given for their `spawn`.
pub type Spawn = fn(BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;

/// A broken implementation.
pub struct Faulty<H: ?Sized> {
    name: String,
    breaks: &'static str,
    make: Arc<dyn Fn() -> Box<H> + Send + Sync>,
}

impl<H: ?Sized> Faulty<H> {
    fn new(name: String, breaks: &'static str, make: impl Fn() -> Box<H> + Send + Sync + 'static) -> Self {
        Self { name, breaks, make: Arc::new(make) }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one clause that it breaks.
    #[must_use]
    pub const fn breaks(&self) -> &'static str {
        self.breaks
    }

    /// A harness on a new, empty instance of it.
    #[must_use]
    pub fn harness(&self) -> Box<H> {
        (self.make)()
    }
}

impl<H: ?Sized> fmt::Debug for Faulty<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({}, which breaks {})", self.name, self.breaks)
    }
}

/// Broken stores: for every clause of [`store_suite`](super::store_suite) at least one that breaks only that.
///
/// Those that lose a race wait until another racer has come as far, so that any `spawn` that runs tasks beside each other
/// shows it.
#[must_use]
pub fn stores(spawn: Spawn) -> Vec<Faulty<dyn StoreHarness>> {
    store::stores(spawn)
}

/// A store that keeps all tenants in one: it breaks every clause of [`store_suite`](super::store_suite).
#[must_use]
pub fn store_without_tenants(spawn: Spawn) -> Box<dyn StoreHarness> {
    store::blind(spawn)
}

/// Broken ephemeral stores: for every clause of [`ephemeral_suite`](super::ephemeral_suite) at least one that breaks only
/// that.
///
/// They need real parallelism to show their races: give a `spawn` of a runtime with several threads.
#[must_use]
pub fn ephemerals(spawn: Spawn) -> Vec<Faulty<dyn EphemeralHarness>> {
    ephemeral::ephemerals(spawn)
}

/// An ephemeral store that keeps all tenants in one: it breaks every clause of
/// [`ephemeral_suite`](super::ephemeral_suite).
#[must_use]
pub fn ephemeral_without_tenants(spawn: Spawn) -> Box<dyn EphemeralHarness> {
    ephemeral::blind(spawn)
}

/// Broken key vaults: for every clause of [`vault_suite`](super::vault_suite) at least one that breaks only that.
#[must_use]
pub fn vaults(spawn: Spawn) -> Vec<Faulty<dyn VaultHarness>> {
    vault::vaults(spawn)
}

/// A key vault that keeps all tenants in one: it breaks every clause of [`vault_suite`](super::vault_suite).
#[must_use]
pub fn vault_without_tenants(spawn: Spawn) -> Box<dyn VaultHarness> {
    vault::blind(spawn)
}

/// Broken password hashers: for every clause of [`hasher_suite`](super::hasher_suite) at least one that breaks only that.
#[must_use]
pub fn hashers() -> Vec<Faulty<dyn PasswordHasher>> {
    hasher::hashers()
}

/// Broken runtimes: for every clause of [`runtime_suite`](super::runtime_suite) at least one that breaks only that.
#[must_use]
pub fn runtimes() -> Vec<Faulty<dyn Runtime>> {
    runtime::runtimes()
}

/// Broken HTTP clients: for every clause of [`http_client_suite`](super::http_client_suite) at least one that breaks only
/// that.
#[must_use]
pub fn http_clients() -> Vec<Faulty<dyn HttpClient>> {
    http_client::http_clients()
}

/// Broken cryptographic backends: for every clause of [`crypto_suite`](super::crypto_suite) at least one that breaks only
/// that.
#[must_use]
pub fn cryptos() -> Vec<Faulty<dyn Crypto>> {
    crypto::cryptos()
}

/// Broken sources of randomness: for every clause of [`entropy_suite`](super::entropy_suite) at least one that breaks only
/// that.
#[must_use]
pub fn entropies() -> Vec<Faulty<dyn Entropy>> {
    entropy::entropies()
}

/// Broken checks: for every clause of [`human_check_suite`](super::human_check_suite) at least one that breaks only that.
#[must_use]
pub fn human_checks() -> Vec<Faulty<dyn HumanCheckHarness>> {
    human_check::checks()
}

/// Broken directories of an old system: for every clause of [`legacy_directory_suite`](super::legacy_directory_suite) at
/// least one that breaks only that.
#[must_use]
pub fn legacy_directories() -> Vec<Faulty<dyn LegacyDirectoryHarness>> {
    legacy_directory::directories()
}
