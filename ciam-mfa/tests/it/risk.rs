//! The adaptive risk engine in the journey: challenges, what is learned, what is exported.

use std::sync::Arc;

use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::assurance::Acr;
use ciam_core::event::EventType;
use ciam_core::id::AccountId;
use ciam_core::journey::{Answer, Challenge, CodePurpose, JourneyPolicy, Step};
use ciam_core::memory::MemoryBreachedPasswords;
use ciam_core::notify::MessageCode;
use ciam_core::ports::Ports;
use ciam_core::privacy::{Export, PersonalKinds};
use ciam_core::risk::{Binding, Observation, PresentedDevice, RiskAction, RiskLevel};
use ciam_core::secret::TokenDigest;
use ciam_core::session::DeviceCookie;
use ciam_core::store::{Batch, Write};
use ciam_core::testkit::Probe;
use ciam_mfa::risk::{AdaptiveRisk, RiskPolicy, Thresholds};
use time::Duration;

use crate::risk_world::{FIREFOX, PASSWORD, PHONE, World, done, home, is_confirmation, lyon};

#[tokio::test]
async fn a_sign_in_unlike_its_owner_is_confirmed_by_a_code_to_their_own_address_and_learned() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    let mut phone = world.browser(lyon(), PHONE);
    let (handle, step) = world.begin(&phone, "ada@example.com", PASSWORD).await;
    let Step::Challenge(Challenge::Code { purpose, sent_to, .. }) = &step else { panic!("{step:?}") };
    assert_eq!((*purpose, sent_to.as_str()), (CodePurpose::Confirmation, "a…@example.com"));

    let mail = world.mail().await;
    assert_eq!(mail.code, MessageCode::ConfirmSignIn);
    assert_eq!(mail.parameters["place"], "Lyon, FR");
    assert_eq!(mail.parameters["device"], "Chrome · iPhone");
    assert!(mail.parameters["reasons"].contains("new_device"), "{:?}", mail.parameters);

    let wrong = world.journeys.answer(&handle, &phone.visitor(), Answer::code("000000")).await.unwrap();
    assert!(matches!(wrong, Step::Refused(_)), "{wrong:?}");
    let signed_in = done(world.confirm(&mut phone, &handle).await);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
    assert_eq!(amr, ["pwd", "email"]);
    assert!(signed_in.session.risk >= Some(RiskLevel::Medium));

    // The next one from there is like its owner.
    world.clock.advance(Duration::DAY);
    assert_eq!(done(world.sign_in(&mut phone).await).session.risk, Some(RiskLevel::Low));
}

#[tokio::test]
async fn the_audit_log_and_the_notice_say_why() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    world.outbox().await;
    let mut phone = world.browser(lyon(), PHONE);
    let (handle, _) = world.begin(&phone, "ada@example.com", PASSWORD).await;
    let events = world.outbox().await;
    let challenged = events.iter().find(|it| it.event_type == EventType::SIGN_IN_CHALLENGED).unwrap();
    assert_eq!(challenged.data["risk"], "medium");
    assert!(challenged.data["risk_score"].is_i64());
    assert!(challenged.data["risk_reasons"].as_array().unwrap().iter().any(|it| it == "new_device"));
    done(world.confirm(&mut phone, &handle).await);
    let notice = world.mail().await;
    assert_eq!(notice.code, MessageCode::NewDevice);
    assert!(
        notice.parameters["reasons"].starts_with("anonymous_network new_device"),
        "{:?}",
        notice.parameters
    );
    assert_eq!(notice.parameters["place"], "Lyon, FR");
}

#[tokio::test]
async fn nothing_is_learned_of_what_nobody_confirmed() {
    let world = World::new().await;
    world.account().await;
    world.at_home(5).await;
    for _ in 0..3 {
        let thief = world.browser(lyon(), PHONE);
        let (_, step) = world.begin(&thief, "ada@example.com", PASSWORD).await;
        assert!(is_confirmation(&step), "asked each time: {step:?}");
        let (_, step) = world.begin(&thief, "ada@example.com", "a wrong password").await;
        assert!(matches!(step, Step::Refused(_)));
    }
}

