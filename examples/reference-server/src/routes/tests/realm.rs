//! How the people of an organization sign in, and what its console asks for.

use std::{collections::BTreeSet, sync::Arc};

use ciam_core::{
    actor::Actor,
    assurance::Acr,
    memory::{self, MemoryDns},
    organization::{OrganizationPolicy, Slug},
};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, account_of, app_on, config, services, sign_in, sign_up},
};

const ADA: &str = "ada@acme.example";
const TENANT: Actor = Actor::system("test");

/// The server with an organization that has proved `acme.example`, with this policy, and Ada as its owner.
async fn acme(arguments: &[&str], demand: impl FnOnce(&mut OrganizationPolicy)) -> App {
    let dns = Arc::new(MemoryDns::new());
    let app = app_on(arguments, memory::ports().with_dns(dns.clone())).await;
    sign_up(&app, &mut Browser::new(&app), ADA).await;
    let ada = account_of(&app, ADA).await;
    let organizations = &app.services().organizations;
    let acme = organizations.create(&TENANT, Slug::new("acme").unwrap(), "Acme", Some(ada)).await.unwrap().id;
    let claim = organizations.claim_domain(&TENANT, acme, "acme.example").await.unwrap();
    dns.publish(&claim.txt_name(), claim.txt_value());
    organizations.verify_domain(&TENANT, acme, &claim.domain).await.unwrap();
    let mut policy = OrganizationPolicy::default();
    demand(&mut policy);
    organizations.set_policy(&TENANT, acme, &policy).await.unwrap();
    app
}

