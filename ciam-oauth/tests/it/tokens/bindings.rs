//! What a code, a refresh token and an access token are bound to: each binding alone and every pair of them is somebody else's, in
//! one table. S6, S20, S22 and S23.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_core::id::TenantId;
use ciam_core::jose::{KeySet, PublicJwkSet};
use ciam_core::memory::{self, MemoryDatabase, MemoryEphemeralDatabase};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::client::{Client, ClientAuthentication, GrantType};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::dpop::{DPOP, DpopChecker, DpopSigner};
use ciam_oauth::mtls::MutualTls;
use ciam_oauth::validate::{Requirements, ResourceRequest, ResourceServer, Validator};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request};
use serde_json::Value;
use time::macros::datetime;

use super::validate::signer;
use super::{API, Answer, Person, STOCK, Tokens, VERIFIER, peer, person, with_vault};
use crate::support::{CALLBACK, CHALLENGE, ISSUER, World, query, request};

const OURS: &[u8] = include_bytes!("../../data/mtls/client.der");
const THEIRS: &[u8] = include_bytes!("../../data/mtls/wildcard.der");
const ELSEWHERE: &str = "https://app.example/other";
/// Another good verifier.
const OTHER_VERIFIER: &str = "M25iVXpKU3puUjFaYWg3T1NDTDQtcW1ROUY5YXlwalNoc0hhakxifmZHag";

/// What something is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Client,
    Redirect,
    Verifier,
    Key,
    Certificate,
    Resource,
    Tenant,
}

use Binding::{Certificate, Client as OfClient, Key, Redirect, Resource, Tenant, Verifier};

/// Each alone, and every pair.
fn mismatches(bindings: &[Binding]) -> Vec<Vec<Binding>> {
    let mut all: Vec<Vec<Binding>> = bindings.iter().map(|one| vec![*one]).collect();
    for (at, first) in bindings.iter().enumerate() {
        all.extend(bindings[at + 1..].iter().map(|second| vec![*first, *second]));
    }
    all
}

/// Two tenants of one database, with clients of the same names, and two keys.
struct Two {
    here: World,
    there: World,
    ours: DpopSigner,
    theirs: DpopSigner,
}

impl Two {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let (durable, short) = (MemoryDatabase::new(), MemoryEphemeralDatabase::new());
        let mut worlds = Vec::new();
        for number in [1_u64, 2] {
            let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(number.into()));
            let entropy = Arc::new(SeededEntropy::new(number));
            let ports = memory::ports_of(tenant, &durable, clock.clone(), entropy)
                .with_ephemeral(Arc::new(short.tenant(tenant, clock.clone())));
            let world =
                World::on(ports, clock.clone(), |it| with_vault(it.mutual_tls(MutualTls::new()))).await;
            for client in [bank("bank", &[OURS]), bank("bank2", &[OURS, THEIRS]), app("spa"), app("spa2")] {
                world.server.clients().register(client).await.unwrap();
            }
            worlds.push(world);
        }
        let there = worlds.pop().unwrap();
        let here = worlds.pop().unwrap();
        let key = || DpopSigner::new(signer()).unwrap();
        Self { here, there, ours: key(), theirs: key() }
    }

    /// A token request in which everything is right but what is named.
    async fn token(&self, client: [&str; 2], wrong: &[Binding], params: &[(&str, &str)]) -> Answer {
        let is = |binding: Binding| wrong.contains(&binding);
        let world = if is(Tenant) { &self.there } else { &self.here };
        let key = if is(Key) { &self.theirs } else { &self.ours };
        let certificate = if is(Certificate) { THEIRS } else { OURS };
        let mut params = params.to_vec();
        params.push(("client_id", client[usize::from(is(OfClient))]));
        params.push(("resource", if is(Resource) { STOCK } else { API }));
        let url = format!("{ISSUER}/token");
        let proof = key.proof(&world.ports, &Method::POST, &url, None, None).await.unwrap();
        let request = Request::post("/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("dpop", proof)
            .body(Bytes::from(query(&params)));
        let response = world.server.handle(request.unwrap(), &shows(certificate)).await;
        let (parts, body) = response.into_parts();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn exchange(&self, client: [&str; 2], code: &str, wrong: &[Binding]) -> Answer {
        let is = |binding: Binding| wrong.contains(&binding);
        let params = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", if is(Redirect) { ELSEWHERE } else { CALLBACK }),
            ("code_verifier", if is(Verifier) { OTHER_VERIFIER } else { VERIFIER }),
        ];
        self.token(client, wrong, &params).await
    }

    /// A code that is bound to all that a code can be bound to.
    async fn code(&self, person: &mut Person, client: &str) -> String {
        let thumbprint = self.ours.thumbprint().to_string();
        let changes = [
            ("scope", Some("orders:read offline_access")),
            ("resource", Some(API)),
            ("dpop_jkt", Some(thumbprint.as_str())),
            ("code_challenge", Some(CHALLENGE)),
        ];
        person.browser.authorize(&self.here, &request(client, &changes)).await.code()
    }

    async fn tokens(&self, person: &mut Person, client: [&str; 2]) -> Tokens {
        let code = self.code(person, client[0]).await;
        self.exchange(client, &code, &[]).await.tokens()
    }
}

