//! A change with its account and its events is one commit: it is all there or not at all, whenever the store breaks.

use ciam_core::store::PageRequest;
use ciam_core::testkit::{Failure, Probe};
use ciam_scim::profile::Profile;
use ciam_scim::store::{EDGE, RESOURCE};
use serde_json::{Value, json};

use crate::world::{Answer, Directory, GROUP, USER, World, patch_of};

/// A change, and what it is of.
#[derive(Clone, Copy, Debug)]
enum Change {
    Post,
    Put,
    Patch,
    Deactivate,
    AddMember,
    Rename,
    Delete,
}

const CHANGES: [Change; 7] = [
    Change::Post,
    Change::Put,
    Change::Patch,
    Change::Deactivate,
    Change::AddMember,
    Change::Rename,
    Change::Delete,
];

struct Scene {
    directory: Directory,
    probe: Probe,
    user: String,
    group: String,
}

impl Scene {
    async fn new() -> Self {
        let (world, probe) = World::new().await.watched().await;
        let directory = world.directory(Profile::Interop);
        let user = directory.user("kim@corp.example").await;
        let group = directory.group("Ops", &[]).await;
        Self { directory, probe, user, group }
    }

    async fn run(&self, change: Change) -> Answer {
        let (user, group) = (format!("/Users/{}", self.user), format!("/Groups/{}", self.group));
        let replace = |path: &str, value: Value| json!([{ "op": "replace", "path": path, "value": value }]);
        let json = [("content-type", "application/json")];
        let (method, path, body) = match change {
            Change::Post => ("POST", "/Users", json!({ "schemas": [USER], "userName": "new@corp.example" })),
            Change::Put => {
                ("PUT", &*user, json!({ "schemas": [USER], "userName": "kim@corp.example", "title": "x" }))
            }
            Change::Patch => ("PATCH", &*user, patch_of(replace("title", json!("x")))),
            Change::Deactivate => ("PATCH", &*user, patch_of(replace("active", json!(false)))),
            Change::AddMember => {
                let add = json!([{ "op": "add", "path": "members", "value": [{ "value": self.user }] }]);
                ("PATCH", &*group, patch_of(add))
            }
            Change::Rename => {
                ("PUT", &*group, json!({ "schemas": [GROUP], "displayName": "Dev", "members": [] }))
            }
            Change::Delete => return self.directory.delete(&user).await,
        };
        self.directory.send(method, path, &json, body.to_string()).await
    }

    /// Everything that can be seen: the resources, the account, its membership.
    async fn everything(&self) -> String {
        let resources = self.directory.get("/?count=100").await.body["Resources"].to_string();
        let store = self.directory.world.ports.store();
        let all = PageRequest::first(100);
        let accounts = store.accounts(all.clone()).await.unwrap();
        let members = store.members_of(self.directory.world.acme, all).await.unwrap();
        format!("{resources} {accounts:?} {members:?}")
    }
}

#[tokio::test]
async fn a_change_whose_commit_fails_has_not_happened() {
    for change in CHANGES {
        let scene = Scene::new().await;
        let before = scene.everything().await;
        scene.directory.world.events().await;
        scene.probe.fail_next("store.commit", Failure::Transient);
        let answer = scene.run(change).await;
        assert_eq!(answer.error(), (503, ""), "{change:?}");
        assert_eq!(answer.headers["retry-after"], "5");
        assert_eq!(scene.everything().await, before, "{change:?}");
        assert!(scene.directory.world.events().await.is_empty(), "{change:?}: nothing is told");
        // It can be sent again.
        assert!(scene.run(change).await.status < 300, "{change:?}");
        assert_ne!(scene.everything().await, before, "{change:?}");
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_has_happened_whole() {
    for change in CHANGES {
        let scene = Scene::new().await;
        let before = scene.everything().await;
        scene.directory.world.events().await;
        scene.probe.fail_next("store.commit", Failure::AnswerLost);
        assert_eq!(scene.run(change).await.error(), (503, ""), "{change:?}");
        assert_ne!(scene.everything().await, before, "{change:?}");
        let events = scene.directory.world.events().await;
        let told = |of: &str| events.iter().any(|it| it.event_type.as_str().starts_with(of));
        assert!(told("ciam.scim."), "{change:?}: what has happened is told: {events:?}");
        if matches!(change, Change::Post | Change::Deactivate | Change::Delete) {
            assert!(told("ciam.membership."), "{change:?}: with what it means to the member: {events:?}");
        }
    }
}

#[tokio::test]
async fn what_is_half_deleted_is_gone_and_the_next_attempt_removes_the_rest() {
    let scene = Scene::new().await;
    let (directory, world) = (&scene.directory, &scene.directory.world);
    for (endpoint, id) in [("/Users", &scene.user), ("/Groups", &scene.group)] {
        let path = format!("{endpoint}/{id}");
        scene.probe.clear();
        scene.probe.pass_next("store.commit");
        scene.probe.fail_next("store.commit", Failure::Transient);
        assert_eq!(directory.delete(&path).await.error(), (503, ""));
        let left = async || {
            let all = world.ports.store().records(RESOURCE, PageRequest::first(10)).await;
            all.unwrap().items.iter().filter(|it| it.value.key.contains(id.as_str())).count()
        };
        assert_eq!(left().await, 1, "the rest of it is there still");
        assert_eq!(directory.get(&path).await.error(), (404, ""), "{path}");
        let rename = json!([{ "op": "replace", "path": "externalId", "value": "x" }]);
        assert_eq!(directory.patch(&path, rename).await.error(), (404, ""), "{path}");
        let body = json!({ "schemas": [USER, GROUP], "userName": "x", "displayName": "x" });
        assert_eq!(directory.put(&path, body).await.error(), (404, ""), "{path}");
        assert_eq!(directory.get(endpoint).await.body["totalResults"], 0, "{path}");
        let other = directory.group(&format!("Others than {endpoint}"), &[id]).await;
        assert_eq!(world.ports.store().records(EDGE, PageRequest::first(10)).await.unwrap().items, []);
        assert_eq!(directory.delete(&format!("/Groups/{other}")).await.status, 204);
        assert_eq!(directory.delete(&path).await.error(), (404, ""), "{path}");
        assert_eq!(left().await, 0, "{path}");
    }
}

#[tokio::test]
async fn a_change_is_one_commit() {
    for change in CHANGES {
        let scene = Scene::new().await;
        scene.probe.clear();
        assert!(scene.run(change).await.status < 300, "{change:?}");
        // What hangs on a resource that is no more is taken away behind it.
        let expected = if matches!(change, Change::Delete) { 2 } else { 1 };
        assert_eq!(scene.probe.count("store.commit"), expected, "{change:?}");
    }
}

#[tokio::test]
async fn a_member_is_added_without_reading_the_others() {
    let (world, probe) = World::new().await.watched().await;
    let directory = world.directory(Profile::Interop);
    let mut members = Vec::new();
    for n in 0..120 {
        members.push(directory.user(&format!("u{n}")).await);
    }
    let counted = async |directory: &Directory, group: &str, member: &str| {
        probe.clear();
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }]);
        assert_eq!(directory.patch(&format!("/Groups/{group}"), add).await.status, 204);
        let mut calls = probe.calls();
        calls.sort();
        calls
    };
    let few = directory.group("Few", &[&members[0]]).await;
    let named: Vec<&str> = members[..100].iter().map(String::as_str).collect();
    let many = directory.group("Many", &named).await;
    let (first, second) =
        (counted(&directory, &few, &members[110]).await, counted(&directory, &many, &members[111]).await);
    assert_eq!(first, second, "the same calls, whatever the size");
}
