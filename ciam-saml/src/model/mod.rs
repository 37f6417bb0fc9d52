//! Messages and assertions as values ([SAML core](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
//!
//! Children are taken in the order of the schema and by their full name; what the schema has no place for is refused.

mod artifact;
mod assertion;
mod logout;
mod request;
mod response;
mod shape;
mod values;

pub(crate) use self::artifact::{ArtifactResolve, ArtifactResponse, write_response};
pub(crate) use self::assertion::{Assertion, Confirmation, SubjectId};
pub use self::logout::{LogoutRequest, LogoutResponse};
pub use self::request::AuthnRequest;
pub(crate) use self::response::{Content, Response};
pub use self::response::{Status, StatusCode};
pub use self::shape::ShapeError;
pub(crate) use self::shape::{Header, issuer_hint, new_id};
pub use self::values::{Attribute, NameId};
