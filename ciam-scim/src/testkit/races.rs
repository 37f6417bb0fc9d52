//! Changes at the same moment.

use futures_util::future::join_all;
use serde_json::json;

use super::directory::{Directory, patch_of};
use super::findings::Findings;
use super::target::Target;
use crate::profile::Profile;
use crate::schema::USER;

/// Runs the races: 64 members who are added to one group at once are all there, of many changes of one version one is made, and
/// of many users of one name there is one.
pub async fn races(target: &dyn Target) -> Findings {
    let mut findings = Findings::default();
    findings.row("64 members at once", members(target).await);
    findings.row("one version", one_version(target).await);
    findings.row("one name", one_name(target).await);
    findings.row("a member who goes", going(target).await);
    findings
}

async fn members(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let mut members = Vec::new();
    for n in 0..64 {
        members.push(directory.user(&format!("u{n}")).await?);
    }
    members.sort();
    let group = directory.group("Everybody", &[]).await?;
    let path = format!("/Groups/{group}");
    let add = |id: &String| {
        let operations = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        let path = path.clone();
        async move { directory.patch(&path, &operations).await.map(|it| it.status) }
    };
    let statuses = join_all(members.iter().map(add)).await;
    if let Some(other) = statuses.iter().find(|it| **it != Ok(204)) {
        return Err(format!("a member was not added: {other:?}"));
    }
    let found = directory.members(&group).await?;
    if found == members { Ok(()) } else { Err(format!("{} of 64 are members", found.len())) }
}

async fn one_version(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let path = format!("/Users/{}", directory.user("kim").await?);
    let etag = directory.get(&path).await?.header("etag").to_owned();
    let put = |n: usize| {
        let body = json!({ "schemas": [USER], "userName": "kim", "title": n.to_string() }).to_string();
        let (path, etag) = (path.clone(), etag.clone());
        async move {
            let headers = [("content-type", "application/scim+json"), ("if-match", etag.as_str())];
            directory.send("PUT", &path, &headers, body).await.map(|it| it.status)
        }
    };
    once(join_all((0..16).map(put)).await, 200, 412)
}

async fn one_name(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let post = |n: usize| async move {
        let name = if n.is_multiple_of(2) { "Straße" } else { "STRASSE" };
        let body = json!({ "schemas": [USER], "userName": name });
        directory.json("POST", "/Users", &body).await.map(|it| it.status)
    };
    once(join_all((0..16).map(post)).await, 201, 409)
}

/// Somebody who is deleted while they become a member is no member then.
async fn going(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let group = directory.group("Everybody", &[]).await?;
    let path = format!("/Groups/{group}");
    for n in 0..8 {
        let id = directory.user(&format!("u{n}")).await?;
        let add = patch_of(&json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]));
        let add = directory.json("PATCH", &path, &add);
        let own = format!("/Users/{id}");
        let delete = directory.send("DELETE", &own, &[], "");
        let (added, deleted) = futures_util::future::join(add, delete).await;
        let (added, deleted) = (added?.status, deleted?.status);
        if added != 204 || deleted != 204 {
            return Err(format!("added {added}, deleted {deleted}"));
        }
    }
    let left = directory.members(&group).await?;
    if left.is_empty() { Ok(()) } else { Err(format!("{} who are gone are members", left.len())) }
}

fn once(statuses: Vec<Result<u16, String>>, won: u16, lost: u16) -> Result<(), String> {
    let statuses: Vec<u16> = statuses.into_iter().collect::<Result<_, _>>()?;
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    if count(won) == 1 && count(lost) == statuses.len() - 1 {
        return Ok(());
    }
    Err(format!("not one {won} and the rest {lost}: {statuses:?}"))
}
