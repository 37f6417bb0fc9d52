//! Refresh tokens: RFC 6749, section 6; RFC 9700, section 4.14; RFC 8707, section 2.2.

use std::sync::Arc;

use ciam_core::event::{Event, EventType};
use ciam_core::id::DeviceId;
use ciam_core::relay::Relay;
use ciam_core::store::{Batch, Write};
use ciam_oauth::client::RefreshRotation;
use ciam_oauth::grant::{GrantState, RevocationReason};
use time::Duration;

use super::{
    API, STOCK, VAULT, claims, introspect, is_active, load_grant, person, prepare, refresh, refresh_with,
    with_vault, world,
};
use crate::support::{World, query, request};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
const OFFLINE: &str = "orders:read profile:read offline_access";

/// RFC 9700, section 2.2.2: refresh tokens of public clients are rotated.
#[tokio::test]
async fn rfc9700_2_2_2_public_clients_rotate() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    world.clock.advance(Duration::minutes(10));
    assert!(!is_active(&world, "rs", &first.access).await);

    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    assert_ne!(second.refresh, first.refresh);
    assert_ne!(second.access, first.access);
    assert!(is_active(&world, "rs", &second.access).await);
    let third = refresh(&world, "spa", second.refresh()).await.tokens();
    assert_eq!(third.grant(), first.grant());
    assert!(third.refresh().contains(".3."), "the third generation");
}

/// Confidential clients authenticate at each use: their tokens stay, and are sent again for clients that expect it.
#[tokio::test]
async fn confidential_clients_keep_their_token() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "shop", OFFLINE).await;
    for _ in 0..5 {
        world.clock.advance(Duration::hours(1));
        let next = refresh(&world, "shop", first.refresh()).await.tokens();
        assert_eq!(next.refresh, first.refresh);
        assert!(is_active(&world, "rs", &next.access).await);
    }
}

#[tokio::test]
async fn a_confidential_client_may_ask_for_rotation() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "shop", OFFLINE).await;
    world.change_client("shop", |client| client.refresh_rotation = RefreshRotation::Always).await;
    let second = refresh(&world, "shop", first.refresh()).await.tokens();
    assert_ne!(second.refresh, first.refresh);
}

/// RFC 9700, section 4.14.2: the use of a token that was replaced revokes everything.
#[tokio::test]
async fn s20_replay_revokes_the_grant_and_everything_of_it() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    let third = refresh(&world, "spa", second.refresh()).await.tokens();
    world.events().await;

    assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
    for tokens in [&first, &second, &third] {
        assert_eq!(refresh(&world, "spa", tokens.refresh()).await.error(), INVALID_GRANT);
        assert!(!is_active(&world, "rs", &tokens.access).await);
    }
    let grant = load_grant(&world, first.grant()).await.unwrap().value;
    assert!(matches!(grant.state, GrantState::Revoked { reason: RevocationReason::RefreshReplay, .. }));
    let events = world.events().await;
    assert_eq!(events.len(), 1, "one revocation, told once");
    assert_eq!(events[0].event_type.as_str(), "ciam.oauth.grant.revoked.v1");
    assert_eq!(events[0].data["reason"], "refresh_replay");
    assert_eq!(events[0].data["client"], "spa");
}

/// The answer was lost: the client asks again, and gets a token in place of the lost one.
#[tokio::test]
async fn a_lost_answer_is_given_again_and_retires_the_lost_one() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let lost = refresh(&world, "spa", first.refresh()).await.tokens();
    world.clock.advance(Duration::seconds(29));
    let again = refresh(&world, "spa", first.refresh()).await.tokens();
    assert_ne!(again.refresh, lost.refresh);
    let alive: Vec<bool> = [
        is_active_refresh(&world, &first).await,
        is_active_refresh(&world, &lost).await,
        is_active_refresh(&world, &again).await,
    ]
    .into();
    assert_eq!(alive, [false, false, true]);
    assert_eq!(
        refresh(&world, "spa", lost.refresh()).await.error(),
        INVALID_GRANT,
        "refused, within the window"
    );
    let next = refresh(&world, "spa", again.refresh()).await;
    assert!(next.is_ok(), "and nothing was revoked: {next:?}");
}

async fn is_active_refresh(world: &World, tokens: &super::Tokens) -> bool {
    // A public client cannot introspect, so look at the record.
    let grant = load_grant(world, tokens.grant()).await.unwrap().value;
    let live = grant.refresh.unwrap().generations.current;
    matches!(grant.state, GrantState::Active) && tokens.refresh().contains(&format!(".{live}."))
}

