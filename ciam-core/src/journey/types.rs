//! Who walks a journey, and where it is to lead.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::methods::{Methods, SignInMethod};
use crate::assurance::Acr;
use crate::error::PortError;
use crate::http::{BrowserId, Peer};
use crate::interaction::SignInAsk;
use crate::organization::PolicyDemand;
use crate::risk::Binding;
use crate::session::{Authenticated, DeviceCookie};

/// Who is at the other end of a step, as the host knows it from the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Visitor<'a> {
    /// The browser.
    pub browser: &'a BrowserId,
    /// The other side of the connection.
    pub peer: Peer,
    /// The browser's `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The browser's live session, if it has one.
    pub current: Option<&'a Authenticated>,
    /// The cookie by which an account may remember the browser.
    pub device: Option<DeviceCookie>,
    /// What the person says of the browser, where they were asked with this answer: whether it is their own.
    pub own_device: Option<bool>,
    /// Whether the browser's session is bound to a key, and whether it has just proved that it has it.
    pub binding: Binding,
}

impl<'a> Visitor<'a> {
    /// A visitor without a session.
    #[must_use]
    pub const fn new(browser: &'a BrowserId, peer: Peer) -> Self {
        Self {
            browser,
            peer,
            user_agent: None,
            current: None,
            device: None,
            own_device: None,
            binding: Binding::None,
        }
    }

    /// Adds the browser's `User-Agent`.
    #[must_use]
    pub const fn with_user_agent(mut self, user_agent: Option<&'a str>) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// Adds the cookie by which an account may remember the browser.
    #[must_use]
    pub fn with_device(mut self, device: Option<DeviceCookie>) -> Self {
        self.device = device;
        self
    }

    /// Adds what the person says of the browser with this answer: whether it is their own. Once said it holds for the journey.
    ///
    /// # Security
    ///
    /// A device becomes [trusted](crate::session::RememberedDevices::trust) by it only where a further factor was proved in
    /// the same sign-in: who has a password alone gets no device that spares the other factor later.
    #[must_use]
    pub const fn saying_own_device(mut self, own: Option<bool>) -> Self {
        self.own_device = own;
        self
    }

    /// Says whether the browser's session is bound to a key, and whether it has proved that it has it.
    #[must_use]
    pub const fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = binding;
        self
    }

    /// Adds the browser's live session.
    #[must_use]
    pub const fn with_session(mut self, current: Option<&'a Authenticated>) -> Self {
        self.current = current;
        self
    }
}

/// What the sign-in is to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Requirements {
    /// Levels of assurance that are asked for, best first; empty when any will do.
    pub acr_values: Vec<Acr>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub languages: Vec<String>,
    /// Which identifier is expected; shown, never trusted.
    pub login_hint: Option<String>,
    /// The person must have proved themselves at or after this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub authenticated_since: Option<OffsetDateTime>,
    /// The client that is signed in to, for the attributes that it needs.
    #[serde(default)]
    pub client: Option<String>,
    /// The scope values that the client asks for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The host's own note of what was interrupted, such as the handle of an interaction. The journey keeps it, for the page
    /// of a link that was opened without it: [`Journeys::requirements`](super::Journeys::requirements) gives it back.
    #[serde(default)]
    pub continuation: Option<String>,
    /// The first factors that may be used, of those that the policy of the tenant allows; `None` allows them all. The seam
    /// for an organization's own policy.
    #[serde(default)]
    pub methods: Option<Methods>,
    /// What a session has proved before does not count towards a level that is asked for: the person proves all of it now.
    /// Before they change what they sign in with.
    #[serde(default)]
    pub prove_again: bool,
    /// The person proves themselves here, whatever connection their organization has: they have just come from it.
    #[serde(default)]
    pub here: bool,
}

impl Requirements {
    /// What a protocol's question asks for.
    #[must_use]
    pub fn of(ask: &SignInAsk) -> Self {
        Self {
            acr_values: ask.acr_values.clone(),
            languages: ask.ui_locales.clone(),
            login_hint: ask.login_hint.clone(),
            authenticated_since: ask.authenticated_since,
            client: None,
            scopes: Vec::new(),
            continuation: None,
            methods: None,
            prove_again: false,
            here: false,
        }
    }

    /// Asks for all proofs now, whatever a session has proved before.
    #[must_use]
    pub const fn proving_again(mut self) -> Self {
        self.prove_again = true;
        self
    }

    /// Asks for one of these levels of assurance, best first.
    #[must_use]
    pub fn with_acr_values(mut self, acr_values: Vec<Acr>) -> Self {
        self.acr_values = acr_values;
        self
    }

    /// Asks for a proof at or after this time.
    #[must_use]
    pub const fn with_authenticated_since(mut self, since: OffsetDateTime) -> Self {
        self.authenticated_since = Some(since);
        self
    }

    /// Sets the language preferences.
    #[must_use]
    pub fn with_languages(mut self, languages: Vec<String>) -> Self {
        self.languages = languages;
        self
    }

    /// Says which client is signed in to, and what it asks for.
    #[must_use]
    pub fn with_client(mut self, client: impl Into<String>, scopes: Vec<String>) -> Self {
        self.client = Some(client.into());
        self.scopes = scopes;
        self
    }

    /// Keeps the host's own note of what was interrupted.
    #[must_use]
    pub fn with_continuation(mut self, continuation: Option<String>) -> Self {
        self.continuation = continuation;
        self
    }

    /// Asks for what a sign-in lacks for an organization: its level of assurance, a proof that is fresh, and of the first
    /// factors one that counts for it.
    #[must_use]
    pub fn for_demand(mut self, demand: &PolicyDemand) -> Self {
        if !demand.acr_values.is_empty() {
            self.acr_values = demand.acr_values.clone();
        }
        self.authenticated_since = demand.authenticated_since.or(self.authenticated_since);
        let counts = |method: &SignInMethod| demand.methods.iter().any(|amr| method.records(amr));
        let counting: Vec<SignInMethod> = SignInMethod::ALL.into_iter().filter(counts).collect();
        if !counting.is_empty() {
            self.methods = Some(Methods::of(counting));
        }
        self
    }

    /// Asks for a proof here even of people whose organization has a connection to sign in by. For a person who has come
    /// from that connection, and is to prove an account that they had before.
    #[must_use]
    pub const fn proved_here(mut self) -> Self {
        self.here = true;
        self
    }

    /// Expects this identifier; shown, never trusted.
    #[must_use]
    pub fn with_login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(hint.into());
        self
    }

    /// Allows only these first factors, of those that the policy of the tenant allows.
    #[must_use]
    pub fn with_methods(mut self, methods: Methods) -> Self {
        self.methods = Some(methods);
        self
    }
}

/// A journey cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JourneyError {
    /// There is none under this handle: it never was, is over, or took too long.
    #[error("there is no such journey")]
    NotFound,
    /// It was begun in another browser.
    #[error("the journey belongs to another browser")]
    OtherBrowser,
    /// It went on in another tab meanwhile.
    #[error("the journey has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the journey cannot be read or written")]
    Port(#[from] PortError),
}
