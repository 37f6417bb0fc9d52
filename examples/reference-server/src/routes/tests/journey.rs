//! A person signs up, signs in and signs out.

use axum::body::Body;
use ciam_core::http::SESSION_COOKIE;
use http::{Request, StatusCode};

use crate::testing::{Browser, PASSWORD, app, mail, sign_in, sign_up};

#[tokio::test]
async fn from_sign_up_to_sign_out() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-up").await;
    let fields = [("email", "ada@example.com"), ("name", "Ada <3"), ("password", PASSWORD)];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    assert!(verify.path.starts_with("/verify?journey="), "{}", verify.path);
    assert!(verify.says("ada@example.com"));

    let (subject, code) = mail(&app, "ada@example.com").await;
    assert!(subject.contains("is your verification code for Ciam"));
    let account = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
    assert_eq!((account.path.as_str(), account.status), ("/account", StatusCode::OK));
    assert!(account.says("Ada <3") && account.text.contains("Ada &#60;3"));
    assert!(browser.get("/").await.says("You are signed in as Ada <3"));
    assert_eq!(browser.get("/sign-in").await.path, "/account", "who is signed in need not sign in");

    let out = browser.submit(&account, "/sign-out", &[]).await;
    assert_eq!(out.path, "/signed-out");
    assert!(!browser.cookies.contains_key(SESSION_COOKIE));
    assert_eq!(browser.get("/account").await.path, "/sign-in");
}

#[tokio::test]
async fn the_cookies_are_host_only_and_out_of_reach_of_scripts() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in?ui_locales=de").await;
    let mut fields = page.hidden("/sign-in");
    fields.extend([
        ("identifier".into(), "demo@example.com".into()),
        ("password".into(), DEMO_PASSWORD.into()),
    ]);
    let done = browser.post("/sign-in", &fields).await;
    let mut given: Vec<_> =
        page.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    given.extend(done.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()));
    assert_eq!(given.len(), 4, "{given:?}");
    for cookie in given {
        assert!(cookie.starts_with("__Host-ciam-"), "{cookie}");
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(cookie.split("; ").any(|it| it == attribute), "{cookie}");
        }
    }
}

#[tokio::test]
async fn an_existing_address_is_answered_in_the_same_way_and_its_owner_is_told() {
    let app = app(&[]).await;
    let page = async |email: &str| {
        let mut browser = Browser::new(&app);
        let form = browser.get("/sign-up").await;
        let fields = [("email", email), ("name", "Eve"), ("password", PASSWORD)];
        let seen = browser.submit(&form, "/sign-up", &fields).await;
        assert_eq!(seen.status, StatusCode::OK);
        // What differs for everybody: the journey, the token and the address.
        let hidden = seen.hidden("/verify");
        hidden
            .iter()
            .fold(seen.text.replace(email, "X"), |text, (_, value)| text.replace(value.as_str(), "Y"))
    };
    assert_eq!(page("demo@example.com").await, page("nobody@example.com").await);
    assert!(mail(&app, "demo@example.com").await.0.contains("already have an account"));
    assert!(mail(&app, "nobody@example.com").await.0.contains("verification code"));
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_the_same() {
    let app = app(&[]).await;
    let page = async |identifier: &str| {
        let mut browser = Browser::new(&app);
        let form = browser.get("/sign-in").await;
        let fields = [("identifier", identifier), ("password", "not the password at all")];
        let seen = browser.submit(&form, "/sign-in", &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(seen.says("could not sign you in"));
        assert!(!browser.cookies.contains_key(SESSION_COOKIE));
        // What is of one page alone: the handles of its forms, and the challenge of its passkey.
        let mut own: Vec<String> = seen.hidden("/sign-in").into_iter().map(|it| it.1).collect();
        own.extend(seen.hidden("/factor").into_iter().map(|it| it.1));
        own.extend(
            seen.text
                .split("data-options=\"")
                .skip(1)
                .filter_map(|it| it.split('"').next())
                .map(str::to_owned),
        );
        own.retain(|it| !it.is_empty());
        own.iter().fold(seen.text.replace(identifier, "X"), |text, value| text.replace(value.as_str(), "Y"))
    };
    let unknown = page("nobody@example.com").await;
    assert_eq!(page("demo@example.com").await, unknown);
    assert_eq!(page("no identifier at all").await, unknown);
}

#[tokio::test]
async fn each_mistake_in_a_registration_is_shown_at_its_field() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-up").await;
    for (email, name, password, expected) in [
        ("ada@", "Ada", PASSWORD, "Enter an email address"),
        ("ada@example.com", "Ada", "short", "Use at least 15 characters"),
        ("ada@example.com", "Ada", "aaaaaaaaaaaaaaaaaaaa", "too easy to guess"),
        ("ada@example.com", &"A".repeat(129), PASSWORD, "at most 128 characters"),
    ] {
        let fields = [("email", email), ("name", name), ("password", password)];
        let seen = browser.submit(&form, "/sign-up", &fields).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY, "{expected}");
        assert!(seen.says(expected) && seen.text.contains("aria-invalid=\"true\""), "{expected}");
        assert!(seen.says(email), "what was typed is kept");
        assert!(!seen.says(password), "but never a password");
    }
}

