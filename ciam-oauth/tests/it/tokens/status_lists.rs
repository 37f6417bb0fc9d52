//! Token Status List: draft-ietf-oauth-status-list-21.

use std::collections::BTreeSet;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::jose::{AlgorithmSet, KeySet, PublicJwkSet, TokenType, Verifier};
use ciam_core::store::{Batch, IndexDeclaration, PageRequest, RecordKind};
use ciam_oauth::client::RefreshRotation;
use ciam_oauth::server::{ConfigError, ResourceServer};
use ciam_oauth::status_list::{StatusBits, StatusList, StatusListSettings, TokenStatus};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use time::Duration;

use super::{
    API, Person, STOCK, VAULT, claims, get, introspect, is_active, peer, person, prepare, refresh, revoke,
    token, with_vault,
};
use crate::support::{ISSUER, World};

/// What is stored of tokens that are in a list.
pub(super) const LISTED: RecordKind =
    RecordKind::new("oauth.status_entry", &[IndexDeclaration::many("holder")]);
const LISTS: &str = "https://id.example/status/";

async fn world_with(settings: StatusListSettings) -> World {
    prepare(World::with(|builder| with_vault(builder).status_lists(settings)).await).await
}

pub(super) async fn world() -> World {
    world_with(StatusListSettings::new()).await
}

/// Where a token is listed.
pub(super) fn place(access: &str) -> (String, usize) {
    let listed = &claims(access)["status"]["status_list"];
    let idx = usize::try_from(listed["idx"].as_u64().unwrap()).unwrap();
    (listed["uri"].as_str().unwrap().to_owned(), idx)
}

async fn fetch(world: &World, uri: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = Request::get(uri.strip_prefix(ISSUER).unwrap());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.server.handle(request.body(Bytes::new()).unwrap(), &peer()).await
}

/// The claims of a list, verified as a resource does.
pub(super) async fn list_claims(world: &World, uri: &str) -> Value {
    let response = fetch(world, uri, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let jwks = PublicJwkSet::try_from(get(&world.server, "/jwks").await.body).unwrap();
    let keys = KeySet::from_jwks(&*crypto::ring(), &jwks).unwrap();
    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("statuslist+jwt"));
    let text = std::str::from_utf8(response.body()).unwrap();
    verifier.verify(text, &keys).unwrap().claims().unwrap()
}

/// The status of a token as its list says it now.
pub(super) async fn status(world: &World, access: &str) -> TokenStatus {
    world.clock.advance(Duration::seconds(6));
    let (uri, idx) = place(access);
    let claims = list_claims(world, &uri).await;
    let bits = StatusBits::from_count(claims["status_list"]["bits"].as_u64().unwrap()).unwrap();
    let list = StatusList::decompress(bits, claims["status_list"]["lst"].as_str().unwrap(), 1 << 20).unwrap();
    list.get(idx).unwrap()
}

/// Delivers what happened to the sink, as the host's relay does.
pub(super) async fn relay(world: &World) {
    let sink = world.server.status_list_sink();
    for event in world.events().await {
        if sink.wants(&event) {
            sink.deliver(&event).await.unwrap();
        }
    }
}

async fn at_api(person: &mut Person, world: &World, client: &str) -> super::Tokens {
    person.tokens_at(world, client, API).await
}

/// Sections 6.2, 13.2: a JWT names its place, and no two have the same; one that is opaque needs none.
#[tokio::test]
async fn section_6_2_every_jwt_has_a_place_of_its_own() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = at_api(&mut person, &world, "shop").await;
    let mut places = BTreeSet::from([place(&tokens.access)]);
    for _ in 0..40 {
        let next = refresh(&world, "shop", tokens.refresh()).await.tokens();
        assert!(places.insert(place(&next.access)));
        let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
        let next = token(&world, "shop", &form).await.tokens();
        assert!(places.insert(place(&next.access)));
    }
    assert!(places.iter().all(|(uri, idx)| uri.starts_with(LISTS) && *idx < 65_536));
    let indexes: Vec<usize> = places.iter().map(|(_, idx)| *idx).collect();
    assert!(indexes.iter().max().unwrap() > &10_000, "not the first ones one after the other");
    let opaque = person.tokens_at(&world, "shop", VAULT).await;
    let (holder, page) = (person.account.value.id.to_string(), PageRequest::first(100));
    let of_person = world.ports.store().records_by(LISTED, "holder", &holder, page).await.unwrap();
    assert_eq!(of_person.items.len(), 41, "the first one and what it was refreshed to, and nothing opaque");
    assert!(introspect(&world, "vault-rs", &opaque.access).await.get("status").is_none());
    let said = introspect(&world, "rs", &tokens.access).await;
    assert!(said["active"] == true && said.get("status").is_none(), "who asks needs no list");
    // Without lists there is no place and no endpoint.
    let without = super::world().await;
    let plain = super::person(&without).await.tokens_at(&without, "shop", API).await;
    assert!(claims(&plain.access).get("status").is_none());
    assert_eq!(fetch(&without, &format!("{LISTS}x"), &[]).await.status(), StatusCode::NOT_FOUND);
}

