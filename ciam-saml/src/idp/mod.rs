//! The identity provider of the web browser profile
//! ([SAML profiles, section 4.1](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! [`IdentityProvider::receive`] validates a request against what is known of the service and answers with a [`SignOn`], which
//! a host keeps in an [interaction](ciam_core::interaction) while the person signs in; [`IdentityProvider::issue`] answers
//! the service.

mod artifact;
mod config;
mod issue;
mod logout;
mod name_id;
mod partner;
mod receive;
mod session_end;
mod sessions;

pub(crate) use self::artifact::ENDPOINT;
pub use self::artifact::ResolveRefused;
pub use self::config::{IdentityProvider, IdentityProviderConfig};
pub use self::issue::{IssueError, Issued, Person};
pub use self::logout::Propagation;
pub use self::name_id::NameIdFormat;
pub(crate) use self::partner::checked;
pub use self::partner::{NotAnAddress, SpPartner};
pub use self::receive::{RequestRefused, SignOn};
pub use self::session_end::{LOGOUT_DUE, LOGOUT_UNREACHED};
pub use self::sessions::Participant;
