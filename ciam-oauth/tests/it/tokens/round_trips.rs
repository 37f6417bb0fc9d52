//! What each flow costs the host's stores, counted. The manual's table is read from here: a number that changes, changes there.

use std::sync::Arc;

use ciam_core::memory;
use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
use ciam_oauth::ServerBuilder;
use ciam_oauth::authorize::{ConsentDecision, InteractionAnswer};
use ciam_oauth::status_list::StatusListSettings;
use time::macros::datetime;

use super::{API, Person, Tokens, VAULT, exchange, introspect, person, prepare, refresh, token, with_vault};
use crate::support::{World, handle, request};

const TABLE: &str = include_str!("../../../src/manual/_07_round_trips.rs");
const OFFLINE: &str = "orders:read offline_access";

struct Counted {
    probe: Probe,
    world: World,
    person: Person,
}

impl Counted {
    async fn new() -> Self {
        Self::with(with_vault).await
    }

    async fn with(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let probe = Probe::new();
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(7)));
        let world = prepare(World::on(probe.watch(&ports), clock, configure).await).await;
        let person = person(&world).await;
        Self { probe, world, person }
    }

    /// The row of a flow that has just run: its reads, its commits, and its calls of the ephemeral store.
    fn row(&self, flow: &str) -> String {
        let counts = self.probe.counts();
        let sum = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            counts.iter().filter(|(method, _)| wanted(method)).map(|(_, count)| count).sum()
        };
        let commits = self.probe.count("store.commit");
        let reads = sum(&|method| method.starts_with("store.")) - commits;
        let ephemeral = sum(&|method| method.starts_with("ephemeral."));
        format!("//! | {flow} | {reads} | {commits} | {ephemeral} |")
    }

    async fn tokens(&mut self, client: &str, resource: &str) -> Tokens {
        self.person.tokens_at(&self.world, client, resource).await
    }
}

#[tokio::test]
async fn every_flow_costs_what_the_manual_says() {
    let mut rows = Vec::new();
    let mut counted = Counted::new().await;

    let params = request("shop", &[("scope", Some(OFFLINE))]);
    counted.probe.clear();
    let code = counted.person.browser.authorize(&counted.world, &params).await.code();
    rows.push(counted.row("authorization of somebody who is signed in, to a code"));
    rows.extend(consent(&mut counted).await);

    counted.probe.clear();
    assert!(exchange(&counted.world, "shop", &code).await.is_ok());
    rows.push(counted.row("token: code, for a JWT and a refresh token"));

    let code = counted
        .person
        .code_for(&counted.world, "shop", &[("scope", Some(OFFLINE)), ("resource", Some(VAULT))])
        .await;
    counted.probe.clear();
    assert!(exchange(&counted.world, "shop", &code).await.is_ok());
    rows.push(counted.row("token: code, for an opaque token and a refresh token"));

    for (client, name) in [("shop", "of a confidential client"), ("spa", "of a public client, which rotates")]
    {
        let tokens = counted.tokens(client, API).await;
        counted.probe.clear();
        assert!(refresh(&counted.world, client, tokens.refresh()).await.is_ok());
        rows.push(counted.row(&format!("token: refresh {name}")));
    }

    counted.probe.clear();
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    assert!(token(&counted.world, "shop", &form).await.is_ok());
    rows.push(counted.row("token: client credentials, for a JWT"));

    for (client, resource, name) in [("rs", API, "a JWT"), ("vault-rs", VAULT, "an opaque token")] {
        let tokens = counted.tokens("shop", resource).await;
        counted.probe.clear();
        assert_eq!(introspect(&counted.world, client, &tokens.access).await["active"], true);
        rows.push(counted.row(&format!("introspection of {name}")));
    }
    let tokens = counted.tokens("shop", VAULT).await;
    counted.probe.clear();
    assert_eq!(introspect(&counted.world, "shop", &tokens.access).await["active"], true);
    rows.push(counted.row("introspection of an opaque token, by the client that has it"));
    rows.extend(with_status_lists().await);
    let missing: Vec<&String> = rows.iter().filter(|row| !TABLE.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "the manual has other numbers:\n{rows:#?}");
}

/// Consent to what was allowed before, asked for once more: on a page that goes on in place, and on one that sends the browser back.
async fn consent(counted: &mut Counted) -> Vec<String> {
    let params = request("shop", &[("scope", Some(OFFLINE)), ("prompt", Some("consent"))]);
    let mut rows = Vec::new();
    for in_place in [true, false] {
        let asked = counted.person.browser.authorize(&counted.world, &params).await.handle();
        let name = handle(&asked);
        counted.probe.clear();
        let visitor = counted.person.browser.visitor(&counted.world).await;
        if in_place {
            let all = InteractionAnswer::Consent(ConsentDecision::AllowAll);
            let done = counted.world.server.go_on_with(&name, &visitor, all).await.unwrap();
            assert_eq!(done.status(), http::StatusCode::SEE_OTHER);
            rows.push(counted.row("consent, answered and gone on with in place, to a code"));
        } else {
            counted.world.server.answer_consent(&name, &visitor, ConsentDecision::AllowAll).await.unwrap();
            counted.person.browser.resume(&counted.world, &asked).await.code();
            rows.push(counted.row("consent, answered and gone on with at the resume endpoint, to a code"));
        }
    }
    rows
}

/// The same flows at a server that lists the status of its tokens, which has places left.
async fn with_status_lists() -> Vec<String> {
    let lists = |builder: ServerBuilder| with_vault(builder).status_lists(StatusListSettings::new());
    let mut counted = Counted::with(lists).await;
    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    assert!(token(&counted.world, "shop", &form).await.is_ok());
    let mut rows = Vec::new();
    counted.probe.clear();
    assert!(token(&counted.world, "shop", &form).await.is_ok());
    rows.push(counted.row("token: client credentials, for a JWT in a status list"));
    let tokens = counted.tokens("shop", API).await;
    counted.probe.clear();
    assert!(refresh(&counted.world, "shop", tokens.refresh()).await.is_ok());
    rows.push(counted.row("token: refresh of a confidential client, for a JWT in a status list"));
    let code = counted.person.code(&counted.world, "shop", OFFLINE).await;
    counted.probe.clear();
    assert!(exchange(&counted.world, "shop", &code).await.is_ok());
    rows.push(counted.row("token: code, for a JWT in a status list and a refresh token"));
    rows
}
