//! What somebody else changes between the look and the commit: the change that was decided on the look of before is not made.
//! That a change requires what it writes is checked everywhere ([`crate::watched`]); here is what comes of it.

use std::sync::Arc;

use ciam_core::account::{Account, AccountStatus, Owner, ReasonCode};
use ciam_core::actor::Actor;
use ciam_core::credential::Credential;
use ciam_core::id::AccountId;
use ciam_core::journey::{Answer, Challenge, EnrolmentPolicy, Step};
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::session::{SessionEnd, SessionState};
use ciam_core::store::{Batch, IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord, Write};
use ciam_mfa::manage::FactorError;
use ciam_mfa::otp::{HotpFactor, OtpDigits, OtpSeed};
use ciam_mfa::transaction::{TransactionDetails, TransactionError, Transactions};
use ciam_mfa::webauthn::{AuthenticationResponse, PasskeyEnrolment, SignCountPolicy, WebauthnError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::passkeys::{self, relying_party, world_of};
use crate::world::{World, refusal, visitor};

const ADA: &str = "ada@example.com";
const AAL1: &str = "urn:ciam:acr:aal1";
const AAL2: &str = "urn:ciam:acr:aal2";
const MEANWHILE: &str = "renamed meanwhile";

/// What a person holds beside their password.
enum Held {
    App(OtpSeed),
    Sheet(Vec<Secret>),
    Passkey(Authenticator),
}

impl Held {
    const ALL: [&str; 3] = ["totp", "recovery_code", "passkey"];

    async fn new(factor: &str) -> (World, Account, Self) {
        let world = passkeys::world().await;
        if factor == "passkey" {
            let (account, authenticator) = passkeys::person(&world, ADA, b"credential-1").await;
            return (world, account, Self::Passkey(authenticator));
        }
        let account = world.account(ADA).await;
        let current = world.signed_in(ADA).await;
        let held = if factor == "totp" {
            let (seed, _) = world.with_totp(&current).await;
            world.next_step();
            Self::App(seed)
        } else {
            let (codes, _) = world.factors.replace_recovery_codes(&Owner::new(&current)).await.unwrap();
            Self::Sheet(codes.codes)
        };
        (world, account, held)
    }

    fn answer(&mut self, world: &World, data: &Value) -> Value {
        match self {
            Self::App(seed) => json!(world.totp(seed)),
            Self::Sheet(codes) => json!(codes[0].expose()),
            Self::Passkey(authenticator) => authenticator.get(data),
        }
    }
}

async fn credential(world: &World, account: AccountId, factor: &str) -> Option<Credential> {
    let all = world.ports.store().credentials_of(account).await.unwrap();
    all.into_iter().map(|it| it.value).find(|it| it.factor == factor)
}

/// The account with something else of it.
async fn changed(world: &World, change: impl FnOnce(&mut Account)) -> Batch {
    let mut account = world.account_of(ADA).await;
    change(&mut account);
    Batch::new().write(Write::PutAccount(account))
}

/// A hardware token that somebody adds to the account, as every addition does: with the account.
async fn another_factor(world: &World) -> Batch {
    let account = world.account_of(ADA).await;
    let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec()).unwrap();
    let token = HotpFactor::credential(&world.ports, account.id, &seed, OtpDigits::Six, 0).await.unwrap();
    Batch::new().write(Write::PutAccount(account)).write(Write::PutCredential(token))
}

#[tokio::test]
async fn what_is_used_takes_back_no_change_of_it_and_comes_back_from_no_removal() {
    for factor in Held::ALL {
        for removed in [false, true] {
            let (world, account, mut held) = Held::new(factor).await;
            let browser = world.browser();
            let (handle, step) = world.begun(&browser, ADA, AAL2).await;
            let Step::Challenge(Challenge::Factor { data, .. }) = step else { panic!("{step:?}") };
            let answer = Answer::factor(factor, held.answer(&world, &data));
            let mut known = credential(&world, account.id, factor).await.unwrap();
            world.meanwhile(if removed {
                Batch::new().write(Write::DeleteCredential(known.id))
            } else {
                known.label = Some(MEANWHILE.to_owned());
                Batch::new().write(Write::PutCredential(known))
            });
            let step = world.journeys.answer(&handle, &visitor(&browser), answer).await;
            assert!(world.has_come());
            let now = credential(&world, account.id, factor).await;
            if removed {
                assert!(now.is_none(), "{factor} is there again");
                assert!(!matches!(step, Ok(Step::Done(_))), "{factor}: {step:?}");
            } else {
                assert_eq!(now.unwrap().label.as_deref(), Some(MEANWHILE), "{factor}");
            }
        }
    }
}

