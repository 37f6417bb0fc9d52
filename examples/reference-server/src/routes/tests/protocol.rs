//! Requests of applications: where they need a person, and where they fail.

use http::StatusCode;

use crate::testing::{Browser, Seen, app, sign_in};

const CLIENT: &str = "/authorize?response_type=code&client_id=relying-party\
                      &redirect_uri=http%3A%2F%2Flocalhost%3A8081%2Fcallback&scope=openid+email+notes%3Aread\
                      &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                      &code_challenge_method=S256";
const PASSWORD: &str = "quiet-river-lantern-42";

fn callback(seen: &Seen, name: &str) -> Option<String> {
    let url = url::Url::parse(seen.location()?).ok()?;
    assert_eq!(url.origin().ascii_serialization(), "http://localhost:8081");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn an_application_is_signed_in_to_and_allowed_what_it_asks_for() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get(CLIENT).await;
    assert!(form.path.starts_with("/sign-in?continue="), "{}", form.path);
    assert!(form.says("to continue to Relying Party"));
    let policy = form.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://localhost:8081;"), "{policy}");

    let fields = [("identifier", "demo@example.com"), ("password", PASSWORD)];
    let consent = browser.submit(&form, "/sign-in", &fields).await;
    assert!(consent.path.starts_with("/consent?handle="), "{}", consent.path);
    for text in [
        "Relying Party would like access",
        "Dana Demo",
        "See your email address",
        "Read your notes",
        "localhost:8081",
    ] {
        assert!(consent.says(text), "{text}");
    }
    assert!(consent.header("content-security-policy").contains("form-action 'self' http://localhost:8081;"));

    let done = browser.submit(&consent, "/consent", &[("decision", "allow")]).await;
    assert_eq!(callback(&done, "state").as_deref(), Some("s"));
    assert!(callback(&done, "code").is_some(), "{:?}", done.location());

    let again = browser.get(CLIENT).await;
    assert!(callback(&again, "code").is_some(), "the consent is remembered");
    let account = browser.get("/account/applications").await;
    assert!(account.says("Applications with access") && account.says("Read your notes"));
    let revoked = browser.submit(&account, "/account/applications", &[]).await;
    assert!(revoked.says("Access removed") && revoked.says("No application has access"));
    assert!(browser.get(CLIENT).await.path.starts_with("/consent"), "and asked for again");
}

#[tokio::test]
async fn a_refusal_goes_back_to_the_application() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    let consent = browser.get(CLIENT).await;
    let done = browser.submit(&consent, "/consent", &[("decision", "deny")]).await;
    assert_eq!(callback(&done, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn sign_up_in_between_leads_back_to_the_application() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get(CLIENT).await;
    let link = form.text.split("href=\"/sign-up?continue=").nth(1).unwrap().split('"').next().unwrap();
    let form = browser.get(&format!("/sign-up?continue={link}")).await;
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", crate::testing::PASSWORD)];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    let (_, code) = crate::testing::mail(&app, "ada@example.com").await;
    let consent = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert!(consent.path.starts_with("/consent?handle="), "{}", consent.path);
    assert!(consent.says("You are signed in as Ada"));
}

#[tokio::test]
async fn what_no_address_can_be_trusted_for_is_shown_here() {
    let app = app(&[]).await;
    for query in [
        "client_id=unheard-of&redirect_uri=https://evil.example/",
        "client_id=relying-party&redirect_uri=https://evil.example/",
        "client_id=relying-party&client_id=x",
        "",
    ] {
        let seen = Browser::new(&app).get(&format!("/authorize?{query}")).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(seen.says("This link does not work") && seen.location().is_none(), "{query}");
    }
    for query in [
        "client_id=relying-party&post_logout_redirect_uri=https://evil.example/",
        "id_token_hint=x",
        "state=1&state=2",
    ] {
        let seen = Browser::new(&app).get(&format!("/logout?{query}")).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(seen.says("This link does not work") && seen.location().is_none(), "{query}");
    }
}

#[tokio::test]
async fn an_interaction_belongs_to_its_browser() {
    let app = app(&[]).await;
    let form = Browser::new(&app).get(CLIENT).await;
    let handle = form.path.split_once("continue=").unwrap().1;
    let mut thief = Browser::new(&app);
    for path in
        ["/interaction/", "/sign-in?continue=", "/sign-up?continue=", "/consent?handle=", "/choose?handle="]
    {
        let seen = thief.get(&format!("{path}{handle}")).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(seen.says("This page has expired") && !seen.says("Relying Party"), "{path}");
    }
}

#[tokio::test]
async fn the_endpoints_are_there_and_what_is_not_is_a_page() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let metadata = browser.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.header("content-type"), "application/json");
    let metadata: serde_json::Value = serde_json::from_str(&metadata.text).unwrap();
    assert_eq!(metadata["issuer"], "http://localhost:8080");
    let missing = browser.get("/oauth/authorize").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.says("Page not found"));
}

#[tokio::test]
async fn an_application_may_ask_for_a_language_unless_the_person_chose_one() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let with_language = format!("{CLIENT}&ui_locales=de");
    assert!(browser.get(&with_language).await.text.contains("<html lang=\"de\">"));
    let mut browser = Browser::new(&app);
    browser.get("/?ui_locales=en").await;
    assert!(browser.get(CLIENT).await.text.contains("<html lang=\"en\">"));
}
