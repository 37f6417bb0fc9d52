//! Organizations in authorization requests and tokens.

use std::collections::BTreeSet;

use ciam_core::actor::Actor;
use ciam_core::assurance::{Acr, Amr, FactorKind, Proof};
use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::interaction::Ask;
use ciam_core::organization::{
    Organization, OrganizationPolicy, OrganizationStatus, Organizations, Permission, Role, RoleName,
    RoleScope, Slug,
};
use ciam_oauth::error::AnswerError;
use ciam_oauth::grant::GrantState;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Browser, World, handle, request};
use crate::tokens::{self, Person, Tokens, VAULT, claims, exchange, introspect, load_grant, person, refresh};

const TENANT: Actor = Actor::system("test");
const SCOPE: (&str, Option<&str>) = ("scope", Some("orders:read organization offline_access"));

struct Town {
    world: World,
    organizations: Organizations,
    acme: Organization,
    other: Organization,
}

impl Town {
    async fn new() -> Self {
        let clock = std::sync::Arc::new(ciam_core::testkit::ManualClock::default());
        let entropy = std::sync::Arc::new(ciam_core::testkit::SeededEntropy::new(7));
        let ports = ciam_core::memory::ports_with(clock.clone(), entropy);
        let organizations = Organizations::new(ports.clone());
        let configured = organizations.clone();
        let world =
            World::on(ports, clock, |builder| tokens::with_vault(builder).organizations(configured)).await;
        let world = tokens::prepare(world).await;
        for client in ["shop", "spa"] {
            world
                .change_client(client, |client| {
                    client.scopes = client.scopes.union(&"organization".parse().unwrap());
                })
                .await;
        }
        let create = |slug: &'static str| {
            let (slug, organizations) = (Slug::new(slug).unwrap(), organizations.clone());
            async move { organizations.create(&TENANT, slug, "Acme Ltd", None).await.unwrap() }
        };
        let (acme, other) = (create("acme").await, create("other").await);
        let pay = Permission::new("invoice:pay").unwrap();
        let clerk = Role::new(RoleScope::Tenant, RoleName::new("clerk").unwrap(), [pay])
            .with_inherited([RoleName::member()]);
        organizations.save_template(&TENANT, clerk).await.unwrap();
        Self { world, organizations, acme, other }
    }

    async fn join(&self, account: AccountId, organization: &Organization) {
        let roles = BTreeSet::from([RoleName::new("clerk").unwrap()]);
        self.organizations.add_member(&TENANT, organization.id, account, roles).await.unwrap();
    }

    /// A person who belongs to these organizations.
    async fn member(&self, organizations: &[&Organization]) -> Person {
        let person = person(&self.world).await;
        for organization in organizations {
            self.join(person.account.value.id, organization).await;
        }
        person
    }

    async fn tokens(&self, person: &mut Person, changes: &[(&str, Option<&str>)]) -> Tokens {
        let mut all = vec![SCOPE];
        all.extend(changes);
        let code = person.code_for(&self.world, "shop", &all).await;
        exchange(&self.world, "shop", &code).await.tokens()
    }

    async fn ask(&self, browser: &Browser, text: &str) -> Ask {
        let visitor = browser.visitor(&self.world).await;
        self.world.server.interaction(&handle(text), visitor.browser.as_ref()).await.unwrap().ask
    }

    async fn choose(&self, browser: &Browser, text: &str, id: OrganizationId) -> Result<String, AnswerError> {
        let visitor = browser.visitor(&self.world).await;
        self.world.server.answer_organization(&handle(text), &visitor, id).await
    }
}

fn id_of(claims: &Value) -> &str {
    claims["org_id"].as_str().unwrap_or_else(|| panic!("no organization: {claims}"))
}

#[tokio::test]
async fn tokens_say_for_which_organization_a_person_acts() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    let tokens = town.tokens(&mut ada, &[]).await;
    let claims = claims(&tokens.access);
    assert_eq!(id_of(&claims), town.acme.id.to_string());
    assert_eq!((&claims["org_slug"], &claims["org_name"]), (&json!("acme"), &json!("Acme Ltd")));
    assert_eq!(claims["roles"], json!(["clerk", "member"]));
    assert_eq!(claims["permissions"], json!(["invoice:pay", "organization:read"]));
    let grant = load_grant(&town.world, tokens.grant()).await.unwrap().value;
    assert_eq!(grant.organization, Some(town.acme.id));
}

#[tokio::test]
async fn without_the_scope_value_or_an_organization_nothing_is_said() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    let tokens = town.tokens(&mut ada, &[("scope", Some("orders:read offline_access"))]).await;
    assert_eq!(claims(&tokens.access).get("org_id"), None);
    let mut eve = town.member(&[]).await;
    let tokens = town.tokens(&mut eve, &[]).await;
    assert_eq!(claims(&tokens.access).get("org_id"), None);
    // A narrower access token says no more than its scope.
    let tokens = town.tokens(&mut ada, &[]).await;
    let narrow =
        tokens::refresh_with(&town.world.server, "shop", tokens.refresh(), &[("scope", "orders:read")]).await;
    assert_eq!(claims(&narrow.tokens().access).get("org_id"), None);
}

