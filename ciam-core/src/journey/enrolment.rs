//! Adding a further factor before the session: where the tenant, or the organization of the person's domain, wants everybody to
//! have one.
//!
//! ```text
//! proofs ──▶ (terms, profile) ──▶ choose a factor ──▶ add it ──▶ (prove it, where a level needs it) ──▶ session
//!                                      └─▶ later, within the grace period
//! ```
//!
//! # Security
//!
//! - **Who has one is never asked to add another here.** Whoever has stolen a password adds nothing to an account that has a
//!   further factor: they are asked for that one.
//! - **Nothing is added at a high risk.** A sign-in of high risk needs a further factor, and an account without one is refused
//!   before it comes here.
//! - **What is shown is sealed.** The secret of an authenticator app stands in the journey under the account's key.
//! - **The owner is told.** The message is in the commit that adds the factor.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::challenge::Challenge;
use super::conclude::{Outcome, Proving};
use super::service::Journeys;
use super::state::{EnrolStage, EnrolmentBegun, Held, Journey, JourneyHandle, Stage};
use super::step::{Refusal, RefusalReason, Step};
use super::types::{JourneyError, Visitor};
use crate::account::Account;
use crate::assurance::{AuthenticationContext, Proof};
use crate::error::PortError;
use crate::factor::{FactorChallenge, FactorSubject};
use crate::secret::SecretJson;
use crate::store::Batch;
use crate::vault::SealScope;

/// How a factor is added in the middle of a sign-in.
///
/// # Contract
///
/// - **No write.** What adds the factor (the credential, its event, the message to the owner) is in the batch of [`Enrolled`],
///   and is committed by the journey or not at all.
/// - **Proved to be theirs.** An answer counts when it shows that the person has what they add: a code of the app, a signature
///   of the passkey.
///
/// # Cancel safety
///
/// A question that is dropped has no effect.
///
/// # Errors
///
/// Fails when a port does; a wrong answer is `None`.
///
/// # Implementing
///
/// `ciam-mfa` has those of passkeys and authenticator apps. What must be kept between the two calls goes into
/// [`FactorChallenge::state`], which nobody is shown.
#[async_trait]
pub trait Enrolment: fmt::Debug + Send + Sync {
    /// The name of the factor that is added.
    fn factor(&self) -> &'static str;

    /// Begins: what the page shows, and what is needed again to take the answer.
    async fn begin(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError>;

    /// Takes the answer; `None` when it is wrong. `languages` are those of the person, for the message.
    async fn complete(
        &self,
        subject: FactorSubject<'_>,
        languages: &[String],
        state: &Value,
        answer: &Value,
    ) -> Result<Option<Enrolled>, PortError>;
}

/// A factor that was added.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Enrolled {
    /// What adds it.
    pub batch: Batch,
    /// What adding it has proved, for the session.
    pub proof: Option<Proof>,
}

impl Enrolled {
    /// A factor whose adding proves nothing of who did it.
    #[must_use]
    pub const fn new(batch: Batch) -> Self {
        Self { batch, proof: None }
    }

    /// Says what adding it has proved.
    #[must_use]
    pub fn with_proof(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self
    }
}