/// Sections 5.1 and 8.1 to 8.2: what is published, and how.
#[tokio::test]
async fn section_5_1_a_list_is_published() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = at_api(&mut person, &world, "shop").await;
    let (uri, _) = place(&tokens.access);
    let now = world.ports.now().unix_timestamp();
    let claims = list_claims(&world, &uri).await;
    assert_eq!((&claims["sub"], &claims["iss"]), (&json!(uri), &json!(ISSUER)));
    assert_eq!((&claims["iat"], &claims["ttl"]), (&json!(now), &json!(60)));
    assert_eq!(claims["exp"], now + 120);
    assert_eq!(claims["status_list"]["bits"], 2);
    let list =
        StatusList::decompress(StatusBits::Two, claims["status_list"]["lst"].as_str().unwrap(), 1 << 20);
    assert_eq!(list.unwrap().len(), 65_536);
    let response = fetch(&world, &uri, &[("accept", "text/html, application/StatusList+JWT;q=0.9")]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/statuslist+jwt");
    assert_eq!(headers["cache-control"], "public, max-age=60");
    assert_eq!(headers["access-control-allow-origin"], "*", "section 8.1: scripts may fetch it");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let tag = headers["etag"].to_str().unwrap();
    let again = fetch(&world, &uri, &[("if-none-match", &format!("\"x\", {tag}"))]).await;
    assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.headers()["etag"], tag);
    // It is no token of another kind.
    let text = std::str::from_utf8(response.body()).unwrap();
    assert!(!is_active(&world, "rs", text).await);
}

