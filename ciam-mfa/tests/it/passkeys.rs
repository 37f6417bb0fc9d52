//! Passkeys in the journey and on the account page, and every way to cheat with one.

use std::sync::Arc;

use ciam_core::account::{Account, Owner};
use ciam_core::assurance::{Acr, Amr, FactorKind, Proof, Strength};
use ciam_core::journey::{Answer, Challenge, JourneyHandle, Requirements, Step};
use ciam_core::notify::MessageCode;
use ciam_core::secret::Secret;
use ciam_core::session::Authenticated;
use ciam_core::store::{Batch, Write};
use ciam_mfa::manage::FactorError;
use ciam_mfa::webauthn::{
    PasskeyFactor, RegistrationResponse, RelyingParty, SignCountPolicy, UserVerification, WebauthnError,
};
use serde::Deserialize as _;
use serde_json::{Value, json};
use time::Duration;
use url::Url;

use crate::authenticator::{Authenticator, BACKED_UP, ELIGIBLE, PRESENT, VERIFIED};
use crate::world::{World, done, refusal, visitor};

const ADA: &str = "ada@example.com";
const AAL2: &str = "urn:ciam:acr:aal2";

pub(crate) fn relying_party() -> RelyingParty {
    RelyingParty::new("example.com", "Example")
        .unwrap()
        .with_origin(&Url::parse("https://id.example.com").unwrap())
        .unwrap()
}

pub(crate) async fn world_of(relying_party: RelyingParty) -> World {
    let factor = PasskeyFactor::new(relying_party.clone());
    let mut world = World::with(|_| vec![Arc::new(factor)]).await;
    world.factors = world.factors.clone().with_relying_party(relying_party);
    world
}

pub(crate) async fn world() -> World {
    world_of(relying_party()).await
}

pub(crate) async fn confirm(
    world: &World,
    current: &Authenticated,
    enrolment: &Secret,
    answer: &Value,
) -> Result<ciam_core::session::StartedSession, FactorError> {
    let response = RegistrationResponse::deserialize(answer).unwrap();
    world.factors.confirm_passkey(&Owner::new(current), enrolment, &response, "laptop").await
}

pub(crate) async fn begin(world: &World, current: &Authenticated) -> (Secret, Value) {
    let offer = world.factors.begin_passkey(&Owner::new(current)).await.unwrap();
    (offer.enrolment, serde_json::to_value(&offer.options).unwrap())
}

/// Registers the authenticator's credential; gives the session.
async fn register(
    world: &World,
    current: &Authenticated,
    authenticator: &mut Authenticator,
) -> Authenticated {
    let (enrolment, options) = begin(world, current).await;
    let answer = authenticator.create(&options);
    let started = confirm(world, current, &enrolment, &answer).await.unwrap();
    world.renewed(&started).await
}

/// A person with a passkey.
pub(crate) async fn person(world: &World, email: &str, id: &[u8]) -> (Account, Authenticator) {
    let account = world.account(email).await;
    let mut authenticator = Authenticator::new(id);
    register(world, &world.signed_in(email).await, &mut authenticator).await;
    (account, authenticator)
}

/// Begins a sign-in; gives the options of the passkey.
pub(crate) async fn begun(world: &World, browser: &ciam_core::http::BrowserId) -> (JourneyHandle, Value) {
    let (handle, challenge) =
        world.journeys.begin_sign_in(&visitor(browser), Requirements::default()).await.unwrap();
    let Challenge::Credentials { first, .. } = challenge else { panic!("{challenge:?}") };
    (handle, first[0].data.clone())
}

fn passkey(answer: Value) -> Answer {
    Answer::factor("passkey", answer)
}