#[tokio::test]
async fn without_a_confirmation_by_code_medium_goes_on_and_still_teaches_nothing() {
    let mut world = World::new().await;
    let mut policy = JourneyPolicy::default();
    policy.confirm_by_code = false;
    world.journeys = world.journeys.with_policy(policy);
    world.account().await;
    world.at_home(5).await;
    // The same browser, with the cookie that it was given, day after day: it is as strange as on the first.
    let mut other = world.browser(lyon(), PHONE);
    for _ in 0..3 {
        let session = done(world.sign_in(&mut other).await).session;
        assert_eq!(session.risk, Some(RiskLevel::Medium));
        world.clock.advance(Duration::DAY);
    }
}

/// What was signed out everywhere stays out, also after its owner has come back: a device of before is no known one because
/// another is.
#[tokio::test]
async fn after_a_sign_out_everywhere_only_what_came_back_is_known() {
    let world = World::new().await;
    let account = world.account().await;
    let stolen = world.at_home(5).await;
    let mut everywhere = world.ports.store().account(account.id).await.unwrap().unwrap().value;
    everywhere.session_epoch += 1;
    let batch = Batch::new().write(Write::PutAccount(everywhere));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    // From where they always are, with the kind of browser that they always use.
    let mut new = world.browser(home(), FIREFOX);
    done(world.sign_in(&mut new).await);
    for (browser, known) in [(&new, true), (&stolen, false)] {
        let look = Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_user_agent(Some(FIREFOX.to_owned()))
            .with_epoch(Some(1))
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented));
        let assessment = world.assess(&look).await;
        assert_eq!(!assessment.reasons.contains(&"new_device".to_owned()), known, "{assessment:?}");
    }
}

#[tokio::test]
async fn a_sign_out_everywhere_makes_every_device_a_new_one() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(5).await;
    let look = |epoch| {
        Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_user_agent(Some(FIREFOX.to_owned()))
            .with_epoch(Some(epoch))
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented))
    };
    let (before, after) = (world.assess(&look(0)).await, world.assess(&look(1)).await);
    assert!(after.score.unwrap() > before.score.unwrap() + 400, "{before:?} {after:?}");
    assert!(after.reasons.contains(&"new_device".to_owned()));
}

#[tokio::test]
async fn the_device_is_known_by_its_changing_secret_and_not_by_an_old_copy() {
    let world = World::new().await;
    let account = world.account().await;
    let mut browser = world.at_home(2).await;
    let copied = browser.device.clone();
    for _ in 0..3 {
        done(world.sign_in(&mut browser).await);
        world.clock.advance(Duration::DAY);
    }
    let look = |device: Option<&DeviceCookie>| {
        let nobody = TokenDigest::of("another browser");
        Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_browser(nobody, device.map(DeviceCookie::presented))
    };
    let known = world.assess(&look(browser.device.as_ref())).await;
    assert!(!known.reasons.contains(&"new_device".to_owned()), "{known:?}");
    let copy = world.assess(&look(copied.as_ref())).await;
    assert!(copy.reasons.contains(&"new_device".to_owned()), "{copy:?}");
}

#[tokio::test]
async fn a_bound_session_without_its_proof_is_never_let_through_by_its_score() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(40).await;
    for binding in [Binding::None, Binding::Proved, Binding::Missing] {
        let observation = Observation::new(RiskAction::StepUp, Some(account.id), home())
            .with_user_agent(Some(FIREFOX.to_owned()))
            .with_epoch(Some(0))
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented))
            .with_binding(binding);
        let expected = if binding == Binding::Missing { RiskLevel::High } else { RiskLevel::Low };
        assert_eq!(world.assess(&observation).await.level, expected, "{binding:?}");
    }
}

#[tokio::test]
async fn a_level_of_assurance_may_be_stricter() {
    let strict = |engine: AdaptiveRisk| {
        let thresholds = Thresholds::new(-20.0, -15.0, 5.0);
        engine.with_policy(RiskPolicy::default().with_acr(Acr::new("gold"), thresholds))
    };
    let world = World::with(|ports| ports, strict).await;
    let account = world.account().await;
    world.at_home(5).await;
    let look = Observation::new(RiskAction::SignIn, Some(account.id), home());
    assert_eq!(world.assess(&look).await.level, RiskLevel::Low);
    let gold = look.with_acr_values(vec![Acr::new("gold")]);
    assert_eq!(world.assess(&gold).await.level, RiskLevel::High);
}

