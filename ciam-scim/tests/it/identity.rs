//! Users as accounts and members: a directory has its organization's people, and nobody else's.

use std::collections::BTreeSet;

use bytes::Bytes;
use ciam_core::account::{
    Account, AccountStatus, Identifier, IdentifierKey, NewAccount, ReasonCode, Transition,
};
use ciam_core::actor::Actor;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::organization::{Membership, MembershipStatus, Permission, Role, RoleName, RoleScope};
use ciam_core::password::PasswordFactor;
use ciam_core::session::{Session, SessionCookie};
use ciam_core::store::{Batch, PageRequest, Write};
use ciam_core::testkit::Failure;
use ciam_scim::connection::{Connection, GroupRole};
use ciam_scim::profile::Profile;
use ciam_scim::service::Caller;
use ciam_scim::store::RESOURCE;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{BASE, Directory, TENANT, USER, World};

fn key(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap()
}

impl World {
    async fn holder(&self, address: &str) -> Option<Account> {
        self.ports.store().account_by_identifier(&key(address)).await.unwrap().map(|it| it.value)
    }

    async fn account(&self, id: AccountId) -> Account {
        self.ports.store().account(id).await.unwrap().unwrap().value
    }

    async fn membership(&self, account: AccountId) -> Option<Membership> {
        self.ports.store().membership(self.acme, account).await.unwrap().map(|it| it.value)
    }

    /// Somebody who has signed up without any directory.
    async fn customer(&self, address: &str) -> Account {
        let identifier = Identifier::verified(key(address), self.ports.now());
        NewAccount::new(identifier).create(&self.ports).await.unwrap()
    }

    async fn has_password(&self, account: AccountId) -> bool {
        let credentials = self.ports.store().credentials_of(account).await.unwrap();
        PasswordFactor::credential_in(&credentials).is_some()
    }

    /// Begins a session of an account, acting for an organization.
    async fn session(&self, account: AccountId, organization: Option<OrganizationId>) -> SessionCookie {
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], self.ports.now());
        let account = self.ports.store().account(account).await.unwrap().unwrap();
        let started = self.sessions.start(&account, AuthenticationContext::new([proof]), None, Some("test"));
        let started = started.await.unwrap();
        let mut session: Session = started.session;
        session.organization = organization;
        let batch = Batch::new().write(Write::PutSession(session));
        assert!(self.ports.store().commit(batch).await.unwrap().is_applied());
        started.cookie
    }

    /// The roles of the holder of an address, sorted.
    async fn roles(&self, address: &str) -> String {
        let account = self.holder(address).await.unwrap();
        let membership = self.membership(account.id).await.unwrap();
        membership.roles.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Everything that is kept of resources, as text.
    async fn kept(&self) -> String {
        let page = self.ports.store().records(RESOURCE, PageRequest::first(100)).await.unwrap();
        page.items.into_iter().map(|it| it.value.body).collect()
    }

    /// The one account that is a member of acme and was not before.
    async fn members(&self) -> Vec<AccountId> {
        let page = self.ports.store().members_of(self.acme, PageRequest::first(100)).await.unwrap();
        page.items.into_iter().map(|it| it.value.account).collect()
    }
}

