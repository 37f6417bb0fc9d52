//! A service that people sign in to from here, and what becomes of its request.

use std::collections::BTreeSet;

use anyhow::Context as _;
use ciam_core::{
    account::Account,
    assurance::{Acr, AcrLadder, Amr},
    interaction::SignInAsk,
    ports::Ports,
    session::{Authenticated, Session},
};
use ciam_saml::{
    idp::{NameIdFormat, Person, SignOn, SpPartner},
    metadata::EntityDescriptor,
    model::{Status, StatusCode},
};
use time::OffsetDateTime;

use super::{Released, name_id_format, verified_email};
use crate::import::SamlServiceEntry;

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The name that people see.
    pub name: String,
    /// It belongs to the operator: people are not asked.
    pub first_party: bool,
    /// What it may know.
    pub attributes: Vec<Released>,
}

impl Service {
    pub(super) fn of(
        entry: &SamlServiceEntry,
        entity: &EntityDescriptor,
        ports: &Ports,
    ) -> anyhow::Result<(SpPartner, Self)> {
        let attributes: Vec<Released> =
            Released::ALL.into_iter().filter(|it| entry.attributes.contains(it.name())).collect();
        let mut formats: Vec<NameIdFormat> = Vec::new();
        for name in &entry.name_ids {
            formats.push(name_id_format(name).with_context(|| format!("there are no names `{name}`"))?);
        }
        if formats.is_empty() {
            formats.push(NameIdFormat::Persistent);
        }
        let mut partner = entity
            .sp_partner(ports.crypto())?
            .with_formats(formats)
            .with_released(attributes.iter().map(|it| it.uri()));
        if entry.unsolicited {
            partner = partner.with_unsolicited();
        }
        if entry.sign_responses {
            partner = partner.with_signed_response();
        }
        let name = entry.name.clone();
        Ok((partner, Self { name, first_party: entry.first_party, attributes }))
    }

    /// What people consent to: the names of what the service would know.
    pub fn items(&self) -> BTreeSet<String> {
        let names = self.attributes.iter().map(|it| it.name());
        names.chain(["identifier"]).map(str::to_owned).collect()
    }

    /// The person, with what the service may know.
    pub fn person(&self, viewer: &Authenticated, class: &str, at: OffsetDateTime) -> Person {
        let (account, session): (&Account, &Session) = (&viewer.account.value, &viewer.session.value);
        let attributes = self.attributes.iter().filter_map(|it| it.attribute(account));
        let person = Person::new(account.id.to_string(), session.id.to_string(), at, class)
            .with_attributes(attributes)
            .with_session_end(session.expires_at);
        match verified_email(account) {
            Some(email) => person.with_email(email),
            None => person,
        }
    }
}

/// What a request for sign-in is decided on.
#[derive(Clone, Debug)]
pub struct Situation<'s> {
    /// The request.
    pub sign_on: &'s SignOn,
    /// The service.
    pub service: &'s Service,
    /// The person's session, with when they were authenticated and the classes that it has, the best first.
    pub session: Option<(OffsetDateTime, Vec<String>)>,
    /// Whether they have allowed what the service would know.
    pub consented: bool,
    /// Whether they were sent to sign in for this request already.
    pub returned: bool,
    /// Whether there are names in the format that is asked for.
    pub has_format: bool,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The service is told, with this class.
    Tell(String),
    /// The person signs in, or signs in again.
    SignIn(SignInAsk),
    /// The person is asked.
    Consent,
    /// The service is told that it is not told.
    Refuse(Status),
}

impl Situation<'_> {
    /// Decides.
    pub fn decide(&self) -> Next {
        let refuse = |code, detail| Next::Refuse(Status::new(code, Some(detail)));
        if !self.has_format {
            return refuse(StatusCode::Requester, StatusCode::InvalidNameIdPolicy);
        }
        let (next, class) = self.signed_in();
        match (next, class) {
            (Some(Next::SignIn(_)), _) if self.sign_on.is_passive => {
                refuse(StatusCode::Responder, StatusCode::NoPassive)
            }
            (Some(next), _) => next,
            (None, class) if self.consented || self.service.first_party => Next::Tell(class),
            (None, _) if self.sign_on.is_passive => refuse(StatusCode::Responder, StatusCode::NoPassive),
            (None, _) => Next::Consent,
        }
    }

    /// What stands in the way of the person's session, or the class that answers.
    fn signed_in(&self) -> (Option<Next>, String) {
        let mut ask = SignInAsk::default();
        ask.client_name = Some(self.service.name.clone());
        let asked = &self.sign_on.authn_context;
        let levels: Vec<Acr> = asked.iter().filter_map(|class| level_of(class)).collect();
        ask.acr_values = levels;
        if self.sign_on.force_authn {
            ask.authenticated_since = Some(self.sign_on.received_at);
        }
        let none = Next::Refuse(Status::new(StatusCode::Responder, Some(StatusCode::NoAuthnContext)));
        if !asked.is_empty() && !asked.iter().any(|class| is_known(class)) {
            return (Some(none), String::new());
        }
        let Some((at, classes)) = &self.session else {
            ask.reasons = vec!["no_session".to_owned()];
            return (Some(Next::SignIn(ask)), String::new());
        };
        if self.sign_on.force_authn && *at < self.sign_on.received_at {
            ask.reasons = vec!["prompt_login".to_owned()];
            return (Some(Next::SignIn(ask)), String::new());
        }
        let best = classes.iter().find(|class| asked.is_empty() || asked.contains(class));
        match best {
            Some(class) => (None, class.clone()),
            // They came back, and have nothing better.
            None if self.returned => (Some(none), String::new()),
            None => {
                ask.reasons = vec!["acr".to_owned()];
                (Some(Next::SignIn(ask)), String::new())
            }
        }
    }
}

/// The classes of authentication context that a session has, the best first.
pub fn classes(session: &Session, ladder: &AcrLadder, now: OffsetDateTime) -> Vec<String> {
    let met = |level: &str| ladder.satisfies(&session.context, &Acr::new(level), now);
    let mut classes = Vec::new();
    if met(AAL2) {
        classes.extend([MFA.to_owned(), AAL2.to_owned()]);
    }
    if session.context.amr().contains(&Amr::PASSWORD) {
        classes.push(PASSWORD.to_owned());
    }
    if met(AAL1) {
        classes.push(AAL1.to_owned());
    }
    classes.push(UNSPECIFIED.to_owned());
    classes
}

fn is_known(class: &str) -> bool {
    [MFA, AAL2, PASSWORD, AAL1, UNSPECIFIED].contains(&class)
}

fn level_of(class: &str) -> Option<Acr> {
    match class {
        MFA | AAL2 => Some(Acr::new(AAL2)),
        AAL1 => Some(Acr::new(AAL1)),
        _ => None,
    }
}

/// Two factors ([REFEDS](https://refeds.org/profile/mfa)).
const MFA: &str = "https://refeds.org/profile/mfa";
const AAL2: &str = "urn:ciam:acr:aal2";
const AAL1: &str = "urn:ciam:acr:aal1";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
