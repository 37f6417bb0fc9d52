//! Accounts, sessions, sign-in journeys, keys and the ports that every ciam crate shares.
//!
//! ```
//! # #[cfg(all(feature = "memory", feature = "argon2"))]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
//! use ciam_core::http::{BrowserId, Peer};
//! use ciam_core::journey::{Answer, Journeys, Requirements, Step, Visitor};
//! use ciam_core::memory;
//! use ciam_core::password::{Argon2idHasher, PasswordFactor};
//! use ciam_core::session::SessionManager;
//!
//! // One tenant in memory; a host passes its own store, ephemeral store and key vault.
//! let ports = memory::ports();
//! let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
//! let hash = password.accept(&ports, &"correct horse battery staple".into(), &[]).await?;
//! let email = Identifier::verified(IdentifierKey::email("ada@example.com")?, ports.now());
//! NewAccount::new(email).with_password(hash).create(&ports).await?;
//!
//! // A person signs in.
//! let journeys = Journeys::new(ports.clone(), SessionManager::new(ports.clone()), password);
//! let browser = BrowserId::generate(ports.entropy())?;
//! let visitor = Visitor::new(&browser, Peer::new([127, 0, 0, 1].into()));
//! let (handle, _challenge) = journeys.begin_sign_in(&visitor, Requirements::default()).await?;
//! let answer = Answer::credentials("ada@example.com", "correct horse battery staple");
//! let Step::Done(signed_in) = journeys.answer(&handle, &visitor, answer).await? else {
//!     return Err("refused".into());
//! };
//! assert_eq!(signed_in.session.account, signed_in.account.id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What it is
//!
//! The vocabulary and the machinery under the protocol crates, useful alone: accounts with normalised identifiers, sessions
//! that remember how the person was authenticated, a sign-in journey that serves pages and apps alike, a key ring, signed
//! tokens, an outbox of events and mail, rate limits, and one way out to the network. It contains no async runtime, HTTP
//! server, SQL or template, and reads the clock, randomness and network through ports only.
//!
//! # A map
//!
//! - **Ports**: [`store`], [`ephemeral`], [`notify`], [`vault`], [`outbound`], [`sealing`], [`risk`], [`hooks`], [`runtime`], [`clock`],
//!   [`entropy`], [`password::BreachedPasswords`]; [`ports::Ports`] bundles them for one tenant.
//! - **People**: [`account`], [`actor`], [`organization`], [`credential`], [`consent`], [`terms`], [`privacy`], [`audit`], [`session`], [`assurance`].
//! - **Flows**: [`journey`], [`factor`], [`password`], [`migration`], [`abuse`], [`interaction`], [`relay`], [`webhook`], [`ratelimit`].
//! - **Tokens**: [`jose`], [`keys`], [`crypto`], [`secret`].
//! - **Boundary**: [`http`], [`event`], [`id`].
//! - **To read**: [`manual`] with the threat model, how to write adapters, and every default.
//!
//! # Crate features
//!
//! - `argon2` (default): the Argon2id password hasher.
//! - `aws-lc-rs`: a second cryptographic backend, [`crypto::aws_lc_rs`]; enabling it changes no default.
//! - `foreign-hashes`: verifies password hashes of other systems, and imports accounts with them.
//! - `jwe`: encrypted tokens, [`jose::jwe`].
//! - `memory`: in-memory implementations of the ports, for tests and first prototypes.
//! - `testkit`: contract suites for the ports, a manual clock, seeded entropy, deliberately faulty adapters.
//! - `tracing`: events through the `tracing` crate; identifiers only, never secrets or personal data.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod abuse;
pub mod account;
pub mod actor;
pub mod assurance;
pub mod audit;
pub mod clock;
pub mod consent;
pub mod credential;
pub mod crypto;
pub mod encoding;
pub mod entropy;
pub mod ephemeral;
pub mod error;
pub mod event;
pub mod factor;
pub mod hooks;
pub mod http;
pub mod id;
#[cfg(feature = "foreign-hashes")]
#[cfg_attr(docsrs, doc(cfg(feature = "foreign-hashes")))]
pub mod import;
pub mod interaction;
pub mod jose;
pub mod journey;
pub mod keys;
pub mod manual;
#[cfg(feature = "memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
pub mod memory;
pub mod migration;
pub mod networks;
pub mod notify;
pub mod organization;
pub mod outbound;
pub mod password;
pub mod place;
pub mod ports;
pub mod privacy;
pub mod ratelimit;
pub mod relay;
pub mod risk;
pub mod runtime;
pub mod sealing;
pub mod secret;
pub mod session;
pub mod store;
pub mod terms;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;
pub mod vault;
pub mod webhook;
