//! What holds for every page: headers, host names, languages, error pages.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::testing::{Browser, app};

const PRODUCTION: &[&str] =
    &["--issuer", "https://id.example", "--smtp-url", "smtp://mail.example", "--mail-from", "a@id.example"];

#[tokio::test]
async fn every_page_carries_the_headers_that_make_a_browser_careful() {
    let mut browser = Browser::new(&app(&[]).await);
    for path in ["/", "/dev/mail", "/nowhere", "/assets/style.css"] {
        let seen = browser.get(path).await;
        let policy = seen.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}");
        assert_eq!(seen.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(seen.header("referrer-policy"), "same-origin", "{path}");
        assert!(seen.header("permissions-policy").contains("camera=()"), "{path}");
        assert_eq!(seen.header("strict-transport-security"), "", "{path}: plain http");
    }
    let mut browser = Browser::new(&app(PRODUCTION).await);
    assert!(browser.get("/").await.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test]
async fn assets_are_kept_and_pages_are_not() {
    let mut browser = Browser::new(&app(&[]).await);
    let home = browser.get("/").await;
    assert_eq!(home.header("cache-control"), "no-store");
    let style = home.text.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let seen = browser.get(style).await;
    assert_eq!(seen.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(seen.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(browser.get("/assets/theme.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_operators_stylesheet_is_served() {
    let file = std::env::temp_dir().join(format!("ciam-theme-{}.css", std::process::id()));
    std::fs::write(&file, ":root { --ciam-accent: #123456; }").unwrap();
    let mut browser = Browser::new(&app(&["--theme", file.to_str().unwrap()]).await);
    std::fs::remove_file(&file).unwrap();
    let home = browser.get("/").await;
    let theme = home.text.split("rel=\"stylesheet\" href=\"").nth(2).unwrap().split('"').next().unwrap();
    assert!(browser.get(theme).await.text.contains("#123456"));
}

#[tokio::test]
async fn another_host_name_leads_to_the_issuer() {
    let mut browser = Browser::new(&app(&[]).await);
    let seen =
        browser.send(Request::get("/sign-in?x=1").header("host", "127.0.0.1:8080"), Body::empty()).await;
    assert_eq!(seen.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(seen.location(), Some("http://localhost:8080/sign-in?x=1"));
    let seen = browser.send(Request::post("/token").header("host", "evil.example"), Body::empty()).await;
    assert_eq!(seen.status, StatusCode::MISDIRECTED_REQUEST);
    let probe = browser.send(Request::get("/healthz").header("host", "10.1.2.3:8080"), Body::empty()).await;
    assert_eq!((probe.status, probe.text.as_str()), (StatusCode::OK, "ok\n"));
}

#[tokio::test]
async fn readiness_is_the_databases() {
    let mut browser = Browser::new(&app(&[]).await);
    assert_eq!(browser.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_speak_the_language_that_was_asked_for_chosen_or_preferred() {
    let mut browser = Browser::new(&app(&[]).await);
    assert!(browser.get("/").await.text.contains("<html lang=\"en\">"));
    browser.headers.push(("accept-language", "de-AT, en;q=0.5".into()));
    assert!(browser.get("/").await.text.contains("<html lang=\"de\">"));
    assert!(browser.get("/?ui_locales=en").await.text.contains("<html lang=\"en\">"));
    assert!(browser.get("/").await.text.contains("<html lang=\"en\">"), "the choice is remembered");
    assert!(browser.get("/?ui_locales=xx").await.text.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn an_error_is_a_page() {
    let mut browser = Browser::new(&app(&[]).await);
    let missing = browser.get("/nowhere").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.says("Page not found"));
    let method = browser.send(Request::builder().method(Method::DELETE).uri("/"), Body::empty()).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.says("does not accept requests of this kind"));
    assert!(!method.says("Reference"), "only our own defects need one");
}

#[tokio::test]
async fn mail_is_shown_in_development_mode_only() {
    assert_eq!(Browser::new(&app(&[]).await).get("/dev/mail").await.status, StatusCode::OK);
    assert_eq!(Browser::new(&app(PRODUCTION).await).get("/dev/mail").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_start_page_says_what_to_try() {
    let home = Browser::new(&app(&[]).await).get("/").await;
    for text in ["demo@example.com", "http://localhost:8081", "http://localhost:8082", "/dev/mail"] {
        assert!(home.says(text), "{text}");
    }
    let home = Browser::new(&app(PRODUCTION).await).get("/").await;
    assert!(!home.says("demo@example.com") && !home.says("/dev/mail"));
}
