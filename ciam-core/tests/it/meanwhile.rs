//! What somebody else changes between the look and the commit: the change that was decided on the look of before is not
//! made. That a change requires what it writes is checked everywhere ([`crate::watched`]); here is what it requires beside.

use ciam_core::account::federated::UpstreamIdentity;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey, Owner, OwnerError};
use ciam_core::id::AccountId;
use ciam_core::journey::{Answer, Requirements, SignedIn, Step};
use ciam_core::organization::{
    ActingError, DomainClaim, InvitationError, MembershipStatus, OrganizationPolicy, RoleName,
};
use ciam_core::password::PasswordFactor;
use ciam_core::secret::Secret;
use ciam_core::session::SessionError;
use ciam_core::store::{Batch, StoredRecord as _, Write};

use crate::organization_domains::Zone;
use crate::organizations::{TENANT, Town, names, person};
use crate::world::{PASSWORD, World, done, refusal, visitor};

const ADA: &str = "ada@example.com";

/// The account, suspended.
async fn suspended(world: &World, id: AccountId) -> Batch {
    changed(world, id, |account| account.status = AccountStatus::Suspended).await
}

async fn changed(world: &World, id: AccountId, change: impl FnOnce(&mut Account)) -> Batch {
    let mut account = world.ports.store().account(id).await.unwrap().unwrap().value;
    change(&mut account);
    Batch::new().write(Write::PutAccount(account))
}

/// The account with another password.
async fn another_password(world: &World, id: AccountId) -> Batch {
    let credentials = world.ports.store().credentials_of(id).await.unwrap();
    let known = PasswordFactor::credential_in(&credentials).unwrap().value.clone();
    let hash = world.password_hash("an entirely different sentence").await;
    Batch::new().write(Write::PutCredential(PasswordFactor::replaced(known, &hash)))
}

async fn begun(world: &World, requirements: Requirements) -> Step {
    let browser = world.browser();
    let (handle, _) = world.journeys.begin_sign_in(&visitor(&browser), requirements).await.unwrap();
    let answer = Answer::credentials(ADA, PASSWORD);
    world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap()
}

#[tokio::test]
async fn no_session_begins_for_who_is_stopped_or_whose_password_is_another() {
    let world = World::new().await;
    let ada = world.registered(ADA).await.account;
    let before = world.ports.store().account(ada.id).await.unwrap().unwrap();
    for batch in [suspended(&world, ada.id).await, another_password(&world, ada.id).await] {
        world.meanwhile(batch);
        assert_eq!(refusal(begun(&world, Requirements::default()).await), "credentials");
        assert!(world.has_come());
        world.put_account(before.value.clone()).await;
    }
    // The same where a host begins it.
    let looked = world.ports.store().account(ada.id).await.unwrap().unwrap();
    world.meanwhile(suspended(&world, ada.id).await);
    let started = world.sessions.start(&looked, Default::default(), None, None).await;
    assert!(matches!(started, Err(SessionError::Changed)), "{started:?}");
}

#[tokio::test]
async fn no_session_is_renewed_that_ended_or_whose_account_is_stopped() {
    let world = World::new().await;
    let ada = world.registered(ADA).await;
    let current = world.authenticated(&ada).await.unwrap();
    let mut ended = current.session.value.clone();
    ended.state = ciam_core::session::SessionState::Ended {
        at: world.ports.now(),
        reason: ciam_core::session::SessionEnd::Revoked,
    };
    let live = Write::PutSession(current.session.value.clone());
    for batch in [Batch::new().write(Write::PutSession(ended)), suspended(&world, ada.account.id).await] {
        let current = world.authenticated(&ada).await.unwrap();
        world.meanwhile(batch);
        let renewed = world.sessions.renew(&current, []).await;
        assert!(matches!(renewed, Err(SessionError::Changed)), "{renewed:?}");
        let back = Batch::new().write(live.clone()).write(Write::PutAccount(current.account.value.clone()));
        assert!(world.ports.store().commit(back).await.unwrap().is_applied());
    }
}

