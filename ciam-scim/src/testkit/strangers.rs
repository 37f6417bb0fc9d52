//! Bad input, of all groups: what is another organization's is as if it were not there, in ids, filters, cursors, references and
//! errors.

use serde_json::{Value, json};

use super::directory::{Directory, patch_of};
use super::target::Target;
use crate::profile::Profile;
use crate::schema::{GROUP, USER};

/// An id that nobody has.
const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";

/// Somebody of another organization, asked for in every way.
pub(super) async fn strangers(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Strict).await?;
    let elsewhere = Directory::new(target, Profile::Strict).await?;
    let own = directory.user("own").await?;
    let ours = directory.group("Ours", &[&own]).await?;
    let body = json!({ "schemas": [USER], "userName": "zoe", "externalId": "x-zoe", "emails": [{ "value": "zoe@mail.example" }] });
    let zoe = elsewhere.json("POST", "/Users", &body).await?.id()?;
    let theirs = elsewhere.group("Theirs", &[&zoe]).await?;
    let (before, there) = (directory.everything().await?, elsewhere.everything().await?);
    filters(&directory, &zoe, &theirs).await?;
    requests(&directory, &zoe, &theirs).await?;
    references(&directory, &ours, &zoe).await?;
    let cursor = elsewhere.get("/?count=1&cursor=").await?.body;
    let cursor = cursor.get("nextCursor").and_then(Value::as_str).ok_or("no cursor")?.to_owned();
    directory.get(&format!("/?count=1&cursor={cursor}")).await?.is_error(400, "invalidCursor")?;
    directory.unchanged(&before, "a stranger").await?;
    elsewhere.unchanged(&there, "a request of strangers").await?;
    // A name of theirs is free here.
    directory.user("zoe").await?;
    directory.group("Theirs", &[]).await.map(|_| ())
}

async fn filters(directory: &Directory<'_>, zoe: &str, theirs: &str) -> Result<(), String> {
    for (path, filter) in [
        ("/Users", format!("id eq \"{zoe}\"")),
        ("/Users", "userName eq \"zoe\"".to_owned()),
        ("/Users", "userName sw \"zo\"".to_owned()),
        ("/Users", "userName co \"zo\"".to_owned()),
        ("/Users", "externalId eq \"x-zoe\"".to_owned()),
        ("/Users", "emails eq \"zoe@mail.example\"".to_owned()),
        ("/Users", format!("groups eq \"{theirs}\"")),
        ("/Users", format!("userName ne \"own\" and not (groups eq \"{theirs}\")")),
        ("/Groups", format!("id eq \"{theirs}\" and members eq \"{zoe}\"")),
        ("/Groups", format!("members eq \"{zoe}\"")),
        ("/Groups", "displayName ne \"Ours\"".to_owned()),
        ("/", format!("id eq \"{zoe}\" or id eq \"{theirs}\"")),
    ] {
        let found = directory.get(&format!("{path}?filter={filter}")).await?;
        if found.status != 200 || found.body.get("totalResults") != Some(&json!(0)) {
            return Err(format!("{path} {filter}: {} {}", found.status, found.body));
        }
    }
    Ok(())
}

/// Whatever is asked of somebody else's is answered as of what is not there, to the letter.
async fn requests(directory: &Directory<'_>, zoe: &str, theirs: &str) -> Result<(), String> {
    let user = json!({ "schemas": [USER], "userName": "x" });
    let group = json!({ "schemas": [GROUP], "displayName": "X" });
    let patch = patch_of(&json!([{ "op": "remove", "path": "externalId" }]));
    for (kind, id, put) in [("Users", zoe, &user), ("Groups", theirs, &group)] {
        for (method, body) in
            [("GET", &Value::Null), ("PUT", put), ("PATCH", &patch), ("DELETE", &Value::Null)]
        {
            let send = async |id: &str| match body {
                Value::Null => directory.send(method, &format!("/{kind}/{id}"), &[], "").await,
                body => directory.json(method, &format!("/{kind}/{id}"), body).await,
            };
            let (of_theirs, of_nobody) = (send(id).await?, send(NOBODY).await?);
            of_theirs.is_error(404, "").map_err(|it| format!("{method} {kind}: {it}"))?;
            if of_theirs.body != of_nobody.body || of_theirs.headers.len() != of_nobody.headers.len() {
                return Err(format!("{method} {kind} tells: {} {}", of_theirs.body, of_nobody.body));
            }
        }
    }
    Ok(())
}

/// As a member, of one request and of several at once.
async fn references(directory: &Directory<'_>, ours: &str, zoe: &str) -> Result<(), String> {
    let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let path = format!("/Groups/{ours}");
    let (of_theirs, of_nobody) =
        (directory.patch(&path, &add(zoe)).await?, directory.patch(&path, &add(NOBODY)).await?);
    of_theirs.is_error(400, "invalidValue")?;
    if of_theirs.body != of_nobody.body {
        return Err(format!("a member tells: {} {}", of_theirs.body, of_nobody.body));
    }
    let bulk = |id: &str| {
        let group = json!({ "schemas": [GROUP], "displayName": "New", "members": [{ "value": id }] });
        let operations = json!([
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": group },
            { "method": "PATCH", "path": path, "data": patch_of(&add(id)) },
            { "method": "DELETE", "path": format!("/Users/{id}") },
        ]);
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations })
    };
    let (of_theirs, of_nobody) = (
        directory.json("POST", "/Bulk", &bulk(zoe)).await?.body,
        directory.json("POST", "/Bulk", &bulk(NOBODY)).await?.body,
    );
    let (told, nothing) = (of_theirs.to_string().replace(zoe, NOBODY), of_nobody.to_string());
    if told != nothing || told.matches("\"201\"").count() > 0 || told.matches("\"204\"").count() > 0 {
        return Err(format!("a bulk request tells: {of_theirs} {of_nobody}"));
    }
    Ok(())
}
