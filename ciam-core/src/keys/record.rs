//! The keys of one algorithm, as they are stored, and the rules by which they change.
//!
//! All keys of an algorithm are one record. So there is one current key by construction, each change is one
//! compare-and-swap, and of two nodes that rotate at once one finds that the other has done it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::policy::KeyPolicy;
use super::state::{InvalidTransition, KeyState};
use crate::jose::{Algorithm, PublicJwk};
use crate::store::{RecordKind, StoredRecord};
use crate::vault::Sealed;

/// The keys of one algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlgorithmKeys {
    pub(super) algorithm: Algorithm,
    pub(super) keys: Vec<StoredKey>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredKey {
    /// The public key, with its name.
    pub(super) jwk: PublicJwk,
    #[serde(flatten)]
    pub(super) state: KeyState,
    /// What signs, sealed. Gone as soon as the key signs no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) material: Option<Sealed>,
}

impl StoredKey {
    pub(super) fn kid(&self) -> &str {
        self.jwk.kid().unwrap_or_default()
    }
}

/// A key that was moved from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyChange {
    /// The key's name.
    pub kid: String,
    /// The key's algorithm.
    pub algorithm: Algorithm,
    /// The state that it is in now.
    pub state: KeyState,
}

impl AlgorithmKeys {
    pub(super) const fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, keys: Vec::new() }
    }

    pub(super) fn current(&self) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.state.is_current())
    }

    fn pending(&self) -> Option<&StoredKey> {
        self.keys.iter().find(|key| matches!(key.state, KeyState::Pending { .. }))
    }

    pub(super) fn find(&self, kid: &str) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    pub(super) fn has_successor(&self) -> bool {
        self.pending().is_some()
    }

    /// When the pending key is to begin to sign.
    pub(super) fn activates_at(&self) -> Option<OffsetDateTime> {
        match self.pending()?.state {
            KeyState::Pending { activate_at, .. } => Some(activate_at),
            _ => None,
        }
    }

    /// Lets the pending key begin to sign at `at`, unless it does sooner.
    pub(super) fn hasten(&mut self, at: OffsetDateTime, changes: &mut Vec<KeyChange>) {
        for key in &mut self.keys {
            let KeyState::Pending { since, activate_at } = key.state else { continue };
            let state = KeyState::Pending { since, activate_at: activate_at.min(at) };
            if state == key.state {
                continue;
            }
            key.state = state;
            changes.retain(|change| change.kid != key.kid());
            changes.push(KeyChange { kid: key.kid().to_owned(), algorithm: self.algorithm, state });
        }
    }

    /// Makes every transition whose time has come.
    pub(super) fn advance(&mut self, now: OffsetDateTime, policy: &KeyPolicy) -> Vec<KeyChange> {
        let mut changes = Vec::new();
        self.transition(&mut changes, |state| state.expire(now).ok());
        if self.successor_is_due(now) {
            let until = now.saturating_add(policy.retire_for());
            self.transition(&mut changes, |state| match state {
                KeyState::Current { .. } => state.retire(now, until).ok(),
                KeyState::Pending { .. } => state.promote(now).ok(),
                _ => None,
            });
        }
        self.keys.retain(|key| !is_forgotten(key.state, now, policy));
        changes
    }

    /// Whether a pending key should begin to sign: its time has come, or there is no other.
    fn successor_is_due(&self, now: OffsetDateTime) -> bool {
        self.activates_at().is_some_and(|at| at <= now || self.current().is_none())
    }

    fn transition(&mut self, changes: &mut Vec<KeyChange>, step: impl Fn(KeyState) -> Option<KeyState>) {
        for key in &mut self.keys {
            let Some(state) = step(key.state) else { continue };
            key.state = state;
            if !matches!(state, KeyState::Pending { .. } | KeyState::Current { .. }) {
                key.material = None;
            }
            changes.push(KeyChange { kid: key.kid().to_owned(), algorithm: self.algorithm, state });
        }
    }

    /// Whether it is time to add a key: there is none, or the current one will have to be replaced when the new one has
    /// been published for long enough.
    pub(super) fn wants_key(&self, now: OffsetDateTime, policy: &KeyPolicy) -> bool {
        !self.has_successor() && self.succession_begins(policy).is_none_or(|begins| begins <= now)
    }

    fn succession_begins(&self, policy: &KeyPolicy) -> Option<OffsetDateTime> {
        match self.current()?.state {
            KeyState::Current { since } => {
                Some(since.saturating_add(policy.rotate_after).saturating_sub(policy.publish_ahead))
            }
            _ => None,
        }
    }

    /// Adds a key: the first one signs at once, because nobody knows another yet; later ones are published first.
    pub(super) fn add(
        &mut self,
        jwk: PublicJwk,
        material: Sealed,
        now: OffsetDateTime,
        policy: &KeyPolicy,
    ) -> KeyChange {
        let pending = KeyState::pending(now, now.saturating_add(policy.publish_ahead));
        let state = match self.current() {
            None => KeyState::Current { since: now },
            Some(_) => pending,
        };
        let key = StoredKey { jwk, state, material: Some(material) };
        let change = KeyChange { kid: key.kid().to_owned(), algorithm: self.algorithm, state };
        self.keys.push(key);
        change
    }

    /// Takes a key out at once; a pending one takes the place of a current one. An unknown or withdrawn key stays as it is.
    pub(super) fn withdraw(
        &mut self,
        kid: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<KeyChange>, InvalidTransition> {
        let mut changes = Vec::new();
        let Some(key) = self.keys.iter_mut().find(|key| key.kid() == kid) else { return Ok(changes) };
        if matches!(key.state, KeyState::Retired { withdrawn: true, .. }) {
            return Ok(changes);
        }
        let state = key.state.withdraw(now)?;
        key.state = state;
        key.material = None;
        changes.push(KeyChange { kid: kid.to_owned(), algorithm: self.algorithm, state });
        if self.current().is_none() {
            self.transition(&mut changes, |state| state.promote(now).ok());
        }
        Ok(changes)
    }

    /// When [`advance`](Self::advance) or [`wants_key`](Self::wants_key) will have something to do next.
    pub(super) fn next_due(&self, policy: &KeyPolicy) -> Option<OffsetDateTime> {
        let transitions = self.keys.iter().filter_map(|key| match key.state {
            KeyState::Pending { activate_at, .. } => Some(activate_at),
            KeyState::Retiring { until, .. } => Some(until),
            KeyState::Current { .. } if self.has_successor() => None,
            KeyState::Current { .. } => self.succession_begins(policy),
            KeyState::Retired { at, .. } => Some(at.saturating_add(policy.remember)),
        });
        transitions.min()
    }
}

/// Withdrawn keys are remembered as well: so that the same key is not imported again.
fn is_forgotten(state: KeyState, now: OffsetDateTime, policy: &KeyPolicy) -> bool {
    matches!(state, KeyState::Retired { at, .. } if at.saturating_add(policy.remember) <= now)
}

impl StoredRecord for AlgorithmKeys {
    const KIND: RecordKind = RecordKind::new("core.signing_keys", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.algorithm.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests;
