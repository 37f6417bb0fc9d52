//! Terms and missing attributes: asked after the proof, on every way to a session, and before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ciam_core::account::schema::{Attribute, AttributeSchema, AttributeType, Required};
use ciam_core::actor::Actor;
use ciam_core::http::BrowserId;
use ciam_core::journey::{
    AcceptedVersion, Answer, Challenge, JourneyHandle, Journeys, Registration, Requirements, Step,
};
use ciam_core::store::PageRequest;
use ciam_core::terms::{DocumentName, Reacceptance, Terms, TermsText, TermsVersion};
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::Duration;

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

fn document() -> DocumentName {
    DocumentName::new("terms-of-service").unwrap()
}

async fn publish(world: &World, name: &str, reacceptance: Reacceptance) {
    let version = TermsVersion::new(document(), name, world.ports.now())
        .with_text("en", TermsText::of(name).with_url("https://example.com/terms").with_title("Terms"))
        .with_reacceptance(reacceptance);
    Terms::new(world.ports.clone()).publish(version, &Actor::system("test")).await.unwrap();
}

const NEEDED: Reacceptance = Reacceptance::Needed { by: None };

fn accepts(versions: &[&str]) -> Answer {
    let accepted = versions.iter().map(|version| AcceptedVersion::new(document(), *version)).collect();
    Answer::AcceptTerms { accepted }
}

fn asked(step: &Step) -> Vec<String> {
    match step {
        Step::Challenge(Challenge::Terms { documents }) => {
            documents.iter().map(|it| it.version.clone()).collect()
        }
        other => panic!("not asked for terms: {other:?}"),
    }
}

async fn at_terms(world: &World, journeys: &Journeys, browser: &BrowserId) -> (JourneyHandle, Step) {
    let visitor = visitor(browser);
    let (handle, _) = journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    let step = journeys.answer(&handle, &visitor, answer).await.unwrap();
    let _used = world;
    (handle, step)
}

async fn sessions(world: &World, account: ciam_core::id::AccountId) -> usize {
    world.sessions.list(account, PageRequest::first(100)).await.unwrap().items.len()
}

#[tokio::test]
async fn a_new_version_is_accepted_before_the_session_begins_and_once() {
    let world = World::new().await;
    let account = world.registered("ada@example.com").await.account;
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let before = sessions(&world, account.id).await;
    let (handle, step) = at_terms(&world, &world.journeys, &browser).await;
    assert_eq!(asked(&step), ["1"]);
    let visitor = visitor(&browser);
    for skipped in [accepts(&[]), Answer::Resend, Answer::code("123456"), Answer::new_password(PASSWORD)] {
        let step = world.journeys.answer(&handle, &visitor, skipped).await.unwrap();
        assert!(matches!(step, Step::Refused(_)), "{step:?}");
    }
    assert_eq!(sessions(&world, account.id).await, before);
    done(world.journeys.answer(&handle, &visitor, accepts(&["1"])).await.unwrap());
    let accepted = Terms::new(world.ports.clone()).accepted(account.id).await.unwrap();
    assert_eq!((accepted.len(), accepted[0].locale.as_deref()), (1, Some("en")));
    done(world.sign_in(&browser, "ada@example.com", PASSWORD).await);
}

#[tokio::test]
async fn a_version_that_comes_into_force_meanwhile_is_asked_for() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let (handle, _) = at_terms(&world, &world.journeys, &browser).await;
    world.clock.advance(Duration::SECOND);
    publish(&world, "2", NEEDED).await;
    let visitor = visitor(&browser);
    let step = world.journeys.answer(&handle, &visitor, accepts(&["1"])).await.unwrap();
    assert_eq!(asked(&step), ["2"]);
    done(world.journeys.answer(&handle, &visitor, accepts(&["2"])).await.unwrap());
}

