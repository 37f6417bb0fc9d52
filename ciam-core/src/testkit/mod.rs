//! Contract suites for the ports, and what tests need to drive them.
//!
//! | port | suite | broken implementations |
//! | --- | --- | --- |
//! | [`Store`](crate::store::Store) | [`store`] | [`faulty::stores`] |
//! | [`Ephemeral`](crate::ephemeral::Ephemeral) | [`ephemeral`] | [`faulty::ephemerals`] |
//! | [`KeyVault`](crate::vault::KeyVault) | [`vault`] | [`faulty::vaults`] |
//! | [`PasswordHasher`](crate::password::PasswordHasher) | [`hasher`] | [`faulty::hashers`] |
//! | [`Runtime`](crate::runtime::Runtime) | [`runtime`] | [`faulty::runtimes`] |
//! | [`HttpClient`](crate::outbound::HttpClient) | [`http_client`] | [`faulty::http_clients`] |
//! | [`Crypto`](crate::crypto::Crypto) | [`crypto()`] | [`faulty::cryptos`] |
//! | [`Entropy`](crate::entropy::Entropy) | [`entropy()`] | [`faulty::entropies`] |
//! | [`HumanCheck`](crate::abuse::HumanCheck) | [`human_check`] | [`faulty::human_checks`] |
//! | [`LegacyDirectory`](crate::migration::LegacyDirectory) | [`legacy_directory`] | [`faulty::legacy_directories`] |
//!
//! A suite is a list of clauses, each a sentence of the port's contract with a check of it, races included. A host runs it
//! in one line against its own implementation; the report names every clause that is broken, and how.
//!
//! ```
//! use ciam_core::runtime::ThreadRuntime;
//! use ciam_core::testkit;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! testkit::runtime(&ThreadRuntime::new()).await.assert_kept();
//! # });
//! ```
//!
//! Ports that only receive (`Hooks`, `Notifier`, `EventSink`, `RiskEngine`) promise nothing that a suite could see. For
//! tests of one's own flows there are a [`ManualClock`], a [`SeededEntropy`], a [`Probe`] that counts the calls of ports
//! and makes them fail, a [`HookedStore`] that a test steps into, and a [`DeliveryLog`] that judges what a relay delivers.

mod clock;
mod crypto;
mod delivery;
mod entropy;
mod entropy_suite;
mod ephemeral;
pub mod faulty;
mod hasher;
mod hooked;
mod http_client;
mod human_check;
mod legacy_directory;
mod probe;
mod race;
mod runtime;
mod sample;
mod store;
mod suite;
mod vault;

pub use self::clock::ManualClock;
pub use self::crypto::{crypto, crypto_suite};
pub use self::delivery::DeliveryLog;
pub use self::entropy::SeededEntropy;
pub use self::entropy_suite::{entropy, entropy_suite};
pub use self::ephemeral::{EphemeralHarness, ephemeral, ephemeral_suite};
pub use self::hasher::{hasher, hasher_suite};
pub use self::hooked::{HookedStore, StoreHook};
pub use self::http_client::{http_client, http_client_suite};
pub use self::human_check::{HumanCheckHarness, human_check, human_check_suite};
pub use self::legacy_directory::{LegacyDirectoryHarness, legacy_directory, legacy_directory_suite};
pub use self::probe::{Call, Failure, Probe};
pub use self::race::spawn_thread;
pub use self::runtime::{runtime, runtime_suite};
pub use self::store::{StoreHarness, store, store_suite};
pub use self::suite::{Clause, Report, Suite, Verdict, Violation};
pub use self::vault::{VaultHarness, vault, vault_suite};
