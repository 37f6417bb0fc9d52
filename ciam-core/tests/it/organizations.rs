//! Organizations: members, roles, delegated administration.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ciam_core::account::{Account, Identifier, IdentifierKey, NewAccount};
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::event::EventType;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::organization::{
    Decision, GrantProblem, MembershipStatus, Organization, OrganizationError, OrganizationSettings,
    OrganizationStatus, Organizations, Permission, Question, Rbac, Resource, Role, RoleName, RoleProblem,
    RoleScope, Slug, Verdict,
};
use ciam_core::store::{OutboxPayload, PageRequest};
use ciam_core::testkit::Failure;
use futures_util::future::join_all;
use time::Duration;

use crate::world::World;

pub(crate) const TENANT: Actor = Actor::system("test");

/// A world with two organizations: Acme, of Olga (owner), Adam (admin), Mia (member); and Other, of Oscar (owner).
pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) organizations: Organizations,
    pub(crate) acme: OrganizationId,
    pub(crate) other: OrganizationId,
    pub(crate) olga: AccountId,
    pub(crate) adam: AccountId,
    pub(crate) mia: AccountId,
    pub(crate) oscar: AccountId,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::with(World::new().await, OrganizationSettings::default()).await
    }

    pub(crate) async fn with(world: World, settings: OrganizationSettings) -> Self {
        let organizations = Organizations::new(world.ports.clone()).with_settings(settings);
        let mut people = Vec::new();
        for name in ["olga", "adam", "mia", "oscar"] {
            people.push(account(&world, &format!("{name}@acme.example")).await.id);
        }
        let [olga, adam, mia, oscar] = people[..] else { unreachable!() };
        let create = |slug: &str, owner| {
            let (slug, organizations) = (Slug::new(slug).unwrap(), organizations.clone());
            async move { organizations.create(&TENANT, slug, "Acme Ltd", Some(owner)).await.unwrap().id }
        };
        let (acme, other) = (create("acme", olga).await, create("other", oscar).await);
        organizations.add_member(&TENANT, acme, adam, names(&["admin"])).await.unwrap();
        organizations.add_member(&TENANT, acme, mia, names(&["member"])).await.unwrap();
        Self { world, organizations, acme, other, olga, adam, mia, oscar }
    }

    pub(crate) async fn organization(&self) -> Organization {
        self.world.ports.store().organization(self.acme).await.unwrap().unwrap().value
    }

    pub(crate) async fn roles_of(&self, account: AccountId) -> Option<Vec<String>> {
        let found = self.world.ports.store().membership(self.acme, account).await.unwrap()?;
        Some(found.value.roles.iter().map(|role| role.as_str().to_owned()).collect())
    }

    /// The events since the last call, by type, with who did it.
    pub(crate) async fn events(&self) -> Vec<(EventType, String)> {
        let mut events = Vec::new();
        loop {
            let items = self.world.ports.store().claim_outbox(Duration::seconds(30), 100).await.unwrap();
            if items.is_empty() {
                return events;
            }
            for item in &items {
                if let OutboxPayload::Event(event) = &item.payload {
                    let by = event.data.get("by").and_then(|by| by.as_str()).unwrap_or_default();
                    events.push((event.event_type.clone(), by.to_owned()));
                }
            }
            let ids: Vec<_> = items.iter().map(|item| item.id).collect();
            self.world.ports.store().acknowledge(&ids).await.unwrap();
        }
    }
}

pub(crate) async fn account(world: &World, email: &str) -> Account {
    let key = IdentifierKey::email(email).unwrap();
    let identifier = Identifier::verified(key, world.ports.now());
    NewAccount::new(identifier).create(&world.ports).await.unwrap()
}

pub(crate) fn person(account: AccountId) -> Actor {
    Actor::Account(account)
}

pub(crate) fn names(texts: &[&str]) -> BTreeSet<RoleName> {
    texts.iter().map(|text| RoleName::new(*text).unwrap()).collect()
}

fn permission(text: &str) -> Permission {
    Permission::new(text).unwrap()
}

pub(crate) fn role(name: &str, permissions: &[&str], inherits: &[&str]) -> Role {
    let permissions = permissions.iter().map(|text| permission(text));
    Role::new(RoleScope::Tenant, RoleName::new(name).unwrap(), permissions).with_inherited(names(inherits))
}

