//! Token introspection: RFC 7662.

use serde_json::json;
use time::Duration;

use super::{API, VAULT, introspect, is_active, person, post, post_as, refresh, world};

const OFFLINE: &str = "orders:read offline_access";

/// RFC 7662, section 2.2.
#[tokio::test]
async fn rfc7662_2_2_what_is_said_of_an_active_token() {
    let world = world().await;
    let mut person = person(&world).await;
    for (resource, server) in [(API, "rs"), (VAULT, "vault-rs")] {
        let tokens = person.tokens_at(&world, "shop", resource).await;
        let now = world.ports.now().unix_timestamp();
        let said = introspect(&world, server, &tokens.access).await;
        assert_eq!(said["active"], true);
        assert_eq!(said["scope"], tokens.body["scope"]);
        assert_eq!(said["client_id"], "shop");
        assert_eq!(said["token_type"], "Bearer");
        assert_eq!(said["iss"], crate::support::ISSUER);
        assert_eq!(said["aud"], resource);
        assert_eq!(said["iat"], now);
        assert_eq!(said["exp"], now + 600);
        assert_eq!(said["auth_time"], now);
        assert_eq!(said["amr"], json!(["pwd"]));
        assert_eq!(said["acr"], "urn:ciam:acr:aal1");
        assert_eq!(said["sub"].as_str().unwrap().len(), 43);
        assert_ne!(said["sub"], person.account.value.id.to_string(), "never the internal id");
        assert!(said.get("grant_id").is_none());
        assert!(said["jti"].is_string());
    }
}

/// RFC 7662, section 2.1: only authenticated clients may ask.
#[tokio::test]
async fn rfc7662_2_1_the_asker_authenticates() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", OFFLINE).await;
    let public = post_as(&world.server, "/introspect", "spa", &[("token", &tokens.access)]).await;
    assert_eq!(public.error(), (401, "invalid_client"), "naming oneself is no authentication");
    let nobody = post(&world.server, "/introspect", None, &[("token", &tokens.access)]).await;
    assert_eq!(nobody.error(), (401, "invalid_client"));
}

/// RFC 7662, section 4; S23: who is not concerned learns nothing, in the same bytes as of a token that was never there.
#[tokio::test]
async fn s23_only_those_concerned_see_a_token() {
    let world = world().await;
    let mut person = person(&world).await;
    let api = person.tokens(&world, "shop", OFFLINE).await;
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    let inactive = json!({ "active": false });
    for (asker, token, concerned) in [
        ("shop", &api.access, true),
        ("rs", &api.access, true),
        ("vault-rs", &api.access, false),
        ("shop2", &api.access, false),
        ("shop", &vault.access, true),
        ("vault-rs", &vault.access, true),
        ("rs", &vault.access, false),
        ("shop2", &vault.access, false),
    ] {
        let said = introspect(&world, asker, token).await;
        assert_eq!(said["active"], concerned, "{asker}");
        if !concerned {
            assert_eq!(said, inactive);
        }
    }
    for (asker, concerned) in [("shop", true), ("rs", false), ("shop2", false), ("vault-rs", false)] {
        let said = introspect(&world, asker, api.refresh()).await;
        assert_eq!(said["active"], concerned, "{asker}");
        if !concerned {
            assert_eq!(said, inactive);
        }
    }
}

/// RFC 7662, section 2.2: everything that is not a live token of ours.
#[tokio::test]
async fn rfc7662_2_2_garbage_is_not_active() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let (head, signature) = tokens.access.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let long = "x".repeat(30_000);
    for text in [
        "x",
        "a.b.c",
        "....",
        &long,
        &"x".repeat(43),
        &format!("{head}."),
        &format!("{header}.{payload}.{}", "A".repeat(signature.len())),
        &format!("{}.{payload}.{signature}", "eyJhbGciOiJub25lIn0"),
        &format!("{} ", tokens.access),
        &tokens.refresh().replacen(".1.", ".2.", 1),
    ] {
        assert_eq!(introspect(&world, "shop", text).await, json!({ "active": false }), "{text:.60}");
    }
}