#[tokio::test]
async fn a_passkey_is_registered_and_signs_in_without_an_identifier() {
    let world = world().await;
    let (account, mut authenticator) = person(&world, ADA, b"credential-1").await;
    assert_eq!(world.mail_to(ADA).await.unwrap().code, MessageCode::FactorAdded);
    let listed = world.factors.list(account.id).await.unwrap();
    assert_eq!((listed[0].factor.as_str(), listed[0].synchronised), ("passkey", Some(true)));

    let browser = world.browser();
    let (handle, options) = begun(&world, &browser).await;
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("example.com"), &json!("required")));
    assert_eq!(options["allowCredentials"], json!([]));
    let signed_in = done(world.answer(&browser, &handle, passkey(authenticator.get(&options))).await);
    assert_eq!(signed_in.account.id, account.id);
    let context = &signed_in.session.context;
    let amr: Vec<_> = context.amr().iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(amr, ["swk", "mfa"]);
    assert_eq!(context.proofs[0].strength, Strength::PhishingResistant);
    assert!(world.factors.list(account.id).await.unwrap()[0].last_used_at.is_some());
}

#[tokio::test]
async fn it_is_the_second_factor_and_lifts_a_session_to_phr() {
    let world = world().await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Challenge(Challenge::Factor { factor, data, .. }) = step else { panic!("{step:?}") };
    assert_eq!(factor, "passkey");
    assert_eq!(data["allowCredentials"][0]["transports"], json!(["internal", "hybrid"]));
    done(world.answer(&browser, &handle, passkey(authenticator.get(&data))).await);

    // Step-up: a session with a password alone, and a level that no password reaches.
    let current = world.signed_in(ADA).await;
    let browser = world.browser();
    let visitor = visitor(&browser).with_session(Some(&current));
    let wanted = Requirements::default().with_acr_values(vec![Acr::new("phr")]);
    let (handle, challenge) = world.journeys.begin_sign_in(&visitor, wanted).await.unwrap();
    let Challenge::Factor { data, .. } = challenge else { panic!("{challenge:?}") };
    let step = world.journeys.answer(&handle, &visitor, passkey(authenticator.get(&data))).await.unwrap();
    let lifted = done(step);
    assert_eq!(lifted.session.id, current.session.value.id);
    let ladder = &world.journeys.policy().ladder;
    assert_eq!(ladder.achieved(&lifted.session.context, world.ports.now()).unwrap().as_str(), "phr");
}

/// One row per way to cheat; each is refused, and with the same answer.
#[tokio::test]
async fn what_is_not_an_answer_to_this_question_proves_nobody() {
    let world = world().await;
    let (ada, authenticator) = person(&world, ADA, b"credential-1").await;
    let (bob, _) = person(&world, "bob@example.com", b"credential-2").await;
    let browser = world.browser();
    let other = world.browser();
    let (_, options_of_another) = begun(&world, &other).await;
    let theirs = options_of_another["challenge"].as_str().unwrap().to_owned();
    let rows: Vec<(&str, Authenticator)> = vec![
        ("challenge of another session", authenticator.but(|it| it.challenge = Some(theirs))),
        ("no challenge", authenticator.but(|it| it.challenge = Some(String::new()))),
        ("another origin", authenticator.but(|it| it.origin = "https://id.example.com.evil.test".to_owned())),
        ("a subdomain", authenticator.but(|it| it.origin = "https://evil.id.example.com".to_owned())),
        ("another scheme", authenticator.but(|it| it.origin = "http://id.example.com".to_owned())),
        ("another relying party", authenticator.but(|it| it.rp_id = "evil.test".to_owned())),
        ("in a frame", authenticator.but(|it| it.cross_origin = Some(true))),
        ("in somebody's frame", authenticator.but(|it| it.top_origin = Some("https://evil.test".to_owned()))),
        ("nobody present", authenticator.but(|it| it.flags = VERIFIED | ELIGIBLE)),
        ("downgraded verification", authenticator.but(|it| it.flags = PRESENT | ELIGIBLE | BACKED_UP)),
        ("backed up, not eligible", authenticator.but(|it| it.flags = PRESENT | VERIFIED | BACKED_UP)),
        ("no longer eligible", authenticator.but(|it| it.flags = PRESENT | VERIFIED)),
        ("another ceremony", authenticator.but(|it| it.kind = Some("webauthn.create"))),
        ("another key", authenticator.with_another_key()),
        ("handle of another account", authenticator.but(|it| it.user = bob.id.as_uuid().as_bytes().to_vec())),
        ("no handle", authenticator.but(|it| it.user = Vec::new())),
        ("an unknown handle", authenticator.but(|it| it.user = vec![7; 16])),
        ("a long handle", authenticator.but(|it| it.user = vec![7; 64])),
        ("an unknown credential", authenticator.but(|it| it.id = b"unknown".to_vec())),
        ("credential of another account", authenticator.but(|it| it.id = b"credential-2".to_vec())),
    ];
    let mut answers = Vec::new();
    for (row, mut wrong) in rows {
        let (handle, options) = begun(&world, &browser).await;
        let step = world.answer(&browser, &handle, passkey(wrong.get(&options))).await;
        let Step::Refused(refused) = step else { panic!("{row}: {step:?}") };
        answers.push(refused.reason.code());
        // The right answer to the same question still counts: nothing but the cheat was wrong.
        let step = world.answer(&browser, &handle, passkey(authenticator.clone().get(&options))).await;
        assert_eq!(done(step).account.id, ada.id, "{row}");
    }
    answers.dedup();
    assert_eq!(answers, ["credentials"]);
}

