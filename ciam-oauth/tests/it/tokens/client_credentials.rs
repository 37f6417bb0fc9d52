//! The client's own right: RFC 6749, section 4.4.

use super::{API, STOCK, VAULT, claims, introspect, is_active, token, world};

const OWN: (&str, &str) = ("grant_type", "client_credentials");

/// RFC 6749, section 4.4.3; RFC 9068, section 2.2: the subject is the client.
#[tokio::test]
async fn rfc6749_4_4_3_an_access_token_and_no_refresh_token() {
    let world = world().await;
    let tokens = token(&world, "shop", &[OWN]).await.tokens();
    assert_eq!(tokens.refresh, None);
    assert_eq!(tokens.body["token_type"], "Bearer");
    let claims = claims(&tokens.access);
    assert_eq!(claims["sub"], "shop");
    assert_eq!(claims["client_id"], "shop");
    assert_eq!(claims["aud"], API);
    for absent in ["auth_time", "acr", "amr", "grant_id"] {
        assert!(claims.get(absent).is_none(), "{absent}: there is no person");
    }
    assert!(is_active(&world, "rs", &tokens.access).await);
}

/// RFC 6749, section 4.4: only confidential clients.
#[tokio::test]
async fn rfc6749_4_4_public_clients_may_not() {
    let world = world().await;
    assert_eq!(token(&world, "spa", &[OWN]).await.error(), (400, "unauthorized_client"));
}

#[tokio::test]
async fn the_scope_is_that_of_the_client_at_the_resource() {
    let world = world().await;
    for (asked, given) in [
        (None, Ok("offline_access orders:read orders:write profile:read")),
        (Some("orders:read"), Ok("orders:read")),
        (Some("orders:read orders:read"), Ok("orders:read")),
        (Some("stock:read"), Err("invalid_scope")),
        (Some("orders:read unknown"), Err("invalid_scope")),
        (Some("admin"), Err("invalid_scope")),
        (Some("\"quoted\""), Err("invalid_scope")),
    ] {
        let mut params = vec![OWN];
        params.extend(asked.map(|scope| ("scope", scope)));
        let answer = token(&world, "shop", &params).await;
        match given {
            Ok(scope) => assert_eq!(answer.tokens().body["scope"], scope, "{asked:?}"),
            Err(code) => assert_eq!(answer.error(), (400, code), "{asked:?}"),
        }
    }
}

/// RFC 8707, section 2.2: resources from the client's list.
#[tokio::test]
async fn rfc8707_2_resources_are_an_allow_list() {
    let world = world().await;
    let stock = token(&world, "shop", &[OWN, ("resource", STOCK)]).await.tokens();
    assert_eq!(claims(&stock.access)["aud"], STOCK);
    assert_eq!(stock.body["scope"], "orders:read stock:read");
    let vault = token(&world, "shop", &[OWN, ("resource", VAULT)]).await.tokens();
    assert_eq!(introspect(&world, "vault-rs", &vault.access).await["sub"], "shop");
    for (client, resource) in [("rs", STOCK), ("shop", "https://unknown.example"), ("shop", "relative")] {
        let answer = token(&world, client, &[OWN, ("resource", resource)]).await;
        assert_eq!(answer.error(), (400, "invalid_target"), "{client} {resource}");
    }
}

/// A token of a client that was removed dies with it, wherever somebody asks.
#[tokio::test]
async fn a_removed_client_has_no_tokens() {
    let world = world().await;
    let tokens = token(&world, "shop", &[OWN]).await.tokens();
    world.server.clients().delete(&"shop".parse().unwrap()).await.unwrap();
    assert!(!is_active(&world, "rs", &tokens.access).await);
}

#[tokio::test]
async fn the_lifetime_is_the_clients_before_the_resources() {
    let world = world().await;
    world.change_client("shop", |client| client.access_token_seconds = Some(90)).await;
    let tokens = token(&world, "shop", &[OWN]).await.tokens();
    assert_eq!(tokens.body["expires_in"], 90);
    world.clock.advance(time::Duration::seconds(89));
    assert!(is_active(&world, "rs", &tokens.access).await);
    world.clock.advance(time::Duration::SECOND);
    assert!(!is_active(&world, "rs", &tokens.access).await);
}
