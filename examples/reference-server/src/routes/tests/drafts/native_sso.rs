//! Apps of one maker that share a sign-in on a device (OpenID Connect Native SSO 1.0, draft 06), in the server.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::served;
use crate::{
    app::App,
    testing::{Browser, sign_in},
};

const CLIENTS: &str = r#"
[[clients]]
id = "one"
name = "One"
authentication = "none"
first_party = true
redirect_uris = ["com.example.one:/callback"]
scopes = ["openid", "email", "device_sso", "offline_access"]

[[clients]]
id = "two"
name = "Two"
authentication = "none"
first_party = true
redirect_uris = ["com.example.two:/callback"]
scopes = ["openid", "email", "device_sso", "offline_access"]
"#;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn token(app: &App, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    let seen = Browser::new(app).send(request, body).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

/// Signs in to the first app, and gives what it has.
async fn first(app: &App) -> Value {
    let mut browser = Browser::new(app);
    sign_in(&mut browser, "demo@example.com", "quiet-river-lantern-42").await;
    let path = "/authorize?client_id=one&redirect_uri=com.example.one:/callback&response_type=code&state=s\
                &scope=openid+email+device_sso&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    // Of an app on a device nobody can know that it is the one, so the person is asked each time.
    let question = browser.get(path).await;
    let back = browser.submit(&question, "/consent", &[("decision", "allow")]).await;
    let target =
        url::Url::parse(back.location().unwrap_or_else(|| panic!("{} {}", back.path, back.text))).unwrap();
    let code = target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "one"),
        ("redirect_uri", "com.example.one:/callback"),
        ("code_verifier", VERIFIER),
        ("code", &code),
    ];
    let (status, tokens) = token(app, &form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

#[tokio::test]
async fn a_second_app_is_signed_in_with_what_the_first_one_has() {
    let app = served("native", "native_sso", CLIENTS).await;
    let shared = first(&app).await;
    let (id_token, secret) =
        (shared["id_token"].as_str().unwrap(), shared["device_secret"].as_str().unwrap());
    let second = async |secret: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "two"),
            ("audience", "http://localhost:8080"),
            ("scope", "openid email"),
            ("subject_token", id_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("actor_token", secret),
            ("actor_token_type", "urn:openid:params:token-type:device-secret"),
        ];
        token(&app, &form).await
    };
    let (status, tokens) = second(secret).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert!(tokens["access_token"].is_string() && tokens["id_token"].is_string(), "{tokens}");
    let (status, refused) = second("another-secret").await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")), "{refused}");
}

#[tokio::test]
async fn no_secret_goes_out_unless_configured() {
    let metadata =
        Browser::new(&crate::testing::app(&[]).await).get("/.well-known/openid-configuration").await;
    assert!(!metadata.text.contains("device_sso"), "{}", metadata.text);
}
