//! Bad input, groups 5, 7 and 8: patches, pages, ids and versions.

use serde_json::{Value, json};

use super::directory::{Directory, patch_of};
use super::target::Target;
use crate::profile::Profile;
use crate::schema::USER;

/// Patches, each with its answer.
pub(super) async fn patches(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let (a, b) = (directory.user("a").await?, directory.user("b").await?);
    let foreign = Directory::new(target, Profile::Interop).await?.user("z").await?;
    let id = directory.group("G", &[&a, &b]).await?;
    let (user, group) = (format!("/Users/{a}"), format!("/Groups/{id}"));
    let before = directory.everything().await?;
    let own = json!([{ "op": "replace", "path": "displayName", "value": "H" }, { "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let on_group = [
        (own, 400, "invalidValue"),
        (json!([{ "op": "remove", "path": "members[type eq \"User\"]" }]), 400, "invalidPath"),
        (json!([{ "op": "remove", "path": "displayName" }]), 400, "mutability"),
    ];
    let rows =
        on_user().into_iter().map(|row| (&user, row)).chain(on_group.into_iter().map(|row| (&group, row)));
    for (path, (operations, status, kind)) in rows {
        let shown: String = operations.to_string().chars().take(200).collect();
        let answer = directory.patch(path, &operations).await?;
        answer.is_error(status, kind).map_err(|it| format!("{shown}: {it}"))?;
        directory.unchanged(&before, &shown).await?;
    }
    // The same member twice, removed and added again, somebody of another organization: nothing and nobody new.
    let operations = json!([
        { "op": "add", "path": "members", "value": [{ "value": a }, { "value": a }, { "value": foreign }] },
        { "op": "remove", "path": format!("members[value eq \"{b}\"]") },
        { "op": "add", "path": "members", "value": { "value": b } },
    ]);
    let etag = directory.get(&group).await?.header("etag").to_owned();
    let status = directory.patch(&group, &operations).await?.status;
    if status != 204 || directory.get(&group).await?.header("etag") != etag {
        return Err(format!("{status}: what changes nothing has changed the version"));
    }
    // Somebody of another organization is as unknown as nobody.
    let strict = directory.with_profile(Profile::Strict);
    let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let (theirs, nobody) =
        (strict.patch(&group, &add(&foreign)).await?, strict.patch(&group, &add("019a")).await?);
    theirs.is_error(400, "invalidValue")?;
    if theirs.body != nobody.body {
        return Err(format!("told apart: {} {}", theirs.body, nobody.body));
    }
    directory.unchanged(&before, "an unknown member").await?;
    let many: Vec<Value> = (0..100_000).map(|n| json!({ "value": format!("u{n}") })).collect();
    let many = json!([{ "op": "add", "path": "members", "value": many }]);
    directory.patch(&group, &many).await?.is_error(413, "")?;
    directory.unchanged(&before, "too many members").await?;
    several(&directory, &user).await?;
    circles(&directory, &id).await
}

/// A filter that chooses two elements is about both.
async fn several(directory: &Directory<'_>, user: &str) -> Result<(), String> {
    let emails = json!([{ "type": "work", "value": "a@x" }, { "type": "work", "value": "b@x" }, { "type": "home", "value": "c@x" }]);
    let operations = json!([
        { "op": "add", "path": "emails", "value": emails },
        { "op": "replace", "path": "emails[type eq \"work\"].display", "value": "W" },
        { "op": "remove", "path": "emails[type eq \"home\"]" },
    ]);
    let answer = directory.patch(user, &operations).await?;
    let expected = json!([{ "type": "work", "value": "a@x", "display": "W" }, { "type": "work", "value": "b@x", "display": "W" }]);
    if answer.body.get("emails") == Some(&expected) {
        Ok(())
    } else {
        Err(format!("two elements: {}", answer.body))
    }
}

fn on_user() -> Vec<(Value, u16, &'static str)> {
    let replace = |path: &str| json!([{ "op": "replace", "path": path, "value": "x" }]);
    let two = json!([{ "primary": true, "value": "a" }, { "primary": true, "value": "b" }]);
    let many = Value::Array(vec![json!({ "op": "add", "path": "title", "value": "x" }); 1_001]);
    vec![
        (json!([{ "op": "remove" }]), 400, "noTarget"),
        (json!([{ "op": "move", "path": "title" }]), 400, "invalidSyntax"),
        (json!([{ "path": "title", "value": "x" }]), 400, "invalidSyntax"),
        (json!([7]), 400, "invalidSyntax"),
        (replace("emails[type pr or primary eq true].value"), 400, "noTarget"),
        (replace("emails[not (type eq \"work\")].value"), 400, "noTarget"),
        (replace("emails[type eq \"work\"]."), 400, "invalidPath"),
        (replace("emails[type eq \"work\""), 400, "invalidPath"),
        (replace("id"), 400, "mutability"),
        (replace("schemas"), 400, "mutability"),
        (replace("meta.version"), 400, "mutability"),
        (replace("groups"), 400, "mutability"),
        (json!([{ "op": "replace", "path": "userName", "value": "B" }]), 409, "uniqueness"),
        (json!([{ "op": "remove", "path": "userName" }]), 400, "mutability"),
        (json!([{ "op": "replace", "path": "active", "value": "perhaps" }]), 400, "invalidValue"),
        // All or nothing: the first is good, the second is not.
        (
            json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "replace", "path": "nothing", "value": "x" }]),
            400,
            "invalidPath",
        ),
        (
            json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "add", "path": "emails", "value": two }]),
            400,
            "invalidValue",
        ),
        (many, 413, ""),
    ]
}

