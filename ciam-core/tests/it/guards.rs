//! One guard, one test: what nothing else would keep out.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::federated::UpstreamIdentity;
use ciam_core::account::{
    AccountPolicy, Accounts, Identifier, IdentifierKey, IdentifierKind, Owner, OwnerError, ReasonCode,
};
use ciam_core::error::PortError;
use ciam_core::journey::{
    Acceptance, Answer, Challenge, JourneyPolicy, Methods, Registration, Requirements, SignInMethod, Step,
};
use ciam_core::notify::{Channel, MessageCode};
use ciam_core::organization::{OrganizationError, OrganizationStatus};
use ciam_core::ratelimit::Limit;
use ciam_core::risk::{Assessment, Observation, RiskEngine, RiskLevel};
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, Write};
use time::Duration;

use crate::organizations::{TENANT, Town, names, person};
use crate::pin::{Pin, enrol_pin, pin, wants_aal2};
use crate::world::{PASSWORD, World, done, refusal, visitor};

/// Who has an account learns that somebody typed their address, and nothing that would go on with it.
#[tokio::test]
async fn the_notice_to_who_is_registered_already_holds_no_code_and_no_link() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    world.begun_registration(&world.browser(), "ada@example.com").await;
    let notice = world.mail_to("ada@example.com").await.unwrap();
    assert_eq!(notice.code, MessageCode::AccountExists);
    assert!(notice.parameters.is_empty(), "{:?}", notice.parameters.keys());
}

/// Whatever name of an account is typed, its mailbox gets so many messages and no more; who asks sees no difference.
#[tokio::test]
async fn a_mailbox_is_counted_by_itself_and_not_by_what_was_typed() {
    let mut policy = JourneyPolicy::default();
    policy.messages_per_recipient = Limit::new("message.recipient", 3, Duration::days(1));
    let world = World::with_policy(policy).await;
    let mut account = world.registered("ada@example.com").await.account;
    let name = IdentifierKey::username("ada").unwrap();
    account.identifiers.push(Identifier::verified(name, world.ports.now()));
    world.put_account(account).await;
    world.mail_to("ada@example.com").await;
    let before = world.notifier.sent().len();
    for typed in ["ada@example.com", "ada", "ada@example.com", "ada", "ada@example.com", "ada"] {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
        let step =
            world.journeys.answer(&handle, &visitor(&browser), Answer::send_code(typed)).await.unwrap();
        assert!(matches!(step, Step::Challenge(Challenge::Code { .. })), "{step:?}");
        world.mail_to("ada@example.com").await;
    }
    assert_eq!(world.notifier.sent().len() - before, 3);
}

/// A code that is on its way to an address opens nothing any more when the account has lost the address.
#[tokio::test]
async fn a_code_is_worth_nothing_when_its_address_is_the_accounts_no_more() {
    let world = World::new().await;
    let mut account = world.registered("ada@example.com").await.account;
    let browser = world.browser();
    let (handle, _) =
        world.journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
    world.journeys.answer(&handle, &visitor(&browser), Answer::send_code("ada@example.com")).await.unwrap();
    let code = world.code_for("ada@example.com").await;
    let other = IdentifierKey::email("countess@example.com").unwrap();
    account.identifiers = vec![Identifier::verified(other, world.ports.now())];
    world.put_account(account).await;
    let late = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap();
    assert_eq!(refusal(late), "code");
}

/// A channel that is asked for by name has to be one that is allowed.
#[tokio::test]
async fn a_code_goes_out_by_no_channel_that_is_not_allowed() {
    let world = World::new().await;
    world.registered("ada@example.com").await;
    for identifier in ["ada@example.com", "nobody@example.com", "+436641234567"] {
        let browser = world.browser();
        let (handle, _) =
            world.journeys.begin_sign_in(&visitor(&browser), Requirements::default()).await.unwrap();
        let answer = Answer::SendCode { identifier: identifier.to_owned(), channel: Some(Channel::Sms) };
        let step = world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
        assert_eq!(refusal(step), "method", "{identifier}");
    }
}