/// Sections 8.1 and 8.4: what is not there is said.
#[tokio::test]
async fn section_8_what_is_not_served() {
    let world = world().await;
    let mut person = person(&world).await;
    let (uri, _) = place(&at_api(&mut person, &world, "shop").await.access);
    let status = async |uri: &str, headers: &[(&str, &str)]| fetch(&world, uri, headers).await.status();
    assert_eq!(status(&uri, &[("accept", "*/*")]).await, StatusCode::OK);
    assert_eq!(status(&uri, &[("accept", "application/statuslist+cwt")]).await, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(status(&format!("{uri}?time=1686925000"), &[]).await, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(status(&format!("{uri}?x=1"), &[]).await, StatusCode::OK);
    assert_eq!(status(&format!("{uri}?x=%zz"), &[]).await, StatusCode::BAD_REQUEST);
    for unknown in ["x", "open", "..", ""] {
        assert_eq!(status(&format!("{LISTS}{unknown}"), &[]).await, StatusCode::NOT_FOUND, "{unknown}");
    }
    assert_eq!(status(&format!("{uri}/x"), &[]).await, StatusCode::NOT_FOUND);
    let post = Request::post(uri.strip_prefix(ISSUER).unwrap()).body(Bytes::new()).unwrap();
    let refused = world.server.handle(post, &peer()).await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// A token that is revoked alone is invalid, its siblings are not; nothing makes it valid again.
#[tokio::test]
async fn a_revoked_token_is_invalid() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = at_api(&mut person, &world, "shop").await;
    let other = refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(status(&world, &tokens.access).await, TokenStatus::Valid);
    assert_eq!(revoke(&world, "shop", &tokens.access).await.status, 200);
    assert_eq!(status(&world, &tokens.access).await, TokenStatus::Invalid, "without the relay");
    assert_eq!(status(&world, &other.access).await, TokenStatus::Valid);
    relay(&world).await;
    world.change_client("shop", |client| client.access_token_seconds = Some(30)).await;
    relay(&world).await;
    assert_eq!(status(&world, &tokens.access).await, TokenStatus::Invalid);
    let own = token(&world, "shop", &[("grant_type", "client_credentials"), ("scope", "orders:read")]).await;
    let own = own.tokens();
    assert_eq!(revoke(&world, "shop", &own.access).await.status, 200);
    assert_eq!(status(&world, &own.access).await, TokenStatus::Invalid);
}

/// Every end that introspection knows of ends in the list, for every token of the grant and for no other.
#[tokio::test]
async fn whatever_ends_a_grant_ends_its_tokens_in_the_list() {
    for end in ["grant", "session", "epoch", "suspended", "erased", "client"] {
        let world = world().await;
        world.change_client("shop", |client| client.refresh_rotation = RefreshRotation::Always).await;
        let (mut ada, mut eve) = (person(&world).await, person(&world).await);
        let online = end == "session" || end == "epoch";
        let scope = if online { "orders:read" } else { "orders:read offline_access" };
        let first = ada.tokens(&world, "shop", scope).await;
        let mut of_ada = vec![first.access.clone()];
        if !online {
            of_ada.push(refresh(&world, "shop", first.refresh()).await.tokens().access);
        }
        let of_eve = eve.tokens(&world, "shop2", scope).await;
        relay(&world).await;
        match end {
            "grant" => {
                let grant = claims(&first.access)["grant_id"].as_str().unwrap().parse().unwrap();
                let reason = ciam_oauth::grant::RevocationReason::Client;
                assert!(world.server.revoke_grant(grant, reason).await.unwrap());
            }
            "session" => ada.sign_out(&world).await,
            "epoch" => {
                ada.new_epoch(&world, false).await;
                happened(&world, &ada, ciam_core::event::EventType::CREDENTIAL_CHANGED).await;
            }
            "suspended" => {
                ada.suspend(&world).await;
                happened(&world, &ada, ciam_core::event::EventType::ACCOUNT_SUSPENDED).await;
            }
            "erased" => {
                let mut gone = ada.account.value.clone();
                gone.status = ciam_core::account::AccountStatus::Erased;
                let gone = Batch::new().write(ciam_core::store::Write::PutAccount(gone));
                assert!(world.ports.store().commit(gone).await.unwrap().is_applied());
                happened(&world, &ada, ciam_core::event::EventType::ACCOUNT_ERASED).await;
            }
            _ => {
                let read = world.client("shop").await;
                world.server.clients().delete(&read.value.id).await.unwrap();
            }
        }
        relay(&world).await;
        let expected = if end == "suspended" { TokenStatus::Suspended } else { TokenStatus::Invalid };
        for access in &of_ada {
            assert!(!is_active(&world, "rs", access).await, "{end}");
            assert_eq!(status(&world, access).await, expected, "{end}");
        }
        assert_eq!(status(&world, &of_eve.access).await, TokenStatus::Valid, "{end}");
    }
}

pub(super) async fn happened(world: &World, person: &Person, what: ciam_core::event::EventType) {
    let subject = format!("account:{}", person.account.value.id);
    let event = ciam_core::event::Event::new(&world.ports, what, subject).unwrap();
    assert!(world.ports.store().commit(Batch::new().event(event)).await.unwrap().is_applied());
}

/// Section 7.1: suspension passes, where a status has room for it; otherwise it is a revocation until it passes.
#[tokio::test]
async fn section_7_1_a_suspended_account_comes_back() {
    for (bits, expected) in
        [(StatusBits::Two, TokenStatus::Suspended), (StatusBits::One, TokenStatus::Invalid)]
    {
        let world = world_with(StatusListSettings::new().with_bits(bits)).await;
        let mut ada = person(&world).await;
        let tokens = at_api(&mut ada, &world, "shop").await;
        ada.suspend(&world).await;
        happened(&world, &ada, ciam_core::event::EventType::ACCOUNT_SUSPENDED).await;
        relay(&world).await;
        assert_eq!(status(&world, &tokens.access).await, expected);
        let back = Batch::new().write(ciam_core::store::Write::PutAccount(ada.account.value.clone()));
        assert!(world.ports.store().commit(back).await.unwrap().is_applied());
        happened(&world, &ada, ciam_core::event::EventType::ACCOUNT_REACTIVATED).await;
        relay(&world).await;
        assert_eq!(status(&world, &tokens.access).await, TokenStatus::Valid);
    }
}

/// Sections 6.2 and 13.2: places are unique, however many nodes give them out, and a full list is followed by another.
#[tokio::test]
async fn two_nodes_never_give_out_the_same_place() {
    let settings = StatusListSettings::new().with_capacity(1_024);
    let world = world_with(settings).await;
    let other = World::on_again(&world, |builder| with_vault(builder).status_lists(settings)).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let mut places = BTreeSet::new();
    let mut lists = BTreeSet::new();
    for _ in 0..700 {
        for server in [&world.server, &other] {
            let answer = super::post_as(server, "/token", "shop", &form).await.tokens();
            let place = place(&answer.access);
            lists.insert(place.0.clone());
            assert!(places.insert(place));
        }
    }
    assert_eq!(lists.len(), 2, "a list has an end, and then there is another");
}

/// Lists and what is stored of tokens end: a list is closed after its time, and is gone when no token can be in it any more.
#[tokio::test]
async fn lists_end_and_are_pruned() {
    let settings = StatusListSettings::new().with_open_for(Duration::HOUR);
    let world = world_with(settings).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let first = token(&world, "shop", &form).await.tokens();
    assert_eq!(revoke(&world, "shop", &first.access).await.status, 200);
    world.clock.advance(Duration::minutes(61));
    let second = token(&world, "shop", &form).await.tokens();
    let (old, new) = (place(&first.access).0, place(&second.access).0);
    assert_ne!(old, new);
    assert_eq!(fetch(&world, &old, &[]).await.status(), StatusCode::OK);
    let before = world.ports.now();
    assert!(world.ports.store().prune(before, 1_000).await.unwrap() > 0);
    assert_eq!(fetch(&world, &old, &[]).await.status(), StatusCode::OK, "tokens may live for a day");
    world.clock.advance(Duration::hours(24));
    assert_eq!(fetch(&world, &old, &[]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(fetch(&world, &new, &[]).await.status(), StatusCode::OK);
}

/// A list is made once in a while, not for each who asks.
#[tokio::test]
async fn a_list_is_not_made_for_each_request() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = at_api(&mut person, &world, "shop").await;
    let (uri, _) = place(&tokens.access);
    let first = fetch(&world, &uri, &[]).await.headers()["etag"].clone();
    assert_eq!(revoke(&world, "shop", &tokens.access).await.status, 200);
    world.clock.advance(Duration::seconds(4));
    assert_eq!(fetch(&world, &uri, &[]).await.headers()["etag"], first);
    world.clock.advance(Duration::seconds(2));
    assert_ne!(fetch(&world, &uri, &[]).await.headers()["etag"], first);
}

#[tokio::test]
async fn settings_that_cannot_work_make_no_server() {
    let build = ciam_oauth::AuthorizationServer::builder(ciam_core::memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url("/interaction/")
        .status_lists(StatusListSettings::new().with_capacity(1_000))
        .build();
    assert!(matches!(build.await, Err(ConfigError::Contradiction(_))));
}

/// The other resources' tokens are listed as well.
#[tokio::test]
async fn tokens_of_every_resource_are_listed() {
    let world = world().await;
    let tokens = person(&world).await.tokens_at(&world, "shop", STOCK).await;
    assert!(place(&tokens.access).0.starts_with(LISTS));
}

/// A resource that does not look there needs no place, and none is stored.
#[tokio::test]
async fn a_resource_may_be_left_out() {
    let alone = "https://alone.example";
    let world = World::with(|builder| {
        let resource = ResourceServer::new(alone.parse().unwrap(), "orders:read".parse().unwrap());
        with_vault(builder).resource(resource.without_status_list()).status_lists(StatusListSettings::new())
    })
    .await;
    let world = prepare(world).await;
    world.change_client("shop", |it| _ = it.resources.insert(alone.parse().unwrap())).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read"), ("resource", alone)];
    let tokens = token(&world, "shop", &form).await.tokens();
    assert!(claims(&tokens.access).get("status").is_none());
    assert_eq!(revoke(&world, "shop", &tokens.access).await.status, 200);
    const BY_CLIENT: &[IndexDeclaration] = &[IndexDeclaration::many("client")];
    let listed = RecordKind::new(LISTED.name(), BY_CLIENT);
    let listed = world.ports.store().records_by(listed, "client", "shop", PageRequest::first(1)).await;
    assert!(listed.unwrap().items.is_empty());
}
