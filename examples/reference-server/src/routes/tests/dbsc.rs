//! A session that is bound to a key of its browser: registration, refresh, theft.

use ciam_core::jose::{Algorithm, LocalSigner, sign, sign_with_header};
use ciam_mfa::dbsc::{
    BOUND_COOKIE, SECURE_SESSION_CHALLENGE, SECURE_SESSION_ID, SECURE_SESSION_REGISTRATION,
    SECURE_SESSION_RESPONSE,
};
use http::{HeaderName, Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    api::BASE,
    app::App,
    testing::{Browser, PASSWORD, Seen, app, person},
};

const ADA: &str = "ada@example.com";

/// Signs in; gives the challenge of the registration that is offered.
async fn offered(browser: &mut Browser) -> String {
    let page = browser.get("/sign-in").await;
    let mut fields = page.hidden("/sign-in");
    for (name, value) in [("identifier", ADA), ("password", PASSWORD)] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let seen = browser.post("/sign-in", &fields).await;
    let offer = seen.header(SECURE_SESSION_REGISTRATION.as_str());
    assert!(offer.starts_with("(ES256 RS256);path=\"/dbsc/register\""), "{offer}: {}", seen.text);
    offer.split_once("challenge=\"").unwrap().1.trim_end_matches('"').to_owned()
}

async fn post(browser: &mut Browser, path: &str, headers: &[(HeaderName, String)]) -> Seen {
    let request = headers.iter().fold(Request::post(path), |it, (name, value)| it.header(name, value));
    browser.send(request, "").await
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

async fn bound(app: &App, browser: &mut Browser, signer: &LocalSigner) -> String {
    let challenge = offered(browser).await;
    let mut header = Map::new();
    header.insert("jwk".to_owned(), serde_json::to_value(signer.public_jwk().unwrap()).unwrap());
    let proof = sign_with_header(signer, "dbsc+jwt", &header, &json!({ "jti": challenge })).await.unwrap();
    let answer = [(SECURE_SESSION_RESPONSE, quoted(&proof))];
    let seen = post(browser, "/dbsc/register", &answer).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let told: Value = serde_json::from_str(&seen.text).unwrap();
    assert_eq!(told["credentials"][0]["name"], BOUND_COOKIE);
    assert!(browser.cookies.contains_key(BOUND_COOKIE));
    assert_eq!(
        post(&mut Browser::new(app), "/dbsc/register", &answer).await.status,
        StatusCode::UNAUTHORIZED
    );
    told["session_identifier"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bound_session_goes_on_by_its_key_and_its_copy_does_not() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    let mut browser = Browser::new(&app);
    let signer = LocalSigner::generate(app.ports().crypto(), Algorithm::Es256).unwrap();
    let id = bound(&app, &mut browser, &signer).await;
    assert_eq!(browser.get("/account").await.path, "/account");

    // Whoever copies the lasting cookie has nothing: not on the pages, not by the API, not as an application.
    let mut thief = browser.clone();
    thief.cookies.remove(BOUND_COOKIE);
    assert_eq!(thief.get("/account").await.path, "/sign-in");
    let profile = format!("{BASE}/profile");
    assert_eq!(thief.send(Request::get(&profile), "").await.status, StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {}", thief.cookies["__Host-ciam-session"]);
    let mut native = Browser::new(&app);
    let seen = native.send(Request::get(&profile).header("authorization", &token), "").await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
    let other = LocalSigner::generate(app.ports().crypto(), Algorithm::Es256).unwrap();
    let id_header = (SECURE_SESSION_ID, quoted(&id));
    let challenged = post(&mut thief, "/dbsc/refresh", std::slice::from_ref(&id_header)).await;
    assert_eq!(challenged.status, StatusCode::FORBIDDEN);
    let challenge = |seen: &Seen| {
        let value = seen.header(SECURE_SESSION_CHALLENGE.as_str()).to_owned();
        value.split('"').nth(1).unwrap().to_owned()
    };
    let forged = sign(&other, "dbsc+jwt", &json!({ "jti": challenge(&challenged) })).await.unwrap();
    let forged = [id_header.clone(), (SECURE_SESSION_RESPONSE, quoted(&forged))];
    assert_eq!(post(&mut thief, "/dbsc/refresh", &forged).await.status, StatusCode::BAD_REQUEST);

    // The browser that has the key renews its cookie, and goes on.
    browser.cookies.remove(BOUND_COOKIE);
    let challenged = post(&mut browser, "/dbsc/refresh", std::slice::from_ref(&id_header)).await;
    let proof = sign(&signer, "dbsc+jwt", &json!({ "jti": challenge(&challenged) })).await.unwrap();
    let proof = [id_header, (SECURE_SESSION_RESPONSE, quoted(&proof))];
    assert_eq!(post(&mut browser, "/dbsc/refresh", &proof).await.status, StatusCode::OK);
    assert_eq!(browser.get("/account").await.path, "/account");
}

#[tokio::test]
async fn a_browser_that_does_not_know_it_is_as_before() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    let mut browser = Browser::new(&app);
    offered(&mut browser).await;
    assert_eq!(browser.get("/account").await.path, "/account");
}
