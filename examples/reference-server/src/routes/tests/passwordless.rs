//! A code, a link, a forgotten password, and what is asked before a session.

use ciam_core::{
    actor::Actor,
    http::SESSION_COOKIE,
    terms::{DocumentName, Terms, TermsText, TermsVersion},
};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, app, mail, sign_up},
};

const NEW: &str = "another long and unremarkable sentence";

async fn ask_for_code(browser: &mut Browser, identifier: &str) -> Seen {
    let form = browser.get("/sign-in").await;
    let fields = [("identifier", identifier), ("password", ""), ("action", "code")];
    let seen = browser.submit(&form, "/sign-in", &fields).await;
    assert!(seen.path.starts_with("/verify?journey="), "{}: {}", seen.path, seen.text);
    seen
}

/// The path of the link in the newest mail to an address.
async fn link(app: &App, to: &str) -> String {
    mail(app, to).await;
    let messages = app.catcher().unwrap().messages();
    let text = &messages.iter().find(|it| it.to == to).unwrap().text.text;
    let path = text.split_once("/link?token=").unwrap().1.split_whitespace().next().unwrap();
    format!("/link?token={path}")
}

async fn registered(app: &App) {
    sign_up(app, &mut Browser::new(app), "ada@example.com").await;
}

#[tokio::test]
async fn a_code_from_the_mail_signs_in() {
    let app = app(&[]).await;
    registered(&app).await;
    let mut browser = Browser::new(&app);
    let verify = ask_for_code(&mut browser, "ada@example.com").await;
    assert!(verify.says("If ada@example.com belongs to an account"));
    let (subject, code) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("sign-in code"), "{subject}");
    let done = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!(done.path, "/account");
}

#[tokio::test]
async fn a_link_is_opened_by_anybody_and_signs_in_only_where_it_was_asked_for() {
    let app = app(&[]).await;
    registered(&app).await;
    let mut browser = Browser::new(&app);
    ask_for_code(&mut browser, "ada@example.com").await;
    let path = link(&app, "ada@example.com").await;
    let (_, code) = mail(&app, "ada@example.com").await;

    let mut stranger = Browser::new(&app);
    let seen = stranger.get(&path).await;
    assert!(seen.says("another browser") && seen.says(&code) && !seen.text.contains("action=\"/link\""));
    let token = path.split_once('=').unwrap().1.to_owned();
    let csrf = stranger.get("/sign-in").await.hidden("/sign-in");
    let forged = stranger.post("/link", &[csrf[0].clone(), ("token".into(), token)]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(!stranger.cookies.contains_key(SESSION_COOKIE));

    for _ in 0..2 {
        assert!(browser.get(&path).await.says("Continue only if you asked"));
        assert!(!browser.cookies.contains_key(SESSION_COOKIE), "opening it is not following it");
    }
    let page = browser.get(&path).await;
    let done = browser.submit(&page, "/link", &[]).await;
    assert_eq!((done.path.as_str(), done.status), ("/account", StatusCode::OK));
    assert!(browser.get(&path).await.says("This page has expired"));
}

#[tokio::test]
async fn asking_for_a_code_or_a_recovery_answers_everybody_the_same() {
    let app = app(&[]).await;
    registered(&app).await;
    let page = async |identifier: &str, recovers: bool| {
        let mut browser = Browser::new(&app);
        let seen = if recovers {
            let form = browser.get("/recover").await;
            browser.submit(&form, "/recover", &[("identifier", identifier)]).await
        } else {
            ask_for_code(&mut browser, identifier).await
        };
        let hidden = seen.hidden("/verify");
        hidden
            .iter()
            .fold(seen.text.replace(identifier, "X"), |text, (_, value)| text.replace(value.as_str(), "Y"))
    };
    for recovers in [false, true] {
        let nobody = page("nobody@example.com", recovers).await;
        assert_eq!(page("ada@example.com", recovers).await, nobody);
        assert_eq!(page("not an identifier", recovers).await, nobody);
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced() {
    let app = app(&[]).await;
    let mut other = Browser::new(&app);
    sign_up(&app, &mut other, "ada@example.com").await;
    let mut browser = Browser::new(&app);
    assert!(browser.get("/sign-in").await.text.contains("href=\"/recover\""));
    let form = browser.get("/recover").await;
    let verify = browser.submit(&form, "/recover", &[("identifier", "ada@example.com")]).await;
    let (subject, code) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("recovery code"), "{subject}");
    let choose = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert!(choose.path.starts_with("/new-password?journey="), "{}", choose.path);
    let again = browser.submit(&choose, "/new-password", &[("password", "short")]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.says("Use at least 15 characters"));
    let done = browser.submit(&again, "/new-password", &[("password", NEW)]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
    assert_eq!(other.get("/account").await.path, "/sign-in", "signed out everywhere else");
    let (subject, _) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("was replaced"), "{subject}");
    let mut third = Browser::new(&app);
    crate::testing::sign_in(&mut third, "ada@example.com", NEW).await;
}

#[tokio::test]
async fn a_person_registers_without_a_password() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-up").await;
    let fields =
        [("email", "ada@example.com"), ("name", "Ada"), ("password", ""), ("action", "passwordless")];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    assert!(verify.path.starts_with("/verify?journey="), "{}", verify.path);
    let page = browser.get(&link(&app, "ada@example.com").await).await;
    assert_eq!(browser.submit(&page, "/link", &[]).await.path, "/account");
}

#[tokio::test]
async fn new_terms_are_accepted_before_the_session() {
    let app = app(&[]).await;
    registered(&app).await;
    let document = DocumentName::new("terms-of-service").unwrap();
    let text = TermsText::of("…").with_title("Terms <1>").with_url("https://example.com/terms");
    let version = TermsVersion::new(document, "1", app.ports().now()).with_text("en", text);
    Terms::new(app.ports().clone()).publish(version, &Actor::system("test")).await.unwrap();
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-in").await;
    let fields = [("identifier", "ada@example.com"), ("password", PASSWORD)];
    let terms = browser.submit(&form, "/sign-in", &fields).await;
    assert!(terms.path.starts_with("/terms?journey=") && terms.says("Terms <1>"), "{}", terms.path);
    let refused = browser.submit(&terms, "/terms", &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!browser.cookies.contains_key(SESSION_COOKIE));
    let done = browser.submit(&refused, "/terms", &[("terms-0", "terms-of-service|1")]).await;
    assert_eq!(done.path, "/account", "{}", done.text);
}