/// A client that authenticates by a certificate.
fn bank(id: &str, certificates: &[&[u8]]) -> Client {
    let known = certificates.iter().map(|der| CertificateThumbprint::of(der));
    abled(Client::confidential(id.parse().unwrap(), ClientAuthentication::self_signed_tls(known)))
}

/// A client without authentication, whose tokens are bound all the same.
fn app(id: &str) -> Client {
    let web = ciam_oauth::client::ApplicationType::Web;
    abled(Client::public(id.parse().unwrap())).with_application_type(web)
}

fn abled(client: Client) -> Client {
    client
        .first_party()
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_redirect_uri(ELSEWHERE.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("orders:read offline_access".parse().unwrap())
        .with_resource(STOCK.parse().unwrap())
        .with_certificate_bound_tokens()
}

fn shows(der: &[u8]) -> Peer {
    peer().with_certificate(der.to_vec())
}

fn assert_refused(answer: &Answer, wrong: &[Binding]) {
    assert!((400..500).contains(&answer.status.as_u16()), "{wrong:?}: {answer:?}");
    assert_eq!(answer.body.get("access_token"), None, "{wrong:?}");
    let known = ["invalid_client", "invalid_grant", "invalid_target"];
    assert!(known.contains(&answer.error().1), "{wrong:?}: {answer:?}");
}

/// S6: a code of one client, redirect URI, verifier, key, certificate, resource and tenant is good for no other.
#[tokio::test]
async fn s6_every_pair_of_mismatched_bindings_of_a_code() {
    let two = Two::new().await;
    let mut person = person(&two.here).await;
    let clients = ["bank", "bank2"];
    let all = [OfClient, Redirect, Verifier, Key, Certificate, Resource, Tenant];
    let cases = mismatches(&all);
    assert_eq!(cases.len(), 28);
    for wrong in cases {
        let code = two.code(&mut person, "bank").await;
        let answer = two.exchange(clients, &code, &wrong).await;
        assert_refused(&answer, &wrong);
        // What was refused used nothing up: whoever holds everything still gets in.
        assert!(two.exchange(clients, &code, &[]).await.is_ok(), "{wrong:?}");
    }
}

/// S20: the refresh token of a client that cannot authenticate is good with all that was proved at first.
#[tokio::test]
async fn s20_every_pair_of_mismatched_bindings_of_a_refresh_token() {
    let two = Two::new().await;
    let mut person = person(&two.here).await;
    for (clients, bindings) in [
        (["spa", "spa2"], &[OfClient, Key, Certificate, Resource, Tenant][..]),
        // One that authenticates may come with another key, and proves who it is by its certificate.
        (["bank", "bank2"], &[OfClient, Certificate, Resource, Tenant][..]),
    ] {
        for wrong in mismatches(bindings) {
            let tokens = two.tokens(&mut person, clients).await;
            let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
            assert_refused(&two.token(clients, &wrong, &form).await, &wrong);
            assert!(two.token(clients, &[], &form).await.is_ok(), "{clients:?} {wrong:?}");
        }
    }
}

/// S22, S23: an access token of one key, certificate, resource and tenant opens nothing else.
#[tokio::test]
async fn s23_every_pair_of_mismatched_bindings_of_an_access_token() {
    let two = Two::new().await;
    let mut person = person(&two.here).await;
    let tokens = two.tokens(&mut person, ["bank", "bank2"]).await;
    let api = |of: &World, audience: &'static str, jwks: &PublicJwkSet| {
        let keys = KeySet::from_jwks(of.ports.crypto(), jwks).unwrap();
        ResourceServer::new(of.ports.clone(), audience)
            .with_validator(Validator::new(ISSUER.parse().unwrap(), audience, keys))
            .with_dpop(DpopChecker::new(of.ports.clone()))
    };
    let keys = |jwks: &[u8]| serde_json::from_slice::<PublicJwkSet>(jwks).unwrap();
    let here = keys(two.here.server.keys().keys().await.unwrap().jwks_json());
    let there = keys(two.there.server.keys().keys().await.unwrap().jwks_json());
    let mut cases = vec![Vec::new()];
    cases.extend(mismatches(&[Key, Certificate, Resource, Tenant]));
    for wrong in cases {
        let is = |binding: Binding| wrong.contains(&binding);
        let audience = if is(Resource) { STOCK } else { API };
        let (world, jwks) = if is(Tenant) { (&two.there, &there) } else { (&two.here, &here) };
        let key = if is(Key) { &two.theirs } else { &two.ours };
        let url = format!("{audience}/orders");
        let proof = key.proof(&world.ports, &Method::GET, &url, None, Some(&tokens.access)).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("DPoP {}", tokens.access).parse().unwrap());
        headers.insert(&DPOP, proof.parse().unwrap());
        let peer = shows(if is(Certificate) { THEIRS } else { OURS });
        let request = ResourceRequest::new(&Method::GET, "/orders", &headers).with_peer(&peer);
        let admitted = api(world, audience, jwks).admit(&request, &Requirements::new()).await;
        assert_eq!(admitted.is_ok(), wrong.is_empty(), "{wrong:?}");
    }
}
