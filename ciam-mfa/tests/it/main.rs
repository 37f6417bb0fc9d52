//! Public-API tests of ciam-mfa, one module per topic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

mod attestation;
mod authenticator;
mod ceremonies;
mod certificates;
mod dbsc;
mod enrolment;
mod limits;
mod manage;
mod meanwhile;
mod metadata;
mod oracles;
mod otp;
mod passkeys;
mod push;
mod push_devices;
mod recovery;
mod risk;
mod risk_learning;
mod risk_services;
mod risk_world;
mod soft_authenticator;
mod transaction;
#[path = "../../../ciam-core/tests/it/watched.rs"]
mod watched;
mod webauthn_vectors;
mod world;