#[tokio::test]
async fn who_belongs_to_many_chooses_and_the_grant_keeps_the_choice() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme, &town.other]).await;
    let text = ada.browser.authorize(&town.world, &request("shop", &[SCOPE])).await.handle();
    assert!(matches!(town.ask(&ada.browser, &text).await, Ask::SelectOrganization(_)));
    assert!(ada.browser.resume(&town.world, &text).await.is_interaction(), "no answer, no code");
    // One that is not theirs is asked for again.
    let missing = OrganizationId::from_uuid(uuid::Uuid::from_u128(99));
    town.choose(&ada.browser, &text, missing).await.unwrap();
    assert!(ada.browser.resume(&town.world, &text).await.is_interaction());
    town.choose(&ada.browser, &text, town.other.id).await.unwrap();
    let code = ada.browser.resume(&town.world, &text).await.code();
    let tokens = exchange(&town.world, "shop", &code).await.tokens();
    assert_eq!(id_of(&claims(&tokens.access)), town.other.id.to_string());

    // The session goes on to another organization; the grant stays what it is.
    let visitor = ada.browser.visitor(&town.world).await;
    assert_eq!(visitor.session().unwrap().organization, None);
    let refreshed = refresh(&town.world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(id_of(&claims(&refreshed.access)), town.other.id.to_string());
    let none = request("shop", &[SCOPE, ("prompt", Some("none"))]);
    assert_eq!(ada.browser.authorize(&town.world, &none).await.error(), "interaction_required");
}

#[tokio::test]
async fn the_parameter_names_one_and_a_foreign_one_is_as_a_missing_one() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    for name in ["acme".to_owned(), town.acme.id.to_string()] {
        let tokens = town.tokens(&mut ada, &[("organization", Some(&name))]).await;
        assert_eq!(id_of(&claims(&tokens.access)), town.acme.id.to_string());
    }
    let foreign = town.other.id.to_string();
    let mut answers = BTreeSet::new();
    for name in ["other", "missing", &foreign, "00000000-0000-7000-8000-000000000000"] {
        let params = request("shop", &[SCOPE, ("organization", Some(name))]);
        let mut location = ada.browser.authorize(&town.world, &params).await.location().unwrap();
        location.set_fragment(None);
        answers.insert(location.to_string());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("error=access_denied"), "{answers:?}");
    let long = "a".repeat(10_000);
    for (name, scope) in [("a b", SCOPE), (&long, SCOPE), ("acme", ("scope", Some("orders:read")))] {
        let params = request("shop", &[scope, ("organization", Some(name))]);
        let error = ada.browser.authorize(&town.world, &params).await.error();
        assert_eq!(error, "invalid_request", "{name:.20}");
    }
}

#[tokio::test]
async fn prompt_select_organization_always_asks() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    let prompt = ("prompt", Some("select_organization"));
    let text = ada.browser.authorize(&town.world, &request("shop", &[SCOPE, prompt])).await.handle();
    assert!(matches!(town.ask(&ada.browser, &text).await, Ask::SelectOrganization(_)));
    town.choose(&ada.browser, &text, town.acme.id).await.unwrap();
    ada.browser.resume(&town.world, &text).await.code();
    // A server without organizations knows no such thing.
    let plain = tokens::world().await;
    let mut bob = person(&plain).await;
    let error = bob.browser.authorize(&plain, &request("shop", &[prompt])).await.error();
    assert_eq!(error, "invalid_request");
    let metadata = Value::Object(plain.server.metadata());
    assert!(!metadata.to_string().contains("organization"), "{metadata}");
    let metadata = Value::Object(town.world.server.metadata());
    assert!(metadata.to_string().contains("select_organization"), "{metadata}");
}

#[tokio::test]
async fn who_is_out_is_out_at_once_and_stays_out() {
    for case in ["removed", "suspended", "organization suspended"] {
        let town = Town::new().await;
        let orgs = &town.organizations;
        let mut ada = town.member(&[&town.acme]).await;
        let account = ada.account.value.id;
        let tokens = town.tokens(&mut ada, &[("resource", Some(VAULT))]).await;
        town.world.clock.advance(Duration::SECOND);
        match case {
            "removed" => orgs.remove_member(&TENANT, town.acme.id, account).await.unwrap(),
            "suspended" => orgs.suspend_member(&TENANT, town.acme.id, account).await.unwrap(),
            _ => orgs.set_status(&TENANT, town.acme.id, OrganizationStatus::Suspended).await.unwrap(),
        }
        let refused = refresh(&town.world, "shop", tokens.refresh()).await;
        assert_eq!(refused.error(), (400, "invalid_grant"), "{case}");
        for token in [tokens.access.as_str(), tokens.refresh()] {
            let answer = introspect(&town.world, "shop", token).await;
            assert_eq!(answer, json!({ "active": false }), "{case}");
        }
        // Who comes back begins anew.
        town.world.clock.advance(Duration::SECOND);
        match case {
            "removed" => town.join(account, &town.acme).await,
            "suspended" => orgs.reactivate_member(&TENANT, town.acme.id, account).await.unwrap(),
            _ => continue,
        }
        assert_eq!(
            refresh(&town.world, "shop", tokens.refresh()).await.error(),
            (400, "invalid_grant"),
            "{case}"
        );
        town.tokens(&mut ada, &[]).await;
    }
}