/// Whether everybody must have a further factor. The default is that nobody must.
///
/// Beside the tenant, an organization says so: where its policy names a level of assurance
/// ([`OrganizationPolicy::acr`](crate::organization::OrganizationPolicy::acr)) that the account cannot reach, a person of its
/// domain adds a factor before they have a session, at once. And one account can have a demand of its own
/// ([`AccountDemand`](crate::account::AccountDemand)).
///
/// ```
/// use ciam_core::journey::EnrolmentPolicy;
/// use time::{Duration, macros::datetime};
///
/// let policy = EnrolmentPolicy::any_of(["passkey", "totp"])
///     .since(datetime!(2026-12-01 00:00 UTC))
///     .with_grace(Duration::days(14));
/// let long_ago = datetime!(2020-01-01 00:00 UTC);
/// let due = policy.due(&[], long_ago, datetime!(2026-12-02 00:00 UTC));
/// assert_eq!(due, Some(Some(datetime!(2026-12-15 00:00 UTC))));
/// assert_eq!(policy.due(&[], long_ago, datetime!(2026-12-16 00:00 UTC)), Some(None));
/// assert_eq!(policy.due(&["totp"], long_ago, datetime!(2026-12-16 00:00 UTC)), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnrolmentPolicy {
    /// The factors of which everybody must have one; empty when nobody must. Recovery codes are not among them by themselves.
    pub any_of: Vec<String>,
    /// From when on. Default: always.
    pub since: Option<OffsetDateTime>,
    /// How long somebody may put it off, from then on or from when their account was made, whichever is later. Default: not at
    /// all.
    pub grace: Duration,
}