#[tokio::test]
async fn what_is_no_answer_at_all_is_refused() {
    let world = world().await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let browser = world.browser();
    let (handle, options) = begun(&world, &browser).await;
    let right = authenticator.get(&options);
    let long = "A".repeat(100_000);
    for (path, value) in [
        ("/response/signature", json!("")),
        ("/response/signature", json!("AAAA")),
        ("/response/authenticatorData", json!("")),
        ("/response/authenticatorData", json!("!!")),
        ("/response/authenticatorData", json!(long)),
        ("/response/clientDataJSON", json!("e30")),
        ("/response/clientDataJSON", json!(long)),
        ("/response/clientDataJSON", json!(7)),
        ("/response", json!(null)),
        ("/rawId", json!("")),
        ("/type", json!("password")),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(path).unwrap() = value;
        let (handle, _) = begun(&world, &browser).await;
        assert_eq!(refusal(world.answer(&browser, &handle, passkey(wrong)).await), "credentials", "{path}");
    }
    for wrong in [json!(null), json!({}), json!([]), json!("text")] {
        let (handle, _) = begun(&world, &browser).await;
        assert_eq!(refusal(world.answer(&browser, &handle, passkey(wrong)).await), "credentials");
    }
    done(world.answer(&browser, &handle, passkey(right)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_assertion_is_one_session() {
    let world = Arc::new(world().await);
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    let browser = world.browser();
    let (handle, options) = begun(&world, &browser).await;
    let answer = authenticator.get(&options);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (world, browser, handle, answer) =
                (world.clone(), browser.clone(), handle.clone(), answer.clone());
            tokio::spawn(async move {
                let step = world.journeys.answer(&handle, &visitor(&browser), passkey(answer)).await;
                matches!(step, Ok(Step::Done(_)))
            })
        })
        .collect();
    let mut sessions = 0;
    for task in tasks {
        sessions += usize::from(task.await.unwrap());
    }
    assert_eq!(sessions, 1);
    // And not in another journey of the same browser.
    let (handle, _) = begun(&world, &browser).await;
    assert_eq!(refusal(world.answer(&browser, &handle, passkey(answer)).await), "credentials");
}

#[tokio::test]
async fn a_counter_that_does_not_go_up_is_reported_or_refused() {
    for policy in [SignCountPolicy::Report, SignCountPolicy::Refuse] {
        let world = world_of(relying_party().with_sign_count(policy)).await;
        let account = world.account(ADA).await;
        let mut authenticator = Authenticator::new(b"credential-1").but(|it| it.count = 5);
        register(&world, &world.signed_in(ADA).await, &mut authenticator).await;
        world.events().await;
        let table = [(6, true), (9, true), (9, false), (7, false), (0, false), (10, true)];
        for (count, rises) in table {
            authenticator.count = count;
            let browser = world.browser();
            let (handle, options) = begun(&world, &browser).await;
            let step = world.answer(&browser, &handle, passkey(authenticator.get(&options))).await;
            let accepted = rises || policy == SignCountPolicy::Report;
            assert_eq!(matches!(step, Step::Done(_)), accepted, "{policy:?} {count}");
            let reported = world
                .events()
                .await
                .iter()
                .any(|it| it.event_type.as_str() == "ciam.factor.passkey_counter.v1");
            assert_eq!(reported, !rises && accepted, "{policy:?} {count}");
        }
        let stored = world.credentials(&account).await;
        assert_eq!(stored.iter().find(|it| it.value.factor == "passkey").unwrap().value.counter, 10);
    }
}

/// A passkey that is kept in several places says zero for ever.
#[tokio::test]
async fn a_counter_that_stays_at_zero_is_none() {
    let world = world_of(relying_party().with_sign_count(SignCountPolicy::Refuse)).await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    for _ in 0..3 {
        let browser = world.browser();
        let (handle, options) = begun(&world, &browser).await;
        done(world.answer(&browser, &handle, passkey(authenticator.get(&options))).await);
    }
}

#[tokio::test]
async fn without_verification_it_proves_possession_alone() {
    let world = world_of(relying_party().with_user_verification(UserVerification::Discouraged)).await;
    let (_, mut authenticator) = person(&world, ADA, b"credential-1").await;
    authenticator.flags = PRESENT | ELIGIBLE | BACKED_UP;
    let browser = world.browser();
    let (handle, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Challenge(Challenge::Factor { data, .. }) = step else { panic!("{step:?}") };
    let signed_in = done(world.answer(&browser, &handle, passkey(authenticator.get(&data))).await);
    assert_eq!(signed_in.session.context.proofs[1].kinds.len(), 1);
}

#[tokio::test]
async fn a_registration_is_bound_to_its_challenge_session_and_account() {
    let world = world().await;
    world.account(ADA).await;
    world.account("bob@example.com").await;
    let current = world.signed_in(ADA).await;
    let authenticator = Authenticator::new(b"credential-1");
    let rows: Vec<(Authenticator, WebauthnError)> = vec![
        (authenticator.but(|it| it.challenge = Some("AAAA".to_owned())), WebauthnError::Challenge),
        (authenticator.but(|it| it.origin = "https://evil.test".to_owned()), WebauthnError::Origin),
        (authenticator.but(|it| it.rp_id = "evil.test".to_owned()), WebauthnError::RpId),
        (authenticator.but(|it| it.cross_origin = Some(true)), WebauthnError::CrossOrigin),
        (authenticator.but(|it| it.flags = VERIFIED), WebauthnError::UserPresence),
        (authenticator.but(|it| it.flags = PRESENT), WebauthnError::UserVerification),
        (authenticator.but(|it| it.flags = PRESENT | VERIFIED | BACKED_UP), WebauthnError::BackupFlags),
        (authenticator.but(|it| it.kind = Some("webauthn.get")), WebauthnError::Type),
        (authenticator.but(|it| it.format = "android-safetynet"), WebauthnError::AttestationFormat),
        (
            authenticator.but(|it| it.format = "packed"),
            WebauthnError::Malformed { what: "attestation statement" },
        ),
        (authenticator.but(|it| it.id = vec![7; 1024]), WebauthnError::TooLarge { what: "credential id" }),
        (
            authenticator.but(|it| it.id = Vec::new()),
            WebauthnError::Malformed { what: "attested credential data" },
        ),
    ];
    for (mut wrong, expected) in rows {
        let (enrolment, options) = begin(&world, &current).await;
        let refused = confirm(&world, &current, &enrolment, &wrong.create(&options)).await;
        let Err(FactorError::Passkey(error)) = refused else { panic!("{expected:?}: {refused:?}") };
        assert_eq!(error, expected);
    }
    // One answer to a challenge is looked at.
    let (enrolment, options) = begin(&world, &current).await;
    let mut elsewhere = authenticator.but(|it| it.origin = "https://evil.test".to_owned());
    let wrong = confirm(&world, &current, &enrolment, &elsewhere.create(&options)).await;
    assert!(matches!(wrong, Err(FactorError::Passkey(WebauthnError::Origin))), "{wrong:?}");
    let late = confirm(&world, &current, &enrolment, &authenticator.clone().create(&options)).await;
    assert!(matches!(late, Err(FactorError::NotFound)), "{late:?}");
    let (enrolment, options) = begin(&world, &current).await;
    let answer = authenticator.clone().create(&options);
    for stranger in ["bob@example.com", ADA] {
        let stranger = world.signed_in(stranger).await;
        let refused = confirm(&world, &stranger, &enrolment, &answer).await;
        assert!(matches!(refused, Err(FactorError::NotFound)), "{refused:?}");
    }
    let started = confirm(&world, &current, &enrolment, &answer).await.unwrap();
    let renewed = world.renewed(&started).await;
    let again = confirm(&world, &renewed, &enrolment, &answer).await;
    assert!(matches!(again, Err(FactorError::NotFound | FactorError::NeedsProof)), "{again:?}");
}

#[tokio::test]
async fn a_credential_belongs_to_one_account() {
    let world = world().await;
    person(&world, ADA, b"credential-1").await;
    world.account("bob@example.com").await;
    let bob = world.signed_in("bob@example.com").await;
    let (enrolment, options) = begin(&world, &bob).await;
    assert_eq!(options["excludeCredentials"], json!([]), "nobody learns what others have");
    let answer = Authenticator::new(b"credential-1").create(&options);
    let refused = confirm(&world, &bob, &enrolment, &answer).await;
    assert!(matches!(refused, Err(FactorError::AlreadyRegistered)), "{refused:?}");
}

/// The session of somebody who has just signed in with the passkey.
async fn by_passkey(world: &World, authenticator: &mut Authenticator) -> Authenticated {
    let browser = world.browser();
    let (handle, options) = begun(world, &browser).await;
    let signed_in = done(world.answer(&browser, &handle, passkey(authenticator.get(&options))).await);
    world.authenticated(&signed_in.cookie).await.unwrap()
}

#[tokio::test]
async fn a_passkey_goes_only_where_one_was_just_used_or_a_recovery_code() {
    let world = world().await;
    let account = world.account(ADA).await;
    // Enrolled while there is no passkey yet, which would need one.
    let (seed, current) = world.with_totp(&world.signed_in(ADA).await).await;
    let (codes, started) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    let mut authenticator = Authenticator::new(b"credential-1");
    register(&world, &world.renewed(&started).await, &mut authenticator).await;
    let id =
        world.factors.list(account.id).await.unwrap().iter().find(|it| it.factor == "passkey").unwrap().id;

    // A password and a code, which a false site could have asked for.
    world.next_step();
    let browser = world.browser();
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    world.answer(&browser, &handle, Answer::another_factor("totp")).await;
    let by_code =
        done(world.answer(&browser, &handle, Answer::factor("totp", json!(world.totp(&seed)))).await);
    let by_code = world.authenticated(&by_code.cookie).await.unwrap();
    let refused = world.factors.remove(&Owner::new(&by_code), id).await;
    assert!(matches!(refused, Err(FactorError::NeedsStrongerProof)), "{refused:?}");

    // A recovery code is what it is for.
    let (handle, _) = world.begun(&browser, ADA, AAL2).await;
    world.answer(&browser, &handle, Answer::another_factor("recovery_code")).await;
    let answer = Answer::factor("recovery_code", json!(codes.codes[0].expose()));
    let recovered = done(world.answer(&browser, &handle, answer).await);
    let recovered = world.authenticated(&recovered.cookie).await.unwrap();
    world.factors.remove(&Owner::new(&recovered), id).await.unwrap();
    // It proves nobody any more.
    let (handle, options) = begun(&world, &browser).await;
    assert_eq!(
        refusal(world.answer(&browser, &handle, passkey(authenticator.get(&options))).await),
        "credentials"
    );
    // And its id is free: somebody else may have the authenticator now.
    world.account("bob@example.com").await;
    let bob = world.signed_in("bob@example.com").await;
    register(&world, &bob, &mut Authenticator::new(b"credential-1")).await;
}

/// Who has just used a passkey, and not who did so a while ago.
#[tokio::test]
async fn a_proof_of_equal_strength_is_of_the_last_minutes() {
    let world = world().await;
    let account = world.account(ADA).await;
    let (_, current) = world.with_totp(&world.signed_in(ADA).await).await;
    let mut authenticator = Authenticator::new(b"credential-1");
    let current = register(&world, &current, &mut authenticator).await;
    let id =
        world.factors.list(account.id).await.unwrap().iter().find(|it| it.factor == "passkey").unwrap().id;
    for (age, expected) in [(6, "needs_stronger_proof"), (4, "done")] {
        let (mut session, now) = (current.session.value.clone(), world.ports.now());
        let kinds = [FactorKind::Possession, FactorKind::Inherence];
        let proof = Proof::new(Amr::SOFTWARE_KEY, kinds, now - Duration::minutes(age));
        session.context.proofs.push(proof.with_strength(Strength::PhishingResistant));
        let batch = Batch::new().write(Write::PutSession(session.clone()));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
        let mut current = current.clone();
        current.session = world.ports.store().session(session.id).await.unwrap().unwrap();
        let found = world.factors.remove(&Owner::new(&current), id).await;
        assert_eq!(found.map_or_else(|error| error.code(), |_| "done"), expected);
    }
}

#[tokio::test]
async fn the_last_way_in_stays_also_when_two_remove_at_once() {
    let world = Arc::new(world().await);
    let (account, mut first) = person(&world, ADA, b"credential-1").await;
    // The account has passkeys alone: no password, and codes by mail are no way in here.
    let password =
        world.credentials(&account).await.into_iter().find(|it| it.value.factor == "password").unwrap();
    let batch = Batch::new().write(Write::DeleteCredential(password.value.id));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let current = by_passkey(&world, &mut first).await;
    let id = |at: usize| {
        let world = world.clone();
        async move { world.factors.list(account.id).await.unwrap()[at].id }
    };
    let refused = world.factors.remove(&Owner::new(&current), id(0).await).await;
    assert!(matches!(refused, Err(FactorError::LastWayIn)), "{refused:?}");

    let mut second = Authenticator::new(b"credential-2");
    register(&world, &current, &mut second).await;
    let sessions = [by_passkey(&world, &mut first).await, by_passkey(&world, &mut second).await];
    let ids = [id(0).await, id(1).await];
    let tasks = sessions.into_iter().zip(ids).map(|(current, id)| {
        let world = world.clone();
        tokio::spawn(async move { world.factors.remove(&Owner::new(&current), id).await.is_ok() })
    });
    let mut removed = 0;
    for task in tasks.collect::<Vec<_>>() {
        removed += usize::from(task.await.unwrap());
    }
    assert_eq!((removed, world.factors.list(account.id).await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_page_can_tell_the_browser_what_is_accepted() {
    let world = world().await;
    let (account, _) = person(&world, ADA, b"credential-1").await;
    let accepted = serde_json::to_value(world.factors.accepted_passkeys(account.id).await.unwrap()).unwrap();
    let handle = ciam_core::encoding::base64url::encode(account.id.as_uuid().as_bytes());
    assert_eq!(
        accepted,
        json!({ "rpId": "example.com", "userId": handle, "allAcceptedCredentialIds": ["Y3JlZGVudGlhbC0x"] })
    );
}