fn code<T: std::fmt::Debug>(result: Result<T, OrganizationError>) -> &'static str {
    result.unwrap_err().code()
}

#[tokio::test]
async fn members_come_and_go_and_every_step_is_an_event() {
    let town = Town::new().await;
    town.events().await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    orgs.set_roles(&olga, town.acme, town.mia, names(&["admin"])).await.unwrap();
    assert_eq!(town.roles_of(town.mia).await.unwrap(), ["admin"]);
    orgs.suspend_member(&olga, town.acme, town.mia).await.unwrap();
    orgs.suspend_member(&olga, town.acme, town.mia).await.unwrap();
    assert_eq!(code(orgs.standing(&person(town.mia), town.acme).await), "not_found");
    town.world.clock.advance(Duration::hours(1));
    orgs.reactivate_member(&olga, town.acme, town.mia).await.unwrap();
    let mia = orgs.member(&person(town.mia), town.acme, town.mia).await.unwrap().membership;
    assert_eq!(mia.status, MembershipStatus::Active);
    assert_eq!(mia.active_since(), town.world.ports.now());
    orgs.remove_member(&person(town.mia), town.acme, town.mia).await.unwrap();
    assert_eq!(town.roles_of(town.mia).await, None);
    let by_olga = olga.to_string();
    assert_eq!(
        town.events().await,
        [
            (EventType::MEMBERSHIP_CHANGED, by_olga.clone()),
            (EventType::MEMBERSHIP_SUSPENDED, by_olga.clone()),
            (EventType::MEMBERSHIP_REACTIVATED, by_olga),
            (EventType::MEMBERSHIP_ENDED, person(town.mia).to_string()),
        ]
    );
}

#[tokio::test]
async fn a_delegated_administrator_cannot_raise_anybody_above_themselves() {
    let town = Town::new().await;
    let (orgs, adam) = (&town.organizations, person(town.adam));
    for (account, roles) in
        [(town.adam, &["owner"] as &[&str]), (town.adam, &["admin", "owner"]), (town.mia, &["owner"])]
    {
        let result = orgs.set_roles(&adam, town.acme, account, names(roles)).await;
        assert_eq!(code(result), "role_escalation", "{roles:?}");
    }
    for result in [
        orgs.set_roles(&adam, town.acme, town.olga, names(&["member"])).await,
        orgs.suspend_member(&adam, town.acme, town.olga).await,
        orgs.remove_member(&adam, town.acme, town.olga).await,
    ] {
        assert_eq!(code(result), "member_holds_more");
    }
    // Neither by a role of their own making, nor by changing one that they hold.
    for made in [
        role("x", &["invoice:approve"], &[]),
        role("x", &["organization:own"], &[]),
        role("x", &[], &["owner"]),
    ] {
        assert!(orgs.save_role(&adam, town.acme, made).await.is_err());
    }
    let invited = orgs.invite(&adam, town.acme, "friend@example.com", names(&["owner"]), Vec::new()).await;
    assert_eq!(code(invited), "role_escalation");
    // A role that an owner made holds more than the administrator: they can neither give nor change nor delete it.
    let paying = role("paying", &["member:read"], &["spender"]);
    orgs.save_template(&TENANT, role("spender", &["invoice:pay"], &[])).await.unwrap();
    orgs.save_role(&person(town.olga), town.acme, paying.clone()).await.unwrap();
    let given = orgs.set_roles(&adam, town.acme, town.mia, names(&["paying"])).await;
    assert_eq!(code(given), "role_escalation");
    assert_eq!(code(orgs.save_role(&adam, town.acme, role("paying", &[], &[])).await), "member_holds_more");
    let name = RoleName::new("paying").unwrap();
    assert_eq!(code(orgs.delete_role(&adam, town.acme, &name).await), "member_holds_more");
    assert_eq!(town.organization().await.owners, BTreeSet::from([town.olga]));
}

