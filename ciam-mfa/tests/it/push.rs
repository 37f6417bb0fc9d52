//! Approval on a registered device: number matching, fatigue, single use, denial.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ciam_core::account::{Account, Owner};
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::id::CredentialId;
use ciam_core::jose::{Algorithm, LocalSigner, sign, sign_with_header};
use ciam_core::journey::{Answer, Challenge, JourneyHandle, Step};
use ciam_core::session::Authenticated;
use ciam_core::store::{Batch, Write};
use ciam_mfa::attestation::{AttestationStatement, AttestedKey, KeyAttestation};
use ciam_mfa::manage::FactorError;
use ciam_mfa::push::{
    PushAnswered, PushApprovals, PushError, PushFactor, PushRequest, PushSender, PushStatus, PushWake,
};
use serde_json::{Map, Value, json};
use time::Duration;

use super::world::{World, done, refusal};

const ADA: &str = "ada@example.com";
const AAL2: &str = "urn:ciam:acr:aal2";

/// A push service that keeps what it was given.
#[derive(Debug, Default)]
pub(crate) struct Kept(pub(crate) Mutex<Vec<PushWake>>);

#[async_trait]
impl PushSender for Kept {
    async fn send(&self, wake: &PushWake) -> Result<(), PortError> {
        self.0.lock().unwrap().push(wake.clone());
        Ok(())
    }
}

#[derive(Debug)]
struct Hangs;

#[async_trait]
impl PushSender for Hangs {
    async fn send(&self, _: &PushWake) -> Result<(), PortError> {
        std::future::pending().await
    }
}

/// The app on a phone.
pub(crate) struct Phone {
    pub(crate) signer: LocalSigner,
    pub(crate) account: Account,
    pub(crate) device: CredentialId,
}

impl Phone {
    fn signer(world: &World) -> LocalSigner {
        LocalSigner::generate(world.ports.crypto(), Algorithm::Es256).unwrap()
    }

    pub(crate) async fn registration(signer: &LocalSigner, challenge: &str, more: Value) -> String {
        let mut header = Map::new();
        header.insert("jwk".to_owned(), serde_json::to_value(signer.public_jwk().unwrap()).unwrap());
        let mut claims = json!({ "challenge": challenge, "address": "fcm:1" });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sign_with_header(signer, "ciam-push-register+jwt", &header, &claims).await.unwrap()
    }

    pub(crate) async fn registered(world: &World) -> (Self, Authenticated) {
        let account = world.account(ADA).await;
        let current = world.signed_in(ADA).await;
        let owner = Owner::new(&current);
        let offer = world.factors.begin_push(&owner).await.unwrap();
        let signer = Self::signer(world);
        let message = Self::registration(&signer, &offer.challenge, json!({})).await;
        let registered =
            world.factors.confirm_push(&owner, &offer.enrolment, &message, "my phone").await.unwrap();
        let current = world.renewed(&registered.session).await;
        (Self { signer, account, device: registered.device }, current)
    }

    /// One more device of the same person.
    pub(crate) async fn another(&self, world: &World) -> Self {
        let signer = Self::signer(world);
        let device = CredentialId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
        let mut known = world.credentials(&self.account).await;
        known.retain(|it| it.value.id == self.device);
        let mut other = known.remove(0).value;
        (other.id, other.last_used_at) = (device, None);
        other.data["key"] = serde_json::to_value(signer.public_jwk().unwrap()).unwrap();
        let batch = Batch::new().write(Write::PutCredential(other));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
        Self { signer, account: self.account.clone(), device }
    }

    pub(crate) async fn look(&self, world: &World) -> Result<Option<PushRequest>, PushError> {
        let iat = world.ports.now().unix_timestamp();
        let claims = json!({ "account": self.account.id, "device": self.device, "iat": iat });
        let message = sign(&self.signer, "ciam-push-look+jwt", &claims).await.unwrap();
        approvals(world).waiting(&message).await
    }

    pub(crate) async fn message(&self, request: &PushRequest, decision: &str, number: Option<u64>) -> String {
        let claims = json!({
            "account": self.account.id, "device": self.device, "request": request.request,
            "challenge": request.challenge, "decision": decision, "number": number,
        });
        sign(&self.signer, "ciam-push-answer+jwt", &claims).await.unwrap()
    }

