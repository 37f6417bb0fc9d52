//! The client and the sync engine, against the service of this crate and against answers that it never gives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_scim::client::{
    ClientError, DesiredGroup, DesiredUser, Drift, FixedToken, ListSource, RetryPolicy, ScimClient,
    SyncEngine, SyncError, SyncPolicy, TargetProfile,
};
use ciam_scim::profile::Profile;
use ciam_scim::service::Caller;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use crate::world::{Directory, USER, World};

const APP: &str = "https://app.example/scim/v2";

/// A service provider of somebody else's, and what it does with requests before they are answered.
struct App {
    directory: Directory,
    http: Arc<MemoryHttpClient>,
    /// Gives a status and a header in the place of an answer; with the request done, or not.
    trouble: Arc<Mutex<Vec<Trouble>>>,
}

#[derive(Clone, Debug)]
struct Trouble {
    method: Method,
    status: u16,
    retry_after: Option<&'static str>,
    done: bool,
}

impl App {
    async fn new(profile: Profile) -> Self {
        let directory = World::new().await.directory(profile);
        let http = Arc::new(MemoryHttpClient::new());
        let trouble: Arc<Mutex<Vec<Trouble>>> = Arc::default();
        let (served, ahead) = (directory.clone(), Arc::clone(&trouble));
        http.serve("app.example", move |request: Request<Bytes>| {
            let (directory, ahead) = (served.clone(), Arc::clone(&ahead));
            Box::pin(async move {
                let next = {
                    let mut all = ahead.lock().unwrap();
                    let at = all.iter().position(|it| it.method == *request.method());
                    at.map(|at| all.remove(at))
                };
                assert_eq!(request.headers()["authorization"], "Bearer secret of the app");
                let answer = |trouble: Trouble| {
                    let mut response = Response::builder().status(trouble.status);
                    if let Some(text) = trouble.retry_after {
                        response = response.header("retry-after", text);
                    }
                    response.body(Bytes::new()).unwrap()
                };
                match next {
                    Some(trouble) if !trouble.done => answer(trouble),
                    other => {
                        let caller = Caller::new(&directory.connection, APP);
                        let response = directory.world.service.handle(&caller, request).await;
                        other.map_or(response, answer)
                    }
                }
            })
        });
        Self { directory, http, trouble }
    }

    fn trouble(&self, method: Method, status: u16, retry_after: Option<&'static str>, done: bool) {
        self.trouble.lock().unwrap().push(Trouble { method, status, retry_after, done });
    }

    fn ports(&self) -> Ports {
        memory::ports().with_http_client(self.http.clone())
    }

    fn engine(&self, ports: &Ports, profile: TargetProfile) -> SyncEngine {
        let retry = RetryPolicy::default()
            .with_attempts(3)
            .with_waits(Duration::from_millis(1), Duration::from_secs(1));
        let token = Arc::new(FixedToken::new(Secret::new("secret of the app".to_owned())));
        let client = ScimClient::new(ports.clone(), APP, token).with_profile(profile).with_retry(retry);
        SyncEngine::new(client, "app")
    }

    /// The requests since the last time, as `METHOD path`.
    fn requests(&self) -> Vec<(String, Value)> {
        let requests = self.http.requests();
        requests
            .iter()
            .map(|it| {
                let path = it.uri().path().strip_prefix("/scim/v2").unwrap();
                let first = path.split('/').nth(1).unwrap();
                let body = serde_json::from_slice(it.body()).unwrap_or_default();
                (format!("{} {first}", it.method()), body)
            })
            .collect()
    }

    fn count(&self, what: &str) -> usize {
        self.requests().iter().filter(|(it, _)| it == what).count()
    }
}

fn user(n: usize) -> DesiredUser {
    DesiredUser::new(format!("key-{n}"), format!("user{n}@corp.example")).with("title", "Dr")
}

fn source(users: usize, members: impl IntoIterator<Item = usize>) -> ListSource {
    let all = (0..users).fold(ListSource::new(), |source, n| source.with_user(user(n)));
    all.with_group(DesiredGroup::new("ops", "Ops"), members.into_iter().map(|n| format!("key-{n}")))
}

impl App {
    async fn total(&self, path: &str) -> Value {
        self.directory.get(path).await.body["totalResults"].clone()
    }

    async fn members(&self) -> usize {
        let found = self.directory.get("/Groups?filter=displayName eq \"Ops\"").await.body;
        found["Resources"][0]["members"].as_array().map_or(0, Vec::len)
    }
}

#[tokio::test]
async fn what_is_missing_is_made_and_the_second_run_sends_nothing() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let report = engine.run(&source(5, 0..3)).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.users.created, report.groups.created, report.members_added), (5, 1, 3));
    assert_eq!((app.total("/Users?filter=title eq \"Dr\"").await, app.members().await), (json!(5), 3));
    assert_eq!(app.total("/Users?filter=externalId eq \"key-3\"").await, 1);
    let before = app.requests().len();
    let again = engine.run(&source(5, 0..3)).await.unwrap();
    assert_eq!((again.users.unchanged, again.groups.unchanged), (5, 1));
    assert_eq!(app.requests().len(), before, "nothing differs, and nothing is asked");
    assert!(engine.drift().await.unwrap().drifts.is_empty());
}

