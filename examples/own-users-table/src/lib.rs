//! Accounts that stay in the `users` table that a host has, everything else in the tables of `ciam-adapters` beside it.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions};
//! use ciam_core::clock::SystemClock;
//! use ciam_core::id::TenantId;
//! use own_users_table::UsersTable;
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let tenant: TenantId = "01930000-0000-7000-8000-000000000001".parse()?;
//! let database = PostgresDatabase::connect("postgres://shop@127.0.0.1/shop", PostgresOptions::default()).await?;
//! let users = Arc::new(UsersTable::in_schema("public")?);
//! let store = database.tenant_with_accounts(tenant, Arc::new(SystemClock::new()), users);
//! # drop(store);
//! # Ok(())
//! # }
//! ```
//!
//! The store takes [`UsersTable`] in place of its own table of accounts. A batch that writes an account and a session, or an
//! event, writes `users` and our tables in one transaction; a batch without accounts goes the short way.
//!
//! [`mapping`] is the part to write anew for another table: what of an account is in which column. Columns win: what the
//! host's own code writes into them is what the account says from then on.

pub mod mapping;
mod table;

pub use self::table::{InvalidSchema, UsersTable};
