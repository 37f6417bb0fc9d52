//! How many factors an account has, how often one is begun, how long that may take, and what one that was withdrawn is worth.

use ciam_core::account::{Owner, ReasonCode};
use ciam_core::actor::Actor;
use ciam_core::credential::{Credential, CredentialState};
use ciam_core::factor::{Factor, FactorSubject};
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::journey::Step;
use ciam_core::ratelimit::Limit;
use ciam_core::session::Authenticated;
use ciam_core::store::{Batch, EntityRef, Precondition, Write};
use ciam_mfa::manage::{FactorError, FactorLimits};
use ciam_mfa::otp::{HotpFactor, OtpDigits, OtpSeed, TotpFactor};
use ciam_mfa::push::PushFactor;
use ciam_mfa::recovery::RecoveryCodeFactor;
use ciam_mfa::webauthn::{PasskeyFactor, PasskeyRecord};
use serde_json::{Value, json};
use time::Duration;

use crate::authenticator::Authenticator;
use crate::passkeys::{self, begin, confirm, person, relying_party};
use crate::push::Phone;
use crate::world::{World, done};

const ADA: &str = "ada@example.com";
const AAL2: &str = "urn:ciam:acr:aal2";

async fn world(change: impl FnOnce(&mut FactorLimits)) -> (World, Authenticated) {
    let mut world = passkeys::world().await;
    let mut limits = FactorLimits::default();
    change(&mut limits);
    world.factors = world.factors.clone().with_limits(limits);
    world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    (world, current)
}

fn code<T>(result: Result<T, FactorError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

/// Begins each kind of enrolment.
async fn begun(world: &World, current: &Authenticated) -> [&'static str; 3] {
    let owner = Owner::new(current);
    [
        code(world.factors.begin_totp(&owner, "Example", ADA).await),
        code(world.factors.begin_passkey(&owner).await),
        code(world.factors.begin_push(&owner).await),
    ]
}

#[tokio::test]
async fn nobody_begins_without_end() {
    let limit = Limit::new("mfa.enrolment", 2, Duration::hours(1));
    let (world, mut current) = world(|limits| limits.enrolments = limit).await;
    for expected in ["done", "done", "too_many_attempts"] {
        assert_eq!(begun(&world, &current).await, [expected; 3]);
    }
    for expected in ["done", "done", "too_many_attempts"] {
        let sheet = world.factors.replace_recovery_codes(&Owner::new(&current)).await;
        match sheet {
            Ok((_, started)) => {
                assert_eq!(expected, "done");
                current = reproved(&world, &world.renewed(&started).await).await;
            }
            Err(error) => assert_eq!(error.code(), expected),
        }
    }
}

/// Two enrolments that were both begun while there was room for one.
#[tokio::test]
async fn there_is_room_for_so_many_also_when_more_were_begun() {
    let (world, current) =
        world(|limits| (limits.totp, limits.passkeys, limits.push_devices) = (1, 1, 1)).await;
    let owner = Owner::new(&current);
    let mut apps = Vec::new();
    for _ in 0..2 {
        apps.push(world.factors.begin_totp(&owner, "Example", ADA).await.unwrap());
    }
    let passkeys = [begin(&world, &current).await, begin(&world, &current).await];
    let mut phones = Vec::new();
    for _ in 0..2 {
        phones.push(world.factors.begin_push(&owner).await.unwrap());
    }
    // Passkeys and phones first: an app makes the account capable of more, which would have to be proved.
    let mut now = current.clone();
    for (at, expected) in [(0, "done"), (1, "too_many")] {
        let (enrolment, options) = &passkeys[at];
        let answer = Authenticator::new(&[u8::try_from(at).unwrap(); 16]).create(options);
        let found = confirm(&world, &now, enrolment, &answer).await;
        if expected == "done" {
            now = reproved(&world, &world.renewed(found.as_ref().unwrap()).await).await;
        }
        assert_eq!(code(found), expected);
    }
    for (at, expected) in [(0, "done"), (1, "too_many")] {
        let signer = LocalSigner::generate(world.ports.crypto(), Algorithm::Es256).unwrap();
        let message = Phone::registration(&signer, &phones[at].challenge, json!({})).await;
        let enrolment = &phones[at].enrolment;
        let found = world.factors.confirm_push(&Owner::new(&now), enrolment, &message, "").await;
        if let Ok(registered) = &found {
            now = reproved(&world, &world.renewed(&registered.session).await).await;
        }
        assert_eq!(code(found), expected);
    }
    for (at, expected) in [(0, "done"), (1, "too_many")] {
        let seed = OtpSeed::from_base32(apps[at].seed.expose()).unwrap();
        let typed = world.totp(&seed);
        let found = world.factors.confirm_totp(&Owner::new(&now), &apps[at].enrolment, &typed, "").await;
        if let Ok(started) = &found {
            now = reproved(&world, &world.renewed(started).await).await;
        }
        assert_eq!(code(found), expected);
    }
    assert_eq!(begun(&world, &now).await, ["too_many"; 3]);
}

/// The same session, with all that its account is capable of proved just now.
async fn reproved(world: &World, current: &Authenticated) -> Authenticated {
    use ciam_core::assurance::{Amr, FactorKind, Proof, Strength};
    let mut session = current.session.value.clone();
    let kinds = [FactorKind::Possession, FactorKind::Inherence];
    let proof = Proof::new(Amr::HARDWARE_KEY, kinds, world.ports.now());
    session.context.proofs.push(proof.with_strength(Strength::PhishingResistant));
    let batch = Batch::new().write(Write::PutSession(session));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let mut next = current.clone();
    next.session = world.ports.store().session(current.session.value.id).await.unwrap().unwrap();
    next
}

/// Adds hardware tokens until the account has so many credentials.
async fn filled(world: &World, most: usize) {
    let account = world.account_of(ADA).await;
    let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec()).unwrap();
    for _ in world.credentials(&account).await.len()..most {
        let token = HotpFactor::credential(&world.ports, account.id, &seed, OtpDigits::Six, 0).await.unwrap();
        let batch = Batch::new().write(Write::PutCredential(token));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }
}

