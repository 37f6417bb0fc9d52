//! The same for an app of the operator's, by the JSON API.

use ciam_core::http::SESSION_COOKIE;
use http::Method;

use super::*;
use crate::api::tests::schema;

const ORIGIN: &str = "http://localhost:8080";

async fn call(
    browser: &mut Browser,
    method: Method,
    id: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(format!("/api/account/v1/requests{id}"));
    for (name, value) in [("content-type", "application/json")].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let seen = browser.send(request, body.to_owned()).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

async fn list(browser: &mut Browser) -> Vec<Value> {
    let seen = browser.send(Request::get("/api/account/v1/requests"), "").await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    schema::assert_response(&crate::api::document(), "/requests", "get", &seen);
    let whole: Value = serde_json::from_str(&seen.text).unwrap();
    whole["items"].as_array().unwrap().clone()
}

/// The path of the only request of the list.
async fn only(browser: &mut Browser) -> String {
    let items = list(browser).await;
    assert_eq!(items.len(), 1, "{items:?}");
    format!("/{}", items[0]["id"].as_str().unwrap())
}

const ALLOW: &str = "{\"decision\":\"allow\"}";
const DENY: &str = "{\"decision\":\"deny\"}";
const OURS: [(&str, &str); 1] = [("origin", ORIGIN)];

#[tokio::test]
async fn a_person_answers_in_an_app_of_the_operators() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    assert!(list(&mut browser).await.is_empty());
    let id = shop.begun("till", "&binding_message=W4SCT+12.50").await;
    let item = list(&mut browser).await.remove(0);
    assert_eq!(item["client"], json!({ "id": "till", "name": "Corner shop" }));
    assert_eq!((&item["message"], &item["scopes"]), (&json!("W4SCT 12.50"), &json!(["email", "openid"])));
    let path = only(&mut browser).await;
    let (status, body) = call(&mut browser, Method::POST, &path, ALLOW, &OURS).await;
    assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
    assert!(list(&mut browser).await.is_empty());
    let (status, tokens) = shop.poll("till", &id).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    // Of several answers one counts.
    let (status, body) = call(&mut browser, Method::POST, &path, DENY, &OURS).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("conflict")));

    // No is no; and an app without cookies says it with the session's token.
    let id = shop.begun("till", "").await;
    let path = only(&mut browser).await;
    let token = format!("Bearer {}", browser.cookies[SESSION_COOKIE]);
    let mut native = Browser::new(&shop.app);
    let (status, _) = call(&mut native, Method::POST, &path, DENY, &[("authorization", &token)]).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(shop.refused("till", &id).await, "access_denied");
    assert!(native.cookies.is_empty(), "an app keeps nothing");
}

/// A page of another site answers nothing, and nobody answers for somebody else.
#[tokio::test]
async fn answers_come_from_the_person_and_from_this_origin() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    let id = shop.begun("till", "&binding_message=W4SCT").await;
    let path = only(&mut browser).await;
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
    ] {
        let (status, body) = call(&mut browser, Method::POST, &path, ALLOW, headers).await;
        assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("cross_site")), "{headers:?}");
    }
    let mut other = person(&shop.app, "grace@example.com").await;
    assert!(list(&mut other).await.is_empty());
    for path in [path.as_str(), "/made-up"] {
        let (status, body) = call(&mut other, Method::POST, path, ALLOW, &OURS).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    }
    for body in ["", "{}", "{\"decision\":\"maybe\"}", "{\"decision\":\"allow\",\"more\":1}"] {
        let (status, _) = call(&mut browser, Method::POST, &path, body, &OURS).await;
        assert!(status.is_client_error(), "{body}");
    }
    assert_eq!(shop.refused("till", &id).await, "authorization_pending");
    shop.clock.advance(Duration::minutes(6));
    let (status, _) = call(&mut browser, Method::POST, &path, ALLOW, &OURS).await;
    assert!([StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(&status), "late");
    assert_eq!(shop.refused("till", &id).await, "expired_token");
}

/// What needs more than yes is for the pages; no is always no.
#[tokio::test]
async fn more_than_yes_is_said_on_the_pages() {
    let shop = Shop::new().await;
    let mut browser = shop.demo().await;
    let id = shop.begun("till", "&acr_values=urn%3Aciam%3Aacr%3Aaal2").await;
    let path = only(&mut browser).await;
    let (status, body) = call(&mut browser, Method::POST, &path, ALLOW, &OURS).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("step_up_required")));
    assert_eq!(shop.refused("till", &id).await, "authorization_pending");
    let (status, _) = call(&mut browser, Method::POST, &path, DENY, &OURS).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(shop.refused("till", &id).await, "access_denied");
}
