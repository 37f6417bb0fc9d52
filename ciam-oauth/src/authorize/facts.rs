//! What the checks look at.

use std::collections::BTreeSet;

use ciam_core::account::Account;
use ciam_core::assurance::{Acr, AcrLadder};
use ciam_core::consent::Consent;
use ciam_core::id::{AccountId, OrganizationId, SessionId};
use ciam_core::interaction::Ask;
use ciam_core::session::Session;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::request::{AuthorizeRequest, Prompt};
use crate::client::Client;
use crate::extension::Demands;
use crate::organization::{Choice, ORGANIZATION};
use crate::scope::{Scope, ScopeSet};
use crate::server::Config;

/// Everything that decides about an authorization request, loaded afresh each time it is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) client: &'a Client,
    pub(crate) request: &'a AuthorizeRequest,
    /// Whether the request was pushed.
    pub(crate) pushed: bool,
    /// The live session of the browser.
    pub(crate) session: Option<&'a Session>,
    /// The session's account.
    pub(crate) account: Option<&'a Account>,
    /// What that account allowed the client before.
    pub(crate) consent: Option<&'a Consent>,
    /// What the extension demands.
    pub(crate) demands: &'a Demands,
    /// What the request has to do with organizations.
    pub(crate) choice: &'a Choice,
    /// The interaction that the browser comes back from.
    pub(crate) resumed: Option<&'a Resumed>,
    pub(crate) now: OffsetDateTime,
}

/// An interaction as far as it has come.
#[derive(Clone, Debug)]
pub(crate) struct Resumed {
    /// When the request first needed a person.
    pub(crate) started_at: OffsetDateTime,
    /// What was asked last.
    pub(crate) asked: Ask,
    pub(crate) answers: Answers,
}

/// What a person answered in an interaction so far, and who it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answers {
    /// Whose session there was when the last question was asked.
    pub(crate) seen: Option<AccountId>,
    /// The session that the person chose to go on with.
    pub(crate) chosen: Option<SessionId>,
    pub(crate) consent: Option<ConsentAnswer>,
    /// The person stopped, or refused consent.
    pub(crate) refused: bool,
    /// The person cannot reach the level of assurance that was asked for.
    pub(crate) cannot_step_up: bool,
    /// The organization that was chosen, and by whom.
    pub(crate) organization: Option<(AccountId, OrganizationId)>,
}

/// A consent that was given in an interaction, by one account in one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConsentAnswer {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    /// The scope values that the person was asked for.
    pub(crate) shown: ScopeSet,
    /// Those of them that were allowed.
    pub(crate) allowed: ScopeSet,
}

/// A fresh sign-in may be this old when it is `max_age` that made the person sign in during this very interaction:
/// `max_age=0` could never be satisfied otherwise.
const REAUTHENTICATION_GRACE: Duration = Duration::minutes(5);

impl Facts<'_> {
    pub(crate) fn prompts(&self, prompt: Prompt) -> bool {
        self.request.prompt.contains(prompt)
    }

    pub(crate) fn ladder(&self) -> &AcrLadder {
        &self.config.acr
    }

    /// Whether the person was authenticated since this request first needed a person.
    pub(crate) fn authenticated_in_this_interaction(&self) -> bool {
        match (self.session.and_then(|session| session.context.auth_time()), self.resumed) {
            (Some(at), Some(resumed)) => at >= resumed.started_at,
            _ => false,
        }
    }

    /// Whether the authentication is no older than `max_age` allows.
    pub(crate) fn is_fresh(&self) -> bool {
        let Some(max_age) = self.request.max_age else { return true };
        let Some(at) = self.session.and_then(|session| session.context.auth_time()) else { return false };
        let allowed = Duration::seconds(i64::from(max_age));
        let allowed = if self.authenticated_in_this_interaction() {
            allowed.max(REAUTHENTICATION_GRACE)
        } else {
            allowed
        };
        self.now - at <= allowed
    }

    /// The levels that the client would like: of `acr_values`, or else of the extension.
    pub(crate) fn wished_acr(&self) -> &[Acr] {
        if self.request.acr_values.is_empty() { &self.demands.wished_acr } else { &self.request.acr_values }
    }

    /// Whether one of these levels is reached.
    pub(crate) fn reaches_any(&self, levels: &[Acr]) -> bool {
        self.session.is_some_and(|session| {
            levels.iter().any(|acr| self.ladder().satisfies(&session.context, acr, self.now))
        })
    }

    /// Whether the person tried to reach a higher level in this interaction and did not.
    pub(crate) fn stepping_up_failed(&self) -> bool {
        self.resumed.is_some_and(|resumed| resumed.answers.cannot_step_up)
            || self.authenticated_in_this_interaction()
    }

    /// Whether a sign-in that was asked for to meet the organization's policy did not bring what it needs.
    pub(crate) fn policy_was_asked_for(&self) -> bool {
        let Some(resumed) = self.resumed else { return false };
        let Ask::SignIn(ask) = &resumed.asked else { return false };
        let is_policy = |reason: &String| reason.starts_with("organization_");
        let tried = resumed.answers.cannot_step_up || self.authenticated_in_this_interaction();
        tried && ask.reasons.iter().any(is_policy)
    }

    /// The organization that what is granted is for: only with the scope value that asks for one.
    pub(crate) fn organization(&self) -> Option<OrganizationId> {
        match self.choice {
            Choice::Acting(id, None) if self.granted_scopes().contains(ORGANIZATION) => Some(*id),
            _ => None,
        }
    }

    /// The consent that was given in this interaction by this account in this session. Another person's, or one from
    /// before a new sign-in, does not count.
    pub(crate) fn fresh_consent(&self) -> Option<&ConsentAnswer> {
        let (session, answer) = (self.session?, self.resumed?.answers.consent.as_ref()?);
        (answer.account == session.account && answer.session == session.id).then_some(answer)
    }

    /// The scope values that need consent and do not have it yet.
    pub(crate) fn scopes_without_consent(&self) -> ScopeSet {
        if self.prompts(Prompt::Consent) {
            return self.request.scopes.clone();
        }
        self.request.scopes.iter().filter(|scope| !self.remembers(scope)).cloned().collect()
    }

    fn remembers(&self, scope: &Scope) -> bool {
        let items = consent_items(self.config, self.request, scope);
        self.consent.is_some_and(|consent| consent.covers(items.iter().map(String::as_str)))
    }

    /// The scope values that the person allows: what was asked for and not refused. All of them for the operator's own
    /// clients, which are not asked for.
    pub(crate) fn granted_scopes(&self) -> ScopeSet {
        match self.fresh_consent() {
            Some(answer) => {
                let refused = answer.shown.difference(&answer.allowed);
                self.request.scopes.difference(&refused)
            }
            None => self.request.scopes.clone(),
        }
    }
}

/// The items of a [`Consent`] that a scope value is for this request: the value, or one `<resource> <value>` pair for each
/// named resource where it means something.
pub(crate) fn consent_items(config: &Config, request: &AuthorizeRequest, scope: &Scope) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    if request.resources_named && !config.protocol_scopes.contains(scope.as_str()) {
        for resource in &request.resources {
            if config.resource(resource).is_some_and(|known| known.scopes.contains(scope.as_str())) {
                items.insert(format!("{resource} {scope}"));
            }
        }
    }
    if items.is_empty() {
        items.insert(scope.to_string());
    }
    items
}