#[tokio::test]
async fn a_token_is_active_until_it_expires() {
    let world = world().await;
    let mut person = person(&world).await;
    for (resource, server) in [(API, "rs"), (VAULT, "vault-rs")] {
        let tokens = person.tokens_at(&world, "shop", resource).await;
        world.clock.advance(Duration::seconds(599));
        assert!(is_active(&world, server, &tokens.access).await);
        world.clock.advance(Duration::SECOND);
        assert!(!is_active(&world, server, &tokens.access).await);
    }
}

/// The account and the session are asked at each introspection.
#[tokio::test]
async fn a_token_ends_with_what_stands_behind_it() {
    let world = world().await;
    let mut ada = person(&world).await;
    let mut eve = person(&world).await;
    let online = ada.tokens(&world, "shop", "orders:read").await;
    let offline = ada.tokens(&world, "shop", OFFLINE).await;
    let suspended = eve.tokens(&world, "shop", OFFLINE).await;
    ada.sign_out(&world).await;
    eve.suspend(&world).await;
    assert!(!is_active(&world, "rs", &online.access).await);
    assert!(!is_active(&world, "shop", online.refresh()).await);
    assert!(is_active(&world, "rs", &offline.access).await);
    assert!(!is_active(&world, "rs", &suspended.access).await);
    assert!(!is_active(&world, "shop", suspended.refresh()).await);
}

/// Introspection of a refresh token is no use of it, and an old generation is not active.
#[tokio::test]
async fn asking_is_no_use() {
    let world = world().await;
    world
        .change_client("shop", |client| client.refresh_rotation = ciam_oauth::client::RefreshRotation::Always)
        .await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "shop", OFFLINE).await;
    let second = refresh(&world, "shop", first.refresh()).await.tokens();
    for _ in 0..3 {
        assert!(!is_active(&world, "shop", first.refresh()).await);
        assert!(is_active(&world, "shop", second.refresh()).await);
    }
    let said = introspect(&world, "shop", second.refresh()).await;
    assert_eq!(said["client_id"], "shop");
    assert_eq!(said["scope"], "offline_access orders:read");
    assert!(said.get("token_type").is_none());
    assert!(refresh(&world, "shop", second.refresh()).await.is_ok(), "nobody was taken for a replayer");
}

#[tokio::test]
async fn malformed_requests() {
    let world = world().await;
    for params in [vec![], vec![("token", "")], vec![("token", "a"), ("token", "b")]] {
        let answer = post_as(&world.server, "/introspect", "rs", &params).await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{params:?}");
    }
}

/// RFC 9701, sections 4 and 5: a resource that asks for it is answered with a signed JWT for it alone.
#[tokio::test]
async fn rfc9701_5_an_answer_that_can_be_shown() {
    use bytes::Bytes;
    use http::Request;
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", "orders:read").await;
    let said = super::get(&world.server, "/.well-known/oauth-authorization-server").await.body;
    assert_eq!(said["introspection_signing_alg_values_supported"][0], "ES256");
    let ask = async |accept: &str, token: &str| {
        let request = Request::post("/introspect")
            .header("authorization", super::basic("rs", crate::support::SECRET))
            .header("accept", accept)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("token={token}")))
            .unwrap();
        world.server.handle(request, &super::peer()).await
    };
    for accept in
        ["application/token-introspection+jwt", "text/plain, application/Token-Introspection+JWT;q=0.9"]
    {
        let response = ask(accept, &tokens.access).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/token-introspection+jwt");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let jwt = std::str::from_utf8(response.body()).unwrap();
        assert_eq!(super::header(jwt)["typ"], "token-introspection+jwt");
        assert_eq!(super::header(jwt)["alg"], "ES256");
        let claims = super::claims(jwt);
        assert_eq!((&claims["iss"], &claims["aud"]), (&crate::support::ISSUER.into(), &"rs".into()));
        assert_eq!(claims["iat"], world.ports.now().unix_timestamp());
        assert_eq!(claims["token_introspection"], introspect(&world, "rs", &tokens.access).await);
        assert!(claims.get("sub").is_none() && claims.get("exp").is_none(), "no token of another kind");
        assert!(!is_active(&world, "rs", jwt).await, "and no access token");
    }
    let unknown = ask("application/token-introspection+jwt", "x").await;
    let jwt = std::str::from_utf8(unknown.body()).unwrap();
    assert_eq!(super::claims(jwt)["token_introspection"], serde_json::json!({ "active": false }));
    let plain = ask("application/json", &tokens.access).await;
    assert_eq!(plain.headers()["content-type"], "application/json");
}