/// S20: reuse after the window is replay, and kills the winner's successor too.
#[tokio::test]
async fn s20_a_retry_after_the_window_is_replay() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    world.clock.advance(Duration::seconds(30));
    assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
    assert_eq!(refresh(&world, "spa", second.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &second.access).await);
}

/// A retry is honoured only while nobody has used the successor, even within the window.
#[tokio::test]
async fn a_retry_after_the_successor_was_used_is_replay() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    let third = refresh(&world, "spa", second.refresh()).await.tokens();
    assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
    assert_eq!(refresh(&world, "spa", third.refresh()).await.error(), INVALID_GRANT);
}

/// The thief was first: the owner's token was retired by the thief's retry, and its use gives both away.
#[tokio::test]
async fn a_superseded_token_after_the_window_is_replay() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let owners = refresh(&world, "spa", first.refresh()).await.tokens();
    let thiefs = refresh(&world, "spa", first.refresh()).await.tokens();
    world.clock.advance(Duration::minutes(10));
    assert_eq!(refresh(&world, "spa", owners.refresh()).await.error(), INVALID_GRANT);
    assert_eq!(refresh(&world, "spa", thiefs.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &thiefs.access).await);
}

/// S20: in another client's hands a token is refused, and its grant is left alone.
#[tokio::test]
async fn s20_another_clients_token_revokes_nothing() {
    let world = world().await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    for client in ["spa2", "shop"] {
        for token in [first.refresh(), second.refresh()] {
            assert_eq!(refresh(&world, client, token).await.error(), INVALID_GRANT);
        }
    }
    assert!(refresh(&world, "spa", second.refresh()).await.is_ok());
}

/// RFC 6749, section 6: refreshing needs client authentication, where the client has any.
#[tokio::test]
async fn rfc6749_6_a_confidential_client_authenticates() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let params =
        [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("client_id", "shop")];
    let answer = super::post(&world.server, "/token", None, &params).await;
    assert_eq!(answer.error(), (401, "invalid_client"));
}

/// Garbage revokes nothing: every change of a token makes it one that nobody was given.
#[tokio::test]
async fn garbage_revokes_nothing() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", OFFLINE).await;
    let other = person.tokens(&world, "spa", OFFLINE).await;
    let parts: Vec<&str> = tokens.refresh().split('.').collect();
    let others: Vec<&str> = other.refresh().split('.').collect();
    let mut garbage = vec![
        String::new(),
        "x".to_owned(),
        "x".repeat(10_000),
        tokens.access.clone(),
        tokens.refresh().to_uppercase(),
        format!("{} ", tokens.refresh()),
        format!("{}.{}.2.{}", parts[0], parts[1], parts[3]),
        format!("{}.{}.4294967295.{}", parts[0], parts[1], parts[3]),
        format!("{}.{}.{}.{}", parts[0], others[1], parts[2], parts[3]),
        format!("{}.{}.{}.{}", parts[0], parts[1], parts[2], others[3]),
    ];
    for position in 0..tokens.refresh().len() {
        let mut changed = tokens.refresh().to_owned().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        garbage.push(String::from_utf8(changed).unwrap());
    }
    for token in &garbage {
        let answer = refresh(&world, "spa", token).await;
        let expected = if token.is_empty() { (400, "invalid_request") } else { INVALID_GRANT };
        assert_eq!(answer.error(), expected, "{token}");
    }
    assert!(refresh(&world, "spa", tokens.refresh()).await.is_ok());
    assert!(refresh(&world, "spa", other.refresh()).await.is_ok());
}

/// A token of another tenant is garbage here, even under the same keys and ids.
#[tokio::test]
async fn s23_another_tenants_token_is_garbage() {
    let (here, there) = (world().await, world().await);
    let mut person = person(&there).await;
    let tokens = person.tokens(&there, "shop", OFFLINE).await;
    assert_eq!(refresh(&here, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&here, "rs", &tokens.access).await);
}

/// RFC 6749, section 6: the scope may be narrower, never wider; a narrower one is that of the access token alone.
#[tokio::test]
async fn rfc6749_6_scope_may_narrow_and_not_widen() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let narrow =
        refresh_with(&world.server, "shop", tokens.refresh(), &[("scope", "orders:read")]).await.tokens();
    assert_eq!(narrow.body["scope"], "orders:read");
    assert_eq!(claims(&narrow.access)["scope"], "orders:read");
    for wider in ["orders:write", "orders:read orders:write", "unknown", "ORDERS:READ"] {
        let answer = refresh_with(&world.server, "shop", tokens.refresh(), &[("scope", wider)]).await;
        assert_eq!(answer.error(), (400, "invalid_scope"), "{wider}");
    }
    let full = refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(full.body["scope"], OFFLINE_SORTED, "the grant keeps what was granted");
}