#[tokio::test]
async fn who_may_not_is_denied_and_who_is_no_member_sees_nothing() {
    let town = Town::new().await;
    let orgs = &town.organizations;
    let missing = OrganizationId::from_uuid(uuid::Uuid::from_u128(99));
    let page = || PageRequest::first(10);
    // Mia is a member without rights; Oscar is no member; the missing organization answers as Acme does to Oscar.
    for (actor, organization, expected) in [
        (person(town.mia), town.acme, "denied"),
        (person(town.oscar), town.acme, "not_found"),
        (person(town.olga), missing, "not_found"),
    ] {
        let it = organization;
        let results = [
            code(orgs.members(&actor, it, page()).await),
            code(orgs.invitations(&actor, it, page()).await),
            code(orgs.set_roles(&actor, it, town.adam, names(&["member"])).await),
            code(orgs.suspend_member(&actor, it, town.adam).await),
            code(orgs.remove_member(&actor, it, town.adam).await),
            code(orgs.member(&actor, it, town.adam).await),
            code(orgs.save_role(&actor, it, role("x", &[], &[])).await),
            code(orgs.rename(&actor, it, "Mine").await),
            code(orgs.set_policy(&actor, it, &Default::default()).await),
            code(orgs.invite(&actor, it, "a@example.com", names(&["member"]), Vec::new()).await),
        ];
        assert!(results.iter().all(|result| *result == expected), "{expected}: {results:?}");
    }
    // A member of another organization is not there, for an owner of this one.
    let oscar = orgs.remove_member(&person(town.olga), town.acme, town.oscar).await;
    assert_eq!(code(oscar), "not_found");
    // What is the tenant's alone.
    let olga = person(town.olga);
    assert_eq!(code(orgs.set_status(&olga, town.acme, OrganizationStatus::Suspended).await), "denied");
    assert_eq!(code(orgs.save_template(&olga, role("x", &[], &[])).await), "denied");
    assert_eq!(code(orgs.add_member(&olga, town.acme, town.oscar, names(&["member"])).await), "denied");
}

#[tokio::test]
async fn another_tenants_organization_is_not_there() {
    let town = Town::new().await;
    let elsewhere = Organizations::new(ciam_core::memory::ports());
    let result = elsewhere.rename(&TENANT, town.acme, "Stolen").await;
    assert_eq!(code(result), "not_found");
}

#[tokio::test]
async fn of_two_removals_of_two_owners_at_once_one_fails() {
    for _ in 0..20 {
        let town = Town::new().await;
        let orgs = &town.organizations;
        orgs.set_roles(&TENANT, town.acme, town.adam, names(&["owner"])).await.unwrap();
        let (olga, adam) = (person(town.olga), person(town.adam));
        let results = join_all([
            orgs.remove_member(&olga, town.acme, town.olga),
            orgs.remove_member(&adam, town.acme, town.adam),
        ])
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(|it| matches!(it, Err(OrganizationError::LastOwner))), "{results:?}");
        assert_eq!(town.organization().await.owners.len(), 1);
    }
}

#[tokio::test]
async fn the_last_owner_stays_whatever_is_tried() {
    let town = Town::new().await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    for result in [
        orgs.remove_member(&olga, town.acme, town.olga).await,
        orgs.suspend_member(&olga, town.acme, town.olga).await,
        orgs.set_roles(&olga, town.acme, town.olga, names(&["admin"])).await,
        orgs.remove_member(&TENANT, town.acme, town.olga).await,
    ] {
        assert_eq!(code(result), "last_owner");
    }
    // A suspended owner does not count.
    orgs.set_roles(&olga, town.acme, town.adam, names(&["owner"])).await.unwrap();
    orgs.suspend_member(&olga, town.acme, town.adam).await.unwrap();
    assert_eq!(code(orgs.remove_member(&olga, town.acme, town.olga).await), "last_owner");
    orgs.reactivate_member(&olga, town.acme, town.adam).await.unwrap();
    orgs.remove_member(&olga, town.acme, town.olga).await.unwrap();
    assert_eq!(town.organization().await.owners, BTreeSet::from([town.adam]));
}

