//! Accounts: the model, identifiers and the lifecycle.

mod create;
mod identifier;
mod model;

pub use self::create::{CreateAccountError, NewAccount};
pub use self::identifier::{Identifier, IdentifierError, IdentifierKey, IdentifierKind};
pub(crate) use self::model::event_subject;
pub use self::model::{Account, AccountStatus, InvalidTransition, Profile, ProfileError};
