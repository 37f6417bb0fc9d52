//! What holds for the whole API.

mod factors;
mod owner;
mod privacy;
pub(crate) mod schema;

use std::collections::BTreeSet;

use axum::{body::Body, extract::FromRequest as _};
use ciam_core::http::SESSION_COOKIE;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Browser, Seen, app, sign_in, sign_up};

const PASSWORD: &str = "quiet-river-lantern-42";
const ORIGIN: &str = "http://localhost:8080";

async fn signed_in(app: &App) -> Browser {
    let mut browser = Browser::new(app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    browser
}

async fn call(browser: &mut Browser, method: Method, path: &str, headers: &[(&str, &str)]) -> Seen {
    let mut request = Request::builder().method(method).uri(format!("{BASE}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request, Body::empty()).await
}

fn json_of(seen: &Seen) -> Value {
    serde_json::from_str(&seen.text).unwrap_or_else(|_| panic!("{} {}", seen.status, seen.text))
}

fn assert_problem(seen: &Seen, code: Code) {
    assert_eq!(seen.status, code.status(), "{}", seen.text);
    assert_eq!(seen.header("content-type"), "application/problem+json");
    let problem = json_of(seen);
    assert_eq!(problem["code"], json!(code), "{problem}");
    assert_eq!(problem["status"], code.status().as_u16());
    schema::assert_described(
        &document::document(),
        &json!({"$ref": "#/components/schemas/Problem"}),
        &problem,
    );
}

#[test]
fn every_mounted_route_is_in_the_document_and_the_reverse() {
    let document = serde_json::to_value(document::document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|it| *it != "parameters") {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let resources = resources();
    let mounted = resources.iter().flat_map(|it| &it.mounted);
    let mounted: BTreeSet<_> =
        mounted.map(|(method, path)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(mounted, described);
    assert!(mounted.len() >= 3);
}

#[test]
fn every_operation_says_what_it_does_and_every_reference_leads_somewhere() {
    let document = serde_json::to_value(document::document()).unwrap();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{method} {path}: the id is there twice"
            );
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/").skip(1).map(|it| it.split('"').next().unwrap()) {
        assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_route_is_there_and_for_those_alone_who_are_signed_in() {
    let mut stranger = Browser::new(&app(&[]).await);
    for resource in resources() {
        // Who signs in is not signed in yet, and an app that approves a sign-in is known by its key.
        let open = ["/push/waiting", "/push/answers", "/push/status"];
        let closed = resource.mounted.into_iter();
        let closed = closed.filter(|(_, path)| !path.starts_with("/journeys") && !open.contains(path));
        for (method, path) in closed {
            let part = |it: &str| match it.starts_with('{') {
                true => "01890000-0000-7000-8000-000000000000".to_owned(),
                false => it.to_owned(),
            };
            let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
            let seen = call(&mut stranger, method.clone(), &path, &[("origin", ORIGIN)]).await;
            assert_problem(&seen, Code::NotSignedIn);
            assert_eq!(seen.header("www-authenticate"), "Bearer", "{method} {path}");
        }
    }
    let document = call(&mut stranger, Method::GET, "/openapi.json", &[]).await;
    assert_eq!((document.status, document.header("content-type")), (StatusCode::OK, "application/json"));
}

#[tokio::test]
async fn what_is_nowhere_or_takes_no_such_method_is_a_problem_not_a_page() {
    let mut browser = Browser::new(&app(&[]).await);
    assert_problem(&call(&mut browser, Method::GET, "/nowhere", &[]).await, Code::NotFound);
    assert_problem(&call(&mut browser, Method::POST, "/openapi.json", &[]).await, Code::MethodNotAllowed);
    let beside = browser.get("/api/account/v10").await;
    assert!(beside.text.starts_with("<!doctype html>"));
}

#[tokio::test]
async fn a_page_of_this_origin_calls_by_cookie_and_an_application_by_token() {
    let app = app(&[]).await;
    let mut page = signed_in(&app).await;
    let token = format!("Bearer {}", page.cookies[SESSION_COOKIE]);
    let mut native = Browser::new(&app);
    for (browser, headers) in [(&mut page, &[][..]), (&mut native, &[("authorization", token.as_str())])] {
        let seen = call(browser, Method::GET, "/sessions", headers).await;
        assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    }
    let both = call(&mut page, Method::GET, "/sessions", &[("authorization", &token)]).await;
    assert_problem(&both, Code::AmbiguousCredentials);
    let wrong = format!("{token}x");
    for wrong in ["Bearer", "Bearer x", "Basic abc", "", wrong.as_str()] {
        let seen = call(&mut native, Method::GET, "/sessions", &[("authorization", wrong)]).await;
        assert_problem(&seen, Code::NotSignedIn);
    }
    let seen = call(&mut native, Method::DELETE, "/sessions", &[("authorization", &token)]).await;
    assert_eq!(seen.status, StatusCode::OK, "an application has no origin");
}

#[tokio::test]
async fn what_changes_something_by_cookie_must_say_that_it_comes_from_this_origin() {
    let app = app(&[]).await;
    let mut page = signed_in(&app).await;
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", ORIGIN), ("origin", "https://evil.example")],
        &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
        &[("origin", ORIGIN), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-origin")],
    ] {
        assert_problem(&call(&mut page, Method::DELETE, "/sessions", headers).await, Code::CrossSite);
    }
    let seen = call(&mut page, Method::DELETE, "/sessions", &[("origin", ORIGIN)]).await;
    assert_eq!(seen.status, StatusCode::OK);
    for name in ["access-control-allow-origin", "access-control-allow-credentials"] {
        assert_eq!(seen.header(name), "", "no other origin is let in");
    }
}

#[tokio::test]
async fn sessions_are_listed_as_described_and_ended() {
    let app = app(&[]).await;
    let (mut here, mut there, mut third) =
        (signed_in(&app).await, signed_in(&app).await, signed_in(&app).await);
    let seen = call(&mut here, Method::GET, "/sessions", &[]).await;
    schema::assert_response(&document::document(), "/sessions", "get", &seen);
    let list = json_of(&seen);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(items.iter().filter(|it| it["current"] == true).count(), 1);

    let id = there.cookies[SESSION_COOKIE].split('.').next().unwrap().to_owned();
    let seen = call(&mut here, Method::DELETE, &format!("/sessions/{id}"), &[("origin", ORIGIN)]).await;
    assert_eq!((seen.status, seen.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_problem(&call(&mut there, Method::GET, "/sessions", &[]).await, Code::NotSignedIn);
    let seen = call(&mut here, Method::DELETE, "/sessions", &[("origin", ORIGIN)]).await;
    schema::assert_response(&document::document(), "/sessions", "delete", &seen);
    assert_eq!(json_of(&seen)["ended"], 1);
    assert_problem(&call(&mut third, Method::GET, "/sessions", &[]).await, Code::NotSignedIn);
}

#[tokio::test]
async fn devices_are_listed_as_described_and_forgotten_with_their_sessions() {
    let app = app(&[]).await;
    let (mut here, mut there) = (signed_in(&app).await, signed_in(&app).await);
    let seen = call(&mut here, Method::GET, "/devices", &[]).await;
    schema::assert_response(&document::document(), "/devices", "get", &seen);
    let list = json_of(&seen);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|it| it["current"] == false).unwrap()["id"].as_str().unwrap();
    let path = format!("/devices/{other}");
    let seen = call(&mut here, Method::DELETE, &path, &[("origin", ORIGIN)]).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    assert_problem(&call(&mut there, Method::GET, "/devices", &[]).await, Code::NotSignedIn);
    let again = call(&mut here, Method::DELETE, &path, &[("origin", ORIGIN)]).await;
    assert_problem(&again, Code::NotFound);

    let mut eve = Browser::new(&app);
    sign_up(&app, &mut eve, "eve@example.com").await;
    let mine = items.iter().find(|it| it["current"] == true).unwrap()["id"].as_str().unwrap();
    let seen = call(&mut eve, Method::DELETE, &format!("/devices/{mine}"), &[("origin", ORIGIN)]).await;
    assert_problem(&seen, Code::NotFound);
    assert_eq!(call(&mut here, Method::GET, "/devices", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_device_is_trusted_by_the_session_on_it_and_with_a_further_factor_alone() {
    let app = app(&[]).await;
    let (mut here, mut there) = (signed_in(&app).await, signed_in(&app).await);
    let list = json_of(&call(&mut here, Method::GET, "/devices", &[]).await);
    let of = |current: bool| {
        let found = list["items"].as_array().unwrap().iter().find(|it| it["current"] == current).unwrap();
        format!("/devices/{}/trust", found["id"].as_str().unwrap())
    };
    let (mine, other) = (of(true), of(false));
    let origin = [("origin", ORIGIN)];
    assert_problem(&call(&mut here, Method::PUT, &mine, &origin).await, Code::StepUpRequired);
    for elsewhere in [other.as_str(), "/devices/nonsense/trust"] {
        assert_problem(&call(&mut here, Method::PUT, elsewhere, &origin).await, Code::NotFound);
    }
    assert_problem(&call(&mut here, Method::DELETE, &mine, &origin).await, Code::NotFound);
    let account = crate::testing::account_of(&app, "demo@example.com").await;
    let account = app.ports().store().account(account).await.unwrap().unwrap().value;
    let device = mine.split('/').nth(2).unwrap().parse().unwrap();
    assert!(app.services().devices().trust(&account, device).await.unwrap());
    let seen = call(&mut here, Method::GET, "/devices", &[]).await;
    schema::assert_response(&document::document(), "/devices", "get", &seen);
    assert!(json_of(&seen)["items"].as_array().unwrap().iter().any(|it| it["trusted"] == true));
    // From elsewhere too: a browser that was lost.
    assert_eq!(call(&mut there, Method::DELETE, &mine, &origin).await.status, StatusCode::NO_CONTENT);
    let list = json_of(&call(&mut here, Method::GET, "/devices", &[]).await);
    assert!(list["items"].as_array().unwrap().iter().all(|it| it["trusted"] == false));
}

#[tokio::test]
async fn the_session_of_somebody_else_is_answered_as_a_missing_one() {
    let app = app(&[]).await;
    let (mut victim, mut other) = (signed_in(&app).await, Browser::new(&app));
    sign_up(&app, &mut other, "eve@example.com").await;
    let theirs = victim.cookies[SESSION_COOKIE].split('.').next().unwrap().to_owned();
    let mut answers = Vec::new();
    for id in [theirs.as_str(), "01890000-0000-7000-8000-000000000000", "x"] {
        let seen = call(&mut other, Method::DELETE, &format!("/sessions/{id}"), &[("origin", ORIGIN)]).await;
        assert_problem(&seen, Code::NotFound);
        answers.push(seen.text);
    }
    assert!(answers.windows(2).all(|it| it[0] == it[1]), "{answers:?}");
    assert_eq!(call(&mut victim, Method::GET, "/sessions", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let app = app(&[]).await;
    let mut browser = signed_in(&app).await;
    for _ in 0..4 {
        signed_in(&app).await;
    }
    let (mut after, mut ids, mut pages) = (String::new(), BTreeSet::new(), 0);
    loop {
        let seen = call(&mut browser, Method::GET, &format!("/sessions?limit=2{after}"), &[]).await;
        let page = json_of(&seen);
        ids.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        let next = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
        after = format!("&after={next}");
    }
    assert_eq!((ids.len(), pages >= 3), (5, true));
    let long = format!("after={}", "x".repeat(513));
    for bad in ["limit=0", "limit=101", "limit=x", "limit=1&limit=2", "after=", "after=%ff", long.as_str()] {
        let seen = call(&mut browser, Method::GET, &format!("/sessions?{bad}"), &[]).await;
        let empty = bad == "after=" && seen.status == StatusCode::OK;
        assert!(empty || seen.status == StatusCode::BAD_REQUEST, "{bad}: {}", seen.text);
    }
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    name: String,
    more: Option<Vec<u8>>,
}

#[tokio::test]
async fn a_body_is_json_of_the_right_form_or_a_problem() {
    let app = app(&[]).await;
    let json = "application/json";
    for (kind, body, expected) in [
        (json, r#"{"name":"x"}"#, None),
        ("application/json; charset=utf-8", r#"{"name":"x","more":null}"#, None),
        ("text/plain", r#"{"name":"x"}"#, Some(Code::UnsupportedMediaType)),
        ("application/x-www-form-urlencoded", "name=x", Some(Code::UnsupportedMediaType)),
        ("", r#"{"name":"x"}"#, Some(Code::UnsupportedMediaType)),
        (json, r#"{"name":"x""#, Some(Code::MalformedRequest)),
        (json, r#"{"name":"x"}{}"#, Some(Code::MalformedRequest)),
        (json, "", Some(Code::MalformedRequest)),
        (json, r#"{"nmae":"x"}"#, Some(Code::Unacceptable)),
        (json, "{}", Some(Code::Unacceptable)),
        (json, r#"{"name":"x","more":[1,300]}"#, Some(Code::Unacceptable)),
        (json, &format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000)), Some(Code::TooLarge)),
        (json, &"[".repeat(10_000), Some(Code::Unacceptable)),
    ] {
        let request =
            Request::post("/").header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
        let found = Json::<Sample>::from_request(request, &app).await;
        let shown = body.get(..40.min(body.len())).unwrap();
        assert_eq!(found.as_ref().err().map(Problem::code), expected, "{kind} {shown}");
    }
    let request =
        Request::post("/").header("content-type", json).body(Body::from(r#"{"name":"x","more":[300]}"#));
    let problem = Json::<Sample>::from_request(request.unwrap(), &app).await.unwrap_err();
    let problem = serde_json::to_value(problem).unwrap();
    assert_eq!(problem["errors"], json!([{"field": "more[0]", "code": "invalid"}]));
}

#[test]
fn codes_are_stable_and_statuses_are_those_of_the_document() {
    let names: Vec<_> = Code::ALL.iter().map(|it| json!(it).as_str().unwrap().to_owned()).collect();
    for name in [
        "malformed_request",
        "not_signed_in",
        "cross_site",
        "not_found",
        "conflict",
        "slow_down",
        "unavailable",
    ] {
        assert!(names.iter().any(|it| it == name), "{name} was promised");
    }
    let statuses: BTreeSet<_> = Code::ALL.iter().map(|it| it.status().as_u16()).collect();
    for status in [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503] {
        assert!(statuses.contains(&status), "{status}");
    }
}
