//! Metadata ([SAML metadata](https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf)): who a peer is, its keys,
//! and where it listens.
//!
//! [`EntityDescriptor::parse`] reads what somebody says about themselves: an administrator who enters it vouches for it.
//! What is fetched again and again is loaded by a [`MetadataTrust`], which wants it signed by a pinned key, wants it to end,
//! and never takes an older one for a newer.
//!
//! Aggregates are read in one pass, without a tree of the whole ([`MetadataTrust::load`]). [`RemoteMetadata`] fetches what is at a
//! URL, or one entity by a [query](MetadataQuery), and keeps it fresh in the background.

mod aggregate;
mod generate;
mod parse;
mod query;
mod remote;
mod trust;

use ciam_core::event::EventType;

pub use self::parse::{Consumer, EntityDescriptor, IdpRole, Keys, MetadataError, SpRole};
pub use self::query::MetadataQuery;
pub use self::remote::{RefreshPolicy, RemoteMetadata, RemoteMetadataError, Snapshot};
pub use self::trust::{Loaded, MetadataTrust, Seen};

/// Metadata was fetched that is newer than what was seen before. Details: `source`, `entities`.
pub const METADATA_REFRESHED: EventType = EventType::new("ciam.saml.metadata.refreshed.v1");
