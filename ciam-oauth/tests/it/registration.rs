//! Dynamic registration and its management: RFC 7591 and RFC 7592; S2 and S29.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciam_core::actor::Actor;
use ciam_core::crypto;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::jose::{Algorithm, LocalSigner, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::client::{ClientKeys, GrantType};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::jwt_bearer::TrustedIssuer;
use ciam_oauth::mtls::MutualTls;
use ciam_oauth::registration::{
    InitialAccess, Registration, RegistrationDecision, RegistrationPolicy, RegistrationSettings,
};
use ciam_oauth::server::Limits;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use crate::support::{Browser, CHALLENGE, ISSUER, World, handle, peer};
use crate::tokens::{Answer, basic, get, post};

const CALLBACK: &str = "https://partner.example/cb";

fn with(settings: RegistrationSettings) -> impl FnOnce(ServerBuilder) -> ServerBuilder {
    move |builder| builder.registration(settings)
}

async fn open() -> World {
    World::with(with(RegistrationSettings::default().open())).await
}

/// The same, with what the server fetches.
async fn open_to_the_outside() -> (World, MemoryHttpClient) {
    let outside = MemoryHttpClient::new();
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)))
        .with_http_client(Arc::new(outside.clone()));
    (World::on(ports, clock, with(RegistrationSettings::default().open())).await, outside)
}

async fn send(world: &World, method: &str, path: &str, token: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    raw(world, request, body.to_string()).await
}

async fn raw(world: &World, request: http::request::Builder, body: String) -> Answer {
    raw_from(world, request, body, &peer()).await
}