async fn provision(directory: &Directory, address: &str) -> String {
    let body = json!({ "schemas": [USER], "userName": address, "password": "a password of the directory" });
    let made = directory.post("/Users", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.id()
}

#[tokio::test]
async fn a_user_of_a_proved_domain_is_an_account_that_the_organization_owns() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let body = json!({
        "schemas": [USER], "userName": "kim", "emails": [{ "value": "kim@corp.example" }],
        "name": { "givenName": "Kim", "familyName": "C" }, "password": "a password of the directory",
    });
    world.events().await;
    let id = directory.post("/Users", body).await.id();
    let account = world.holder("kim@corp.example").await.unwrap();
    assert_eq!(account.status, AccountStatus::Active);
    assert_eq!(account.profile.text("given_name"), Some("Kim"));
    assert!(world.has_password(account.id).await);
    assert!(world.membership(account.id).await.unwrap().is_active());
    let events: Vec<String> =
        world.events().await.iter().map(|it| it.event_type.as_str().to_owned()).collect();
    for expected in
        ["ciam.account.registered.v1", "ciam.membership.joined.v1", "ciam.scim.resource.created.v1"]
    {
        assert!(events.iter().any(|it| it == expected), "{expected} {events:?}");
    }
    // Inactive: neither the organization nor the account is theirs to use.
    let path = format!("/Users/{id}");
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Suspended);
    assert_eq!(world.membership(account.id).await.unwrap().status, MembershipStatus::Suspended);
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }])).await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Active);
    assert!(world.membership(account.id).await.unwrap().is_active());
    // Deleted: the account closes, and comes back with its person.
    directory.delete(&path).await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Deactivated);
    assert_eq!(world.membership(account.id).await, None);
    provision(&directory, "kim@corp.example").await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Active);
    assert!(world.membership(account.id).await.unwrap().is_active());
}

#[tokio::test]
async fn a_directory_takes_nobody_over_and_locks_nobody_out() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    let victim = world.customer("ann@mail.example").await;
    let free = provision(&directory, "bob@mail.example").await;
    let named = provision(&directory, "ann@mail.example").await;
    // The answers tell nothing apart: the same attributes, the same status.
    let shape = |answer: &crate::world::Answer| {
        let mut names: Vec<String> = answer.body.as_object().unwrap().keys().cloned().collect();
        names.sort();
        (answer.status, names)
    };
    let (first, second) =
        (directory.get(&format!("/Users/{free}")).await, directory.get(&format!("/Users/{named}")).await);
    assert_eq!(shape(&first), shape(&second));
    // The account of the customer has nothing to do with it.
    assert_eq!(world.membership(victim.id).await, None);
    for operations in [
        json!([{ "op": "replace", "path": "active", "value": false }]),
        json!([{ "op": "replace", "path": "password", "value": "another password of theirs" }]),
    ] {
        assert_eq!(directory.patch(&format!("/Users/{named}"), operations).await.status, 200);
    }
    directory.delete(&format!("/Users/{named}")).await;
    assert_eq!(world.account(victim.id).await, victim, "nothing changed");
    assert!(!world.has_password(victim.id).await);
}

#[tokio::test]
async fn an_address_that_nobody_proved_links_to_nobody() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    let squatter =
        NewAccount::new(Identifier::unverified(key("kim@corp.example"))).create(&world.ports).await.unwrap();
    provision(&directory, "kim@corp.example").await;
    assert_eq!(world.membership(squatter.id).await, None);
    assert_eq!(world.holder("kim@corp.example").await.unwrap().id, squatter.id);
    // Where the organization has proved the domain, the address goes to the person whom it names.
    world.prove("corp.example").await;
    let squatter =
        NewAccount::new(Identifier::unverified(key("eve@corp.example"))).create(&world.ports).await.unwrap();
    provision(&directory, "eve@corp.example").await;
    let holder = world.holder("eve@corp.example").await.unwrap();
    assert_ne!(holder.id, squatter.id);
    assert!(world.membership(holder.id).await.is_some());
    assert_eq!(world.membership(squatter.id).await, None);
}

#[tokio::test]
async fn a_customer_in_a_proved_domain_joins_and_stays_their_own() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let known = world.customer("ann@corp.example").await;
    let id = provision(&directory, "ann@corp.example").await;
    assert!(world.membership(known.id).await.unwrap().is_active());
    assert!(!world.has_password(known.id).await, "the organization does not own the account");
    let path = format!("/Users/{id}");
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    assert_eq!(world.membership(known.id).await.unwrap().status, MembershipStatus::Suspended);
    assert_eq!(world.account(known.id).await.status, AccountStatus::Active, "no lock-out");
    directory.delete(&path).await;
    assert_eq!(world.membership(known.id).await, None);
    assert_eq!(world.account(known.id).await.status, AccountStatus::Active);
}

