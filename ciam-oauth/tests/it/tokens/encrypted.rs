//! Access tokens that are encrypted for their resource (RFC 9068, sections 2 and 4), and encrypted introspection answers (RFC 9701).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::crypto::{self, DecryptionKeyKind};
use ciam_core::entropy::SystemEntropy;
use ciam_core::error::PortError;
use ciam_core::jose::jwe::{self, ContentEncryption, Decrypter, DecryptionKey, KeyManagement, Recipient};
use ciam_core::jose::{KeySet, PublicJwkSet};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::client::{Client, ClientKeys, MessageProtection, TokenEncryption};
use ciam_oauth::server::{ConfigError, ResourceEncryption, ResourceServer, TokenFormat};
use ciam_oauth::validate::{
    CachingValidator, Requirements, ResourceRequest, TokenCachePolicy, TokenDecryption, ValidateError,
    Validator,
};
use ciam_oauth::{AuthorizationServer, ServerBuilder, validate};
use futures_util::future::join_all;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use time::Duration;

use super::validate::{NOW, good, keys, signer, token as sign_token};
use super::{
    API, basic_auth, claims, get, header, introspect, is_active, person, post_as, prepare, refresh, revoke,
    token, with_vault,
};
use crate::support::{ISSUER, World};

const SEALED: &str = "https://sealed.example";
const WAY: TokenEncryption = TokenEncryption::new(KeyManagement::EcdhEsA256Kw, ContentEncryption::A256Gcm);

/// A key of the resource's, bound to the way that it agreed on.
fn key(kid: &str, way: KeyManagement) -> DecryptionKey {
    let crypto = crypto::ring();
    let pkcs8 = crypto.encryption().unwrap().generate_decryption_key(DecryptionKeyKind::P256).unwrap();
    DecryptionKey::from_pkcs8(&*crypto, way, pkcs8.expose()).unwrap().with_kid(kid)
}

fn published(key: &DecryptionKey) -> Value {
    json!({ "keys": [Value::from(key.public_jwk().unwrap())] })
}

fn decrypter(keys: &[&DecryptionKey]) -> Decrypter {
    let keys = keys.iter().map(|key| (*key).clone()).collect();
    Decrypter::new(crypto::ring(), keys).with_encryptions(&[ContentEncryption::A256Gcm])
}

fn sealed(keys: ClientKeys) -> ResourceServer {
    ResourceServer::new(SEALED.parse().unwrap(), "orders:read".parse().unwrap())
        .with_encryption(ResourceEncryption::new(keys, WAY))
}

fn serve(outside: &MemoryHttpClient, url: &str, document: &Value) {
    let response = http::Response::builder().header("content-type", "application/json");
    outside.answer(url, response.body(Bytes::from(document.to_string())).unwrap());
}

/// A world in which `shop` may ask for tokens for the sealed resource, which `sealed-rs` serves.
async fn finish(world: World) -> World {
    let world = prepare(world).await;
    for id in ["shop", "spa"] {
        world.change_client(id, |client| _ = client.resources.insert(SEALED.parse().unwrap())).await;
    }
    let rs =
        Client::confidential("sealed-rs".parse().unwrap(), basic_auth()).serving(SEALED.parse().unwrap());
    world.server.clients().register(rs).await.unwrap();
    world
}

async fn world(key: &DecryptionKey) -> World {
    let keys = ClientKeys::Jwks(published(key));
    finish(World::with(|builder| with_vault(builder).resource(sealed(keys))).await).await
}

async fn validator(world: &World, key: &DecryptionKey) -> Validator {
    let jwks = PublicJwkSet::try_from(get(&world.server, "/jwks").await.body).unwrap();
    let keys = KeySet::from_jwks(&*crypto::ring(), &jwks).unwrap();
    Validator::new(ISSUER.parse().unwrap(), SEALED, keys)
        .with_decryption(TokenDecryption::new(decrypter(&[key])))
}