impl EnrolmentPolicy {
    /// Everybody must have one of these factors.
    #[must_use]
    pub fn any_of(factors: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { any_of: factors.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// From this moment on.
    #[must_use]
    pub const fn since(mut self, since: OffsetDateTime) -> Self {
        self.since = Some(since);
        self
    }

    /// Sets how long somebody may put it off.
    #[must_use]
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether somebody with these factors has to add one, and until when they may put it off.
    #[must_use]
    pub fn due(
        &self,
        enrolled: &[&str],
        created_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Option<Option<OffsetDateTime>> {
        let has = self.any_of.iter().any(|factor| enrolled.contains(&factor.as_str()));
        let begun = self.since.is_none_or(|since| now >= since);
        if self.any_of.is_empty() || has || !begun {
            return None;
        }
        let from = self.since.map_or(created_at, |since| since.max(created_at));
        let until = from.saturating_add(self.grace);
        Some((now < until).then_some(until))
    }
}

/// A factor is to be added.
pub(super) struct EnrolmentDue {
    pub(super) offered: Vec<String>,
    pub(super) postponable_until: Option<OffsetDateTime>,
}

impl Journeys {
    /// Whether a factor has to be added before the session.
    pub(super) fn enrolment_due(&self, proving: &Proving, journey: &Journey) -> Option<EnrolmentDue> {
        let (account, credentials) = (&proving.found.account.value, &proving.found.credentials);
        let enrolled = self.factors.iter().filter(|factor| factor.is_enrolled(credentials));
        let enrolled: Vec<&str> = enrolled.map(|factor| factor.name()).collect();
        let (policy, now) = (&self.policy.enrolment, self.ports.now());
        let tenants = policy.due(&enrolled, account.created_at, now);
        let own = account.demand.as_ref().and_then(|demand| Some((demand, demand.due(&enrolled, now)?)));
        let tenants: Option<(Vec<&str>, _)> =
            tenants.map(|until| (policy.any_of.iter().map(String::as_str).collect(), until));
        let own = own.map(|(demand, until)| (demand.any_of.iter().map(String::as_str).collect(), until));
        // Where both demand one, the one that can wait less comes first.
        let due = own.into_iter().chain(tenants).min_by_key(|(_, until)| until.unwrap_or(now));
        let (any_of, until) = match due {
            Some((any_of, until)) => (Some(any_of), until),
            None if enrolled.is_empty() && self.falls_short(proving, journey) => (None, None),
            None => return None,
        };
        let counts = |name: &&str| any_of.as_ref().is_none_or(|any_of| any_of.contains(name));
        let offered: Vec<String> =
            self.enrolments.iter().map(|it| it.factor()).filter(counts).map(str::to_owned).collect();
        let postponed = until.is_some() && proving.postponed.iter().any(|it| it == POSTPONED);
        (!offered.is_empty() && !postponed).then_some(EnrolmentDue { offered, postponable_until: until })
    }

    /// Whether a factor has to be added before the first session of a new account.
    pub(super) fn enrolment_at_sign_up(&self, account: &Account) -> Option<EnrolmentDue> {
        let policy = &self.policy.enrolment;
        let postponable_until = policy.due(&[], account.created_at, self.ports.now())?;
        let counts = |name: &&str| policy.any_of.iter().any(|it| it == name);
        let offered: Vec<String> =
            self.enrolments.iter().map(|it| it.factor()).filter(counts).map(str::to_owned).collect();
        (!offered.is_empty()).then_some(EnrolmentDue { offered, postponable_until })
    }

    /// Whether the organization of the person's domain, or what is demanded of the account, wants more than was proved.
    fn falls_short(&self, proving: &Proving, journey: &Journey) -> bool {
        let of_realm = journey.realm.as_ref().and_then(|realm| realm.acr());
        let own = proving.found.account.value.demand.as_ref().and_then(|demand| demand.acr.as_ref());
        let context = AuthenticationContext::new(proving.proofs.iter().cloned());
        let mut wanted = of_realm.into_iter().chain(own);
        wanted.any(|wanted| !self.policy.ladder.satisfies(&context, wanted, self.ports.now()))
    }

    /// Begins to add the factor that the person has chosen.
    pub(super) async fn begin_enrolment(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        stage: EnrolStage,
        wanted: &str,
    ) -> Result<Step, JourneyError> {
        let Some(found) = self.relied_upon(&stage.held, visitor.current).await? else {
            return self.start_again(handle, &journey, stage.held.goal).await;
        };
        let enrolment = self.enrolments.iter().find(|it| it.factor() == wanted);
        let Some(enrolment) = enrolment.filter(|_| stage.offered.iter().any(|it| it == wanted)) else {
            return Ok(self.refused(&journey, RefusalReason::Unexpected));
        };
        let account = &found.account.value;
        let challenge =
            enrolment.begin(FactorSubject::new(&self.ports, Some(account), &found.credentials)).await?;
        let text = serde_json::to_vec(&challenge.public).map_err(PortError::permanent)?;
        let public = self.ports.vault().seal(&SealScope::Account(account.id), PURPOSE, &text).await?;
        let number = journey.revision.saturating_add(1);
        let begun = EnrolmentBegun { factor: wanted.to_owned(), state: challenge.state, public, number };
        let stage = EnrolStage { begun: Some(begun), ..stage };
        let asked = stage.asked(challenge.public);
        self.advance(handle, &journey, Stage::Enrol(stage)).await?;
        Ok(Step::Challenge(asked))
    }

    /// Takes the answer that adds it.
    pub(super) async fn enrol(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        begun: EnrolmentBegun,
        answer: &Value,
    ) -> Result<Step, JourneyError> {
        let Stage::Enrol(stage) = journey.stage.clone() else { return Err(JourneyError::Changed) };
        // Counted before it is looked at.
        let guesses = handle.guess_key(begun.number);
        let tried = self.ports.ephemeral().increment(&guesses, self.policy.lifetime).await?;
        if tried > self.policy.factor_attempts {
            self.remove(handle).await;
            return Ok(Self::over(RefusalReason::TooManyAttempts));
        }
        let enrolment = self.enrolments.iter().find(|it| it.factor() == begun.factor);
        let (Some(enrolment), Some(found)) =
            (enrolment, self.relied_upon(&stage.held, visitor.current).await?)
        else {
            return self.start_again(handle, &journey, stage.held.goal).await;
        };
        let subject = FactorSubject::new(&self.ports, Some(&found.account.value), &found.credentials);
        let languages = &journey.requirements.languages;
        let Some(added) = enrolment.complete(subject, languages, &begun.state, answer).await? else {
            let challenge = self.whole_challenge(&journey).await?;
            return Ok(Step::Refused(Refusal { reason: RefusalReason::Code, retry_after: None, challenge }));
        };
        // Of two who come with a right answer one goes on.
        let chosen = Stage::Enrol(EnrolStage { begun: None, ..stage.clone() });
        let journey = self.advance(handle, &journey, chosen).await?;
        if !self.ports.store().commit(added.batch).await?.is_applied() {
            return Ok(self.refused(&journey, RefusalReason::Unexpected));
        }
        let mut held = stage.held;
        held.proofs.extend(added.proof);
        self.after_enrolment(handle, visitor, journey, held).await
    }

    /// Puts it off, where that is still allowed.
    pub(super) async fn postpone_enrolment(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        stage: EnrolStage,
    ) -> Result<Step, JourneyError> {
        if stage.postponable_until.is_none_or(|until| self.ports.now() >= until) {
            return Ok(self.refused(&journey, RefusalReason::Enrolment));
        }
        let mut held = stage.held;
        held.postponed.push(POSTPONED.to_owned());
        self.after_enrolment(handle, visitor, journey, held).await
    }

    async fn after_enrolment(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        mut journey: Journey,
        held: Held,
    ) -> Result<Step, JourneyError> {
        let mut current = visitor.current.cloned();
        for _ in 0..Self::MAX_RACES {
            let Some(found) = self.relied_upon(&held, current.as_ref()).await? else {
                return self.start_again(handle, &journey, held.goal).await;
            };
            let (proving, batch) = (Proving::resumed(&held, found), Batch::new());
            match self.conclude(handle, visitor, &journey, current.as_ref(), proving, batch).await? {
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

    /// What the person is to do now, with what was sealed.
    pub(super) async fn whole_challenge(&self, journey: &Journey) -> Result<Option<Challenge>, PortError> {
        let (Stage::Enrol(stage), None) = (&journey.stage, &journey.human) else {
            return Ok(self.challenge_of(journey));
        };
        let Some(begun) = &stage.begun else { return Ok(self.challenge_of(journey)) };
        let scope = SealScope::Account(stage.held.account);
        let text = self.ports.vault().open(&scope, PURPOSE, &begun.public).await?;
        let public = serde_json::from_slice(text.expose()).map_err(PortError::permanent)?;
        Ok(Some(stage.asked(public)))
    }
}

impl EnrolStage {
    /// What the person is asked.
    pub(super) fn asked(&self, data: Value) -> Challenge {
        Challenge::Enrolment {
            offered: self.offered.clone(),
            chosen: self.begun.as_ref().map(|it| it.factor.clone()),
            data: SecretJson::new(data),
            postponable_until: self.postponable_until,
        }
    }
}

/// As which it stands among what was put off.
const POSTPONED: &str = "enrolment";
const PURPOSE: &str = "core.journey_enrolment";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    #[test]
    fn a_factor_is_due_where_one_is_wanted_and_none_is_there() {
        let days = Duration::days;
        let policy = EnrolmentPolicy::any_of(["passkey", "totp"]);
        let rows = [
            ("nobody must", EnrolmentPolicy::default(), vec![], days(100), None),
            ("at once", policy.clone(), vec![], days(100), Some(None)),
            ("recovery codes do not count", policy.clone(), vec!["recovery_code"], days(100), Some(None)),
            ("one is there", policy.clone(), vec!["recovery_code", "passkey"], days(100), None),
            ("not yet", policy.clone().since(NOW + days(1)), vec![], days(100), None),
            (
                "grace of a new account",
                policy.clone().with_grace(days(7)),
                vec![],
                days(2),
                Some(Some(NOW + days(5))),
            ),
            ("grace is over", policy.clone().with_grace(days(7)), vec![], days(7), Some(None)),
            (
                "grace since the policy began",
                policy.clone().since(NOW - days(3)).with_grace(days(7)),
                vec![],
                days(100),
                Some(Some(NOW + days(4))),
            ),
        ];
        for (name, policy, enrolled, age, due) in rows {
            assert_eq!(policy.due(&enrolled, NOW - age, NOW), due, "{name}");
        }
    }
}
