//! A code or a link in place of a password.

use ciam_core::abuse::SimSwaps;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::assurance::Amr;
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::journey::{
    Answer, Challenge, CodePurpose, JourneyError, JourneyHandle, JourneyLink, JourneyPolicy, LinkOpened,
    Methods, Registration, Requirements, SignInMethod, Step,
};
use ciam_core::notify::{Channel, Message, MessageCode};
use ciam_core::store::{Batch, Write};
use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

async fn asked(world: &World, browser: &BrowserId, identifier: &str) -> JourneyHandle {
    let (handle, _) = world.journeys.begin_sign_in(&visitor(browser), Requirements::default()).await.unwrap();
    let answer = Answer::send_code(identifier);
    let step = world.journeys.answer(&handle, &visitor(browser), answer).await.unwrap();
    let Step::Challenge(Challenge::Code { purpose: CodePurpose::SignIn, sent_to, .. }) = step else {
        panic!("{step:?}")
    };
    assert_eq!(sent_to, identifier.trim());
    handle
}

fn link_in(message: &Message) -> JourneyLink {
    JourneyLink::from_text(&message.parameters["link"])
}

fn sms() -> JourneyPolicy {
    let mut policy = JourneyPolicy::default();
    policy.methods = Methods::of([SignInMethod::Password, SignInMethod::EmailCode, SignInMethod::SmsCode]);
    policy
}

#[tokio::test]
async fn a_code_from_the_mail_signs_in_once() {
    let world = World::new().await;
    let registered = world.registered("ada@example.com").await;
    let browser = world.browser();
    let handle = asked(&world, &browser, " Ada@Example.com ").await;
    let message = world.mail_to("ada@example.com").await.unwrap();
    assert_eq!((message.code, message.channel), (MessageCode::SignInCode, Channel::Email));
    let code = message.parameters["code"].clone();
    let answer = Answer::code(format!(" {code} "));
    let signed_in = done(world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
    assert_eq!(signed_in.account.id, registered.account.id);
    assert_eq!(signed_in.session.context.amr(), [Amr::EMAIL]);
    assert!(world.authenticated(&signed_in).await.is_some());
    let again = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await;
    assert!(matches!(again, Err(JourneyError::NotFound)), "{again:?}");
}

#[tokio::test]
async fn many_answers_with_one_code_are_one_session() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let handle = asked(&world, &browser, "ada@example.com").await;
    let message = world.mail_to("ada@example.com").await.unwrap();
    let (code, link) = (message.parameters["code"].clone(), link_in(&message));
    let visitor = visitor(&browser);
    let tabs = (0..4).map(|n| {
        let answer = if n % 2 == 0 { Answer::code(code.clone()) } else { link.answer() };
        world.journeys.answer(&handle, &visitor, answer)
    });
    let all = join_all(tabs).await;
    assert_eq!(all.iter().filter(|step| matches!(step, Ok(Step::Done(_)))).count(), 1, "{all:?}");
}

#[tokio::test]
async fn opening_a_link_changes_nothing_and_its_button_signs_in() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let handle = asked(&world, &browser, "ada@example.com").await;
    let link = link_in(&world.mail_to("ada@example.com").await.unwrap());
    // A scanner, the person, and the person again.
    for browser in [&world.browser(), &browser, &browser] {
        world.journeys.open_link(&link, &visitor(browser)).await.unwrap();
    }
    let opened = world.journeys.open_link(&link, &visitor(&browser)).await.unwrap();
    assert!(matches!(opened, LinkOpened::Here(Challenge::Code { .. })), "{opened:?}");
    done(world.journeys.answer(link.handle(), &visitor(&browser), link.answer()).await.unwrap());
    let spent = world.journeys.open_link(&link, &visitor(&browser)).await;
    assert!(matches!(spent, Err(JourneyError::NotFound)), "{spent:?}");
    let again = world.journeys.answer(&handle, &visitor(&browser), link.answer()).await;
    assert!(matches!(again, Err(JourneyError::NotFound)), "{again:?}");
}