/// Section 2, and RFC 7519, section 11.2: signed first and encrypted then, by the key and the algorithms of the resource.
#[tokio::test]
async fn rfc9068_2_a_token_is_signed_and_then_encrypted() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let mut person = person(&world).await;
    let tokens = person.tokens_at(&world, "shop", SEALED).await;
    assert_eq!(tokens.access.split('.').count(), 5);
    let outside = header(&tokens.access);
    assert_eq!((&outside["alg"], &outside["enc"]), (&"ECDH-ES+A256KW".into(), &"A256GCM".into()));
    assert_eq!((&outside["cty"], &outside["kid"]), (&"JWT".into(), &"rs-1".into()));
    for name in ["sub", "iss", "aud", "client_id", "jti"] {
        assert!(outside.get(name).is_none(), "{name} is nobody else's business");
    }
    let opened = decrypter(&[&ours]).decrypt(&tokens.access).unwrap();
    let inside = opened.nested().unwrap();
    assert_eq!(header(inside)["typ"], "at+jwt");
    assert_eq!(claims(inside)["aud"], SEALED);

    let validator = validator(&world, &ours).await;
    let now = world.ports.now();
    let read = validator.validate(&tokens.access, now).unwrap();
    assert_eq!((read.client_id(), read.has_scope("orders:read")), ("shop", true));
    assert_eq!(read.subject(), claims(inside)["sub"].as_str().unwrap());
    // The other resources have theirs as before.
    let plain = person.tokens_at(&world, "shop", API).await;
    assert_eq!(plain.access.split('.').count(), 3);
    for form in [
        vec![("grant_type", "client_credentials"), ("scope", "orders:read"), ("resource", SEALED)],
        vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh()),
            ("scope", "orders:read"),
            ("resource", SEALED),
        ],
    ] {
        let of_this = token(&world, "shop", &form).await.tokens();
        assert_eq!(validator.validate(&of_this.access, now).unwrap().client_id(), "shop", "{form:?}");
    }
}

/// Section 4: when encryption was agreed on, a token that is not encrypted is refused, whoever signed it.
#[tokio::test]
async fn rfc9068_4_a_token_that_is_not_encrypted_is_refused() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let tokens = person(&world).await.tokens_at(&world, "shop", SEALED).await;
    let opened = decrypter(&[&ours]).decrypt(&tokens.access).unwrap();
    let inside = opened.nested().unwrap();
    let now = world.ports.now();
    let strict = validator(&world, &ours).await;
    assert_eq!(strict.validate(inside, now).unwrap_err(), ValidateError::Encryption);
    // Nor is it taken because the encrypted one is remembered.
    let caching =
        CachingValidator::new(strict.clone(), TokenCachePolicy::default(), &SystemEntropy::new()).unwrap();
    assert!(!caching.validate(&tokens.access, now).unwrap().was_cached());
    assert!(caching.validate(&tokens.access, now).unwrap().was_cached());
    assert_eq!(caching.validate(inside, now).unwrap_err(), ValidateError::Encryption);
    let changing =
        strict.clone().with_decryption(TokenDecryption::new(decrypter(&[&ours])).accepting_unencrypted());
    assert!(changing.validate(inside, now).is_ok());
    assert!(changing.validate(&tokens.access, now).is_ok());
    // A resource that agreed on no encryption reads none.
    let keys = strict.keys_of(&ISSUER.parse().unwrap()).unwrap().clone();
    let without = Validator::new(ISSUER.parse().unwrap(), SEALED, keys);
    assert_eq!(without.validate(&tokens.access, now).unwrap_err(), ValidateError::Algorithm);
}

/// The cache of tokens looks at everything again that can change: an encrypted one expires like every other.
#[tokio::test]
async fn a_remembered_encrypted_token_expires() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let tokens = person(&world).await.tokens_at(&world, "shop", SEALED).await;
    let validator = validator(&world, &ours).await;
    let caching =
        CachingValidator::new(validator, TokenCachePolicy::default(), &SystemEntropy::new()).unwrap();
    let now = world.ports.now();
    assert!(caching.validate(&tokens.access, now).is_ok());
    let late = now + Duration::minutes(11);
    assert_eq!(caching.validate(&tokens.access, late).unwrap_err(), ValidateError::Expired);
}

