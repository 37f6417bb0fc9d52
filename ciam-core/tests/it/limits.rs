//! Limits, one row for each: the last that fits, and the first that does not.

use std::collections::BTreeSet;

use ciam_core::abuse::Backoff;
use ciam_core::account::schema::{Attribute, AttributeSchema, AttributeType};
use ciam_core::account::{AccountStatus, IdentifierKey, NewAccount, Profile, ProfileError, ReasonCode};
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::memory;
use ciam_core::migration::ExternalId;
use ciam_core::organization::{
    Membership, Organization, OrganizationError, OrganizationPolicy, OrganizationSettings, Organizations,
    Permission, Role, RoleBook, RoleName, RoleScope, Slug,
};
use ciam_core::secret::SecretBytes;
use ciam_core::session::SessionError;
use ciam_core::store::{Batch, Write};
use ciam_core::webhook::{
    EventFilter, InvalidWebhook, WebhookEndpoint, WebhookId, WebhookSecret, WebhookSettings, Webhooks,
};
use time::Duration;

use crate::organization_domains::Zone;
use crate::organizations::{TENANT, Town, account, names, person};
use crate::world::World;

fn code<T: std::fmt::Debug>(result: Result<T, OrganizationError>) -> &'static str {
    result.unwrap_err().code()
}

fn new_id(world: &World) -> AccountId {
    AccountId::generate(world.ports.clock(), world.ports.entropy()).unwrap()
}

#[tokio::test]
async fn an_organization_has_so_many_owners_and_no_more() {
    let town = Town::new().await;
    let (world, orgs) = (&town.world, &town.organizations);
    let mut acme = town.organization().await;
    while acme.owners.len() < Organization::MAX_OWNERS - 1 {
        acme.owners.insert(new_id(world));
    }
    let batch = Batch::new().write(Write::PutOrganization(acme));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let joins = async |email: &str, roles: &[&str]| {
        let id = account(world, email).await.id;
        orgs.add_member(&TENANT, town.acme, id, names(roles)).await
    };
    joins("last@acme.example", &["owner"]).await.unwrap();
    assert_eq!(town.organization().await.owners.len(), Organization::MAX_OWNERS);
    assert_eq!(code(joins("more@acme.example", &["owner"]).await), "too_many");
    let raised = orgs.set_roles(&TENANT, town.acme, town.mia, names(&["owner"])).await;
    assert_eq!(code(raised), "too_many");
    joins("other@acme.example", &["member"]).await.unwrap();
    // Who is one already stays one.
    orgs.set_roles(&TENANT, town.acme, town.olga, names(&["owner", "member"])).await.unwrap();
}

#[tokio::test]
async fn a_member_has_so_many_roles_and_no_more() {
    let town = Town::new().await;
    let (world, orgs) = (&town.world, &town.organizations);
    let mut all: BTreeSet<RoleName> = BTreeSet::new();
    for number in 0..=Membership::MAX_ROLES {
        let name = RoleName::new(format!("r{number}")).unwrap();
        let role = Role::new(RoleScope::Tenant, name.clone(), [Permission::new("x:y").unwrap()]);
        orgs.save_template(&TENANT, role).await.unwrap();
        all.insert(name);
    }
    let most: BTreeSet<RoleName> = all.iter().take(Membership::MAX_ROLES).cloned().collect();
    orgs.set_roles(&TENANT, town.acme, town.mia, most.clone()).await.unwrap();
    assert_eq!(code(orgs.set_roles(&TENANT, town.acme, town.mia, all.clone()).await), "too_many");
    let grace = account(world, "grace@acme.example").await.id;
    assert_eq!(code(orgs.add_member(&TENANT, town.acme, grace, all).await), "too_many");
    orgs.add_member(&TENANT, town.acme, grace, most).await.unwrap();
}

#[tokio::test]
async fn nobody_becomes_a_member_who_is_nobody_or_one_already() {
    let town = Town::new().await;
    let orgs = &town.organizations;
    let nobody = new_id(&town.world);
    assert_eq!(code(orgs.add_member(&TENANT, town.acme, nobody, names(&["member"])).await), "not_found");
    assert!(town.world.ports.store().membership(town.acme, nobody).await.unwrap().is_none());
    let again = orgs.add_member(&TENANT, town.acme, town.mia, names(&["admin"])).await;
    assert!(matches!(again, Err(OrganizationError::AlreadyMember)), "{again:?}");
    assert_eq!(town.roles_of(town.mia).await.unwrap(), ["member"]);
}

