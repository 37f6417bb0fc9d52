//! Request objects ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101)), by value, pushed and by reference.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::jose::jwe::{
    self, ContentEncryption, EncryptionJwk, EncryptionJwkSet, KeyManagement, Recipient,
};
use ciam_core::jose::{Algorithm, JwkSetLimits, LocalSigner, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::client::{Client, ClientKeys, GrantType, MessageProtection, TokenEncryption};
use ciam_oauth::request_object::RequestObjects;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use http::StatusCode;
use serde_json::{Map, Value, json};
use time::macros::datetime;

use crate::support::{Browser, CALLBACK, CHALLENGE, ISSUER, World, query};

/// A client that signs, and its key.
struct Signing {
    world: World,
    key: LocalSigner,
    outside: MemoryHttpClient,
}

impl Signing {
    async fn new(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::with(configure, |messages| messages).await
    }

    async fn with(
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
        messages: impl FnOnce(MessageProtection) -> MessageProtection,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)))
            .with_http_client(Arc::new(outside.clone()));
        let world = World::on(ports, clock, configure).await;
        let key = signer("c1", Algorithm::Es256);
        let client = Client::public("signs".parse().unwrap())
            .with_redirect_uri(CALLBACK.parse().unwrap())
            .with_redirect_uri("https://app.example/other".parse().unwrap())
            .with_grant(GrantType::AuthorizationCode)
            .with_scopes("profile:read orders:read".parse().unwrap())
            .with_messages(messages(MessageProtection::new().with_keys(jwks(&[&key]))))
            .first_party();
        world.server.clients().register(client).await.unwrap();
        Self { world, key, outside }
    }

    async fn object(&self, changes: &Value) -> String {
        self.signed(&self.key, "oauth-authz-req+jwt", changes).await
    }

    async fn signed(&self, key: &LocalSigner, typ: &str, changes: &Value) -> String {
        sign(key, typ, &self.claims(changes)).await.unwrap()
    }

    /// Good claims with changes: `null` takes one away.
    fn claims(&self, changes: &Value) -> Map<String, Value> {
        let now = self.world.ports.now().unix_timestamp();
        let mut claims = json!({
            "iss": "signs", "aud": ISSUER, "exp": now + 300, "nbf": now, "client_id": "signs",
            "response_type": "code", "redirect_uri": CALLBACK, "scope": "profile:read", "state": "inside",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => members.remove(name),
                other => members.insert(name.clone(), other.clone()),
            };
        }
        members.clone()
    }

    async fn signed_in(&self) -> Browser {
        let person = self.world.account().await;
        let mut browser = Browser::new();
        browser.sign_in(&self.world, &person).await;
        browser
    }

    /// The answer to a pushed request: the status and the body.
    async fn push(&self, params: &[(&str, &str)]) -> (StatusCode, Value) {
        let reply = Browser::new().post(&self.world, "/par", params).await;
        (reply.status(), serde_json::from_str(reply.body()).unwrap())
    }
}

fn signer(kid: &str, alg: Algorithm) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), alg).unwrap().with_kid(kid)
}

fn jwks(keys: &[&LocalSigner]) -> ClientKeys {
    let keys: Vec<Value> =
        keys.iter().map(|key| serde_json::to_value(key.public_jwk().unwrap()).unwrap()).collect();
    ClientKeys::Jwks(json!({ "keys": keys }))
}

fn with_object(object: &str) -> Vec<(&str, &str)> {
    vec![("client_id", "signs"), ("request", object)]
}

/// RFC 9101, section 6.3, S28: what is inside counts, and nothing outside does.
#[tokio::test]
async fn rfc9101_6_3_parameters_beside_a_request_object_are_ignored() {
    let signing = Signing::new(|builder| builder).await;
    let mut browser = signing.signed_in().await;
    let object = signing.object(&json!({})).await;
    let mut params = with_object(&object);
    params.extend([
        ("state", "outside"),
        ("scope", "orders:read"),
        ("redirect_uri", "https://app.example/other"),
        ("response_mode", "fragment"),
        ("prompt", "login"),
        ("nonce", "outside"),
    ]);
    let reply = browser.authorize(&signing.world, &params).await;
    assert!(reply.location().unwrap().as_str().starts_with(&format!("{CALLBACK}?")), "{reply:?}");
    assert_eq!(reply.param("state").as_deref(), Some("inside"));
    let code = signing.world.code(&reply.code()).await;
    assert_eq!(code.scopes.to_string(), "profile:read");
    assert_eq!(code.redirect_uri.as_str(), CALLBACK);
}

