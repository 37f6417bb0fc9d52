//! Schemas as data ([RFC 7643]).
//!
//! A [`Schema`] is what the standard says it is: a document. A [`ResourceType`] is made of one and of extensions, and compiled
//! once: everything that is read, compared, changed and told goes by the numbers of its attributes, so a customer's own
//! attributes cost what the standard's cost. A [`Registry`] has the kinds of one connection.
//!
//! [RFC 7643]: https://www.rfc-editor.org/rfc/rfc7643

mod attribute;
mod compile;
mod core;
mod registry;

pub use self::attribute::{Attribute, AttributeType, Mutability, Returned, Schema, Uniqueness};
pub use self::compile::{AttrId, InvalidSchemaError, Node, ResourceType, ResourceTypeBuilder};
pub use self::core::{ENTERPRISE_USER, GROUP, USER};
pub use self::registry::Registry;