/// Somebody asks for a code with a victim's address, and the victim opens the link; or a stranger gets hold of a link.
#[tokio::test]
async fn a_link_in_another_browser_shows_the_code_and_signs_nobody_in() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let (here, elsewhere) = (world.browser(), world.browser());
    let handle = asked(&world, &here, "ada@example.com").await;
    let message = world.mail_to("ada@example.com").await.unwrap();
    let link = link_in(&message);
    let opened = world.journeys.open_link(&link, &visitor(&elsewhere)).await.unwrap();
    let LinkOpened::Elsewhere { code, .. } = opened else { panic!("{opened:?}") };
    assert!(code.ct_eq(&message.parameters["code"]));
    let stolen = world.journeys.answer(link.handle(), &visitor(&elsewhere), link.answer()).await;
    assert!(matches!(stolen, Err(JourneyError::OtherBrowser)), "{stolen:?}");
    let answer = Answer::code(code.expose());
    done(world.journeys.answer(&handle, &visitor(&here), answer).await.unwrap());
}

#[tokio::test]
async fn a_link_that_is_foreign_replaced_or_late_opens_nothing() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let handle = asked(&world, &browser, "ada@example.com").await;
    let first = link_in(&world.mail_to("ada@example.com").await.unwrap());
    world.clock.advance(Duration::SECOND);
    world.journeys.answer(&handle, &visitor(&browser), Answer::Resend).await.unwrap();
    let second = link_in(&world.mail_to("ada@example.com").await.unwrap());
    let other = asked(&world, &browser, "ada@example.com").await;
    let swapped =
        JourneyLink::from_text(&format!("{}.{}", other.expose(), second.expose().split_once('.').unwrap().1));
    for bad in [&first, &swapped, &JourneyLink::from_text("nonsense"), &JourneyLink::from_text("")] {
        let opened = world.journeys.open_link(bad, &visitor(&browser)).await;
        assert!(matches!(opened, Err(JourneyError::NotFound)), "{opened:?}");
    }
    let refused = world.journeys.answer(&handle, &visitor(&browser), first.answer()).await.unwrap();
    assert_eq!(refusal(refused), "code");
    world.clock.advance(Duration::minutes(15));
    assert!(world.journeys.open_link(&second, &visitor(&browser)).await.is_err());
    let late = world.journeys.answer(&handle, &visitor(&browser), second.answer()).await.unwrap();
    assert_eq!(refusal(late), "code");
}

#[tokio::test]
async fn a_code_is_worth_nothing_in_another_journey_and_for_another_purpose() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let recovery = {
        let (handle, _) =
            world.journeys.begin_recovery(&visitor(&browser), Requirements::default()).await.unwrap();
        let answer = Answer::recover("ada@example.com");
        world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
        handle
    };
    world.mail_to("ada@example.com").await;
    let handle = asked(&world, &browser, "ada@example.com").await;
    let code = world.code_for("ada@example.com").await;
    let crossed =
        world.journeys.answer(&recovery, &visitor(&browser), Answer::code(code.clone())).await.unwrap();
    assert_eq!(refusal(crossed), "code");
    done(world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap());
}