/// `state` only beside the object: fapi2 `state-only-outside-request-object-not-used`.
#[tokio::test]
async fn fapi2_state_only_outside_request_object_not_used() {
    let signing = Signing::new(|builder| builder).await;
    let mut browser = signing.signed_in().await;
    let object = signing.object(&json!({ "state": null })).await;
    let mut params = with_object(&object);
    params.push(("state", "outside"));
    let reply = browser.authorize(&signing.world, &params).await;
    reply.code();
    assert_eq!(reply.param("state"), None);
}

/// S28, RFC 9101 sections 4, 6 and 10.8: what is not exactly a request object of this client for this server is refused, at
/// the authorization endpoint to a registered address beside it, and to a push as JSON.
#[tokio::test]
async fn s28_request_objects_that_are_refused() {
    let signing = Signing::new(|builder| builder).await;
    let now = signing.world.ports.now().unix_timestamp();
    let stranger = signer("c1", Algorithm::Es256);
    let mut objects: Vec<(&str, String)> = Vec::new();
    for (what, changes) in [
        ("no iss", json!({ "iss": null })),
        ("other iss", json!({ "iss": "web" })),
        ("client assertion", json!({ "sub": "signs" })),
        ("no client_id", json!({ "client_id": null })),
        ("other client_id", json!({ "client_id": "web" })),
        ("no aud", json!({ "aud": null })),
        ("bad aud", json!({ "aud": "https://other.example" })),
        ("expired", json!({ "exp": now - 300 })),
        ("exp over 60", json!({ "exp": now + 70 * 60 })),
        ("nbf over 60", json!({ "nbf": now - 70 * 60 })),
        ("nbf in the future", json!({ "nbf": now + 90 })),
        ("nested request", json!({ "request": "a.b.c" })),
        ("nested request_uri", json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x" })),
        ("resource of numbers", json!({ "resource": [7] })),
    ] {
        objects.push((what, signing.object(&changes).await));
    }
    let good = signing.object(&json!({})).await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    objects.push(("invalid signature", format!("{head}.{flipped}{}", &signature[1..])));
    objects.push(("no signature", format!("{head}.")));
    objects.push(("another key", signing.signed(&stranger, "JWT", &json!({})).await));
    objects.push(("type of another token", signing.signed(&signing.key, "at+jwt", &json!({})).await));
    objects.push(("alg none", "eyJhbGciOiJub25lIn0.e30.".to_owned()));
    objects.push(("four parts", format!("{good}.x")));
    objects.push(("no token", "x".to_owned()));
    objects.push(("encrypted for nobody", format!("{good}.a.b")));
    objects.push(("too large", format!("{}.{}.c2ln", "A".repeat(20_000), "A".repeat(20_000))));
    for (what, object) in objects {
        let mut params = with_object(&object);
        params.extend([("redirect_uri", CALLBACK), ("state", "outside")]);
        let reply = signing.signed_in().await.authorize(&signing.world, &params).await;
        assert!(reply.location().unwrap().as_str().starts_with(&format!("{CALLBACK}?")), "{what}");
        assert_eq!(reply.error(), "invalid_request_object", "{what}");
        assert_eq!(reply.param("iss").as_deref(), Some(ISSUER), "{what}");
        let (status, body) = signing.push(&with_object(&object)).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_request_object")),
            "{what}"
        );
    }
}

/// With no address beside it that could be trusted, the person is told, and nothing is redirected.
#[tokio::test]
async fn a_refused_request_object_redirects_to_no_unregistered_address() {
    let signing = Signing::new(|builder| builder).await;
    let object = signing
        .object(&json!({ "aud": "https://other.example", "redirect_uri": "https://evil.example/cb" }))
        .await;
    let evil = signing.object(&json!({ "redirect_uri": "https://evil.example/cb" })).await;
    for (object, outside) in
        [(&object, None), (&object, Some("https://evil.example/cb")), (&evil, Some(CALLBACK))]
    {
        let mut params = with_object(object);
        params.extend(outside.map(|uri| ("redirect_uri", uri)));
        let reply = Browser::new().authorize(&signing.world, &params).await;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
        assert_eq!(reply.location(), None);
    }
}