#[tokio::test]
async fn an_account_has_so_many_credentials_of_all_kinds_together() {
    let (world, current) = world(|_| {}).await;
    filled(&world, Credential::MAX_PER_ACCOUNT).await;
    let current = reproved(&world, &current).await;
    assert_eq!(begun(&world, &current).await, ["too_many"; 3]);
    let sheet = world.factors.replace_recovery_codes(&Owner::new(&current)).await;
    assert_eq!(code(sheet), "too_many");
}

#[tokio::test]
async fn a_reset_takes_as_many_as_fit_into_one_commit_and_the_rest_the_next_time() {
    let (world, _) = world(|_| {}).await;
    filled(&world, 41).await;
    let (account, support) = (world.account_of(ADA).await.id, Actor::system("support"));
    let reason = ReasonCode::new("lost_phone").unwrap();
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(world.factors.reset(&support, account, &reason).await.unwrap());
    }
    assert_eq!(taken, [31, 9, 0]);
}

#[tokio::test]
async fn a_reset_is_made_while_what_it_was_decided_on_holds() {
    let (world, _) = world(|_| {}).await;
    filled(&world, 3).await;
    let account = world.account_of(ADA).await;
    let found = world.ports.store().account(account.id).await.unwrap().unwrap();
    let holds = [Precondition::VersionIs(EntityRef::Account(account.id), found.version)];
    let batch = Batch::new().write(Write::PutAccount(account.clone()));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let (support, reason) = (Actor::system("support"), ReasonCode::new("lost_phone").unwrap());
    let late = world.factors.reset_while(&support, account.id, &reason, &holds).await;
    assert_eq!(code(late), "changed");
    assert_eq!(world.factors.list(account.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_reset_leaves_a_way_in() {
    let (world, _) = world(|_| {}).await;
    let account = world.account_of(ADA).await;
    let password = world.credentials(&account).await[0].value.id;
    filled(&world, 2).await;
    let batch = Batch::new().write(Write::DeleteCredential(password));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let (support, reason) = (Actor::system("support"), ReasonCode::new("lost_phone").unwrap());
    assert_eq!(code(world.factors.reset(&support, account.id, &reason).await), "last_way_in");
    assert_eq!(world.factors.list(account.id).await.unwrap().len(), 1);
}

/// Within the time in which the owner need not prove themselves again, so that nothing but the enrolment is over.
#[tokio::test]
async fn an_enrolment_is_over_after_its_time() {
    let (world, current) = world(|limits| limits.enrolment_lifetime = Duration::minutes(2)).await;
    let owner = Owner::new(&current);
    let app = world.factors.begin_totp(&owner, "Example", ADA).await.unwrap();
    let (enrolment, options) = begin(&world, &current).await;
    let phone = world.factors.begin_push(&owner).await.unwrap();
    world.clock.advance(Duration::minutes(2));
    let typed = world.totp(&OtpSeed::from_base32(app.seed.expose()).unwrap());
    assert_eq!(code(world.factors.confirm_totp(&owner, &app.enrolment, &typed, "").await), "not_found");
    let answer = Authenticator::new(b"credential-1").create(&options);
    assert_eq!(code(confirm(&world, &current, &enrolment, &answer).await), "not_found");
    let signer = LocalSigner::generate(world.ports.crypto(), Algorithm::Es256).unwrap();
    let message = Phone::registration(&signer, &phone.challenge, json!({})).await;
    assert_eq!(code(world.factors.confirm_push(&owner, &phone.enrolment, &message, "").await), "not_found");
}

/// What is kept for the record alone.
#[tokio::test]
async fn a_factor_that_was_withdrawn_is_none() {
    let (world, current) = world(|_| {}).await;
    let account = world.account_of(ADA).await;
    let (seed, current) = world.with_totp(&current).await;
    let (sheet, started) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
    let mut authenticator = Authenticator::new(b"credential-1");
    let current = world.renewed(&started).await;
    let (enrolment, options) = begin(&world, &current).await;
    confirm(&world, &current, &enrolment, &authenticator.create(&options)).await.unwrap();
    world.next_step();
    let mut credentials = world.credentials(&account).await;
    for credential in credentials.iter_mut().filter(|it| it.value.factor != "password") {
        credential.value.state = CredentialState::Revoked;
        let batch = Batch::new().write(Write::PutCredential(credential.value.clone()));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }
    let subject = FactorSubject::new(&world.ports, Some(&account), &credentials);
    let passkey = PasskeyFactor::new(relying_party());
    let question = passkey.challenge(subject).await.unwrap();
    let answers: [(&dyn Factor, Value, Value); 3] = [
        (&TotpFactor::new(), Value::Null, json!(world.totp(&seed))),
        (&RecoveryCodeFactor::new(), Value::Null, json!(sheet.codes[0].expose())),
        (&passkey, question.state.clone(), authenticator.get(&question.public)),
    ];
    for (factor, state, answer) in answers {
        let name = factor.name();
        assert!(!factor.is_enrolled(&credentials), "{name}");
        assert!(factor.verify(subject, &state, &answer).await.unwrap().is_none(), "{name}");
    }
    assert!(!PushFactor::new().is_enrolled(&credentials));
    // Nobody is asked for it, sees it, or can do anything with it.
    let browser = world.browser();
    let (_, step) = world.begun(&browser, ADA, AAL2).await;
    let Step::Done(signed_in) = step else { panic!("{step:?}") };
    let current = world.authenticated(&signed_in.cookie).await.unwrap();
    assert!(world.factors.list(account.id).await.unwrap().is_empty());
    for credential in credentials.iter().filter(|it| it.value.factor != "password") {
        let (owner, id) = (Owner::new(&current), credential.value.id);
        assert_eq!(code(world.factors.rename(&owner, id, "x").await), "not_found");
        assert_eq!(code(world.factors.remove(&owner, id).await), "not_found");
    }
    let (support, reason) = (Actor::system("support"), ReasonCode::new("lost_phone").unwrap());
    assert_eq!(world.factors.reset(&support, account.id, &reason).await.unwrap(), 0);
    // And it takes no room.
    let mut limits = FactorLimits::default();
    (limits.totp, limits.passkeys) = (1, 1);
    let factors = world.factors.clone().with_limits(limits);
    let offer = factors.begin_totp(&Owner::new(&current), "Example", ADA).await;
    assert_eq!(code(offer), "done");
}

#[tokio::test]
async fn a_factor_is_asked_for_what_is_its_own() {
    let world = passkeys::world().await;
    let (account, mut authenticator) = person(&world, ADA, b"credential-1").await;
    // A seed of a counter is none of a clock.
    let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec()).unwrap();
    let token = HotpFactor::credential(&world.ports, account.id, &seed, OtpDigits::Six, 0).await.unwrap();
    assert!(
        world
            .ports
            .store()
            .commit(Batch::new().write(Write::PutCredential(token)))
            .await
            .unwrap()
            .is_applied()
    );
    let credentials = world.credentials(&account).await;
    let subject = FactorSubject::new(&world.ports, Some(&account), &credentials);
    let typed = json!(world.totp(&seed));
    assert!(TotpFactor::new().verify(subject, &Value::Null, &typed).await.unwrap().is_none());
    // A credential of another factor is no passkey, whatever is in it.
    let mut known = credentials.iter().find(|it| it.value.factor == "passkey").unwrap().value.clone();
    assert!(PasskeyRecord::of(&known).is_some());
    known.factor = "totp".to_owned();
    assert!(PasskeyRecord::of(&known).is_none());
    // A passkey of another relying party is neither offered nor taken.
    let elsewhere = ciam_mfa::webauthn::RelyingParty::new("example.net", "Example").unwrap();
    let elsewhere = PasskeyFactor::new(elsewhere);
    assert!(!elsewhere.is_enrolled(&credentials));
    let question = elsewhere.challenge(subject).await.unwrap();
    assert_eq!(question.public["allowCredentials"], json!([]));
    // Where no credential was named, the answer says whose it is.
    let passkey = PasskeyFactor::new(relying_party());
    let nobody = FactorSubject::new(&world.ports, None, &[]);
    let question = passkey.challenge(nobody).await.unwrap();
    let mut silent = authenticator.but(|it| it.user = Vec::new());
    let answer = silent.get(&question.public);
    assert!(passkey.verify(subject, &question.state, &answer).await.unwrap().is_none());
    let answer = authenticator.get(&question.public);
    assert!(passkey.verify(subject, &question.state, &answer).await.unwrap().is_some());
}

/// What the authenticator says later is kept: its owner has turned synchronisation on.
#[tokio::test]
async fn where_a_passkey_is_kept_may_change_and_its_counter_begins_where_it_was_made() {
    use crate::authenticator::{ELIGIBLE, PRESENT, VERIFIED};
    let world = passkeys::world().await;
    let account = world.account(ADA).await;
    let mut authenticator = Authenticator::new(b"credential-1");
    (authenticator.flags, authenticator.count) = (PRESENT | VERIFIED | ELIGIBLE, 7);
    let current = world.signed_in(ADA).await;
    let (enrolment, options) = begin(&world, &current).await;
    confirm(&world, &current, &enrolment, &authenticator.create(&options)).await.unwrap();
    let kept = async || {
        let all = world.credentials(&account).await;
        let known = all.into_iter().find(|it| it.value.factor == "passkey").unwrap().value;
        (known.counter, PasskeyRecord::of(&known).unwrap().backed_up)
    };
    assert_eq!(kept().await, (7, false));
    (authenticator.flags, authenticator.count) = (PRESENT | VERIFIED | ELIGIBLE | 0x10, 8);
    let browser = world.browser();
    let (handle, options) = passkeys::begun(&world, &browser).await;
    let answer = ciam_core::journey::Answer::factor("passkey", authenticator.get(&options));
    done(world.answer(&browser, &handle, answer).await);
    assert_eq!(kept().await, (8, true));
}
