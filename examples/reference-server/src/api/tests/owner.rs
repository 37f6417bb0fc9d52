//! The owner's own changes, by JSON.

use super::*;
use crate::testing::{PASSWORD as OWN, mail, person};

pub(super) async fn send(browser: &mut Browser, method: Method, path: &str, body: &Value) -> Seen {
    let request = Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header("origin", ORIGIN)
        .header("content-type", "application/json");
    browser.send(request, body.to_string()).await
}

pub(super) async fn described(browser: &mut Browser, method: Method, path: &str, body: &Value) -> Value {
    let seen = send(browser, method.clone(), path, body).await;
    assert!(seen.status.is_success(), "{method} {path}: {}", seen.text);
    let pattern = match path {
        path if path.ends_with("/primary") => "/identifiers/{id}/primary",
        path if path.starts_with("/identifiers/") && method == Method::DELETE => "/identifiers/{id}",
        path => path,
    };
    schema::assert_response(&document::document(), pattern, &method.as_str().to_lowercase(), &seen);
    json_of(&seen)
}

#[tokio::test]
async fn a_profile_is_read_and_changed_as_the_schema_says() {
    let app = app(&[]).await;
    let mut browser = person(&app, "ada@example.com").await;
    let none = json!({});
    let shown = described(&mut browser, Method::GET, "/profile", &none).await;
    assert_eq!(shown["attributes"]["name"], "Somebody");
    described(&mut browser, Method::GET, "/profile/schema", &none).await;
    let change = json!({"attributes": {"given_name": "Augusta", "name": null}});
    let changed = described(&mut browser, Method::PATCH, "/profile", &change).await;
    assert_eq!(changed["attributes"], json!({"given_name": "Augusta"}));

    let bad = json!({"attributes": {
        "given_name": "x".repeat(10_000), "birthdate": "yesterday", "role": "admin", "locale": "de"
    }});
    let seen = send(&mut browser, Method::PATCH, "/profile", &bad).await;
    assert_problem(&seen, Code::Unacceptable);
    let errors = json_of(&seen)["errors"].clone();
    assert_eq!(
        errors,
        json!([
            {"field": "attributes.birthdate", "code": "format"},
            {"field": "attributes.given_name", "code": "too_long"},
            {"field": "attributes.role", "code": "unknown"},
        ])
    );
    let kept = described(&mut browser, Method::GET, "/profile", &none).await;
    assert_eq!(kept["attributes"], json!({"given_name": "Augusta"}), "all or nothing");
}

#[tokio::test]
async fn an_address_is_added_proved_chosen_and_removed() {
    let app = app(&[]).await;
    let mut browser = person(&app, "one@example.com").await;
    let new = json!({"identifier": "two@example.com"});
    let pending = described(&mut browser, Method::POST, "/identifiers", &new).await;
    let (_, code) = mail(&app, "two@example.com").await;
    let wrong = json!({"change": pending["change"], "code": "x"});
    assert_problem(&send(&mut browser, Method::POST, "/identifiers/confirm", &wrong).await, Code::NotProved);
    let mut other = person(&app, "other@example.com").await;
    let right = json!({"change": pending["change"], "code": code});
    assert_problem(&send(&mut other, Method::POST, "/identifiers/confirm", &right).await, Code::NotProved);
    let confirmed = described(&mut browser, Method::POST, "/identifiers/confirm", &right).await;
    let ids: Vec<_> = confirmed["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_problem(&send(&mut browser, Method::POST, "/identifiers/confirm", &right).await, Code::NotProved);

    let second = ids[1].as_str().unwrap();
    let none = json!({});
    let chosen =
        described(&mut browser, Method::POST, &format!("/identifiers/{second}/primary"), &none).await;
    assert_eq!(chosen["items"][0]["value"], "two@example.com");
    let first = format!("/identifiers/{}", ids[0].as_str().unwrap());
    let foreign = send(&mut other, Method::DELETE, &first, &none).await;
    assert_problem(&foreign, Code::NotFound);
    let left = described(&mut browser, Method::DELETE, &first, &none).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    let last = format!("/identifiers/{second}");
    assert_problem(&send(&mut browser, Method::DELETE, &last, &none).await, Code::Unacceptable);
    let named = described(&mut browser, Method::PUT, "/username", &json!({"username": "Ada"})).await;
    assert_eq!(named["items"][1]["value"], "ada");
    let house = send(&mut browser, Method::PUT, "/username", &json!({"username": "r00t"})).await;
    assert_eq!(json_of(&house)["errors"][0], json!({"field": "username", "code": "reserved_name"}));
}

#[tokio::test]
async fn a_password_is_changed_with_proof_and_the_session_goes_on_with_another_token() {
    let app = app(&[]).await;
    let mut page = person(&app, "ada@example.com").await;
    let mut there = Browser::new(&app);
    sign_in(&mut there, "ada@example.com", OWN).await;
    let none = json!({});
    assert_eq!(described(&mut page, Method::GET, "/proof", &none).await["recent"], true);
    let wrong = send(&mut page, Method::POST, "/proof", &json!({"password": "wrong"})).await;
    assert_problem(&wrong, Code::NotProved);
    described(&mut page, Method::POST, "/proof", &json!({"password": OWN})).await;
    let shown = described(&mut page, Method::GET, "/credentials", &none).await;
    assert_eq!((&shown["password"], &shown["password_removable"]), (&json!(true), &json!(true)));
    let short = send(&mut page, Method::PUT, "/password", &json!({"password": "short"})).await;
    assert_eq!(json_of(&short)["errors"][0], json!({"field": "password", "code": "too_short"}));
    let before = page.cookies[SESSION_COOKIE].clone();
    let new = json!({"password": "an entirely different sentence"});
    let renewed = described(&mut page, Method::PUT, "/password", &new).await;
    assert_eq!(renewed["token"], Value::Null);
    assert_ne!(page.cookies[SESSION_COOKIE], before);
    assert_problem(&call(&mut there, Method::GET, "/profile", &[]).await, Code::NotSignedIn);
    // A code by mail is another way in, so the password can go and come back.
    described(&mut page, Method::DELETE, "/password", &none).await;
    assert_eq!(described(&mut page, Method::GET, "/credentials", &none).await["password"], false);
    assert_problem(&send(&mut page, Method::DELETE, "/password", &none).await, Code::NotFound);
    described(&mut page, Method::PUT, "/password", &new).await;

    // An application gets the new token in the answer, and no cookie.
    let mut native = Browser::new(&app);
    let token = format!("Bearer {}", page.cookies[SESSION_COOKIE]);
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("{BASE}/password"))
        .header("authorization", &token)
        .header("content-type", "application/json");
    let seen = native.send(request, json!({"password": OWN}).to_string()).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    assert!(native.cookies.is_empty());
    let next = format!("Bearer {}", json_of(&seen)["token"].as_str().unwrap());
    assert_problem(
        &call(&mut native, Method::GET, "/profile", &[("authorization", &token)]).await,
        Code::NotSignedIn,
    );
    let seen = call(&mut native, Method::GET, "/profile", &[("authorization", &next)]).await;
    assert_eq!(seen.status, StatusCode::OK);
    // And closes the account.
    let request =
        Request::builder().method(Method::POST).uri(format!("{BASE}/close")).header("authorization", &next);
    let seen = native.send(request, Body::empty()).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    assert_problem(
        &call(&mut native, Method::GET, "/profile", &[("authorization", &next)]).await,
        Code::NotSignedIn,
    );
}
