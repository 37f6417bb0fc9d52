//! Clients: the applications that ask for tokens.

mod authentication;
mod check;
mod id;
mod messages;
mod model;
mod registry;

pub(crate) use self::authentication::SECRET_PURPOSE;
pub use self::authentication::{
    AuthMethod, ClientAuthentication, ClientKeys, ClientSecret, SecretDigest, WeakSecret,
};
pub use self::check::ClientProblem;
pub(crate) use self::check::Supported;
pub use self::id::{ClientId, InvalidClientId};
pub use self::messages::{MessageProtection, TokenEncryption};
pub use self::model::{
    ApplicationType, Client, ClientDisplay, ClientKind, GrantType, RefreshRotation, SubjectType,
};
pub use self::registry::{AuthenticatedClient, Clients, ClientsError, Put};