#[tokio::test]
async fn roles_of_an_organization_are_its_own() {
    let town = Town::new().await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    orgs.save_template(&TENANT, role("clerk", &["invoice:read"], &[])).await.unwrap();
    orgs.save_role(&olga, town.acme, role("night", &["member:read"], &["clerk"])).await.unwrap();
    orgs.set_roles(&olga, town.acme, town.mia, names(&["night"])).await.unwrap();
    let mia = orgs.standing(&person(town.mia), town.acme).await.unwrap();
    assert!(mia.held.holds(&permission("invoice:read")));
    assert!(orgs.members(&person(town.mia), town.acme, PageRequest::first(2)).await.is_ok());
    let elsewhere =
        orgs.set_roles(&person(town.oscar), town.other, town.oscar, names(&["owner", "night"])).await;
    assert!(
        matches!(elsewhere, Err(OrganizationError::Grant(GrantProblem::UnknownRole(_)))),
        "{elsewhere:?}"
    );
    let name = RoleName::new("night").unwrap();
    assert_eq!(code(orgs.delete_role(&person(town.oscar), town.other, &name).await), "not_found");
    assert_eq!(code(orgs.delete_role(&olga, town.acme, &RoleName::new("clerk").unwrap()).await), "not_found");
    orgs.delete_role(&olga, town.acme, &name).await.unwrap();
    let mia = orgs.standing(&person(town.mia), town.acme).await.unwrap();
    assert!(mia.roles.is_empty());
}

#[tokio::test]
async fn two_roles_written_at_once_never_inherit_each_other() {
    for templates in [false, true] {
        let town = Town::new().await;
        let (orgs, olga) = (&town.organizations, person(town.olga));
        for name in ["a", "b"] {
            match templates {
                true => orgs.save_template(&TENANT, role(name, &[], &[])).await.unwrap(),
                false => orgs.save_role(&olga, town.acme, role(name, &[], &[])).await.unwrap(),
            }
        }
        let write = |name: &'static str, inherits: &'static str| {
            let (orgs, olga) = (orgs.clone(), olga.clone());
            async move {
                let role = role(name, &[], &[inherits]);
                match templates {
                    true => orgs.save_template(&TENANT, role).await,
                    false => orgs.save_role(&olga, town.acme, role).await,
                }
            }
        };
        let results = join_all([write("a", "b"), write("b", "a")]).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let cycle = |it: &Result<(), _>| matches!(it, Err(OrganizationError::Role(RoleProblem::Cycle)));
        assert!(results.iter().any(cycle), "{results:?}");
    }
}

/// Decides by roles, and does something else before its first answer to a person.
#[derive(Debug, Default)]
struct Meanwhile(Mutex<Option<(Organizations, OrganizationId, AccountId)>>);

#[async_trait::async_trait]
impl Decision for Meanwhile {
    async fn decide(&self, question: &Question<'_>) -> Result<Verdict, PortError> {
        let verdict = Rbac::new().decide(question).await;
        if matches!(question.actor, Actor::Account(_)) {
            let taken = self.0.lock().unwrap().take();
            if let Some((organizations, organization, account)) = taken {
                let roles = names(&["member"]);
                organizations.set_roles(&TENANT, organization, account, roles).await.unwrap();
            }
        }
        verdict
    }
}

#[tokio::test]
async fn an_administrator_who_is_demoted_at_the_same_moment_gives_nothing_away() {
    let meanwhile = Arc::new(Meanwhile::default());
    let decisions = meanwhile.clone();
    let world = World::with(|ports| ports.with_decisions(decisions), Default::default()).await;
    let town = Town::with(world, OrganizationSettings::default()).await;
    // Between Adam's look and Adam's commit, his role is taken away.
    *meanwhile.0.lock().unwrap() = Some((town.organizations.clone(), town.acme, town.adam));
    let given =
        town.organizations.set_roles(&person(town.adam), town.acme, town.mia, names(&["admin"])).await;
    assert_eq!(code(given), "denied");
    assert_eq!(town.roles_of(town.mia).await.unwrap(), ["member"]);
}

#[tokio::test]
async fn a_suspended_organization_is_at_rest() {
    let town = Town::new().await;
    let orgs = &town.organizations;
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Suspended).await.unwrap();
    let result = orgs.rename(&person(town.olga), town.acme, "Acme 2").await;
    assert_eq!(code(result), "organization_suspended");
    assert!(orgs.choices(town.olga).await.unwrap().is_empty());
    orgs.set_status(&TENANT, town.acme, OrganizationStatus::Active).await.unwrap();
    orgs.rename(&person(town.olga), town.acme, " Acme 2 ").await.unwrap();
    assert_eq!(town.organization().await.name, "Acme 2");
    for name in ["", "  ", "a\u{7}b", &"n".repeat(10_000)] {
        assert_eq!(code(orgs.rename(&person(town.olga), town.acme, name).await), "invalid");
    }
}

