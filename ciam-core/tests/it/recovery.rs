//! A forgotten password: a way back for the owner, and no way around anything.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey, NewAccount};
use ciam_core::assurance::Amr;
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::journey::{
    Answer, Challenge, CodePurpose, JourneyError, JourneyHandle, JourneyPolicy, Journeys, Requirements, Step,
};
use ciam_core::notify::MessageCode;
use ciam_core::risk::{Assessment, Observation, RiskAction, RiskEngine, RiskLevel};
use ciam_core::store::{Batch, OutboxPayload, PageRequest, Write};
use futures_util::future::join_all;
use time::Duration;

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

const NEW: &str = "a quite different passphrase";

/// A recovery up to the point where its code was sent.
async fn asked(journeys: &Journeys, browser: &BrowserId, identifier: &str) -> JourneyHandle {
    let (handle, _) = journeys.begin_recovery(&visitor(browser), Requirements::default()).await.unwrap();
    let step = journeys.answer(&handle, &visitor(browser), Answer::recover(identifier)).await.unwrap();
    assert!(
        matches!(step, Step::Challenge(Challenge::Code { purpose: CodePurpose::Recovery, .. })),
        "{step:?}"
    );
    handle
}

async fn status(world: &World, account: &Account, to: AccountStatus) {
    let mut account = world.ports.store().account(account.id).await.unwrap().unwrap().value;
    account.status = account.status.transition(to).unwrap();
    let commit = world.ports.store().commit(Batch::new().write(Write::PutAccount(account))).await;
    assert!(commit.unwrap().is_applied());
}

async fn events(world: &World) -> Vec<String> {
    let items = world.ports.store().claim_outbox(Duration::SECOND, 1_000).await.unwrap();
    let name = |item: &ciam_core::store::OutboxItem| match &item.payload {
        OutboxPayload::Event(event) => Some(event.event_type.as_str().to_owned()),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

#[tokio::test]
async fn the_owner_chooses_a_new_password_and_everything_else_is_over() {
    let world = World::new().await;
    let before = world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = asked(&world.journeys, &browser, "Ada@example.com").await;
    let message = world.mail_to("ada@example.com").await.unwrap();
    assert_eq!(message.code, MessageCode::RecoveryCode);
    let code = Answer::code(message.parameters["code"].clone());
    let step = world.journeys.answer(&handle, &visitor, code).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::NewPassword { .. })), "{step:?}");
    for (bad, reason) in [("short", "too_short"), ("ada@example.com-1", "personal")] {
        let step = world.journeys.answer(&handle, &visitor, Answer::new_password(bad)).await.unwrap();
        assert_eq!(refusal(step), reason);
    }
    let signed_in = done(world.journeys.answer(&handle, &visitor, Answer::new_password(NEW)).await.unwrap());
    assert_eq!(signed_in.account.id, before.account.id);
    assert_eq!(signed_in.session.context.amr(), [Amr::EMAIL], "what was proved, and no more");
    assert!(world.authenticated(&signed_in).await.is_some());
    assert!(world.authenticated(&before).await.is_none(), "a session of before");
    assert_eq!(refusal(world.sign_in(&browser, "ada@example.com", PASSWORD).await), "credentials");
    done(world.sign_in(&browser, "ada@example.com", NEW).await);
    let events = events(&world).await;
    for name in ["ciam.account.recovered.v1", "ciam.credential.changed.v1", "ciam.session.ended.v1"] {
        assert!(events.iter().any(|it| it == name), "{name} in {events:?}");
    }
    world.clock.advance(Duration::minutes(1));
    assert_eq!(world.mail_to("ada@example.com").await.unwrap().code, MessageCode::PasswordRecovered);
    let again = world.journeys.answer(&handle, &visitor, Answer::new_password(PASSWORD)).await;
    assert!(matches!(again, Err(JourneyError::NotFound)), "{again:?}");
}

#[tokio::test]
async fn nothing_is_replaced_before_the_code_is_proved() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = asked(&world.journeys, &browser, "ada@example.com").await;
    let skipped = world.journeys.answer(&handle, &visitor, Answer::new_password(NEW)).await.unwrap();
    assert_eq!(refusal(skipped), "unexpected");
    let code = world.code_for("ada@example.com").await;
    let wrong = (0..100).map(|n| format!("{n:06}")).filter(|guess| *guess != code);
    let guesses = join_all(wrong.map(|it| world.journeys.answer(&handle, &visitor, Answer::code(it)))).await;
    let looked_at = guesses
        .into_iter()
        .filter(|step| matches!(step, Ok(Step::Refused(refused)) if refused.reason.code() == "code"));
    assert_eq!(looked_at.count(), 5);
    let late = world.journeys.answer(&handle, &visitor, Answer::code(code)).await.unwrap();
    assert_eq!(refusal(late), "too_many_attempts");
    done(world.sign_in(&browser, "ada@example.com", PASSWORD).await);
}

#[tokio::test]
async fn a_mailbox_does_not_stand_for_the_second_factor() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let account = world.registered("ada@example.com").await.account;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = asked(&journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    let step = journeys.answer(&handle, &visitor, code).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Factor { .. })), "{step:?}");
    // Neither a new password, nor a session, nor another factor.
    for answer in [Answer::new_password(NEW), Answer::send_code("ada@example.com"), Answer::Resend] {
        if let Ok(Step::Done(_) | Step::Challenge(Challenge::NewPassword { .. })) =
            journeys.answer(&handle, &visitor, answer).await
        {
            panic!("past the second factor")
        }
    }
    let handle = asked(&journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    journeys.answer(&handle, &visitor, code).await.unwrap();
    assert_eq!(refusal(journeys.answer(&handle, &visitor, pin("0000")).await.unwrap()), "credentials");
    done(world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await);
    let step = journeys.answer(&handle, &visitor, pin("4711")).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::NewPassword { .. })), "{step:?}");
    let signed_in = done(journeys.answer(&handle, &visitor, Answer::new_password(NEW)).await.unwrap());
    assert_eq!(signed_in.session.context.amr(), [Amr::EMAIL, Amr::OTP, Amr::MULTI_FACTOR]);
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    assert!(credentials.iter().any(|it| it.value.factor == "pin"), "the factor is still there");
}

