//! Connecting a device (RFC 8628; S12): from the code that it shows to its tokens.

use axum::body::Body;
use ciam_oauth::client::{Client, GrantType};
use http::{Request, StatusCode};
use serde_json::Value;

use crate::{
    app::App,
    testing::{Browser, Seen, app, sign_in},
};

const PASSWORD: &str = "quiet-river-lantern-42";
const DEVICE_GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";

async fn television(app: &App) {
    let client = Client::public("television".parse().unwrap())
        .with_name("Living room television")
        .with_grant(GrantType::DeviceCode)
        .with_scopes("openid email notes:read".parse().unwrap());
    app.services().server.clients().register(client).await.unwrap();
}

/// What the device sends, which has neither cookies nor pages.
async fn ask(app: &App, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    let seen = Browser::new(app).send(request, Body::from(body.to_owned())).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

async fn begin(app: &App) -> Value {
    let (status, begun) = ask(app, "/device_authorization", "client_id=television&scope=openid+email").await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    begun
}

async fn poll(app: &App, begun: &Value) -> (StatusCode, Value) {
    let code = begun["device_code"].as_str().unwrap();
    ask(app, "/token", &format!("grant_type={DEVICE_GRANT}&client_id=television&device_code={code}")).await
}

async fn type_code(browser: &mut Browser, begun: &Value) -> Seen {
    let page = browser.get("/device").await;
    browser.submit(&page, "/device", &[("user_code", begun["user_code"].as_str().unwrap())]).await
}

#[tokio::test]
async fn a_device_is_connected() {
    let app = app(&[]).await;
    television(&app).await;
    let begun = begin(&app).await;
    let user_code = begun["user_code"].as_str().unwrap();
    assert_eq!(poll(&app, &begun).await.1["error"], "authorization_pending");

    let mut browser = Browser::new(&app);
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let page = browser.get(complete.strip_prefix("http://localhost:8080").unwrap()).await;
    assert!(page.text.contains(user_code), "the code of the address is shown");
    assert!(page.says("Only go on if the device is yours"), "and not sent: {}", page.text);
    let form = browser.submit(&page, "/device", &[("user_code", user_code)]).await;
    assert!(form.path.starts_with("/sign-in?continue="), "{}", form.path);
    let fields = [("identifier", "demo@example.com"), ("password", PASSWORD)];
    let consent = browser.submit(&form, "/sign-in", &fields).await;
    assert!(consent.path.starts_with("/consent?handle="), "{}", consent.path);
    for text in ["Living room television would like access", user_code, "A device waits for your answer"] {
        assert!(consent.says(text), "{text}");
    }
    let done = browser.submit(&consent, "/consent", &[("decision", "allow")]).await;
    assert_eq!(done.path, "/device/done?outcome=approved", "{}", done.text);
    assert!(done.says("Your device is connected"));

    let (status, tokens) = poll(&app, &begun).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["id_token"].is_string() && tokens["access_token"].is_string(), "{tokens}");
    let (_, again) = poll(&app, &begun).await;
    assert_eq!(again["error"], "invalid_grant", "once");
}

#[tokio::test]
async fn a_device_is_refused() {
    let app = app(&[]).await;
    television(&app).await;
    let begun = begin(&app).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    let consent = type_code(&mut browser, &begun).await;
    let done = browser.submit(&consent, "/consent", &[("decision", "deny")]).await;
    assert!(done.says("The device was not connected"), "{}", done.text);
    assert_eq!(poll(&app, &begun).await.1["error"], "access_denied");
    let again = type_code(&mut browser, &begun).await;
    assert!(again.says("This code is wrong, has expired or was used"), "{}", again.text);
}

/// S12: wrong codes are told from right ones ten times, and no link types one in.
#[tokio::test]
async fn s12_codes_are_not_guessed_and_not_sent_by_links() {
    let app = app(&[]).await;
    television(&app).await;
    let begun = begin(&app).await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/device").await;
    let typed = [("user_code".to_owned(), begun["user_code"].as_str().unwrap().to_owned())];
    let foreign = browser.post("/device", &typed).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "without the form's token");
    for _ in 0..10 {
        let seen = browser.submit(&page, "/device", &[("user_code", "BBBB-BBBB")]).await;
        assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(seen.says("This code is wrong"), "{}", seen.text);
    }
    let seen = browser.submit(&page, "/device", &[("user_code", typed[0].1.as_str())]).await;
    assert_eq!(seen.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(poll(&app, &begun).await.1["error"], "authorization_pending");
}
