//! Identities elsewhere: no account by an address alone, never two accounts for one identity, never the last way out.

use ciam_core::account::federated::{FederatedError, FederatedIdentity, Joined, UpstreamIdentity};
use ciam_core::account::{
    Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind, NewAccount, Owner, OwnerError,
    ReasonCode,
};
use ciam_core::actor::Actor;
use ciam_core::assurance::Acr;
use ciam_core::journey::{Requirements, Step};
use ciam_core::notify::MessageCode;
use ciam_core::store::{Batch, PageRequest, Write};
use futures_util::future::{join, join_all};
use time::Duration;

use crate::world::{PASSWORD, World, done, refusal, visitor};

const UP: &str = "https://up.example";

fn upstream(world: &World, subject: &str) -> UpstreamIdentity {
    UpstreamIdentity::new(UP, subject, world.ports.now())
}

fn email(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap()
}

async fn joined(world: &World, identity: &UpstreamIdentity) -> (Account, bool) {
    match world.accounts.join(identity).await.unwrap() {
        Joined::Account { account, created } => (account.value, created),
        other => panic!("no account: {other:?}"),
    }
}

#[tokio::test]
async fn a_new_identity_gets_a_new_account_and_finds_it_again() {
    let world = World::new().await;
    let identity = upstream(&world, "1").with_verified_email(email("ada@example.com"));
    let (account, created) = joined(&world, &identity).await;
    assert!(created && account.status == AccountStatus::Active);
    assert!(account.identifier(IdentifierKind::Email).unwrap().is_verified());
    let (again, created) = joined(&world, &upstream(&world, "1")).await;
    assert!(!created);
    assert_eq!(again.id, account.id);
    let names: Vec<_> = world.events().await.into_iter().map(|it| it.event_type).collect();
    let names: Vec<_> = names.iter().map(|it| it.as_str()).collect();
    assert_eq!(names, ["ciam.account.registered.v1", "ciam.identity.linked.v1"]);
    // Another subject, and the same one at another issuer, are other people.
    assert_ne!(joined(&world, &upstream(&world, "2")).await.0.id, account.id);
    let elsewhere = UpstreamIdentity::new("https://other.example", "1", world.ports.now());
    assert_ne!(joined(&world, &elsewhere).await.0.id, account.id);
}

#[tokio::test]
async fn an_existing_account_is_proved_by_its_owner_and_not_by_its_address() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await.account;
    let identity = upstream(&world, "1").with_verified_email(email("ada@example.com"));
    let asked = world.accounts.join(&identity).await.unwrap();
    assert!(
        matches!(&asked, Joined::ProveAccount { email } if email.as_str() == "ada@example.com"),
        "{asked:?}"
    );
    assert!(world.accounts.identities_of(ada.id).await.unwrap().is_empty());

    let proved = world.accounts.join_proved(&identity, ada.id).await.unwrap();
    assert!(matches!(&proved, Joined::Account { account, created: false } if account.value.id == ada.id));
    assert_eq!(joined(&world, &identity).await.0.id, ada.id);
}

/// An address that the upstream has not verified is nobody's.
#[tokio::test]
async fn an_unverified_address_leads_to_no_existing_account() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await.account;
    // There is no way to say "unverified" but to say nothing.
    let (account, created) = joined(&world, &upstream(&world, "1")).await;
    assert!(created && account.id != ada.id && account.identifiers.is_empty());
}

#[tokio::test]
async fn an_account_that_was_begun_and_never_proved_is_emptied_before_it_is_given_away() {
    let world = World::new().await;
    let planted = world.password_hash("the attacker's own password").await;
    let squat = NewAccount::new(Identifier::unverified(email("ada@example.com")))
        .with_identifier(Identifier::unverified(IdentifierKey::username("attacker").unwrap()))
        .with_password(planted)
        .create(&world.ports)
        .await
        .unwrap();
    assert_eq!(squat.status, AccountStatus::Pending);
    let identity = upstream(&world, "1").with_verified_email(email("ada@example.com"));
    let (account, _) = joined(&world, &identity).await;
    assert_eq!(account.id, squat.id);
    assert_eq!((account.status, account.identifiers.len()), (AccountStatus::Active, 1));
    assert!(account.session_epoch > squat.session_epoch, "a session of before lives on");
    assert!(world.ports.store().credentials_of(account.id).await.unwrap().is_empty());
    for name in ["ada@example.com", "attacker"] {
        let step = world.sign_in(&world.browser(), name, "the attacker's own password").await;
        assert_eq!(refusal(step), "credentials");
    }
}

