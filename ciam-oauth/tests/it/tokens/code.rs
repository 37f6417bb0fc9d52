//! The exchange of authorization codes: RFC 6749, sections 4.1.3 and 4.1.4; RFC 7636, section 4.6; RFC 9700, section 4.5.

use ciam_core::id::GrantId;
use ciam_oauth::grant::{GrantState, RevocationReason};
use http::StatusCode;
use time::Duration;

use super::{
    API, STOCK, VAULT, basic, claims, exchange, exchange_with, introspect, is_active, load_grant, person,
    post, refresh, token, world,
};
use crate::support::{CALLBACK, SECRET};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

/// RFC 6749, sections 4.1.4 and 5.1.
#[tokio::test]
async fn rfc6749_5_1_a_code_is_exchanged_for_tokens() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "profile:read orders:read").await;
    let answer = exchange(&world, "shop", &code).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    assert_eq!(answer.headers["content-type"], "application/json");
    let tokens = answer.tokens();
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(tokens.body["expires_in"], 600);
    assert_eq!(tokens.body["scope"], "orders:read profile:read");
    assert!(is_active(&world, "rs", &tokens.access).await);
    assert!(is_active(&world, "shop", tokens.refresh()).await);
}

/// S6: each condition alone, and every pair of them; none of the failures uses the code up.
#[tokio::test]
async fn s6_a_code_is_bound_to_client_redirect_uri_and_verifier() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read").await;
    let wrong_verifier = "x".repeat(43);
    let clients = ["shop", "shop2", "spa"];
    let uris = [Some(CALLBACK), Some("https://app.example/cb/"), Some("https://evil.example/"), None];
    let verifiers = [Some(super::VERIFIER), Some(wrong_verifier.as_str()), None];
    for client in clients {
        for uri in uris {
            for verifier in verifiers {
                if (client, uri, verifier) == ("shop", Some(CALLBACK), Some(super::VERIFIER)) {
                    continue;
                }
                let changes = [("redirect_uri", uri), ("code_verifier", verifier)];
                let answer = exchange_with(&world.server, client, &code, &changes).await;
                assert_eq!(answer.error(), INVALID_GRANT, "{client} {uri:?} {verifier:?}");
            }
        }
    }
    assert!(exchange(&world, "shop", &code).await.is_ok(), "the right client still can");
}

/// RFC 6749, section 4.1.3: the redirect URI is required if the authorization request had one. Without one the registered
/// one may be named, and no other.
#[tokio::test]
async fn rfc6749_4_1_3_redirect_uri_only_if_the_request_had_one() {
    let world = world().await;
    let mut person = person(&world).await;
    for (shown, accepted) in
        [(None, true), (Some(CALLBACK), true), (Some("https://app.example/other"), false)]
    {
        let code = person.code_for(&world, "shop", &[("redirect_uri", None)]).await;
        let answer = exchange_with(&world.server, "shop", &code, &[("redirect_uri", shown)]).await;
        assert_eq!(answer.is_ok(), accepted, "{shown:?} {answer:?}");
    }
}

/// RFC 6749, section 4.1.2: codes are short-lived.
#[tokio::test]
async fn rfc6749_4_1_2_a_code_expires() {
    let world = world().await;
    let mut person = person(&world).await;
    let late = person.code(&world, "shop", "orders:read").await;
    world.clock.advance(Duration::seconds(60));
    assert_eq!(exchange(&world, "shop", &late).await.error(), INVALID_GRANT);
    let early = person.code(&world, "shop", "orders:read").await;
    world.clock.advance(Duration::seconds(59));
    assert!(exchange(&world, "shop", &early).await.is_ok());
}

#[tokio::test]
async fn a_code_that_nobody_was_given_is_refused() {
    let world = world().await;
    let long = "x".repeat(10_000);
    for code in ["x", "../../etc/passwd", "' OR 1=1 --", &long] {
        assert_eq!(exchange(&world, "shop", code).await.error(), INVALID_GRANT);
    }
}

/// RFC 6749, section 4.1.2: a code that is used twice revokes what it made.
#[tokio::test]
async fn s21_a_replayed_code_revokes_everything_that_it_made() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read").await;
    let first = exchange(&world, "shop", &code).await.tokens();
    world.events().await;
    world.clock.advance(Duration::seconds(30));
    assert!(is_active(&world, "rs", &first.access).await);

    assert_eq!(exchange(&world, "shop", &code).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &first.access).await);
    assert!(!is_active(&world, "shop", first.refresh()).await);
    assert_eq!(refresh(&world, "shop", first.refresh()).await.error(), INVALID_GRANT);
    let grant = load_grant(&world, first.grant()).await.unwrap().value;
    assert!(matches!(grant.state, GrantState::Revoked { reason: RevocationReason::CodeReplay, .. }));
    let events = world.events().await;
    let revoked: Vec<_> =
        events.iter().filter(|event| event.event_type.as_str().contains("revoked")).collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].data["reason"], "code_replay");
    assert_eq!(revoked[0].subject, format!("account:{}", person.account.value.id));
}

