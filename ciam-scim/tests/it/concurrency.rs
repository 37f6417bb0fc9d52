//! Changes at the same moment.

use ciam_scim::profile::Profile;
use futures_util::future::join_all;
use serde_json::json;

use crate::world::{USER, World};

#[tokio::test]
async fn members_who_are_added_at_once_are_all_there() {
    let directory = World::new().await.directory(Profile::Interop);
    let mut members = Vec::new();
    for n in 0..64 {
        members.push(directory.user(&format!("u{n}")).await);
    }
    let group = directory.group("G", &[]).await;
    let path = format!("/Groups/{group}");
    let adds = members.iter().map(|id| {
        let (directory, path) = (directory.clone(), path.clone());
        let operations = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        async move { directory.patch(&path, operations).await.status }
    });
    assert!(join_all(adds).await.into_iter().all(|status| status == 204));
    assert_eq!(directory.members(&group).await, members);
}

#[tokio::test]
async fn of_many_puts_with_one_version_one_wins() {
    let directory = World::new().await.directory(Profile::Interop);
    let id = directory.user("kim").await;
    let path = format!("/Users/{id}");
    let etag = directory.get(&path).await.etag();
    let puts = (0..16).map(|n| {
        let (directory, path, etag) = (directory.clone(), path.clone(), etag.clone());
        let body = json!({ "schemas": [USER], "userName": "kim", "title": n.to_string() }).to_string();
        async move { directory.send("PUT", &path, &[("if-match", &etag)], body).await.status }
    });
    let statuses = join_all(puts).await;
    assert_eq!(statuses.iter().filter(|it| **it == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == 412).count(), 15, "{statuses:?}");
}

#[tokio::test]
async fn of_many_posts_of_one_name_one_wins() {
    let directory = World::new().await.directory(Profile::Interop);
    let posts = (0..16).map(|n| {
        let directory = directory.clone();
        let name = if n % 2 == 0 { "Straße" } else { "STRASSE" };
        async move { directory.post("/Users", json!({ "schemas": [USER], "userName": name })).await.status }
    });
    let statuses = join_all(posts).await;
    assert_eq!(statuses.iter().filter(|it| **it == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == 409).count(), 15, "{statuses:?}");
}
