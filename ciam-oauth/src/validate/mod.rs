//! Access tokens at a resource server: validated without asking anybody.

mod bearer;
mod claims;
mod discovery;
mod error;
mod token;
mod validator;

pub use self::bearer::bearer_token;
pub use self::discovery::{DiscoveryError, discover_keys};
pub use self::error::ValidateError;
pub use self::token::AccessToken;
pub use self::validator::{Keys, Validator};
