//! Requests that are answered before they are done (RFC 9967, section 2.5.1), and tokens that read alone.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::jose::Algorithm;
use ciam_core::keys::KeyRing;
use ciam_core::memory::MemoryNotifier;
use ciam_core::relay::Relay;
use ciam_scim::connection::Access;
use ciam_scim::event::{ASYNC_RESPONSE, security_event};
use ciam_scim::profile::Profile;
use ciam_scim::service::{Caller, LaterRequests};
use http::Request;
use serde_json::{Value, json};

use crate::world::{Answer, BASE, Directory, GROUP, USER, World, patch_of};

const PREFER: (&str, &str) = ("prefer", "respond-async");

/// A directory that may be answered later.
async fn patient() -> Directory {
    let world = World::new().await;
    let keys = KeyRing::builder(world.ports.clone(), [Algorithm::Es256]).open().await.unwrap();
    let mut directory = world.directory(Profile::Strict);
    directory.connection = directory.connection.with_later(true);
    let later = LaterRequests::new(keys, Algorithm::Es256, "https://id.example");
    directory.world.service = world.service.with_later_requests(later);
    directory
}

impl Directory {
    async fn later(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[("content-type", "application/scim+json"), PREFER], body).await
    }

    async fn deliver(&self) {
        let relay = Relay::new(self.world.ports.clone(), Arc::new(MemoryNotifier::new()));
        let relay = relay.with_sink(self.world.service.later_sink());
        while relay.deliver_pending().await.unwrap().delivered > 0 {}
    }

    /// What the token at a location says, after its signature is left alone: what a key ring signs is its own to test.
    async fn result(&self, location: &str) -> Value {
        let caller = Caller::new(&self.connection, BASE);
        let request = Request::get(location).body(Bytes::new()).unwrap();
        let response = self.world.service.handle(&caller, request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/secevent+jwt");
        claims(std::str::from_utf8(response.body()).unwrap())
    }
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_request_is_taken_on_and_done_by_the_relay() {
    let directory = patient().await;
    let body = json!({ "schemas": [USER], "userName": "kim", "password": "correct horse battery staple" });
    let taken = directory.later("POST", "/Users", body).await;
    assert_eq!((taken.status, &taken.body), (202, &Value::Null));
    assert_eq!(taken.headers["preference-applied"], "respond-async");
    let txn = taken.headers["set-txn"].to_str().unwrap().to_owned();
    let location = taken.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(location, format!("{BASE}/Requests/{txn}"));
    let path = location.strip_prefix(BASE).unwrap();
    // Nothing is done, and it is said.
    assert_eq!(directory.get("/Users").await.body["totalResults"], 0);
    let waiting = directory.get(path).await;
    assert_eq!((waiting.status, waiting.headers["retry-after"].to_str().unwrap()), (202, "1"));
    let asked = async || {
        let store = directory.world.ports.store();
        let kept = store.record(ciam_scim::service::REQUEST, &txn).await.unwrap().unwrap();
        serde_json::from_str::<Value>(&kept.value.body).unwrap()["asked"].clone()
    };
    assert_ne!(asked().await, Value::Null);
    directory.deliver().await;
    assert_eq!(asked().await, Value::Null, "what was asked is not kept, not even sealed");
    let found = directory.get("/Users?filter=userName eq \"kim\"").await.body["Resources"][0].clone();
    let set = directory.result(&location).await;
    assert_eq!((&set["iss"], &set["txn"]), (&json!("https://id.example"), &json!(txn)));
    assert_eq!(
        set["sub_id"],
        json!({ "format": "scim", "uri": format!("/Users/{}", found["id"].as_str().unwrap()) })
    );
    let told = &set["events"][ASYNC_RESPONSE];
    assert_eq!(
        (&told["method"], &told["status"], &told["version"]),
        (&json!("POST"), &json!("201"), &found["meta"]["version"])
    );
    assert_eq!(directory.result(&location).await, set, "whoever asks twice is told the same");
    // Nobody else is told.
    let elsewhere = directory.world.elsewhere();
    let mut other = elsewhere.clone();
    other.connection = other.connection.with_later(true);
    other.world.service = directory.world.service.clone();
    assert_eq!(other.get(path).await.error(), (404, ""));
}

#[tokio::test]
async fn what_came_of_it_is_an_event_of_the_outbox_and_has_no_values() {
    let directory = patient().await;
    directory.user("taken").await;
    let put = directory
        .later("POST", "/Users", json!({ "schemas": [USER], "userName": "TAKEN", "title": "Secret" }))
        .await;
    let txn = put.headers["set-txn"].to_str().unwrap().to_owned();
    // The relay and this test take turns with one outbox: what the sink makes is seen by whoever comes next.
    directory.deliver_by_hand(&txn).await;
    let events = directory.world.events().await;
    let sets: Vec<Value> =
        events.iter().filter_map(security_event).filter(|it| it["txn"] == txn.as_str()).collect();
    assert_eq!(sets.len(), 1);
    let told = &sets[0]["events"][ASYNC_RESPONSE];
    assert_eq!((&told["status"], &told["response"]["scimType"]), (&json!("409"), &json!("uniqueness")));
    assert!(!serde_json::to_string(&events).unwrap().contains("Secret"));
}

impl Directory {
    /// Delivers the event of a request as often as a relay may: twice.
    async fn deliver_by_hand(&self, txn: &str) {
        let sink = self.world.service.later_sink();
        let event =
            ciam_core::event::Event::new(&self.world.ports, ciam_scim::event::REQUEST_ACCEPTED, "x").unwrap();
        let event = event.with("txn", txn);
        assert!(sink.wants(&event));
        for _ in 0..2 {
            sink.deliver(&event).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_delivered_twice_is_done_once() {
    let directory = patient().await;
    let id = directory.user("kim").await;
    let add = json!({ "schemas": [GROUP], "displayName": "Ops", "members": [{ "value": id }] });
    let made = directory.later("POST", "/Groups", add).await;
    let path = format!("/Users/{id}");
    let patch = directory
        .later("PATCH", &path, patch_of(json!([{ "op": "add", "path": "title", "value": "Dr" }])))
        .await;
    for taken in [&made, &patch] {
        assert_eq!(taken.status, 202);
        directory.deliver_by_hand(taken.headers["set-txn"].to_str().unwrap()).await;
    }
    let groups = directory.get("/Groups").await.body;
    assert_eq!(groups["totalResults"], 1);
    assert_eq!(groups["Resources"][0]["members"][0]["value"], id.as_str());
    assert_eq!(directory.get(&path).await.body["title"], "Dr");
    // A crash after the commit and before it was noted: it is marked as done, and its members are completed.
    let store = directory.world.ports.shared_store();
    let gone = directory.later("DELETE", &path, Value::Null).await;
    let txn = gone.headers["set-txn"].to_str().unwrap().to_owned();
    let before = store.record(ciam_scim::service::REQUEST, &txn).await.unwrap().unwrap();
    directory.deliver_by_hand(&txn).await;
    let batch = ciam_core::store::Batch::new().write(ciam_core::store::Write::PutRecord(before.value));
    assert!(store.commit(batch).await.unwrap().is_applied());
    directory.deliver_by_hand(&txn).await;
    let set = directory.result(gone.headers["location"].to_str().unwrap()).await;
    assert_eq!(
        set["events"][ASYNC_RESPONSE]["status"], "204",
        "and not 404: it was this request that did it"
    );
}

#[tokio::test]
async fn a_bulk_request_has_an_answer_for_each_operation() {
    let directory = patient().await;
    let user = |id: &str, name: &str| json!({ "method": "POST", "path": "/Users", "bulkId": id, "data": { "schemas": [USER], "userName": name } });
    let group = json!({ "method": "POST", "path": "/Groups", "bulkId": "g", "data": { "schemas": [GROUP], "displayName": "G", "members": [{ "value": "bulkId:a" }] } });
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [group, user("a", "a"), user("b", "a")] });
    let taken = directory.later("POST", "/Bulk", body).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    let location = taken.headers["location"].to_str().unwrap().to_owned();
    let txn = taken.headers["set-txn"].to_str().unwrap().to_owned();
    directory.deliver_by_hand(&txn).await;
    let all = directory.get(location.strip_prefix(BASE).unwrap()).await.body;
    assert_eq!(all["sets"].as_object().unwrap().len(), 3);
    for (at, status) in [(0, "201"), (1, "201"), (2, "409")] {
        let set = directory.result(&format!("{location}:{at}")).await;
        assert_eq!(set["txn"], format!("{txn}:{at}"));
        assert_eq!(set["events"][ASYNC_RESPONSE]["status"], status, "{at}");
    }
    assert_eq!(directory.get("/Users").await.body["totalResults"], 1);
    assert_eq!(directory.get("/Groups").await.body["Resources"][0]["members"].as_array().unwrap().len(), 1);
    assert_eq!(directory.get(&format!("/Requests/{txn}:3")).await.error(), (404, ""));
}

#[tokio::test]
async fn what_is_wrong_at_first_sight_is_said_at_once() {
    let directory = patient().await;
    for (method, path, body, status, kind) in [
        ("POST", "/Nothing", json!({}), 404, ""),
        ("POST", "/Bulk", json!({}), 400, "invalidSyntax"),
        ("GET", "/Requests/../x", Value::Null, 404, ""),
        ("GET", "/Requests/019a0000-0000-7000-8000-000000000000", Value::Null, 404, ""),
        ("GET", "/Requests/x%7Cy", Value::Null, 404, ""),
    ] {
        assert_eq!(directory.later(method, path, body).await.error(), (status, kind), "{method} {path}");
    }
    let broken = directory.send("POST", "/Users", &[PREFER], "{").await;
    assert_eq!(broken.error(), (400, "invalidSyntax"));
    // Who can wait is answered when it is done, and a search is answered.
    let body = json!({ "schemas": [USER], "userName": "kim" }).to_string();
    let waited = directory.send("POST", "/Users", &[("prefer", "respond-async, wait=5")], body).await;
    assert_eq!(waited.status, 201);
    let config = directory.get("/ServiceProviderConfig").await.body;
    assert_eq!(config["securityEvents"]["asyncRequest"], "request");
    assert!(config["securityEvents"]["eventUris"].as_array().unwrap().contains(&json!(ASYNC_RESPONSE)));
    // A connection that does not allow it is answered as ever.
    let mut plain = directory.clone();
    plain.connection = plain.connection.with_later(false);
    let made = plain.later("POST", "/Users", json!({ "schemas": [USER], "userName": "mia" })).await;
    assert_eq!(made.status, 201);
    assert!(plain.get("/ServiceProviderConfig").await.body.get("securityEvents").is_none());
}

#[tokio::test]
async fn a_token_for_reading_changes_nothing() {
    let directory = World::new().await.directory(Profile::Interop);
    let id = directory.user("kim").await;
    let send = |method: &'static str, path: String, body: Value| {
        let directory = directory.clone();
        async move {
            let caller = Caller::new(&directory.connection, BASE).with_access(Access::Read);
            let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
            let request = Request::builder().method(method).uri(format!("{BASE}{path}")).body(body).unwrap();
            directory.world.service.handle(&caller, request).await.status().as_u16()
        }
    };
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"] });
    let user = json!({ "schemas": [USER], "userName": "x" });
    let one = format!("/Users/{id}");
    for (method, path, body, status) in [
        ("GET", one.clone(), Value::Null, 200),
        ("POST", "/Users/.search".to_owned(), search.clone(), 200),
        ("POST", "/.search".to_owned(), search, 200),
        ("GET", "/ServiceProviderConfig".to_owned(), Value::Null, 200),
        ("POST", "/Users".to_owned(), user.clone(), 403),
        ("PUT", one.clone(), user, 403),
        ("PATCH", one.clone(), patch_of(json!([{ "op": "remove", "path": "title" }])), 403),
        ("DELETE", one.clone(), Value::Null, 403),
        ("POST", "/Bulk".to_owned(), json!({}), 403),
    ] {
        assert_eq!(send(method, path.clone(), body).await, status, "{method} {path}");
    }
    assert_eq!(directory.get(&one).await.body["userName"], "kim");
}