/// Where only one way is allowed, an invitation is accepted in no other.
#[tokio::test]
async fn an_invitation_is_accepted_by_an_allowed_method_only() {
    let town = Town::new().await;
    let journeys = town.world.journeys.clone().with_organizations(town.organizations.clone());
    let olga = person(town.olga);
    town.organizations
        .invite(&olga, town.acme, "new@example.com", names(&["member"]), Vec::new())
        .await
        .unwrap();
    let mail = town.world.mail_to("new@example.com").await.unwrap();
    let token = Secret::from(mail.parameters["token"].as_str());
    let with_password = Acceptance::new(token.clone()).with_password(PASSWORD);
    let without = Acceptance::new(token);
    for (allowed, acceptance) in
        [(SignInMethod::EmailCode, with_password.clone()), (SignInMethod::Password, without)]
    {
        let browser = town.world.browser();
        let requirements = Requirements::default().with_methods(Methods::of([allowed]));
        let (handle, _) = journeys.begin_invitation(&visitor(&browser), requirements).await.unwrap();
        let answer = Answer::AcceptInvitation(acceptance);
        let step = journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
        assert_eq!(refusal(step), "method");
    }
    let browser = town.world.browser();
    let (handle, _) = journeys.begin_invitation(&visitor(&browser), Requirements::default()).await.unwrap();
    let answer = Answer::AcceptInvitation(with_password);
    done(journeys.answer(&handle, &visitor(&browser), answer).await.unwrap());
}

/// In a browser in which somebody has proved two factors, somebody else proves theirs.
#[tokio::test]
async fn the_factors_of_one_person_do_not_count_for_another_in_the_same_browser() {
    let world = World::new().await;
    let journeys = world.journeys.clone().with_factor(Arc::new(Pin));
    let ada = world.registered("ada@example.com").await.account;
    let bob = world.registered("bob@example.com").await.account;
    enrol_pin(&world, &ada).await;
    enrol_pin(&world, &bob).await;
    let browser = world.browser();
    let alone = visitor(&browser);
    let (handle, _) = journeys.begin_sign_in(&alone, wants_aal2()).await.unwrap();
    journeys.answer(&handle, &alone, Answer::credentials("ada@example.com", PASSWORD)).await.unwrap();
    let ada = done(journeys.answer(&handle, &alone, pin("4711")).await.unwrap());
    let current = world.authenticated(&ada).await.unwrap();
    let beside = visitor(&browser).with_session(Some(&current));
    let (handle, _) = journeys.begin_sign_in(&beside, wants_aal2()).await.unwrap();
    let step =
        journeys.answer(&handle, &beside, Answer::credentials("bob@example.com", PASSWORD)).await.unwrap();
    assert!(matches!(step, Step::Challenge(Challenge::Factor { .. })), "{step:?}");
    let both = done(journeys.answer(&handle, &beside, pin("4711")).await.unwrap());
    assert_eq!(both.account.id, bob.id);
}

/// An account has so many identities elsewhere and no more.
#[tokio::test]
async fn identities_elsewhere_have_an_end() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    let mut linked = 0;
    let refused = loop {
        let current = world.authenticated(&ada).await.unwrap();
        let identity = UpstreamIdentity::new("https://up.example", format!("{linked}"), world.ports.now());
        match world.accounts.link(&Owner::new(&current), &identity).await {
            Ok(()) if linked < 100 => linked += 1,
            other => break other,
        }
    };
    assert_eq!(linked, Accounts::MAX_IDENTITIES);
    assert!(matches!(refused, Err(OwnerError::TooManyThings)), "{refused:?}");
}

