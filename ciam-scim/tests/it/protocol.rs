//! Reading, replacing, versions, discovery, `/Me`, tokens.

use bytes::Bytes;
use ciam_scim::connection::{Access, Connections};
use ciam_scim::profile::Profile;
use ciam_scim::service::Caller;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{BASE, ENTERPRISE, TENANT, USER, World};

#[tokio::test]
async fn a_put_is_the_whole_resource() {
    let directory = World::new().await.directory(Profile::Strict);
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "kim", "title": "Dr", "emails": [{ "value": "k@x.example" }],
        ENTERPRISE: { "department": "Ops" },
    });
    let made = directory.post("/Users", body).await;
    let path = format!("/Users/{}", made.id());
    let put = directory
        .put(
            &path,
            json!({ "schemas": [USER], "userName": "KIM", "id": "other", "groups": [{ "value": "x" }] }),
        )
        .await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.body["userName"], "KIM");
    assert_eq!(put.body["id"], made.body["id"], "what is the server's is passed over");
    for cleared in ["title", "emails", "groups", ENTERPRISE] {
        assert!(put.body.get(cleared).is_none(), "{cleared}");
    }
    assert_eq!(put.body["schemas"], json!([USER]));
    assert_eq!(put.body["meta"]["created"], made.body["meta"]["created"]);
}

#[tokio::test]
async fn versions_move_with_changes_and_with_nothing_else() {
    let directory = World::new().await.directory(Profile::Interop);
    let id = directory.user("kim").await;
    let path = format!("/Users/{id}");
    let first = directory.get(&path).await;
    let etag = first.etag();
    assert_eq!(first.body["meta"]["version"], etag);
    let unchanged =
        directory.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "kim" }])).await;
    assert_eq!(unchanged.etag(), etag);
    assert_eq!(directory.send("GET", &path, &[("if-none-match", &etag)], "").await.status, 304);
    let changed = directory.patch(&path, json!([{ "op": "replace", "path": "title", "value": "x" }])).await;
    assert_ne!(changed.etag(), etag);
    assert_eq!(directory.send("GET", &path, &[("if-none-match", &etag)], "").await.status, 200);
    let group = directory.group("G", &[]).await;
    let path = format!("/Groups/{group}");
    let etag = directory.get(&path).await.etag();
    let add = crate::world::patch_of(json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]))
        .to_string();
    let send = |etag: String| {
        let (directory, path, add) = (directory.clone(), path.clone(), add.clone());
        async move { directory.send("PATCH", &path, &[("if-match", &etag)], add).await }
    };
    assert_eq!(send(etag.clone()).await.status, 204);
    assert_ne!(directory.get(&path).await.etag(), etag, "members are part of a group");
    assert_eq!(send(etag).await.error(), (412, ""));
}

#[tokio::test]
async fn the_service_tells_what_it_can_do() {
    let directory = World::new().await.directory(Profile::Strict);
    let config = directory.get("/ServiceProviderConfig").await.body;
    for feature in ["patch", "bulk", "filter", "sort", "etag", "changePassword"] {
        assert_eq!(config[feature]["supported"], true, "{feature}");
    }
    assert_eq!(config["pagination"]["cursor"], true);
    assert_eq!(config.get("securityEvents"), None, "nothing is asynchronous, and nothing says so");
    let schemas = directory.get("/Schemas").await.body;
    assert_eq!(schemas["totalResults"], 3);
    for schema in schemas["Resources"].as_array().unwrap() {
        let one = directory.get(&format!("/Schemas/{}", schema["id"].as_str().unwrap())).await.body;
        assert_eq!(one, *schema);
    }
    assert_eq!(directory.get("/ResourceTypes/User").await.body["endpoint"], "/Users");
    assert_eq!(directory.get("/ResourceTypes/Nothing").await.error(), (404, ""));
    assert_eq!(directory.get("/Schemas?filter=id pr").await.error(), (403, ""));
}

#[tokio::test]
async fn me_is_the_person_whose_token_it_is() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    assert_eq!(directory.get("/Me").await.error(), (501, ""));
    directory.user("kim@x.example").await;
    let key = ciam_core::account::IdentifierKey::email("kim@x.example").unwrap();
    let account = world.ports.store().account_by_identifier(&key).await.unwrap().unwrap().value;
    let caller = Caller::new(&directory.connection, BASE).with_account(account.id);
    let request = http::Request::get(format!("{BASE}/Me")).body(Bytes::new()).unwrap();
    let answer = world.service.handle(&caller, request).await;
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["userName"], "kim@x.example");
    let elsewhere = world.elsewhere();
    let caller = Caller::new(&elsewhere.connection, BASE).with_account(account.id);
    let request = http::Request::get(format!("{BASE}/Me")).body(Bytes::new()).unwrap();
    assert_eq!(world.service.handle(&caller, request).await.status(), 404);
}