/// Two requests with one code that have both looked before either commits, such as on two nodes.
#[tokio::test]
async fn of_two_who_have_looked_at_once_one_commits() {
    use ciam_core::factor::{Factor, FactorSubject};
    for factor in ["totp", "recovery_code"] {
        let (world, account, mut held) = Held::new(factor).await;
        let credentials = world.credentials(&account).await;
        let subject = FactorSubject::new(&world.ports, Some(&account), &credentials);
        let of: Box<dyn Factor> = match factor {
            "totp" => Box::new(ciam_mfa::otp::TotpFactor::new()),
            _ => Box::new(ciam_mfa::recovery::RecoveryCodeFactor::new()),
        };
        let answer = held.answer(&world, &Value::Null);
        let mut commits = Vec::new();
        for proof in [
            of.verify(subject, &Value::Null, &answer).await.unwrap().unwrap(),
            of.verify(subject, &Value::Null, &answer).await.unwrap().unwrap(),
        ] {
            commits.push(world.ports.store().commit(proof.batch).await.unwrap().is_applied());
        }
        assert_eq!(commits, [true, false], "{factor}");
    }
}

#[tokio::test]
async fn a_change_is_decided_again_on_what_the_account_is_capable_of_now() {
    let world = World::new().await;
    let account = world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let owner = Owner::new(&current);
    // They have proved all that there was, and there is more now.
    world.meanwhile(another_factor(&world).await);
    let refused = world.factors.replace_recovery_codes(&owner).await;
    assert!(world.has_come());
    assert!(matches!(refused, Err(FactorError::NeedsProof)), "{refused:?}");
    assert!(credential(&world, account.id, "recovery_code").await.is_none());
}

#[tokio::test]
async fn nothing_is_changed_by_a_session_that_is_another_one_by_now_or_an_account_that_is_stopped() {
    for row in 0..4 {
        let world = World::new().await;
        let account = world.account(ADA).await;
        let current = world.signed_in(ADA).await;
        let mut session = current.session.value.clone();
        let batch = match row {
            0 => {
                session.token_digest = TokenDigest::of("the secret of somebody else");
                Batch::new().write(Write::PutSession(session))
            }
            1 => {
                session.state = SessionState::Ended { at: world.ports.now(), reason: SessionEnd::Revoked };
                Batch::new().write(Write::PutSession(session))
            }
            2 => changed(&world, |account| account.session_epoch += 1).await,
            _ => changed(&world, |account| account.status = AccountStatus::Suspended).await,
        };
        world.meanwhile(batch);
        let refused = world.factors.replace_recovery_codes(&Owner::new(&current)).await;
        assert!(world.has_come());
        assert!(matches!(refused, Err(FactorError::Changed)), "row {row}: {refused:?}");
        assert!(credential(&world, account.id, "recovery_code").await.is_none(), "row {row}");
    }
}

#[tokio::test]
async fn a_name_brings_no_factor_back_and_a_removal_that_comes_first_is_one() {
    let (world, account, _) = Held::new("totp").await;
    let known = credential(&world, account.id, "totp").await.unwrap();
    let current = world.signed_in(ADA).await;
    world.meanwhile(Batch::new().write(Write::DeleteCredential(known.id)));
    let refused = world.factors.rename(&Owner::new(&current), known.id, "phone").await;
    assert!(matches!(refused, Err(FactorError::NotFound)), "{refused:?}");
    assert!(credential(&world, account.id, "totp").await.is_none());
}

/// Who has the account adds a factor while support takes the others away: it goes too.
#[tokio::test]
async fn a_reset_leaves_nothing_that_was_added_at_the_same_moment() {
    let (world, account, _) = Held::new("totp").await;
    world.meanwhile(another_factor(&world).await);
    let (support, reason) = (Actor::system("support"), ReasonCode::new("lost_phone").unwrap());
    assert_eq!(world.factors.reset(&support, account.id, &reason).await.unwrap(), 2);
    assert!(world.has_come());
    assert!(world.factors.list(account.id).await.unwrap().is_empty());
}

