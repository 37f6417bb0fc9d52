//! Token revocation: RFC 7009.

use ciam_oauth::grant::{GrantState, RevocationReason};
use time::Duration;

use super::{VAULT, introspect, is_active, load_grant, person, post_as, refresh, revoke, token, world};

const OFFLINE: &str = "orders:read offline_access";
const OWN: (&str, &str) = ("grant_type", "client_credentials");

/// RFC 7009, section 2.1: with a refresh token its grant goes, and every access token of the grant.
#[tokio::test]
async fn rfc7009_2_1_a_refresh_token_takes_the_grant_with_it() {
    let world = world().await;
    let mut person = person(&world).await;
    for client in ["shop", "spa"] {
        let tokens = person.tokens(&world, client, OFFLINE).await;
        let other = person.tokens(&world, client, OFFLINE).await;
        let vault = person.tokens_at(&world, client, VAULT).await;
        world.events().await;
        let answer = revoke(&world, client, tokens.refresh()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(!is_active(&world, "rs", &tokens.access).await);
        assert_eq!(refresh(&world, client, tokens.refresh()).await.error(), (400, "invalid_grant"));
        let grant = load_grant(&world, tokens.grant()).await.unwrap().value;
        assert!(matches!(grant.state, GrantState::Revoked { reason: RevocationReason::Client, .. }));
        assert_eq!(world.event_names().await, ["ciam.oauth.grant.revoked.v1"]);

        assert!(is_active(&world, "rs", &other.access).await, "other grants are other grants");
        assert!(revoke(&world, client, vault.refresh()).await.is_ok());
        assert!(!is_active(&world, "vault-rs", &vault.access).await, "opaque tokens too");
    }
}

/// An access token of either form is revoked alone: introspection sees it at once, the refresh token stays.
#[tokio::test]
async fn rfc7009_2_1_an_access_token_is_revoked_alone() {
    let world = world().await;
    let mut person = person(&world).await;
    for (resource, server) in [(super::API, "rs"), (VAULT, "vault-rs")] {
        let tokens = person.tokens_at(&world, "shop", resource).await;
        let second = refresh(&world, "shop", tokens.refresh()).await.tokens();
        world.events().await;
        assert!(revoke(&world, "shop", &tokens.access).await.is_ok());
        assert_eq!(introspect(&world, server, &tokens.access).await, serde_json::json!({ "active": false }));
        assert_eq!(world.event_names().await, ["ciam.oauth.access_token.revoked.v1"]);
        assert!(is_active(&world, server, &second.access).await);
        assert!(refresh(&world, "shop", tokens.refresh()).await.is_ok());
    }
    for resource in [super::API, VAULT] {
        let own = token(&world, "shop", &[OWN, ("resource", resource)]).await.tokens();
        assert!(revoke(&world, "shop", &own.access).await.is_ok());
        assert!(!is_active(&world, "shop", &own.access).await);
    }
}

/// RFC 7009, section 2.2: what is not there is revoked. Whatever is sent, twice.
#[tokio::test]
async fn rfc7009_2_2_revocation_is_idempotent() {
    let world = world().await;
    let mut person = person(&world).await;
    let live = person.tokens(&world, "shop", OFFLINE).await;
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    let expired = person.tokens(&world, "shop", OFFLINE).await;
    world.clock.advance(Duration::hours(1));
    let changed = live.refresh().replacen("r1", "r7", 1);
    for text in ["x", "a.b.c", &"x".repeat(43), &"x".repeat(20_000), &changed, &expired.access] {
        for _ in 0..2 {
            assert_eq!(revoke(&world, "shop", text).await.status, 200, "{text:.40}");
        }
    }
    for text in [live.refresh(), &vault.access, vault.refresh()] {
        for _ in 0..2 {
            assert_eq!(revoke(&world, "shop", text).await.status, 200);
        }
    }
}

/// RFC 7009, section 2.1: only the client that a token was issued to may revoke it.
#[tokio::test]
async fn rfc7009_2_1_only_the_owner() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    for other in ["shop2", "spa", "rs"] {
        for text in [tokens.refresh(), &tokens.access, &vault.access, vault.refresh()] {
            assert_eq!(revoke(&world, other, text).await.error(), (400, "invalid_grant"), "{other}");
        }
    }
    assert!(is_active(&world, "rs", &tokens.access).await);
    assert!(is_active(&world, "vault-rs", &vault.access).await);
    assert!(refresh(&world, "shop", tokens.refresh()).await.is_ok());
}

/// RFC 7009, section 2.1: the hint is a hint.
#[tokio::test]
async fn rfc7009_2_1_wrong_and_unknown_hints_change_nothing() {
    let world = world().await;
    let mut person = person(&world).await;
    for hint in ["access_token", "refresh_token", "unheard_of", ""] {
        let tokens = person.tokens(&world, "shop", OFFLINE).await;
        let params = [("token", tokens.refresh()), ("token_type_hint", hint)];
        assert!(post_as(&world.server, "/revoke", "shop", &params).await.is_ok(), "{hint}");
        assert!(!is_active(&world, "rs", &tokens.access).await, "{hint}");
    }
}

#[tokio::test]
async fn malformed_requests() {
    let world = world().await;
    for params in
        [vec![], vec![("token", "")], vec![("token", "a"), ("token", "b")], vec![("x", "1"), ("x", "2")]]
    {
        let answer = post_as(&world.server, "/revoke", "shop", &params).await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{params:?}");
    }
}

/// Any token of the family will do, even one that was replaced: the client is done with the grant.
#[tokio::test]
async fn an_old_refresh_token_revokes_as_well_when_its_client_says_so() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    assert!(revoke(&world, "spa", first.refresh()).await.is_ok());
    assert_eq!(refresh(&world, "spa", second.refresh()).await.error(), (400, "invalid_grant"));
}

/// The person, or an administrator, revokes a grant by its id.
#[tokio::test]
async fn a_grant_is_revoked_by_its_id_once() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    assert!(world.server.revoke_grant(tokens.grant(), RevocationReason::Person).await.unwrap());
    assert!(!world.server.revoke_grant(tokens.grant(), RevocationReason::Person).await.unwrap());
    assert!(!is_active(&world, "rs", &tokens.access).await);
    let unknown = ciam_core::id::GrantId::from_uuid(uuid::Uuid::nil());
    assert!(!world.server.revoke_grant(unknown, RevocationReason::Person).await.unwrap());
}