/// Who may encrypt is everybody: what is inside is verified, and neither the key nor an algorithm is the message's to choose.
#[tokio::test]
async fn s15_encryption_vouches_for_nothing() {
    let crypto = crypto::ring();
    let (ours, theirs) = (key("rs-1", WAY.alg), key("rs-1", WAY.alg));
    let issuer = signer();
    let validator = Validator::new(ISSUER.parse().unwrap(), API, keys(&issuer))
        .with_decryption(TokenDecryption::new(decrypter(&[&ours])));
    let public = ours.public_jwk().unwrap();
    let seal = |key: &jwe::EncryptionJwk, way: TokenEncryption, cty: Option<&str>, content: &str| {
        let recipient = Recipient::new(key, way.alg, way.enc).unwrap();
        jwe::encrypt(&*crypto, &recipient, cty, content.as_bytes()).unwrap()
    };
    let good = sign_token(&issuer, &good()).await;
    let forged = sign_token(&signer(), &super::validate::good()).await;
    let (payload, _) = good.rsplit_once('.').unwrap();
    let spliced = format!("{payload}.{}", forged.rsplit_once('.').unwrap().1);
    let id_token = ciam_core::jose::sign(&issuer, "JWT", &super::validate::good()).await.unwrap();
    assert!(validator.validate(&seal(&public, WAY, Some("JWT"), &good), NOW).is_ok());

    let other_enc = TokenEncryption::new(WAY.alg, ContentEncryption::A128CbcHs256);
    let direct = TokenEncryption::new(KeyManagement::EcdhEs, WAY.enc);
    // The same key, published for the other way.
    let unbound = jwe::EncryptionJwk::new(public.key().clone()).unwrap().with_kid("rs-1");
    let sealed = seal(&public, WAY, Some("JWT"), &good);
    let mut flipped = sealed.clone().into_bytes();
    let last = flipped.len() - 4;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let rows = [
        ("signed by a stranger", seal(&public, WAY, Some("JWT"), &forged), ValidateError::UnknownKey),
        ("with another signature", seal(&public, WAY, Some("JWT"), &spliced), ValidateError::Signature),
        ("another kind of token", seal(&public, WAY, Some("JWT"), &id_token), ValidateError::Type),
        (
            "claims without a signature",
            seal(&public, WAY, None, &super::validate::good().to_string()),
            ValidateError::Encryption,
        ),
        (
            "a token that does not say that it is one",
            seal(&public, WAY, None, &good),
            ValidateError::Encryption,
        ),
        ("encrypted twice", seal(&public, WAY, Some("JWT"), &sealed), ValidateError::Encryption),
        (
            "for another key of the same name",
            seal(&theirs.public_jwk().unwrap(), WAY, Some("JWT"), &good),
            ValidateError::Encryption,
        ),
        (
            "another content encryption",
            seal(&public, other_enc, Some("JWT"), &good),
            ValidateError::Encryption,
        ),
        ("another key management", seal(&unbound, direct, Some("JWT"), &good), ValidateError::Encryption),
        ("altered", String::from_utf8(flipped).unwrap(), ValidateError::Encryption),
        ("four parts", sealed.rsplit_once('.').unwrap().0.to_owned(), ValidateError::Malformed),
        ("five empty parts", "....".to_owned(), ValidateError::Malformed),
    ];
    for (what, token, error) in rows {
        assert_eq!(validator.validate(&token, NOW).unwrap_err(), error, "{what}");
    }
}

/// A whole resource server takes them by the header, and asks nobody about them.
#[tokio::test]
async fn a_resource_server_opens_them() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let tokens = person(&world).await.tokens_at(&world, "shop", SEALED).await;
    let server = validate::ResourceServer::new(world.ports.clone(), SEALED)
        .with_validator(validator(&world, &ours).await);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", tokens.access).parse().unwrap());
    let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
    let admitted = server.admit(&request, &Requirements::new()).await.unwrap();
    assert_eq!(admitted.access.client_id(), "shop");
}

/// The server cannot read what it encrypted, and knows it all the same: introspection and revocation see both forms at once.
#[tokio::test]
async fn revocation_and_introspection_know_an_encrypted_token() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let mut person = person(&world).await;
    let tokens = person.tokens_at(&world, "shop", SEALED).await;
    let opened = decrypter(&[&ours]).decrypt(&tokens.access).unwrap();
    let inside = opened.nested().unwrap();
    for form in [tokens.access.as_str(), inside] {
        let said = introspect(&world, "sealed-rs", form).await;
        assert_eq!((&said["active"], &said["client_id"]), (&json!(true), &json!("shop")));
        assert_eq!(said["jti"], claims(inside)["jti"]);
        assert!(!is_active(&world, "rs", form).await, "only those whom it concerns");
    }
    assert_eq!(revoke(&world, "shop2", &tokens.access).await.status, 400, "another client's");
    assert!(is_active(&world, "sealed-rs", &tokens.access).await);
    assert_eq!(revoke(&world, "shop", &tokens.access).await.status, 200);
    for form in [tokens.access.as_str(), inside] {
        assert!(!is_active(&world, "sealed-rs", form).await, "neither form");
    }
    // What stands behind it ends it too.
    let next = person.tokens_at(&world, "shop", SEALED).await;
    assert!(is_active(&world, "sealed-rs", &next.access).await);
    assert_eq!(revoke(&world, "shop", next.refresh()).await.status, 200);
    assert!(!is_active(&world, "sealed-rs", &next.access).await);
    assert_eq!(refresh(&world, "shop", next.refresh()).await.error(), (400, "invalid_grant"));
}

