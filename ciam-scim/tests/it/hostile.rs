//! Bad input, by the groups of the design: each row has its exact answer, and nothing has changed after it.

use ciam_scim::profile::Profile;
use serde_json::{Value, json};

use crate::world::{Directory, USER, World, patch_of};

/// Everything that there is, as text.
async fn everything(directory: &Directory) -> String {
    directory.get("/?count=1000").await.body["Resources"].to_string()
}

#[tokio::test]
async fn group_1_filters() {
    let directory = World::new().await.directory(Profile::Interop);
    directory.user("kim").await;
    let parentheses = |n: usize| format!("{}userName pr{}", "(".repeat(n), ")".repeat(n));
    let rows: Vec<(String, u16, &str)> = vec![
        (parentheses(15), 200, ""),
        (parentheses(64), 200, ""),
        (parentheses(65), 400, "invalidFilter"),
        (parentheses(10_000), 400, "invalidFilter"),
        ("not (".repeat(1_000), 400, "invalidFilter"),
        ("emails[type[a eq 1]]".into(), 400, "invalidFilter"),
        (vec!["userName pr"; 1_025].join(" or "), 400, "invalidFilter"),
        (format!("userName eq \"{}\"", "x".repeat(64 << 10)), 400, "invalidFilter"),
        ("userName pr and".into(), 400, "invalidFilter"),
        ("userName eq \"unterminated".into(), 400, "invalidFilter"),
        ("userName eq \"\\u0000\"".into(), 400, "invalidFilter"),
        ("userName eq \"\\ud800\"".into(), 400, "invalidFilter"),
        ("userName eq \"\\\"\"".into(), 200, ""),
        ("userName pr garbage".into(), 400, "invalidFilter"),
        ("userName eq 'x'".into(), 400, "invalidFilter"),
        ("a.b.c eq 1".into(), 400, "invalidFilter"),
        ("userName EQ \"KIM\"".into(), 200, ""),
        ("Not(userName pr)".into(), 200, ""),
        ("userName\teq  \"kim\"".into(), 200, ""),
        ("userName eq 1e400".into(), 400, "invalidFilter"),
        ("active gt true".into(), 400, "invalidFilter"),
        ("meta.created gt \"yesterday\"".into(), 400, "invalidFilter"),
        ("meta.lastModified lt \"2999-01-01T00:00:00+02:00\"".into(), 200, ""),
        ("meta.lastModified lt \"2999-01-01T00:00:00\"".into(), 200, ""),
        ("password eq \"x\"".into(), 403, "sensitive"),
        ("unknown eq 1".into(), 400, "invalidFilter"),
    ];
    for (filter, status, kind) in rows {
        let shown: String = filter.chars().take(50).collect();
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        let answer = directory.post("/Users/.search", body).await;
        if status == 200 {
            assert_eq!(answer.status, 200, "{shown} {}", answer.body);
        } else {
            assert_eq!(answer.error(), (status, kind), "{shown}");
        }
    }
}

#[tokio::test]
async fn group_2_bodies() {
    let directory = World::new().await.directory(Profile::Strict);
    directory.user("kim").await;
    let before = everything(&directory).await;
    let wide = format!("{{{}}}", (0..100_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(","));
    let user = |rest: &str| format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"x\"{rest}}}").into_bytes();
    let rows: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("nothing", Vec::new(), 400, "invalidSyntax"),
        ("deep arrays", b"[".repeat(100_000), 400, "invalidSyntax"),
        ("deep objects", b"{\"a\":".repeat(100_000), 400, "invalidSyntax"),
        (
            "deep within",
            user(&format!(",\"name\":{}1{}", "[".repeat(200), "]".repeat(200))),
            400,
            "invalidSyntax",
        ),
        ("10 MB", vec![b' '; 10 << 20], 413, ""),
        ("wide", wide.into_bytes(), 400, "invalidSyntax"),
        ("a name twice", user(",\"userName\":\"y\""), 400, "invalidSyntax"),
        ("a name twice by case", user(",\"USERNAME\":\"y\""), 400, "invalidSyntax"),
        ("byte order mark", [b"\xef\xbb\xbf".to_vec(), user("")].concat(), 400, "invalidSyntax"),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), 400, "invalidSyntax"),
        ("NaN", user(",\"title\":NaN"), 400, "invalidSyntax"),
        ("trailing bytes", [user(""), b"x".to_vec()].concat(), 400, "invalidSyntax"),
        ("no object", b"[]".to_vec(), 400, "invalidSyntax"),
        ("schemas missing", b"{\"userName\":\"x\"}".to_vec(), 400, "invalidSyntax"),
        ("schemas empty", b"{\"schemas\":[],\"userName\":\"x\"}".to_vec(), 400, "invalidSyntax"),
        ("schemas unknown", b"{\"schemas\":[\"urn:x\"],\"userName\":\"x\"}".to_vec(), 400, "invalidSyntax"),
        ("name missing", format!("{{\"schemas\":[\"{USER}\"]}}").into_bytes(), 400, "invalidValue"),
        ("of another type", user(",\"active\":\"True\""), 400, "invalidValue"),
        ("unknown attribute", user(",\"unknown\":1"), 400, "invalidSyntax"),
        ("NUL", user(",\"title\":\"a\\u0000\""), 400, "invalidValue"),
    ];
    for (name, body, status, kind) in rows {
        let answer =
            directory.send("POST", "/Users", &[("content-type", "application/scim+json")], body).await;
        assert_eq!(answer.error(), (status, kind), "{name}");
    }
    assert_eq!(everything(&directory).await, before, "nothing changed");
}

