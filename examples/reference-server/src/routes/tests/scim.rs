//! Directories: the token of the console, requests by it, and what the console shows of them.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::testing::{Browser, Seen, app, sign_in};

const CONSOLE: &str = "/organizations/example/directory";

async fn submit(browser: &mut Browser, what: &str) -> Seen {
    let page = browser.get(CONSOLE).await;
    let token = page.hidden(CONSOLE).into_iter().filter(|(name, _)| name == "csrf").take(1);
    let fields: Vec<_> = token.chain([("do".to_owned(), what.to_owned())]).collect();
    let seen = browser.post(CONSOLE, &fields).await;
    browser.follow(seen).await
}

fn token_in(page: &Seen) -> String {
    let at = page.text.find("ciam_scim_").unwrap();
    let token = page.text.get(at..).unwrap();
    token.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect()
}

async fn ask(browser: &mut Browser, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/scim+json");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let seen = browser.send(request, body).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

#[tokio::test]
async fn a_directory_connects_by_the_token_of_the_console() {
    let app = app(&[]).await;
    let mut dana = Browser::new(&app);
    sign_in(&mut dana, "demo@example.com", "quiet-river-lantern-42").await;
    let mut directory = Browser::new(&app);
    let users = "/scim/v2/Users";
    let (status, body) = ask(&mut directory, "GET", users, &Value::Null).await;
    assert_eq!((status, &body["status"]), (StatusCode::UNAUTHORIZED, &json!("401")));
    let page = submit(&mut dana, "rotate").await;
    let token = token_in(&page);
    assert!(!dana.get(CONSOLE).await.text.contains(&token), "it is shown once");
    directory.headers.push(("authorization", format!("Bearer {token}")));
    let kim =
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "kim@corp.example" });
    let (status, made) = ask(&mut directory, "POST", users, &kim).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let location = made["meta"]["location"].as_str().unwrap();
    assert!(location.starts_with(&format!("{}scim/v2/Users/", app.config().issuer.join("/"))), "{location}");
    assert_eq!(ask(&mut directory, "GET", users, &Value::Null).await.1["totalResults"], 1);
    assert!(dana.get("/organizations/example/members").await.says("kim@corp.example"));
    let page = dana.get(CONSOLE).await;
    assert!(page.says("POST /Users") && page.says("201"), "{}", page.text);
    assert!(page.says("http://localhost:8080/scim/v2"));
    submit(&mut dana, "revoke").await;
    assert_eq!(ask(&mut directory, "GET", users, &Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_for_reading_is_made_beside_the_other() {
    let app = app(&[]).await;
    let mut dana = Browser::new(&app);
    sign_in(&mut dana, "demo@example.com", "quiet-river-lantern-42").await;
    let (all, reading) =
        (token_in(&submit(&mut dana, "rotate").await), token_in(&submit(&mut dana, "rotate_read").await));
    let page = dana.get(CONSOLE).await;
    assert!(page.says("scim:manage") && page.says("scim:read"), "{}", page.text);
    let kim = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "kim" });
    let mut directory = Browser::new(&app);
    directory.headers.push(("authorization", format!("Bearer {reading}")));
    assert_eq!(ask(&mut directory, "GET", "/scim/v2/Users", &Value::Null).await.0, StatusCode::OK);
    assert_eq!(ask(&mut directory, "POST", "/scim/v2/Users", &kim).await.0, StatusCode::FORBIDDEN);
    directory.headers = vec![("authorization", format!("Bearer {all}"))];
    assert_eq!(ask(&mut directory, "POST", "/scim/v2/Users", &kim).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_directory_that_does_not_wait_is_answered_before_it_is_done() {
    let app = app(&[]).await;
    let mut dana = Browser::new(&app);
    sign_in(&mut dana, "demo@example.com", "quiet-river-lantern-42").await;
    let token = token_in(&submit(&mut dana, "rotate").await);
    let mut directory = Browser::new(&app);
    directory.headers.push(("authorization", format!("Bearer {token}")));
    directory.headers.push(("prefer", "respond-async".to_owned()));
    let user =
        |name: &str| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });
    // Nobody has allowed it.
    assert_eq!(ask(&mut directory, "POST", "/scim/v2/Users", &user("kim")).await.0, StatusCode::CREATED);
    submit(&mut dana, "later").await;
    assert_eq!(ask(&mut directory, "POST", "/scim/v2/Users", &user("mia")).await.0, StatusCode::ACCEPTED);
    let total = async |directory: &mut Browser| {
        ask(directory, "GET", "/scim/v2/Users", &Value::Null).await.1["totalResults"].clone()
    };
    assert_eq!(total(&mut directory).await, 1);
    let catcher =
        std::sync::Arc::clone(app.catcher().unwrap()) as std::sync::Arc<dyn ciam_core::notify::Notifier>;
    let relay = ciam_core::relay::Relay::new(app.ports().clone(), catcher)
        .with_sink(app.services().scim.later_sink());
    while relay.deliver_pending().await.unwrap().delivered > 0 {}
    assert_eq!(total(&mut directory).await, 2);
}

