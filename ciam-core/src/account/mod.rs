//! Accounts: the model, identifiers, the lifecycle, and what owners and administrators do with them.

mod closing;
mod create;
mod demand;
mod due;
pub mod federated;
mod identifier;
pub mod identifiers;
pub(crate) mod lifecycle;
mod look_alike;
mod model;
pub(crate) mod owner;
mod password;
mod policy;
mod profile;
mod recency;
pub mod schema;
mod service;
mod ways_in;

pub use self::create::{CreateAccountError, NewAccount};
pub use self::demand::{AccountDemand, DemandError};
pub use self::due::{DueKind, ErasureDue, StatusDue};
pub use self::identifier::{Identifier, IdentifierError, IdentifierKey, IdentifierKind};
pub use self::lifecycle::{
    InvalidReason, LifecycleError, Prepared, ReasonCode, StatusCause, Transition, TransitionError,
};
pub(crate) use self::model::event_subject;
pub use self::model::{Account, AccountStatus, InvalidTransition, Profile, ProfileError};
pub use self::owner::{Owner, OwnerError};
pub use self::policy::AccountPolicy;
pub use self::profile::ProfileChangeError;
pub use self::service::Accounts;
pub use self::ways_in::WaysIn;
