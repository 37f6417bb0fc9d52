//! What a form must be to be looked at.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, StatusCode};

use crate::{
    i18n::Language,
    pages::samples::Samples,
    templates::Templates,
    testing::{Browser, PASSWORD, app},
};

/// Where the forms of all pages post to.
fn forms() -> BTreeSet<String> {
    let templates = Templates::embedded().unwrap();
    let pages = Samples::new(&templates, Language::En).pages().unwrap();
    let paths = |html: String| {
        let actions =
            html.split(" action=\"").skip(1).map(|it| it.split('"').next().unwrap_or_default().to_owned());
        actions.collect::<Vec<_>>()
    };
    pages.into_iter().flat_map(|(_, html)| paths(html)).filter(|it| it.starts_with('/')).collect()
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_form_without_the_right_token_is_refused_everywhere() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let elsewhere = Browser::new(&app).get("/sign-in").await.hidden("/sign-in");
    let own = browser.get("/sign-in").await.hidden("/sign-in");
    assert!(forms().len() >= 9);
    for path in &forms() {
        let mut attempts =
            vec![fields(&[]), fields(&[("csrf", "")]), fields(&[("csrf", "x")]), elsewhere.clone()];
        if path != "/sign-in" {
            // The token of one form does not open another.
            attempts.push(own.clone());
        }
        for attempt in attempts {
            let seen = browser.post(path, &attempt).await;
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{path} {attempt:?}");
            assert!(seen.says("could not check that this came from you"));
        }
    }
}

#[tokio::test]
async fn a_form_from_another_origin_is_refused_even_with_the_token() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let own = browser.get("/sign-in").await.hidden("/sign-in");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        browser.headers = vec![(name, value.to_owned())];
        assert_eq!(browser.post("/sign-in", &own).await.status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    browser.headers.clear();
    assert_eq!(browser.post("/sign-in", &own).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_form_without_cookies_is_refused() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let own = browser.get("/sign-in").await.hidden("/sign-in");
    browser.cookies.clear();
    assert_eq!(browser.post("/sign-in", &own).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn bodies_that_are_no_form_of_ours_are_refused() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    let token = browser.get("/sign-in").await.hidden("/sign-in").remove(0).1;
    let form = "application/x-www-form-urlencoded";
    let good = format!("csrf={token}&identifier=a&password=b");
    for (kind, body, status) in [
        (form, good.clone(), StatusCode::UNPROCESSABLE_ENTITY),
        ("text/plain", good.clone(), StatusCode::BAD_REQUEST),
        ("application/json", "{}".to_owned(), StatusCode::BAD_REQUEST),
        ("multipart/form-data; boundary=x", good.clone(), StatusCode::BAD_REQUEST),
        (form, format!("{good}&identifier=c"), StatusCode::BAD_REQUEST),
        (form, format!("{good}&csrf={token}"), StatusCode::BAD_REQUEST),
        (form, format!("{good}&x=%zz"), StatusCode::BAD_REQUEST),
        (form, format!("{good}&x=%ff"), StatusCode::BAD_REQUEST),
        (form, format!("{good}&x=%00"), StatusCode::BAD_REQUEST),
        (form, format!("{good}&x={}", "a".repeat(20_000)), StatusCode::PAYLOAD_TOO_LARGE),
        (form, format!("{good}{}", "&x".repeat(100)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = Request::post("/sign-in").header("content-type", kind);
        let shown = body.get(..60.min(body.len())).unwrap().to_owned();
        let seen = browser.send(request, body).await;
        assert_eq!(seen.status, status, "{kind} {shown}");
        assert!(seen.text.starts_with("<!doctype html>"), "{kind}");
    }
}

#[tokio::test]
async fn an_announced_length_is_believed_when_it_is_too_large() {
    let mut browser = Browser::new(&app(&[]).await);
    let request = Request::post("/sign-in").header("content-length", "999999999");
    assert_eq!(browser.send(request, Body::empty()).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = Request::post("/token").header("content-length", "999999999");
    assert_eq!(browser.send(request, Body::empty()).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn nothing_happens_on_a_get() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    browser
        .get(&format!("/sign-up?email=a@example.com&name=A&password={}", PASSWORD.replace(' ', "+")))
        .await;
    assert!(app.catcher().unwrap().messages().is_empty());
    for path in ["/account/profile", "/account/sessions", "/account/applications"] {
        assert_eq!(browser.get(&format!("{path}?action=end-others&name=x")).await.path, "/sign-in", "{path}");
    }
}
