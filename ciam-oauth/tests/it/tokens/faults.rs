//! Ports that fail, one call at a time and in every way: whatever fails, there are never two live tokens, and a client that
//! is told to come again can.

use std::sync::Arc;

use ciam_core::memory;
use ciam_core::testkit::{Failure, ManualClock, Probe, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::grant::GrantState;
use ciam_oauth::status_list::{StatusListSettings, TokenStatus};
use time::macros::datetime;

use super::{
    API, Answer, VAULT, exchange, is_active, load_grant, person, post_as, prepare, refresh, revoke, token,
    with_vault,
};
use crate::support::World;

const OFFLINE: &str = "orders:read offline_access";
const FAILURES: [Failure; 3] = [Failure::Transient, Failure::Permanent, Failure::AnswerLost];

/// A world in which a probe stands before every port.
async fn probed() -> (Probe, World) {
    probed_with(with_vault).await
}

async fn probed_with(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Probe, World) {
    let probe = Probe::new();
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let world = prepare(World::on(probe.watch(&ports), clock, configure).await).await;
    (probe, world)
}

/// Whether the call that was to fail was made.
fn reached(probe: &Probe, number: u64) -> bool {
    let made = u64::try_from(probe.calls().len()).unwrap();
    probe.clear();
    made >= number
}

fn is_outage(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        503 => answer.error().1 == "temporarily_unavailable" && answer.headers["retry-after"] == "5",
        500 => answer.error().1 == "server_error",
        _ => false,
    }
}

