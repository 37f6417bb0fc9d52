//! Refreshing tokens, once for all who want the same at the same time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use ciam_core::secret::{Secret, TokenDigest};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::RelyingParty;
use super::error::SignInError;
use super::tokens::Tokens;

type Refresh<T> = BoxFuture<'static, Result<T, SignInError>>;

/// The refreshes that are under way, by the digest of the token that they use up.
pub(super) struct Refreshes<T: Clone>(Mutex<HashMap<[u8; 32], WeakShared<Refresh<T>>>>);

impl<T: Clone> Refreshes<T> {
    /// The refresh of this token that is under way, or else this one.
    pub(super) fn join(&self, token: &Secret, start: impl FnOnce() -> Refresh<T>) -> Shared<Refresh<T>> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is over, or what nobody waits for any more, is gone.
        under_way.retain(|_, refresh| refresh.upgrade().is_some_and(|refresh| refresh.peek().is_none()));
        let key = *TokenDigest::of(token.expose()).as_bytes();
        if let Some(refresh) = under_way.get(&key).and_then(WeakShared::upgrade) {
            return refresh;
        }
        let refresh = start().shared();
        if let Some(weak) = refresh.downgrade() {
            under_way.insert(key, weak);
        }
        refresh
    }
}

impl<T: Clone> Default for Refreshes<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> fmt::Debug for Refreshes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refreshes")
    }
}

impl RelyingParty {
    /// Refreshes tokens. The new ones replace the old, the refresh token included when there is a new one.
    ///
    /// Of several calls with the same refresh token at the same time, in one process, one asks the provider, and all get its
    /// answer: a provider that rotates refresh tokens takes a second use for a theft. A call that is given up does not take
    /// the others' answer away. Between processes the host keeps tokens where one at a time changes them.
    ///
    /// # Errors
    ///
    /// Fails when there is no refresh token, when the provider refuses it, and when a new ID token does not hold or speaks of
    /// another person.
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, SignInError> {
        let Some(refresh_token) = &tokens.refresh_token else {
            return Err(SignInError::refused("invalid_grant"));
        };
        let start = || {
            let (party, tokens) = (self.clone(), tokens.clone());
            async move { party.refresh_once(&tokens).await }.boxed()
        };
        self.inner.refreshes.join(refresh_token, start).await
    }
}
