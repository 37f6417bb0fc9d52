//! What the person agreed to and what happened, by JSON.

use ciam_core::{
    actor::Actor,
    organization::{RoleName, Slug},
    terms::{AcceptedHow, DocumentName, Terms, TermsText, TermsVersion},
};

use super::*;
use crate::testing::{account_of, person};

async fn send(browser: &mut Browser, method: Method, path: &str) -> Seen {
    call(browser, method, path, &[("origin", ORIGIN)]).await
}

/// Sends it, and holds the answer to the document.
async fn described(browser: &mut Browser, method: Method, path: &str, pattern: &str) -> Value {
    let seen = send(browser, method.clone(), path).await;
    assert!(seen.status.is_success(), "{method} {path}: {}", seen.text);
    schema::assert_response(&document::document(), pattern, &method.as_str().to_lowercase(), &seen);
    if seen.text.is_empty() { Value::Null } else { json_of(&seen) }
}

async fn read(browser: &mut Browser, path: &str) -> Value {
    described(browser, Method::GET, path, path).await
}

#[tokio::test]
async fn a_consent_is_given_listed_with_its_proof_and_taken_back() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let purposes = read(&mut browser, "/purposes").await;
    let asked = |consented| json!({"id": "newsletter", "consented": consented});
    let part = |it: &Value| json!({"id": it["items"][0]["id"], "consented": it["items"][0]["consented"]});
    assert_eq!(part(&purposes), asked(false));
    let (path, pattern) = ("/purposes/newsletter/consent", "/purposes/{id}/consent");
    described(&mut browser, Method::PUT, path, pattern).await;
    described(&mut browser, Method::PUT, path, pattern).await;
    assert_eq!(part(&read(&mut browser, "/purposes").await), asked(true));
    let consents = read(&mut browser, "/consents").await;
    let consent = &consents["items"][0];
    assert_eq!(consents["items"].as_array().unwrap().len(), 1);
    assert_eq!(consent["recipient"], json!({"kind": "purpose", "id": "newsletter"}));
    assert_eq!(
        (&consent["proof"]["version"], &consent["proof"]["locale"], &consent["proof"]["how"]),
        (&json!("1"), &json!("en"), &json!("api"))
    );
    assert_eq!(consent["proof"]["digest"].as_str().unwrap().len(), 43);
    described(&mut browser, Method::DELETE, path, pattern).await;
    assert_problem(&send(&mut browser, Method::DELETE, path).await, Code::NotFound);
    assert_eq!(read(&mut browser, "/consents").await["items"], json!([]));
    let history = read(&mut browser, "/consents/history").await;
    let allowed: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|it| it["allowed"].clone()).collect();
    assert_eq!(allowed, [json!(["newsletter"]), json!([])]);
    assert_problem(&send(&mut browser, Method::PUT, "/purposes/other/consent").await, Code::NotFound);
    assert_problem(&send(&mut browser, Method::DELETE, "/consents/clients/other").await, Code::NotFound);
}

#[tokio::test]
async fn what_an_application_was_allowed_is_taken_back_with_its_access() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let account = account_of(&app, "ada@example.com").await;
    let client: ciam_oauth::client::ClientId = "relying-party".parse().unwrap();
    let allowed = ["openid".to_owned()].into();
    let now = app.ports().now();
    let consent = ciam_core::consent::Consent::new(account, client.consent_recipient(), allowed, now);
    let proof = ciam_core::consent::ConsentProof::new("consent_page");
    let batch = consent.write_to(ciam_core::store::Batch::new(), app.ports(), proof).unwrap();
    assert!(app.ports().store().commit(batch).await.unwrap().is_applied());
    let consents = read(&mut browser, "/consents").await;
    assert_eq!(consents["items"][0]["name"], "Relying Party");
    assert_eq!(consents["items"][0]["proof"]["how"], "consent_page");
    let (path, pattern) = ("/consents/clients/relying-party", "/consents/clients/{id}");
    // Somebody else's is not there for her.
    let mut other = person(&app, "bob@example.com").await;
    assert_problem(&send(&mut other, Method::DELETE, path).await, Code::NotFound);
    described(&mut browser, Method::DELETE, path, pattern).await;
    assert_eq!(read(&mut browser, "/consents").await["items"], json!([]));
}

#[tokio::test]
async fn terms_activity_and_the_export_are_the_persons_own() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let (terms, document) = (Terms::new(app.ports().clone()), DocumentName::new("tos").unwrap());
    let text = TermsText::of("…").with_title("Terms").with_url("https://example.com/terms");
    let version = TermsVersion::new(document.clone(), "1", app.ports().now()).with_text("en", text);
    terms.publish(version, &Actor::system("test")).await.unwrap();
    let account = account_of(&app, "ada@example.com").await;
    terms.accept(account, &document, "1", &["en".into()], AcceptedHow::SignUp).await.unwrap();
    let accepted = read(&mut browser, "/terms").await;
    assert_eq!(accepted["items"][0]["title"], "Terms");
    assert_eq!(
        (&accepted["items"][0]["version"], &accepted["items"][0]["how"]),
        (&json!("1"), &json!("sign_up"))
    );

    let notifier = std::sync::Arc::new(ciam_core::memory::MemoryNotifier::new());
    let relay = ciam_core::relay::Relay::new(app.ports().clone(), notifier);
    let relay = relay.with_sink(crate::privacy::audit_sink(app.ports()));
    for _ in 0..5 {
        relay.deliver_pending().await.unwrap();
    }
    let first = described(&mut browser, Method::GET, "/activity?limit=2", "/activity").await;
    assert_eq!(first["items"][0]["type"], "ciam.account.registered.v1");
    let next = format!("/activity?limit=100&after={}", first["next"].as_str().unwrap());
    let rest = described(&mut browser, Method::GET, &next, "/activity").await;
    let types = rest["items"].to_string();
    assert!(types.contains("ciam.terms.accepted.v1") && rest["next"].is_null(), "{types}");

    let seen = send(&mut browser, Method::GET, "/export").await;
    assert_eq!(seen.header("content-type"), "application/json");
    assert_eq!(json_of(&seen)["account"]["id"], account.to_string());
}

#[tokio::test]
async fn the_last_owner_does_not_close_their_account() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    person(&app, "bob@example.com").await;
    let (ada, bob) = (account_of(&app, "ada@example.com").await, account_of(&app, "bob@example.com").await);
    let (organizations, tenant) = (&app.services().organizations, Actor::system("test"));
    let acme = organizations.create(&tenant, Slug::new("acme").unwrap(), "Acme", Some(ada)).await.unwrap();
    let member = [RoleName::new("member").unwrap()].into();
    organizations.add_member(&tenant, acme.id, bob, member).await.unwrap();
    let refused = send(&mut browser, Method::POST, "/close").await;
    assert_problem(&refused, Code::LastOwner);
    assert!(json_of(&refused)["detail"].as_str().unwrap().contains(&acme.id.to_string()));
    organizations.set_roles(&tenant, acme.id, bob, [RoleName::owner()].into()).await.unwrap();
    described(&mut browser, Method::POST, "/close", "/close").await;
}