const OFFLINE_SORTED: &str = "offline_access orders:read profile:read";

/// RFC 6749, section 5.1: the scope is said when it is not what was asked for, and an empty one cannot be said.
#[tokio::test]
async fn rfc6749_5_1_a_scope_of_which_nothing_is_left_is_refused() {
    let world = world().await;
    let mut person = person(&world).await;
    let both = format!(
        "/authorize?{}&resource={STOCK}",
        query(&request("shop", &[("scope", Some("profile:read orders:read")), ("resource", Some(API))]))
    );
    let code = person.browser.get(&world, &both).await.code();
    let tokens = super::exchange(&world, "shop", &code).await.tokens();
    let at_stock = |scope| [("scope", scope), ("resource", STOCK)];
    let some =
        refresh_with(&world.server, "shop", tokens.refresh(), &at_stock("profile:read orders:read")).await;
    assert_eq!(some.tokens().body["scope"], "orders:read");
    let none = refresh_with(&world.server, "shop", tokens.refresh(), &at_stock("profile:read")).await;
    assert_eq!(none.error(), (400, "invalid_scope"));
}

/// A request that is refused does not use the token up.
#[tokio::test]
async fn a_refused_request_uses_nothing_up() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", OFFLINE).await;
    for (extra, code) in [
        (("scope", "orders:write"), "invalid_scope"),
        (("resource", STOCK), "invalid_target"),
        (("resource", "https://unknown.example"), "invalid_target"),
    ] {
        let answer = refresh_with(&world.server, "spa", tokens.refresh(), &[extra]).await;
        assert_eq!(answer.error(), (400, code));
    }
    let next = refresh(&world, "spa", tokens.refresh()).await.tokens();
    assert!(next.refresh().contains(".2."));
}

/// What the client may ask for is asked now, not only when the grant was given.
#[tokio::test]
async fn a_client_that_lost_a_scope_or_resource_does_not_get_it_any_more() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let vault = person.tokens_at(&world, "shop", VAULT).await;
    world
        .change_client("shop", |client| {
            client.scopes = "orders:read offline_access".parse().unwrap();
            client.resources.clear();
        })
        .await;
    let next = refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(next.body["scope"], "offline_access orders:read");
    assert_eq!(refresh(&world, "shop", vault.refresh()).await.error(), (400, "invalid_target"));
}

#[tokio::test]
async fn a_family_ends_without_use() {
    let world = world().await;
    let mut person = person(&world).await;
    let used = person.tokens(&world, "shop", OFFLINE).await;
    let unused = person.tokens(&world, "shop", OFFLINE).await;
    for _ in 0..4 {
        world.clock.advance(Duration::days(10));
        assert!(refresh(&world, "shop", used.refresh()).await.is_ok());
    }
    assert_eq!(refresh(&world, "shop", unused.refresh()).await.error(), INVALID_GRANT);
}

#[tokio::test]
async fn a_family_ends_in_any_case_and_so_do_its_access_tokens() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    for _ in 0..8 {
        world.clock.advance(Duration::days(20));
        assert!(refresh(&world, "shop", tokens.refresh()).await.is_ok());
    }
    world.clock.advance(Duration::days(20) - Duration::minutes(2));
    let last = refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(last.body["expires_in"], 120, "not beyond the end of the grant");
    world.clock.advance(Duration::minutes(2));
    assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &last.access).await);
}

/// Without `offline_access` a grant ends with the session in which it was given.
#[tokio::test]
async fn an_online_grant_ends_with_its_session() {
    let world = world().await;
    let mut person = person(&world).await;
    let online = person.tokens(&world, "spa", "orders:read").await;
    let offline = person.tokens(&world, "spa", OFFLINE).await;
    let online = refresh(&world, "spa", online.refresh()).await.tokens();
    person.sign_out(&world).await;
    assert_eq!(refresh(&world, "spa", online.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &online.access).await, "its access tokens end as well");
    assert!(refresh(&world, "spa", offline.refresh()).await.is_ok());
}

