//! Accounts: the model, identifiers, the lifecycle, and what owners and administrators do with them.

mod create;
mod due;
mod identifier;
mod lifecycle;
mod model;
mod policy;
mod service;

pub use self::create::{CreateAccountError, NewAccount};
pub use self::due::{DueKind, ErasureDue, StatusDue};
pub use self::identifier::{Identifier, IdentifierError, IdentifierKey, IdentifierKind};
pub use self::lifecycle::{
    InvalidReason, LifecycleError, Prepared, ReasonCode, StatusCause, Transition, TransitionError,
};
pub(crate) use self::model::event_subject;
pub use self::model::{Account, AccountStatus, InvalidTransition, Profile, ProfileError};
pub use self::policy::AccountPolicy;
pub use self::service::Accounts;
