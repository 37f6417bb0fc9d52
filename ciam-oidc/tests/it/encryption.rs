//! Encrypted ID tokens and UserInfo responses (OpenID Connect Core, sections 2, 5.3.2 and 10.2).

use bytes::Bytes;
use ciam_core::crypto::{self, Crypto, DecryptionKeyKind};
use ciam_core::http::Peer;
use ciam_core::jose::jwe::{ContentEncryption, Decrypter, DecryptionKey, KeyManagement};
use ciam_core::jose::{Algorithm, AlgorithmSet, TokenType, Verifier};
use ciam_oauth::client::{Client, ClientKeys, MessageProtection, TokenEncryption};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{Browser, ISSUER, World, web_named};

const REMOTE: &str = "https://app.example/jwks";

fn key(kid: &str, way: KeyManagement) -> DecryptionKey {
    key_of(&*crypto::ring(), kid, way)
}

fn key_of(backend: &dyn Crypto, kid: &str, way: KeyManagement) -> DecryptionKey {
    let kind = match way {
        KeyManagement::RsaOaep | KeyManagement::RsaOaep256 => DecryptionKeyKind::Rsa,
        _ => DecryptionKeyKind::P256,
    };
    let pkcs8 = backend.encryption().unwrap().generate_decryption_key(kind).unwrap();
    DecryptionKey::from_pkcs8(backend, way, pkcs8.expose()).unwrap().with_kid(kid)
}

fn set(keys: &[&DecryptionKey]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| key.public_jwk().unwrap().into()).collect();
    json!({ "keys": keys })
}

fn client(keys: ClientKeys, messages: impl FnOnce(MessageProtection) -> MessageProtection) -> Client {
    web_named("sealed").with_messages(messages(MessageProtection::new().with_keys(keys)))
}

async fn tokens(world: &World) -> Value {
    let mut browser = Browser::new(world);
    let back = world.follow(&mut browser, &World::request("sealed", &[])).await;
    world.exchange("sealed", &back).await
}

async fn userinfo(world: &World, access_token: &str) -> http::Response<Bytes> {
    let request = Request::get("/userinfo").header(AUTHORIZATION, format!("Bearer {access_token}"));
    world.server.handle(request.body(Bytes::new()).unwrap(), &Peer::new([192, 0, 2, 9].into())).await
}

async fn verified(world: &World, typ: &'static str, token: &str) -> Value {
    let keys = world.server.keys().keys().await.unwrap();
    let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly(typ));
    verifier.verify(token, keys.keys()).unwrap().claims().unwrap()
}

/// Section 10.2: signed, then encrypted, for every pair that the backend offers, and no other is advertised.
#[tokio::test]
async fn core_10_2_id_tokens_are_signed_and_then_encrypted() {
    let agreements = vec![KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw];
    let all = [agreements.clone(), vec![KeyManagement::RsaOaep, KeyManagement::RsaOaep256]].concat();
    for (backend, ways) in [(crypto::ring(), agreements), (crypto::aws_lc_rs(), all)] {
        let world = World::on(backend.clone()).await;
        let metadata = world.server.metadata();
        let names: Vec<&str> = ways.iter().map(|way| way.as_str()).collect();
        for kind in ["id_token", "userinfo", "authorization"] {
            assert_eq!(metadata[&format!("{kind}_encryption_alg_values_supported")], json!(names), "{kind}");
        }
        for alg in ways {
            let ours = key_of(&*backend, "e1", alg);
            for enc in ContentEncryption::ALL {
                id_token_by(&world, &ours, TokenEncryption::new(alg, enc)).await;
            }
        }
    }
}

async fn id_token_by(world: &World, ours: &DecryptionKey, with: TokenEncryption) {
    let registered = client(ClientKeys::Jwks(set(&[ours])), |it| it.with_id_token_encryption(with));
    world.server.clients().put(registered).await.unwrap();
    let body = tokens(world).await;
    let token = body["id_token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 5, "{token}");
    let opened = Decrypter::new(crypto::aws_lc_rs(), vec![ours.clone()]).decrypt(token).unwrap();
    assert_eq!((opened.header().management, opened.header().encryption), (with.alg, with.enc));
    let claims = verified(world, "JWT", opened.nested().unwrap()).await;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("sealed")));
    assert!(claims["at_hash"].is_string());
    // UserInfo stays as it was: it is registered for itself.
    let plain = userinfo(world, body["access_token"].as_str().unwrap()).await;
    assert_eq!(plain.headers()[CONTENT_TYPE], "application/json");
}