#[tokio::test]
async fn an_exchange_that_fails_issues_nothing_and_is_never_answered_twice() {
    for (resource, failure) in
        [API, VAULT].into_iter().flat_map(|resource| FAILURES.map(|how| (resource, how)))
    {
        let (probe, world) = probed().await;
        let mut person = person(&world).await;
        let changes = [("scope", Some(OFFLINE)), ("resource", Some(resource))];
        for number in 1.. {
            let code = person.code_for(&world, "shop", &changes).await;
            let grant = world.code(&code).await.grant;
            probe.clear();
            probe.fail_call(number, failure);
            let answer = exchange(&world, "shop", &code).await;
            if !reached(&probe, number) {
                assert!(answer.is_ok(), "{answer:?}");
                assert!(number > 8, "the whole way was walked");
                break;
            }
            assert!(is_outage(&answer), "{failure:?} {number}: {answer:?}");
            // Trying again works if the code was not used up; then it is, for everybody.
            let first = exchange(&world, "shop", &code).await;
            let second = exchange(&world, "shop", &code).await;
            assert!(!second.is_ok(), "{failure:?} {number}");
            if let Some(stored) = load_grant(&world, grant).await {
                assert!(matches!(stored.value.state, GrantState::Revoked { .. }), "{failure:?} {number}");
            }
            if first.is_ok() {
                assert!(!is_active(&world, "shop", &first.tokens().access).await, "the second was a replay");
            }
        }
    }
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_one_live_token() {
    for (resource, failure) in
        [API, VAULT].into_iter().flat_map(|resource| FAILURES.map(|how| (resource, how)))
    {
        let (probe, world) = probed().await;
        let mut person = person(&world).await;
        for number in 1.. {
            let tokens = person.tokens_at(&world, "spa", resource).await;
            probe.clear();
            probe.fail_call(number, failure);
            let answer = refresh(&world, "spa", tokens.refresh()).await;
            if !reached(&probe, number) {
                assert!(answer.is_ok(), "{answer:?}");
                assert!(number > 5, "the whole way was walked");
                break;
            }
            assert!(is_outage(&answer), "{failure:?} {number}: {answer:?}");
            let next = refresh(&world, "spa", tokens.refresh()).await.tokens();
            let grant = load_grant(&world, tokens.grant()).await.unwrap().value;
            let live = grant.refresh.unwrap().generations.current;
            assert!(next.refresh().contains(&format!(".{live}.")), "the one that was given is the live one");
            assert!(refresh(&world, "spa", next.refresh()).await.is_ok());
        }
    }
}

/// A replay whose revocation fails is refused all the same, and the next one revokes.
#[tokio::test]
async fn a_replay_is_refused_whatever_fails() {
    let (probe, world) = probed().await;
    let mut person = person(&world).await;
    for (failure, number) in FAILURES.into_iter().flat_map(|how| (1..12).map(move |number| (how, number))) {
        let first = person.tokens(&world, "spa", OFFLINE).await;
        let second = refresh(&world, "spa", first.refresh()).await.tokens();
        let third = refresh(&world, "spa", second.refresh()).await.tokens();
        probe.clear();
        probe.fail_call(number, failure);
        assert!(!refresh(&world, "spa", first.refresh()).await.is_ok(), "{failure:?} {number}");
        probe.clear();
        assert!(!refresh(&world, "spa", first.refresh()).await.is_ok());
        assert!(!refresh(&world, "spa", third.refresh()).await.is_ok(), "{failure:?} {number}");
        assert!(!is_active(&world, "rs", &third.access).await);

        let code = person.code(&world, "shop", OFFLINE).await;
        let tokens = exchange(&world, "shop", &code).await.tokens();
        probe.clear();
        probe.fail_call(number, failure);
        assert!(!exchange(&world, "shop", &code).await.is_ok(), "{failure:?} {number}");
        probe.clear();
        assert!(!exchange(&world, "shop", &code).await.is_ok());
        assert!(!refresh(&world, "shop", tokens.refresh()).await.is_ok(), "{failure:?} {number}");
    }
}

/// Fail closed: an answer that cannot be known is an error, never "active", and a revocation that was not done is not said
/// to be.
#[tokio::test]
async fn introspection_and_revocation_fail_closed() {
    for (resource, failure) in
        [API, VAULT].into_iter().flat_map(|resource| FAILURES.map(|how| (resource, how)))
    {
        let (probe, world) = probed().await;
        let mut person = person(&world).await;
        let server = if resource == VAULT { "vault-rs" } else { "rs" };
        let tokens = person.tokens_at(&world, "shop", resource).await;
        for (text, asker) in [(tokens.access.as_str(), server), (tokens.refresh(), "shop")] {
            for number in 1.. {
                probe.clear();
                probe.fail_call(number, failure);
                let answer = post_as(&world.server, "/introspect", asker, &[("token", text)]).await;
                if !reached(&probe, number) {
                    assert_eq!(answer.body["active"], true);
                    break;
                }
                assert!(is_outage(&answer), "{failure:?} {number}: {answer:?}");
            }
        }
        for number in 1.. {
            let tokens = person.tokens_at(&world, "shop", resource).await;
            let revoked = if number % 2 == 0 { tokens.access.as_str() } else { tokens.refresh() };
            probe.clear();
            probe.fail_call(number / 2 + 1, failure);
            let answer = revoke(&world, "shop", revoked).await;
            let failed = reached(&probe, number / 2 + 1);
            assert_eq!(answer.is_ok(), !failed, "{answer:?}");
            assert!(revoke(&world, "shop", revoked).await.is_ok());
            assert!(!is_active(&world, server, &tokens.access).await, "{failure:?} {number}");
            if !failed && number % 2 == 1 {
                break;
            }
        }
    }
}

/// A token without a place in the list is never issued, a list that cannot be made is not served, and what cannot be looked at is tried
/// again.
#[tokio::test]
async fn status_lists_fail_closed() {
    use super::status_lists::{relay, status};

    let lists = |builder: ServerBuilder| with_vault(builder).status_lists(StatusListSettings::new());
    for failure in FAILURES {
        let (probe, world) = probed_with(lists).await;
        let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
        for number in 1.. {
            probe.clear();
            probe.fail_call(number, failure);
            let answer = token(&world, "shop", &form).await;
            if !reached(&probe, number) {
                assert!(super::claims(&answer.tokens().access).get("status").is_some());
                assert!(number > 3, "the whole way was walked");
                break;
            }
            assert!(is_outage(&answer), "{failure:?} {number}: {answer:?}");
        }
        let mut person = person(&world).await;
        let tokens = person.tokens_at(&world, "shop", API).await;
        let uri = super::claims(&tokens.access)["status"]["status_list"]["uri"].as_str().unwrap().to_owned();
        let path = uri.strip_prefix("https://id.example").unwrap();
        for number in 1.. {
            world.clock.advance(time::Duration::seconds(6));
            probe.clear();
            probe.fail_call(number, failure);
            let answer = super::get(&world.server, path).await;
            if !reached(&probe, number) {
                assert!(answer.is_ok());
                break;
            }
            assert_eq!(answer.status, 503, "{failure:?} {number}");
        }
        assert!(revoke(&world, "shop", tokens.refresh()).await.is_ok());
        let sink = world.server.status_list_sink();
        let happened = world.events().await;
        let event = happened.iter().rfind(|event| sink.wants(event)).unwrap();
        for number in 1.. {
            probe.clear();
            probe.fail_call(number, failure);
            let delivered = sink.deliver(event).await;
            if !reached(&probe, number) {
                assert!(delivered.is_ok());
                break;
            }
            // What was stored and not answered was stored.
            assert!(delivered.is_err(), "{failure:?} {number}");
        }
        relay(&world).await;
        assert_eq!(status(&world, &tokens.access).await, TokenStatus::Invalid);
    }
}

/// How many port calls each request costs: round trips are the price of a server with many nodes.
#[tokio::test]
async fn port_calls_are_counted() {
    let (probe, world) = probed().await;
    let mut person = person(&world).await;
    let calls = |probe: &Probe| -> Vec<&'static str> {
        let all = probe.calls();
        probe.clear();
        let stores = |name: &&'static str| name.starts_with("store.") || name.starts_with("ephemeral.");
        all.iter().map(|call| call.method).filter(stores).collect()
    };
    let code = person.code(&world, "shop", OFFLINE).await;
    probe.clear();
    let tokens = exchange(&world, "shop", &code).await.tokens();
    let expected = [
        "store.record",        // the client
        "ephemeral.increment", // presentations of this code
        "ephemeral.get",       // the code
        "store.account",
        "ephemeral.compare_and_swap",
        "store.commit",
    ];
    assert_eq!(calls(&probe), expected);
    refresh(&world, "shop", tokens.refresh()).await.tokens();
    assert_eq!(calls(&probe), ["store.record", "store.record", "store.account"], "client, grant, account");
    token(&world, "shop", &[("grant_type", "client_credentials")]).await.tokens();
    assert_eq!(calls(&probe), ["store.record"], "the client");
    assert!(is_active(&world, "rs", &tokens.access).await);
    let expected = ["store.record", "store.record", "store.record", "store.record", "store.account"];
    assert_eq!(calls(&probe), expected, "asker, denied ids, client, grant, account");
}