#[tokio::test]
async fn members_go_in_pieces_of_the_size_that_the_target_takes() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::aws_identity_center().with_members_per_request(2));
    assert!(engine.run(&source(7, 0..7)).await.unwrap().is_complete());
    assert_eq!((app.members().await, app.count("PATCH Groups")), (7, 4));
    // One goes and one comes: two requests, with those two alone.
    let all = source(8, 1..8);
    let report = engine.run(&all).await.unwrap();
    assert_eq!((report.members_added, report.members_removed), (1, 1));
    let patches: Vec<Value> = app
        .requests()
        .into_iter()
        .filter(|(it, _)| it == "PATCH Groups")
        .map(|(_, body)| body)
        .skip(4)
        .collect();
    assert_eq!(patches.len(), 2);
    assert_eq!(patches[0]["Operations"].as_array().unwrap().len(), 1);
    assert_eq!(patches[1]["Operations"][0]["value"].as_array().unwrap().len(), 1);
    assert_eq!(app.members().await, 7);
}

#[tokio::test]
async fn who_is_there_already_is_taken_over_and_not_made_twice() {
    let app = App::new(Profile::Interop).await;
    app.directory.post("/Users", json!({ "schemas": [USER], "userName": "USER0@corp.example" })).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let report = engine.run(&source(1, [0])).await.unwrap();
    assert_eq!((report.users.adopted, report.users.created, app.total("/Users").await), (1, 0, json!(1)));
    assert_eq!(app.total("/Users?filter=externalId eq \"key-0\" and title eq \"Dr\"").await, 1);
}

