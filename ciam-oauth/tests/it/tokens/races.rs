//! Races: many requests at once, on several threads, and orders that only a gate before the store can bring about.

use std::collections::BTreeSet;
use std::sync::Arc;

use ciam_core::account::AccountStatus;
use ciam_core::http::Peer;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, Store};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::grant::{GrantState, RevocationReason};
use ciam_oauth::status_list::StatusListSettings;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use time::Duration;
use time::macros::datetime;
use tokio::sync::{Barrier, Semaphore};

use super::gate::{makes_grant, moves_family, revokes_grant};
use super::{
    Answer, Tokens, exchange, exchange_with, is_active, load_grant, person, prepare, refresh, refresh_with,
    revoke, with_vault,
};
use crate::support::World;

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
const OFFLINE: &str = "orders:read offline_access";

/// A world whose store has a gate before its commits.
async fn gated(gate: impl Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> World {
    gated_with(gate, with_vault).await
}

async fn gated_with(
    gate: impl Fn(&Batch) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    configure: fn(ServerBuilder) -> ServerBuilder,
) -> World {
    let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
    let tenant = ciam_core::id::TenantId::from_uuid(uuid::Uuid::from_u128(1));
    let database = memory::MemoryDatabase::new();
    let store: Arc<dyn Store> = Arc::new(database.tenant(tenant, clock.clone()));
    let ports: Ports = memory::ports_of(tenant, &database, clock.clone(), Arc::new(SeededEntropy::new(7)))
        .with_store(super::gate::gated(store, gate));
    prepare(World::on(ports, clock, configure).await).await
}

/// With status lists.
fn with_lists(builder: ServerBuilder) -> ServerBuilder {
    with_vault(builder).status_lists(StatusListSettings::new())
}

fn open(_: &Batch) -> BoxFuture<'static, ()> {
    // Even an open gate lets others go first.
    tokio::task::yield_now().boxed()
}

/// Sends the same request many times at once.
async fn at_once<F, R>(world: &World, times: usize, send: F) -> Vec<Answer>
where
    F: Fn(Arc<ciam_oauth::AuthorizationServer>) -> R + Clone + Send + 'static,
    R: Future<Output = Answer> + Send,
{
    let server = Arc::new(world.server.clone());
    let start = Arc::new(Barrier::new(times));
    let tasks: Vec<_> = (0..times)
        .map(|number| {
            let (server, start, send) = (server.clone(), start.clone(), send.clone());
            // From as many addresses, so that none is held back by the limit for one.
            let address = std::net::Ipv4Addr::from(u32::try_from(number).unwrap());
            tokio::spawn(super::PEER.scope(Peer::new(address.into()), async move {
                start.wait().await;
                send(server).await
            }))
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// 100 exchanges of one code at once: exactly one is answered with tokens. The others are replays, so afterwards nothing
/// of it is live.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s21_of_100_exchanges_of_one_code_exactly_one_succeeds() {
    for round in 0..5 {
        let world = gated(open).await;
        let mut person = person(&world).await;
        let code = person.code(&world, "shop", OFFLINE).await;
        let answers = at_once(&world, 100, move |server| {
            let code = code.clone();
            async move { exchange_with(&server, "shop", &code, &[]).await }
        })
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Answer::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|answer| answer.error() == INVALID_GRANT));
        let tokens = won.into_iter().next().unwrap().tokens();
        assert!(!is_active(&world, "rs", &tokens.access).await);
        assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
    }
}

/// A replay that comes when the winner has used the code up and not yet committed: in the end no token is live, whether
/// the winner is a little late or later than the replayer waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s21_a_replay_before_the_winner_commits_ends_with_no_live_token() {
    for delay in [0, 20, 100, 2_000] {
        let arrived = Arc::new(Semaphore::new(0));
        let signal = arrived.clone();
        let world = gated(move |batch| {
            let (signal, winner) = (signal.clone(), makes_grant(batch));
            async move {
                if winner {
                    signal.add_permits(1);
                    tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
                }
            }
            .boxed()
        })
        .await;
        let mut person = person(&world).await;
        let code = person.code(&world, "shop", OFFLINE).await;
        let (server, first) = (world.server.clone(), code.clone());
        let winner = tokio::spawn(async move { exchange_with(&server, "shop", &first, &[]).await });
        arrived.acquire().await.unwrap().forget();
        let fixed = {
            let replay = exchange(&world, "shop", &code).await;
            assert_eq!(replay.error(), INVALID_GRANT);
            winner.await.unwrap()
        };
        if delay == 2_000 {
            assert_eq!(fixed.error(), INVALID_GRANT, "the revoked grant was there first");
        } else {
            let tokens = fixed.tokens();
            assert!(!is_active(&world, "rs", &tokens.access).await, "{delay} ms");
            assert_eq!(refresh(&world, "shop", tokens.refresh()).await.error(), INVALID_GRANT);
            let grant = load_grant(&world, tokens.grant()).await.unwrap().value;
            assert!(matches!(grant.state, GrantState::Revoked { reason: RevocationReason::CodeReplay, .. }));
        }
    }
}