#[tokio::test]
async fn a_wrong_code_may_be_corrected_and_a_new_one_sent() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-up").await;
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    let (_, first) = mail(&app, "ada@example.com").await;
    let wrong = if first == "000000" { "000001" } else { "000000" };
    let seen = browser.submit(&verify, "/verify", &[("code", wrong), ("action", "verify")]).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.says("That code is not right"));
    let seen = browser.submit(&seen, "/verify", &[("action", "resend")]).await;
    assert!(seen.says("A new code is on its way"), "{}", seen.text);
    let (_, second) = mail(&app, "ada@example.com").await;
    assert_ne!(first, second);
    let done = browser.submit(&seen, "/verify", &[("code", &second), ("action", "verify")]).await;
    assert_eq!(done.path, "/account");
}

#[tokio::test]
async fn a_journey_belongs_to_its_browser() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let form = browser.get("/sign-up").await;
    let fields = [("email", "ada@example.com"), ("name", "Ada"), ("password", PASSWORD)];
    let verify = browser.submit(&form, "/sign-up", &fields).await;
    let stolen = Browser::new(&app).get(&verify.path).await;
    assert_eq!(stolen.status, StatusCode::BAD_REQUEST);
    assert!(stolen.says("This page has expired") && !stolen.says("ada@example.com"));
}

#[tokio::test]
async fn a_tampered_session_cookie_is_no_session() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", DEMO_PASSWORD).await;
    let good = browser.cookies[SESSION_COOKIE].clone();
    let (id, secret) = good.split_once('.').unwrap();
    let flipped = if secret.starts_with('A') { "B" } else { "A" };
    let tail = secret.get(1..).unwrap();
    for bad in [
        format!("{id}.{flipped}{tail}"),
        id.to_owned(),
        format!("{id}."),
        format!("{secret}.{id}"),
        format!("{good}; {SESSION_COOKIE}={good}"),
        String::new(),
    ] {
        browser.cookies.insert(SESSION_COOKIE.to_owned(), bad.clone());
        let seen = browser.send(Request::get("/account"), Body::empty()).await;
        assert_eq!(seen.location(), Some("/sign-in"), "{bad}");
    }
    browser.cookies.insert(SESSION_COOKIE.to_owned(), good);
    assert_eq!(browser.get("/account").await.path, "/account");
}

#[tokio::test]
async fn a_sign_in_gives_a_new_session_every_time() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", DEMO_PASSWORD).await;
    let first = browser.cookies[SESSION_COOKIE].clone();
    sign_in(&mut Browser::new(&app), "demo@example.com", DEMO_PASSWORD).await;
    let page = browser.get("/sign-out").await;
    browser.submit(&page, "/sign-out", &[]).await;
    sign_in(&mut browser, "demo@example.com", DEMO_PASSWORD).await;
    assert_ne!(browser.cookies[SESSION_COOKIE], first);
    browser.cookies.insert(SESSION_COOKIE.to_owned(), first);
    assert_eq!(browser.get("/account").await.path, "/sign-in", "the session that was signed out is over");
}

#[tokio::test]
async fn closed_registration_is_closed() {
    let file = std::env::temp_dir().join(format!("ciam-closed-{}.toml", std::process::id()));
    std::fs::write(&file, "[ui]\nsign_up = false\n").unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-up").await;
    assert!(page.says("Registration is closed") && !page.text.contains("name=\"password\""));
    assert!(!browser.get("/sign-in").await.text.contains("/sign-up"));
    let token = browser.get("/sign-in").await.hidden("/sign-in");
    assert_eq!(browser.post("/sign-up", &token).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn mail_speaks_the_language_of_the_page() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    browser.headers.push(("accept-language", "de".into()));
    sign_up(&app, &mut browser, "ada@example.com").await;
    assert!(mail(&app, "ada@example.com").await.0.contains("Bestätigungscode"));
}

const DEMO_PASSWORD: &str = "quiet-river-lantern-42";
