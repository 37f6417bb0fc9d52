//! Clients whose instances somebody attests (draft-ietf-oauth-attestation-based-client-auth-10), in the server.

use ciam_core::{
    crypto,
    jose::{Algorithm, LocalSigner, sign},
};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::served;
use crate::{app::App, testing::Browser};

fn key(kid: &str) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
}

/// Asks for a token with what an attester says of one instance, and what another proves.
async fn ask(
    app: &App,
    attester: &LocalSigner,
    said_of: &LocalSigner,
    by: &LocalSigner,
    jti: &str,
) -> (StatusCode, Value) {
    let now = app.ports().now().unix_timestamp();
    let statement = json!({ "sub": "wallet", "iat": now, "exp": now + 3600, "cnf": { "jwk": said_of.public_jwk().unwrap() } });
    let proof = json!({ "aud": "http://localhost:8080", "jti": jti, "iat": now });
    let request = Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header(
            "oauth-client-attestation",
            sign(attester, "oauth-client-attestation+jwt", &statement).await.unwrap(),
        )
        .header(
            "oauth-client-attestation-pop",
            sign(by, "oauth-client-attestation-pop+jwt", &proof).await.unwrap(),
        );
    let form =
        "grant_type=client_credentials&client_id=wallet&scope=orders:read&resource=https://api.example";
    let seen = Browser::new(app).send(request, form).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

#[tokio::test]
async fn an_attested_instance_is_authenticated_and_no_other() {
    let (attester, stranger, ours, theirs) = (key("a"), key("a"), key("i"), key("j"));
    let jwks = serde_json::to_string(&json!({ "keys": [attester.public_jwk().unwrap()] })).unwrap();
    let import = json!({
        "clients": [{
            "id": "wallet", "name": "Wallet", "authentication": "attest_jwt_client_auth",
            "grants": ["client_credentials"], "scopes": ["orders:read"], "resources": ["https://api.example"],
        }],
        "resources": [{ "id": "https://api.example", "scopes": { "orders:read": "Read your orders" } }],
    });
    let mut text = toml::to_string(&import).unwrap();
    // TOML writes tables last: the keys go into the client's.
    text = text.replace("id = \"wallet\"", &format!("id = \"wallet\"\njwks = {}", inline(&jwks)));
    let app = served("attested", "attested_clients", &text).await;
    let metadata = Browser::new(&app).get("/.well-known/openid-configuration").await;
    assert!(metadata.text.contains("\"attest_jwt_client_auth\""), "{}", metadata.text);

    let (status, tokens) = ask(&app, &attester, &ours, &ours, "1").await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    for (what, answer) in [
        ("a proof is used once", ask(&app, &attester, &ours, &ours, "1").await),
        ("the proof of another instance", ask(&app, &attester, &ours, &theirs, "2").await),
        ("the word of somebody else", ask(&app, &stranger, &ours, &ours, "3").await),
    ] {
        assert_eq!(
            (answer.0, &answer.1["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{what}"
        );
    }
}

/// JSON as an inline table of TOML.
fn inline(text: &str) -> String {
    let value: toml::Value = serde_json::from_str(text).unwrap();
    value.to_string()
}
