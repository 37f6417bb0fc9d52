//! Who did a thing: a person, or the system itself.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::AccountId;

/// Who changes an account, an organization or a setting. Administrative functions take one and write it into their event.
///
/// ```
/// use ciam_core::actor::Actor;
///
/// assert_eq!(Actor::system("retention").to_string(), "system:retention");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
#[non_exhaustive]
pub enum Actor {
    /// A person, by their account: the owner of what changes, or an administrator.
    Account(AccountId),
    /// The system, by the name of the part that acts, such as `retention`. Never a person's name.
    System(Cow<'static, str>),
}

impl Actor {
    /// A part of the system.
    #[must_use]
    pub const fn system(name: &'static str) -> Self {
        Self::System(Cow::Borrowed(name))
    }

    /// Whether it is the owner of this account.
    #[must_use]
    pub fn is(&self, account: AccountId) -> bool {
        *self == Self::Account(account)
    }
}

/// As in events: `account:<id>` or `system:<name>`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account:{id}"),
            Self::System(name) => write!(f, "system:{name}"),
        }
    }
}

impl Event {
    /// Adds who did it, as the detail `by`.
    #[must_use]
    pub fn by(self, actor: &Actor) -> Self {
        self.with("by", actor.to_string())
    }
}
