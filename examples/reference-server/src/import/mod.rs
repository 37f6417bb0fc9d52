//! Declarative setup: clients, resources, accounts and organizations from a file.
//!
//! A file says what must exist. At start everything in it is created, or updated where it differs; what it does
//! not mention stays as it is, so the same file twice changes nothing. A file is refused whole: nothing is
//! written before every entry of every file was understood and checked.

pub mod apply;
mod check;
mod roles;
pub mod saml;
mod schema;

use ciam_core::account::schema::AttributeSchema;

pub use check::Import;
pub(crate) use check::is_loopback;
pub use saml::{SamlConnectionEntry, SamlServiceEntry};
pub use schema::{
    AccountEntry, BackchannelEntry, ClientEntry, HintTokenEntry, ImportFile, MemberEntry, OrganizationEntry,
    PolicyEntry, PurposeEntry, ResourceEntry, RoleEntry, SecretText, TokenFormat, WebhookEntry,
};

/// The attributes that are kept of people: the usual ones, and those of the files, later ones before earlier ones.
pub fn attribute_schema(imports: &[Import]) -> AttributeSchema {
    imports.iter().fold(AttributeSchema::standard(), |schema, it| schema.and(&it.content().attributes))
}

/// The demonstration data of development mode.
pub const DEMO: &str = include_str!("demo.toml");

#[cfg(test)]
mod tests;