#[tokio::test]
async fn a_breached_password_counts_where_the_device_is_not_known() {
    // SHA-1 of the password.
    let sha1 = "ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42";
    let list =
        |ports: Ports| ports.with_breached_passwords(Arc::new(MemoryBreachedPasswords::new([(sha1, 12)])));
    let world = World::with(list, |engine| engine).await;
    // The account is older than the list.
    let plain = world.ports.clone().with_breached_passwords(Arc::new(MemoryBreachedPasswords::new([])));
    let accepted = world.password.accept(&plain, &PASSWORD.into(), &[]).await.unwrap();
    let key = IdentifierKey::email("ada@example.com").unwrap();
    let new = NewAccount::new(Identifier::verified(key, world.ports.now())).with_password(accepted);
    new.create(&world.ports).await.unwrap();
    let mut browser = world.browser(home(), FIREFOX);
    let (handle, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
    assert!(is_confirmation(&step), "{step:?}");
    assert!(world.mail().await.parameters["reasons"].contains("breached_password"));
    done(world.confirm(&mut browser, &handle).await);
    world.clock.advance(Duration::DAY);
    done(world.sign_in(&mut browser).await);
}

#[tokio::test]
async fn refusals_before_count_against_strangers_and_not_against_the_owner() {
    let world = World::new().await;
    let account = world.account().await;
    let mut browser = world.at_home(5).await;
    let stranger = Observation::new(RiskAction::SignIn, Some(account.id), home());
    let before = world.assess(&stranger).await.score.unwrap();
    for _ in 0..8 {
        let guesser = world.browser(lyon(), PHONE);
        let (_, step) = world.begin(&guesser, "ada@example.com", "a wrong password").await;
        assert!(matches!(step, Step::Refused(_)));
    }
    let after = world.assess(&stranger).await;
    assert!(after.score.unwrap() >= before + 100, "{before} {after:?}");
    assert!(after.reasons.contains(&"refused_before".to_owned()));
    assert_eq!(done(world.sign_in(&mut browser).await).session.risk, Some(RiskLevel::Low));
    world.clock.advance(Duration::minutes(16));
    assert!(!world.assess(&stranger).await.reasons.contains(&"refused_before".to_owned()));
}

#[tokio::test]
async fn a_tenant_under_attack_asks_strangers_for_a_check() {
    let world = World::new().await;
    let account = world.account().await;
    let browser = world.at_home(2).await;
    let engine = world.ports.risk();
    let stranger = |account| Observation::new(RiskAction::SignIn, account, lyon());
    for number in 0..60_u128 {
        let somebody = AccountId::from_uuid(uuid::Uuid::from_u128(number + 100));
        let assessment = engine.assess(&stranger(Some(somebody))).await.unwrap();
        assert!(!assessment.human_check || number >= 50, "{number}");
        engine.refused(&assessment).await.unwrap();
    }
    // Somebody who is signed in already, or recovers, is asked for other things.
    for action in [RiskAction::StepUp, RiskAction::Recover] {
        assert!(!world.assess(&Observation::new(action, Some(account.id), lyon())).await.human_check);
    }
    // The same for who is there and who is not: nobody learns from it who has an account.
    for asked in [Some(account.id), None] {
        assert!(world.assess(&stranger(asked)).await.human_check, "{asked:?}");
    }
    let owner = Observation::new(RiskAction::SignIn, Some(account.id), home())
        .with_epoch(Some(0))
        .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented));
    assert!(!world.assess(&owner).await.human_check);
    world.clock.advance(Duration::minutes(11));
    assert!(!world.assess(&stranger(None)).await.human_check);
}

/// Many refusals of very many sign-ins are a busy morning.
#[tokio::test]
async fn a_tenant_with_many_sign_ins_is_not_under_attack_for_some_that_fail() {
    let world = World::new().await;
    let engine = world.ports.risk();
    for number in 0..120_u128 {
        let somebody = AccountId::from_uuid(uuid::Uuid::from_u128(number + 100));
        let look = Observation::new(RiskAction::SignIn, Some(somebody), lyon());
        let assessment = engine.assess(&look).await.unwrap();
        assert!(!assessment.human_check, "{number}");
        if number % 2 == 0 {
            engine.refused(&assessment).await.unwrap();
        }
    }
}

