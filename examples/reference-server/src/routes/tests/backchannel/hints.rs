//! Whom a client means, in the word of somebody whom the operator trusts for it.

use ciam_core::memory::MemoryHttpClient;
use ciam_core::{
    crypto,
    jose::{Algorithm, LocalSigner, sign},
};

use super::*;
use crate::{
    document::{Document, Format},
    import::Import,
};

const ISSUER: &str = "https://loyalty.example";
const KEYS: &str = "https://loyalty.example/keys";

struct Loyalty {
    shop: Shop,
    key: LocalSigner,
}

fn key(kid: &'static str) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
}

fn published(keys: &[&LocalSigner]) -> Value {
    json!({ "keys": keys.iter().map(|it| it.public_jwk().unwrap()).collect::<Vec<_>>() })
}

fn serve(outside: &MemoryHttpClient, keys: &[&LocalSigner]) {
    let body = Bytes::from(published(keys).to_string());
    let answer = http::Response::builder().header("content-type", "application/json").body(body).unwrap();
    outside.answer(KEYS, answer);
}

impl Loyalty {
    /// With its keys in the file, or published.
    async fn new(fetched: bool) -> Self {
        let key = key("l1");
        let keys = if fetched {
            format!("jwks_uri = \"{KEYS}\"")
        } else {
            let jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
            let members: Vec<_> =
                jwk.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}")).collect();
            format!("jwks = {{ keys = [{{ {} }}] }}", members.join(", "))
        };
        let hints = format!(", login_hint_tokens = {{ issuer = \"{ISSUER}\", {keys} }}");
        let shop = Shop::with("", &hints).await;
        if fetched {
            serve(&shop.outside, &[&key]);
        }
        Self { shop, key }
    }

    fn claims(&self) -> Value {
        let now = self.shop.app.ports().now().unix_timestamp();
        json!({
            "iss": ISSUER, "aud": "http://localhost:8080", "iat": now, "exp": now + 300,
            "sub_id": { "format": "email", "email": "demo@example.com" },
        })
    }

    async fn bring(&self, client: &str, token: &str) -> (StatusCode, String) {
        let form = format!("scope=openid&login_hint_token={token}");
        let (status, body) = self.shop.send(client, "/bc-authorize", &form).await;
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    }

    async fn signed(&self, key: &LocalSigner, typ: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        sign(key, typ, &claims).await.unwrap()
    }
}

#[tokio::test]
async fn somebody_who_is_trusted_says_whom_a_client_means() {
    let loyalty = Loyalty::new(false).await;
    for typ in ["JWT", "login-hint+jwt"] {
        let token = loyalty.signed(&loyalty.key, typ, |_| ()).await;
        assert_eq!(loyalty.bring("till", &token).await, (StatusCode::OK, String::new()));
    }
    assert!(loyalty.shop.demo().await.get("/account").await.says("An application waits for your answer"));
    // Another client may not bring it.
    let token = loyalty.signed(&loyalty.key, "JWT", |_| ()).await;
    assert_eq!(loyalty.bring("other", &token).await.1, "unknown_user_id");
    let unknown = |error: &str| (StatusCode::BAD_REQUEST, error.to_owned());
    let now = loyalty.shop.app.ports().now().unix_timestamp();
    let old = loyalty.signed(&loyalty.key, "JWT", |it| it["exp"] = json!(now - 1)).await;
    assert_eq!(loyalty.bring("till", &old).await, unknown("expired_login_hint_token"));
    let thief = key("l1");
    let forged = loyalty.signed(&thief, "JWT", |_| ()).await;
    assert_eq!(loyalty.bring("till", &forged).await, unknown("unknown_user_id"));
    let other_type = loyalty.signed(&loyalty.key, "at+jwt", |_| ()).await;
    assert_eq!(loyalty.bring("till", &other_type).await, unknown("unknown_user_id"));
}

#[tokio::test]
async fn a_token_that_was_made_for_something_else_means_nobody() {
    let loyalty = Loyalty::new(false).await;
    let now = loyalty.shop.app.ports().now().unix_timestamp();
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("https://other.example")),
        ("aud", json!(["http://localhost:8080", "https://other.example"])),
        ("aud", Value::Null),
        ("exp", json!(now + 2 * 3600)),
        ("exp", Value::Null),
        ("nbf", json!(now + 60)),
        ("iat", json!(now + 60)),
        ("sub_id", Value::Null),
        ("sub_id", json!("demo@example.com")),
        ("sub_id", json!({ "format": "opaque", "id": "demo@example.com" })),
        ("sub_id", json!({ "format": "email", "email": "nobody@example.com" })),
        ("sub_id", json!({ "format": "email", "email": "demo" })),
        ("sub_id", json!({ "format": "phone_number", "phone_number": "demo@example.com" })),
    ] {
        let token = loyalty
            .signed(&loyalty.key, "JWT", |claims| {
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(name);
                } else {
                    claims[name] = value.clone();
                }
            })
            .await;
        let seen = loyalty.bring("till", &token).await;
        assert_eq!(seen, (StatusCode::BAD_REQUEST, "unknown_user_id".to_owned()), "{name} {value}");
    }
    for token in ["", "a.b.c", "demo@example.com"] {
        assert_eq!(loyalty.bring("till", token).await.0, StatusCode::BAD_REQUEST, "{token}");
    }
    loyalty.shop.relay().await;
    assert!(loyalty.shop.app.catcher().unwrap().messages().is_empty());
}

/// Keys that change are fetched again, and keys that cannot be had refuse.
#[tokio::test]
async fn its_keys_are_fetched() {
    let loyalty = Loyalty::new(true).await;
    let token = loyalty.signed(&loyalty.key, "JWT", |_| ()).await;
    assert_eq!(loyalty.bring("till", &token).await.0, StatusCode::OK);
    let next = key("l2");
    serve(&loyalty.shop.outside, &[&next]);
    loyalty.shop.clock.advance(Duration::minutes(2));
    let token = loyalty.signed(&next, "JWT", |_| ()).await;
    assert_eq!(loyalty.bring("till", &token).await.0, StatusCode::OK);
    let broken = Loyalty::new(true).await;
    broken.shop.outside.answer(KEYS, http::Response::builder().status(500).body(Bytes::new()).unwrap());
    let token = broken.signed(&broken.key, "JWT", |_| ()).await;
    let seen = broken.bring("till", &token).await;
    assert!(seen.0.is_server_error(), "{seen:?}");
}

#[test]
fn a_file_that_says_it_wrong_is_refused() {
    let read = |text: &str| Import::from_document(Document::new("clients.toml", text, Format::Toml));
    let file = |hints: &str| {
        format!(
            "[[clients]]\nid = \"till\"\nname = \"Till\"\nauthentication = \"client_secret_basic\"\ngrants = []\n\
             secret = \"a-secret-of-a-test-that-is-long-enough-for-till\"\n\
             backchannel = {{ delivery = \"poll\", login_hint_tokens = {{ issuer = \"{ISSUER}\"{hints} }} }}\n"
        )
    };
    for (hints, expected) in [
        ("", "exactly one of"),
        (", jwks = { keys = [] }, jwks_uri = \"https://loyalty.example/keys\"", "exactly one of"),
        (", jwks_uri = \"http://loyalty.example/keys\"", "https"),
    ] {
        let refused = read(&file(hints)).unwrap_err();
        assert!(format!("{refused:?}").contains(expected), "{hints}: {refused:?}");
    }
    read(&file(", jwks_uri = \"https://loyalty.example/keys\"")).unwrap();
}
