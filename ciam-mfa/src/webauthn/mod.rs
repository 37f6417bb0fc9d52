//! Passkeys and security keys: a relying party of [WebAuthn Level 3](https://www.w3.org/TR/webauthn-3/).
//!
//! - [`RelyingParty`] says who asks and what is accepted, makes the options for the browser, and checks its answers. It does
//!   no I/O: a host that keeps its passkeys elsewhere can use it alone.
//! - [`PasskeyFactor`] plugs it into the journey, as a second factor and as the beginning of a sign-in without an identifier.
//! - [`Factors`](crate::manage::Factors) registers passkeys and removes them.
//!
//! Options and answers are in the JSON form of the browsers' own methods (`parseCreationOptionsFromJSON()`, `toJSON()`).
//!
//! ```
//! use ciam_mfa::webauthn::{NewPasskey, RelyingParty};
//! use url::Url;
//!
//! let relying_party =
//!     RelyingParty::new("example.com", "Example")?.with_origin(&Url::parse("https://example.com")?)?;
//! let passkey = NewPasskey::new(b"the account", "ada@example.com", "Ada");
//! let options = serde_json::to_value(relying_party.creation_options(&[7; 32], &passkey))?;
//! assert_eq!(options["rp"]["id"], "example.com");
//! assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! - **Bound.** An answer counts for the challenge, the origin and the relying party that it was made for. The challenge of a
//!   sign-in is in its journey, which is in one browser and ends in one session; that of a registration is taken once.
//! - **Not downgraded.** Whether the person had to be verified is kept beside the challenge, not read from the answer. A
//!   passkey without verification proves possession alone.
//! - **What it was made as, it stays**: a passkey that was bound to a device does not turn into one that is synchronised.
//! - **Counters** that do not go up are an event, and a refusal where the host wants that.
//! - **Algorithms** are ES256, EdDSA, ES384 and RS256. ES512 and Ed448 are not offered and refused, as no backend checks them.
//!
//! # What is not checked
//!
//! Revocation lists of attestation certificates, certificates that are signed with other algorithms than the four, and the
//! `android-safetynet` format, which is at its end.

mod attestation;
mod authentication;
mod authenticator_data;
pub mod cbor;
mod certificate;
mod client_data;
mod cose;
mod der;
mod enrolment;
mod error;
mod factor;
mod mds;
mod metadata;
mod options;
mod record;
mod registration;
mod relying_party;
mod response;
mod signal;

pub use self::authentication::{Asserted, Expected};
pub use self::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
pub use self::client_data::ClientData;
pub use self::cose::{CoseAlgorithm, CoseKey, PasskeyKey};
pub use self::enrolment::PasskeyEnrolment;
pub use self::error::WebauthnError;
pub use self::factor::PasskeyFactor;
pub use self::mds::{FidoMetadata, MetadataError};
pub use self::metadata::{AttestationTrust, NoTrust, TrustedAnchors};
pub use self::options::{
    AttestationConveyance, AuthenticatorSelection, CreationExtensions, CreationOptions, CredentialDescriptor,
    CredentialParameters, NewPasskey, RequestOptions, ResidentKey, RpEntity, UserEntity, UserVerification,
};
pub(crate) use self::record::PasskeyId;
pub use self::record::PasskeyRecord;
pub use self::registration::Registered;
pub use self::relying_party::{AttestationPolicy, InvalidRelyingParty, RelyingParty, SignCountPolicy};
pub use self::response::{
    AssertionResponse, AttestationResponse, AuthenticationResponse, Base64Url, CredentialProperties,
    CredentialType, PrfOutput, RegistrationExtensions, RegistrationResponse,
};
pub use self::signal::{AcceptedCredentials, CurrentDetails, UnknownCredential};
