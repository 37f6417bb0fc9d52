//! Accounts, sessions, sign-in journeys, keys and the ports that every ciam crate shares.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod account;
pub mod assurance;
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
pub mod interaction;
pub mod jose;
pub mod journey;
pub mod keys;
#[cfg(feature = "memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
pub mod memory;
pub mod notify;
pub mod organization;
pub mod outbound;
pub mod password;
pub mod ports;
pub mod ratelimit;
pub mod relay;
pub mod risk;
pub mod runtime;
pub mod secret;
pub mod session;
pub mod store;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;
pub mod vault;
