//! Public-API tests of ciam-core, one module per topic.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod abuse;
mod account_federated;
mod account_identifiers;
mod account_invitations;
mod account_lifecycle;
mod account_password;
mod audit;
mod backends;
mod before_session;
mod contracts;
mod enumeration;
mod faulty;
mod first_factor;
#[cfg(feature = "foreign-hashes")]
mod foreign_hashes;
#[cfg(feature = "foreign-hashes")]
mod foreign_imports;
mod guards;
mod home_realm;
#[cfg(feature = "foreign-hashes")]
mod import;
mod interactions;
mod invitations;
mod jose_examples;
mod jose_vectors;
mod jwe_vectors;
mod last_owner;
mod limits;
mod meanwhile;
mod migration;
mod organization_domains;
mod organization_sessions;
mod organizations;
mod passwordless;
mod pin;
mod privacy;
mod reclaim;
mod recovery;
mod relay;
mod retention;
mod sealing;
mod session_devices;
mod sessions;
mod sign_in;
mod sign_in_changes;
mod sign_up;
mod terms;
mod trusted_devices;
mod watched;
mod webhooks;
mod world;
