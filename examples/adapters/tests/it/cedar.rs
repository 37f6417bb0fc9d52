//! Decisions by Cedar policies.

use std::collections::BTreeSet;

use ciam_adapters::cedar::CedarDecisions;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::actor::Actor;
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::memory;
use ciam_core::organization::{
    Organizations, Permission, Resource, Role, RoleName, RoleScope, Slug, Verdict,
};
use ciam_core::ports::Ports;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const TENANT: Actor = Actor::system("test");

/// An organization with a clerk who may approve invoices, decided by these policies.
struct Office {
    organizations: Organizations,
    organization: OrganizationId,
    clerk: AccountId,
    owner: AccountId,
}

impl Office {
    async fn new(policies: &str) -> Self {
        let plain = memory::ports();
        let decided = plain.clone().with_decisions(Arc::new(CedarDecisions::new(policies).unwrap()));
        let setup = Organizations::new(plain.clone());
        let (owner, clerk) = (account(&plain, "owner").await, account(&plain, "clerk").await);
        let slug = Slug::new("acme").unwrap();
        let organization = setup.create(&TENANT, slug, "Acme", Some(owner)).await.unwrap().id;
        let name = RoleName::new("clerk").unwrap();
        let permissions = ["invoice:approve", "member:remove"].map(|it| Permission::new(it).unwrap());
        let role = Role::new(RoleScope::Tenant, name.clone(), permissions);
        setup.save_template(&TENANT, role).await.unwrap();
        setup.add_member(&TENANT, organization, clerk, BTreeSet::from([name])).await.unwrap();
        Self { organizations: Organizations::new(decided), organization, clerk, owner }
    }

    async fn approves(&self, who: Actor, amount: i64, context: Value) -> Verdict {
        let approve = Permission::new("invoice:approve").unwrap();
        let invoice = Resource::new("invoice", "7", self.organization).with("amount", amount);
        let Value::Object(context) = context else { panic!("no object") };
        self.organizations.may(&who, &approve, &invoice, &context).await.unwrap()
    }
}

async fn account(ports: &Ports, name: &str) -> AccountId {
    let key = IdentifierKey::email(&format!("{name}@acme.example")).unwrap();
    NewAccount::new(Identifier::verified(key, ports.now())).create(ports).await.unwrap().id
}

#[tokio::test]
async fn the_policy_of_roles_decides_as_the_library_does() {
    let office = Office::new(CedarDecisions::RBAC).await;
    let clerk = office.approves(Actor::Account(office.clerk), 1, json!({})).await;
    assert_eq!(clerk, Verdict::allow(vec!["cedar:rbac".to_owned()]));
    assert!(office.approves(TENANT, 1, json!({})).await.allowed);
    let rename = office.organizations.rename(&Actor::Account(office.clerk), office.organization, "X").await;
    assert_eq!(rename.unwrap_err().code(), "denied");
    office.organizations.rename(&Actor::Account(office.owner), office.organization, "X").await.unwrap();
}

#[tokio::test]
async fn policies_see_roles_attributes_organization_and_context() {
    let forbids = r#"
        @id("large")
        forbid (principal in Ciam::Role::"clerk", action == Ciam::Action::"invoice:approve", resource)
        when { resource.kind == "invoice" && resource.amount > 1000 };
        @id("outside")
        forbid (principal, action, resource) when { context has place && context.place != "office" };
    "#;
    let office = Office::new(&format!("{}{forbids}", CedarDecisions::RBAC)).await;
    let clerk = Actor::Account(office.clerk);
    assert!(office.approves(clerk.clone(), 1000, json!({ "place": "office" })).await.allowed);
    let large = office.approves(clerk.clone(), 1001, json!({})).await;
    assert_eq!(large, Verdict::deny(vec!["cedar:large".to_owned()]));
    let outside = office.approves(clerk, 1, json!({ "place": "beach" })).await;
    assert_eq!(outside, Verdict::deny(vec!["cedar:outside".to_owned()]));

    let here = format!(
        r#"permit (principal, action, resource in Ciam::Organization::"{}");"#,
        OrganizationId::from_uuid(uuid::Uuid::nil())
    );
    let office = Office::new(&here).await;
    let verdict = office.approves(Actor::Account(office.clerk), 1, json!({})).await;
    assert_eq!(verdict, Verdict::deny(vec!["cedar:no_permit".to_owned()]), "another organization");
}

#[tokio::test]
async fn a_policy_that_fails_denies() {
    let broken = r#"@id("broken") forbid (principal, action, resource) when { resource.color == "red" };"#;
    let office = Office::new(&format!("{}{broken}", CedarDecisions::RBAC)).await;
    let verdict = office.approves(Actor::Account(office.clerk), 1, json!({})).await;
    assert_eq!(verdict, Verdict::deny(vec!["cedar:error".to_owned()]));
    // So does a context that Cedar cannot take.
    let office = Office::new(CedarDecisions::RBAC).await;
    let approve = Permission::new("invoice:approve").unwrap();
    let invoice = Resource::new("invoice", "7", office.organization);
    let context = Map::from_iter([("weight".to_owned(), json!(0.5))]);
    let answer = office.organizations.may(&Actor::Account(office.clerk), &approve, &invoice, &context).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn no_policy_allows_nothing_and_none_lifts_the_rules_above_it() {
    let office = Office::new("").await;
    assert!(!office.approves(TENANT, 1, json!({})).await.allowed);
    let office = Office::new("permit (principal, action, resource);").await;
    let clerk = Actor::Account(office.clerk);
    let raised = office
        .organizations
        .set_roles(&clerk, office.organization, office.clerk, BTreeSet::from([RoleName::owner()]))
        .await;
    assert_eq!(raised.unwrap_err().code(), "role_escalation");
    assert!(CedarDecisions::new("permit (principal, action").is_err());
}
