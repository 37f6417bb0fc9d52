//! Groups at any size.

use ciam_scim::profile::Profile;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn members_and_groups_are_two_sides_of_one_thing() {
    let directory = World::new().await.directory(Profile::Interop);
    let (a, b) = (directory.user("a").await, directory.user("b").await);
    let inner = directory.group("Inner", &[&b]).await;
    let outer = directory.group("Outer", &[&a, &inner]).await;
    let shown = directory.get(&format!("/Groups/{outer}")).await.body;
    let kinds: Vec<&Value> = shown["members"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["User", "Group"]);
    let groups = directory.get(&format!("/Users/{a}")).await.body["groups"].clone();
    assert_eq!(groups[0]["value"], outer.as_str());
    assert_eq!((&groups[0]["display"], &groups[0]["type"]), (&json!("Outer"), &json!("direct")));
    assert_eq!(
        directory.get(&format!("/Users?filter=groups eq \"{outer}\"")).await.body["Resources"][0]["id"],
        a.as_str()
    );
    // A circle is a circle, and nothing goes round in it.
    let circle = json!([{ "op": "add", "path": "members", "value": [{ "value": outer }] }]);
    assert_eq!(directory.patch(&format!("/Groups/{inner}"), circle).await.status, 204);
    assert_eq!(directory.get(&format!("/Groups/{inner}")).await.body["members"].as_array().unwrap().len(), 2);
    assert_eq!(directory.delete(&format!("/Users/{b}")).await.status, 204);
    assert_eq!(directory.members(&inner).await, [outer.as_str()], "who is gone is no member");
    assert_eq!(directory.delete(&format!("/Groups/{outer}")).await.status, 204);
    assert!(directory.get(&format!("/Users/{a}")).await.body.get("groups").is_none());
    assert!(directory.members(&inner).await.is_empty());
}

#[tokio::test]
async fn groups_in_groups_count_as_deep_as_they_are_said_to() {
    let mut directory = World::new().await.directory(Profile::Interop);
    let kim = directory.user("kim").await;
    let inner = directory.group("Inner", &[&kim]).await;
    let middle = directory.group("Middle", &[&inner]).await;
    let outer = directory.group("Outer", &[&middle]).await;
    // A circle: the outer one is in the inner one.
    let circle = json!([{ "op": "add", "path": "members", "value": [{ "value": outer }] }]);
    directory.patch(&format!("/Groups/{inner}"), circle).await;
    for (levels, expected) in [(0, 1), (1, 2), (2, 3), (9, 3)] {
        directory.world.service = directory.world.service.clone().with_nested_groups(levels);
        let shown = directory.get(&format!("/Users/{kim}")).await.body;
        let groups: Vec<(&str, &str)> = shown["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["value"].as_str().unwrap(), it["type"].as_str().unwrap()))
            .collect();
        let all = [(inner.as_str(), "direct"), (middle.as_str(), "indirect"), (outer.as_str(), "indirect")];
        assert_eq!(groups, all[..expected], "{levels}");
        for (at, (group, _)) in all.iter().enumerate() {
            for filter in [format!("groups eq \"{group}\""), format!("title pr or groups eq \"{group}\"")] {
                let found = directory.get(&format!("/Users?filter={filter}")).await.body;
                assert_eq!(found["totalResults"], usize::from(at < expected), "{levels} {filter}");
            }
        }
    }
    assert_eq!(directory.get("/Users?filter=groups pr").await.body["totalResults"], 1);
}

#[tokio::test]
async fn a_large_group_is_changed_without_being_listed() {
    let mut directory = World::new().await.directory(Profile::Interop);
    let mut limits = *directory.world.service.limits();
    limits.max_members_inline = 100;
    directory.world.service = directory.world.service.clone().with_limits(limits);
    let mut members = Vec::new();
    for n in 0..150 {
        members.push(directory.user(&format!("u{n}")).await);
    }
    let named: Vec<Value> = members.iter().map(|it| json!({ "value": it })).collect();
    let group = directory.group("Big", &[]).await;
    let path = format!("/Groups/{group}");
    assert_eq!(
        directory.patch(&path, json!([{ "op": "add", "path": "members", "value": named }])).await.status,
        204
    );
    // Never a list that is cut short: a client would take the rest for gone.
    assert_eq!(directory.get(&path).await.error(), (400, "tooMany"));
    assert_eq!(directory.get(&format!("{path}?excludedAttributes=members")).await.status, 200);
    let rest: Vec<Value> = named[..60].to_vec();
    assert_eq!(
        directory.patch(&path, json!([{ "op": "replace", "path": "members", "value": rest }])).await.status,
        204
    );
    assert_eq!(directory.members(&group).await.len(), 60);
    let put = directory
        .put(&path, json!({ "schemas": [crate::world::GROUP], "displayName": "Big", "members": named[..3] }))
        .await;
    assert_eq!(put.body["members"].as_array().unwrap().len(), 3);
    assert_eq!(directory.patch(&path, json!([{ "op": "remove", "path": "members" }])).await.status, 204);
    assert!(directory.members(&group).await.is_empty());
}

#[tokio::test]
async fn too_many_members_at_once_are_refused() {
    let directory = World::new().await.directory(Profile::Interop);
    let group = directory.group("G", &[]).await;
    let named: Vec<Value> = (0..20_001).map(|n| json!({ "value": format!("u{n}") })).collect();
    let answer = directory
        .patch(&format!("/Groups/{group}"), json!([{ "op": "add", "path": "members", "value": named }]))
        .await;
    assert_eq!(answer.error(), (413, ""));
}