#[tokio::test]
async fn group_3_spellings() {
    let directory = World::new().await.directory(Profile::Interop);
    for (name, same, other) in [
        ("Straße", "STRASSE", "Strase"),
        ("Zoe\u{301}", "ZO\u{c9}", "Zoe"),
        ("\u{ff21}da", "ada", "\u{3b1}da"),
        ("ΟΔΟΣ", "οδος", "οδο"),
        ("Ian", "IAN", "\u{131}an"),
        ("a\u{200d}b", "A\u{200d}B", "ab"),
    ] {
        directory.user(name).await;
        let taken = directory.post("/Users", json!({ "schemas": [USER], "userName": same })).await;
        assert_eq!(taken.error(), (409, "uniqueness"), "{name} {same}");
        let total = |text: String| {
            let directory = directory.clone();
            async move {
                directory.get(&format!("/Users?filter=userName eq \"{text}\"")).await.body["totalResults"]
                    .clone()
            }
        };
        assert_eq!(total(same.to_owned()).await, 1, "{name} {same}");
        assert_eq!(total(other.to_owned()).await, 0, "{name} {other}");
        // What the index finds and what looking at everybody finds is the same.
        let filter = format!("/Users?filter=userName sw \"{same}\" and userName ew \"{same}\"");
        assert_eq!(directory.get(&filter).await.body["totalResults"], 1, "{name} {same}");
    }
}

#[tokio::test]
async fn group_5_patches() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    let (a, b) = (directory.user("a").await, directory.user("b").await);
    let elsewhere = world.elsewhere().user("z").await;
    let group = directory.group("G", &[&a, &b]).await;
    let (user, group) = (format!("/Users/{a}"), format!("/Groups/{group}"));
    let before = everything(&directory).await;
    let own_id = group.rsplit('/').next().unwrap().to_owned();
    for (path, operations, status, kind) in [
        (&user, json!([{ "op": "remove" }]), 400, "noTarget"),
        (&user, json!([]), 400, "invalidSyntax"),
        (&user, json!(null), 400, "invalidSyntax"),
        (&user, json!({}), 400, "invalidSyntax"),
        (
            &user,
            json!([{ "op": "replace", "path": "emails[type pr or primary eq true].value", "value": "x" }]),
            400,
            "noTarget",
        ),
        (&user, json!([{ "op": "replace", "path": "id", "value": "x" }]), 400, "mutability"),
        (&user, json!([{ "op": "replace", "path": "schemas", "value": [] }]), 400, "mutability"),
        (&user, json!([{ "op": "replace", "path": "meta.version", "value": "x" }]), 400, "mutability"),
        (&user, json!([{ "op": "replace", "path": "groups", "value": [] }]), 400, "mutability"),
        (&user, json!([{ "op": "replace", "path": "userName", "value": "B" }]), 409, "uniqueness"),
        // All or nothing: the first is good, the second is not.
        (
            &user,
            json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "replace", "path": "nothing", "value": "x" }]),
            400,
            "invalidPath",
        ),
        (
            &user,
            json!([{ "op": "replace", "path": "title", "value": "x" }, { "op": "add", "path": "emails", "value": [{ "primary": true, "value": "a" }, { "primary": true, "value": "b" }] }]),
            400,
            "invalidValue",
        ),
        (
            &group,
            json!([{ "op": "replace", "path": "displayName", "value": "H" }, { "op": "add", "path": "members", "value": [{ "value": own_id }] }]),
            400,
            "invalidValue",
        ),
        (&group, json!([{ "op": "remove", "path": "members[type eq \"User\"]" }]), 400, "invalidPath"),
        (&group, json!([{ "op": "remove", "path": "displayName" }]), 400, "mutability"),
    ] {
        let answer = directory.patch(path, operations.clone()).await;
        assert_eq!(answer.error(), (status, kind), "{operations}");
        assert_eq!(everything(&directory).await, before, "nothing changed: {operations}");
    }
    let long = Value::Array(vec![json!({ "op": "add", "path": "title", "value": "x" }); 10_001]);
    assert_eq!(directory.patch(&user, long).await.error(), (413, ""));
    // The same member twice, removed and added again, somebody of another organization: nothing and nobody new.
    let operations = json!([
        { "op": "add", "path": "members", "value": [{ "value": a }, { "value": a }, { "value": elsewhere }] },
        { "op": "remove", "path": format!("members[value eq \"{b}\"]") },
        { "op": "add", "path": "members", "value": { "value": b } },
    ]);
    let etag = directory.get(&group).await.etag();
    assert_eq!(directory.patch(&group, operations).await.status, 204);
    assert_eq!(directory.get(&group).await.etag(), etag, "nothing changed, not even the version");
    let strict = world.directory(Profile::Strict);
    let unknown = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let (foreign, nobody) =
        (strict.patch(&group, unknown(&elsewhere)).await, strict.patch(&group, unknown("019a")).await);
    assert_eq!((foreign.status, foreign.body), (nobody.status, nobody.body), "as unknown as nobody");
}