#[tokio::test]
async fn an_organization_claims_so_many_domains_and_no_more() {
    let mut settings = OrganizationSettings::default();
    settings.max_domains = 2;
    let town = Town::with(World::new().await, settings).await;
    let (orgs, olga) = (&town.organizations, person(town.olga));
    for domain in ["one.example", "two.example", "one.example"] {
        orgs.claim_domain(&olga, town.acme, domain).await.unwrap();
    }
    assert_eq!(code(orgs.claim_domain(&olga, town.acme, "three.example").await), "too_many");
}

#[tokio::test]
async fn a_person_is_shown_so_many_organizations_and_no_more() {
    let town = Town::new().await;
    let store = town.world.ports.store();
    for number in 0..=u128::try_from(Organizations::MAX_CHOICES).unwrap() {
        let id = OrganizationId::from_uuid(uuid::Uuid::from_u128(1000 + number));
        let slug = Slug::new(format!("o{number}")).unwrap();
        let organization = Organization::new(id, slug, "Of many", town.world.ports.now());
        let member = Membership::new(id, town.mia, names(&["member"]), town.world.ports.now());
        let batch =
            Batch::new().write(Write::PutOrganization(organization)).write(Write::PutMembership(member));
        assert!(store.commit(batch).await.unwrap().is_applied());
    }
    let choices = town.organizations.choices(town.mia).await.unwrap();
    assert_eq!(choices.len(), Organizations::MAX_CHOICES);
}

/// Whatever stands in the store: the role of owners is what it is.
#[test]
fn no_role_takes_the_place_of_owner() {
    let weak = Role::new(RoleScope::Tenant, RoleName::owner(), [Permission::new("x:y").unwrap()]);
    let book = RoleBook::new([weak]);
    let held = book.resolve(&BTreeSet::from([RoleName::owner()])).permissions;
    assert_eq!(held, RoleBook::new([]).resolve(&BTreeSet::from([RoleName::owner()])).permissions);
    assert!(!held.contains(&Permission::new("x:y").unwrap()));
}

/// By a verified domain joins who may sign in, with an address that they have proved, and not twice.
#[tokio::test]
async fn who_is_stopped_or_has_proved_nothing_joins_by_no_domain() {
    let zone = Zone::new().await;
    let (town, world) = (&zone.town, &zone.town.world);
    zone.verified("bolt.example").await;
    let mut policy = OrganizationPolicy::default();
    policy.auto_join_role = Some(RoleName::new("member").unwrap());
    town.organizations.set_policy(&person(town.olga), town.acme, &policy).await.unwrap();
    let stopped = account(world, "stopped@bolt.example").await.id;
    let reason = ReasonCode::new("abuse").unwrap();
    world.accounts.suspend(stopped, &TENANT, &reason, None).await.unwrap();
    assert_eq!(town.organizations.join_by_domain(stopped).await.unwrap(), []);

    let proved = ciam_core::account::Identifier::verified(
        IdentifierKey::email("una@elsewhere.example").unwrap(),
        world.ports.now(),
    );
    let claimed =
        ciam_core::account::Identifier::unverified(IdentifierKey::email("una@bolt.example").unwrap());
    let una = NewAccount::new(proved).with_identifier(claimed).create(&world.ports).await.unwrap().id;
    assert_eq!(town.organizations.join_by_domain(una).await.unwrap(), []);
    let good = account(world, "good@bolt.example").await.id;
    assert_eq!(town.organizations.join_by_domain(good).await.unwrap().len(), 1);
    assert_eq!(town.organizations.join_by_domain(good).await.unwrap(), [], "a member already");
}

