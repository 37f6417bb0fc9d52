//! How much of each thing there may be: the last that fits, and the first that does not.

use ciam_core::error::PortErrorKind;
use ciam_core::secret::Secret;
use ciam_scim::connection::{Access, Connection, Connections};
use ciam_scim::filter::Filter;
use ciam_scim::profile::Profile;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{TENANT, USER, World};

fn numbers(of: std::ops::Range<usize>) -> Value {
    of.map(|n| json!({ "value": format!("+1{n}") })).collect()
}

#[tokio::test]
async fn an_attribute_has_so_many_values() {
    let directory = World::new().await.directory(Profile::Interop);
    let body =
        |name: &str, count| json!({ "schemas": [USER], "userName": name, "phoneNumbers": numbers(0..count) });
    assert_eq!(directory.post("/Users", body("a", 1_001)).await.error(), (400, "invalidValue"));
    assert_eq!(directory.post("/Users", body("a", 1_000)).await.status, 201);
    let path = format!("/Users/{}", directory.post("/Users", body("b", 600)).await.id());
    assert_eq!(directory.put(&path, body("b", 1_001)).await.error(), (400, "invalidValue"));
    let add = |of| json!([{ "op": "add", "path": "phoneNumbers", "value": numbers(of) }]);
    assert_eq!(directory.patch(&path, add(600..1_001)).await.error(), (400, "invalidValue"));
    assert_eq!(directory.patch(&path, add(600..1_000)).await.status, 200);
    // One that a path makes is one more as well.
    let other = |kind: &str| json!([{ "op": "add", "path": format!("phoneNumbers[type eq \"{kind}\"].value"), "value": "+2" }]);
    assert_eq!(directory.patch(&path, other("fax")).await.error(), (400, "invalidValue"));
    assert_eq!(directory.get(&path).await.body["phoneNumbers"], numbers(0..1_000), "nothing changed");
    let remove = json!([{ "op": "remove", "path": "phoneNumbers[value eq \"+10\"]" }]);
    assert_eq!(directory.patch(&path, remove).await.status, 200);
    assert_eq!(directory.patch(&path, other("fax")).await.status, 200);
}

#[tokio::test]
async fn who_has_more_values_than_are_indexed_is_found_by_each() {
    let directory = World::new().await.directory(Profile::Interop);
    let emails: Vec<Value> = (0..100).map(|n| json!({ "value": format!("kim{n}@x.example") })).collect();
    let body = json!({ "schemas": [USER], "userName": "kim", "emails": emails });
    let id = directory.post("/Users", body).await.id();
    directory.user("lee").await;
    for n in 0..100 {
        let found = directory.get(&format!("/Users?filter=emails.value eq \"kim{n}@x.example\"")).await.body;
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)), "{n}");
    }
    let nobody = directory.get("/Users?filter=emails.value eq \"kim100@x.example\"").await.body;
    assert_eq!(nobody["totalResults"], 0);
}

#[tokio::test]
async fn a_text_has_so_many_bytes() {
    let directory = World::new().await.directory(Profile::Interop);
    let path = format!("/Users/{}", directory.user("kim").await);
    for (length, expected) in [(65_536, 200), (65_537, 400)] {
        let title = "x".repeat(length);
        let body = json!({ "schemas": [USER], "userName": "kim", "title": title });
        assert_eq!(directory.put(&path, body).await.status, expected, "{length}");
        let set = json!([{ "op": "replace", "path": "title", "value": title }]);
        assert_eq!(directory.patch(&path, set).await.status, expected, "{length}");
        let set = json!([{ "op": "add", "path": "phoneNumbers", "value": [{ "value": title }] }]);
        assert_eq!(directory.patch(&path, set).await.status, expected, "{length}");
    }
}

#[tokio::test]
async fn a_filter_has_so_many_bytes() {
    let directory = World::new().await.directory(Profile::Interop);
    directory.user("kim").await;
    let of = |comparisons| vec![format!("title eq \"{}\"", "x".repeat(8_000)); comparisons].join(" or ");
    let (fits, long) = (of(8), of(9));
    assert!(fits.len() <= Filter::MAX_BYTES && Filter::MAX_BYTES < long.len());
    assert!(Filter::parse(&fits).is_ok());
    let spaces = " ".repeat(Filter::MAX_BYTES);
    for text in [long.clone(), format!("title pr{spaces}")] {
        let error = Filter::parse(&text).unwrap_err();
        assert_eq!((error.position, error.what), (0, "the filter is too long"));
    }
    let search = |filter: &str| {
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        let directory = directory.clone();
        async move { directory.post("/Users/.search", body).await }
    };
    assert_eq!(search(&fits).await.status, 200);
    assert_eq!(search(&long).await.error(), (400, "invalidFilter"));
}

#[tokio::test]
async fn a_connection_has_so_many_tokens() {
    let world = World::new().await;
    let connections = Connections::new(world.ports.clone());
    let mut tokens: Vec<Secret> = Vec::new();
    for _ in 0..Connection::MAX_TOKENS + 2 {
        let made = connections.rotate(world.acme, Access::Manage, Duration::HOUR, &TENANT).await;
        tokens.push(made.unwrap());
    }
    let mut good = Vec::new();
    for token in &tokens {
        good.push(connections.authenticate(token).await.unwrap().is_some());
    }
    assert_eq!(good, [false, false, true, true, true, true], "the oldest go");
    let kept = connections.of(world.acme).await.unwrap().unwrap();
    assert_eq!(kept.tokens.len(), Connection::MAX_TOKENS);
}

#[tokio::test]
async fn a_connection_has_so_many_clients() {
    let world = World::new().await;
    let connections = Connections::new(world.ports.clone());
    let clients: Vec<String> = (0..Connection::MAX_CLIENTS).map(|n| format!("client-{n}")).collect();
    for client in &clients {
        connections.add_client(world.acme, client, &TENANT).await.unwrap();
    }
    let refused = connections.add_client(world.acme, "one more", &TENANT).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Permanent, "who asks is told that it is not made");
    assert!(connections.of_client("one more").await.unwrap().is_none());
    connections.add_client(world.acme, &clients[0], &TENANT).await.unwrap();
    assert_eq!(connections.of(world.acme).await.unwrap().unwrap().clients, clients);
    connections.remove_client(world.acme, &clients[0], &TENANT).await.unwrap();
    connections.add_client(world.acme, "one more", &TENANT).await.unwrap();
    assert_eq!(connections.of_client("one more").await.unwrap().map(|it| it.organization), Some(world.acme));
}
