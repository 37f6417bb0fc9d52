//! Device authorization ([RFC 8628](https://www.rfc-editor.org/rfc/rfc8628)): a television, a command line or a till, on which
//! nobody wants to type a password.
//!
//! The device asks at the device authorization endpoint and shows the person a *user code*. The person types it into the
//! host's page, in a browser where they sign in and consent as for any other request, and the device, which has been asking
//! the token endpoint, is given its tokens.
//!
//! - [`authorize_device`](crate::AuthorizationServer::authorize_device) answers the device, and
//!   [`handle`](crate::AuthorizationServer::handle) its HTTP requests.
//! - [`verify_device`](crate::AuthorizationServer::verify_device) takes the user code from the host's page. It goes through the
//!   same table of checks, the same interactions and the same consent as the authorization endpoint, and ends at
//!   [`DeviceSettings::done_url`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use ciam_core::http::{Params, Peer};
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::authorize::{Step, Visitor};
//! use ciam_oauth::client::{AuthenticatedClient, Client, GrantType};
//! use ciam_oauth::device::DeviceSettings;
//! use ciam_oauth::server::SupportedScope;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .scope(SupportedScope::new("films:watch".parse()?, "Watch your films"))
//!     .device(DeviceSettings::new("/device", "/device/done"))
//!     .build()
//!     .await?;
//! let television = Client::public("television".parse()?)
//!     .with_grant(GrantType::DeviceCode)
//!     .with_scopes("films:watch".parse()?);
//! server.clients().register(television.clone()).await?;
//!
//! // The device asks, and shows the person where to go and what to type.
//! let device = AuthenticatedClient::new(Arc::new(television));
//! let peer = Peer::new([192, 0, 2, 7].into());
//! let params = Params::from_pairs(vec![("scope".to_owned(), "films:watch".to_owned())]);
//! let shown = server.authorize_device(&device, &params, &peer).await?;
//! assert_eq!(shown.verification_uri, "https://id.example/device");
//!
//! // The host's page, with what the person typed:
//! let typed = shown.user_code.expose().to_lowercase();
//! let step = server.verify_device(&typed, &Visitor::default(), &peer).await?;
//! assert!(matches!(step, Step::Interact(_)), "the person signs in and is asked");
//! # Ok(())
//! # }
//! ```
//!
//! # Security
//!
//! - The person is always asked, with the client's name and the user code, whatever they allowed before: the code may be
//!   somebody else's, sent to them by mail
//!   ([RFC 8628, section 5.4](https://www.rfc-editor.org/rfc/rfc8628#section-5.4)).
//! - A user code has 34 bits and lives for minutes; tries are counted for each address before the code is looked at. What is
//!   wrong with one is not told: unknown, expired and used are one answer.
//! - Approving and refusing are compare-and-swaps on one record: one answer counts, and the tokens are given out once.

mod code;
mod endpoint;
mod error;
mod record;
mod settings;

pub use self::code::UserCode;
pub use self::endpoint::DeviceAuthorization;
pub use self::error::{DeviceError, UserCodeError};
pub use self::record::DeviceReference;
pub(crate) use self::record::{DeviceRecord, DeviceState, PollState};
pub use self::settings::DeviceSettings;
