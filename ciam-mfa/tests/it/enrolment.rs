//! A factor that is added before the session, because everybody must have one.

use std::sync::Arc;

use ciam_core::account::{AccountDemand, Accounts, DemandError};
use ciam_core::actor::Actor;
use ciam_core::assurance::Acr;
use ciam_core::event::EventType;
use ciam_core::http::BrowserId;
use ciam_core::journey::{Answer, Challenge, EnrolmentPolicy, JourneyHandle, Step};
use ciam_core::notify::MessageCode;
use ciam_mfa::otp::{OtpSeed, TotpEnrolment};
use ciam_mfa::webauthn::{PasskeyEnrolment, PasskeyFactor, RelyingParty};
use serde_json::{Value, json};
use time::Duration;
use url::Url;

use crate::authenticator::{Authenticator, PRESENT};
use crate::world::{World, done, refusal, visitor};

const ADA: &str = "ada@example.com";
const AAL1: &str = "urn:ciam:acr:aal1";
const AAL2: &str = "urn:ciam:acr:aal2";

async fn world(policy: EnrolmentPolicy) -> World {
    let origin = Url::parse("https://id.example.com").unwrap();
    let party = RelyingParty::new("example.com", "Example").unwrap().with_origin(&origin).unwrap();
    let factor = PasskeyFactor::new(party.clone());
    let mut world = World::with(|_| vec![Arc::new(factor)]).await;
    let mut whole = world.journeys.policy().clone();
    whole.enrolment = policy;
    world.journeys = world
        .journeys
        .clone()
        .with_policy(whole)
        .with_enrolment(Arc::new(PasskeyEnrolment::new(party)))
        .with_enrolment(Arc::new(TotpEnrolment::new("Example")));
    world
}

fn everybody() -> EnrolmentPolicy {
    EnrolmentPolicy::any_of(["passkey", "totp"])
}

/// Gives the password, and chooses the factor to add; gives what the page shows.
async fn choosing(world: &World, browser: &BrowserId, factor: &str, acr: &str) -> (JourneyHandle, Value) {
    let (handle, step) = world.begun(browser, ADA, acr).await;
    let Step::Challenge(Challenge::Enrolment { offered, chosen, postponable_until, .. }) = step else {
        panic!("{step:?}")
    };
    assert_eq!((offered, chosen), (vec!["passkey".to_owned(), "totp".to_owned()], None));
    assert_eq!(postponable_until, None);
    let step = world.answer(browser, &handle, Answer::begin_enrolment(factor)).await;
    let Step::Challenge(Challenge::Enrolment { chosen, data, .. }) = step else { panic!("{step:?}") };
    assert_eq!(chosen.as_deref(), Some(factor));
    (handle, data.expose().clone())
}

fn code(world: &World, data: &Value) -> String {
    world.totp(&OtpSeed::from_base32(data["seed"].as_str().unwrap()).unwrap())
}

