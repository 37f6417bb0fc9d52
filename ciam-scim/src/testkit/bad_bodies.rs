//! Bad input, groups 2 and 4: bodies, and bulk requests.

use serde_json::{Value, json};

use super::directory::{Directory, patch_of};
use super::target::Target;
use crate::profile::Profile;
use crate::schema::{ENTERPRISE_USER, GROUP, USER};

/// Bodies, each with its answer.
pub(super) async fn bodies(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Strict).await?;
    let path = format!("/Users/{}", directory.user("kim").await?);
    let before = directory.everything().await?;
    for (name, body, status, kind) in users() {
        let headers = [("content-type", "application/scim+json")];
        let answer = directory.send("POST", "/Users", &headers, body).await?;
        answer.is_error(status, kind).map_err(|it| format!("{name}: {it}"))?;
    }
    let plain = format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"x\"}}");
    for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""] {
        let answer =
            directory.send("POST", "/Users", &[("content-type", content_type)], plain.clone()).await?;
        answer.is_error(415, "").map_err(|it| format!("{content_type}: {it}"))?;
    }
    let op = "{\"op\":\"add\",\"path\":\"title\",\"value\":\"x\"}";
    let schema = "\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"]";
    for (name, body, status, kind) in [
        ("no operations", format!("{{{schema},\"Operations\":[]}}"), 400, "invalidSyntax"),
        ("null", format!("{{{schema},\"Operations\":null}}"), 400, "invalidSyntax"),
        ("an object", format!("{{{schema},\"Operations\":{op}}}"), 400, "invalidSyntax"),
        ("missing", format!("{{{schema}}}"), 400, "invalidSyntax"),
        (
            "`op` twice",
            format!("{{{schema},\"Operations\":[{{\"op\":\"add\",\"op\":\"remove\"}}]}}"),
            400,
            "invalidSyntax",
        ),
        ("no schema", format!("{{\"Operations\":[{op}]}}"), 400, "invalidSyntax"),
        ("too many", format!("{{{schema},\"Operations\":[{}]}}", vec![op; 10_001].join(",")), 413, ""),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = directory.send("PATCH", &path, &headers, body).await?;
        answer.is_error(status, kind).map_err(|it| format!("operations, {name}: {it}"))?;
    }
    directory.unchanged(&before, "a body").await?;
    // Names of members have no case: this one is good.
    let lower = format!("{{{schema},\"operations\":[{op}]}}");
    let answer = directory.send("PATCH", &path, &[("content-type", "application/json")], lower).await?;
    if answer.status == 200 { Ok(()) } else { Err(format!("`operations` {} {}", answer.status, answer.body)) }
}

type Row = (&'static str, Vec<u8>, u16, &'static str);