#[tokio::test]
async fn who_is_somebody_elses_already_is_not_taken_over() {
    let app = App::new(Profile::Interop).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let one = ListSource::new().with_user(user(0));
    assert!(engine.run(&one).await.unwrap().is_complete());
    let two = one.with_user(DesiredUser::new("another key", "user0@corp.example"));
    let report = engine.run(&two).await.unwrap();
    assert_eq!((report.users.unchanged, report.users.adopted, report.users.created), (1, 0, 0));
    assert!(!report.is_complete(), "two people cannot have one name there");
    assert_eq!(app.total("/Users").await, 1);
    assert_eq!(app.total("/Users?filter=externalId eq \"key-0\" and title eq \"Dr\"").await, 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_makes_nothing_twice() {
    let app = App::new(Profile::Interop).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    // It was made, and nobody was told.
    app.trouble(Method::POST, 502, None, true);
    let first = engine.run(&source(2, 0..2)).await.unwrap();
    assert!(!first.is_complete());
    let second = engine.run(&source(2, 0..2)).await.unwrap();
    assert!(second.is_complete(), "{second:?}");
    assert_eq!((app.total("/Users").await, app.members().await), (json!(2), 2));
}

#[tokio::test]
async fn whoever_asks_for_time_is_given_it() {
    let app = App::new(Profile::Interop).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    app.trouble(Method::POST, 429, Some("0"), false);
    app.trouble(Method::GET, 503, None, false);
    app.trouble(Method::PATCH, 500, None, false);
    let report = engine.run(&source(1, [0])).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    // More than the policy has: the run ends, and the next one goes on.
    app.trouble(Method::POST, 429, Some("86400"), false);
    let report = engine.run(&source(3, 0..3)).await.unwrap();
    assert!(matches!(report.interrupted, Some(ClientError::Later { .. })), "{report:?}");
    assert!(engine.run(&source(3, 0..3)).await.unwrap().is_complete());
    assert_eq!(app.members().await, 3);
}

#[tokio::test]
async fn what_changes_here_changes_there_and_nothing_else() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    engine.run(&source(2, [0])).await.unwrap();
    let changed = ListSource::new()
        .with_user(DesiredUser::new("key-0", "user0@corp.example").with("nickName", "Zero"))
        .with_user(user(1))
        .with_group(DesiredGroup::new("ops", "Operations"), ["key-0"]);
    let report = engine.run(&changed).await.unwrap();
    assert_eq!((report.users.updated, report.users.unchanged, report.groups.updated), (1, 1, 1));
    let sent = app.requests().into_iter().rev().find(|(it, _)| it == "PATCH Users").unwrap().1;
    assert_eq!(
        sent["Operations"],
        json!([{ "op": "replace", "value": { "nickName": "Zero" } }, { "op": "remove", "path": "title" }])
    );
    assert_eq!(app.total("/Groups?filter=displayName eq \"Operations\"").await, 1);
}

#[tokio::test]
async fn nobody_leaves_when_more_would_leave_than_may() {
    let app = App::new(Profile::Interop).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let strict = engine.clone().with_policy(SyncPolicy::default().with_max_leaving(2, 10));
    strict.run(&source(12, 0..12)).await.unwrap();
    // Somebody broke the source.
    let report = strict.run(&ListSource::new()).await.unwrap();
    let held: Vec<(&str, usize, usize)> =
        report.held.iter().map(|it| (it.endpoint.as_str(), it.leaving, it.of)).collect();
    assert_eq!(held, [("/Users", 12, 12)]);
    assert_eq!(app.total("/Users?filter=active eq true").await, 12, "nobody has left");
    // Two may.
    let report = strict.run(&source(10, 0..10)).await.unwrap();
    assert_eq!((report.users.deactivated, report.held.len()), (2, 0));
    assert_eq!(app.total("/Users?filter=active eq true").await, 10);
    // Who comes back is the same as before.
    let report = strict.run(&source(11, 0..11)).await.unwrap();
    assert_eq!((report.users.updated, report.users.created), (1, 0));
    assert_eq!(app.total("/Users?filter=active eq true").await, 11);
    assert_eq!(app.total("/Users").await, 12);
    // Another policy deletes.
    let deleting = app
        .engine(&ports, TargetProfile::standard().with_deactivation(false))
        .with_policy(SyncPolicy::default().with_max_leaving(100, 0));
    let report = deleting.run(&source(5, [])).await.unwrap();
    assert_eq!(report.users.deleted, 6);
    assert_eq!(
        app.total("/Users").await,
        6,
        "one is switched off since before, and is not ours to see off twice"
    );
}

#[tokio::test]
async fn drift_is_reported_and_nothing_is_changed() {
    let app = App::new(Profile::Interop).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    engine.run(&source(3, 0..3)).await.unwrap();
    let id = |n: usize| {
        let directory = app.directory.clone();
        async move {
            let found = directory.get(&format!("/Users?filter=externalId eq \"key-{n}\"")).await;
            found.body["Resources"][0]["id"].as_str().unwrap().to_owned()
        }
    };
    let (zero, one) = (id(0).await, id(1).await);
    app.directory.delete(&format!("/Users/{zero}")).await;
    app.directory
        .patch(&format!("/Users/{one}"), json!([{ "op": "replace", "path": "title", "value": "Prof" }]))
        .await;
    let foreign = app.directory.user("theirs").await;
    let drift = engine.drift().await.unwrap();
    let users = || "/Users".to_owned();
    let expected = [
        Drift::Changed { endpoint: users(), key: "key-1".to_owned(), attributes: vec!["title".to_owned()] },
        Drift::Foreign { endpoint: users(), id: foreign },
        Drift::Missing { endpoint: users(), key: "key-0".to_owned() },
    ];
    assert_eq!(drift.drifts.len(), 3, "{drift:?}");
    assert!(expected.iter().all(|it| drift.drifts.contains(it)), "{drift:?}");
    assert_eq!(app.count("PATCH Users"), 0);
}

#[tokio::test]
async fn a_target_without_patch_gets_whole_resources() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::put_only());
    assert!(engine.run(&source(3, 0..3)).await.unwrap().is_complete());
    assert!(engine.run(&source(4, 1..4)).await.unwrap().is_complete());
    let renamed = (0..4)
        .fold(ListSource::new(), |source, n| source.with_user(user(n).with("title", "Prof")))
        .with_group(DesiredGroup::new("ops", "Ops"), ["key-1", "key-2", "key-3"]);
    assert!(engine.run(&renamed).await.unwrap().is_complete());
    assert_eq!(app.requests().iter().filter(|(it, _)| it.starts_with("PATCH")).count(), 0);
    assert_eq!((app.members().await, app.total("/Users?filter=title eq \"Prof\"").await), (3, json!(4)));
}

#[tokio::test]
async fn one_bad_resource_does_not_stop_the_others() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let bad = source(2, 0..2).with_user(DesiredUser::new("bad", "bad@corp.example").with("nothing", "x"));
    let report = engine.run(&bad).await.unwrap();
    assert_eq!((report.users.created, report.failures, report.failed[0].key.as_str()), (2, 1, "bad"));
    assert_eq!(app.members().await, 2);
}

#[tokio::test]
async fn two_runs_for_one_target_do_not_meet() {
    let app = App::new(Profile::Strict).await;
    let ports = app.ports();
    let engine = app.engine(&ports, TargetProfile::standard());
    let inner = engine.clone();
    let others = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&others);
    app.http.serve("app.example", move |_| {
        let (inner, seen) = (inner.clone(), Arc::clone(&seen));
        Box::pin(async move {
            if matches!(inner.run(&ListSource::new()).await, Err(SyncError::Running)) {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            Response::builder().status(400).body(Bytes::new()).unwrap()
        })
    });
    engine.run(&source(1, [])).await.unwrap();
    assert!(others.load(Ordering::SeqCst) > 0);
    assert!(engine.run(&ListSource::new()).await.is_ok(), "when it is done, the next one may begin");
}
