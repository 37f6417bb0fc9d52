//! SCIM 2.0 service provider and client.
//!
//! # Status
//!
//! This release has no public API: it fixes the name and the place of the crate. What provisioning will do to a tenant is
//! what core's store can do today: one batch that creates a person and puts them into their organization, or changes
//! nothing at all.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use ciam_core::account::{Account, Identifier, IdentifierKey};
//! use ciam_core::clock::{Clock, SystemClock};
//! use ciam_core::entropy::SystemEntropy;
//! use ciam_core::id::{AccountId, OrganizationId};
//! use ciam_core::organization::{Membership, Organization, Slug};
//! use ciam_core::store::{Batch, EntityRef, Version, Write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (clock, entropy) = (SystemClock::new(), SystemEntropy::new());
//! let now = clock.now();
//! let acme = Organization::new(
//!     OrganizationId::generate(&clock, &entropy)?,
//!     Slug::new("acme")?,
//!     "Acme",
//!     now,
//! );
//!
//! // What `POST /Users` with the userName of somebody new comes down to.
//! let name = IdentifierKey::email("Ada@acme.example")?;
//! let mut ada = Account::new(AccountId::generate(&clock, &entropy)?, now);
//! ada.identifiers.push(Identifier::unverified(name.clone()));
//! let member = Membership::new(acme.id, ada.id, BTreeSet::new(), now);
//! let batch = Batch::new()
//!     .require_absent(EntityRef::Identifier(name))
//!     .require_version(EntityRef::Organization(acme.id), Version::FIRST)
//!     .write(Write::PutAccount(ada))
//!     .write(Write::PutMembership(member));
//! assert_eq!(batch.writes().len(), 2);
//! # Ok(()) }
//! ```
//!
//! # What it will be
//!
//! - **The [schema]**: users, groups, the enterprise extension, and a host's own resource types as data.
//! - **The [protocol]**: filters, patch, bulk, sorting, projection, versions, [cursor] and index pagination, with strict and
//!   interoperable profiles for the directories that people really have.
//! - **Groups at any size**: membership is edges in the store, never a list inside a document.
//! - **A client** that keeps another service provider in step.
//! - **[Security events]** for what changed, from core's outbox.
//!
//! # Place
//!
//! ```text
//! ciam-core  <-  ciam-scim
//! ```
//!
//! It will know nothing of OAuth, OpenID Connect or SAML: the host decides who may call it.
//!
//! [schema]: https://www.rfc-editor.org/rfc/rfc7643
//! [protocol]: https://www.rfc-editor.org/rfc/rfc7644
//! [cursor]: https://www.rfc-editor.org/rfc/rfc9865
//! [Security events]: https://www.rfc-editor.org/rfc/rfc9967
#![cfg_attr(docsrs, feature(doc_cfg))]