/// Whatever ends a session ends what hangs on it at once; where it is taken from somebody, what was given in it for offline
/// access goes as well, as soon as the relay has told.
#[tokio::test]
async fn every_end_of_a_session_reaches_the_tokens() {
    use ciam_core::session::SessionEnd::{
        AccountStopped, DeviceRevoked, LimitReached, PasswordChanged, Replaced, Revoked, SignedOut,
    };
    for (reason, offline_too) in [
        (SignedOut, false),
        (Replaced, false),
        (LimitReached, false),
        (PasswordChanged, false),
        (AccountStopped, false),
        (Revoked, true),
        (DeviceRevoked, true),
    ] {
        let world = world().await;
        let mut person = person(&world).await;
        let online = person.tokens(&world, "shop", "orders:read").await;
        let offline = person.tokens(&world, "shop", OFFLINE).await;
        let session = person.browser.visitor(&world).await.session().unwrap().id;
        world.server.sessions().end(session, reason).await.unwrap();
        assert_eq!(refresh(&world, "shop", online.refresh()).await.error(), INVALID_GRANT, "{reason:?}");
        assert!(!is_active(&world, "rs", &online.access).await, "{reason:?}");

        let notifier = Arc::new(ciam_core::memory::MemoryNotifier::new());
        let relay = Relay::new(world.ports.clone(), notifier).with_sink(world.server.session_grants_sink());
        for _ in 0..3 {
            relay.deliver_pending().await.unwrap();
        }
        assert_eq!(is_active(&world, "rs", &offline.access).await, !offline_too, "{reason:?}");
        assert_eq!(refresh(&world, "shop", offline.refresh()).await.is_ok(), !offline_too, "{reason:?}");
    }
}

/// A device that is forgotten takes along what was granted on it, in sessions that had ended before as well, and with whatever
/// key its refresh tokens were bound to; what was granted on another device stays.
#[tokio::test]
async fn a_forgotten_device_takes_its_tokens_along() {
    let world = world().await;
    let mut person = person(&world).await;
    let elsewhere = person.tokens(&world, "shop", OFFLINE).await;
    let device = DeviceId::generate(world.ports.clock(), world.ports.entropy()).unwrap();
    let id = person.browser.visitor(&world).await.session().unwrap().id;
    let mut session = world.server.sessions().live(id).await.unwrap().unwrap().value;
    session.device = Some(device);
    let batch = Batch::new().write(Write::PutSession(session));
    assert!(world.ports.store().commit(batch).await.unwrap().is_applied());
    let here = person.tokens(&world, "shop", OFFLINE).await;
    assert_eq!(load_grant(&world, here.grant()).await.unwrap().value.device, Some(device));
    person.sign_out(&world).await;
    assert!(refresh(&world, "shop", here.refresh()).await.is_ok());

    let subject = person.account.value.event_subject();
    let event = Event::new(&world.ports, EventType::DEVICE_REVOKED, subject).unwrap();
    let event = event.with("device", device.to_string());
    assert!(world.ports.store().commit(Batch::new().event(event)).await.unwrap().is_applied());
    let notifier = Arc::new(ciam_core::memory::MemoryNotifier::new());
    let relay = Relay::new(world.ports.clone(), notifier).with_sink(world.server.session_grants_sink());
    relay.deliver_pending().await.unwrap();
    assert_eq!(refresh(&world, "shop", here.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &here.access).await);
    assert!(is_active(&world, "rs", &elsewhere.access).await);
    refresh(&world, "shop", elsewhere.refresh()).await.tokens();
}

/// A new password ends the other sessions at once, by the account's epoch: and with them what was granted in them.
#[tokio::test]
async fn a_new_epoch_ends_the_grants_of_the_sessions_that_it_ends() {
    let world = world().await;
    let mut person = person(&world).await;
    for scope in ["orders:read", OFFLINE] {
        let tokens = person.tokens(&world, "spa", scope).await;
        let code = person.code(&world, "spa", scope).await;
        person.new_epoch(&world, false).await;
        assert_eq!(refresh(&world, "spa", tokens.refresh()).await.error(), INVALID_GRANT, "{scope}");
        assert!(!is_active(&world, "rs", &tokens.access).await, "{scope}: its access tokens end as well");
        assert_eq!(
            super::exchange(&world, "spa", &code).await.error(),
            INVALID_GRANT,
            "{scope}: and its codes"
        );
        let account = world.ports.store().account(person.account.value.id).await.unwrap().unwrap();
        person.browser.sign_in(&world, &account).await;
    }
}