/// Section 5.3.2: a response that is encrypted alone holds the claims; one that is signed too holds a token.
#[tokio::test]
async fn core_5_3_2_userinfo_is_encrypted_with_or_without_a_signature() {
    let world = World::new().await;
    let ours = key("e1", KeyManagement::EcdhEs);
    let with = TokenEncryption::with_default_content(KeyManagement::EcdhEs);
    let open = |body: &Bytes| {
        let token = std::str::from_utf8(body).unwrap();
        Decrypter::new(crypto::ring(), vec![ours.clone()]).decrypt(token).unwrap()
    };
    for signed in [false, true] {
        let mut registered = client(ClientKeys::Jwks(set(&[&ours])), |it| it.with_userinfo_encryption(with));
        registered.userinfo_alg = signed.then_some(Algorithm::Es256);
        world.server.clients().put(registered).await.unwrap();
        let body = tokens(&world).await;
        let response = userinfo(&world, body["access_token"].as_str().unwrap()).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/jwt");
        let opened = open(response.body());
        assert_eq!(opened.header().encryption, ContentEncryption::A128CbcHs256);
        let claims: Value = if signed {
            verified(&world, "userinfo+jwt", opened.nested().unwrap()).await
        } else {
            serde_json::from_slice(opened.content().expose()).unwrap()
        };
        assert_eq!(claims["name"], "Ada Lovelace");
        assert_eq!(claims.get("iss").is_some(), signed);
    }
}

/// Section 10.2.1: the client rotates its keys where it publishes them; what it took away is soon used no more, and while
/// nothing can be fetched the last good keys stay in use. Never is anything sent in the clear instead.
#[tokio::test]
async fn core_10_2_1_published_keys_are_followed() {
    let world = World::new().await;
    let publish = |keys: Value| {
        let response = http::Response::builder().header("content-type", "application/json");
        world.outside.answer(REMOTE, response.body(Bytes::from(keys.to_string())).unwrap());
    };
    let with = TokenEncryption::with_default_content(KeyManagement::EcdhEs);
    let registered = client(ClientKeys::JwksUri(REMOTE.to_owned()), |it| it.with_id_token_encryption(with));
    world.server.clients().register(registered).await.unwrap();

    // Nothing is published yet: the tokens are not sent at all, and the code is not lost for it.
    let mut browser = Browser::new(&world);
    let back = world.follow(&mut browser, &World::request("sealed", &[])).await;
    let code = crate::world::param(&back, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", crate::world::CALLBACK),
        ("code_verifier", crate::world::VERIFIER),
    ];
    let (status, body) = world.post("/token", "sealed", &form).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE.as_u16(), "{body}");
    assert_eq!(body["error"], "temporarily_unavailable");

    let (one, two) = (key("e1", KeyManagement::EcdhEs), key("e2", KeyManagement::EcdhEs));
    publish(set(&[&one]));
    world.clock.advance(time::Duration::seconds(31));
    let (status, body) = world.post("/token", "sealed", &form).await;
    assert_eq!(status, 200, "{body}");
    let kid = |body: &Value| crate::world::header_of(body["id_token"].as_str().unwrap())["kid"].clone();
    assert_eq!(kid(&body), "e1");

    publish(set(&[&two]));
    assert_eq!(kid(&tokens(&world).await), "e1", "they are kept for a while");
    world.clock.advance(time::Duration::minutes(16));
    assert_eq!(kid(&tokens(&world).await), "e2");
    publish(json!("nonsense"));
    world.clock.advance(time::Duration::hours(1));
    assert_eq!(kid(&tokens(&world).await), "e2", "the last good ones");
}