#[tokio::test]
async fn the_grants_of_an_organization_are_revoked_and_no_others() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme, &town.other]).await;
    let account = ada.account.value.id;
    let acme = town.tokens(&mut ada, &[("organization", Some("acme"))]).await;
    let other = town.tokens(&mut ada, &[("organization", Some("other"))]).await;
    let revoked = town.world.server.revoke_organization_grants(account, town.acme.id).await.unwrap();
    assert_eq!(revoked, 1);
    let state = |tokens: &Tokens| {
        let (world, grant) = (&town.world, tokens.grant());
        async move { load_grant(world, grant).await.unwrap().value.state }
    };
    assert!(matches!(state(&acme).await, GrantState::Revoked { .. }));
    assert_eq!(state(&other).await, GrantState::Active);
}

#[tokio::test]
async fn roles_of_now_are_what_introspection_and_refresh_say() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    let tokens = town.tokens(&mut ada, &[("resource", Some(VAULT))]).await;
    let roles = BTreeSet::from([RoleName::admin()]);
    let account = ada.account.value.id;
    town.organizations.set_roles(&TENANT, town.acme.id, account, roles).await.unwrap();
    let answer = introspect(&town.world, "shop", &tokens.access).await;
    assert_eq!(answer["roles"], json!(["admin"]));
    let refreshed = refresh(&town.world, "shop", tokens.refresh()).await.tokens();
    let answer = introspect(&town.world, "shop", &refreshed.access).await;
    assert_eq!(answer["roles"], json!(["admin"]));
}

#[tokio::test]
async fn the_policy_is_met_before_a_code_and_again_at_refresh() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme]).await;
    let before = town.tokens(&mut ada, &[]).await;
    let mut policy = OrganizationPolicy::default();
    policy.acr = Some(Acr::new("urn:ciam:acr:aal2"));
    town.organizations.set_policy(&TENANT, town.acme.id, &policy).await.unwrap();
    let refused = refresh(&town.world, "shop", before.refresh()).await;
    assert_eq!(refused.error(), (400, "invalid_grant"), "made stricter meanwhile");

    let text = ada.browser.authorize(&town.world, &request("shop", &[SCOPE])).await.handle();
    let Ask::SignIn(ask) = town.ask(&ada.browser, &text).await else { panic!("nobody was asked") };
    assert_eq!(ask.reasons, ["organization_acr"]);
    assert_eq!(ask.acr_values, [Acr::new("urn:ciam:acr:aal2")]);
    // A password once more does not do; the request ends.
    town.world.clock.advance(Duration::SECOND);
    ada.browser.sign_in(&town.world, &ada.account).await;
    let error = ada.browser.resume(&town.world, &text).await.error();
    assert_eq!(error, "unmet_authentication_requirements");

    let text = ada.browser.authorize(&town.world, &request("shop", &[SCOPE])).await.handle();
    let now = town.world.ports.now();
    let proofs = [
        Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now),
        Proof::new(Amr::OTP, [FactorKind::Possession], now),
    ];
    ada.browser.sign_in_with(&town.world, &ada.account, proofs).await;
    let code = ada.browser.resume(&town.world, &text).await.code();
    let tokens = exchange(&town.world, "shop", &code).await.tokens();
    assert!(refresh(&town.world, "shop", tokens.refresh()).await.is_ok());

    // The limit of a session holds for what was granted in it.
    policy.session_absolute = Some(3600);
    town.organizations.set_policy(&TENANT, town.acme.id, &policy).await.unwrap();
    town.world.clock.advance(Duration::minutes(59));
    assert!(refresh(&town.world, "shop", tokens.refresh()).await.is_ok());
    town.world.clock.advance(Duration::minutes(2));
    assert_eq!(refresh(&town.world, "shop", tokens.refresh()).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn somebody_elses_choice_does_not_count() {
    let town = Town::new().await;
    let mut ada = town.member(&[&town.acme, &town.other]).await;
    let bob = town.member(&[&town.acme, &town.other]).await;
    let text = ada.browser.authorize(&town.world, &request("shop", &[SCOPE])).await.handle();
    town.choose(&ada.browser, &text, town.acme.id).await.unwrap();
    // Somebody else signs in, in the same browser.
    ada.browser.sign_in(&town.world, &bob.account).await;
    let reply = ada.browser.resume(&town.world, &text).await;
    assert!(reply.is_interaction(), "{reply:?}");
    assert!(matches!(town.choose(&bob.browser, &text, town.acme.id).await, Err(AnswerError::Interaction)));
}