/// 100 uses of one refresh token at once: of all the tokens that they are answered with, exactly one is live, and it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s20_of_100_uses_of_one_refresh_token_exactly_one_answer_is_live() {
    for round in 0..5 {
        let world = gated(open).await;
        let mut person = person(&world).await;
        let first = person.tokens(&world, "spa", OFFLINE).await;
        let token = first.refresh().to_owned();
        let answers = at_once(&world, 100, move |server| {
            let token = token.clone();
            async move { refresh_with(&server, "spa", &token, &[]).await }
        })
        .await;
        let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Answer::is_ok);
        assert!(!given.is_empty());
        // Who lost the race too often is told to come again, and nothing else.
        assert!(
            refused.iter().all(|answer| answer.error() == (503, "temporarily_unavailable")),
            "{refused:?}"
        );
        let given: Vec<Tokens> = given.into_iter().map(Answer::tokens).collect();
        let distinct: BTreeSet<&str> = given.iter().map(Tokens::refresh).collect();
        assert_eq!(distinct.len(), given.len(), "no token is given twice");

        // Tried one after the other, in whatever order they came, exactly one works.
        let mut worked = 0;
        for tokens in &given {
            worked += usize::from(refresh(&world, "spa", tokens.refresh()).await.is_ok());
        }
        assert_eq!(worked, 1, "round {round}");
    }
}

/// The same for a client that keeps its token: every use is answered, and the token stays good.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_uses_without_rotation_every_one_succeeds() {
    let world = gated(open).await;
    let mut person = person(&world).await;
    for tokens in
        [person.tokens(&world, "shop", OFFLINE).await, person.tokens_at(&world, "shop", super::VAULT).await]
    {
        // Late enough that the end of idleness has to be moved, so that they race for the record as well.
        world.clock.advance(Duration::days(2));
        let token = tokens.refresh().to_owned();
        let answers = at_once(&world, 100, move |server| {
            let token = token.clone();
            async move { refresh_with(&server, "shop", &token, &[]).await }
        })
        .await;
        assert!(answers.iter().all(Answer::is_ok));
        assert!(refresh(&world, "shop", tokens.refresh()).await.is_ok());
    }
}

/// A revocation in the middle of a refresh: whoever commits first, no token survives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s20_a_revocation_during_a_refresh_leaves_no_token() {
    for refresh_first in [true, false] {
        let held = Arc::new(Semaphore::new(0));
        let reached = Arc::new(Semaphore::new(0));
        let (gate, signal) = (held.clone(), reached.clone());
        let world = gated(move |batch| {
            let waits = if refresh_first { revokes_grant(batch) } else { moves_family(batch) };
            let (gate, signal) = (gate.clone(), signal.clone());
            async move {
                if waits {
                    signal.add_permits(1);
                    gate.acquire().await.unwrap().forget();
                }
            }
            .boxed()
        })
        .await;
        let mut person = person(&world).await;
        let first = person.tokens(&world, "spa", OFFLINE).await;
        let (server, token) = (world.server.clone(), first.refresh().to_owned());
        let revoking = first.refresh().to_owned();
        let id = first.grant();
        let (refreshed, revoked) = if refresh_first {
            let other = world.server.clone();
            let revoke = tokio::spawn(async move {
                super::post_as(&other, "/revoke", "spa", &[("token", &revoking)]).await
            });
            reached.acquire().await.unwrap().forget();
            let refreshed = refresh_with(&server, "spa", &token, &[]).await;
            // Its first try conflicts with the refresh, the second revokes.
            held.add_permits(10);
            (refreshed, revoke.await.unwrap())
        } else {
            let refresh = tokio::spawn(async move { refresh_with(&server, "spa", &token, &[]).await });
            reached.acquire().await.unwrap().forget();
            let revoked = revoke(&world, "spa", &revoking).await;
            held.add_permits(10);
            (refresh.await.unwrap(), revoked)
        };
        assert!(revoked.is_ok());
        assert_eq!(refreshed.is_ok(), refresh_first);
        let grant = load_grant(&world, id).await.unwrap().value;
        assert!(matches!(grant.state, GrantState::Revoked { .. }));
        if refresh_first {
            let second = refreshed.tokens();
            assert_eq!(refresh(&world, "spa", second.refresh()).await.error(), INVALID_GRANT);
            assert!(!is_active(&world, "rs", &second.access).await);
        } else {
            assert_eq!(refreshed.error(), INVALID_GRANT);
        }
        assert_eq!(refresh(&world, "spa", first.refresh()).await.error(), INVALID_GRANT);
    }
}