#[tokio::test]
async fn any_verified_identifier_signs_in_and_no_other() {
    let world = World::with_policy(sms()).await;
    let now = world.ports.now();
    let hash = world.password.accept(&world.ports, &PASSWORD.into(), &[]).await.unwrap();
    let verified = |key: IdentifierKey| Identifier::verified(key, now);
    NewAccount::new(verified(IdentifierKey::email("ada@example.com").unwrap()))
        .with_identifier(verified(IdentifierKey::phone("+442079460958").unwrap()))
        .with_identifier(verified(IdentifierKey::username("ada").unwrap()))
        .with_identifier(Identifier::unverified(IdentifierKey::email("claimed@example.com").unwrap()))
        .with_identifier(Identifier::unverified(IdentifierKey::username("countess").unwrap()))
        .with_password(hash)
        .create(&world.ports)
        .await
        .unwrap();
    for typed in ["ADA@example.com", "+44 20 7946 0958", "Ada", "\u{ff21}da"] {
        done(world.sign_in(&world.browser(), typed, PASSWORD).await);
    }
    for typed in ["claimed@example.com", "countess", "\u{430}da"] {
        assert_eq!(refusal(world.sign_in(&world.browser(), typed, PASSWORD).await), "credentials", "{typed}");
    }
    // With a code: to the phone that was typed, and for a user name to the address that its owner has verified.
    for (typed, to, channel, amr) in [
        ("+44 20 7946 0958", "+442079460958", Channel::Sms, Amr::SMS),
        ("ada", "ada@example.com", Channel::Email, Amr::EMAIL),
    ] {
        let browser = world.browser();
        let handle = asked(&world, &browser, typed).await;
        let message = world.mail_to(to).await.unwrap();
        assert_eq!(message.channel, channel);
        let answer = Answer::code(message.parameters["code"].clone());
        let signed_in = done(world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
        assert_eq!(signed_in.session.context.amr(), [amr]);
    }
    let browser = world.browser();
    asked(&world, &browser, "claimed@example.com").await;
    assert!(world.mail_to("claimed@example.com").await.is_none());
}

/// The response and every port call are the same, whether or not a code could be sent.
#[tokio::test]
async fn asking_for_a_code_does_not_tell_who_has_an_account() {
    let world = World::new().await;
    world.registered("known@example.com").await;
    let stopped = world.registered("stopped@example.com").await.account;
    let mut account = world.ports.store().account(stopped.id).await.unwrap().unwrap().value;
    account.status = account.status.transition(ciam_core::account::AccountStatus::Suspended).unwrap();
    let _applied = world.ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap();
    let mut seen = Vec::new();
    for typed in ["known@example.com", "nobody@example.com", "stopped@example.com", "nobody", "no one!"] {
        for recovers in [false, true] {
            let browser = world.browser();
            let visitor = visitor(&browser);
            let (handle, answer) = if recovers {
                let begun = world.journeys.begin_recovery(&visitor, Requirements::default()).await.unwrap();
                (begun.0, Answer::recover(typed))
            } else {
                let begun = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
                (begun.0, Answer::send_code(typed))
            };
            world.probe.clear();
            let asked = world.journeys.answer(&handle, &visitor, answer).await.unwrap();
            let wrong = Answer::code("12345678");
            let guessed = world.journeys.answer(&handle, &visitor, wrong).await.unwrap();
            let resent = world.journeys.answer(&handle, &visitor, Answer::Resend).await.unwrap();
            let responses = format!("{asked:?} {guessed:?} {resent:?}").replace(typed, "?");
            seen.push((recovers, responses, world.probe.calls()));
        }
    }
    for recovers in [false, true] {
        let mut of = seen.iter().filter(|it| it.0 == recovers);
        let first = of.next().unwrap();
        for other in of {
            assert_eq!(first, other);
        }
    }
    assert_eq!(world.mail_to("nobody@example.com").await.map(|mail| mail.code), None);
    let last = world.mail_to("stopped@example.com").await.unwrap();
    assert_eq!(last.code, MessageCode::VerifyRegistration, "nothing since then");
    assert_eq!(world.mail_to("known@example.com").await.unwrap().code, MessageCode::RecoveryCode);
}

#[tokio::test]
async fn a_code_by_mail_and_a_password_are_one_kind_of_factor() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(std::sync::Arc::new(Pin));
    let account = world.registered("ada@example.com").await.account;
    enrol_pin(&world, &account).await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let (handle, _) = journeys.begin_sign_in(&visitor, wants_aal2()).await.unwrap();
    journeys.answer(&handle, &visitor, Answer::send_code("ada@example.com")).await.unwrap();
    let code = world.code_for("ada@example.com").await;
    let step = journeys.answer(&handle, &visitor, Answer::code(code.clone())).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Factor { .. })), "{step:?}");
    // The code is used up by that.
    let again = journeys.answer(&handle, &visitor, Answer::code(code)).await.unwrap();
    assert_eq!(refusal(again), "unexpected");
    let signed_in = done(journeys.answer(&handle, &visitor, pin("4711")).await.unwrap());
    assert_eq!(signed_in.session.context.amr(), [Amr::EMAIL, Amr::OTP, Amr::MULTI_FACTOR]);
    let mut context = signed_in.session.context.clone();
    context.proofs.retain(|proof| proof.amr == Amr::EMAIL);
    context.add(ciam_core::assurance::Proof::new(
        Amr::PASSWORD,
        [ciam_core::assurance::FactorKind::Knowledge],
        world.ports.now(),
    ));
    assert!(!context.amr().contains(&Amr::MULTI_FACTOR));
}