/// As the crate keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PasskeyId {
    digest: String,
    account: AccountId,
}

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for PasskeyId {
    const KIND: RecordKind = RecordKind::new("mfa.passkey_id", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.digest.clone()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }
}

/// Somebody else registers a passkey of this id.
fn taken(id: &[u8]) -> Batch {
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(99));
    let record = PasskeyId { digest: TokenDigest::of_bytes(id).to_text(), account };
    Batch::new().put(&record).unwrap()
}

#[tokio::test]
async fn a_credential_id_that_is_taken_meanwhile_is_somebody_elses() {
    let world = passkeys::world().await;
    let account = world.account(ADA).await;
    let current = world.signed_in(ADA).await;
    let (enrolment, options) = passkeys::begin(&world, &current).await;
    let answer = Authenticator::new(b"credential-1").create(&options);
    world.meanwhile(taken(b"credential-1"));
    let refused = passkeys::confirm(&world, &current, &enrolment, &answer).await;
    assert!(matches!(refused, Err(FactorError::AlreadyRegistered)), "{refused:?}");
    assert!(credential(&world, account.id, "passkey").await.is_none());
}

/// The same in the middle of a sign-in, at the same moment and before it.
#[tokio::test]
async fn a_credential_id_that_is_taken_is_not_enrolled_in_a_sign_in() {
    for at_the_same_moment in [true, false] {
        let mut world = passkeys::world().await;
        let mut policy = world.journeys.policy().clone();
        policy.enrolment = EnrolmentPolicy::any_of(["passkey"]);
        let enrolment = Arc::new(PasskeyEnrolment::new(relying_party()));
        world.journeys = world.journeys.clone().with_policy(policy).with_enrolment(enrolment);
        let account = world.account(ADA).await;
        let browser = world.browser();
        let (handle, _) = world.begun(&browser, ADA, AAL1).await;
        let step = world.answer(&browser, &handle, Answer::begin_enrolment("passkey")).await;
        let Step::Challenge(Challenge::Enrolment { data, .. }) = step else { panic!("{step:?}") };
        let answer = Answer::enrol("passkey", Authenticator::new(b"credential-1").create(data.expose()));
        if at_the_same_moment {
            world.meanwhile(taken(b"credential-1"));
            let step = world.journeys.answer(&handle, &visitor(&browser), answer).await;
            assert!(!matches!(step, Ok(Step::Done(_))), "{step:?}");
        } else {
            assert!(world.ports.store().commit(taken(b"credential-1")).await.unwrap().is_applied());
            assert_eq!(refusal(world.answer(&browser, &handle, answer).await), "code");
        }
        assert!(credential(&world, account.id, "passkey").await.is_none());
    }
}

/// A transaction that is confirmed while the passkey signs elsewhere: its counter is looked at again.
#[tokio::test]
async fn a_transaction_is_decided_again_on_the_passkey_as_it_is_now() {
    for policy in [SignCountPolicy::Report, SignCountPolicy::Refuse] {
        let party = relying_party().with_sign_count(policy);
        let world = world_of(party.clone()).await;
        let (account, mut authenticator) = passkeys::person(&world, ADA, b"credential-1").await;
        let current = world.signed_in(ADA).await;
        let transactions = Transactions::new(world.ports.clone(), party);
        let details = TransactionDetails::parse(r#"[{"type":"payment"}]"#).unwrap();
        let offer = transactions.begin(&current, details).await.unwrap();
        authenticator.count = 5;
        let answer = authenticator.get(&serde_json::to_value(&offer.options).unwrap());
        let response = AuthenticationResponse::deserialize(answer).unwrap();
        let mut known = credential(&world, account.id, "passkey").await.unwrap();
        (known.counter, known.label) = (9, Some(MEANWHILE.to_owned()));
        world.meanwhile(Batch::new().write(Write::PutCredential(known)));
        let confirmed = transactions.confirm(&current, &offer.transaction, &response).await;
        assert!(world.has_come());
        match policy {
            SignCountPolicy::Refuse => assert!(
                matches!(confirmed, Err(TransactionError::Refused(WebauthnError::Counter))),
                "{confirmed:?}"
            ),
            _ => assert!(confirmed.is_ok(), "{confirmed:?}"),
        }
        let now = credential(&world, account.id, "passkey").await.unwrap();
        assert_eq!((now.counter, now.label.as_deref()), (9, Some(MEANWHILE)));
    }
}
