//! A sign-in that begins with a factor which says itself whose it is, and the choice between further factors.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::Account;
use ciam_core::assurance::{Acr, AcrLadder, Amr, FactorKind, Proof, Strength};
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::journey::{
    Answer, Challenge, JourneyPolicy, Journeys, Methods, Requirements, SignInMethod, Step,
};
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, Write};
use serde_json::{Value, json};

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

/// A key that signs challenges, as far as a journey can tell.
#[derive(Debug)]
struct Badge;

#[async_trait]
impl Factor for Badge {
    fn name(&self) -> &'static str {
        "badge"
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Possession, FactorKind::Inherence]
    }

    fn strength(&self, _: &[ciam_core::store::Versioned<Credential>]) -> Strength {
        Strength::PhishingResistant
    }

    fn is_first(&self) -> bool {
        true
    }

    async fn identify(&self, _: &Ports, answer: &Value) -> Result<Option<AccountId>, PortError> {
        Ok(answer["who"].as_str().and_then(|who| who.parse().ok()))
    }

    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let nonce = ciam_core::entropy::decimal_code(subject.ports.entropy(), 8)?;
        Ok(FactorChallenge::new(json!({ "nonce": nonce }), json!(nonce)))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let enrolled = self.is_enrolled(subject.credentials);
        let right = enrolled && answer["nonce"] == *state;
        let proof = Proof::new(Amr::HARDWARE_KEY, self.kinds().iter().copied(), subject.ports.now())
            .with_strength(Strength::PhishingResistant);
        Ok(right.then(|| FactorProof::new(proof)))
    }
}

async fn enrol(world: &World, account: &Account) {
    let id = CredentialId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let badge = Credential::new(id, account.id, "badge", json!({}), world.ports.now());
    let batch = Batch::new().write(Write::PutCredential(badge));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
}

fn policy() -> JourneyPolicy {
    let mut policy = JourneyPolicy::default();
    policy.methods = Methods::default().with(SignInMethod::Passkey);
    policy.ladder = AcrLadder::default().with_phishing_resistant();
    policy
}

fn nonce_of(challenge: &Challenge) -> Value {
    match challenge {
        Challenge::Credentials { first, .. } => first[0].data["nonce"].clone(),
        Challenge::Factor { data, .. } => data["nonce"].clone(),
        other => panic!("{other:?}"),
    }
}

fn badge(who: &Account, nonce: &Value) -> Answer {
    Answer::factor("badge", json!({ "who": who.id.to_string(), "nonce": nonce }))
}

async fn world_with_badge() -> (World, Journeys, Account) {
    let world = World::with_policy(policy()).await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin)).with_factor(Arc::new(Badge));
    let account = world.registered("ada@example.com").await.account;
    (world, journeys, account)
}

#[tokio::test]
async fn a_sign_in_begins_without_an_identifier_and_ends_in_one_session() {
    let (world, journeys, account) = world_with_badge().await;
    enrol(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, challenge) = journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let nonce = nonce_of(&challenge);
    let wrong = journeys.answer(&handle, &visitor, badge(&account, &json!("00000000"))).await.unwrap();
    assert_eq!(refusal(wrong), "credentials");
    let signed_in = done(journeys.answer(&handle, &visitor, badge(&account, &nonce)).await.unwrap());
    assert_eq!(signed_in.account.id, account.id);
    let ladder = policy().ladder;
    let achieved = ladder.achieved(&signed_in.session.context, world.ports.now());
    assert_eq!(achieved.map(Acr::as_str), Some("phr"));
    assert!(
        journeys.answer(&handle, &visitor, badge(&account, &nonce)).await.is_err(),
        "one answer, one session"
    );
}

