//! The reference server: a complete identity server from the ciam crates.
//!
//! It is one process with one SQLite file: people sign up, verify their address, sign in, allow applications
//! and look after their account on server-rendered pages; applications and APIs talk OAuth 2.x and OpenID
//! Connect to it. `README.md` says how to run it, this page how it is built:
//!
//! - [`cli`], [`config`], [`document`]: flags, variables and files, with errors that name line and key.
//! - [`import`]: clients, accounts and organizations from a file.
//! - [`i18n`]: texts, typed, in every language.
//! - [`api`]: the JSON API of a person's own account.
//! - [`pages`]: view models; [`templates`]: what they are rendered with.

pub mod accounts_import;
pub(crate) mod activity;
pub(crate) mod agreements;
pub mod api;
pub mod app;
mod audit;
mod backchannel;
pub mod cli;
pub mod config;
pub mod dead_letters;
mod directory;
pub mod document;
pub mod exchange;
mod greeting;
pub mod i18n;
pub mod import;
mod initial_access;
mod invite;
pub mod keeping;
pub mod keys;
pub mod letters;
pub mod member_factors;
pub mod pages;
pub mod privacy;
pub(crate) mod reasons;
pub mod routes;
pub mod run;
pub mod saml;
pub mod serve;
pub mod services;
pub mod storage;
mod support;
pub mod templates;
pub mod tls;
pub mod transactions;
pub mod upstream;
pub mod web;

#[cfg(test)]
mod testing;