#[tokio::test]
async fn a_session_that_is_over_is_neither_renewed_nor_made_to_act() {
    let town = Town::new().await;
    let world = &town.world;
    let mia = world.ports.store().account(town.mia).await.unwrap().unwrap();
    let started = world.sessions.start(&mia, Default::default(), None, Some("a\u{7}b\nc")).await.unwrap();
    assert_eq!(started.session.user_agent.as_deref(), Some("abc"), "no control characters");
    let current = world.sessions.authenticate_by(&started.cookie).await.unwrap().unwrap();
    // Too long without use, which no store knows of.
    world.clock.advance(world.sessions.policy().idle);
    let renewed = world.sessions.renew(&current, []).await;
    assert!(matches!(renewed, Err(SessionError::Changed)), "{renewed:?}");
    let switched = town.organizations.switch(&world.sessions, &current, Some(town.acme)).await;
    assert!(switched.is_err(), "{switched:?}");
    assert!(town.organizations.switch(&world.sessions, &current, None).await.is_err());
}

#[tokio::test]
async fn no_session_begins_for_an_account_that_may_not_sign_in() {
    let world = World::new().await;
    let ada = world.registered("ada@example.com").await.account;
    for status in [
        AccountStatus::Pending,
        AccountStatus::Suspended,
        AccountStatus::Locked,
        AccountStatus::Deactivated,
        AccountStatus::Erased,
    ] {
        let mut stopped = ada.clone();
        stopped.status = status;
        world.put_account(stopped).await;
        let found = world.ports.store().account(ada.id).await.unwrap().unwrap();
        let started = world.sessions.start(&found, Default::default(), None, None).await;
        assert!(matches!(started, Err(SessionError::NotAllowed)), "{status:?}: {started:?}");
    }
}

#[test]
fn waits_grow_to_their_end_and_never_turn_around() {
    let backoff = Backoff::new(3, Duration::minutes(1), Duration::hours(1));
    let mut last = Duration::ZERO;
    for attempts in 0..300 {
        let wait = backoff.wait_after(attempts);
        assert!(wait >= last && wait <= backoff.max, "{attempts}: {wait}");
        last = wait;
    }
    assert_eq!(last, backoff.max);
}

#[test]
fn texts_and_attributes_have_an_end() {
    let long = |length: usize| "a".repeat(length);
    for (length, good) in
        [(0, false), (1, true), (ExternalId::MAX_LENGTH, true), (ExternalId::MAX_LENGTH + 1, false)]
    {
        assert_eq!(ExternalId::new(long(length)).is_ok(), good, "{length}");
    }
    assert!(ExternalId::new("a\u{7}b").is_err());
    assert!(IdentifierKey::username(&long(10_000)).is_err());
    assert!(IdentifierKey::email(&format!("{}@example.com", long(10_000))).is_err());
    assert!(IdentifierKey::email(&format!("a@{}.com", vec![long(60); 10].join("."))).is_err());

    let mut profile = Profile::new();
    for number in 0..Profile::MAX_ATTRIBUTES {
        profile.set(&format!("a{number}"), 1).unwrap();
    }
    assert_eq!(profile.set("one_more", 1), Err(ProfileError::TooMany));
    profile.set("a0", 2).unwrap();
    profile.set("a0", serde_json::Value::Null).unwrap();
    profile.set("one_more", 1).unwrap();

    let valid = |count: usize| {
        let attribute = |n| (format!("a{n}"), Attribute::new(AttributeType::Boolean));
        let schema =
            (0..count).map(attribute).fold(AttributeSchema::empty(), |all, (name, it)| all.with(name, it));
        schema.validate().is_ok()
    };
    assert!(valid(Profile::MAX_ATTRIBUTES) && !valid(Profile::MAX_ATTRIBUTES + 1));
}

#[test]
fn a_webhook_has_so_many_filters_and_no_more() {
    let hooks = Webhooks::new(memory::ports());
    let secret = WebhookSecret::new(SecretBytes::new(vec![1; 32])).unwrap();
    let settings = |count: usize| {
        let filters = (0..count).map(|n| EventFilter::new(format!("ciam.a{n}.*")).unwrap()).collect();
        let id = WebhookId::new("crm").unwrap();
        WebhookSettings::new(id, "https://crm.example/hook", secret.clone()).with_events(filters)
    };
    assert!(hooks.check(&settings(WebhookEndpoint::MAX_FILTERS)).is_ok());
    let refused = hooks.check(&settings(WebhookEndpoint::MAX_FILTERS + 1));
    assert!(matches!(refused, Err(InvalidWebhook::TooManyFilters)), "{refused:?}");
}