/// RFC 9101, section 10.1 and RFC 8725: the algorithm is the registered one, and none where the client has no key.
#[tokio::test]
async fn rfc9101_10_1_the_algorithm_is_the_registered_one() {
    let signing =
        Signing::with(|builder| builder, |messages| messages.with_request_object_alg(Algorithm::EdDsa)).await;
    let other = signing.object(&json!({})).await;
    let key = signer("c2", Algorithm::EdDsa);
    signing
        .world
        .change_client("signs", |client| client.messages.keys = Some(jwks(&[&signing.key, &key])))
        .await;
    let good = signing.signed(&key, "JWT", &json!({})).await;
    assert_eq!(signing.push(&with_object(&good)).await.0, StatusCode::CREATED);
    assert_eq!(signing.push(&with_object(&other)).await.1["error"], "invalid_request_object");
    let object = sign(&signing.key, "JWT", &signing.claims(&json!({ "iss": "app", "client_id": "app" })))
        .await
        .unwrap();
    let (_, body) = signing.push(&[("client_id", "app"), ("request", &object)]).await;
    assert_eq!(body["error"], "invalid_request_object", "a client without keys");
}

/// fapi2 `ensure-signed-request-object-with-RS256-fails`, as far as the server's own rule goes.
#[tokio::test]
async fn an_algorithm_that_the_server_does_not_take_is_refused_whatever_is_registered() {
    let only = ciam_core::jose::AlgorithmSet::of(&[Algorithm::EdDsa]);
    let signing =
        Signing::new(|builder| builder.request_objects(RequestObjects::new().with_algorithms(only))).await;
    let object = signing.object(&json!({})).await;
    assert_eq!(signing.push(&with_object(&object)).await.1["error"], "invalid_request_object");
    assert_eq!(
        signing.world.server.metadata()["request_object_signing_alg_values_supported"],
        json!(["EdDSA"])
    );
    let read = signing.world.client("signs").await;
    let mut next = read.value.clone();
    next.messages.request_object_alg = Some(Algorithm::Es256);
    assert!(signing.world.server.clients().update(&read, next).await.is_err());
}

/// RFC 9126, section 3: a request object is pushed, and used by its `request_uri`.
#[tokio::test]
async fn rfc9126_3_a_request_object_is_pushed() {
    let signing = Signing::new(|builder| builder).await;
    let object = signing.object(&json!({})).await;
    let mut params = with_object(&object);
    params.push(("scope", "orders:read"));
    let (status, body) = signing.push(&params).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let uri = body["request_uri"].as_str().unwrap();
    let mut browser = signing.signed_in().await;
    let reply = browser.authorize(&signing.world, &[("client_id", "signs"), ("request_uri", uri)]).await;
    assert_eq!(signing.world.code(&reply.code()).await.scopes.to_string(), "profile:read");
    // Both at once are two requests, of which one would be ignored.
    let both = [("client_id", "signs"), ("request_uri", uri), ("request", object.as_str())];
    let reply = browser.authorize(&signing.world, &both).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
}

/// RFC 9101, section 10.5: `require_signed_request_object`, of the client and of the server.
#[tokio::test]
async fn rfc9101_10_5_a_client_that_signs_cannot_be_made_not_to() {
    let of_client = Signing::with(|builder| builder, MessageProtection::requiring_signed_requests).await;
    let required = RequestObjects::new().required();
    let of_server = Signing::new(|builder| builder.request_objects(required)).await;
    assert_eq!(of_server.world.server.metadata()["require_signed_request_object"], true);
    for signing in [of_client, of_server] {
        let mut plain: Vec<(String, String)> = Vec::new();
        for (name, value) in signing.claims(&json!({ "aud": null, "iss": null, "exp": null, "nbf": null })) {
            plain.push((name, value.as_str().unwrap().to_owned()));
        }
        let plain: Vec<(&str, &str)> = plain.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut browser = signing.signed_in().await;
        let reply = browser.authorize(&signing.world, &plain).await;
        assert_eq!(reply.error(), "invalid_request");
        assert_eq!(signing.push(&plain).await.1["error"], "invalid_request");
        let object = signing.object(&json!({})).await;
        browser.authorize(&signing.world, &with_object(&object)).await.code();
    }
}