    pub(crate) async fn says(
        &self,
        world: &World,
        request: &PushRequest,
        decision: &str,
        number: Option<u64>,
    ) -> Result<PushAnswered, PushError> {
        approvals(world).answer(&self.message(request, decision, number).await).await
    }
}

fn approvals(world: &World) -> PushApprovals {
    PushApprovals::new(world.ports.clone())
}

pub(crate) async fn world() -> (World, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let sender = kept.clone();
    let world = World::with(|_| vec![Arc::new(PushFactor::new().with_sender(sender))]).await;
    (world, kept)
}

/// Begins a sign-in that needs two factors; gives what the page shows.
pub(crate) async fn asked(world: &World) -> (BrowserId, JourneyHandle, Value) {
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Challenge(Challenge::Factor { factor, data, .. }) = step else { panic!("{step:?}") };
    assert_eq!(factor, "push");
    (browser, handle, data)
}

pub(crate) fn number(data: &Value) -> Option<u64> {
    data["number"].as_u64()
}

pub(crate) fn code(error: Result<PushAnswered, PushError>) -> &'static str {
    error.unwrap_err().code()
}

#[tokio::test]
async fn the_number_on_the_page_typed_on_the_phone_signs_in() {
    let (world, kept) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (browser, handle, data) = asked(&world).await;
    let shown = number(&data).unwrap();
    assert!((10..=99).contains(&shown));
    let wakes = kept.0.lock().unwrap().clone();
    assert_eq!((wakes.len(), wakes[0].address.as_str()), (1, "fcm:1"));

    let request = phone.look(&world).await.unwrap().unwrap();
    assert_eq!(request.request, wakes[0].request);
    let name = data["request"].as_str().unwrap();
    assert_eq!(approvals(&world).status(name).await.unwrap(), PushStatus::Pending);
    let early = world.answer(&browser, &handle, Answer::factor("push", json!({}))).await;
    assert_eq!(refusal(early), "credentials", "nobody has approved it");

    let said = phone.says(&world, &request, "approve", Some(shown)).await.unwrap();
    assert_eq!(said, PushAnswered::Approved);
    assert_eq!(approvals(&world).status(name).await.unwrap(), PushStatus::Approved);
    let signed_in = done(world.answer(&browser, &handle, Answer::factor("push", json!({}))).await);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
    assert_eq!(amr, ["pwd", "swk", "mfa"]);
    let used = world.credentials(&phone.account).await;
    assert!(used.iter().any(|it| it.value.id == phone.device && it.value.last_used_at.is_some()));

    // It is answered once, and taken once.
    assert_eq!(code(phone.says(&world, &request, "approve", Some(shown)).await), "over");
    assert_eq!(approvals(&world).status(name).await.unwrap(), PushStatus::Over);
}

#[tokio::test]
async fn a_wrong_number_ends_the_request() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (browser, handle, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    let shown = number(&data).unwrap();
    let wrong = if shown == 10 { 11 } else { 10 };
    assert_eq!(code(phone.says(&world, &request, "approve", Some(wrong)).await), "number");
    assert_eq!(code(phone.says(&world, &request, "approve", Some(shown)).await), "over");
    let step = world.answer(&browser, &handle, Answer::factor("push", json!({}))).await;
    assert_eq!(refusal(step), "credentials");
    let events = world.events().await;
    let denied = events.iter().find(|it| it.event_type == ciam_mfa::event::PUSH_DENIED).unwrap();
    assert_eq!(denied.data["reason"], "number");
}

#[tokio::test]
async fn an_approval_without_a_number_is_none() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    assert_eq!(code(phone.says(&world, &request, "approve", None).await), "number");
}

#[tokio::test]
async fn of_many_answers_at_once_one_counts_and_an_approval_is_taken_once() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (browser, handle, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    let message = phone.message(&request, "approve", number(&data)).await;
    let approvals = approvals(&world);
    let all = futures_util::future::join_all((0..20).map(|_| approvals.answer(&message))).await;
    assert_eq!(all.iter().filter(|it| it.is_ok()).count(), 1);
    let answer = || world.answer(&browser, &handle, Answer::factor("push", json!({})));
    let first = answer().await;
    assert!(matches!(first, Step::Done(_)));
}