#[tokio::test]
async fn whoever_it_names_a_wrong_answer_is_refused_alike() {
    let (world, journeys, account) = world_with_badge().await;
    let stranger = world.registered("bob@example.com").await.account;
    enrol(&world, &stranger).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, challenge) = journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let nonce = nonce_of(&challenge);
    let mut answers = Vec::new();
    for who in [json!(account.id.to_string()), json!(uuid::Uuid::nil().to_string()), json!(null), json!(7)] {
        let answer = Answer::factor("badge", json!({ "who": who, "nonce": nonce }));
        let step = journeys.answer(&handle, &visitor, answer).await.unwrap();
        answers.push(serde_json::to_string(&step).unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].contains("\"credentials\""));
}

#[tokio::test]
async fn it_is_offered_only_where_the_policy_and_the_host_allow_it() {
    let (world, journeys, account) = world_with_badge().await;
    enrol(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let only_password = Requirements::default().with_methods(Methods::of([SignInMethod::Password]));
    for (journeys, requirements) in [(&world.journeys, Requirements::default()), (&journeys, only_password)] {
        let (handle, challenge) = journeys.begin_sign_in(&visitor, requirements).await.unwrap();
        let Challenge::Credentials { methods, first, .. } = challenge else { panic!("{challenge:?}") };
        assert!(first.is_empty() && !methods.allow(SignInMethod::Passkey));
        let step = journeys.answer(&handle, &visitor, badge(&account, &json!("1"))).await.unwrap();
        assert_eq!(refusal(step), "method");
    }
}

#[tokio::test]
async fn a_person_may_choose_another_further_factor_and_gets_no_more_guesses_for_it() {
    let (world, journeys, account) = world_with_badge().await;
    enrol(&world, &account).await;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    let credentials = Answer::credentials("ada@example.com", PASSWORD);
    let step = journeys.answer(&handle, &visitor, credentials).await.unwrap();
    let Step::Challenge(Challenge::Factor { factor, others, .. }) = step else { panic!("{step:?}") };
    assert_eq!((factor.as_str(), others), ("pin", vec!["badge".to_owned()]));
    let unknown = journeys.answer(&handle, &visitor, Answer::another_factor("sms")).await.unwrap();
    assert_eq!(refusal(unknown), "unexpected");
    for _ in 0..2 {
        assert_eq!(refusal(journeys.answer(&handle, &visitor, pin("0")).await.unwrap()), "credentials");
        let step = journeys.answer(&handle, &visitor, Answer::another_factor("badge")).await.unwrap();
        let Step::Challenge(challenge) = step else { panic!("{step:?}") };
        assert!(matches!(&challenge, Challenge::Factor { factor, .. } if factor == "badge"));
        let wrong = journeys.answer(&handle, &visitor, badge(&account, &json!("0"))).await.unwrap();
        assert_eq!(refusal(wrong), "credentials");
        journeys.answer(&handle, &visitor, Answer::another_factor("pin")).await.unwrap();
    }
    // Four guesses so far, whichever factor they were for: the fifth is looked at, the sixth ends the journey.
    let step = journeys.answer(&handle, &visitor, Answer::another_factor("badge")).await.unwrap();
    let Step::Challenge(_) = step else { panic!("{step:?}") };
    assert_eq!(
        refusal(journeys.answer(&handle, &visitor, badge(&account, &json!("0"))).await.unwrap()),
        "credentials"
    );
    let sixth = journeys.answer(&handle, &visitor, badge(&account, &json!("0"))).await.unwrap();
    assert_eq!(refusal(sixth), "too_many_attempts");
}

#[tokio::test]
async fn a_level_that_resists_phishing_asks_for_what_does_alone() {
    let (world, journeys, account) = world_with_badge().await;
    enrol(&world, &account).await;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let wanted = Requirements::default().with_acr_values(vec![Acr::new("phr")]);
    let (handle, _) = journeys.begin_sign_in(&visitor, wanted).await.unwrap();
    let credentials = Answer::credentials("ada@example.com", PASSWORD);
    let step = journeys.answer(&handle, &visitor, credentials).await.unwrap();
    let Step::Challenge(Challenge::Factor { factor, others, .. }) = step else { panic!("{step:?}") };
    assert_eq!((factor.as_str(), others.len()), ("badge", 0));
}