#[tokio::test]
async fn what_may_be_postponed_is_asked_once_in_a_sign_in() {
    let world = World::new().await;
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, "ada@example.com").await;
    let code = Answer::code(world.code_for("ada@example.com").await);
    let step = world.journeys.answer(&handle, &visitor(&browser), code).await.unwrap();
    assert_eq!(asked(&step), ["1"]);
    done(world.journeys.answer(&handle, &visitor(&browser), accepts(&["1"])).await.unwrap());
    world.clock.advance(Duration::SECOND);
    let by = Some(world.ports.now() + Duration::days(30));
    publish(&world, "2", Reacceptance::Needed { by }).await;
    for (days, passes) in [(0, true), (30, false)] {
        world.clock.advance(Duration::days(days));
        let (handle, step) = at_terms(&world, &world.journeys, &browser).await;
        assert_eq!(asked(&step), ["2"]);
        let step = world.journeys.answer(&handle, &visitor(&browser), accepts(&[])).await.unwrap();
        assert_eq!(matches!(step, Step::Done(_)), passes, "{step:?}");
    }
}

/// Sign-up, a code, a recovery and a step-up: none of them is a way around.
#[tokio::test]
async fn no_way_to_a_session_is_around_the_terms() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let signed_in = world.registered("ada@example.com").await;
    let current = world.authenticated(&signed_in).await.unwrap();
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let plain = visitor(&browser);

    let (handle, _) = journeys.begin_sign_up(&plain, Requirements::default()).await.unwrap();
    let answer = Answer::Register(Registration::passwordless("bob@example.com"));
    journeys.answer(&handle, &plain, answer).await.unwrap();
    let code = Answer::code(world.code_for("bob@example.com").await);
    asked(&journeys.answer(&handle, &plain, code).await.unwrap());
    let bob = done(journeys.answer(&handle, &plain, accepts(&["1"])).await.unwrap());
    assert_eq!(sessions(&world, bob.account.id).await, 1);

    let (handle, _) = journeys.begin_sign_in(&plain, Requirements::default()).await.unwrap();
    journeys.answer(&handle, &plain, Answer::send_code("ada@example.com")).await.unwrap();
    let code = Answer::code(world.code_for("ada@example.com").await);
    asked(&journeys.answer(&handle, &plain, code).await.unwrap());

    world.clock.advance(Duration::SECOND);
    let (handle, _) = journeys.begin_recovery(&plain, Requirements::default()).await.unwrap();
    journeys.answer(&handle, &plain, Answer::recover("ada@example.com")).await.unwrap();
    let code = Answer::code(world.code_for("ada@example.com").await);
    journeys.answer(&handle, &plain, code).await.unwrap();
    let answer = Answer::new_password("a quite different passphrase");
    asked(&journeys.answer(&handle, &plain, answer).await.unwrap());
    done(journeys.answer(&handle, &plain, accepts(&["1"])).await.unwrap());

    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let signed_in = world.registered("ada@example.com").await;
    enrol_pin(&world, &signed_in.account).await;
    publish(&world, "1", NEEDED).await;
    drop(current);
    let current = world.authenticated(&signed_in).await.unwrap();
    let visitor = visitor(&browser).with_session(Some(&current));
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    asked(&journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
    assert!(world.authenticated(&signed_in).await.is_some(), "the session is as it was");
    let lifted = done(journeys.answer(&handle, &visitor, accepts(&["1"])).await.unwrap());
    assert_eq!(lifted.session.id, signed_in.session.id);
    assert_eq!(lifted.session.context.proofs.len(), 2);
}

#[tokio::test]
async fn what_was_proved_must_still_hold_when_the_terms_are_accepted() {
    let world = World::new().await;
    let account = world.registered("ada@example.com").await.account;
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let (handle, _) = at_terms(&world, &world.journeys, &browser).await;
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    let changed = ciam_core::store::Write::PutCredential(credentials[0].value.clone());
    let _applied = world.ports.store().commit(ciam_core::store::Batch::new().write(changed)).await.unwrap();
    let step = world.journeys.answer(&handle, &visitor(&browser), accepts(&["1"])).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Credentials { .. })), "{step:?}");
}