/// Keys that the resource publishes are fetched, once for many tokens; without them no token is issued.
#[tokio::test]
async fn published_keys_are_fetched_and_nothing_goes_out_unencrypted() {
    let ours = key("rs-1", WAY.alg);
    let clock = Arc::new(ManualClock::new(NOW));
    let outside = MemoryHttpClient::new();
    let url = "https://sealed.example/jwks";
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)))
        .with_http_client(Arc::new(outside.clone()));
    let at = ClientKeys::JwksUri(url.to_owned());
    let world = World::on(ports, clock, |builder| with_vault(builder).resource(sealed(at))).await;
    let world = finish(world).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read"), ("resource", SEALED)];
    let refused = token(&world, "shop", &form).await;
    assert_eq!(refused.error(), (503, "temporarily_unavailable"));
    world.clock.advance(Duration::minutes(1));
    serve(&outside, url, &published(&ours));
    for _ in 0..3 {
        let issued = token(&world, "shop", &form).await.tokens();
        let opened = decrypter(&[&ours]).decrypt(&issued.access).unwrap();
        assert_eq!(claims(opened.nested().unwrap())["sub"], "shop");
    }
    // A key for something else is none.
    let other = json!({ "keys": [Value::from(key("x", KeyManagement::EcdhEs).public_jwk().unwrap())] });
    serve(&outside, url, &other);
    world.clock.advance(Duration::minutes(16));
    assert!(!token(&world, "shop", &form).await.is_ok());
}

/// Publishes its keys slowly, and counts who asks.
#[derive(Debug)]
struct Slow {
    keys: Value,
    asked: AtomicUsize,
}

#[async_trait]
impl HttpClient for Slow {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, _: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(Bytes::from(self.keys.to_string())).unwrap())
    }
}

/// S17: of requests that come at once one fetches the keys that their tokens are encrypted for, and every one is answered.
#[tokio::test]
async fn s17_published_keys_are_fetched_once() {
    let ours = key("rs-1", WAY.alg);
    let clock = Arc::new(ManualClock::new(NOW));
    let slow = Arc::new(Slow { keys: published(&ours), asked: AtomicUsize::new(0) });
    let ports =
        memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7))).with_http_client(slow.clone());
    let at = ClientKeys::JwksUri("https://sealed.example/jwks".to_owned());
    let world = World::on(ports, clock, |builder| with_vault(builder).resource(sealed(at))).await;
    let world = finish(world).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read"), ("resource", SEALED)];
    for asked in 1..=2 {
        let all = join_all((0..32).map(|_| token(&world, "shop", &form))).await;
        assert!(all.iter().all(super::Answer::is_ok), "{asked}");
        assert_eq!(slow.asked.load(Ordering::SeqCst), asked);
        world.clock.advance(Duration::minutes(16));
    }
}

/// What cannot work is found when the server is built.
#[tokio::test]
async fn a_resource_that_cannot_be_encrypted_for_makes_no_server() {
    let build = async |resource: ResourceServer| {
        let builder: ServerBuilder = AuthorizationServer::builder(memory::ports())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url("/interaction/")
            .scope(crate::support::scope("orders:read"))
            .resource(resource);
        builder.build().await.map(drop)
    };
    let ours = ClientKeys::Jwks(published(&key("rs-1", WAY.alg)));
    assert!(build(sealed(ours.clone())).await.is_ok());
    let other_way = key("rs-1", KeyManagement::EcdhEs);
    let rsa = TokenEncryption::new(KeyManagement::RsaOaep256, WAY.enc);
    let shared = TokenEncryption::new(KeyManagement::Dir, WAY.enc);
    let fetched = ClientKeys::JwksUri("https://sealed.example/jwks".to_owned());
    assert!(build(sealed(fetched.clone())).await.is_ok());
    for (what, resource) in [
        ("opaque", sealed(ours.clone()).with_format(TokenFormat::Opaque)),
        ("no key for it", sealed(ClientKeys::Jwks(published(&other_way)))),
        ("no keys", sealed(ClientKeys::Jwks(json!({ "keys": [] })))),
        ("no https", sealed(ClientKeys::JwksUri("http://sealed.example/jwks".to_owned()))),
        (
            "not by this backend",
            sealed(ours.clone()).with_encryption(ResourceEncryption::new(fetched.clone(), rsa)),
        ),
        ("a shared secret", sealed(ours.clone()).with_encryption(ResourceEncryption::new(fetched, shared))),
    ] {
        assert!(matches!(build(resource).await, Err(ConfigError::Contradiction(_))), "{what}");
    }
}