/// The mark of a spent code outlives the code: a replay after the code would have expired is seen as well.
#[tokio::test]
async fn s21_a_replay_is_seen_after_the_code_has_expired() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "spa", "orders:read offline_access").await;
    let first = exchange(&world, "spa", &code).await.tokens();
    world.clock.advance(Duration::minutes(30));
    assert_eq!(exchange(&world, "spa", &code).await.error(), INVALID_GRANT);
    assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
}

/// Who holds a spent code and nothing else cannot sign its owner out.
#[tokio::test]
async fn a_spent_code_without_its_binding_revokes_nothing() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "spa", "orders:read").await;
    let first = exchange(&world, "spa", &code).await.tokens();
    let wrong_verifier = "x".repeat(43);
    for (client, changes) in [
        ("spa2", ("code_verifier", Some(super::VERIFIER))),
        ("shop", ("code_verifier", Some(super::VERIFIER))),
        ("spa", ("code_verifier", Some(wrong_verifier.as_str()))),
        ("spa", ("code_verifier", None)),
        ("spa", ("redirect_uri", Some("https://evil.example/"))),
    ] {
        assert_eq!(exchange_with(&world.server, client, &code, &[changes]).await.error(), INVALID_GRANT);
    }
    assert!(is_active(&world, "rs", &first.access).await);
}

#[tokio::test]
async fn wrong_presentations_are_limited_for_each_client_and_address() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "spa", "orders:read").await;
    for _ in 0..100 {
        assert_eq!(exchange_with(&world.server, "spa2", &code, &[]).await.error(), INVALID_GRANT);
    }
    let wrong = "x".repeat(43);
    for _ in 0..19 {
        exchange_with(&world.server, "spa", &code, &[("code_verifier", Some(&wrong))]).await;
    }
    let code2 = person.code(&world, "spa", "orders:read").await;
    assert!(exchange(&world, "spa", &code2).await.is_ok(), "another code is counted by itself");
    assert!(exchange(&world, "spa", &code).await.is_ok(), "the twentieth is let through");

    let code = person.code(&world, "spa", "orders:read").await;
    for _ in 0..20 {
        exchange_with(&world.server, "spa", &code, &[("code_verifier", Some(&wrong))]).await;
    }
    assert_eq!(exchange(&world, "spa", &code).await.error(), INVALID_GRANT, "the twenty-first is not");
}

#[tokio::test]
async fn a_client_that_may_not_use_the_grant_is_told_so_and_burns_nothing() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read").await;
    world
        .change_client("shop", |client| {
            client.grants.remove(&ciam_oauth::client::GrantType::AuthorizationCode);
            client.grants.remove(&ciam_oauth::client::GrantType::RefreshToken);
            client.redirect_uris.clear();
        })
        .await;
    assert_eq!(exchange(&world, "shop", &code).await.error(), (400, "unauthorized_client"));
}

/// A client that is not registered for refresh tokens gets none.
#[tokio::test]
async fn no_refresh_token_without_the_grant_type() {
    let world = world().await;
    let mut person = person(&world).await;
    let remove = |client: &mut ciam_oauth::client::Client| {
        client.grants.remove(&ciam_oauth::client::GrantType::RefreshToken);
        client.scopes = "orders:read".parse().unwrap();
    };
    world.change_client("shop", remove).await;
    let tokens = person.tokens(&world, "shop", "orders:read").await;
    assert_eq!(tokens.refresh, None);
    assert!(is_active(&world, "rs", &tokens.access).await);
}

#[tokio::test]
async fn the_account_must_be_able_to_sign_in() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read offline_access").await;
    person.suspend(&world).await;
    assert_eq!(exchange(&world, "shop", &code).await.error(), INVALID_GRANT);
}

#[tokio::test]
async fn the_session_must_be_live_unless_access_is_offline() {
    let world = world().await;
    let mut person = person(&world).await;
    let online = person.code(&world, "shop", "orders:read").await;
    let offline = person.code(&world, "shop", "orders:read offline_access").await;
    person.sign_out(&world).await;
    assert_eq!(exchange(&world, "shop", &online).await.error(), INVALID_GRANT);
    assert!(exchange(&world, "shop", &offline).await.is_ok());
}