/// A group that contains what contains it: nothing goes round in it.
async fn circles(directory: &Directory<'_>, outer: &str) -> Result<(), String> {
    let inner = directory.group("Inner", &[outer]).await?;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": inner }] }]);
    let status = directory.patch(&format!("/Groups/{outer}"), &add).await?.status;
    let found = directory.members(&inner).await?;
    if status != 204 || found != [outer] {
        return Err(format!("a circle: {status} {found:?}"));
    }
    Ok(())
}

/// Pages, each with its answer.
pub(super) async fn pages(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    for n in 0..5 {
        directory.user(&format!("user{n}")).await?;
    }
    for (query, start, count) in [
        ("startIndex=0", 1, 5),
        ("startIndex=-5", 1, 5),
        ("startIndex=3", 3, 3),
        ("startIndex=6", 6, 0),
        ("count=0", 1, 0),
        ("count=-1", 1, 0),
        ("count=2&startIndex=2", 2, 2),
        ("count=1000000000", 1, 5),
    ] {
        let page = directory.get(&format!("/Users?{query}")).await?.body;
        let is = |name: &str, value: usize| page.get(name) == Some(&json!(value));
        if !is("totalResults", 5) || !is("startIndex", start) || !is("itemsPerPage", count) {
            return Err(format!("{query}: {page}"));
        }
    }
    let far = directory.get("/Users?startIndex=18446744073709551616").await?;
    if far.status != 200 || far.body.get("Resources") != Some(&json!([])) {
        return Err(format!("far: {}", far.body));
    }
    let cursor = directory.get("/Users?count=2&cursor=").await?.body;
    let cursor = cursor.get("nextCursor").and_then(Value::as_str).ok_or("no cursor")?.to_owned();
    let other = if cursor.ends_with('A') { "B" } else { "A" };
    let flipped: String = cursor.chars().take(cursor.chars().count() - 1).collect::<String>() + other;
    let short: String = cursor.chars().take(cursor.len() / 2).collect();
    for (query, kind) in [
        ("count=abc".to_owned(), "invalidValue"),
        ("startIndex=1.5".to_owned(), "invalidValue"),
        ("attributes=userName&excludedAttributes=title".to_owned(), "invalidValue"),
        ("sortBy=password".to_owned(), "invalidValue"),
        ("sortBy=name".to_owned(), "invalidValue"),
        ("sortBy=nothing".to_owned(), "invalidValue"),
        ("sortBy=userName&sortOrder=sideways".to_owned(), "invalidValue"),
        ("filter=userName pr&filter=title pr".to_owned(), "invalidSyntax"),
        (format!("count=2&cursor={flipped}"), "invalidCursor"),
        (format!("count=2&cursor={short}"), "invalidCursor"),
        (format!("count=2&cursor={}", "a".repeat(5_000)), "invalidCursor"),
        (format!("count=2&cursor={cursor}&filter=title eq \"1\""), "invalidCursor"),
        (format!("count=2&cursor={cursor}&sortBy=title"), "invalidCursor"),
        (format!("count=2&cursor={cursor}&startIndex=1"), "invalidCursor"),
        (format!("count=3&cursor={cursor}"), "invalidCount"),
    ] {
        let answer = directory.get(&format!("/Users?{query}")).await?;
        answer.is_error(400, kind).map_err(|it| format!("{query}: {it}"))?;
    }
    let elsewhere = Directory::new(target, Profile::Interop).await?;
    elsewhere.get(&format!("/Users?count=2&cursor={cursor}")).await?.is_error(400, "invalidCursor")?;
    let secret = directory.get("/Users?attributes=password&count=1").await?.body;
    match secret.pointer("/Resources/0").and_then(Value::as_object) {
        Some(members) if members.len() == 2 => Ok(()),
        other => Err(format!("more than what is always returned: {other:?}")),
    }
}