#[tokio::test]
async fn a_grant_goes_along_with_its_session_into_a_new_epoch() {
    let world = world().await;
    let mut person = person(&world).await;
    for client in ["spa", "shop"] {
        let online = person.tokens(&world, client, "orders:read").await;
        let offline = person.tokens(&world, client, OFFLINE).await;
        person.new_epoch(&world, true).await;
        assert!(is_active(&world, "rs", &online.access).await);
        refresh(&world, client, online.refresh()).await.tokens();
        let offline = refresh(&world, client, offline.refresh()).await.tokens();
        assert!(is_active(&world, "rs", &offline.access).await);
        person.sign_out(&world).await;
        // For offline access: it no longer needs the session, having come along once.
        refresh(&world, client, offline.refresh()).await.tokens();
        let account = world.ports.store().account(person.account.value.id).await.unwrap().unwrap();
        person.browser.sign_in(&world, &account).await;
    }
}

#[tokio::test]
async fn an_online_grant_ends_with_the_absolute_limit_of_its_session() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", "orders:read").await;
    world.clock.advance(Duration::days(14) - Duration::minutes(1));
    let last = refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(last.body["expires_in"], 60);
    world.clock.advance(Duration::minutes(1));
    assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
}

#[tokio::test]
async fn every_use_asks_whether_the_account_may_sign_in() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    person.suspend(&world).await;
    assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
    assert!(!is_active(&world, "rs", &tokens.access).await);
}

#[tokio::test]
async fn a_client_that_lost_the_grant_type_is_told_so() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    world
        .change_client("shop", |client| {
            client.grants.remove(&ciam_oauth::client::GrantType::RefreshToken);
            client.scopes = "orders:read".parse().unwrap();
        })
        .await;
    assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), (400, "unauthorized_client"));
}

/// A client that does not rotate writes when the end of idleness has to be moved, and not at every use.
#[tokio::test]
async fn refreshing_without_rotation_is_mostly_reads() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    let version = load_grant(&world, tokens.grant()).await.unwrap().version;
    for _ in 0..10 {
        world.clock.advance(Duration::minutes(10));
        refresh(&world, "shop", tokens.refresh()).await.tokens();
    }
    assert_eq!(load_grant(&world, tokens.grant()).await.unwrap().version, version);
    world.clock.advance(Duration::days(1));
    refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(load_grant(&world, tokens.grant()).await.unwrap().version, version.next());
}

/// A refresh does not authenticate anybody again.
#[tokio::test]
async fn auth_time_and_acr_stay_what_they_were() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "shop", OFFLINE).await;
    world.clock.advance(Duration::days(2));
    let next = refresh(&world, "shop", tokens.refresh()).await.tokens();
    let (before, after) = (claims(&tokens.access), claims(&next.access));
    for name in ["auth_time", "acr", "amr", "sub", "client_id", "grant_id", "iss", "aud"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(after["iat"].as_i64().unwrap() - before["iat"].as_i64().unwrap(), 2 * 86_400);
}

/// The retry window is a matter of configuration.
#[tokio::test]
async fn without_a_retry_window_every_second_use_is_replay() {
    let world = World::with(|builder| {
        let mut lifetimes = ciam_oauth::server::Lifetimes::default();
        lifetimes.refresh_retry = Duration::ZERO;
        with_vault(builder).lifetimes(lifetimes)
    })
    .await;
    let world = prepare(world).await;
    let mut person = person(&world).await;
    let first = person.tokens(&world, "spa", OFFLINE).await;
    let second = refresh(&world, "spa", first.refresh()).await.tokens();
    assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
    assert_eq!(refresh(&world, "spa", second.refresh()).await.error(), INVALID_GRANT);
}

/// A key rotation in mid-session signs nobody out.
#[tokio::test]
async fn a_rotation_of_the_refresh_key_ends_no_token() {
    let world = world().await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", OFFLINE).await;
    world.server.rotate_refresh_key().await.unwrap();
    let next = refresh(&world, "spa", tokens.refresh()).await.tokens();
    assert!(next.refresh().starts_with("r2."));
    assert!(refresh(&world, "spa", next.refresh()).await.is_ok());
}

#[tokio::test]
async fn opaque_access_tokens_are_refreshed_like_any() {
    let world = world().await;
    let mut person = person(&world).await;
    for client in ["shop", "spa"] {
        let first = person.tokens_at(&world, client, VAULT).await;
        let next = refresh(&world, client, first.refresh()).await.tokens();
        assert!(is_active(&world, "vault-rs", &next.access).await);
        assert_eq!(introspect(&world, "vault-rs", &next.access).await["client_id"], client);
        let named = refresh_with(&world.server, client, next.refresh(), &[("resource", API)]).await;
        assert_eq!(named.error(), (400, "invalid_target"), "the grant is for the vault alone");
    }
}