/// The last address that codes go to stays, whatever else the account has.
#[tokio::test]
async fn the_last_address_that_signs_in_is_not_taken_off() {
    let world = World::new().await;
    let mut policy = AccountPolicy::default();
    policy.passwordless.insert(IdentifierKind::Email);
    let accounts = world.accounts.clone().with_policy(policy);
    let registered = world.registered("ada@example.com").await;
    let mut account = registered.account.clone();
    let phone = IdentifierKey::phone("+436641234567").unwrap();
    account.identifiers.push(Identifier::verified(phone.clone(), world.ports.now()));
    let mut batch = Batch::new().write(Write::PutAccount(account));
    for known in world.ports.store().credentials_of(registered.account.id).await.unwrap() {
        batch = batch.write(Write::DeleteCredential(known.value.id));
    }
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let current = world.authenticated(&registered).await.unwrap();
    let owner = Owner::new(&current);
    let email = IdentifierKey::email("ada@example.com").unwrap();
    let refused = accounts.remove_identifier(&owner, &email).await;
    assert!(matches!(refused, Err(OwnerError::LastWayIn)), "{refused:?}");
    accounts.remove_identifier(&owner, &phone).await.unwrap();
}

/// Whoever invited: an organization that is stopped takes nobody in, and an account that is stopped goes in nowhere.
#[tokio::test]
async fn an_invitation_opens_nothing_stopped() {
    let town = Town::new().await;
    let (orgs, ports) = (&town.organizations, &town.world.ports);
    let email = "grace@example.com";
    let grace = crate::organizations::account(&town.world, email).await.id;
    orgs.invite(&TENANT, town.acme, email, names(&["member"]), Vec::new()).await.unwrap();
    let mail = town.world.mail_to(email).await.unwrap();
    let token = Secret::from(mail.parameters["token"].as_str());
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Suspended).await.unwrap();
    assert!(orgs.invitation(&token).await.unwrap().is_none());
    assert!(orgs.accept_invitation(&token, grace).await.is_err());
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Active).await.unwrap();
    let reason = ReasonCode::new("abuse").unwrap();
    town.world.accounts.suspend(grace, &TENANT, &reason, None).await.unwrap();
    assert_eq!(orgs.accept_invitation(&token, grace).await.unwrap_err().code(), "invitation_refused");
    assert!(ports.store().membership(town.acme, grace).await.unwrap().is_none());
    town.world.accounts.reactivate(grace, &TENANT, &reason).await.unwrap();
    orgs.accept_invitation(&token, grace).await.unwrap();
}

/// An invitation goes out ten times in all, however far apart.
#[tokio::test]
async fn an_invitation_is_sent_so_often_and_no_more() {
    let town = Town::new().await;
    let olga = person(town.olga);
    let invite = |to| town.organizations.invite(&olga, town.acme, to, names(&["member"]), Vec::new());
    let id = invite("grace@example.com").await.unwrap().id;
    let mut sent = 1;
    let refused = loop {
        town.world.clock.advance(Duration::hours(25));
        match town.organizations.resend_invitation(&olga, town.acme, id).await {
            Ok(_) if sent < 50 => sent += 1,
            other => break other,
        }
    };
    assert_eq!(sent, 10);
    assert!(matches!(refused, Err(OrganizationError::TooMany)), "{refused:?}");
}

/// A risk engine that is alarmed by everything.
#[derive(Debug)]
struct Alarmed;

#[async_trait]
impl RiskEngine for Alarmed {
    async fn assess(&self, _: &Observation) -> Result<Assessment, PortError> {
        Ok(Assessment::new(RiskLevel::High, vec!["alarm".to_owned()]))
    }
}

#[tokio::test]
async fn a_registration_with_a_high_risk_goes_nowhere() {
    let world = World::with(|ports| ports.with_risk(Arc::new(Alarmed)), JourneyPolicy::default()).await;
    let browser = world.browser();
    let (handle, _) =
        world.journeys.begin_sign_up(&visitor(&browser), Requirements::default()).await.unwrap();
    let answer = Answer::Register(Registration::new("ada@example.com", PASSWORD));
    let step = world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
    assert_eq!(refusal(step), "risk");
    assert!(world.mail_to("ada@example.com").await.is_none());
}
