//! Apps of one maker that share a sign-in on a device (OpenID Connect Native SSO 1.0, draft 06), in the server.

use http::StatusCode;
use serde_json::{Value, json};

use super::{CHALLENGE, VERIFIER, device_app, post, served};
use crate::{
    app::App,
    testing::{Browser, sign_in},
};

const MORE: &str =
    "first_party = true\nscopes = [\"openid\", \"email\", \"device_sso\", \"offline_access\"]\n";

/// Signs in to the first app, and gives what it has.
async fn first(app: &App) -> Value {
    let mut browser = Browser::new(app);
    sign_in(&mut browser, "demo@example.com", "quiet-river-lantern-42").await;
    let path = format!(
        "/authorize?client_id=one&redirect_uri=com.example.one:/callback&response_type=code&state=s\
         &scope=openid+email+device_sso&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    // Of an app on a device nobody can know that it is the one, so the person is asked each time.
    let question = browser.get(&path).await;
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
    let (status, tokens) = post(app, "/token", &form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    tokens
}

#[tokio::test]
async fn a_second_app_is_signed_in_with_what_the_first_one_has() {
    let app =
        served("native", "native_sso", &[device_app("one", MORE), device_app("two", MORE)].concat()).await;
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
        post(&app, "/token", &form).await
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
