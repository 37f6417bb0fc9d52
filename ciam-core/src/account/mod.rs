//! Accounts: the model, identifiers and the lifecycle.

mod identifier;
mod model;

pub use self::identifier::{Identifier, IdentifierError, IdentifierKey, IdentifierKind};
pub use self::model::{Account, AccountStatus, InvalidTransition, Profile, ProfileError};
