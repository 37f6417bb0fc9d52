//! Bad input, groups 2 and 4: bodies, and bulk requests.

use serde_json::{Value, json};

use super::directory::Directory;
use super::target::Target;
use crate::profile::Profile;
use crate::schema::{GROUP, USER};

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
