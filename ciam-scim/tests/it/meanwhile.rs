//! Changes that meet: every two of them between any two of their calls to the store.

use std::future::Future;

use ciam_core::store::PageRequest;
use ciam_scim::profile::Profile;
use ciam_scim::store::EDGE;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::world::{Answer, Directory, USER, World, patch_of};

/// A world in which each call to the store lets others go on.
async fn world() -> World {
    let (world, probe) = World::new().await.watched().await;
    probe.interleave();
    world
}

/// Begins so many calls later.
async fn after<T>(calls: usize, change: impl Future<Output = T>) -> T {
    for _ in 0..calls {
        tokio::task::yield_now().await;
    }
    change.await
}

/// How many calls one change may be behind another: more than one makes.
const APART: usize = 16;

async fn patch_if(directory: &Directory, path: &str, etag: &str, operations: Value) -> Answer {
    let headers = [("content-type", "application/json"), ("if-match", etag)];
    directory.send("PATCH", path, &headers, patch_of(operations).to_string()).await
}

#[tokio::test]
async fn changes_of_one_user_are_all_made() {
    let directory = world().await.directory(Profile::Interop);
    let path = format!("/Users/{}", directory.user("kim").await);
    let add = |n: usize| {
        let email =
            json!([{ "op": "add", "path": "emails", "value": [{ "value": format!("{n}@x.example") }] }]);
        let (directory, path) = (directory.clone(), path.clone());
        async move { directory.patch(&path, email).await.status }
    };
    assert_eq!(join_all((0..8).map(add)).await, [200; 8]);
    assert_eq!(directory.get(&path).await.body["emails"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn of_a_group_that_goes_no_members_stay() {
    for apart in 0..APART {
        let world = world().await;
        let directory = world.directory(Profile::Interop);
        let (user, group) = (directory.user("kim").await, directory.group("Ops", &[]).await);
        let path = format!("/Groups/{group}");
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
        let (added, deleted) = join(directory.patch(&path, add), after(apart, directory.delete(&path))).await;
        assert!([204, 404].contains(&added.status), "{}", added.status);
        assert_eq!(deleted.status, 204);
        let left = world.ports.store().records(EDGE, PageRequest::first(10)).await.unwrap().items;
        assert!(left.is_empty(), "{apart}: {left:?}");
    }
}

#[tokio::test]
async fn who_goes_is_a_member_of_nothing() {
    for apart in 0..APART {
        let world = world().await;
        let directory = world.directory(Profile::Interop);
        let (user, group) = (directory.user("kim").await, directory.group("Ops", &[]).await);
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
        let (path, own) = (format!("/Groups/{group}"), format!("/Users/{user}"));
        let (added, deleted) = join(directory.patch(&path, add), after(apart, directory.delete(&own))).await;
        assert_eq!((added.status, deleted.status), (204, 204), "{apart}");
        let left = world.ports.store().records(EDGE, PageRequest::first(10)).await.unwrap().items;
        assert!(left.is_empty(), "{apart}: {left:?}");
    }
}

#[tokio::test]
async fn who_goes_while_many_join_is_not_among_them() {
    /// So many join that the deletion of one of them is over before all are looked up.
    const MANY: usize = 24;
    for apart in (0..3 * MANY).step_by(3) {
        let world = world().await;
        let directory = world.directory(Profile::Interop);
        // Who was made first is looked up first.
        let going = directory.user("kim").await;
        let mut named = vec![json!({ "value": going })];
        for n in 0..MANY {
            named.push(json!({ "value": directory.user(&format!("u{n}")).await }));
        }
        let (path, own) =
            (format!("/Groups/{}", directory.group("Ops", &[]).await), format!("/Users/{going}"));
        let add = json!([{ "op": "add", "path": "members", "value": named }]);
        let (added, deleted) = join(directory.patch(&path, add), after(apart, directory.delete(&own))).await;
        assert_eq!((added.status, deleted.status), (204, 204), "{apart}");
        let members = world.ports.store().records(EDGE, PageRequest::first(100)).await.unwrap().items;
        assert!(members.iter().all(|it| !it.value.key.contains(&going)), "{apart}");
        assert_eq!(members.len(), MANY, "{apart}: the others join");
    }
}

#[tokio::test]
async fn of_changes_of_one_version_of_a_groups_members_one_is_made() {
    let directory = world().await.directory(Profile::Interop);
    let mut members = Vec::new();
    for n in 0..8 {
        members.push(directory.user(&format!("u{n}")).await);
    }
    for first in [vec![], vec![members[7].as_str()]] {
        let group = directory.group(&format!("G{}", first.len()), &first).await;
        let path = format!("/Groups/{group}");
        let etag = directory.get(&path).await.etag();
        let add = |id: &String| {
            let operations = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            let (directory, path, etag) = (directory.clone(), path.clone(), etag.clone());
            async move { patch_if(&directory, &path, &etag, operations).await.status }
        };
        let statuses = join_all(members[..7].iter().map(add)).await;
        assert_eq!(statuses.iter().filter(|it| **it == 204).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|it| **it == 412).count(), 6, "{statuses:?}");
        assert_eq!(directory.members(&group).await.len(), first.len() + 1);
    }
}

#[tokio::test]
async fn a_version_of_a_group_is_of_its_members_as_well() {
    for apart in 0..APART {
        let world = world().await;
        let directory = world.directory(Profile::Interop);
        let (first, second) = (directory.user("a").await, directory.user("b").await);
        let group = directory.group("Ops", &[&first]).await;
        let path = format!("/Groups/{group}");
        let etag = directory.get(&path).await.etag();
        world.events().await;
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": second }] }]);
        let rename = json!([{ "op": "replace", "path": "displayName", "value": "Dev" }]);
        let (added, renamed) = join(
            after(apart, directory.patch(&path, add)),
            after(APART / 2, patch_if(&directory, &path, &etag, rename)),
        )
        .await;
        assert_eq!(added.status, 204);
        let events = world.events().await;
        let names: Vec<&str> = events.iter().map(|it| it.event_type.as_str()).collect();
        let at = |name: &str| names.iter().position(|it| it.starts_with(name));
        let (members, patched) = (at("ciam.scim.members"), at("ciam.scim.resource.patched"));
        // Whoever renames the version that they have seen renames no other one.
        let expected = if patched.is_some() && patched < members { 200 } else { 412 };
        assert_eq!(renamed.status, expected, "{apart}: {names:?}");
    }
}

#[tokio::test]
async fn of_two_who_are_made_with_one_address_one_has_it() {
    let world = world().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Interop);
    let post = |name: &str| {
        let body =
            json!({ "schemas": [USER], "userName": name, "emails": [{ "value": "kim@corp.example" }] });
        let directory = directory.clone();
        async move { directory.post("/Users", body).await.status }
    };
    assert_eq!(join_all(["a", "b", "c"].map(post)).await, [201; 3]);
    let accounts = world.ports.store().accounts(PageRequest::first(10)).await.unwrap().items;
    let holders = accounts.iter().filter(|it| !it.value.identifiers.is_empty()).count();
    assert_eq!((accounts.len(), holders), (3, 1));
}