fn file(name: &str, text: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("ciam-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn a_method_that_the_organization_does_not_take_is_not_offered_once_it_is_known() {
    let app = acme(&[], |policy| policy.methods = BTreeSet::from(["email".to_owned()])).await;
    for who in [ADA, "nobody@acme.example"] {
        let mut browser = Browser::new(&app);
        let page = browser.get("/sign-in").await;
        assert!(page.text.contains("name=\"password\""));
        let fields = [("identifier", who), ("password", PASSWORD)];
        let refused = browser.submit(&page, "/sign-in", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            refused.says("as Acme wants it") && !refused.text.contains("name=\"password\""),
            "{}",
            refused.text
        );
        let code = browser.submit(&refused, "/sign-in", &[("identifier", who), ("action", "code")]).await;
        assert!(code.path.starts_with("/verify?journey="), "{} {}", code.path, code.text);
    }
    sign_in(&mut Browser::new(&app), "demo@example.com", "quiet-river-lantern-42").await;
}

#[tokio::test]
async fn who_they_are_comes_first_where_the_server_is_set_up_so() {
    let file = file("first", "[ui]\nidentifier_first = true\n");
    let app = acme(&["--config", file.to_str().unwrap()], |policy| {
        policy.methods = BTreeSet::from(["pwd".to_owned()]);
    })
    .await;
    let mut ada = Browser::new(&app);
    let page = ada.get("/sign-in").await;
    assert!(!page.text.contains("name=\"password\"") && page.says("Continue"), "{}", page.text);
    let page = ada.submit(&page, "/sign-in", &[("identifier", ADA), ("action", "identify")]).await;
    assert!(page.path.starts_with("/sign-in?journey="), "{}", page.path);
    assert!(page.says("as Acme wants it") && page.text.contains("name=\"password\""), "{}", page.text);
    assert!(!page.says("Email me a code") && page.text.contains(&format!("value=\"{ADA}\"")));
    let fields = [("identifier", ADA), ("password", PASSWORD)];
    assert_eq!(ada.submit(&page, "/sign-in", &fields).await.path, "/account");
}

#[tokio::test]
async fn people_are_shown_the_way_to_a_connection_and_refused_where_there_is_none() {
    let app = acme(&[], |policy| policy.connection = Some("acme-login".to_owned())).await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let fields = [("identifier", ADA), ("password", PASSWORD)];
    let refused = browser.submit(&page, "/sign-in", &fields).await;
    assert!(refused.says("Your organization signs in elsewhere"), "{}", refused.text);

    // The same server with a connection of this name.
    let config = config(&[]);
    let mut services = services(&config, app.ports()).await;
    let names = BTreeSet::from(["acme-login".to_owned()]);
    services.journeys = services.journeys.with_connections(Arc::new(names));
    let app = App::new(config, services).unwrap();
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let sent = browser.submit(&page, "/sign-in", &fields).await;
    assert!(sent.path.starts_with("/connection?journey="), "{} {}", sent.path, sent.text);
    assert!(
        sent.says("Sign in with Acme") && sent.text.contains("href=\"/upstream/acme-login?journey="),
        "{}",
        sent.text
    );
}

#[tokio::test]
async fn the_console_begins_the_sign_in_that_it_asks_for_and_comes_back() {
    let app = acme(&[], |_| ()).await;
    let mut ada = Browser::new(&app);
    let page = ada.get("/sign-in").await;
    let code = ada.submit(&page, "/sign-in", &[("identifier", ADA), ("action", "code")]).await;
    let (_, digits) = crate::testing::mail(&app, ADA).await;
    ada.submit(&code, "/verify", &[("code", &digits), ("action", "verify")]).await;
    let organizations = &app.services().organizations;
    let id = organizations.named("acme").await.unwrap().unwrap();
    let mut policy = OrganizationPolicy::default();
    policy.methods = BTreeSet::from(["pwd".to_owned()]);
    organizations.set_policy(&TENANT, id, &policy).await.unwrap();

    let console = ada.get("/organizations/acme/members").await;
    assert_eq!(console.status, StatusCode::FORBIDDEN);
    let start = "/step-up?organization=acme&continue=%2Forganizations%2Facme%2Fmembers";
    assert!(console.says(start), "{}", console.text);
    let before = ada.cookies.clone();
    let page = ada.get(start).await;
    assert!(page.path.starts_with("/sign-in?journey="), "{} {}", page.path, page.text);
    // One that counts alone is offered, to the same person.
    assert!(page.text.contains("name=\"password\"") && !page.says("Email me a code"), "{}", page.text);
    assert!(page.text.contains(&format!("value=\"{ADA}\"")));
    let back = ada.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert_eq!(
        (back.path.as_str(), back.status),
        ("/organizations/acme/members", StatusCode::OK),
        "{}",
        back.text
    );
    assert_ne!(before, ada.cookies, "a new secret");
    // Nothing is asked for twice, and a stranger learns nothing.
    assert_eq!(ada.get(start).await.path, "/organizations/acme/members");
    let mut eve = Browser::new(&app);
    sign_up(&app, &mut eve, "eve@example.com").await;
    assert_eq!(eve.get(start).await.status, StatusCode::NOT_FOUND);
    let mut nobody = Browser::new(&app);
    assert!(nobody.get(start).await.path.starts_with("/sign-in?continue="));
}

#[tokio::test]
async fn to_act_for_an_organization_begins_the_sign_in_that_it_demands() {
    let app = acme(&[], |_| {}).await;
    let mut ada = Browser::new(&app);
    sign_in(&mut ada, ADA, PASSWORD).await;
    let organizations = &app.services().organizations;
    let acme = organizations.choices(account_of(&app, ADA).await).await.unwrap()[0].0.id;
    let mut policy = OrganizationPolicy::default();
    policy.acr = Some(Acr::new("urn:ciam:acr:aal2"));
    organizations.set_policy(&TENANT, acme, &policy).await.unwrap();
    // Who signs in now adds a factor first; who has signed in before is sent for it when they act for the organization.
    let mut later = Browser::new(&app);
    let page = later.get("/sign-in").await;
    let enrol = later.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert!(enrol.path.starts_with("/enrol?"), "{}", enrol.path);
    let page = ada.get("/account/organizations").await;
    let refused = ada.submit(&page, "/account/organizations", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert!(refused.says("/step-up?organization="), "{}", refused.text);
}
