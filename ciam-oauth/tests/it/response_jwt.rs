//! Authorization responses in a JWT ([JARM](https://openid.net/specs/oauth-v2-jarm.html)).

use ciam_core::crypto::{self, DecryptionKeyKind};
use ciam_core::jose::jwe::{ContentEncryption, Decrypter, DecryptionKey, KeyManagement};
use ciam_core::jose::{Algorithm, AlgorithmSet, TokenType, Verifier};
use ciam_oauth::client::{ClientKeys, MessageProtection, TokenEncryption};
use http::StatusCode;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Browser, CALLBACK, ISSUER, World, request};

/// The claims of a response that this server signed.
pub(crate) async fn claims(world: &World, token: &str) -> Value {
    let keys = world.server.keys().keys().await.unwrap();
    let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("JWT"));
    verifier.verify(token, keys.keys()).unwrap().claims().unwrap()
}

async fn signed_in(world: &World) -> Browser {
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(world, &person).await;
    browser
}

/// Sections 2.1 and 2.3: every parameter is a claim, beside who answers whom and until when; nothing is beside the JWT.
#[tokio::test]
async fn jarm_2_3_a_response_is_one_signed_parameter() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let now = world.ports.now();
    for mode in ["jwt", "query.jwt", "fragment.jwt"] {
        let params = request("own", &[("response_mode", Some(mode))]);
        let reply = browser.authorize(&world, &params).await;
        assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{mode}");
        let location = reply.location().unwrap();
        let sent = match mode {
            "fragment.jwt" => location.fragment().unwrap(),
            _ => location.query().unwrap(),
        };
        let (name, token) = sent.split_once('=').unwrap();
        assert_eq!((name, token.contains('&')), ("response", false), "{mode}");
        let found = claims(&world, token).await;
        assert_eq!(found["iss"], ISSUER);
        assert_eq!(found["aud"], "own");
        assert_eq!(found["state"], "st4te");
        assert_eq!(found["exp"], (now + Duration::minutes(5)).unix_timestamp());
        assert!(world.code(found["code"].as_str().unwrap()).await.client.as_str() == "own");
        assert_eq!(found.get("error"), None);
    }
}

#[tokio::test]
async fn jarm_2_3_3_a_form_carries_the_jwt() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let params = request("own", &[("response_mode", Some("form_post.jwt"))]);
    let reply = browser.authorize(&world, &params).await;
    assert_eq!(reply.status(), StatusCode::OK);
    let token = reply.body().split("name=\"response\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    assert_eq!(claims(&world, token).await["iss"], ISSUER);
    assert_eq!(reply.body().matches("<input").count(), 1);
    // Works without JavaScript.
    assert!(reply.body().contains("<noscript><button type=\"submit\">"));
}

/// Section 2.1: errors are signed like codes, those of the request and those of the person.
#[tokio::test]
async fn jarm_2_1_errors_are_signed_too() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    for (change, code) in [
        (("scope", Some("unknown")), "invalid_scope"),
        (("code_challenge", None), "invalid_request"),
        (("request", Some("a.b.c")), "invalid_request_object"),
        (("prompt", Some("none")), "consent_required"),
    ] {
        let client = if code == "consent_required" { "web" } else { "own" };
        let params = request(client, &[("response_mode", Some("jwt")), change]);
        let reply = browser.authorize(&world, &params).await;
        let location = reply.location().unwrap();
        assert!(location.as_str().starts_with(&format!("{CALLBACK}?response=")), "{location}");
        assert_eq!(reply.param("error"), None);
        let found = claims(&world, &reply.param("response").unwrap()).await;
        assert_eq!(found["error"], code);
        assert_eq!(found["aud"], client);
        assert_eq!(found["state"], "st4te");
    }
}

/// Section 2.2 and 3: signed first, encrypted then, for the key and by the algorithms that the client registered.
#[tokio::test]
async fn jarm_2_2_a_response_is_encrypted_for_a_client_that_registers_it() {
    let world = World::new().await;
    let crypto = crypto::ring();
    let pkcs8 = crypto.encryption().unwrap().generate_decryption_key(DecryptionKeyKind::P256).unwrap();
    let key =
        DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEs, pkcs8.expose()).unwrap().with_kid("e1");
    let jwks = json!({ "keys": [Value::from(key.public_jwk().unwrap())] });
    let encryption = TokenEncryption::new(KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
    world
        .change_client("own", |client| {
            client.messages = MessageProtection::new()
                .with_keys(ClientKeys::Jwks(jwks))
                .with_authorization_encryption(encryption);
        })
        .await;
    let mut browser = signed_in(&world).await;
    let reply = browser.authorize(&world, &request("own", &[("response_mode", Some("jwt"))])).await;
    let token = reply.param("response").unwrap();
    let opened = Decrypter::new(crypto, vec![key]).decrypt(&token).unwrap();
    assert_eq!(opened.header().encryption, ContentEncryption::A256Gcm);
    assert_eq!(opened.header().kid.as_deref(), Some("e1"));
    let found = claims(&world, opened.nested().unwrap()).await;
    assert_eq!(found["aud"], "own");
    // A plain response stays plain: the client chooses by the mode.
    let plain = browser.authorize(&world, &request("own", &[])).await;
    assert_eq!(plain.param("iss").as_deref(), Some(ISSUER));
}

/// What the client's registration cannot hold is refused when it is registered, not when somebody signs in.
#[tokio::test]
async fn an_encryption_without_a_key_for_it_cannot_be_registered() {
    let world = World::new().await;
    let signing = ciam_core::jose::LocalSigner::generate(&*crypto::ring(), Algorithm::EdDsa).unwrap();
    let jwks = json!({ "keys": [serde_json::to_value(signing.public_jwk().unwrap()).unwrap()] });
    for (keys, alg) in [
        (None, KeyManagement::EcdhEs),
        (Some(jwks.clone()), KeyManagement::EcdhEs),
        // The ring backend encrypts for no RSA key, and no secret is shared.
        (Some(jwks.clone()), KeyManagement::RsaOaep256),
        (Some(jwks), KeyManagement::Dir),
    ] {
        let read = world.client("own").await;
        let mut messages = MessageProtection::new()
            .with_authorization_encryption(TokenEncryption::with_default_content(alg));
        messages.keys = keys.map(ClientKeys::Jwks);
        let next = read.value.clone().with_messages(messages);
        assert!(world.server.clients().update(&read, next).await.is_err(), "{alg:?}");
    }
    let read = world.client("own").await;
    let next =
        read.value.clone().with_messages(MessageProtection::new().with_authorization_alg(Algorithm::Rs256));
    assert!(world.server.clients().update(&read, next).await.is_err(), "there is no RSA key");
}

/// A message goes to an origin that the client registered, and only such a client is answered by one.
#[tokio::test]
async fn web_message_is_for_clients_that_registered_the_origin() {
    let world = World::new().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &world.account().await).await;
    let params = request("own", &[("response_mode", Some("web_message"))]);
    assert_eq!(browser.authorize(&world, &params).await.error(), "invalid_request");
    let registered = |client: &mut ciam_oauth::client::Client| {
        client.allowed_origins.insert("https://app.example".to_owned());
    };
    world.change_client("own", registered).await;
    let reply = browser.authorize(&world, &params).await;
    assert_eq!(reply.status(), 200);
    assert!(reply.body().contains("postMessage") && reply.body().contains("\"code\""), "{}", reply.body());
}
