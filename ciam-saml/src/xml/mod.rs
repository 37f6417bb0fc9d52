//! The one XML parser of this crate, and what is built on it.
//!
//! XML is read by a pull parser with limits that knows no document types, entities beyond the five or processing
//! instructions ([`Limits`]), into a bounded tree ([`Doc`]). [Exclusive canonicalization] walks that tree
//! ([`canonicalize`]), or the tokens of what is too large for a tree, and [`XmlWriter`] is the only way in which XML is made. Nothing here recurses.
//!
//! What it does not do: validate against schemas, resolve anything, or edit. Namespaces follow
//! [Namespaces in XML 1.0](https://www.w3.org/TR/xml-names/), with names of namespaces that are absolute and written
//! without references.
//!
//! [Exclusive canonicalization]: https://www.w3.org/TR/xml-exc-c14n/

mod c14n;
mod chars;
mod limits;
mod reader;
mod stream;
mod tree;
mod write;

pub use self::c14n::{Canonical, canonicalize};
pub(crate) use self::chars::is_ncname;
pub use self::limits::{Limits, XmlError};
pub(crate) use self::reader::Token;
pub(crate) use self::stream::{Start, Step, Stream};
pub use self::tree::{Children, Doc, Element};
pub use self::write::XmlWriter;