async fn raw_from(world: &World, request: http::request::Builder, body: String, peer: &Peer) -> Answer {
    let response = world.server.handle(request.body(Bytes::from(body)).unwrap(), peer).await;
    let (parts, body) = response.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn register(world: &World, metadata: &Value) -> Answer {
    send(world, "POST", "/register", None, metadata).await
}

/// As somebody of whom nobody has heard before.
async fn register_from(world: &World, metadata: &Value, of: &str) -> Answer {
    let digest = crypto::sha256(of.as_bytes());
    let peer = Peer::new([198, 51, 100, digest[0]].into());
    let request = Request::post("/register").header("content-type", "application/json");
    raw_from(world, request, metadata.to_string(), &peer).await
}

fn partner() -> Value {
    json!({ "redirect_uris": [CALLBACK], "client_name": "Partner" })
}

fn with_member(name: &str, value: Value) -> Value {
    let mut metadata = partner();
    metadata[name] = value;
    metadata
}

/// RFC 7591, sections 3.1 and 3.2.1: what is registered works.
#[tokio::test]
async fn rfc7591_3_2_1_a_client_registers_itself_and_is_used() {
    let world = open().await;
    let answer = register(&world, &with_member("scope", json!("profile:read unheard-of"))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let told = &answer.body;
    let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("{name}: {told}"));
    assert_eq!(told["redirect_uris"], json!([CALLBACK]));
    assert_eq!(told["grant_types"], json!(["authorization_code"]));
    assert_eq!(told["response_types"], json!(["code"]));
    assert_eq!(text("token_endpoint_auth_method"), "client_secret_basic");
    assert_eq!(text("scope"), "profile:read", "what is not known is left out");
    assert_eq!(told["client_secret_expires_at"], 0);
    let (id, secret) = (text("client_id"), text("client_secret"));
    assert_eq!(text("registration_client_uri"), format!("https://id.example/register/{id}"));
    assert_eq!(text("registration_access_token").len(), 43);

    let client = world.client(id).await.value;
    assert!(!client.first_party && client.serves.is_empty() && client.resources.is_empty());
    let mut browser = Browser::new();
    browser.sign_in(&world, &world.account().await).await;
    let params = [
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", CALLBACK),
        ("scope", "profile:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let asked = browser.authorize(&world, &params).await.handle();
    let visitor = browser.visitor(&world).await;
    let yes = ciam_oauth::authorize::ConsentDecision::AllowAll;
    world.server.answer_consent(&handle(&asked), &visitor, yes).await.unwrap();
    let code = browser.resume(&world, &asked).await.code();
    let params = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::tokens::VERIFIER),
    ];
    let tokens = post(&world.server, "/token", Some(&basic(id, secret)), &params).await;
    assert!(tokens.is_ok(), "{tokens:?}");
    let events = world.events().await;
    let registered = events.iter().find(|it| {
        it.event_type.as_str() == "ciam.oauth.client.registered.v1"
            && it.data.get("by") == Some(&json!("registration"))
    });
    assert!(registered.is_some());
    let stored = serde_json::to_string(&client).unwrap();
    assert!(!stored.contains(secret), "a digest is stored");
}

/// RFC 7591, section 2: every member that is known is registered and told.
#[tokio::test]
async fn rfc7591_2_metadata() {
    let world = World::with(|builder| {
        let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken];
        let settings = RegistrationSettings::default().open().with_grants(grants);
        builder.registration(settings).mutual_tls(MutualTls::new())
    })
    .await;
    let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk().unwrap()] });
    let metadata = json!({
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"], "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256", "jwks": jwks, "client_name": "Partner",
        "client_uri": "https://partner.example/", "logo_uri": "https://partner.example/logo.png",
        "tos_uri": "https://partner.example/tos", "policy_uri": "https://partner.example/policy",
        "application_type": "web", "subject_type": "pairwise", "id_token_signed_response_alg": "ES256",
        "default_max_age": 60, "require_auth_time": true, "default_acr_values": ["urn:ciam:acr:aal2"],
        "post_logout_redirect_uris": ["https://partner.example/bye"],
        "backchannel_logout_uri": "https://partner.example/logout",
        "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
        "initiate_login_uri": "https://partner.example/login", "scope": "profile:read",
        "tls_client_certificate_bound_access_tokens": true,
    });
    let answer = register(&world, &metadata).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for (name, value) in metadata.as_object().unwrap() {
        assert_eq!(&answer.body[name], value, "{name}");
    }
    assert_eq!(answer.body.get("client_secret"), None);

    let certificate = include_bytes!("../data/mtls/client.der");
    let mut own = jwks.clone();
    own["keys"][0]["x5c"] = json!([STANDARD.encode(certificate)]);
    let by_certificate = [
        (json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": own }), true),
        (json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": jwks }), false),
        (
            json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example" }),
            true,
        ),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), false),
        (
            json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example",
                    "tls_client_auth_subject_dn": "CN=a" }),
            false,
        ),
        (json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "x" }), false),
    ];
    for (more, accepted) in by_certificate {
        let mut metadata = partner();
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = register(&world, &metadata).await;
        assert_eq!(answer.status == 201, accepted, "{more}: {answer:?}");
    }
    assert_ne!(CertificateThumbprint::of(certificate), CertificateThumbprint::of(b""));
}

