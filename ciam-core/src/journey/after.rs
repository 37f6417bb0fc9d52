//! What is asked after the proof and before the session: terms to accept, and attributes that are missing.
//!
//! Every way to a session comes past here, a registration, a recovery and a step-up too. What is answered is stored at once,
//! then it is asked again what is still to be done: a version of the terms that came into force meanwhile is asked for.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use super::challenge::{AcceptedVersion, AttributeAsk, TermsAsk};
use super::conclude::{Outcome, Proving};
use super::enrolment::EnrolmentDue;
use super::service::Journeys;
use super::state::{
    EnrolStage, Held, Journey, JourneyHandle, ProfileStage, Stage, TakeBackStage, TermsStage,
};
use super::step::{RefusalReason, Step};
use super::types::{JourneyError, Requirements, Visitor};
use crate::account::Account;
use crate::account::schema::{Occasion, Party};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::session::Authenticated;
use crate::store::{Batch, EntityRef, Write};
use crate::terms::{AcceptedHow, Terms, TermsAcceptance, TermsDue};

/// What is still to be done before the session.
pub(super) enum Owed {
    TakingBack(OffsetDateTime),
    Terms(Vec<TermsDue>),
    Profile(Vec<String>),
    Enrolment(EnrolmentDue),
}

impl Owed {
    pub(super) fn stage(self, held: Held) -> Stage {
        match self {
            Self::TakingBack(erase_after) => Stage::TakeBack(TakeBackStage { held, erase_after }),
            Self::Terms(due) => Stage::Terms(TermsStage { held, due }),
            Self::Profile(attributes) => Stage::Profile(ProfileStage { held, attributes }),
            Self::Enrolment(EnrolmentDue { offered, postponable_until }) => {
                Stage::Enrol(EnrolStage { held, offered, postponable_until, begun: None })
            }
        }
    }
}

impl Journeys {
    /// What a person still has to do before their session begins.
    pub(super) async fn owed(
        &self,
        proving: &Proving,
        requirements: &Requirements,
        journey: &Journey,
    ) -> Result<Option<Owed>, PortError> {
        let account = &proving.found.account.value;
        if let Some(erase_after) = account.erase_after.filter(|_| account.may_return(self.ports.now())) {
            return Ok(Some(Owed::TakingBack(erase_after)));
        }
        let postponed = |due: &TermsDue| !due.is_blocking() && proving.postponed.contains(&named(due));
        let mut due = Terms::new(self.ports.clone()).due(account.id).await?;
        due.retain(|due| !postponed(due));
        if !due.is_empty() {
            return Ok(Some(Owed::Terms(due)));
        }
        let missing = self.missing(account, requirements, proving.signed_up);
        Ok(missing.or_else(|| self.enrolment_due(proving, journey).map(Owed::Enrolment)))
    }

    /// What a person who has just proved an address still has to do before their first session.
    pub(super) async fn owed_at_sign_up(
        &self,
        account: &Account,
        requirements: &Requirements,
    ) -> Result<Option<Owed>, PortError> {
        let due = Terms::new(self.ports.clone()).due_at_sign_up().await?;
        if !due.is_empty() {
            return Ok(Some(Owed::Terms(due)));
        }
        let missing = self.missing(account, requirements, true);
        Ok(missing.or_else(|| self.enrolment_at_sign_up(account).map(Owed::Enrolment)))
    }

    fn missing(&self, account: &Account, requirements: &Requirements, sign_up: bool) -> Option<Owed> {
        let mut occasion = Occasion::sign_in(account.created_at, self.ports.now());
        occasion.sign_up = sign_up;
        if let Some(client) = &requirements.client {
            occasion = occasion.for_client(client, &requirements.scopes);
        }
        let missing = self.schema.missing_for(&account.profile, &occasion);
        let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
        (!missing.is_empty()).then_some(Owed::Profile(missing))
    }

    pub(super) fn terms_asked(&self, stage: &TermsStage, languages: &[String]) -> Vec<TermsAsk> {
        stage.due.iter().map(|due| TermsAsk::of(due, languages)).collect()
    }

    pub(super) fn attributes_asked(&self, stage: &ProfileStage) -> Vec<AttributeAsk> {
        let asked = |name: &String| {
            let attribute = self.schema.get(name)?;
            Some(AttributeAsk {
                name: name.clone(),
                kind: attribute.kind.clone(),
                label: attribute.label.clone(),
            })
        };
        stage.attributes.iter().filter_map(asked).collect()
    }