/// What was not used for three months is forgotten.
#[tokio::test]
async fn a_device_that_was_away_for_long_is_a_new_one() {
    let world = World::new().await;
    let account = world.account().await;
    let old = world.at_home(3).await;
    let mut new = world.browser(home(), FIREFOX);
    for _ in 0..4 {
        world.clock.advance(Duration::days(30));
        done(world.sign_in(&mut new).await);
    }
    for (browser, known) in [(&new, true), (&old, false)] {
        let look = Observation::new(RiskAction::SignIn, Some(account.id), home())
            .with_browser(browser.id.digest(), browser.device.as_ref().map(DeviceCookie::presented));
        let assessment = world.assess(&look).await;
        assert_eq!(!assessment.reasons.contains(&"new_device".to_owned()), known, "{assessment:?}");
    }
}

#[tokio::test]
async fn an_assessment_is_one_read_and_costs_the_same_for_nobody() {
    let probe = Probe::new();
    let world = World::with(|ports| probe.watch(&ports), |engine| engine).await;
    let account = world.account().await;
    world.at_home(3).await;
    let calls = async |account| {
        let before = probe.calls().len();
        world.assess(&Observation::new(RiskAction::SignIn, account, home())).await;
        let mut calls = probe.calls().split_off(before);
        calls.sort();
        calls
    };
    let (known, nobody) = (calls(Some(account.id)).await, calls(None).await);
    assert_eq!(known, nobody);
    let of_the_store = known.iter().filter(|call| call.method.starts_with("store.")).count();
    assert_eq!(of_the_store, 1, "{known:?}");
}

#[tokio::test]
async fn the_profile_is_told_in_an_export_without_what_recognises_a_device_and_stays_small() {
    let world = World::new().await;
    let account = world.account().await;
    for number in 0..40_u8 {
        let mut browser = world.browser([192, 0, 2, number].into(), FIREFOX);
        browser.address = [10, number, 0, 1].into();
        let (handle, step) = world.begin(&browser, "ada@example.com", PASSWORD).await;
        if is_confirmation(&step) {
            done(world.confirm(&mut browser, &handle).await);
        }
        world.clock.advance(Duration::DAY);
    }
    let kinds = PersonalKinds::core().with(ciam_mfa::privacy::personal_kinds());
    let kind = kinds.records().into_iter().find(|kind| kind.name() == "mfa.risk_profile").unwrap();
    let record = world.ports.store().record(kind, &account.id.to_string()).await.unwrap().unwrap().value;
    assert_eq!(record.owner(), Some(account.id));
    assert!(record.body.len() < 4_096, "{} bytes", record.body.len());
    let export = Export::new(world.ports.clone(), kinds, account.id).whole().await.unwrap().unwrap();
    let told = &export["records"]["mfa.risk_profile"][0];
    assert_eq!(told["browsers"][0]["name"], "Firefox · Linux");
    assert_eq!(told["devices"], 12);
    assert_eq!(told["networks"], 16);
    assert!(!told.to_string().contains("account"));
}

#[tokio::test]
async fn what_a_browser_presents_for_another_account_is_worth_nothing() {
    let world = World::new().await;
    let ada = world.account().await;
    let browser = world.at_home(5).await;
    let presented: Option<PresentedDevice> = browser.device.as_ref().map(DeviceCookie::presented);
    let stranger = AccountId::from_uuid(uuid::Uuid::from_u128(99));
    for (account, known) in [(ada.id, true), (stranger, false)] {
        let look = Observation::new(RiskAction::SignIn, Some(account), home())
            .with_browser(browser.id.digest(), presented);
        assert_eq!(world.assess(&look).await.score.unwrap() < -600, known);
    }
}

/// Records of the profile belong to their account, for sealing and erasure.
#[test]
fn the_profile_is_a_personal_kind() {
    let kinds = ciam_mfa::privacy::personal_kinds();
    assert!(kinds.iter().any(|kind| kind.kind().name() == "mfa.risk_profile" && kind.kind().is_owned()));
}
