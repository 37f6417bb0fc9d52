//! The life of a signing key.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Where a signing key is in its life.
///
/// ```text
/// pending ──▶ current ──▶ retiring ──▶ retired
///    │           │            │           ▲
///    └───────────┴────────────┴─ withdraw ┘
/// ```
///
/// A key is published from the beginning of `pending` to the end of `retiring`, and signs while it is `current`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyState {
    /// Published so that everybody has it when it begins to sign.
    Pending {
        /// From when on it is published.
        #[serde(with = "time::serde::timestamp")]
        since: OffsetDateTime,
        /// When it is to begin to sign.
        #[serde(with = "time::serde::timestamp")]
        activate_at: OffsetDateTime,
    },
    /// Signs.
    Current {
        /// From when on it signs.
        #[serde(with = "time::serde::timestamp")]
        since: OffsetDateTime,
    },
    /// Signs no more, and is published until everything that it signed has expired.
    Retiring {
        /// From when on it did not sign any more.
        #[serde(with = "time::serde::timestamp")]
        since: OffsetDateTime,
        /// Until when it is published.
        #[serde(with = "time::serde::timestamp")]
        until: OffsetDateTime,
    },
    /// Verifies nothing any more.
    Retired {
        /// From when on.
        #[serde(with = "time::serde::timestamp")]
        at: OffsetDateTime,
        /// Whether it was taken out early, because it may be in other hands.
        withdrawn: bool,
    },
}

impl KeyState {
    /// A key that is published now.
    #[must_use]
    pub const fn pending(now: OffsetDateTime, activate_at: OffsetDateTime) -> Self {
        Self::Pending { since: now, activate_at }
    }

    /// Begins to sign.
    ///
    /// # Errors
    ///
    /// Fails unless the key is pending.
    pub const fn promote(self, now: OffsetDateTime) -> Result<Self, InvalidTransition> {
        match self {
            Self::Pending { .. } => Ok(Self::Current { since: now }),
            _ => Err(self.invalid("promote")),
        }
    }

    /// Stops signing.
    ///
    /// # Errors
    ///
    /// Fails unless the key is current.
    pub const fn retire(self, now: OffsetDateTime, until: OffsetDateTime) -> Result<Self, InvalidTransition> {
        match self {
            Self::Current { .. } => Ok(Self::Retiring { since: now, until }),
            _ => Err(self.invalid("retire")),
        }
    }

    /// Stops being published, after its time.
    ///
    /// # Errors
    ///
    /// Fails unless the key is retiring and its time has come.
    pub fn expire(self, now: OffsetDateTime) -> Result<Self, InvalidTransition> {
        match self {
            Self::Retiring { until, .. } if until <= now => Ok(Self::Retired { at: now, withdrawn: false }),
            _ => Err(self.invalid("expire")),
        }
    }

    /// Stops everything at once.
    ///
    /// # Errors
    ///
    /// Fails when the key has been withdrawn already. A key that retired in peace can still be withdrawn: what it signed is
    /// then no proof of anything.
    pub const fn withdraw(self, now: OffsetDateTime) -> Result<Self, InvalidTransition> {
        match self {
            Self::Retired { withdrawn: true, .. } => Err(self.invalid("withdraw")),
            _ => Ok(Self::Retired { at: now, withdrawn: true }),
        }
    }

    /// Whether the key signs.
    #[must_use]
    pub const fn is_current(self) -> bool {
        matches!(self, Self::Current { .. })
    }

    /// Whether the key is in the JWKS.
    #[must_use]
    pub const fn is_published(self) -> bool {
        !matches!(self, Self::Retired { .. })
    }

    /// The name of the state: `pending`, `current`, `retiring`, `retired`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Current { .. } => "current",
            Self::Retiring { .. } => "retiring",
            Self::Retired { .. } => "retired",
        }
    }

    const fn invalid(self, action: &'static str) -> InvalidTransition {
        InvalidTransition { state: self.name(), action }
    }
}

/// The key is not in a state from which this can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action} a key that is {state}")]
#[non_exhaustive]
pub struct InvalidTransition {
    /// The state that the key is in.
    pub state: &'static str,
    /// What was to be done.
    pub action: &'static str,
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-01-02 12:00 UTC);

    fn states() -> [KeyState; 5] {
        [
            KeyState::pending(NOW, LATER),
            KeyState::Current { since: NOW },
            KeyState::Retiring { since: NOW, until: LATER },
            KeyState::Retired { at: NOW, withdrawn: false },
            KeyState::Retired { at: NOW, withdrawn: true },
        ]
    }

    /// Every action in every state: what is not listed is refused.
    #[test]
    fn only_the_drawn_transitions_exist() {
        let allowed = |action: fn(KeyState) -> Result<KeyState, InvalidTransition>| {
            states().map(|state| action(state).map(KeyState::name).unwrap_or("-"))
        };
        assert_eq!(allowed(|state| state.promote(LATER)), ["current", "-", "-", "-", "-"]);
        assert_eq!(allowed(|state| state.retire(LATER, LATER)), ["-", "retiring", "-", "-", "-"]);
        assert_eq!(allowed(|state| state.expire(LATER)), ["-", "-", "retired", "-", "-"]);
        assert_eq!(allowed(|state| state.withdraw(LATER)), ["retired", "retired", "retired", "retired", "-"]);
    }

    #[test]
    fn a_retiring_key_stays_until_its_time() {
        let retiring = KeyState::Retiring { since: NOW, until: LATER };
        let error = retiring.expire(LATER - Duration::SECOND).unwrap_err();
        assert_eq!(error.to_string(), "cannot expire a key that is retiring");
        assert_eq!(retiring.expire(LATER), Ok(KeyState::Retired { at: LATER, withdrawn: false }));
    }

    #[test]
    fn states_have_a_stable_form() {
        let json = serde_json::to_value(states()).unwrap();
        assert_eq!(
            json[0],
            serde_json::json!({
                "state": "pending", "since": 1_767_268_800, "activate_at": 1_767_355_200
            })
        );
        assert_eq!(
            json[4],
            serde_json::json!({ "state": "retired", "at": 1_767_268_800, "withdrawn": true })
        );
        assert_eq!(serde_json::from_value::<[KeyState; 5]>(json).unwrap(), states());
    }
}