/// FAPI 2.0 Message Signing, section 5.3.1.
#[tokio::test]
async fn fapi2_ms_5_3_1_a_request_object_says_when_it_is_valid() {
    let dated = Signing::new(|builder| builder.request_objects(RequestObjects::new().dated())).await;
    for changes in [json!({ "exp": null }), json!({ "nbf": null })] {
        let object = dated.object(&changes).await;
        assert_eq!(dated.push(&with_object(&object)).await.1["error"], "invalid_request_object", "{changes}");
    }
    let now = dated.world.ports.now().unix_timestamp();
    for changes in [json!({}), json!({ "nbf": now + 8 }), json!({ "aud": ["https://other.example", ISSUER] })]
    {
        let object = dated.object(&changes).await;
        assert_eq!(dated.push(&with_object(&object)).await.0, StatusCode::CREATED, "{changes}");
    }
}

#[tokio::test]
async fn without_request_objects_none_is_taken_nor_advertised() {
    let world = World::with(ServerBuilder::without_request_objects).await;
    let metadata = world.server.metadata();
    assert_eq!(metadata["request_parameter_supported"], false);
    assert_eq!(metadata.get("request_object_signing_alg_values_supported"), None);
    let params = crate::support::request("own", &[("request", Some("a.b.c"))]);
    assert_eq!(Browser::new().authorize(&world, &params).await.error(), "request_not_supported");
}

fn encrypted(builder: ServerBuilder) -> ServerBuilder {
    builder.request_objects(RequestObjects::new().encrypted())
}

/// The key that the server publishes for request objects.
async fn server_key(world: &World) -> EncryptionJwk {
    server_keys(world).await.keys()[0].clone()
}

async fn server_keys(world: &World) -> EncryptionJwkSet {
    let reply = Browser::new().get(world, "/jwks").await;
    let set = EncryptionJwkSet::parse(reply.body(), &JwkSetLimits::default()).unwrap();
    // The signing keys are there as before.
    let all: Value = serde_json::from_str(reply.body()).unwrap();
    assert!(all["keys"].as_array().unwrap().len() >= 2);
    set
}

fn seal(key: &EncryptionJwk, alg: KeyManagement, object: &str) -> String {
    let recipient = Recipient::new(key, alg, ContentEncryption::A256Gcm).unwrap();
    jwe::encrypt(&*crypto::ring(), &recipient, Some("oauth-authz-req+jwt"), object.as_bytes()).unwrap()
}

/// RFC 9101, section 6.1: an encrypted request object is opened and its inside verified like any other.
#[tokio::test]
async fn rfc9101_6_1_request_objects_are_encrypted_for_the_server() {
    let signing = Signing::new(encrypted).await;
    let metadata = signing.world.server.metadata();
    assert_eq!(
        metadata["request_object_encryption_alg_values_supported"],
        json!(["ECDH-ES", "ECDH-ES+A256KW"])
    );
    let key = server_key(&signing.world).await;
    let good = signing.object(&json!({})).await;
    let bad = signing.object(&json!({ "aud": "https://other.example" })).await;
    for alg in [KeyManagement::EcdhEs, KeyManagement::EcdhEsA256Kw] {
        let (status, body) = signing.push(&with_object(&seal(&key, alg, &good))).await;
        assert_eq!(status, StatusCode::CREATED, "{alg:?} {body}");
        let (_, body) = signing.push(&with_object(&seal(&key, alg, &bad))).await;
        assert_eq!(body["error"], "invalid_request_object", "{alg:?}");
    }
    // Encrypted and not signed is nobody's.
    let claims = Value::Object(signing.claims(&json!({}))).to_string();
    let (_, body) = signing.push(&with_object(&seal(&key, KeyManagement::EcdhEs, &claims))).await;
    assert_eq!(body["error"], "invalid_request_object");
    // After a rotation the old key still opens, and the new one is published.
    signing.world.server.rotate_request_key().await.unwrap();
    let newer = server_key(&signing.world).await;
    assert_ne!(newer.kid(), key.kid());
    for key in [&key, &newer] {
        let sealed = seal(key, KeyManagement::EcdhEs, &good);
        assert_eq!(signing.push(&with_object(&sealed)).await.0, StatusCode::CREATED);
    }
    signing.world.server.rotate_request_key().await.unwrap();
    let (_, body) = signing.push(&with_object(&seal(&key, KeyManagement::EcdhEs, &good))).await;
    assert_eq!(body["error"], "invalid_request_object", "the key before the last is gone");
}

