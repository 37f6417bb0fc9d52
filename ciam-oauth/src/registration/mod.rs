//! Clients that register themselves ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591)) and change or remove their registration
//! ([RFC 7592](https://www.rfc-editor.org/rfc/rfc7592)).
//!
//! A program posts what it is, as JSON, and is given a client id, a secret where it wants one, and a token for the address at
//! which its registration is managed. By default it needs an *initial access token*, which the host gives out
//! ([`issue_initial_access`](crate::AuthorizationServer::issue_initial_access)); a server that wants to be found by programs it
//! never heard of opens registration by name.
//!
//! What a client may become is the host's to say ([`RegistrationPolicy`]); what it can become is checked like every registration.
//! It is never the operator's own, and serves no resource.
//!
//! ```
//! use bytes::Bytes;
//! use ciam_core::actor::Actor;
//! use ciam_core::http::Peer;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::registration::{InitialAccess, RegistrationSettings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .registration(RegistrationSettings::default())
//!     .build()
//!     .await?;
//! let token = server.issue_initial_access(&Actor::system("partners"), InitialAccess::once()).await?;
//!
//! let request = http::Request::post("/register")
//!     .header("authorization", format!("Bearer {}", token.expose()))
//!     .header("content-type", "application/json")
//!     .body(Bytes::from(r#"{"redirect_uris":["https://partner.example/cb"],"client_name":"Partner"}"#))?;
//! let response = server.handle(request, &Peer::new([192, 0, 2, 7].into())).await;
//! assert_eq!(response.status(), 201);
//! # Ok(())
//! # }
//! ```

mod access;
mod endpoint;
mod error;
mod manage;
mod messages;
mod metadata;
mod policy;
mod statement;

pub use self::access::InitialAccess;
pub use self::error::RegistrationError;
pub use self::metadata::ClientMetadata;
#[cfg(feature = "draft-client-documents")]
pub(crate) use self::metadata::Wanted;
pub use self::policy::{
    DefaultRegistration, Registration, RegistrationDecision, RegistrationPolicy, RegistrationSettings,
};