    /// Takes the acceptance of terms.
    pub(super) async fn accept_terms(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        stage: TermsStage,
        accepted: &[AcceptedVersion],
    ) -> Result<Step, JourneyError> {
        let is_accepted = |due: &TermsDue| accepted.iter().any(|it| it.is(due));
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(found) = self.relied_upon(&stage.held, current.as_ref()).await? else {
                return self.start_again(handle, &journey, stage.held.goal).await;
            };
            let terms = Terms::new(self.ports.clone());
            let account = found.account.value.id;
            let due = terms.due(account).await?;
            let mut held = stage.held.clone();
            if !due.is_empty() && accepted.iter().any(|it| !due.iter().any(|due| it.is(due))) {
                // What was shown is not what counts now: it is asked again.
                let next = self.advance(handle, &journey, Owed::Terms(due).stage(held)).await?;
                return self.challenge_of(&next).map(Step::Challenge).ok_or(JourneyError::Changed);
            }
            if due.iter().any(|due| due.is_blocking() && !is_accepted(due)) {
                return Ok(self.refused(&journey, RefusalReason::Terms));
            }
            let how = if held.signed_up { AcceptedHow::SignUp } else { AcceptedHow::SignIn };
            let languages = &journey.requirements.languages;
            let mut batch = Batch::new();
            let mut versions = Vec::new();
            for due in due {
                if is_accepted(&due) {
                    let key =
                        TermsAcceptance::record_key(account, &due.version.document, &due.version.version);
                    batch = batch.require_absent(EntityRef::record::<TermsAcceptance>(key));
                    versions.push(due.version);
                } else {
                    held.postponed.push(named(&due));
                }
            }
            let batch = terms.accept_in(batch, account, &versions, languages, how)?;
            if !versions.is_empty() && !self.ports.store().commit(batch).await?.is_applied() {
                // Accepted in another tab meanwhile: look again.
                continue;
            }
            let proving = Proving::resumed(&held, found);
            match self.onward(handle, visitor, &journey, current.as_ref(), proving).await? {
                Outcome::Next(step) => return Ok(*step),
                Outcome::OutOfReach => return Ok(self.refused(&journey, RefusalReason::Credentials)),
                Outcome::Raced(restored) => {
                    journey = *restored;
                    current = self.look_again(current).await?;
                }
            }
        }
        Err(JourneyError::Changed)
    }

    /// Takes the attributes that were missing.
    pub(super) async fn complete_profile(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        stage: ProfileStage,
        answers: &BTreeMap<String, Value>,
    ) -> Result<Step, JourneyError> {
        // Only what was asked for.
        let asked: BTreeMap<String, Value> = answers
            .iter()
            .filter(|(name, value)| stage.attributes.contains(name) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(mut found) = self.relied_upon(&stage.held, current.as_ref()).await? else {
                return self.start_again(handle, &journey, stage.held.goal).await;
            };
            let profile = match self.schema.change(&found.account.value.profile, &asked, Party::Owner) {
                Ok(profile) => profile,
                Err(errors) => return Ok(self.refused(&journey, RefusalReason::Profile(errors))),
            };
            if profile != found.account.value.profile {
                let account = &mut found.account.value;
                let names: Vec<&str> = asked.keys().map(String::as_str).collect();
                let event = Event::new(&self.ports, EventType::ACCOUNT_UPDATED, account.event_subject())?
                    .by(&Actor::Account(account.id))
                    .with("attributes", names);
                account.profile = profile;
                account.updated_at = self.ports.now();
                let batch = Batch::new()
                    .require_version(EntityRef::Account(account.id), found.account.version)
                    .write(Write::PutAccount(account.clone()))
                    .event(event);
                if !self.ports.store().commit(batch).await?.is_applied() {
                    continue;
                }
                found.account.version = found.account.version.next();
                current = self.look_again(current).await?;
            }
            let proving = Proving::resumed(&stage.held, found);
            match self.onward(handle, visitor, &journey, current.as_ref(), proving).await? {
                Outcome::Next(step) => return Ok(*step),
                Outcome::OutOfReach => return Ok(self.refused(&journey, RefusalReason::Credentials)),
                Outcome::Raced(restored) => {
                    journey = *restored;
                    current = self.look_again(current).await?;
                }
            }
        }
        Err(JourneyError::Changed)
    }

    /// Goes on with what was proved before.
    async fn onward(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: &Journey,
        current: Option<&Authenticated>,
        proving: Proving,
    ) -> Result<Outcome, JourneyError> {
        self.conclude(handle, visitor, journey, current, proving, Batch::new()).await
    }
}

/// A version's name among those that were postponed.
fn named(due: &TermsDue) -> String {
    format!("{}|{}", due.version.document, due.version.version)
}