/// An owner who has proved their password, and a change that relies on it.
async fn owner_changes(world: &World, ada: &SignedIn, batch: Batch) -> Result<Account, OwnerError> {
    let current = world.authenticated(ada).await.unwrap();
    let password = Secret::from(PASSWORD);
    let owner = Owner::new(&current).with_password(&password);
    world.meanwhile(batch);
    world.accounts.set_username(&owner, "countess").await
}

#[tokio::test]
async fn an_owner_changes_nothing_once_they_are_stopped_or_their_proof_is_worth_nothing() {
    let world = World::new().await;
    let ada = world.registered(ADA).await;
    let id = ada.account.id;
    // The proof still holds when something else of the account changed: it is decided again.
    let touched = changed(&world, id, |account| account.updated_at += time::Duration::SECOND).await;
    let done = owner_changes(&world, &ada, touched).await.unwrap();
    assert!(done.identifiers.iter().any(|it| it.key == IdentifierKey::username("countess").unwrap()));

    let before = world.ports.store().account(id).await.unwrap().unwrap().value;
    for batch in [suspended(&world, id).await, another_password(&world, id).await] {
        let current = world.authenticated(&ada).await.unwrap();
        let password = Secret::from(PASSWORD);
        let owner = Owner::new(&current).with_password(&password);
        world.meanwhile(batch);
        let changed = world.accounts.set_username(&owner, "duchess").await;
        assert!(matches!(changed, Err(OwnerError::Changed)), "{changed:?}");
        world.put_account(before.clone()).await;
    }
    // Neither is an identity linked, nor a password taken off.
    let current = world.authenticated(&ada).await.unwrap();
    world.meanwhile(suspended(&world, id).await);
    let identity = UpstreamIdentity::new("https://up.example", "1", world.ports.now());
    assert!(world.accounts.link(&Owner::new(&current), &identity).await.is_err());
    world.put_account(before.clone()).await;
    let current = world.authenticated(&ada).await.unwrap();
    world.meanwhile(suspended(&world, id).await);
    assert!(world.accounts.close(&Owner::new(&current)).await.is_err());
}

#[tokio::test]
async fn nobody_acts_for_an_organization_whose_policy_or_membership_changed_at_that_moment() {
    let town = Town::new().await;
    let (world, orgs) = (&town.world, &town.organizations);
    let found = world.ports.store().account(town.mia).await.unwrap().unwrap();
    let context = ciam_core::assurance::AuthenticationContext::new([ciam_core::assurance::Proof::new(
        ciam_core::assurance::Amr::PASSWORD,
        [ciam_core::assurance::FactorKind::Knowledge],
        world.ports.now(),
    )]);
    let acme = town.organization().await;
    let mut strict = acme.clone();
    strict.policy = OrganizationPolicy::default();
    strict.policy.methods.insert("hwk".to_owned());
    let mut membership = world.ports.store().membership(town.acme, town.mia).await.unwrap().unwrap().value;
    membership.status = MembershipStatus::Suspended;
    for write in [Write::PutOrganization(strict), Write::PutMembership(membership)] {
        let started = world.sessions.start(&found, context.clone(), None, None).await.unwrap();
        let current = world.sessions.authenticate_by(&started.cookie).await.unwrap().unwrap();
        world.meanwhile(Batch::new().write(write));
        let switched = orgs.switch(&world.sessions, &current, Some(town.acme)).await;
        assert!(matches!(switched, Err(ActingError::Changed)), "{switched:?}");
        let back = Batch::new().write(Write::PutOrganization(acme.clone()));
        assert!(world.ports.store().commit(back).await.unwrap().is_applied());
    }
}