/// RFC 9701, sections 5 and 6: an answer that is encrypted for the one who registered it so.
#[tokio::test]
async fn rfc9701_6_an_answer_is_encrypted_for_the_one_who_asked() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let tokens = person(&world).await.tokens_at(&world, "shop", SEALED).await;
    let said = get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert_eq!(said["introspection_encryption_alg_values_supported"], json!(["ECDH-ES", "ECDH-ES+A256KW"]));
    let contents = said["introspection_encryption_enc_values_supported"].as_array().unwrap();
    assert!(contents.contains(&json!("A256GCM")));
    let messages = MessageProtection::new()
        .with_keys(ClientKeys::Jwks(published(&ours)))
        .with_introspection_encryption(WAY);
    world.change_client("sealed-rs", |client| client.messages = messages).await;
    let request = Request::post("/introspect")
        .header("authorization", super::basic("sealed-rs", crate::support::SECRET))
        .header("accept", "application/token-introspection+jwt")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(format!("token={}", tokens.access)))
        .unwrap();
    let response = world.server.handle(request, &super::peer()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/token-introspection+jwt");
    let jwe = std::str::from_utf8(response.body()).unwrap();
    assert_eq!(header(jwe)["alg"], "ECDH-ES+A256KW");
    assert_eq!(header(jwe)["cty"], "JWT");
    let opened = decrypter(&[&ours]).decrypt(jwe).unwrap();
    let signed = opened.nested().unwrap();
    assert_eq!(header(signed)["typ"], "token-introspection+jwt");
    assert_eq!(claims(signed)["aud"], "sealed-rs");
    assert_eq!(claims(signed)["token_introspection"], introspect(&world, "sealed-rs", &tokens.access).await);
    // It is no access token, in either form.
    let validator = validator(&world, &ours).await;
    assert_eq!(validator.validate(jwe, world.ports.now()).unwrap_err(), ValidateError::Type);
    assert!(!is_active(&world, "sealed-rs", jwe).await);
}

/// RFC 9701, section 6: the metadata of its registration; what cannot be done is refused there.
#[tokio::test]
async fn rfc9701_6_registration_says_how_answers_are_encrypted() {
    let ours = key("rs-1", WAY.alg);
    let world = world(&ours).await;
    let change = async |messages: MessageProtection| {
        let read = world.client("sealed-rs").await;
        let mut next = read.value.clone();
        next.messages = messages;
        world.server.clients().update(&read, next).await.map(drop)
    };
    let keys = ClientKeys::Jwks(published(&ours));
    let direct = TokenEncryption::new(KeyManagement::EcdhEs, WAY.enc);
    let rsa = TokenEncryption::new(KeyManagement::RsaOaep256, WAY.enc);
    for (what, messages) in [
        ("no keys", MessageProtection::new().with_introspection_encryption(WAY)),
        (
            "no key for it",
            MessageProtection::new().with_keys(keys.clone()).with_introspection_encryption(direct),
        ),
        (
            "not by this backend",
            MessageProtection::new().with_keys(keys.clone()).with_introspection_encryption(rsa),
        ),
    ] {
        assert!(change(messages).await.is_err(), "{what}");
    }
    assert!(
        change(MessageProtection::new().with_keys(keys).with_introspection_encryption(WAY)).await.is_ok()
    );
    let asked = post_as(&world.server, "/introspect", "sealed-rs", &[("token", "x")]).await;
    assert_eq!(asked.body, json!({ "active": false }), "who asks for JSON is answered so");
}