/// What opens the mailbox does not add up with the password that it has just replaced.
#[tokio::test]
async fn a_recovered_account_reaches_no_higher_level_by_its_new_password() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let handle = asked(&world.journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    world.journeys.answer(&handle, &visitor(&browser), code).await.unwrap();
    let answer = Answer::new_password(NEW);
    let recovered = done(world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
    let current = world.authenticated(&recovered).await.unwrap();
    let visitor = visitor(&browser).with_session(Some(&current));
    let (handle, _) = world.journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", NEW);
    let again = done(world.journeys.answer(&handle, &visitor, answer).await.unwrap());
    assert!(!again.session.context.amr().contains(&Amr::MULTI_FACTOR));
}

#[tokio::test]
async fn a_locked_account_comes_back_and_a_suspended_one_does_not() {
    for (to, comes_back) in [
        (AccountStatus::Locked, true),
        (AccountStatus::Suspended, false),
        (AccountStatus::Deactivated, false),
    ] {
        let world = World::new().await;
        let account = world.registered("ada@example.com").await.account;
        status(&world, &account, to).await;
        world.clock.advance(Duration::hours(1));
        let browser = world.browser();
        let handle = asked(&world.journeys, &browser, "ada@example.com").await;
        let message = world.mail_to("ada@example.com").await.unwrap();
        assert_eq!(message.code == MessageCode::RecoveryCode, comes_back, "{to:?}");
        if comes_back {
            let code = Answer::code(message.parameters["code"].clone());
            world.journeys.answer(&handle, &visitor(&browser), code).await.unwrap();
            let answer = Answer::new_password(NEW);
            let done = done(world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
            assert_eq!(done.account.status, AccountStatus::Active);
        }
    }
}

#[tokio::test]
async fn an_account_that_is_suspended_in_the_middle_stays_suspended() {
    let world = World::new().await;
    let account = world.registered("ada@example.com").await.account;
    let browser = world.browser();
    let handle = asked(&world.journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    world.journeys.answer(&handle, &visitor(&browser), code).await.unwrap();
    status(&world, &account, AccountStatus::Suspended).await;
    let step = world.journeys.answer(&handle, &visitor(&browser), Answer::new_password(NEW)).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Recovery { .. })), "{step:?}");
    let account = world.ports.store().account(account.id).await.unwrap().unwrap().value;
    assert_eq!(account.status, AccountStatus::Suspended);
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    assert!(credentials[0].version == ciam_core::store::Version::FIRST, "the password of before");
}

#[tokio::test]
async fn an_unverified_identifier_recovers_nothing() {
    let world = World::new().await;
    let now = world.ports.now();
    let key = |text| IdentifierKey::email(text).unwrap();
    NewAccount::new(Identifier::verified(key("eve@example.com"), now))
        .with_identifier(Identifier::unverified(key("ada@example.com")))
        .create(&world.ports)
        .await
        .unwrap();
    asked(&world.journeys, &world.browser(), "ada@example.com").await;
    assert!(world.mail_to("ada@example.com").await.is_none());
    assert!(world.mail_to("eve@example.com").await.is_none());
}

#[derive(Debug)]
struct HighAtRecovery;

#[async_trait]
impl RiskEngine for HighAtRecovery {
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError> {
        let high = observation.action == RiskAction::Recover;
        Ok(Assessment::new(if high { RiskLevel::High } else { RiskLevel::Low }, vec![]))
    }
}

#[tokio::test]
async fn at_a_high_risk_there_is_a_new_password_and_no_session() {
    let change = |ports: ciam_core::ports::Ports| ports.with_risk(Arc::new(HighAtRecovery));
    let world = World::with(change, JourneyPolicy::default()).await;
    let before = world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = asked(&world.journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    world.journeys.answer(&handle, &visitor, code).await.unwrap();
    let step = world.journeys.answer(&handle, &visitor, Answer::new_password(NEW)).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Credentials { .. })), "{step:?}");
    assert!(world.authenticated(&before).await.is_none());
    let sessions = world.sessions.list(before.account.id, PageRequest::first(10)).await.unwrap();
    assert!(sessions.items.is_empty());
    done(
        world.journeys.answer(&handle, &visitor, Answer::credentials("ada@example.com", NEW)).await.unwrap(),
    );
}

#[tokio::test]
async fn two_recoveries_at_once_are_one_after_the_other_and_one_journey_replaces_once() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let handle = asked(&world.journeys, &browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    let tabs = join_all((0..4).map(|_| world.journeys.answer(&handle, &visitor, code.clone()))).await;
    assert_eq!(tabs.iter().filter(|step| matches!(step, Ok(Step::Challenge(_)))).count(), 1, "{tabs:?}");
    let passwords = (0..4).map(|n| Answer::new_password(format!("{NEW}, number {n}")));
    let tabs = join_all(passwords.map(|it| world.journeys.answer(&handle, &visitor, it))).await;
    assert_eq!(tabs.iter().filter(|step| matches!(step, Ok(Step::Done(_)))).count(), 1, "{tabs:?}");
}