#[tokio::test]
async fn tokens_rotate_with_an_overlap_and_can_be_revoked() {
    let world = World::new().await;
    let connections = Connections::new(world.ports.clone());
    let first = connections.rotate(world.acme, Access::Manage, Duration::HOUR, &TENANT).await.unwrap();
    assert!(first.expose().starts_with("ciam_scim_"));
    let good = |token: ciam_core::secret::Secret| {
        let connections = connections.clone();
        async move { connections.authenticate(&token).await.unwrap().map(|it| it.connection.organization) }
    };
    assert_eq!(good(first.clone()).await, Some(world.acme));
    let second = connections.rotate(world.acme, Access::Manage, Duration::HOUR, &TENANT).await.unwrap();
    assert_eq!(good(first.clone()).await, Some(world.acme), "for a while both are good");
    world.clock.advance(Duration::HOUR);
    assert_eq!(good(first).await, None);
    assert_eq!(good(second.clone()).await, Some(world.acme));
    connections.revoke(world.acme, &TENANT).await.unwrap();
    assert_eq!(good(second.clone()).await, None);
    for token in ["", "x", &"x".repeat(10_000)] {
        assert_eq!(good(token.into()).await, None);
    }
    let third = connections.rotate(world.acme, Access::Manage, Duration::ZERO, &TENANT).await.unwrap();
    let fourth = connections.rotate(world.acme, Access::Manage, Duration::ZERO, &TENANT).await.unwrap();
    assert_eq!((good(third).await, good(fourth).await), (None, Some(world.acme)));
    let stored = format!("{:?}", connections.of(world.acme).await.unwrap());
    assert!(!stored.contains(second.expose()));
}

#[tokio::test]
async fn events_name_what_changed_and_have_no_values() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    let id = directory.user("kim").await;
    world.events().await;
    directory
        .patch(
            &format!("/Users/{id}"),
            json!([{ "op": "replace", "value": { "title": "Secret title", "active": false } }]),
        )
        .await;
    let events = world.events().await;
    let sets: Vec<Value> = events.iter().filter_map(ciam_scim::event::security_event).collect();
    assert_eq!(sets[0]["sub_id"], json!({ "format": "scim", "uri": format!("/Users/{id}") }));
    assert_eq!(
        sets[0]["events"],
        json!({ "urn:ietf:params:scim:event:prov:patch:notice": { "attributes": ["active", "title"] } })
    );
    assert!(sets[1]["events"].get("urn:ietf:params:scim:event:prov:deactivate").is_some());
    let all = serde_json::to_string(&events).unwrap();
    assert!(!all.contains("Secret title") && !all.contains("kim"), "{all}");
}

#[tokio::test]
async fn a_customers_own_attributes_are_like_any_other() {
    let mut directory = World::new().await.directory(Profile::Strict);
    let schema: ciam_scim::schema::Schema = serde_json::from_value(json!({
        "id": "urn:acme:1.0:User", "name": "Acme",
        "attributes": [
            { "name": "badge", "type": "integer" },
            { "name": "hired", "type": "string", "mutability": "immutable" },
            { "name": "tags", "type": "string", "multiValued": true },
        ],
    }))
    .unwrap();
    let registry = directory.world.service.registry().with_user_extension(&schema, false).unwrap();
    directory.world.service = directory.world.service.clone().with_registry(registry);
    let body = json!({ "schemas": [USER, "urn:acme:1.0:User"], "userName": "kim", "urn:acme:1.0:User": { "badge": 7, "hired": "a", "tags": ["x"] } });
    let made = directory.post("/Users", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/Users/{}", made.id());
    assert_eq!(directory.get("/Users?filter=urn:acme:1.0:User:badge gt 6").await.body["totalResults"], 1);
    let changed = directory
        .patch(&path, json!([{ "op": "add", "path": "urn:acme:1.0:User:tags", "value": ["y"] }]))
        .await;
    assert_eq!(changed.body["urn:acme:1.0:User"]["tags"], json!(["x", "y"]));
    let wrong = directory
        .patch(&path, json!([{ "op": "replace", "path": "urn:acme:1.0:User:hired", "value": "b" }]))
        .await;
    assert_eq!(wrong.error(), (400, "mutability"));
    let same = directory
        .patch(&path, json!([{ "op": "replace", "path": "urn:acme:1.0:User:hired", "value": "a" }]))
        .await;
    assert_eq!(same.status, 200);
}