#[tokio::test]
async fn people_create_organizations_only_where_they_may_and_not_too_many() {
    let town = Town::new().await;
    let slug = |text: &str| Slug::new(text).unwrap();
    let mia = person(town.mia);
    let refused = town.organizations.create(&mia, slug("mine"), "Mine", None).await;
    assert_eq!(code(refused), "denied");
    let mut settings = OrganizationSettings::default();
    settings.self_service = true;
    let orgs = town.organizations.clone().with_settings(settings);
    let mine = orgs.create(&mia, slug("mine"), "Mine", None).await.unwrap();
    assert_eq!(mine.owners, BTreeSet::from([town.mia]));
    assert_eq!(code(orgs.create(&mia, slug("hers"), "Hers", Some(town.olga)).await), "denied");
    assert_eq!(code(orgs.create(&mia, slug("acme"), "Acme", None).await), "slug_taken");
    for i in 0..3 {
        orgs.create(&mia, slug(&format!("mine-{i}")), "Mine", None).await.unwrap();
    }
    assert_eq!(code(orgs.create(&mia, slug("mine-9"), "Mine", None).await), "too_many_attempts");
}

#[tokio::test]
async fn ten_thousand_members_are_listed_in_pages() {
    let town = Town::new().await;
    let store = town.world.ports.store();
    for _ in 0..200 {
        let mut batch = ciam_core::store::Batch::new();
        for _ in 0..50 {
            let id = AccountId::generate(town.world.ports.clock(), town.world.ports.entropy()).unwrap();
            let member = ciam_core::organization::Membership::new(
                town.acme,
                id,
                names(&["member"]),
                town.world.ports.now(),
            );
            batch = batch.write(ciam_core::store::Write::PutMembership(member));
        }
        assert!(store.commit(batch).await.unwrap().is_applied());
    }
    let mut request = PageRequest::first(1000);
    let mut seen = BTreeSet::new();
    loop {
        let page = town.organizations.members(&person(town.olga), town.acme, request).await.unwrap();
        assert!(page.items.len() <= 1000);
        seen.extend(page.items.iter().map(|member| member.membership.account));
        match page.next {
            Some(next) => request = PageRequest::after(next, 1000),
            None => break,
        }
    }
    assert_eq!(seen.len(), 10_003);
}

#[tokio::test]
async fn the_decision_point_has_the_say_and_its_outage_denies() {
    /// Lets everybody do everything, but fails for names.
    #[derive(Debug)]
    struct Lenient;

    #[async_trait::async_trait]
    impl Decision for Lenient {
        async fn decide(&self, question: &Question<'_>) -> Result<Verdict, PortError> {
            match question.action.as_str() {
                "organization:update" => Err(PortError::transient("down")),
                _ => Ok(Verdict::allow(vec!["lenient".to_owned()])),
            }
        }
    }

    let world = World::with(|ports| ports.with_decisions(Arc::new(Lenient)), Default::default()).await;
    let town = Town::with(world, OrganizationSettings::default()).await;
    let (orgs, mia) = (&town.organizations, person(town.mia));
    assert!(orgs.members(&mia, town.acme, PageRequest::first(10)).await.is_ok());
    assert_eq!(code(orgs.rename(&mia, town.acme, "Mine").await), "unavailable");
    // It cannot lift what stands above it.
    assert_eq!(code(orgs.set_roles(&mia, town.acme, town.mia, names(&["admin"])).await), "role_escalation");
    assert_eq!(code(orgs.remove_member(&mia, town.acme, town.olga).await), "member_holds_more");
    let resource = Resource::new("invoice", "7", town.acme);
    let may = |who| {
        let (orgs, resource) = (orgs.clone(), resource.clone());
        async move {
            orgs.may(&person(who), &permission("invoice:pay"), &resource, &Default::default()).await.unwrap()
        }
    };
    assert!(may(town.mia).await.allowed);
    assert!(!may(town.oscar).await.allowed, "no member");
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing() {
    let town = Town::new().await;
    town.world.probe.fail_next("store.records_by", Failure::Transient);
    let result = town.organizations.remove_member(&person(town.olga), town.acme, town.mia).await;
    assert_eq!(code(result), "unavailable");
    assert!(town.roles_of(town.mia).await.is_some());
}
