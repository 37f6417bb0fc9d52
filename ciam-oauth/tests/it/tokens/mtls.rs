//! Mutual TLS at the authorization server: RFC 8705; S19 and S20.

use ciam_core::http::Peer;
use ciam_core::memory;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientProblem, ClientSecret, ClientsError, GrantType,
};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::dpop::DpopSigner;
use ciam_oauth::mtls::{CertificateSubject, MutualTls};
use ciam_oauth::validate::SenderConstraint;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use http::Method;
use serde_json::json;

use super::validate::signer;
use super::{
    Answer, PEER, VAULT, VERIFIER, basic, claims, get, introspect, is_active, peer, person, post, prepare,
    token, with_vault,
};
use crate::support::{CALLBACK, SECRET, World};

const CLIENT: &[u8] = include_bytes!("../../data/mtls/client.der");
const OTHER: &[u8] = include_bytes!("../../data/mtls/wildcard.der");
const OWN: (&str, &str) = ("grant_type", "client_credentials");
const INVALID_CLIENT: (u16, &str) = (401, "invalid_client");

fn with_mtls(builder: ServerBuilder) -> ServerBuilder {
    with_vault(builder.mutual_tls(MutualTls::new()))
}

async fn world() -> World {
    prepare(World::with(with_mtls).await).await
}

fn machine(id: &str, authentication: ClientAuthentication) -> Client {
    Client::confidential(id.parse().unwrap(), authentication)
        .with_grant(GrantType::ClientCredentials)
        .with_scopes("orders:read".parse().unwrap())
}

fn trusted(der: &[u8]) -> Peer {
    peer().with_trusted_certificate(der.to_vec())
}

fn unverified(der: &[u8]) -> Peer {
    peer().with_certificate(der.to_vec())
}

/// A request from a peer.
async fn from<F: Future>(peer: Peer, request: F) -> F::Output {
    PEER.scope(peer, request).await
}

async fn own(world: &World, client: &str, peer: Peer) -> Answer {
    from(peer, post(&world.server, "/token", None, &[OWN, ("client_id", client)])).await
}

fn thumbprint(der: &[u8]) -> serde_json::Value {
    json!({ "x5t#S256": CertificateThumbprint::of(der) })
}

/// RFC 8705, section 2.1: a certificate with the registered name, which an authority vouches for.
#[tokio::test]
async fn rfc8705_2_1_the_name_in_a_trusted_certificate() {
    let world = world().await;
    let name = CertificateSubject::DistinguishedName("CN=client,OU=Payments,O=Partner,C=DE".to_owned());
    world.server.clients().register(machine("pki", ClientAuthentication::tls(name))).await.unwrap();
    assert!(own(&world, "pki", trusted(CLIENT)).await.is_ok());
    for (what, peer) in [
        ("anybody writes any name into a certificate", unverified(CLIENT)),
        ("another name", trusted(OTHER)),
        ("no certificate", peer()),
        ("garbage", trusted(b"certificate")),
    ] {
        assert_eq!(own(&world, "pki", peer).await.error(), INVALID_CLIENT, "{what}");
    }
    let secret = [OWN, ("client_id", "pki"), ("client_secret", SECRET)];
    let answer = from(trusted(CLIENT), post(&world.server, "/token", None, &secret)).await;
    assert_eq!(answer.error(), INVALID_CLIENT, "another method beside it");
    let header = basic("pki", SECRET);
    let answer = from(trusted(CLIENT), post(&world.server, "/token", Some(&header), &[OWN])).await;
    assert_eq!(answer.error(), INVALID_CLIENT, "another method beside it");
}

/// RFC 8705, section 2.2: a registered certificate, whoever signed it; two while one takes the other's place.
#[tokio::test]
async fn rfc8705_2_2_a_registered_certificate() {
    let world = world().await;
    let only = ClientAuthentication::self_signed_tls([CertificateThumbprint::of(CLIENT)]);
    world.server.clients().register(machine("self", only)).await.unwrap();
    assert!(own(&world, "self", unverified(CLIENT)).await.is_ok());
    for peer in [unverified(OTHER), trusted(OTHER), peer(), unverified(&CLIENT[1..])] {
        assert_eq!(own(&world, "self", peer).await.error(), INVALID_CLIENT);
    }
    world
        .change_client("self", |client| {
            let both = [CLIENT, OTHER].map(CertificateThumbprint::of);
            client.authentication = ClientAuthentication::self_signed_tls(both);
        })
        .await;
    assert!(own(&world, "self", unverified(CLIENT)).await.is_ok());
    assert!(own(&world, "self", unverified(OTHER)).await.is_ok());
}

