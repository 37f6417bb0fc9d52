//! Authorization without a browser (draft-ietf-oauth-first-party-apps-03), in the server: an app signs a person in by the JSON
//! API, and comes with the session's token.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::served;
use crate::{app::App, testing::Browser};

const CLIENTS: &str = r#"
[[clients]]
id = "app"
name = "The app"
authentication = "none"
first_party = true
redirect_uris = ["com.example.app:/callback"]

[[clients]]
id = "stranger"
name = "Somebody else's"
authentication = "none"
redirect_uris = ["com.example.stranger:/callback"]
"#;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn json(app: &App, request: http::request::Builder, body: String) -> (StatusCode, Value) {
    let seen = Browser::new(app).send(request, body).await;
    (
        seen.status,
        serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{} {}", seen.status, seen.text)),
    )
}

async fn challenge(app: &App, client: &str, session: Option<&str>) -> (StatusCode, Value) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let scheme = if client == "app" { "com.example.app:/callback" } else { "com.example.stranger:/callback" };
    form.extend_pairs([
        ("client_id", client),
        ("redirect_uri", scheme),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    form.extend_pairs(session.map(|token| ("auth_session", token)));
    let request =
        Request::post("/authorize-challenge").header("content-type", "application/x-www-form-urlencoded");
    json(app, request, form.finish()).await
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
    let app = served("challenge", "authorization_challenge", CLIENTS).await;
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
    let form = format!(
        "grant_type=authorization_code&client_id=app&redirect_uri=com.example.app:/callback&code_verifier={VERIFIER}&code={}",
        given["authorization_code"].as_str().unwrap()
    );
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let (status, tokens) = json(&app, request, form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["id_token"].is_string(), "{tokens}");
}

#[tokio::test]
async fn it_is_off_unless_configured() {
    let app = crate::testing::app(&[]).await;
    let request =
        Request::post("/authorize-challenge").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(Browser::new(&app).send(request, "client_id=app").await.status, StatusCode::NOT_FOUND);
}
