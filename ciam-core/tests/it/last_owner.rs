//! No organization in which people work is left without an owner because an account is closed or erased.

use std::collections::BTreeSet;

use ciam_core::account::{AccountStatus, LifecycleError, Owner, OwnerError, ReasonCode};
use ciam_core::actor::Actor;
use ciam_core::event::EventType;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::journey::SignedIn;
use ciam_core::organization::{Organization, OrganizationStatus, Organizations, RoleName, Slug};
use ciam_core::privacy::{Erasure, ErasureError, PersonalKinds};
use time::Duration;

use crate::world::World;

struct Acme {
    world: World,
    organizations: Organizations,
    acme: OrganizationId,
    ada: SignedIn,
    grace: SignedIn,
}

fn tenant() -> Actor {
    Actor::system("test")
}

fn roles(name: &str) -> BTreeSet<RoleName> {
    BTreeSet::from([RoleName::new(name).unwrap()])
}

impl Acme {
    /// Ada owns it, Grace works in it.
    async fn new() -> Self {
        let world = World::new().await;
        let (ada, grace) =
            (world.registered("ada@example.com").await, world.registered("grace@example.com").await);
        let organizations = Organizations::new(world.ports.clone());
        let acme = organizations
            .create(&tenant(), Slug::new("acme").unwrap(), "Acme", Some(ada.account.id))
            .await
            .unwrap()
            .id;
        organizations.add_member(&tenant(), acme, grace.account.id, roles("member")).await.unwrap();
        Self { world, organizations, acme, ada, grace }
    }

    async fn close(&self, who: &SignedIn) -> Result<(), OwnerError> {
        let current = self.world.authenticated(who).await.unwrap();
        self.world.accounts.close(&Owner::new(&current)).await.map(drop)
    }

    fn erasure(&self) -> Erasure {
        Erasure::new(self.world.ports.clone(), self.world.sessions.clone(), PersonalKinds::core())
    }

    async fn organization(&self) -> Organization {
        self.world.ports.store().organization(self.acme).await.unwrap().unwrap().value
    }

    async fn status(&self, id: AccountId) -> AccountStatus {
        self.world.ports.store().account(id).await.unwrap().unwrap().value.status
    }
}

#[tokio::test]
async fn the_last_owner_hands_over_before_they_close_their_account() {
    let it = Acme::new().await;
    let refused = it.close(&it.ada).await.unwrap_err();
    assert_eq!(refused.code(), "last_owner");
    assert!(matches!(&refused, OwnerError::LastOwner { organizations } if *organizations == [it.acme]));
    assert_eq!(it.status(it.ada.account.id).await, AccountStatus::Active);
    let ada = Actor::Account(it.ada.account.id);
    it.organizations.set_roles(&ada, it.acme, it.grace.account.id, roles("owner")).await.unwrap();
    it.close(&it.ada).await.unwrap();
    // Who is left is the last one now: an owner whose account is closed is none.
    assert_eq!(it.close(&it.grace).await.unwrap_err().code(), "last_owner");
}

#[tokio::test]
async fn an_administrator_is_told_the_same_and_can_stop_the_organization_first() {
    let it = Acme::new().await;
    let (id, reason) = (it.ada.account.id, ReasonCode::new("legal_request").unwrap());
    let refused = it.world.accounts.deactivate(id, &tenant(), &reason).await.unwrap_err();
    assert!(matches!(refused, LifecycleError::LastOwner { organizations } if organizations == [it.acme]));
    let refused = it.erasure().erase_now(id, &tenant(), &reason).await.unwrap_err();
    assert!(matches!(refused, ErasureError::LastOwner { organizations } if organizations == [it.acme]));
    assert_eq!(it.status(id).await, AccountStatus::Active);
    it.organizations.set_status(&tenant(), it.acme, OrganizationStatus::Suspended).await.unwrap();
    it.erasure().erase_now(id, &tenant(), &reason).await.unwrap();
    assert_eq!(it.status(id).await, AccountStatus::Erased);
}

#[tokio::test]
async fn nobody_is_kept_by_an_organization_in_which_they_are_alone_and_it_ends_with_them() {
    let it = Acme::new().await;
    it.organizations.remove_member(&tenant(), it.acme, it.grace.account.id).await.unwrap();
    it.close(&it.ada).await.unwrap();
    assert_eq!(it.organization().await.status, OrganizationStatus::Active, "they may come back");
    // Somebody joins meanwhile: even so there is never an organization in use without an owner.
    it.organizations.add_member(&tenant(), it.acme, it.grace.account.id, roles("member")).await.unwrap();
    it.world.clock.advance(Duration::days(30));
    it.world.events().await;
    assert_eq!(it.erasure().run(10).await.unwrap().erased, 1);
    let organization = it.organization().await;
    assert!(organization.owners.is_empty() && organization.status == OrganizationStatus::Suspended);
    let events = it.world.events().await;
    let told = events.iter().find(|event| event.event_type == EventType::ORGANIZATION_CHANGED).unwrap();
    assert_eq!((&told.data["what"], &told.data["reason"]), (&"status".into(), &"no_owner".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_owners_who_leave_at_once_one_stays() {
    for _ in 0..20 {
        let it = Acme::new().await;
        it.organizations.set_roles(&tenant(), it.acme, it.grace.account.id, roles("owner")).await.unwrap();
        // A third person works there.
        let third = it.world.registered("third@example.com").await.account.id;
        it.organizations.add_member(&tenant(), it.acme, third, roles("member")).await.unwrap();
        it.world.probe.interleave();
        let (one, other) = tokio::join!(it.close(&it.ada), it.close(&it.grace));
        let left = [&one, &other].iter().filter(|it| it.is_ok()).count();
        assert_eq!(left, 1, "{one:?} {other:?}");
    }
}
