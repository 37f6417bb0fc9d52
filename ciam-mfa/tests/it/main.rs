//! Public-API tests of ciam-mfa, one module per topic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

mod authenticator;
mod dbsc;
mod enrolment;
mod manage;
mod oracles;
mod otp;
mod passkeys;
mod push;
mod recovery;
mod risk;
mod soft_authenticator;
mod transaction;
mod webauthn_vectors;
mod world;