#[tokio::test]
async fn tabs_that_accept_at_once_are_one_acceptance_and_one_session() {
    let world = World::new().await;
    let account = world.registered("ada@example.com").await.account;
    publish(&world, "1", NEEDED).await;
    let browser = world.browser();
    let (handle, _) = at_terms(&world, &world.journeys, &browser).await;
    let visitor = visitor(&browser);
    let tabs = join_all((0..4).map(|_| world.journeys.answer(&handle, &visitor, accepts(&["1"])))).await;
    assert_eq!(tabs.iter().filter(|it| matches!(it, Ok(Step::Done(_)))).count(), 1, "{tabs:?}");
    assert_eq!(Terms::new(world.ports.clone()).accepted(account.id).await.unwrap().len(), 1);
}

fn profile(values: Value) -> Answer {
    let attributes: BTreeMap<String, Value> = serde_json::from_value(values).unwrap();
    Answer::Profile { attributes }
}

#[tokio::test]
async fn missing_attributes_are_asked_for_when_they_are_required() {
    let world = World::new().await;
    let schema = AttributeSchema::standard()
        .with("plan", Attribute::new(AttributeType::one_of(["basic", "pro"])).required(Required::Always))
        .with("company", Attribute::new(AttributeType::text(40)).required(Required::ForClient("b2b".into())))
        .with("birthdate", Attribute::new(AttributeType::Date).required(Required::AfterDays(30)));
    let journeys = world.journeys.clone().with_schema(schema);
    let account = world.registered("ada@example.com").await.account;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, step) = at_terms(&world, &journeys, &browser).await;
    let Step::Challenge(Challenge::Profile { attributes }) = step else { panic!("{step:?}") };
    assert_eq!(attributes.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["plan"]);
    let step = journeys.answer(&handle, &visitor, profile(json!({ "plan": "gold" }))).await.unwrap();
    let Step::Refused(refused) = &step else { panic!("{step:?}") };
    let text = serde_json::to_value(refused).unwrap();
    assert_eq!((&text["reason"], &text["attributes"]), (&json!("profile"), &json!({ "plan": "not_listed" })));
    // Nothing else is changed in passing, and nothing is skipped.
    let step = journeys.answer(&handle, &visitor, profile(json!({ "name": "Eve" }))).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Profile { .. })), "{step:?}");
    let signed_in =
        done(journeys.answer(&handle, &visitor, profile(json!({ "plan": "pro" }))).await.unwrap());
    assert_eq!(signed_in.account.profile.text("plan"), Some("pro"));
    assert_eq!(signed_in.account.profile.text("name"), Some("Ada"));

    // Later, and for a client that needs more.
    world.clock.advance(Duration::days(31));
    let requirements = Requirements::default().with_client("b2b", vec![]);
    let (handle, _) = journeys.begin_sign_in(&visitor, requirements).await.unwrap();
    let answer = Answer::credentials("ada@example.com", PASSWORD);
    let step = journeys.answer(&handle, &visitor, answer).await.unwrap();
    let Step::Challenge(Challenge::Profile { attributes }) = step else { panic!("{step:?}") };
    assert_eq!(attributes.len(), 2);
    let one = profile(json!({ "company": "Analytical Engines" }));
    let step = journeys.answer(&handle, &visitor, one).await.unwrap();
    let Step::Challenge(Challenge::Profile { attributes }) = step else { panic!("{step:?}") };
    assert_eq!(attributes[0].name, "birthdate");
    let step = journeys.answer(&handle, &visitor, profile(json!({ "birthdate": "soon" }))).await.unwrap();
    assert_eq!(refusal(step), "profile");
    done(journeys.answer(&handle, &visitor, profile(json!({ "birthdate": "1815-12-10" }))).await.unwrap());
    assert_eq!(account.id, signed_in.account.id);
}