/// RFC 9101, section 6.1: a backend that decrypts with RSA too has a key for that, is asked for it, and keeps it through rotations; a
/// node with another backend opens what it can, and nothing else is advertised there.
#[tokio::test]
async fn rfc9101_6_1_request_objects_are_encrypted_in_every_way_of_the_backend() {
    let signing = Signing::new(encrypted).await;
    let ports = signing.world.ports.clone().with_crypto(crypto::aws_lc_rs());
    let server = encrypted(World::builder(ports)).build().await.unwrap();
    let metadata = server.metadata();
    let all = ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP", "RSA-OAEP-256"];
    assert_eq!(metadata["request_object_encryption_alg_values_supported"], json!(all));
    let other = World { server, ports: signing.world.ports.clone(), clock: signing.world.clock.clone() };
    let signing = Signing { world: other, ..signing };
    let object = signing.object(&json!({})).await;
    for rotated in [false, true] {
        if rotated {
            signing.world.server.rotate_request_key().await.unwrap();
        }
        let published = server_keys(&signing.world).await;
        assert_eq!(published.keys().len(), 2, "one of each kind");
        for alg in KeyManagement::ALL.into_iter().filter(|alg| *alg != KeyManagement::Dir) {
            let key = published.find(alg).unwrap();
            for enc in ContentEncryption::ALL {
                let recipient = Recipient::new(key, alg, enc).unwrap();
                let typ = Some("oauth-authz-req+jwt");
                let sealed = jwe::encrypt(&*crypto::aws_lc_rs(), &recipient, typ, object.as_bytes()).unwrap();
                let (status, body) = signing.push(&with_object(&sealed)).await;
                assert_eq!(status, StatusCode::CREATED, "{alg:?} {enc:?} {body}");
            }
        }
    }
    // The other backend has its own kind among them, and takes no other.
    let ring = encrypted(World::builder(signing.world.ports.clone())).build().await.unwrap();
    let other =
        World { server: ring, ports: signing.world.ports.clone(), clock: signing.world.clock.clone() };
    assert_eq!(server_keys(&other).await.keys().len(), 1);
}

/// Another node opens what was encrypted for a key that it has not seen yet.
#[tokio::test]
async fn a_request_key_of_another_node_is_found() {
    let signing = Signing::new(encrypted).await;
    let other = AuthorizationServer::builder(signing.world.ports.clone())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url("/interaction/")
        .request_objects(RequestObjects::new().encrypted())
        .build()
        .await
        .unwrap();
    other.rotate_request_key().await.unwrap();
    let request = http::Request::get("/jwks").body(Bytes::new()).unwrap();
    let reply = other.handle(request, &crate::support::peer()).await;
    let text = std::str::from_utf8(reply.body()).unwrap();
    let key = EncryptionJwkSet::parse(text, &JwkSetLimits::default()).unwrap().keys()[0].clone();
    let good = signing.object(&json!({})).await;
    let sealed = seal(&key, KeyManagement::EcdhEs, &good);
    assert_eq!(signing.push(&with_object(&sealed)).await.0, StatusCode::CREATED);
}

/// A client that is registered for encryption cannot be made to show its request.
#[tokio::test]
async fn a_registered_encryption_is_demanded() {
    let wanted = TokenEncryption::new(KeyManagement::EcdhEs, ContentEncryption::A256Gcm);
    let signing = Signing::with(encrypted, |messages| messages.with_request_object_encryption(wanted)).await;
    let key = server_key(&signing.world).await;
    let good = signing.object(&json!({})).await;
    assert_eq!(
        signing.push(&with_object(&seal(&key, KeyManagement::EcdhEs, &good))).await.0,
        StatusCode::CREATED
    );
    for object in [good.clone(), seal(&key, KeyManagement::EcdhEsA256Kw, &good)] {
        assert_eq!(signing.push(&with_object(&object)).await.1["error"], "invalid_request_object");
    }
}