#[tokio::test]
async fn an_invitation_lets_nobody_in_who_is_stopped_and_none_that_is_withdrawn_lets_anybody_in() {
    let town = Town::new().await;
    let (world, orgs) = (&town.world, &town.organizations);
    let email = "grace@example.com";
    let grace = crate::organizations::account(world, email).await.id;
    let invitation = orgs.invite(&TENANT, town.acme, email, names(&["member"]), Vec::new()).await.unwrap();
    let mail = world.mail_to(email).await.unwrap();
    let token = Secret::from(mail.parameters["token"].as_str());

    world.meanwhile(suspended(world, grace).await);
    let accepted = orgs.accept_invitation(&token, grace).await;
    assert!(matches!(accepted, Err(InvitationError::Refused)), "{accepted:?}");
    let back = changed(world, grace, |account| account.status = AccountStatus::Active).await;
    assert!(world.ports.store().commit(back).await.unwrap().is_applied());

    let kind = ciam_core::organization::Invitation::KIND;
    world.meanwhile(Batch::new().write(Write::DeleteRecord(kind, invitation.key())));
    let accepted = orgs.accept_invitation(&token, grace).await;
    assert!(matches!(accepted, Err(InvitationError::Refused)), "{accepted:?}");
    assert!(world.ports.store().membership(town.acme, grace).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_joins_by_a_domain_that_was_given_up_or_once_they_are_stopped() {
    let zone = Zone::new().await;
    let (town, world) = (&zone.town, &zone.town.world);
    let claim: DomainClaim = zone.verified("bolt.example").await;
    let mut policy = OrganizationPolicy::default();
    policy.auto_join_role = Some(RoleName::new("member").unwrap());
    town.organizations.set_policy(&person(town.olga), town.acme, &policy).await.unwrap();
    let key = IdentifierKey::email("una@bolt.example").unwrap();
    let una = ciam_core::account::NewAccount::new(Identifier::verified(key, world.ports.now()));
    let una = una.create(&world.ports).await.unwrap().id;
    let gone = Batch::new().write(Write::DeleteRecord(DomainClaim::KIND, claim.key()));
    let stopped = suspended(world, una).await;
    let whole = world.ports.store().record(DomainClaim::KIND, &claim.key()).await.unwrap().unwrap().value;
    for batch in [stopped, gone] {
        world.meanwhile(batch);
        assert_eq!(town.organizations.join_by_domain(una).await.unwrap(), []);
        assert!(world.has_come(), "there was something to join");
        let back = changed(world, una, |account| account.status = AccountStatus::Active).await;
        let back = back.write(Write::PutRecord(whole.clone()));
        assert!(world.ports.store().commit(back).await.unwrap().is_applied());
    }
    assert_eq!(town.organizations.join_by_domain(una).await.unwrap().len(), 1);
}

/// A registration whose address somebody else has proved at the same moment makes no second account.
#[tokio::test]
async fn an_address_that_is_taken_at_that_moment_is_taken() {
    let world = World::new().await;
    let browser = world.browser();
    let handle = world.begun_registration(&browser, ADA).await;
    let code = world.code_for(ADA).await;
    let id = AccountId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let mut other = Account::new(id, world.ports.now());
    other.status = AccountStatus::Active;
    other.identifiers.push(Identifier::verified(IdentifierKey::email(ADA).unwrap(), world.ports.now()));
    world.meanwhile(Batch::new().write(Write::PutAccount(other)));
    let step = world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap();
    assert_eq!(refusal(step), "already_registered");
    let key = IdentifierKey::email(ADA).unwrap();
    assert_eq!(world.ports.store().account_by_identifier(&key).await.unwrap().unwrap().value.id, id);
}

/// A recovery ends with nothing when the account is closed, or the password another, at the last moment.
#[tokio::test]
async fn a_recovery_counts_for_the_account_that_was_looked_at() {
    let world = World::new().await;
    let ada = world.registered(ADA).await.account;
    let browser = world.browser();
    let (handle, _) =
        world.journeys.begin_recovery(&visitor(&browser), Requirements::default()).await.unwrap();
    world.journeys.answer(&handle, &visitor(&browser), Answer::recover(ADA)).await.unwrap();
    let code = world.code_for(ADA).await;
    world.journeys.answer(&handle, &visitor(&browser), Answer::code(code)).await.unwrap();
    world.meanwhile(suspended(&world, ada.id).await);
    let answer = Answer::new_password("an entirely different sentence");
    let step = world.journeys.answer(&handle, &visitor(&browser), answer).await.unwrap();
    assert!(!matches!(step, Step::Done(_)), "{step:?}");
    assert!(world.has_come());
    let back = changed(&world, ada.id, |account| account.status = AccountStatus::Active).await;
    assert!(world.ports.store().commit(back).await.unwrap().is_applied());
    done(world.sign_in(&world.browser(), ADA, PASSWORD).await);
}