/// S2 (CVE-2026-22752): what must not be registered, at registration and at a change alike.
#[tokio::test]
async fn s2_what_is_not_registered() {
    let world = World::with(|builder| {
        let mut limits = Limits::default();
        for counted in [&mut limits.registrations, &mut limits.registration_changes] {
            *counted = counted.clone().with_attempts(u64::MAX);
        }
        with(RegistrationSettings::default().open())(builder).limits(limits)
    })
    .await;
    let first = register(&world, &partner()).await.body;
    let token = first["registration_access_token"].as_str().unwrap();
    let path = format!("/register/{}", first["client_id"].as_str().unwrap());
    for (member, value, error) in [
        ("redirect_uris", json!([]), "invalid_client_metadata"),
        ("redirect_uris", json!(["https://partner.example/cb#x"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["javascript:alert(1)"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["data:text/html,x"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["http://partner.example/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://me@partner.example/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://partner.example/cb?code=x"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["com.example.app:/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!("https://partner.example/cb"), "invalid_client_metadata"),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"]), "invalid_client_metadata"),
        ("initiate_login_uri", json!("javascript:alert(1)"), "invalid_client_metadata"),
        ("logo_uri", json!("data:image/svg+xml,x"), "invalid_client_metadata"),
        ("client_uri", json!("http://partner.example"), "invalid_client_metadata"),
        ("policy_uri", json!("vbscript:x"), "invalid_client_metadata"),
        ("tos_uri", json!("//partner.example"), "invalid_client_metadata"),
        ("backchannel_logout_uri", json!("http://partner.example"), "invalid_client_metadata"),
        ("client_name", json!("Part\u{0}ner"), "invalid_client_metadata"),
        ("client_name", json!("x".repeat(300)), "invalid_client_metadata"),
        ("client_name", json!(7), "invalid_client_metadata"),
        ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
        ("grant_types", json!(["password"]), "invalid_client_metadata"),
        ("grant_types", json!(["refresh_token"]), "invalid_client_metadata"),
        ("response_types", json!(["token"]), "invalid_client_metadata"),
        ("response_types", json!(["code", "code id_token"]), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("client_secret_jwt"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("tls_client_auth"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("none"), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("HS256"), "invalid_client_metadata"),
        ("subject_type", json!("x"), "invalid_client_metadata"),
        ("application_type", json!("x"), "invalid_client_metadata"),
        ("sector_identifier_uri", json!("http://partner.example/sector"), "invalid_client_metadata"),
        ("sector_identifier_uri", json!("https://169.254.169.254/"), "invalid_client_metadata"),
        ("software_statement", json!("x"), "invalid_software_statement"),
        ("jwks_uri", json!("http://partner.example/jwks"), "invalid_client_metadata"),
        ("jwks_uri", json!("data:application/json,{}"), "invalid_client_metadata"),
        ("frontchannel_logout_uri", json!("javascript:alert(1)"), "invalid_client_metadata"),
        ("request_uris", json!(["http://partner.example/request"]), "invalid_client_metadata"),
        ("post_logout_redirect_uris", json!(["https://partner.example/#x"]), "invalid_client_metadata"),
    ] {
        let mut metadata = with_member(member, value.clone());
        assert_eq!(register(&world, &metadata).await.error(), (400, error), "{member}: {value}");
        metadata["client_id"] = first["client_id"].clone();
        let answer = send(&world, "PUT", &path, Some(token), &metadata).await;
        assert_eq!(answer.error(), (400, error), "changed: {member}: {value}");
    }
    let both = json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [] }, "jwks_uri": "https://partner.example/j",
                       "token_endpoint_auth_method": "private_key_jwt", "client_id": first["client_id"] });
    assert_eq!(
        send(&world, "PUT", &path, Some(token), &both).await.error(),
        (400, "invalid_client_metadata")
    );
}

/// S3: a member that is there twice, another type of body, no object.
#[tokio::test]
async fn bodies_that_are_no_metadata() {
    let world = open().await;
    let json = |body: &str| {
        let request = Request::post("/register").header("content-type", "application/json");
        raw(&world, request, body.to_owned())
    };
    for body in [
        "",
        "[]",
        "7",
        "{",
        r#"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#,
    ] {
        assert_eq!(json(body).await.error(), (400, "invalid_client_metadata"), "{body}");
    }
    assert_eq!(json(&" ".repeat(70_000)).await.error(), (413, "invalid_client_metadata"));
    let form = Request::post("/register").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(raw(&world, form, partner().to_string()).await.error(), (400, "invalid_client_metadata"));
}

/// RFC 7591, section 3: with an initial access token, as often as it allows; without one, not at all.
#[tokio::test]
async fn rfc7591_3_initial_access_tokens() {
    let world = World::with(with(RegistrationSettings::default())).await;
    let none = register(&world, &partner()).await;
    assert_eq!(none.error(), (401, "invalid_token"));
    assert!(none.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    let actor = Actor::system("partners");
    let once = world.server.issue_initial_access(&actor, InitialAccess::once().named("acme")).await.unwrap();
    let with = |token: &str| {
        let token = token.to_owned();
        let world = &world;
        async move { send(world, "POST", "/register", Some(&token), &partner()).await }
    };
    assert_eq!(with("x").await.error(), (401, "invalid_token"));
    let bad = send(&world, "POST", "/register", Some(once.expose()), &json!({})).await;
    assert_eq!(bad.status, 400, "a refused registration uses nothing up");
    let all = join_all((0..8).map(|_| with(once.expose()))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(with(once.expose()).await.error(), (401, "invalid_token"), "used up");
    let events = world.events().await;
    assert!(events.iter().any(|it| it.event_type.as_str() == "ciam.oauth.initial_access.issued.v1"
        && it.data["by"] == "system:partners"));
    assert!(events.iter().any(|it| it.data.get("access") == Some(&json!("acme"))));

    let day = InitialAccess::once().with_uses(2).with_lifetime(Duration::DAY);
    let day = world.server.issue_initial_access(&actor, day).await.unwrap();
    assert_eq!(with(day.expose()).await.status, 201);
    world.clock.advance(Duration::DAY);
    assert_eq!(with(day.expose()).await.error(), (401, "invalid_token"), "expired");
}

/// RFC 7592: read, changed and removed by whoever has the token, and by nobody else.
#[tokio::test]
async fn rfc7592_2_management() {
    let world = open().await;
    let first = register(&world, &partner()).await.body;
    let other = register(&world, &partner()).await.body;
    let text = |of: &Value, name: &str| of[name].as_str().unwrap().to_owned();
    let (id, token) = (text(&first, "client_id"), text(&first, "registration_access_token"));
    let path = format!("/register/{id}");
    let read = send(&world, "GET", &path, Some(&token), &Value::Null).await;
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(read.body["client_name"], "Partner");
    assert_eq!(read.body["registration_access_token"], token.as_str());
    assert_eq!(read.body.get("client_secret"), None, "it is told once");

    let mut changed = json!({ "redirect_uris": ["https://partner.example/new"], "client_id": id });
    let answer = send(&world, "PUT", &path, Some(&token), &changed).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["redirect_uris"], json!(["https://partner.example/new"]));
    assert_eq!(answer.body.get("client_name"), None, "what is left out is taken back");
    let own = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let secret = basic(&id, &text(&first, "client_secret"));
    let used = post(&world.server, "/token", Some(&secret), &own).await;
    assert_eq!(used.error().1, "unauthorized_client", "the secret is still good");
    changed["client_secret"] = json!("another");
    assert_eq!(send(&world, "PUT", &path, Some(&token), &changed).await.error().1, "invalid_client_metadata");
    changed["client_secret"] = first["client_secret"].clone();
    assert_eq!(send(&world, "PUT", &path, Some(&token), &changed).await.status, 200);
    changed["client_id"] = other["client_id"].clone();
    assert_eq!(send(&world, "PUT", &path, Some(&token), &changed).await.error().1, "invalid_client_metadata");

    let foreign = text(&other, "registration_access_token");
    for method in ["GET", "PUT", "DELETE"] {
        for (what, path, token) in [
            ("another client's token", path.clone(), Some(foreign.as_str())),
            ("no token", path.clone(), None),
            ("a wrong token", path.clone(), Some("x")),
            ("a client of the host's", "/register/web".to_owned(), Some(token.as_str())),
            ("nobody", "/register/nobody".to_owned(), Some(token.as_str())),
        ] {
            let answer = send(&world, method, &path, token, &partner()).await;
            assert_eq!(answer.error(), (401, "invalid_token"), "{method}: {what}");
        }
    }
    assert_eq!(send(&world, "DELETE", &path, Some(&token), &Value::Null).await.status, 204);
    assert_eq!(send(&world, "GET", &path, Some(&token), &Value::Null).await.error(), (401, "invalid_token"));
    let gone = post(&world.server, "/token", Some(&secret), &own).await;
    assert_eq!(gone.error(), (401, "invalid_client"));
}

/// RFC 7591, section 2.3: a trusted issuer's word takes the place of the client's.
#[tokio::test]
async fn rfc7591_2_3_software_statements() {
    let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk().unwrap()] });
    let store = TrustedIssuer::new("https://store.example", ClientKeys::Jwks(jwks));
    let settings = RegistrationSettings::default().open().with_statements_of(store).requiring_statement();
    let world = World::with(with(settings)).await;
    assert_eq!(register(&world, &partner()).await.error(), (400, "unapproved_software_statement"));
    let now = world.ports.now().unix_timestamp();
    let good = json!({ "iss": "https://store.example", "client_name": "As approved", "exp": now + 60,
                       "redirect_uris": ["https://approved.example/cb"] });
    let statement = sign(&key, "JWT", &good).await.unwrap();
    let answer = register(&world, &with_member("software_statement", json!(statement))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.body["client_name"], "As approved");
    assert_eq!(answer.body["redirect_uris"], json!(["https://approved.example/cb"]));
    let stranger = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    for (signer, member, value, error) in [
        (&key, "iss", json!("https://other.example"), "unapproved_software_statement"),
        (&key, "iss", Value::Null, "unapproved_software_statement"),
        (&stranger, "x", json!(1), "invalid_software_statement"),
        (&key, "exp", json!(now), "invalid_software_statement"),
        (&key, "exp", json!("soon"), "invalid_software_statement"),
        (&key, "nbf", json!(now + 60), "invalid_software_statement"),
        (&key, "nbf", json!("soon"), "invalid_software_statement"),
        (&key, "aud", json!("https://elsewhere.example"), "invalid_software_statement"),
        (&key, "redirect_uris", json!(7), "invalid_software_statement"),
    ] {
        let mut claims = good.clone();
        claims[member] = value.clone();
        let statement = sign(signer, "JWT", &claims).await.unwrap();
        let answer = register(&world, &with_member("software_statement", json!(statement))).await;
        assert_eq!(answer.error(), (400, error), "{member}: {value}");
    }
}

/// OpenID Connect Core, section 8.1: the document of a sector names every redirect URI.
#[tokio::test]
async fn oidc_core_8_1_sector_identifiers() {
    let (world, outside) = open_to_the_outside().await;
    let serve = |url: &str, uris: &Value| {
        let document = http::Response::builder().header("content-type", "application/json");
        outside.answer(url, document.body(Bytes::from(uris.to_string())).unwrap());
    };
    serve("https://sector.example/uris", &json!([CALLBACK, "https://partner.example/other"]));
    serve("https://sector.example/others", &json!(["https://partner.example/other"]));
    let pairwise = |uri: &str| {
        let mut metadata = with_member("subject_type", json!("pairwise"));
        metadata["sector_identifier_uri"] = json!(uri);
        metadata
    };
    let answer = register(&world, &pairwise("https://sector.example/uris")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.body["sector_identifier_uri"], "https://sector.example/uris");
    let id = answer.body["client_id"].as_str().unwrap();
    assert_eq!(world.client(id).await.value.sector_identifier.as_deref(), Some("sector.example"));
    for bad in ["https://sector.example/others", "https://sector.example/missing"] {
        assert_eq!(register(&world, &pairwise(bad)).await.error(), (400, "invalid_client_metadata"), "{bad}");
    }
}

/// Refuses one name and changes another.
#[derive(Debug)]
struct Picky;

#[async_trait]
impl RegistrationPolicy for Picky {
    async fn decide(&self, asked: &Registration<'_>) -> Result<RegistrationDecision, PortError> {
        Ok(match asked.metadata.client_name.as_deref() {
            Some("Evil") => RegistrationDecision::Refuse,
            Some("Wide") => {
                let mut client = asked.client.clone();
                client.scopes = "orders:write".parse().unwrap();
                RegistrationDecision::Change(Box::new(client))
            }
            Some("Broken") => {
                let mut client = asked.client.clone();
                client.scopes = "unheard-of".parse().unwrap();
                RegistrationDecision::Change(Box::new(client))
            }
            _ => RegistrationDecision::Accept,
        })
    }
}

#[tokio::test]
async fn a_policy_decides() {
    let settings = RegistrationSettings::default()
        .open()
        .with_scopes("profile:read".parse().unwrap())
        .with_policy(Arc::new(Picky));
    let world = World::with(with(settings)).await;
    let named = |name: &str| json!({ "redirect_uris": [CALLBACK], "client_name": name });
    assert_eq!(register(&world, &named("Evil")).await.error(), (403, "access_denied"));
    assert_eq!(register(&world, &named("Wide")).await.body["scope"], "orders:write");
    assert_eq!(register(&world, &named("Plain")).await.body["scope"], "profile:read");
    assert_eq!(register(&world, &named("Broken")).await.error(), (400, "invalid_client_metadata"));
}

/// S29: nobody fills the store.
#[tokio::test]
async fn s29_registrations_are_counted() {
    let world = open().await;
    for _ in 0..20 {
        assert_eq!(register(&world, &partner()).await.status, 201);
    }
    let refused = register(&world, &partner()).await;
    assert_eq!(refused.error(), (429, "temporarily_unavailable"));
    let neighbour = Peer::new([198, 51, 100, 7].into());
    let request = Request::post("/register").header("content-type", "application/json");
    assert_eq!(raw_from(&world, request, partner().to_string(), &neighbour).await.status, 201);
}

/// S17: neither a sector's document nor a client's keys are fetched from inside, whatever a name leads to.
#[tokio::test]
async fn s17_no_address_of_a_client_leads_inside() {
    let (world, outside) = open_to_the_outside().await;
    let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
    ] {
        outside.resolve_to("inside.example", [address.parse::<IpAddr>().unwrap()]);
        let mut metadata = with_member("subject_type", json!("pairwise"));
        metadata["sector_identifier_uri"] = json!("https://inside.example/uris");
        let refused = register_from(&world, &metadata, address).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata"), "{address}");

        let mut metadata = with_member("token_endpoint_auth_method", json!("private_key_jwt"));
        metadata["jwks_uri"] = json!(format!("https://inside.example/{address}/jwks"));
        let client = register_from(&world, &metadata, address).await;
        assert_eq!(client.status, 201, "{client:?}");
        let id = client.body["client_id"].as_str().unwrap();
        let now = world.ports.now().unix_timestamp();
        let claims = json!({ "iss": id, "sub": id, "aud": ISSUER, "jti": "1", "exp": now + 60 });
        let assertion = sign(&key, "JWT", &claims).await.unwrap();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        let refused = post(&world.server, "/token", None, &form).await;
        assert_eq!(refused.error(), (401, "invalid_client"), "{address}");
    }
    assert!(outside.requests().is_empty(), "{:?}", outside.requests());
}

/// S17, S29: a change can make the server fetch, so a client that changes itself without end is stopped before anything is
/// fetched; its neighbours and strangers are not its doing.
#[tokio::test]
async fn s29_changes_of_a_registration_are_counted() {
    let (world, outside) = open_to_the_outside().await;
    let (own, other) = (register(&world, &partner()).await.body, register(&world, &partner()).await.body);
    let change = async |of: &Value, token: &str| {
        let id = of["client_id"].as_str().unwrap();
        let metadata = json!({
            "client_id": id, "redirect_uris": [CALLBACK],
            "sector_identifier_uri": "https://sector.example/uris",
        });
        send(&world, "PUT", &format!("/register/{id}"), Some(token), &metadata).await
    };
    let token = own["registration_access_token"].as_str().unwrap();
    for _ in 0..30 {
        assert_eq!(change(&own, "x").await.error().0, 401, "a stranger uses nothing up");
    }
    for _ in 0..20 {
        assert_eq!(change(&own, token).await.error(), (400, "invalid_client_metadata"));
    }
    assert_eq!(outside.requests().len(), 20);
    assert_eq!(change(&own, token).await.error(), (429, "temporarily_unavailable"));
    assert_eq!(outside.requests().len(), 20, "nothing was fetched for it");
    let token = other["registration_access_token"].as_str().unwrap();
    assert_eq!(change(&other, token).await.error().0, 400);
}

/// What is off is neither advertised nor answered.
#[tokio::test]
async fn rfc8414_2_advertised_when_on() {
    const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
    let (off, on) = (World::new().await, open().await);
    assert_eq!(get(&off.server, WELL_KNOWN).await.body.get("registration_endpoint"), None);
    assert_eq!(register(&off, &partner()).await.status, 404);
    assert_eq!(send(&off, "GET", "/register/web", Some("x"), &Value::Null).await.status, 404);
    let said = get(&on.server, WELL_KNOWN).await.body;
    assert_eq!(said["registration_endpoint"], "https://id.example/register");
}