/// Ids, paths, methods and versions, each with its answer.
pub(super) async fn ids(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    let id = directory.user("kim").await?;
    let foreign = Directory::new(target, Profile::Interop).await?.user("zoe").await?;
    let before = directory.everything().await?;
    for path in [
        "/Users/../Users/1",
        "/Users/%2f",
        "/Users/%2e%2e/Groups",
        "/Users/bulkId:x",
        "/Users/Me",
        "/Nothing",
        "/Users/1/2",
        &format!("/Users/{}", "a".repeat(4 << 10)),
        &format!("/Groups/{id}"),
        &format!("/Users/{foreign}"),
        &format!("/Users/{}", id.to_uppercase()),
    ] {
        directory.get(path).await?.is_error(404, "").map_err(|it| format!("{path}: {it}"))?;
    }
    for path in ["/v1/Users", "/v2/Users", "/V3"] {
        directory.get(path).await?.is_error(400, "invalidVers").map_err(|it| format!("{path}: {it}"))?;
    }
    let user = json!({ "schemas": [USER], "userName": "x" });
    for (method, body) in [
        ("PUT", user.to_string()),
        ("PATCH", patch_of(&json!([{ "op": "remove", "path": "title" }])).to_string()),
        ("DELETE", String::new()),
    ] {
        for path in [format!("/Users/{foreign}"), "/Users/019a0000-0000-7000-8000-000000000000".to_owned()] {
            let headers = [("content-type", "application/json")];
            let answer = directory.send(method, &path, &headers, body.clone()).await?;
            answer.is_error(404, "").map_err(|it| format!("{method} {path}: {it}"))?;
        }
    }
    let path = format!("/Users/{id}");
    for (header, status, kind) in [
        ("W/\"9\"", 412, ""),
        ("\"9\", W/\"8\"", 412, ""),
        ("9", 400, "invalidSyntax"),
        ("W/9", 400, "invalidSyntax"),
        ("\"", 400, "invalidSyntax"),
    ] {
        let headers = [("content-type", "application/json"), ("if-match", header)];
        let answer = directory.send("PUT", &path, &headers, user.to_string()).await?;
        answer.is_error(status, kind).map_err(|it| format!("{header}: {it}"))?;
    }
    for (method, path, status) in [
        ("DELETE", "/Users", 405),
        ("PUT", "/Schemas", 405),
        ("POST", "/ResourceTypes", 405),
        ("PATCH", "/ServiceProviderConfig", 405),
        ("GET", "/Bulk", 405),
        ("POST", "/", 405),
    ] {
        let answer = directory.send(method, path, &[], "").await?;
        answer.is_error(status, "").map_err(|it| format!("{method} {path}: {it}"))?;
    }
    directory.unchanged(&before, "a request").await?;
    for header in ["*", "W/\"1\"", "\"1\", \"7\""] {
        let body = patch_of(&json!([{ "op": "remove", "path": "title" }])).to_string();
        let headers = [("content-type", "application/json"), ("if-match", header)];
        let status = directory.send("PATCH", &path, &headers, body).await?.status;
        if status != 200 {
            return Err(format!("{header}: {status}"));
        }
    }
    Ok(())
}