fn users() -> Vec<Row> {
    let wide = format!("{{{}}}", (0..100_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(","));
    let user = |rest: &str| format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"x\"{rest}}}").into_bytes();
    let deep = format!(",\"name\":{}1{}", "[".repeat(200), "]".repeat(200));
    let schemas = |text: &str| format!("{{\"schemas\":{text},\"userName\":\"x\"}}").into_bytes();
    let mut rows: Vec<Row> = vec![
        ("10 MB", vec![b' '; 10 << 20], 413, ""),
        ("name missing", format!("{{\"schemas\":[\"{USER}\"]}}").into_bytes(), 400, "invalidValue"),
        ("of another type", user(",\"active\":\"True\""), 400, "invalidValue"),
        ("NUL", user(",\"title\":\"a\\u0000\""), 400, "invalidValue"),
    ];
    let syntax = [
        ("nothing", Vec::new()),
        ("deep arrays", b"[".repeat(100_000)),
        ("deep objects", b"{\"a\":".repeat(100_000)),
        ("deep within", user(&deep)),
        ("wide", wide.into_bytes()),
        ("a name twice", user(",\"userName\":\"y\"")),
        ("a name twice by case", user(",\"USERNAME\":\"y\"")),
        ("byte order mark", [b"\xef\xbb\xbf".to_vec(), user("")].concat()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
        ("NaN", user(",\"title\":NaN")),
        ("trailing bytes", [user(""), b"x".to_vec()].concat()),
        ("no object", b"[]".to_vec()),
        ("schemas missing", b"{\"userName\":\"x\"}".to_vec()),
        ("schemas empty", schemas("[]")),
        ("schemas unknown", schemas("[\"urn:x\"]")),
        ("schemas twice", schemas(&format!("[\"{USER}\",\"{USER}\"]"))),
        ("schemas no list", schemas("7")),
        ("unknown attribute", user(",\"unknown\":1")),
    ];
    rows.extend(syntax.into_iter().map(|(name, body)| (name, body, 400, "invalidSyntax")));
    rows
}

/// Bulk requests, each with its answer; operations, each with its status.
pub(super) async fn bulk(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Strict).await?;
    let elsewhere = Directory::new(target, Profile::Strict).await?;
    let foreign = elsewhere.user("zoe").await?;
    for (name, operations, extra, status, kind) in refused() {
        let answer = send(&directory, &operations, &extra).await?;
        answer.is_error(status, kind).map_err(|it| format!("{name}: {it}"))?;
    }
    let remove = |path: String| json!({ "method": "DELETE", "path": path });
    for (name, operation, status) in [
        ("unknown bulkId", post("/Groups", "g", &group("G", "bulkId:nothing")), "409"),
        ("unknown in the path", remove("/Users/bulkId:u".to_owned()), "400"),
        ("itself", post("/Groups", "s", &group("S", "bulkId:s")), "409"),
        ("nested", post("/Bulk", "b", &json!({})), "404"),
        ("a search", post("/Users/.search", "b", &json!({})), "400"),
        ("elsewhere", remove(format!("/Users/{foreign}")), "404"),
        ("outside", remove("/Users/../Users/1".to_owned()), "404"),
        ("unknown type", post("/Things", "t", &json!({ "schemas": ["urn:x"] })), "404"),
    ] {
        let answer = send(&directory, &json!([operation]), &json!({})).await?;
        let (found, body) = (answer.body.pointer("/Operations/0/status"), &answer.body);
        let told = answer.body.pointer("/Operations/0/response/status");
        if answer.status != 200 || found != Some(&json!(status)) || told != found {
            return Err(format!("{name}: {} {body}, not {status}", answer.status));
        }
    }
    let left = directory.get("/").await?;
    if left.body.get("totalResults") != Some(&json!(0)) {
        return Err(format!("something has changed: {}", left.body));
    }
    if elsewhere.get(&format!("/Users/{foreign}")).await?.status != 200 {
        return Err("somebody else's user has changed".to_owned());
    }
    circles(&directory).await?;
    stopping(&directory).await
}