/// RFC 8707, section 2.2: the access token is for the resource that the token request names, of those that were granted.
#[tokio::test]
async fn rfc8707_2_2_one_of_the_granted_resources() {
    let world = world().await;
    let mut person = person(&world).await;
    let both = format!(
        "/authorize?{}&resource={STOCK}",
        crate::support::query(&crate::support::request(
            "shop",
            &[("scope", Some("orders:read stock:read profile:read")), ("resource", Some(API))],
        ))
    );
    let code = person.browser.get(&world, &both).await.code();
    let other = exchange_with(&world.server, "shop", &code, &[("resource", Some(VAULT))]).await;
    assert_eq!(other.error(), (400, "invalid_target"));
    let unknown =
        exchange_with(&world.server, "shop", &code, &[("resource", Some("https://x.example"))]).await;
    assert_eq!(unknown.error(), (400, "invalid_target"));
    let two = token(
        &world,
        "shop",
        &[("grant_type", "authorization_code"), ("code", &code), ("resource", API), ("resource", STOCK)],
    )
    .await;
    assert_eq!(two.error(), (400, "invalid_target"));

    let stock = exchange_with(&world.server, "shop", &code, &[("resource", Some(STOCK))]).await.tokens();
    assert_eq!(claims(&stock.access)["aud"], STOCK);
    assert_eq!(stock.body["scope"], "orders:read stock:read", "what means something there");
    let api = refresh(&world, "shop", stock.refresh()).await.tokens();
    assert_eq!(claims(&api.access)["aud"], API, "the default resource, when none is named");
    assert_eq!(api.body["scope"], "orders:read profile:read");
}

/// S23: a token for one resource is nothing at another.
#[tokio::test]
async fn s23_tokens_of_one_resource_are_not_active_at_another() {
    let world = world().await;
    let mut person = person(&world).await;
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    assert!(!vault.access.contains('.'), "opaque");
    assert_eq!(introspect(&world, "rs", &vault.access).await, serde_json::json!({ "active": false }));
    assert_eq!(introspect(&world, "vault-rs", &vault.access).await["aud"], VAULT);
}

#[tokio::test]
async fn the_grant_is_made_under_the_id_that_was_fixed_with_the_code() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read").await;
    let fixed: GrantId = world.code(&code).await.grant;
    assert!(load_grant(&world, fixed).await.is_none());
    let tokens = exchange(&world, "shop", &code).await.tokens();
    assert_eq!(tokens.grant(), fixed);
    let names = world.event_names().await;
    assert!(names.contains(&"ciam.oauth.grant.created.v1".to_owned()), "{names:?}");
}

/// S32: no answer says back what was sent: neither a secret by mistake in another place, nor markup.
#[tokio::test]
async fn s32_no_error_says_what_was_sent() {
    const MARK: &str = "m4rk<b>";
    let world = world().await;
    let mut names = vec![
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "grant_type",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "scope",
        "resource",
        "token",
        "token_type_hint",
        "subject_token",
        "subject_token_type",
        "actor_token",
        "audience",
        "requested_token_type",
        "assertion",
        "device_code",
        "request",
        "request_uri",
        "response_type",
        "response_mode",
        "prompt",
        "max_age",
        "dpop_jkt",
        "authorization_details",
        "login_hint",
        "claims",
    ];
    names.push(MARK);
    for path in ["/token", "/revoke", "/introspect", "/par"] {
        for authorization in
            [None, Some(basic("shop", SECRET)), Some(format!("Basic {MARK}")), Some(MARK.to_owned())]
        {
            for name in &names {
                for grant in ["authorization_code", "refresh_token", "client_credentials"] {
                    let mut form = vec![("grant_type", grant), ("code", "x"), ("refresh_token", "x")];
                    form.retain(|(known, _)| known != name);
                    form.push((name, MARK));
                    let answer = post(&world.server, path, authorization.as_deref(), &form).await;
                    let said = format!("{} {:?}", answer.body, answer.headers);
                    assert!(!said.contains("m4rk"), "{path} {name}: {said}");
                }
            }
        }
    }
}

/// S32: what is stored tells no token.
#[tokio::test]
async fn s32_neither_records_nor_events_hold_a_token() {
    let world = world().await;
    let mut person = person(&world).await;
    let code = person.code(&world, "shop", "orders:read").await;
    let tokens = exchange(&world, "shop", &code).await.tokens();
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    let grant = load_grant(&world, tokens.grant()).await.unwrap();
    let mut stored = serde_json::to_string(&grant.value).unwrap();
    for event in world.events().await {
        stored += &serde_json::to_string(&event).unwrap();
    }
    for secret in [&code, &tokens.access, tokens.refresh(), &vault.access, vault.refresh(), super::VERIFIER] {
        assert!(!stored.contains(secret));
    }
}