#[tokio::test]
async fn an_account_that_somebody_else_has_to_do_with_is_not_owned() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    // Made by the directory, and a member of another organization since.
    let id = provision(&directory, "kim@corp.example").await;
    let account = world.holder("kim@corp.example").await.unwrap();
    let roles = BTreeSet::from([RoleName::member()]);
    world.organizations.add_member(&TENANT, world.other, account.id, roles).await.unwrap();
    directory
        .patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "active", "value": false }]))
        .await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Active);
    // Made by the directory with an address of no domain of the organization: its person may come and prove it.
    let id = provision(&directory, "bob@mail.example").await;
    let account = world.holder("bob@mail.example").await.unwrap();
    assert_eq!(account.status, AccountStatus::Pending);
    assert!(!world.has_password(account.id).await, "no password for an address that is somebody else's");
    let mut proved = account.clone();
    proved.status = AccountStatus::Active;
    proved.identifiers = vec![Identifier::verified(key("bob@mail.example"), world.ports.now())];
    let batch = Batch::new().write(Write::PutAccount(proved));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let operations =
        json!([{ "op": "replace", "value": { "active": false, "password": "a password of theirs" } }]);
    directory.patch(&format!("/Users/{id}"), operations).await;
    assert_eq!(world.account(account.id).await.status, AccountStatus::Active);
    assert!(!world.has_password(account.id).await);
}

#[tokio::test]
async fn what_others_have_stopped_a_directory_does_not_bring_back() {
    let erase_after = World::new().await.ports.now() + Duration::days(30);
    for (stop, by, expected) in [
        (Transition::Lock, "protection", AccountStatus::Locked),
        (Transition::Suspend { until: None }, "administrator", AccountStatus::Suspended),
        (Transition::Deactivate { erase_after }, "retention", AccountStatus::Deactivated),
    ] {
        let world = World::new().await;
        world.prove("corp.example").await;
        let directory = world.directory(Profile::Interop);
        let id = provision(&directory, "kim@corp.example").await;
        let account = world.holder("kim@corp.example").await.unwrap();
        let stored = world.ports.store().account(account.id).await.unwrap().unwrap();
        let reason = ReasonCode::new("abuse").unwrap();
        let stopped = stop.prepare(&world.ports, &stored, &Actor::system(by), &reason).unwrap();
        assert!(world.ports.store().commit(stopped.batch).await.unwrap().is_applied());
        for active in [false, true] {
            let operations = json!([{ "op": "replace", "path": "active", "value": active }]);
            assert_eq!(directory.patch(&format!("/Users/{id}"), operations).await.status, 200);
            assert_eq!(world.account(account.id).await.status, expected);
        }
        // Nor by a detour: the user is deleted, and made again.
        assert_eq!(directory.delete(&format!("/Users/{id}")).await.status, 204);
        provision(&directory, "kim@corp.example").await;
        assert_eq!(world.account(account.id).await.status, AccountStatus::Deactivated, "{by}");
        assert!(world.membership(account.id).await.unwrap().is_active());
    }
}

