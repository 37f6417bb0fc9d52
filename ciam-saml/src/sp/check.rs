//! The rules of the web browser profile, as a function of facts
//! ([SAML profiles, section 4.1.4.3](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).

use time::OffsetDateTime;

use super::open::Opened;
use super::start::Pending;
use super::{IdpPartner, Reject, ServiceProviderConfig};
use crate::model::{Confirmation, SubjectId};
use crate::names::BEARER;

/// What a response is held against.
pub(super) struct Expected<'e> {
    pub(super) config: &'e ServiceProviderConfig,
    pub(super) partner: &'e IdpPartner,
    /// The request and what it asked for; `None` for an answer that nobody asked for.
    pub(super) request: Option<(&'e str, &'e Pending)>,
    /// It was fetched by us from where the identity provider keeps it.
    pub(super) by_artifact: bool,
    pub(super) now: OffsetDateTime,
}

impl Expected<'_> {
    /// Decides; the instant up to which the assertion could be presented again.
    pub(super) fn decide(&self, opened: &Opened) -> Result<OffsetDateTime, Reject> {
        self.header(opened)?;
        let assertion = &opened.assertion;
        if assertion.issuer != self.partner.entity_id {
            return Err(Reject::Issuer);
        }
        self.conditions(opened)?;
        let until = self.confirmation(&assertion.confirmations)?;
        self.authentication(opened)?;
        if matches!(assertion.subject, SubjectId::None) {
            return Err(Reject::NoSubject);
        }
        Ok(until.min(assertion.issue_instant.saturating_add(self.config.max_age)))
    }

    /// The response's own words. Unsigned, they cannot make anything true, but they must not contradict.
    fn header(&self, opened: &Opened) -> Result<(), Reject> {
        let header = &opened.header;
        match header.destination.as_deref() {
            Some(destination) if destination == self.config.acs_url => {}
            None if !opened.response_signed || self.by_artifact => {}
            _ => return Err(Reject::Destination),
        }
        if header.issuer.as_deref().is_some_and(|issuer| issuer != self.partner.entity_id) {
            return Err(Reject::Issuer);
        }
        if opened.in_response_to.as_deref() != self.request.map(|(id, _)| id) {
            return Err(Reject::InResponseTo);
        }
        self.recent(header.issue_instant)
    }

    fn recent(&self, issued: OffsetDateTime) -> Result<(), Reject> {
        let (config, now) = (self.config, self.now);
        let early = issued > now.saturating_add(config.skew);
        let late = issued.saturating_add(config.max_age).saturating_add(config.skew) <= now;
        if early || late { Err(Reject::Time) } else { Ok(()) }
    }

    fn begun(&self, not_before: Option<OffsetDateTime>) -> bool {
        not_before.is_none_or(|at| at <= self.now.saturating_add(self.config.skew))
    }

    fn not_over(&self, not_on_or_after: Option<OffsetDateTime>) -> bool {
        not_on_or_after.is_none_or(|at| at.saturating_add(self.config.skew) > self.now)
    }

    fn conditions(&self, opened: &Opened) -> Result<(), Reject> {
        let assertion = &opened.assertion;
        self.recent(assertion.issue_instant)?;
        let conditions = &assertion.conditions;
        if !self.begun(conditions.not_before) || !self.not_over(conditions.not_on_or_after) {
            return Err(Reject::Time);
        }
        if conditions.unknown {
            return Err(Reject::Condition);
        }
        let ours = |audiences: &Vec<String>| audiences.contains(&self.config.entity_id);
        if conditions.audiences.is_empty() || !conditions.audiences.iter().all(ours) {
            return Err(Reject::Audience);
        }
        Ok(())
    }

    /// One confirmation has to be acceptable; when it ends.
    fn confirmation(&self, confirmations: &[Confirmation]) -> Result<OffsetDateTime, Reject> {
        let acceptable = |confirmation: &&Confirmation| {
            let end = confirmation.not_on_or_after;
            confirmation.method == BEARER
                && confirmation.recipient.as_deref() == Some(&*self.config.acs_url)
                && confirmation.not_before.is_none()
                && end.is_some()
                && self.not_over(end)
                && confirmation.in_response_to.as_deref() == self.request.map(|(id, _)| id)
        };
        let found =
            confirmations.iter().find(acceptable).and_then(|confirmation| confirmation.not_on_or_after);
        found.ok_or(Reject::Confirmation)
    }

    fn authentication(&self, opened: &Opened) -> Result<(), Reject> {
        let statements = &opened.assertion.authentications;
        if statements.is_empty() {
            return Err(Reject::NoAuthentication);
        }
        for statement in statements {
            let future = !self.begun(Some(statement.instant));
            if future || !self.not_over(statement.session_not_on_or_after) {
                return Err(Reject::Time);
            }
            let Some((_, pending)) = self.request else { continue };
            let fresh = statement.instant.saturating_add(self.config.skew) >= pending.started_at;
            if pending.force_authn && !fresh {
                return Err(Reject::NotFresh);
            }
            let asked = &pending.authn_context;
            let named = statement.class.as_ref().is_some_and(|class| asked.contains(class));
            if !asked.is_empty() && !named {
                return Err(Reject::AuthnContext);
            }
        }
        Ok(())
    }
}
