//! Hooks: the points where a host changes the outcome before the commit.
//!
//! What comes after the commit is the outbox: subscribe to [events](crate::event) for that.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::account::{Account, IdentifierKey, Profile};
use crate::error::PortError;
use crate::session::Session;

/// What a hook says to what is about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookDecision {
    /// Go on.
    Allow,
    /// Stop. The code is the host's own; it reaches the host's pages and the events, never a protocol client.
    Deny {
        /// A stable code for the host's pages.
        code: String,
    },
}

/// The host's say before things happen. Every method has a default that allows and changes nothing.
///
/// # Contract
///
/// A hook that fails stops the flow it was asked in: nothing is committed. It runs while a person or client waits.
#[async_trait]
pub trait Hooks: fmt::Debug + Send + Sync {
    /// Before a registration begins: may refuse it or change the profile.
    ///
    /// # Errors
    ///
    /// Fails when the host's backend does.
    async fn before_registration(
        &self,
        identifier: &IdentifierKey,
        profile: &mut Profile,
    ) -> Result<HookDecision, PortError> {
        let _ = (identifier, profile);
        Ok(HookDecision::Allow)
    }

    /// Before a session begins, after all factors were proved: may refuse it.
    ///
    /// # Errors
    ///
    /// Fails when the host's backend does.
    async fn before_session(&self, account: &Account, session: &Session) -> Result<HookDecision, PortError> {
        let _ = (account, session);
        Ok(HookDecision::Allow)
    }

    /// Before a token is issued: may refuse it, or add claims. Claims that the protocol sets cannot be replaced.
    ///
    /// # Errors
    ///
    /// Fails when the host's backend does.
    async fn before_token(
        &self,
        issue: &TokenIssue<'_>,
        claims: &mut Map<String, Value>,
    ) -> Result<HookDecision, PortError> {
        let _ = (issue, claims);
        Ok(HookDecision::Allow)
    }
}

/// A token that is about to be issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenIssue<'a> {
    /// The kind: `access_token` or `id_token`.
    pub kind: &'a str,
    /// The client that gets it.
    pub client: &'a str,
    /// The account that it speaks of; `None` when the client acts for itself.
    pub account: Option<&'a Account>,
    /// The granted scope values.
    pub scopes: &'a [String],
    /// The audience.
    pub audience: &'a [String],
}

impl<'a> TokenIssue<'a> {
    /// A token that is about to be issued.
    #[must_use]
    pub const fn new(
        kind: &'a str,
        client: &'a str,
        account: Option<&'a Account>,
        scopes: &'a [String],
        audience: &'a [String],
    ) -> Self {
        Self { kind, client, account, scopes, audience }
    }
}

/// Hooks that allow and change nothing.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoHooks;

impl NoHooks {
    /// Hooks that allow and change nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Hooks for NoHooks {}