#[tokio::test]
async fn who_denies_is_left_alone_and_who_reports_for_an_hour() {
    let (world, kept) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    assert_eq!(phone.says(&world, &request, "deny", None).await.unwrap(), PushAnswered::Denied);
    assert!(phone.look(&world).await.unwrap().is_none());
    let (_, _, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    // Whatever number comes with it: a report is a report.
    phone.says(&world, &request, "report", number(&data)).await.unwrap();
    world.clock.advance(Duration::minutes(30));
    let before = kept.0.lock().unwrap().len();
    let (_, _, data) = asked(&world).await;
    assert_eq!(data, json!({ "limited": true }));
    assert_eq!(kept.0.lock().unwrap().len(), before, "nobody was woken");
    let events = world.events().await;
    assert!(events.iter().any(|it| it.event_type == ciam_mfa::event::PUSH_REPORTED));
    world.clock.advance(Duration::minutes(31));
    let (_, _, data) = asked(&world).await;
    assert!(number(&data).is_some());
}

#[tokio::test]
async fn a_flood_wakes_nobody_more_than_three_times() {
    let (world, kept) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    for round in 1..=6 {
        let (_, _, data) = asked(&world).await;
        assert_eq!(number(&data).is_some(), round <= 3, "{round}");
    }
    assert_eq!(kept.0.lock().unwrap().len(), 3);
    // One at a time: the first two are over.
    let first = kept.0.lock().unwrap()[0].request.clone();
    assert_eq!(approvals(&world).status(&first).await.unwrap(), PushStatus::Over);
    assert!(phone.look(&world).await.unwrap().is_some());
}

#[tokio::test]
async fn a_request_ends_after_two_minutes() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (_, _, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    world.clock.advance(Duration::minutes(2));
    assert_eq!(code(phone.says(&world, &request, "approve", number(&data)).await), "over");
    assert!(phone.look(&world).await.unwrap().is_none());
}

#[tokio::test]
async fn what_another_key_signed_is_worth_nothing() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (_, _, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    let thief = Phone { signer: Phone::signer(&world), account: phone.account.clone(), device: phone.device };
    assert_eq!(code(thief.says(&world, &request, "approve", number(&data)).await), "refused");
    assert!(thief.look(&world).await.is_err());
    // A key in the header is not taken for the registered one.
    let claims = json!({
        "account": phone.account.id, "device": phone.device, "request": request.request,
        "challenge": request.challenge, "decision": "approve", "number": number(&data),
    });
    let mut header = Map::new();
    header.insert("jwk".to_owned(), serde_json::to_value(thief.signer.public_jwk().unwrap()).unwrap());
    let forged = sign_with_header(&thief.signer, "ciam-push-answer+jwt", &header, &claims).await.unwrap();
    assert_eq!(code(approvals(&world).answer(&forged).await), "refused");
    // Neither is it asked for: whoever knows it need not say it.
    let mut own = Map::new();
    own.insert("jwk".to_owned(), serde_json::to_value(phone.signer.public_jwk().unwrap()).unwrap());
    let chatty = sign_with_header(&phone.signer, "ciam-push-answer+jwt", &own, &claims).await.unwrap();
    assert_eq!(code(approvals(&world).answer(&chatty).await), "refused");
    // A message of one type is none of the other; garbage is nothing.
    let other = sign(&phone.signer, "ciam-push-look+jwt", &claims).await.unwrap();
    for bad in [other.as_str(), "", "a.b.c", "…"] {
        assert_eq!(code(approvals(&world).answer(bad).await), "refused", "{bad}");
    }
    let mut wrong = request.clone();
    wrong.challenge = "another".to_owned();
    assert_eq!(code(phone.says(&world, &wrong, "approve", number(&data)).await), "refused");
    assert_eq!(phone.says(&world, &request, "approve", number(&data)).await.unwrap(), PushAnswered::Approved);
}

#[tokio::test]
async fn a_device_that_was_removed_approves_nothing() {
    let (world, _) = world().await;
    let (phone, current) = Phone::registered(&world).await;
    let (browser, handle, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    phone.says(&world, &request, "approve", number(&data)).await.unwrap();
    // The owner has proved their password just now, and is asked for their second factor too.
    let (other, other_handle, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    phone.says(&world, &request, "approve", number(&data)).await.unwrap();
    let signed_in = done(world.answer(&other, &other_handle, Answer::factor("push", json!({}))).await);
    let proved = world.authenticated(&signed_in.cookie).await.unwrap();
    world.factors.remove(&Owner::new(&proved), phone.device).await.unwrap();
    let step = world.answer(&browser, &handle, Answer::factor("push", json!({}))).await;
    assert!(!matches!(step, Step::Done(_)), "{step:?}");
    assert!(phone.look(&world).await.is_err());
    drop(current);
}

/// Another phone of the same person: one that was there when they were asked, and one that came later.
#[tokio::test]
async fn a_request_is_answered_by_a_device_that_was_asked() {
    let (world, _) = world().await;
    let (first, _) = Phone::registered(&world).await;
    let second = first.another(&world).await;
    let (browser, handle, data) = asked(&world).await;
    // Each by its own key.
    let mixed =
        Phone { signer: Phone::signer(&world), account: first.account.clone(), device: second.device };
    assert!(mixed.look(&world).await.is_err());
    let request = second.look(&world).await.unwrap().unwrap();
    assert_eq!(
        second.says(&world, &request, "approve", number(&data)).await.unwrap(),
        PushAnswered::Approved
    );
    done(world.answer(&browser, &handle, Answer::factor("push", json!({}))).await);
    let used = world.credentials(&first.account).await;
    let last_used = |device| used.iter().find(|it| it.value.id == device).unwrap().value.last_used_at;
    assert!(last_used(second.device).is_some() && last_used(first.device).is_none());

    let (_, _, data) = asked(&world).await;
    let request = first.look(&world).await.unwrap().unwrap();
    let late = first.another(&world).await;
    assert!(late.look(&world).await.unwrap().is_none(), "it was not asked");
    assert_eq!(code(late.says(&world, &request, "approve", number(&data)).await), "refused");
    assert!(first.says(&world, &request, "approve", number(&data)).await.is_ok());
}

/// What another account's device signs, and one of an account that is stopped.
#[tokio::test]
async fn a_device_speaks_for_its_own_account_while_that_is_open() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    let (_, _, data) = asked(&world).await;
    let request = phone.look(&world).await.unwrap().unwrap();
    let eve = world.account("eve@example.com").await;
    let session = world.signed_in("eve@example.com").await;
    let offer = world.factors.begin_push(&Owner::new(&session)).await.unwrap();
    let signer = Phone::signer(&world);
    let message = Phone::registration(&signer, &offer.challenge, json!({})).await;
    let registered =
        world.factors.confirm_push(&Owner::new(&session), &offer.enrolment, &message, "").await.unwrap();
    let eves = Phone { signer, account: eve, device: registered.device };
    assert_eq!(code(eves.says(&world, &request, "approve", number(&data)).await), "refused");
    let as_ada = Phone { account: phone.account.clone(), ..eves };
    assert_eq!(code(as_ada.says(&world, &request, "approve", number(&data)).await), "refused");

    let mut stopped = world.account_of(ADA).await;
    stopped.status = ciam_core::account::AccountStatus::Suspended;
    let batch = Batch::new().write(Write::PutAccount(stopped));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    assert!(phone.look(&world).await.is_err());
    assert_eq!(code(phone.says(&world, &request, "approve", number(&data)).await), "refused");
}

/// A question of an app that was seen on the way is worth something for a minute.
#[tokio::test]
async fn a_question_of_an_app_is_of_the_last_minute() {
    let (world, _) = world().await;
    let (phone, _) = Phone::registered(&world).await;
    asked(&world).await;
    for (age, right) in [(0, true), (60, true), (61, false), (-10, true), (-11, false)] {
        let iat = world.ports.now().unix_timestamp() - age;
        let claims = json!({ "account": phone.account.id, "device": phone.device, "iat": iat });
        let message = sign(&phone.signer, "ciam-push-look+jwt", &claims).await.unwrap();
        assert_eq!(approvals(&world).waiting(&message).await.is_ok(), right, "{age}");
    }
}

/// Ten in an hour, and windows follow one another: however patient somebody is, no hour has more than twenty in it.
#[tokio::test]
async fn a_patient_flood_has_an_end_too() {
    let (world, kept) = world().await;
    Phone::registered(&world).await;
    for _ in 0..30 {
        asked(&world).await;
        // So that the limit of the short time never stops it.
        world.clock.advance(Duration::seconds(101));
    }
    let woken = kept.0.lock().unwrap().len();
    assert!((10..=20).contains(&woken), "{woken}");
}

#[tokio::test]
async fn a_push_service_that_hangs_is_not_waited_for() {
    let mut policy = ciam_mfa::push::PushPolicy::default();
    policy.deadline = std::time::Duration::from_millis(20);
    let factor = PushFactor::new().with_sender(Arc::new(Hangs)).with_policy(policy);
    let world = World::with(|_| vec![Arc::new(factor)]).await;
    let (phone, _) = Phone::registered(&world).await;
    asked(&world).await;
    assert!(phone.look(&world).await.unwrap().is_some(), "the app asks by itself");
}

#[tokio::test]
async fn a_registration_is_signed_by_its_key_for_its_challenge_and_taken_once() {
    let (world, _) = world().await;
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let owner = Owner::new(&current);
    let signer = Phone::signer(&world);
    let offer = world.factors.begin_push(&owner).await.unwrap();
    let other = Phone::registration(&signer, "another challenge", json!({})).await;
    let refused = world.factors.confirm_push(&owner, &offer.enrolment, &other, "").await.unwrap_err();
    assert!(matches!(refused, FactorError::Code), "{refused:?}");
    // It is used up, whatever the answer was.
    let right = Phone::registration(&signer, &offer.challenge, json!({})).await;
    let again = world.factors.confirm_push(&owner, &offer.enrolment, &right, "").await.unwrap_err();
    assert!(matches!(again, FactorError::NotFound), "{again:?}");
    // In another session of the same person, and with an address that no push service has.
    let offer = world.factors.begin_push(&owner).await.unwrap();
    let right = Phone::registration(&signer, &offer.challenge, json!({})).await;
    let other = world.signed_in(ADA).await;
    let refused = world.factors.confirm_push(&Owner::new(&other), &offer.enrolment, &right, "").await;
    assert!(matches!(refused.unwrap_err(), FactorError::NotFound));
    let long = Phone::registration(&signer, &offer.challenge, json!({ "address": "x".repeat(1_025) })).await;
    let refused = world.factors.confirm_push(&owner, &offer.enrolment, &long, "").await;
    assert!(matches!(refused.unwrap_err(), FactorError::Code));
    let offer = world.factors.begin_push(&owner).await.unwrap();
    let unsigned = sign(&signer, "ciam-push-register+jwt", &json!({ "challenge": offer.challenge })).await;
    let refused = world.factors.confirm_push(&owner, &offer.enrolment, &unsigned.unwrap(), "").await;
    assert!(matches!(refused.unwrap_err(), FactorError::Code), "no key in the header");
}

#[derive(Debug)]
struct Believing;

#[async_trait]
impl KeyAttestation for Believing {
    async fn verify(
        &self,
        _: &ciam_core::jose::PublicJwk,
        challenge: &str,
        statement: &AttestationStatement,
    ) -> Result<Option<AttestedKey>, PortError> {
        let proved = statement.data == challenge;
        Ok(proved.then(|| AttestedKey::new(statement.format.clone(), statement.format == "hardware")))
    }
}

#[tokio::test]
async fn a_key_that_is_attested_in_hardware_is_one() {
    for (data, format, expected) in [
        (None, "hardware", "swk"),
        (Some("a lie"), "hardware", "swk"),
        (Some(""), "software", "swk"),
        (Some(""), "hardware", "hwk"),
    ] {
        let (mut world, _) = world().await;
        world.factors = world.factors.clone().with_key_attestation(Arc::new(Believing));
        let account = world.account(ADA).await;
        let current = world.signed_in(ADA).await;
        let owner = Owner::new(&current);
        let offer = world.factors.begin_push(&owner).await.unwrap();
        let signer = Phone::signer(&world);
        let more = data.map_or_else(
            || json!({}),
            |data| {
                let data = if data.is_empty() { offer.challenge.as_str() } else { data };
                json!({ "attestation": { "format": format, "data": data } })
            },
        );
        let message = Phone::registration(&signer, &offer.challenge, more).await;
        let device = world.factors.confirm_push(&owner, &offer.enrolment, &message, "").await.unwrap().device;
        let phone = Phone { signer, account, device };
        let (browser, handle, data) = asked(&world).await;
        let request = phone.look(&world).await.unwrap().unwrap();
        phone.says(&world, &request, "approve", number(&data)).await.unwrap();
        let signed_in = done(world.answer(&browser, &handle, Answer::factor("push", json!({}))).await);
        assert!(signed_in.session.context.amr().iter().any(|amr| amr.as_str() == expected), "{expected}");
    }
}