#[tokio::test]
async fn nobody_has_a_session_before_they_have_a_factor() {
    let world = world(everybody()).await;
    let account = world.account(ADA).await;
    let browser = world.browser();
    let (handle, data) = choosing(&world, &browser, "totp", AAL1).await;
    assert!(data["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    // The page can be loaded again, and shows the same.
    let again = world.journeys.challenge(&handle, &visitor(&browser)).await.unwrap();
    let Challenge::Enrolment { data: same, .. } = again else { panic!("{again:?}") };
    assert_eq!(same.expose(), &data);
    assert!(!format!("{same:?}").contains(data["seed"].as_str().unwrap()), "the seed is printed");
    let wrong = world.answer(&browser, &handle, Answer::enrol("totp", json!("000000"))).await;
    let Step::Refused(wrong) = wrong else { panic!("{wrong:?}") };
    assert_eq!(wrong.reason.code(), "code");
    assert!(
        matches!(wrong.challenge, Some(Challenge::Enrolment { data: same, .. }) if *same.expose() == data)
    );
    assert_eq!(refusal(world.answer(&browser, &handle, Answer::postpone_enrolment()).await), "enrolment");
    world.events().await;
    let right = Answer::enrol("totp", json!({ "code": code(&world, &data) }));
    let signed_in = done(world.answer(&browser, &handle, right).await);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(amr, ["pwd", "otp", "mfa"]);
    assert_eq!(world.mail_to(ADA).await.unwrap().code, MessageCode::FactorAdded);
    assert_eq!(world.factors.list(account.id).await.unwrap().len(), 1);
    // From then on there is nothing to add, and the code of the enrolment is used up.
    let (_, step) = world.begun(&browser, ADA, AAL1).await;
    done(step);
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    let used = Answer::factor("totp", json!({ "code": code(&world, &data) }));
    assert_eq!(refusal(world.answer(&browser, &handle, used).await), "credentials");
}

#[tokio::test]
async fn a_passkey_is_made_and_then_proved_where_the_sign_in_needs_it() {
    for (id, acr, proves) in [(b"one", AAL1, false), (b"two", AAL2, true)] {
        let world = world(everybody()).await;
        world.account(ADA).await;
        let browser = world.browser();
        let (handle, options) = choosing(&world, &browser, "passkey", acr).await;
        let mut authenticator = Authenticator::new(id);
        let cheat = authenticator.but(|it| it.origin = "https://evil.test".to_owned()).create(&options);
        assert_eq!(refusal(world.answer(&browser, &handle, Answer::enrol("passkey", cheat)).await), "code");
        let unverified = authenticator.but(|it| it.flags = PRESENT).create(&options);
        let refused = world.answer(&browser, &handle, Answer::enrol("passkey", unverified)).await;
        assert_eq!(refusal(refused), "code");
        let answer = Answer::enrol("passkey", authenticator.create(&options));
        let step = world.answer(&browser, &handle, answer).await;
        let signed_in = match step {
            Step::Challenge(Challenge::Factor { data, .. }) if proves => {
                let answer = Answer::factor("passkey", authenticator.get(&data));
                done(world.answer(&browser, &handle, answer).await)
            }
            other => done(other),
        };
        assert_eq!(signed_in.session.context.proofs.len(), 1 + usize::from(proves));
    }
}

#[tokio::test]
async fn it_is_put_off_within_the_grace_period_and_not_after_it() {
    let world = world(everybody().with_grace(Duration::days(7))).await;
    let account = world.account(ADA).await;
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL1).await;
    let Step::Challenge(Challenge::Enrolment { postponable_until, .. }) = step else { panic!("{step:?}") };
    assert_eq!(postponable_until, Some(account.created_at + Duration::days(7)));
    done(world.answer(&browser, &handle, Answer::postpone_enrolment()).await);
    // A page that was open over the end of it.
    let (handle, _) = world.begun(&browser, ADA, AAL1).await;
    world.clock.advance(Duration::minutes(1));
    let left = postponable_until.unwrap() - world.ports.now();
    world.clock.advance(left - Duration::minutes(10));
    assert!(world.journeys.challenge(&handle, &visitor(&browser)).await.is_err(), "it took too long");
    let (handle, _) = world.begun(&browser, ADA, AAL1).await;
    world.clock.advance(Duration::minutes(11));
    assert_eq!(refusal(world.answer(&browser, &handle, Answer::postpone_enrolment()).await), "enrolment");
    let (_, step) = world.begun(&browser, ADA, AAL1).await;
    assert!(
        matches!(step, Step::Challenge(Challenge::Enrolment { postponable_until: None, .. })),
        "{step:?}"
    );
}

#[tokio::test]
async fn five_wrong_codes_end_it() {
    let world = world(everybody()).await;
    let account = world.account(ADA).await;
    let browser = world.browser();
    let (handle, data) = choosing(&world, &browser, "totp", AAL1).await;
    for _ in 0..5 {
        let wrong = world.answer(&browser, &handle, Answer::enrol("totp", json!("000000"))).await;
        assert_eq!(refusal(wrong), "code");
    }
    let right = Answer::enrol("totp", json!(code(&world, &data)));
    assert_eq!(refusal(world.answer(&browser, &handle, right).await), "too_many_attempts");
    assert!(world.factors.list(account.id).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_enrolment_race_adds_one_factor() {
    let world = Arc::new(world(everybody()).await);
    let account = world.account(ADA).await;
    let browser = world.browser();
    let (handle, data) = choosing(&world, &browser, "totp", AAL1).await;
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (world, browser, handle) = (world.clone(), browser.clone(), handle.clone());
            let answer = Answer::enrol("totp", json!(code(&world, &data)));
            tokio::spawn(async move {
                matches!(world.journeys.answer(&handle, &visitor(&browser), answer).await, Ok(Step::Done(_)))
            })
        })
        .collect();
    let mut sessions = 0;
    for task in tasks {
        sessions += usize::from(task.await.unwrap());
    }
    assert_eq!((sessions, world.factors.list(account.id).await.unwrap().len()), (1, 1));
}

/// Whoever has the password alone adds nothing to an account that has a factor.
#[tokio::test]
async fn who_has_a_factor_is_asked_for_it_and_adds_none() {
    let world = world(EnrolmentPolicy::any_of(["passkey"])).await;
    let account = world.account(ADA).await;
    // Before the tenant wanted passkeys, they had added an app.
    let mut lenient = world.journeys.policy().clone();
    lenient.enrolment = EnrolmentPolicy::default();
    let strict = world.journeys.clone();
    let mut world = world;
    world.journeys = strict.clone().with_policy(lenient);
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    world.journeys = strict;
    let thief = world.browser();
    let (handle, step) = world.begun(&thief, ADA, AAL1).await;
    let Step::Challenge(Challenge::Factor { factor, .. }) = step else { panic!("{step:?}") };
    assert_eq!(factor, "totp");
    for answer in [Answer::begin_enrolment("passkey"), Answer::enrol("passkey", json!({}))] {
        assert_eq!(refusal(world.answer(&thief, &handle, answer).await), "unexpected");
    }
    assert_eq!(world.factors.list(account.id).await.unwrap().len(), 1);
    // Its owner proves the app, and then adds the passkey that is wanted.
    world.next_step();
    let proved = Answer::factor("totp", json!(world.totp(&seed)));
    let step = world.answer(&thief, &handle, proved).await;
    assert!(matches!(step, Step::Challenge(Challenge::Enrolment { .. })), "{step:?}");
}

#[tokio::test]
async fn what_is_shown_is_sealed_where_it_is_kept() {
    let world = world(everybody()).await;
    world.account(ADA).await;
    let browser = world.browser();
    let (handle, data) = choosing(&world, &browser, "totp", AAL1).await;
    let key = ciam_core::secret::Secret::from(handle.expose()).digest().to_text();
    let key = ciam_core::ephemeral::EphemeralKey::new("core.journey", key);
    let stored = world.ports.ephemeral().get(&key).await.unwrap().unwrap();
    let stored = String::from_utf8_lossy(&stored).into_owned();
    assert!(!stored.contains(data["seed"].as_str().unwrap()), "the seed is readable");
}

/// What is demanded of one account is demanded of it and of nobody else, and the stricter demand counts.
#[tokio::test]
async fn one_account_can_have_a_demand_of_its_own() {
    let world = world(EnrolmentPolicy::default()).await;
    let account = world.account(ADA).await;
    world.account("bob@example.com").await;
    let accounts = Accounts::new(world.ports.clone(), world.sessions.clone(), world.password.clone());
    let admin = Actor::system("support");
    let browser = world.browser();
    let until = world.ports.now() + Duration::days(3);
    let demand = AccountDemand::new().with_any_of(["passkey"]).with_until(until);
    accounts.demand(account.id, &admin, Some(demand.clone())).await.unwrap();
    let events = world.events().await;
    let told = events.iter().find(|it| it.event_type == EventType::ACCOUNT_DEMAND_CHANGED).unwrap();
    assert_eq!((&told.data["by"], &told.data["factors"]), (&json!("system:support"), &json!(["passkey"])));

    let (handle, step) = world.begun(&browser, ADA, AAL1).await;
    let Step::Challenge(Challenge::Enrolment { offered, postponable_until, .. }) = step else {
        panic!("{step:?}")
    };
    assert_eq!((offered, postponable_until), (vec!["passkey".to_owned()], Some(until)));
    done(world.answer(&browser, &handle, Answer::postpone_enrolment()).await);
    let (_, step) = world.begun(&browser, "bob@example.com", AAL1).await;
    done(step);
    world.clock.advance(Duration::days(3));
    let (_, step) = world.begun(&browser, ADA, AAL1).await;
    assert!(
        matches!(step, Step::Challenge(Challenge::Enrolment { postponable_until: None, .. })),
        "{step:?}"
    );

    // Where the tenant cannot wait, neither can the account.
    let mut policy = world.journeys.policy().clone();
    policy.enrolment = everybody();
    let strict = World { journeys: world.journeys.clone().with_policy(policy), ..world };
    let later = demand.with_until(strict.ports.now() + Duration::days(3));
    accounts.demand(account.id, &admin, Some(later)).await.unwrap();
    let (_, step) = strict.begun(&browser, ADA, AAL1).await;
    let Step::Challenge(Challenge::Enrolment { offered, postponable_until, .. }) = step else {
        panic!("{step:?}")
    };
    assert_eq!((offered.len(), postponable_until), (2, None));
}

/// A level that is demanded of one account: its factor is asked for though nobody else asks; without one, one is added.
#[tokio::test]
async fn the_sign_ins_of_one_account_reach_the_level_that_is_demanded_of_it() {
    let world = world(EnrolmentPolicy::default()).await;
    let account = world.account(ADA).await;
    let accounts = Accounts::new(world.ports.clone(), world.sessions.clone(), world.password.clone());
    let admin = Actor::system("support");
    let browser = world.browser();
    let level = AccountDemand::new().with_acr(Acr::new(AAL2));
    accounts.demand(account.id, &admin, Some(level.clone())).await.unwrap();
    let (_, step) = world.begun(&browser, ADA, AAL1).await;
    assert!(matches!(step, Step::Challenge(Challenge::Enrolment { .. })), "{step:?}");
    accounts.demand(account.id, &admin, None).await.unwrap();
    let (seed, _) = world.with_totp(&world.signed_in(ADA).await).await;
    let (_, step) = world.begun(&browser, ADA, AAL1).await;
    done(step);
    accounts.demand(account.id, &admin, Some(level)).await.unwrap();
    let (handle, step) = world.begun(&browser, ADA, AAL1).await;
    let Step::Challenge(Challenge::Factor { factor, .. }) = step else { panic!("{step:?}") };
    assert_eq!(factor, "totp");
    world.next_step();
    done(world.answer(&browser, &handle, Answer::factor("totp", json!(world.totp(&seed)))).await);
    let unknown = accounts.demand(ciam_core::id::AccountId::from_uuid(uuid::Uuid::nil()), &admin, None).await;
    assert!(matches!(unknown, Err(DemandError::NotFound)));
    let endless = AccountDemand::new().with_any_of((0..17).map(|it| format!("factor{it}")));
    assert!(matches!(accounts.demand(account.id, &admin, Some(endless)).await, Err(DemandError::Malformed)));
}
