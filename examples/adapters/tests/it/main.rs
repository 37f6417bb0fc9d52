//! The adapters from outside: contract suites, damaged and locked files, killed processes, real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod captcha;
#[cfg(feature = "cedar")]
mod cedar;
mod contract;
mod http_client;
mod model;
mod nats;
mod nodes;
mod organizations;
mod postgres_contract;
mod postgres_model;
mod postgres_plans;
mod postgres_proxy;
mod postgres_races;
mod postgres_relay;
mod postgres_restart;
mod postgres_schema;
mod postgres_server;
mod postgres_support;
mod postgres_trips;
mod redis_contract;
mod redis_outage;
mod smtp;
mod sqlite_contract;
mod sqlite_damage;
mod sqlite_file;
mod sqlite_group;
mod sqlite_killed;
mod sqlite_model;
mod sqlite_races;
mod support;
mod vault;
