//! Authorization without a browser (draft-ietf-oauth-first-party-apps-03), in the server: an app signs a person in by the JSON
//! API, and comes with the session's token.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{CHALLENGE, VERIFIER, device_app, post, served};
use crate::{app::App, testing::Browser};

async fn json(app: &App, request: http::request::Builder, body: String) -> (StatusCode, Value) {
    let seen = Browser::new(app).send(request, body).await;
    (
        seen.status,
        serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{} {}", seen.status, seen.text)),
    )
}

async fn challenge(app: &App, client: &str, session: Option<&str>) -> (StatusCode, Value) {
    let callback = format!("com.example.{client}:/callback");
    let mut form = vec![
        ("client_id", client),
        ("redirect_uri", callback.as_str()),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    form.extend(session.map(|token| ("auth_session", token)));
    post(app, "/authorize-challenge", &form).await
}

/// Signs the demo account in as a native app does.
async fn session(app: &App) -> String {
    let post = |path: String| Request::post(path).header("content-type", "application/json");
    let base = "/api/account/v1/journeys";
    let (status, begun) = json(app, post(base.to_owned()), json!({ "kind": "sign_in" }).to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    let path = format!("{base}/{}/answers", text("journey"));
    let answer = json!({ "answer": "credentials", "identifier": "demo@example.com", "password": "quiet-river-lantern-42" });
    let (status, done) =
        json(app, post(path).header("ciam-browser", text("browser")), answer.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    done["token"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
}

#[tokio::test]
async fn an_app_of_the_operators_is_authorized_without_a_browser() {
    let clients = [device_app("app", "first_party = true\n"), device_app("stranger", "")].concat();
    let app = served("challenge", "authorization_challenge", &clients).await;
    let (status, asked) = challenge(&app, "app", None).await;
    assert_eq!((status, &asked["error"]), (StatusCode::BAD_REQUEST, &json!("insufficient_authorization")));
    let (_, refused) = challenge(&app, "app", Some("no-session")).await;
    assert_eq!(refused["error"], "invalid_session");
    let token = session(&app).await;
    // The apps of others see no passwords, and no sessions either.
    let (_, refused) = challenge(&app, "stranger", Some(&token)).await;
    assert_eq!(refused["error"], "unauthorized_client");
    let (status, given) = challenge(&app, "app", Some(&token)).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("redirect_uri", "com.example.app:/callback"),
        ("code_verifier", VERIFIER),
        ("code", given["authorization_code"].as_str().unwrap()),
    ];
    let (status, tokens) = post(&app, "/token", &form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["id_token"].is_string(), "{tokens}");
}

#[tokio::test]
async fn it_is_off_unless_configured() {
    let app = crate::testing::app(&[]).await;
    let (status, _) = post(&app, "/authorize-challenge", &[("client_id", "app")]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