/// A replay and the use of the live token at once: afterwards nothing of the grant works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s20_replay_and_use_at_once_leave_no_token() {
    for _ in 0..20 {
        let world = gated(open).await;
        let mut person = person(&world).await;
        let first = person.tokens(&world, "spa", OFFLINE).await;
        let second = refresh(&world, "spa", first.refresh()).await.tokens();
        let third = refresh(&world, "spa", second.refresh()).await.tokens();
        let (one, two) = (world.server.clone(), world.server.clone());
        let (old, live) = (first.refresh().to_owned(), third.refresh().to_owned());
        let replay = tokio::spawn(async move { refresh_with(&one, "spa", &old, &[]).await });
        let using = tokio::spawn(async move { refresh_with(&two, "spa", &live, &[]).await });
        assert_eq!(replay.await.unwrap().error(), INVALID_GRANT);
        if let Ok(used) = Some(using.await.unwrap()).filter(Answer::is_ok).ok_or(()) {
            let fourth = used.tokens();
            assert_eq!(refresh(&world, "spa", fourth.refresh()).await.error(), INVALID_GRANT);
            assert!(!is_active(&world, "rs", &fourth.access).await);
        }
        assert_eq!(refresh(&world, "spa", third.refresh()).await.error(), INVALID_GRANT);
    }
}

/// An account that is suspended in the middle of a refresh: the answer that is under way is the last one.
#[tokio::test]
async fn a_suspension_ends_every_later_use() {
    let world = gated(open).await;
    let mut person = person(&world).await;
    let tokens = person.tokens(&world, "spa", OFFLINE).await;
    person.suspend(&world).await;
    assert_eq!(refresh(&world, "spa", tokens.refresh()).await.error(), INVALID_GRANT);
    let status = world.ports.store().account(person.account.value.id).await.unwrap().unwrap().value.status;
    assert_eq!(status, AccountStatus::Suspended);
}

/// Nodes that find no list at the same moment open one.
#[tokio::test]
async fn nodes_that_open_the_first_status_list_at_once_open_one() {
    let world = gated_with(open, with_lists).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let mut nodes = Vec::new();
    for _ in 0..8 {
        nodes.push(World::on_again(&world, with_lists).await);
    }
    let asked = nodes.iter().map(|node| super::post_as(node, "/token", "shop", &form));
    let answers = futures_util::future::join_all(asked).await;
    let lists: BTreeSet<String> = answers
        .into_iter()
        .map(|answer| super::claims(&answer.tokens().access)["status"]["status_list"]["uri"].to_string())
        .collect();
    assert_eq!(lists.len(), 1);
}

/// A client revokes a token while it is being suspended with its account: it stays revoked when the account comes back.
#[tokio::test]
async fn a_revocation_is_not_lost_to_a_suspension() {
    use ciam_core::event::{Event, EventType};
    use ciam_core::store::{Precondition, Write};
    use ciam_oauth::status_list::TokenStatus;

    let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (arrived.clone(), go.clone());
    let gate = move |batch: &Batch| {
        let follows = batch.writes().iter().any(
            |write| matches!(write, Write::PutRecord(record) if record.kind.name() == "oauth.status_entry"),
        ) && batch.events().is_empty()
            && !batch.preconditions().iter().any(|condition| matches!(condition, Precondition::Absent(_)));
        let (arrived, go) = gates.clone();
        async move {
            if follows {
                arrived.add_permits(1);
                go.acquire().await.unwrap().forget();
            }
        }
        .boxed()
    };
    let world = gated_with(gate, with_lists).await;
    let mut person = person(&world).await;
    let access = person.tokens_at(&world, "shop", super::API).await.access;
    let subject = format!("account:{}", person.account.value.id);
    let event = |what| Event::new(&world.ports, what, subject.as_str()).unwrap();
    let (sink, suspended) = (world.server.status_list_sink(), event(EventType::ACCOUNT_SUSPENDED));
    person.suspend(&world).await;
    let meanwhile = async {
        arrived.acquire().await.unwrap().forget();
        assert_eq!(revoke(&world, "shop", &access).await.status, 200);
        go.add_permits(100);
    };
    let (delivered, ()) = tokio::join!(sink.deliver(&suspended), meanwhile);
    assert!(delivered.is_err(), "somebody was faster: it is delivered again");
    sink.deliver(&suspended).await.unwrap();
    let back = Batch::new().write(Write::PutAccount(person.account.value.clone()));
    assert!(world.ports.store().commit(back).await.unwrap().is_applied());
    sink.deliver(&event(EventType::ACCOUNT_REACTIVATED)).await.unwrap();
    assert_eq!(super::status_lists::status(&world, &access).await, TokenStatus::Invalid);
}

/// Nodes that take places of one list at the same moment never give out the same one.
#[tokio::test]
async fn nodes_that_fill_a_status_list_at_once_share_no_place() {
    let world = gated_with(open, with_lists).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    // From here on there is a list with room.
    let first = super::token(&world, "shop", &form).await.tokens();
    let mut nodes = Vec::new();
    for _ in 0..8 {
        nodes.push(World::on_again(&world, with_lists).await);
    }
    let asked = nodes.iter().map(|node| super::post_as(node, "/token", "shop", &form));
    let answers = futures_util::future::join_all(asked).await;
    let tokens = answers.into_iter().map(|answer| answer.tokens().access).chain([first.access]);
    let places: BTreeSet<String> =
        tokens.map(|access| super::claims(&access)["status"].to_string()).collect();
    assert_eq!(places.len(), 9);
}
