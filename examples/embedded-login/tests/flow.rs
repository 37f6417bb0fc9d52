//! A person signs in at the smallest embedding, and an application gets its tokens.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use bytes::Bytes;
use ciam_core::http::Peer;
use embedded_login::Login;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};

const ISSUER: &str = "http://localhost:8090";

#[tokio::test]
async fn a_person_signs_in_and_the_application_gets_an_id_token() {
    let login = Login::new(ISSUER, "http://127.0.0.1/callback").await.unwrap();
    let mut cookies = Vec::new();
    let start = "/authorize?response_type=code&client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&scope=openid\
                 &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let page = location(&get(&login, &mut cookies, start).await);
    let form = get(&login, &mut cookies, &page).await;
    let text = String::from_utf8(form.body().to_vec()).unwrap();
    let journey = text.split("value=\"").nth(1).unwrap().split('"').next().unwrap();

    let wrong = format!("journey={journey}&email=demo%40example.com&password=wrong");
    let refused = post(&login, &mut cookies, &page, wrong).await;
    assert_eq!(refused.status(), StatusCode::OK);
    assert!(String::from_utf8_lossy(refused.body()).contains("role=alert"));

    let right = format!("journey={journey}&email=demo%40example.com&password=quiet-river-lantern-42");
    let resume = location(&post(&login, &mut cookies, &page, right).await);
    let back = location(&get(&login, &mut cookies, &resume).await);
    assert!(back.starts_with("http://127.0.0.1/callback?"), "{back}");
    let back = url::Url::parse(&back).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let exchange = format!(
        "grant_type=authorization_code&client_id=app&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let tokens = post(&login, &mut Vec::new(), "/token", exchange).await;
    let tokens: serde_json::Value = serde_json::from_slice(tokens.body()).unwrap();
    assert!(tokens["id_token"].is_string() && tokens["access_token"].is_string(), "{tokens}");
}

async fn get(login: &Login, cookies: &mut Vec<String>, url: &str) -> Response<Bytes> {
    send(login, cookies, Request::get(path(url)).body(Bytes::new()).unwrap()).await
}

async fn post(login: &Login, cookies: &mut Vec<String>, url: &str, body: String) -> Response<Bytes> {
    let request = Request::post(path(url)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(login, cookies, request.body(Bytes::from(body)).unwrap()).await
}

async fn send(login: &Login, cookies: &mut Vec<String>, mut request: Request<Bytes>) -> Response<Bytes> {
    if !cookies.is_empty() {
        request.headers_mut().insert(COOKIE, cookies.join("; ").parse().unwrap());
    }
    let response = login.clone().handle(request, Peer::new([127, 0, 0, 1].into())).await;
    for set in response.headers().get_all(SET_COOKIE) {
        cookies.push(set.to_str().unwrap().split(';').next().unwrap().to_owned());
    }
    response
}

fn location(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

fn path(url: &str) -> &str {
    url.strip_prefix(ISSUER).unwrap_or(url)
}