/// S19: the certificate is what the host says, never what a header says; a secret is no certificate and the reverse.
#[tokio::test]
async fn s19_a_certificate_in_a_header_is_not_read() {
    use bytes::Bytes;
    let world = world().await;
    let only = ClientAuthentication::self_signed_tls([CertificateThumbprint::of(CLIENT)]);
    world.server.clients().register(machine("self", only)).await.unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CLIENT);
    for name in ["x-client-cert", "client-cert", "x-ssl-cert", "ssl-client-cert", "x-forwarded-client-cert"] {
        let request = http::Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(name, format!(":{encoded}:"))
            .body(Bytes::from("grant_type=client_credentials&client_id=self"))
            .unwrap();
        assert_eq!(world.server.handle(request, &peer()).await.status(), 401, "{name}");
    }
    let public = [OWN, ("client_id", "shop")];
    let answer = from(trusted(CLIENT), post(&world.server, "/token", None, &public)).await;
    assert_eq!(answer.error(), INVALID_CLIENT, "a certificate of a client that has a secret");
}

/// RFC 8705, section 3: the tokens of every grant are bound to the certificate, of either form; introspection says so.
#[tokio::test]
async fn rfc8705_3_tokens_are_bound_to_the_certificate() {
    let world = world().await;
    world.change_client("shop", |client| client.certificate_bound_access_tokens = true).await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read offline_access").await;
    let of_code = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(token(&world, "shop", &of_code).await.error(), (400, "invalid_request"), "no certificate");
    let tokens = from(unverified(CLIENT), token(&world, "shop", &of_code)).await.tokens();
    assert_eq!(tokens.body["token_type"], "Bearer", "RFC 8705, section 3: the type stays");
    assert_eq!(claims(&tokens.access)["cnf"], thumbprint(CLIENT));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    assert_eq!(token(&world, "shop", &refresh).await.error(), (400, "invalid_request"), "no certificate");
    let next = from(unverified(OTHER), token(&world, "shop", &refresh)).await.tokens();
    assert_eq!(claims(&next.access)["cnf"], thumbprint(OTHER), "a confidential client may have a new one");
    let opaque = [OWN, ("resource", VAULT), ("scope", "orders:read")];
    let opaque = from(unverified(CLIENT), token(&world, "shop", &opaque)).await.tokens();
    assert_eq!(introspect(&world, "vault-rs", &opaque.access).await["cnf"], thumbprint(CLIENT));
}

/// RFC 8705, section 4; S20: the refresh token of a public client is worth nothing without its certificate, and with a key as
/// well, nothing without both.
#[tokio::test]
async fn s20_the_refresh_token_of_a_public_client_needs_all_that_it_is_bound_to() {
    let world = world().await;
    world.change_client("spa", |client| client.certificate_bound_access_tokens = true).await;
    let (key, thief) = (DpopSigner::new(signer()).unwrap(), DpopSigner::new(signer()).unwrap());
    let mut person = person(&world).await;
    let code = person.code(&world, "spa", "orders:read offline_access").await;
    let of_code = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    let tokens = send(&world, &of_code, unverified(CLIENT), Some(&key)).await.tokens();
    let cnf = &claims(&tokens.access)["cnf"];
    assert_eq!(cnf["jkt"], json!(key.thumbprint()));
    assert_eq!(cnf["x5t#S256"], json!(CertificateThumbprint::of(CLIENT)));
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("client_id", "spa")];
    for (what, peer, shown, error) in [
        ("neither", peer(), None, "invalid_request"),
        ("the key alone", peer(), Some(&key), "invalid_request"),
        ("the certificate alone", unverified(CLIENT), None, "invalid_grant"),
        ("another key", unverified(CLIENT), Some(&thief), "invalid_grant"),
        ("another certificate", unverified(OTHER), Some(&key), "invalid_grant"),
        ("another of each", unverified(OTHER), Some(&thief), "invalid_grant"),
    ] {
        assert_eq!(send(&world, &refresh, peer, shown).await.error(), (400, error), "{what}");
    }
    assert!(is_active(&world, "rs", &tokens.access).await, "nothing was revoked");
    assert!(send(&world, &refresh, unverified(CLIENT), Some(&key)).await.is_ok());
}