#[tokio::test]
async fn the_sessions_of_the_organization_end_and_others_go_on() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let known = world.customer("ann@corp.example").await;
    let id = provision(&directory, "ann@corp.example").await;
    let own = world.session(known.id, None).await;
    let theirs = world.session(known.id, Some(world.acme)).await;
    let elsewhere = world.session(known.id, Some(world.other)).await;
    directory
        .patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "active", "value": false }]))
        .await;
    assert!(world.sessions.live(own.id()).await.unwrap().is_some());
    assert!(world.sessions.live(elsewhere.id()).await.unwrap().is_some());
    assert!(world.sessions.live(theirs.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_organization_keeps_its_last_owner() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let owner = world.customer("ann@corp.example").await;
    let roles = BTreeSet::from([RoleName::owner()]);
    world.organizations.add_member(&TENANT, world.acme, owner.id, roles).await.unwrap();
    let id = provision(&directory, "ann@corp.example").await;
    let path = format!("/Users/{id}");
    let refused =
        directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await;
    assert_eq!(refused.error(), (403, ""));
    assert_eq!(directory.delete(&path).await.error(), (403, ""));
    assert_ne!(directory.get(&path).await.body["active"], false, "nothing changed");
    assert!(world.membership(owner.id).await.unwrap().is_owner());
}

#[tokio::test]
async fn groups_give_roles_by_configuration_and_take_them_again() {
    let world = World::new().await;
    let mut directory = world.directory(Profile::Interop);
    let name = |text: &str| RoleName::new(text).unwrap();
    let role = Role::new(RoleScope::Tenant, name("buyer"), [Permission::new("invoice:approve").unwrap()]);
    world.organizations.save_template(&TENANT, role).await.unwrap();
    let rules = [
        GroupRole::new("Buyers", name("buyer")),
        GroupRole::new("Board", RoleName::admin()),
        GroupRole::new("Kings", RoleName::owner()),
    ];
    directory.connection = directory.connection.with_group_roles(rules);
    let (a, b) = (directory.user("a@x.example").await, directory.user("b@x.example").await);
    let buyers = directory.group("BUYERS", &[&a]).await;
    let board = directory.group("Board", &[&a, &b]).await;
    assert_eq!(
        (world.roles("a@x.example").await, world.roles("b@x.example").await),
        ("admin buyer member".into(), "admin member".into())
    );
    directory
        .patch(
            &format!("/Groups/{board}"),
            json!([{ "op": "remove", "path": format!("members[value eq \"{a}\"]") }]),
        )
        .await;
    assert_eq!(world.roles("a@x.example").await, "buyer member");
    directory
        .patch(
            &format!("/Groups/{buyers}"),
            json!([{ "op": "replace", "path": "displayName", "value": "Sellers" }]),
        )
        .await;
    assert_eq!(world.roles("a@x.example").await, "member");
    directory.delete(&format!("/Groups/{board}")).await;
    assert_eq!(world.roles("b@x.example").await, "member");
    // An owner is made by an owner.
    directory.group("Kings", &[&a]).await;
    assert_eq!(world.roles("a@x.example").await, "member");
    assert_eq!(world.members().await.len(), 2);
}

#[tokio::test]
async fn an_owner_is_neither_made_nor_unmade_by_a_directory() {
    let world = World::new().await;
    let mut directory = world.directory(Profile::Interop);
    let rules =
        || [GroupRole::new("Kings", RoleName::owner()), GroupRole::new("Board", RoleName::admin())].to_vec();
    let given = Connection::new(world.acme).with_group_roles(rules()).group_roles;
    assert_eq!(given, [GroupRole::new("Board", RoleName::admin())]);
    // However it got into what is kept of the connection.
    directory.connection.group_roles = rules();
    for address in ["ann@x.example", "bob@x.example"] {
        let owner = world.customer(address).await;
        let roles = BTreeSet::from([RoleName::owner()]);
        world.organizations.add_member(&TENANT, world.acme, owner.id, roles).await.unwrap();
    }
    let (ann, kim) = (directory.user("ann@x.example").await, directory.user("kim@x.example").await);
    directory.group("Kings", &[&ann, &kim]).await;
    assert_eq!(world.roles("kim@x.example").await, "member");
    assert_eq!(world.roles("ann@x.example").await, "owner");
    let board = directory.group("Board", &[&ann, &kim]).await;
    assert_eq!(world.roles("kim@x.example").await, "admin member");
    assert_eq!(world.roles("ann@x.example").await, "admin owner");
    directory.delete(&format!("/Groups/{board}")).await;
    assert_eq!(world.roles("ann@x.example").await, "owner");
}

#[tokio::test]
async fn a_person_of_two_organizations_is_another_user_in_each() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let (here, there) = (world.directory(Profile::Interop), world.elsewhere());
    let first = provision(&here, "kim@corp.example").await;
    let account = world.holder("kim@corp.example").await.unwrap();
    let roles = BTreeSet::from([RoleName::member()]);
    world.organizations.add_member(&TENANT, world.other, account.id, roles).await.unwrap();
    let second = provision(&there, "kim@corp.example").await;
    for (directory, id) in [(here, first), (there, second)] {
        let caller = Caller::new(&directory.connection, BASE).with_account(account.id);
        let request = http::Request::get(format!("{BASE}/Me")).body(Bytes::new()).unwrap();
        let answer = world.service.handle(&caller, request).await;
        assert_eq!(answer.status(), 200);
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["id"], id);
    }
}