#[tokio::test]
async fn group_8_ids_and_versions() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    let id = directory.user("kim").await;
    let foreign = world.elsewhere().user("zoe").await;
    let before = everything(&directory).await;
    for path in [
        "/Users/../Users/1",
        "/Users/%2f",
        "/Users/%2e%2e/Groups",
        "/Users/bulkId:x",
        "/Users/Me",
        "/Users/",
        "/Nothing",
        "/Users/1/2",
        &format!("/Users/{}", "a".repeat(4 << 10)),
        &format!("/Groups/{id}"),
        &format!("/Users/{foreign}"),
        &format!("/Users/{}", id.to_uppercase()),
    ] {
        let found = directory.send("GET", path, &[], "").await;
        if path == "/Users/" {
            assert_eq!(found.status, 200, "{path}");
        } else {
            assert_eq!(found.error(), (404, ""), "{path}");
        }
    }
    for (method, body) in [
        ("PUT", json!({ "schemas": [USER], "userName": "x" })),
        ("PATCH", patch_of(json!([{ "op": "remove", "path": "title" }]))),
        ("DELETE", Value::Null),
    ] {
        for path in [format!("/Users/{foreign}"), "/Users/019a0000-0000-7000-8000-000000000000".to_owned()] {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            assert_eq!(directory.send(method, &path, &[], body).await.error(), (404, ""), "{method} {path}");
        }
    }
    let path = format!("/Users/{id}");
    for (header, status) in [("W/\"9\"", 412), ("\"9\", W/\"8\"", 412), ("9", 400), ("W/9", 400), ("\"", 400)]
    {
        let body = json!({ "schemas": [USER], "userName": "x" }).to_string();
        let answer = directory.send("PUT", &path, &[("if-match", header)], body).await;
        assert_eq!(answer.error().0, status, "{header}");
    }
    assert_eq!(everything(&directory).await, before, "nothing changed");
    for header in ["*", "W/\"1\"", "\"1\", \"7\""] {
        let body = patch_of(json!([{ "op": "remove", "path": "title" }])).to_string();
        assert_eq!(
            directory.send("PATCH", &path, &[("if-match", header)], body).await.status,
            200,
            "{header}"
        );
    }
    for (method, path) in [
        ("DELETE", "/Users"),
        ("PUT", "/Schemas"),
        ("POST", "/ResourceTypes"),
        ("PATCH", "/ServiceProviderConfig"),
        ("GET", "/Bulk"),
        ("GET", "/Users/.search"),
        ("POST", "/"),
    ] {
        let answer = directory.send(method, path, &[], "").await;
        assert!(matches!(answer.error().0, 405 | 404), "{method} {path} {}", answer.status);
    }
}