/// A form from a peer, with a proof of a key.
async fn send(world: &World, params: &[(&str, &str)], peer: Peer, key: Option<&DpopSigner>) -> Answer {
    use bytes::Bytes;
    let mut request =
        http::Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some(key) = key {
        let proof = key.proof(&world.ports, &Method::POST, "https://id.example/token", None, None).await;
        request = request.header("dpop", proof.unwrap());
    }
    let request = request.body(Bytes::from(crate::support::query(params))).unwrap();
    let (parts, body) = world.server.handle(request, &peer).await.into_parts();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// RFC 8705, sections 3.3 and 5: what is off is neither advertised nor registered.
#[tokio::test]
async fn rfc8705_3_3_metadata() {
    const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
    let off = super::world().await;
    let said = get(&off.server, WELL_KNOWN).await.body;
    assert_eq!(said.get("tls_client_certificate_bound_access_tokens"), None);
    assert_eq!(said.get("mtls_endpoint_aliases"), None);
    let only = ClientAuthentication::self_signed_tls([CertificateThumbprint::of(CLIENT)]);
    let refused = off.server.clients().register(machine("self", only.clone())).await.unwrap_err();
    assert!(matches!(refused, ClientsError::Problem(ClientProblem::Method("self_signed_tls_client_auth"))));
    let bound = machine("bound", ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap()));
    let refused = off.server.clients().register(bound.with_certificate_bound_tokens()).await.unwrap_err();
    assert!(matches!(refused, ClientsError::Problem(ClientProblem::Binding(_))), "{refused:?}");

    let at = |builder: ServerBuilder| {
        with_vault(builder.mutual_tls(MutualTls::new().at("https://mtls.id.example")))
    };
    let on = prepare(World::with(at).await).await;
    let said = get(&on.server, WELL_KNOWN).await.body;
    assert_eq!(said["tls_client_certificate_bound_access_tokens"], json!(true));
    assert_eq!(said["token_endpoint"], "https://id.example/token");
    let aliases = said["mtls_endpoint_aliases"].as_object().unwrap();
    assert_eq!(aliases["token_endpoint"], "https://mtls.id.example/token");
    for name in aliases.keys() {
        assert!(said.get(name).is_some(), "{name} is one of the endpoints");
    }
    let methods = said["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        methods.contains(&json!("tls_client_auth"))
            && methods.contains(&json!("self_signed_tls_client_auth"))
    );
    on.server.clients().register(machine("self", only)).await.unwrap();

    let key = DpopSigner::new(signer()).unwrap();
    for (url, accepted) in [
        ("https://mtls.id.example/token", true),
        ("https://id.example/token", true),
        ("https://mtls.id.example/par", false),
        ("https://mtls.evil.example/token", false),
    ] {
        use bytes::Bytes;
        let proof = key.proof(&on.ports, &Method::POST, url, None, None).await.unwrap();
        let request = http::Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", proof)
            .body(Bytes::from("grant_type=client_credentials&client_id=self"))
            .unwrap();
        let status = on.server.handle(request, &unverified(CLIENT)).await.status();
        assert_eq!(status.is_success(), accepted, "{url}");
    }
}

/// What contradicts itself is no server.
#[tokio::test]
async fn contradictions_are_construction_errors() {
    let builder = || {
        AuthorizationServer::builder(memory::ports())
            .issuer("https://id.example".parse().unwrap())
            .interaction_url("/interaction/")
    };
    for (what, builder) in [
        ("authentication by certificate", builder().client_authentication([AuthMethod::TlsClientAuth])),
        ("no method", builder().client_authentication([])),
        ("certificates demanded", builder().require_sender_constraint(SenderConstraint::MutualTls)),
        ("keys demanded", builder().without_dpop().require_sender_constraint(SenderConstraint::Dpop)),
        ("anything demanded", builder().without_dpop().require_sender_constraint(SenderConstraint::Any)),
        ("the issuer itself", builder().mutual_tls(MutualTls::new().at("https://id.example"))),
        ("plain http", builder().mutual_tls(MutualTls::new().at("http://mtls.id.example"))),
        ("a path", builder().mutual_tls(MutualTls::new().at("https://mtls.id.example/"))),
    ] {
        assert!(builder.build().await.is_err(), "{what}");
    }
}

/// A server that demands bound tokens takes what the client has: a key or a certificate.
#[tokio::test]
async fn any_constraint_is_met_by_either() {
    let demand = |builder: ServerBuilder| with_mtls(builder).require_sender_constraint(SenderConstraint::Any);
    let world = prepare(World::with(demand).await).await;
    assert_eq!(token(&world, "shop", &[OWN]).await.error(), (400, "invalid_dpop_proof"));
    let bound = from(unverified(CLIENT), token(&world, "shop", &[OWN])).await.tokens();
    assert_eq!(claims(&bound.access)["cnf"], thumbprint(CLIENT));
    let demand =
        |builder: ServerBuilder| with_mtls(builder).require_sender_constraint(SenderConstraint::MutualTls);
    let world = prepare(World::with(demand).await).await;
    assert_eq!(token(&world, "shop", &[OWN]).await.error(), (400, "invalid_request"));
    assert!(from(unverified(CLIENT), token(&world, "shop", &[OWN])).await.is_ok());
}
