//! Access tokens at a resource server: validated without asking anybody.

mod bearer;
mod claims;
mod error;
mod remote;
mod token;
mod validator;

pub use self::bearer::bearer_token;
pub use self::error::ValidateError;
pub use self::remote::{RemoteKeys, RemoteKeysError};
pub use self::token::AccessToken;
pub use self::validator::{Keys, Validator};