fn served(outside: &MemoryHttpClient, url: &str, status: u16, body: &str) {
    let response = http::Response::builder()
        .status(status)
        .header("content-type", "application/oauth-authz-req+jwt")
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    outside.answer(url, response);
}

/// RFC 9101, section 5.2, S17: an address is fetched only where that is on, and only if it is registered byte for byte.
#[tokio::test]
async fn rfc9101_5_2_by_reference_only_to_registered_addresses() {
    const URL: &str = "https://app.example/requests/1";
    let by_reference = |builder: ServerBuilder| builder.request_objects(RequestObjects::new().by_reference());
    let signing = Signing::with(by_reference, |messages| messages.with_request_uri(URL)).await;
    let metadata = signing.world.server.metadata();
    assert_eq!(metadata["request_uri_parameter_supported"], true);
    assert_eq!(metadata["require_request_uri_registration"], true);
    let object = signing.object(&json!({})).await;
    served(&signing.outside, URL, 200, &format!("{object}\n"));
    let mut browser = signing.signed_in().await;
    let params =
        |uri: &'static str| vec![("client_id", "signs"), ("request_uri", uri), ("redirect_uri", CALLBACK)];
    browser.authorize(&signing.world, &params(URL)).await.code();
    let before = signing.outside.requests().len();
    for uri in [
        "https://app.example/requests/2",
        "https://app.example/requests/1?",
        "http://169.254.169.254/x",
        "urn:x",
    ] {
        let reply = browser.authorize(&signing.world, &params(uri)).await;
        assert_eq!(reply.error(), "invalid_request_uri", "{uri}");
    }
    assert_eq!(signing.outside.requests().len(), before, "nothing else was fetched");
    for (status, body, code) in [
        (404, object.as_str(), "invalid_request_uri"),
        (302, object.as_str(), "invalid_request_uri"),
        (200, "x", "invalid_request_object"),
    ] {
        served(&signing.outside, URL, status, body);
        let reply = browser.authorize(&signing.world, &params(URL)).await;
        assert_eq!(reply.error(), code, "{status} {body}");
    }
    // Never in a push (RFC 9126, section 2.1).
    let (_, body) = signing.push(&[("client_id", "signs"), ("request_uri", URL)]).await;
    assert_eq!(body["error"], "invalid_request");
}

/// A client that publishes its keys may replace them: an unknown key makes the set be fetched again.
#[tokio::test]
async fn published_keys_are_fetched_again_for_an_unknown_one() {
    const URL: &str = "https://app.example/jwks";
    let signing = Signing::new(|builder| builder).await;
    signing
        .world
        .change_client("signs", |client| client.messages.keys = Some(ClientKeys::JwksUri(URL.to_owned())))
        .await;
    let publish = |keys: &[&LocalSigner]| {
        let ClientKeys::Jwks(set) = jwks(keys) else { panic!() };
        let response = http::Response::builder().header("content-type", "application/json");
        signing.outside.answer(URL, response.body(Bytes::from(set.to_string())).unwrap());
    };
    publish(&[&signing.key]);
    let object = signing.object(&json!({})).await;
    assert_eq!(signing.push(&with_object(&object)).await.0, StatusCode::CREATED);
    let newer = signer("c2", Algorithm::Es256);
    publish(&[&newer]);
    signing.world.clock.advance(time::Duration::minutes(1));
    let object = signing.signed(&newer, "JWT", &json!({})).await;
    assert_eq!(signing.push(&with_object(&object)).await.0, StatusCode::CREATED);
}

/// By POST as by GET: a posted object that is too long for a query is taken as it is.
#[tokio::test]
async fn a_long_request_object_is_posted() {
    let signing = Signing::new(|builder| builder).await;
    let object = signing.object(&json!({ "state": "s".repeat(8000) })).await;
    let mut browser = signing.signed_in().await;
    let reply = browser.post(&signing.world, "/authorize", &with_object(&object)).await;
    assert_eq!(reply.param("state").map(|state| state.len()), Some(8000));
    assert!(query(&with_object(&object)).len() > 8192);
}