#[tokio::test]
async fn a_password_that_the_policy_refuses_is_refused_whoever_it_is_for() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    world.customer("ann@mail.example").await;
    for address in ["kim@corp.example", "bob@mail.example", "ann@mail.example"] {
        let body = json!({ "schemas": [USER], "userName": address, "password": "short" });
        assert_eq!(directory.post("/Users", body).await.error(), (400, "invalidValue"), "{address}");
        let path = format!("/Users/{}", provision(&directory, address).await);
        let before = directory.get(&path).await.etag();
        let set = json!([{ "op": "replace", "path": "password", "value": "short" }]);
        assert_eq!(directory.patch(&path, set).await.error(), (400, "invalidValue"), "{address}");
        let body = json!({ "schemas": [USER], "userName": address, "title": "x", "password": "short" });
        assert_eq!(directory.put(&path, body).await.error(), (400, "invalidValue"), "{address}");
        assert_eq!(directory.get(&path).await.etag(), before, "{address}: nothing changed");
    }
}

#[tokio::test]
async fn a_new_password_ends_every_session_even_where_they_cannot_be_ended_one_by_one() {
    let (world, probe) = World::new().await.watched().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let path = format!("/Users/{}", provision(&directory, "kim@corp.example").await);
    let account = world.holder("kim@corp.example").await.unwrap();
    let is_good =
        async |cookie: &SessionCookie| world.sessions.authenticate_by(cookie).await.unwrap().is_some();
    for broken in [false, true] {
        let session = world.session(account.id, None).await;
        directory
            .patch(&path, json!([{ "op": "replace", "path": "title", "value": broken.to_string() }]))
            .await;
        assert!(is_good(&session).await, "a title is no password");
        probe.clear();
        if broken {
            probe.fail_next("store.sessions_of", Failure::Transient);
        }
        let set =
            json!([{ "op": "replace", "path": "password", "value": format!("another password {broken}") }]);
        assert_eq!(directory.patch(&path, set).await.status, 200);
        assert!(probe.count("store.sessions_of") >= 1, "they are looked for");
        assert!(!is_good(&session).await, "{broken}");
    }
}

#[tokio::test]
async fn a_password_is_not_kept_with_the_resource() {
    let world = World::new().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let path = format!("/Users/{}", provision(&directory, "kim@corp.example").await);
    let all = || async {
        let kept = world.kept().await;
        assert!(kept.contains("kim@corp.example"));
        kept + &serde_json::to_string(&world.events().await).unwrap()
    };
    assert!(!all().await.contains("a password of the directory"));
    let body =
        json!({ "schemas": [USER], "userName": "kim@corp.example", "password": "put by the directory" });
    assert_eq!(directory.put(&path, body).await.status, 200);
    assert!(!all().await.contains("put by the directory"));
    let set = json!([{ "op": "add", "value": { "password": "patched by the directory" } }]);
    assert_eq!(directory.patch(&path, set).await.status, 200);
    assert!(!all().await.contains("patched by the directory"));
}