#[tokio::test]
async fn a_person_registers_without_a_password() {
    let world = World::with_policy(sms()).await;
    for (typed, normal, amr) in
        [("Ada@example.com", "ada@example.com", Amr::EMAIL), ("+44 20 7946 0958", "+442079460958", Amr::SMS)]
    {
        let browser = world.browser();
        let visitor = visitor(&browser);
        let (handle, _) = world.journeys.begin_sign_up(&visitor, Requirements::default()).await.unwrap();
        let answer = Answer::Register(Registration::passwordless(typed));
        world.journeys.answer(&handle, &visitor, answer).await.unwrap();
        let message = world.mail_to(normal).await.unwrap();
        let answer = link_in(&message).answer();
        let signed_in = done(world.journeys.answer(&handle, &visitor, answer).await.unwrap());
        assert_eq!(signed_in.session.context.amr(), [amr]);
        let credentials = world.ports.store().credentials_of(signed_in.account.id).await.unwrap();
        assert!(credentials.is_empty());
        assert_eq!(refusal(world.sign_in(&browser, typed, "").await), "credentials");
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_whoever_asks() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    let browser = world.browser();
    let visitor = visitor(&browser);
    let journeys = &world.journeys;
    let only = |method| Requirements::default().with_methods(Methods::of([method]));
    for typed in ["ada@example.com", "nobody@example.com"] {
        let (handle, challenge) =
            journeys.begin_sign_in(&visitor, only(SignInMethod::EmailCode)).await.unwrap();
        let Challenge::Credentials { methods, .. } = challenge else { panic!("{challenge:?}") };
        assert_eq!(methods, Methods::of([SignInMethod::EmailCode]));
        let step = journeys.answer(&handle, &visitor, Answer::credentials(typed, PASSWORD)).await.unwrap();
        assert_eq!(refusal(step), "method");
        let (handle, _) = journeys.begin_sign_in(&visitor, only(SignInMethod::Password)).await.unwrap();
        let step = journeys.answer(&handle, &visitor, Answer::send_code(typed)).await.unwrap();
        assert_eq!(refusal(step), "method");
        // An organization cannot allow what the tenant does not.
        let (handle, _) = journeys.begin_sign_in(&visitor, only(SignInMethod::SmsCode)).await.unwrap();
        let step = journeys.answer(&handle, &visitor, Answer::send_code(typed)).await.unwrap();
        assert_eq!(refusal(step), "method");
    }
    let (handle, _) = journeys.begin_sign_up(&visitor, only(SignInMethod::Password)).await.unwrap();
    let answer = Answer::Register(Registration::passwordless("new@example.com"));
    assert_eq!(refusal(journeys.answer(&handle, &visitor, answer).await.unwrap()), "method");
    let (handle, _) = journeys.begin_sign_up(&visitor, only(SignInMethod::EmailCode)).await.unwrap();
    let answer = Answer::Register(Registration::new("new@example.com", PASSWORD));
    assert_eq!(refusal(journeys.answer(&handle, &visitor, answer).await.unwrap()), "method");
}

#[tokio::test]
async fn nobody_floods_a_mailbox_and_nobody_keeps_its_owner_out_by_trying() {
    let world = World::new().await;
    let registered = world.registered("ada@example.com").await;
    let known = world.browser();
    done(world.sign_in(&known, "ada@example.com", PASSWORD).await);
    let mut account = world.ports.store().account(registered.account.id).await.unwrap().unwrap().value;
    account
        .identifiers
        .push(Identifier::verified(IdentifierKey::username("ada").unwrap(), world.ports.now()));
    let _applied = world.ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap();
    world.mail_to("ada@example.com").await;
    let before = world.notifier.sent().len();
    for typed in ["ada@example.com", "ada", "nobody@example.com"] {
        let mut limited = 0;
        for _ in 0..24 {
            for _ in 0..6 {
                let browser = world.browser();
                let visitor = visitor(&browser);
                let (handle, _) =
                    world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
                let step = world.journeys.answer(&handle, &visitor, Answer::send_code(typed)).await.unwrap();
                if let Step::Refused(refused) = step {
                    assert_eq!(refused.reason.code(), "too_many_attempts");
                    limited += 1;
                }
            }
            world.mail_to("ada@example.com").await;
            world.clock.advance(Duration::minutes(5));
        }
        assert!(limited > 100, "{typed}: {limited}");
    }
    world.mail_to("ada@example.com").await;
    let sent = world.notifier.sent().len() - before;
    assert!(sent <= 40, "{sent} messages in a few hours");
    // The owner, in the browser that they always use.
    asked(&world, &known, "ada@example.com").await;
    assert_eq!(world.mail_to("ada@example.com").await.unwrap().code, MessageCode::SignInCode);
    assert_eq!(world.notifier.sent().len() - before, sent + 1);
}

/// An operator that says of each number when its card was changed.
#[derive(Debug)]
struct Operator {
    changed_at: Option<OffsetDateTime>,
    answers: bool,
    asked: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl SimSwaps for Operator {
    async fn changed_at(&self, _: &IdentifierKey) -> Result<Option<OffsetDateTime>, PortError> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.answers { Ok(self.changed_at) } else { std::future::pending().await }
    }
}

/// The SIM-swap flag: who has just got the number of somebody else gets no code with it, and learns nothing of it.
#[tokio::test]
async fn a_number_whose_card_was_just_changed_gets_no_code() {
    const NUMBER: &str = "+442079460958";
    for (hours, answers, unanswered, sent) in [
        (Some(1), true, true, false),
        (Some(71), true, true, false),
        (Some(72), true, true, true),
        (None, true, true, true),
        (None, false, true, true),
        (None, false, false, false),
    ] {
        let mut policy = sms();
        policy.sim_unanswered = unanswered;
        policy.risk_deadline = std::time::Duration::from_millis(20);
        let operator = std::sync::OnceLock::new();
        let world = World::with(
            |ports| {
                let changed_at = hours.map(|hours| ports.now() - Duration::hours(hours));
                let it = std::sync::Arc::new(Operator { changed_at, answers, asked: 0.into() });
                operator.set(it.clone()).unwrap();
                ports.with_sim_swaps(it)
            },
            policy,
        )
        .await;
        let key = IdentifierKey::phone(NUMBER).unwrap();
        NewAccount::new(Identifier::verified(key, world.ports.now())).create(&world.ports).await.unwrap();
        let mut answers_given = Vec::new();
        for typed in [NUMBER, "+436641234567"] {
            let browser = world.browser();
            let visitor = visitor(&browser);
            let (handle, _) = world.journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
            let step = world.journeys.answer(&handle, &visitor, Answer::send_code(typed)).await.unwrap();
            answers_given.push(format!("{step:?}").replace(typed, "?"));
        }
        assert_eq!(answers_given[0], answers_given[1], "nobody learns whose number it is");
        let operator = operator.get().unwrap();
        assert_eq!(operator.asked.load(std::sync::atomic::Ordering::SeqCst), 2, "asked for everybody");
        assert_eq!(world.mail_to(NUMBER).await.is_some(), sent, "{hours:?} {answers} {unanswered}");
    }
}