/// The access token of a client for a scope, or the error.
async fn access_token(app: &crate::app::App, id: &str, secret: &str, scope: &str) -> (StatusCode, Value) {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let resource = app.config().issuer.join("/scim/v2");
    let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", &resource)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {basic}"));
    let seen = Browser::new(app).send(request, body).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

#[tokio::test]
async fn a_client_of_the_console_gets_access_tokens_of_a_scope() {
    let app = app(&[]).await;
    let mut dana = Browser::new(&app);
    sign_in(&mut dana, "demo@example.com", "quiet-river-lantern-42").await;
    let page = submit(&mut dana, "client").await;
    let word = |after: &str| {
        let rest = page.text.split_once(after).unwrap_or_else(|| panic!("{}", page.text)).1;
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect::<String>()
    };
    let (id, secret) = (word("Client id: "), word("Client secret: "));
    let users = "/scim/v2/Users";
    let kim = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "kim" });
    for (scope, read, written) in [("scim:read", 200, 403), ("scim:manage", 200, 201)] {
        let (status, answer) = access_token(&app, &id, &secret, scope).await;
        assert_eq!(status, StatusCode::OK, "{scope}: {answer}");
        let mut directory = Browser::new(&app);
        directory
            .headers
            .push(("authorization", format!("Bearer {}", answer["access_token"].as_str().unwrap())));
        assert_eq!(ask(&mut directory, "GET", users, &Value::Null).await.0.as_u16(), read, "{scope}");
        assert_eq!(ask(&mut directory, "POST", users, &kim).await.0.as_u16(), written, "{scope}");
    }
    let (_, answer) = access_token(&app, &id, &secret, "scim:manage").await;
    let mut directory = Browser::new(&app);
    directory.headers.push(("authorization", format!("Bearer {}", answer["access_token"].as_str().unwrap())));
    // Removed, it is nobody's, and neither are its tokens.
    let page = dana.get(CONSOLE).await;
    let token = page.hidden(CONSOLE).into_iter().find(|(name, _)| name == "csrf").unwrap();
    let fields = [token, ("do".to_owned(), "client_remove".to_owned()), ("client".to_owned(), id.clone())];
    let seen = dana.post(CONSOLE, &fields).await;
    dana.follow(seen).await;
    assert_eq!(ask(&mut directory, "GET", users, &Value::Null).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(access_token(&app, &id, &secret, "scim:read").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_that_is_for_something_else_is_none() {
    let app = app(&[]).await;
    let mut directory = Browser::new(&app);
    for header in ["Bearer ", "Bearer x", "Bearer ciam_scim_x", "Basic eDp4", "ciam_scim_x"] {
        directory.headers = vec![("authorization", header.to_owned())];
        let (status, body) = ask(&mut directory, "GET", "/scim/v2/Users", &Value::Null).await;
        assert_eq!((status, &body["status"]), (StatusCode::UNAUTHORIZED, &json!("401")), "{header}");
    }
    // The client of an application has no directory, whatever it is given.
    let secret = "relying-party-demo-secret-not-for-production";
    let (status, _) = access_token(&app, "relying-party", secret, "scim:manage").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
