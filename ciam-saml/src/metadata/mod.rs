//! Metadata ([SAML metadata](https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf)): who a peer is, its keys,
//! and where it listens.
//!
//! [`EntityDescriptor::parse`] reads what somebody says about themselves: an administrator who enters it vouches for it.
//! What is fetched again and again is loaded by a [`MetadataTrust`], which wants it signed by a pinned key, wants it to end,
//! and never takes an older one for a newer.
//!
//! What it does not do: fetch. [Requests for one entity](MetadataTrust::query_url) (MDQ) are sent by the host through core's
//! [`Outbound`](ciam_core::outbound::Outbound). Aggregates of many entities are read within the limits of one document.

mod generate;
mod parse;
mod trust;

pub use self::parse::{Consumer, EntityDescriptor, IdpRole, Keys, MetadataError, SpRole};
pub use self::trust::{Loaded, MetadataTrust, Seen};