/// References forward, in circles, in values and filters of patches.
async fn circles(directory: &Directory<'_>) -> Result<(), String> {
    let user = |name: &str, by: &str| json!({ "schemas": [USER, ENTERPRISE_USER], "userName": name, ENTERPRISE_USER: { "manager": { "value": format!("bulkId:{by}") } } });
    let patch = |operations: Value| json!({ "method": "PATCH", "path": "/Groups/bulkId:x", "data": patch_of(&operations) });
    let operations = json!([
        post("/Groups", "x", &group("X", "bulkId:y")),
        post("/Groups", "y", &group("Y", "bulkId:z")),
        post("/Groups", "z", &group("Z", "bulkId:x")),
        post("/Users", "p", &user("p", "q")),
        post("/Users", "q", &user("q", "p")),
        patch(json!([{ "op": "add", "path": "members", "value": [{ "value": "bulkId:p" }] }])),
        patch(json!([{ "op": "remove", "path": "members[value eq \"bulkId:y\"]" }])),
    ]);
    let answer = send(directory, &operations, &json!({})).await?;
    let outcomes = answer.body.get("Operations").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |it: &Value, name: &str| it.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let statuses: Vec<String> = outcomes.iter().map(|it| text(it, "status")).collect();
    if statuses != ["201", "201", "201", "201", "201", "204", "204"] {
        return Err(format!("circles: {}", answer.body));
    }
    let ids: Vec<String> = outcomes
        .iter()
        .map(|it| text(it, "location").rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    let [x, y, z, p, q, ..] = ids.as_slice() else { return Err("too few outcomes".to_owned()) };
    for (group, member) in [(x, p), (y, z), (z, x)] {
        let found = directory.members(group).await?;
        if found != [member.as_str()] {
            return Err(format!("a circle of groups: {found:?}, not {member}"));
        }
    }
    for (user, manager) in [(p, q), (q, p)] {
        let found = directory.get(&format!("/Users/{user}")).await?.body;
        let found = found.get(ENTERPRISE_USER).and_then(|it| it.pointer("/manager/value")).cloned();
        if found != Some(json!(manager)) {
            return Err(format!("a circle of managers: {found:?}, not {manager}"));
        }
    }
    Ok(())
}

/// `failOnErrors`: so many errors are suffered, and then nothing more is done.
async fn stopping(directory: &Directory<'_>) -> Result<(), String> {
    for (most, expected) in [(0, 2), (1, 2), (2, 3), (3, 4)] {
        let user = |name: String| post("/Users", &name, &json!({ "schemas": [USER], "userName": name }));
        let bad = |n: usize| json!({ "method": "DELETE", "path": format!("/Users/nobody{n}") });
        let operations = json!([user(format!("first{most}")), bad(1), bad(2), user(format!("last{most}"))]);
        let answer = send(directory, &operations, &json!({ "failOnErrors": most })).await?;
        let done = answer.body.get("Operations").and_then(Value::as_array).map(Vec::len);
        let last = directory.get(&format!("/Users?filter=userName eq \"last{most}\"")).await?;
        let made = last.body.get("totalResults") == Some(&json!(1));
        if done != Some(expected) || made != (expected == 4) {
            return Err(format!("failOnErrors {most}: {}", answer.body));
        }
    }
    Ok(())
}

async fn send(
    directory: &Directory<'_>,
    operations: &Value,
    extra: &Value,
) -> Result<super::directory::Answer, String> {
    let mut body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
    if let (Some(body), Some(extra)) = (body.as_object_mut(), extra.as_object()) {
        body.extend(extra.clone());
    }
    directory.json("POST", "/Bulk", &body).await
}

fn post(path: &str, id: &str, data: &Value) -> Value {
    json!({ "method": "POST", "path": path, "bulkId": id, "data": data })
}

fn group(name: &str, member: &str) -> Value {
    json!({ "schemas": [GROUP], "displayName": name, "members": [{ "value": member }] })
}

fn refused() -> Vec<(&'static str, Value, Value, u16, &'static str)> {
    let user = |name: &str| json!({ "schemas": [USER], "userName": name });
    let many: Vec<Value> = (0..1_001).map(|n| post("/Users", &format!("u{n}"), &user("x"))).collect();
    let big = json!([post("/Users", "u", &user(&"x".repeat(1 << 20)))]);
    let twice = json!([post("/Users", "u", &user("x")), post("/Users", "u", &user("y"))]);
    let nameless = json!([{ "method": "POST", "path": "/Users", "data": user("x") }]);
    let mut rows = vec![
        ("1001 operations", Value::Array(many), json!({}), 413, ""),
        ("1 MiB and more", big, json!({}), 413, ""),
    ];
    let syntax = [
        ("a bulkId twice", twice),
        ("no bulkId", nameless),
        ("null", Value::Null),
        ("an object", json!({})),
        ("no method", json!([{ "path": "/Users" }])),
        ("no path", json!([{ "method": "DELETE" }])),
        ("GET", json!([{ "method": "GET", "path": "/Users" }])),
        ("no object", json!([7])),
    ];
    rows.extend(syntax.into_iter().map(|(name, it)| (name, it, json!({}), 400, "invalidSyntax")));
    for wrong in [json!(-1), json!("x"), json!(1.5)] {
        rows.push(("failOnErrors", json!([]), json!({ "failOnErrors": wrong }), 400, "invalidValue"));
    }
    rows
}
