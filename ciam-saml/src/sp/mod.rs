//! The service provider of the web browser profile
//! ([SAML profiles, section 4.1](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! [`ServiceProvider::start`] sends a browser to an identity provider and keeps what was asked, bound to the browser;
//! [`ServiceProvider::accept`] answers with an [`Authenticated`] that was read from signed octets and nothing else.

mod accept;
mod artifact;
mod attributes;
mod check;
mod config;
mod logout;
mod open;
mod partner;
mod reject;
mod start;

pub use self::accept::{Accepted, Authenticated};
pub use self::artifact::Resolution;
pub use self::attributes::AttributeMapping;
pub use self::config::{ServiceProvider, ServiceProviderConfig};
pub use self::partner::{IdpPartner, Required};
pub use self::reject::Reject;
pub use self::start::{Start, StartError, Started};