#[tokio::test]
async fn a_stopped_account_is_not_entered_and_not_doubled() {
    let world = World::new().await;
    let identity = upstream(&world, "1");
    let (account, _) = joined(&world, &identity).await;
    let why = ReasonCode::new("abuse").unwrap();
    world.accounts.suspend(account.id, &Actor::system("test"), &why, None).await.unwrap();
    let refused = world.accounts.join(&identity).await;
    assert!(matches!(refused, Err(FederatedError::NotAllowed)), "{refused:?}");
    assert_eq!(world.ports.store().accounts(PageRequest::first(9)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn many_first_visits_at_once_make_one_account() {
    let world = World::new().await;
    let identity = upstream(&world, "1").with_verified_email(email("ada@example.com"));
    world.probe.interleave();
    let all = join_all((0..8).map(|_| world.accounts.join(&identity))).await;
    for one in all {
        assert!(matches!(one.unwrap(), Joined::Account { .. }));
    }
    assert_eq!(world.ports.store().accounts(PageRequest::first(9)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_owner_links_with_fresh_proof_and_what_is_another_persons_stays_theirs() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    let bob = world.registered("bob@example.com").await;
    let (for_ada, for_bob) =
        (world.authenticated(&ada).await.unwrap(), world.authenticated(&bob).await.unwrap());
    let identity = upstream(&world, "1");
    world.accounts.link(&Owner::new(&for_ada), &identity).await.unwrap();
    world.accounts.link(&Owner::new(&for_ada), &identity).await.unwrap();
    assert_eq!(world.mail_to("ada@example.com").await.unwrap().code, MessageCode::IdentityLinked);
    let stolen = world.accounts.link(&Owner::new(&for_bob), &identity).await;
    assert!(matches!(stolen, Err(OwnerError::LinkedElsewhere)), "{stolen:?}");

    world.clock.advance(Duration::minutes(6));
    let for_bob = world.authenticated(&bob).await.unwrap();
    let bare = world.accounts.link(&Owner::new(&for_bob), &upstream(&world, "2")).await;
    assert!(matches!(bare, Err(OwnerError::NeedsProof)), "{bare:?}");
    let foreign = FederatedIdentity::id_of(&world.ports, UP, "1").await.unwrap();
    let password = PASSWORD.into();
    let owner = Owner::new(&for_bob).with_password(&password);
    let other = world.accounts.unlink(&owner, &foreign).await;
    assert!(matches!(other, Err(OwnerError::NotFound)), "the link of another account is as good as none");
}

#[tokio::test]
async fn the_last_way_in_is_not_unlinked_even_by_two_at_once() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await;
    let current = world.authenticated(&ada).await.unwrap();
    for subject in ["1", "2"] {
        let current = world.authenticated(&ada).await.unwrap();
        world.accounts.link(&Owner::new(&current), &upstream(&world, subject)).await.unwrap();
    }
    for known in world.ports.store().credentials_of(ada.account.id).await.unwrap() {
        let batch = Batch::new().write(Write::DeleteCredential(known.value.id));
        assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    }
    let owner = Owner::new(&current);
    let one = FederatedIdentity::id_of(&world.ports, UP, "1").await.unwrap();
    let two = FederatedIdentity::id_of(&world.ports, UP, "2").await.unwrap();
    world.probe.interleave();
    let (first, second) =
        join(world.accounts.unlink(&owner, &one), world.accounts.unlink(&owner, &two)).await;
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
    assert_eq!(world.accounts.identities_of(ada.account.id).await.unwrap().len(), 1);
}

/// What the upstream has proved is what the session says; what is missing is asked for.
#[tokio::test]
async fn a_verified_identity_begins_a_session_with_what_the_upstream_has_proved() {
    let world = World::new().await;
    let identity = upstream(&world, "1").with_verified_email(email("ada@example.com"));
    let browser = world.browser();
    let visitor = visitor(&browser);
    let begin = async |identity: &UpstreamIdentity, requirements| {
        world.journeys.begin_federated(&visitor, requirements, identity).await.unwrap().1
    };
    let unknown = begin(&identity, Requirements::default()).await;
    assert_eq!(refusal(unknown), "credentials", "an identity without an account");
    let (account, _) = joined(&world, &identity).await;
    let signed_in = done(begin(&identity, Requirements::default()).await);
    assert_eq!(signed_in.account.id, account.id);
    let amr: Vec<_> = signed_in.session.context.amr().iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(amr, ["fed"]);
    assert!(world.authenticated(&signed_in).await.is_some());

    // A level that the upstream does not prove is not reached by its word alone.
    let wants = || Requirements::default().with_acr_values(vec![Acr::new("urn:ciam:acr:aal2")]);
    let plain = begin(&identity, wants()).await;
    assert!(!matches!(&plain, Step::Done(done) if done.session.context.amr().len() > 1), "{plain:?}");
    let trusted = identity.clone().with_trusted_amr(["pwd", "otp"], world.ports.now());
    let signed_in = done(begin(&trusted, wants()).await);
    assert!(signed_in.session.context.amr().iter().any(|it| it.as_str() == "mfa"));

    let why = ReasonCode::new("abuse").unwrap();
    world.accounts.suspend(account.id, &Actor::system("test"), &why, None).await.unwrap();
    assert_eq!(refusal(begin(&identity, Requirements::default()).await), "credentials");
}
