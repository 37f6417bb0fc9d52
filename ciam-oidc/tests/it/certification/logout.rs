//! `oidcc-rp-initiated-logout-certification-test-plan`, `oidcc-backchannel-rp-initiated-logout-certification-test-plan` and
//! `oidcc-frontchannel-rp-initiated-logout-certification-test-plan`, and
//! `oidcc-session-management-certification-test-plan`.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::http::BrowserId;
use ciam_core::interaction::InteractionHandle;
use ciam_core::jose::{Algorithm, AlgorithmSet, LocalSigner, TokenType, Verifier, sign};
use ciam_core::memory::MemoryNotifier;
use ciam_core::relay::Relay;
use ciam_core::secret::SecretBytes;
use ciam_oauth::authorize::Visitor;
use http::header::{COOKIE, LOCATION};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::suite::{AFTER_LOGOUT, Browser, Flow, ISSUER, Mode, SECRET, Suite, encode, value_in};

async fn signed_in() -> (Suite, Browser, Flow) {
    let suite = Suite::new(Mode::QUERY).await;
    let mut browser = Browser::default();
    let flow = suite.flow(&mut browser, &[]).await;
    (suite, browser, flow)
}

/// The parameters of a sign-out, with changes; an empty value takes one away.
fn request<'a>(flow: &'a Flow, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut params = vec![
        ("id_token_hint", flow.id_token.as_str()),
        ("post_logout_redirect_uri", AFTER_LOGOUT),
        ("state", "l0gout"),
    ];
    for (name, value) in changes {
        params.retain(|(known, _)| known != name);
        if !value.is_empty() {
            params.push((name, value));
        }
    }
    params
}

/// Where a sign-out leads, after the person said yes if they were asked.
async fn sign_out(
    suite: &Suite,
    browser: &mut Browser,
    params: &[(&str, &str)],
) -> Result<String, StatusCode> {
    let response = browser.get(suite, &format!("/logout?{}", encode(params))).await;
    if response.status() != StatusCode::SEE_OTHER {
        return Err(response.status());
    }
    let next = location(&response);
    let Some(handle) = next.strip_prefix(&format!("{ISSUER}/sign-out/")) else {
        return Ok(onward(suite, browser, next).await);
    };
    let handle = InteractionHandle::from_text(handle);
    let mut headers = http::HeaderMap::new();
    headers.insert(COOKIE, browser.cookie_header().parse().unwrap());
    let own = BrowserId::from_headers(&headers);
    assert!(suite.provider.pending_sign_out(&suite.server, &handle, own.as_ref()).await.is_ok());
    let visitor = Visitor::from_headers(&suite.server, &headers).await.unwrap();
    let next = suite.provider.confirm_sign_out(&suite.server, &handle, &visitor).await.unwrap();
    Ok(onward(suite, browser, next).await)
}

/// By the page that tells the browser, if it has nothing to show.
async fn onward(suite: &Suite, browser: &mut Browser, next: String) -> String {
    let Some(path) = next.strip_prefix(ISSUER).filter(|path| path.starts_with("/logout/clients/")) else {
        return next;
    };
    let response = browser.get(suite, path).await;
    if response.status() == StatusCode::SEE_OTHER { location(&response) } else { next }
}

fn location(response: &Response<Bytes>) -> String {
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

/// Nobody is signed in any more: `prompt=none` says so.
async fn is_signed_out(suite: &Suite, browser: &mut Browser) -> bool {
    let back = browser.authorize(suite, &suite.request(&[("prompt", "none")])).await;
    back.param("error").as_deref() == Some("login_required")
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (suite, mut browser, flow) = signed_in().await;
    let back = sign_out(&suite, &mut browser, &request(&flow, &[])).await.unwrap();
    assert_eq!(back, format!("{AFTER_LOGOUT}?state=l0gout"), "state and nothing else");
    assert!(!browser.has_session());
    assert!(is_signed_out(&suite, &mut browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (suite, mut browser, flow) = signed_in().await;
    let back = sign_out(&suite, &mut browser, &request(&flow, &[("state", "")])).await.unwrap();
    assert_eq!(back, AFTER_LOGOUT);
    assert!(is_signed_out(&suite, &mut browser).await);
}

/// With a request that is refused on a page nobody is signed out, and nothing is redirected.
async fn is_refused(changes: &[(&str, &str)]) {
    let (suite, mut browser, flow) = signed_in().await;
    let refused = sign_out(&suite, &mut browser, &request(&flow, changes)).await;
    assert_eq!(refused, Err(StatusCode::BAD_REQUEST));
    assert!(!is_signed_out(&suite, &mut browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    is_refused(&[("post_logout_redirect_uri", "https://suite.example/other")]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let added = format!("{AFTER_LOGOUT}?foo=bar");
    is_refused(&[("post_logout_redirect_uri", &added)]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (suite, mut browser, flow) = signed_in().await;
    let payload = flow.id_token.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{payload}.", base64url::encode(br#"{"alg":"none","typ":"JWT"}"#));
    let refused = sign_out(&suite, &mut browser, &request(&flow, &[("id_token_hint", &unsigned)])).await;
    assert_eq!(refused, Err(StatusCode::BAD_REQUEST));
    assert!(!is_signed_out(&suite, &mut browser).await);
}

/// An ID token that was signed with the client's secret.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (suite, mut browser, flow) = signed_in().await;
    let secret = SecretBytes::new(SECRET.as_bytes().to_vec());
    let signer = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap();
    let forged = sign(&signer, "JWT", &flow.claims).await.unwrap();
    let refused = sign_out(&suite, &mut browser, &request(&flow, &[("id_token_hint", &forged)])).await;
    assert_eq!(refused, Err(StatusCode::BAD_REQUEST));
    assert!(!is_signed_out(&suite, &mut browser).await);
}

/// Without a hint the person is asked, and the browser stays here: the client is not known.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (suite, mut browser, flow) = signed_in().await;
    let params = request(&flow, &[("id_token_hint", "")]);
    assert_eq!(sign_out(&suite, &mut browser, &params).await.unwrap(), format!("{ISSUER}/signed-out"));
}

async fn ends_on_the_servers_page(keep: &[&str]) {
    let (suite, mut browser, flow) = signed_in().await;
    let mut params = request(&flow, &[]);
    params.retain(|(name, _)| keep.contains(name));
    assert_eq!(sign_out(&suite, &mut browser, &params).await.unwrap(), format!("{ISSUER}/signed-out"));
    assert!(is_signed_out(&suite, &mut browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    ends_on_the_servers_page(&[]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    ends_on_the_servers_page(&["id_token_hint", "state"]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    ends_on_the_servers_page(&["state"]).await;
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    const BACKCHANNEL: &str = "https://suite.example/backchannel_logout";
    let suite = Suite::new(Mode::QUERY).await;
    suite
        .change_client(|client| {
            client.backchannel_logout_uri = Some(BACKCHANNEL.to_owned());
            client.backchannel_logout_session_required = true;
        })
        .await;
    suite.outside.answer(BACKCHANNEL, Response::new(Bytes::new()));
    let mut browser = Browser::default();
    let flow = suite.flow(&mut browser, &[]).await;
    let back = sign_out(&suite, &mut browser, &request(&flow, &[])).await.unwrap();
    assert_eq!(back, format!("{AFTER_LOGOUT}?state=l0gout"));
    let relay = Relay::new(suite.ports.clone(), Arc::new(MemoryNotifier::new()));
    let relay = suite.provider.backchannel_sinks(&suite.server).into_iter().fold(relay, Relay::with_sink);
    for _ in 0..4 {
        relay.deliver_pending().await.unwrap();
    }
    let requests = suite.outside.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method(), http::Method::POST);
    assert_eq!(requests[0].uri().to_string(), BACKCHANNEL);
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(requests[0].body()).into_owned().collect();
    assert_eq!(pairs.len(), 1, "no unexpected parameters");
    assert_eq!(pairs[0].0, "logout_token");
    let keys = suite.server.keys().keys().await.unwrap();
    let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Rs256]), TokenType::exactly("logout+jwt"));
    let claims: Value = verifier.verify(&pairs[0].1, keys.keys()).unwrap().claims().unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("suite")));
    assert_eq!((&claims["sub"], &claims["sid"]), (&flow.claims["sub"], &flow.claims["sid"]));
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert!(claims["jti"].is_string() && claims["iat"].is_number());
    assert_eq!(claims.get("nonce"), None);
}

/// What the frame tells a page of the client: the same comparison, with the cookie that it reads.
fn check_session(browser: &Browser, session_state: &str) -> &'static str {
    let Some(state) = browser.cookie("__Host-ciam_state") else { return "changed" };
    let (hash, salt) = session_state.split_once('.').unwrap();
    let text = format!("suite https://suite.example {state} {salt}");
    let digest = ciam_core::secret::TokenDigest::of(&text);
    if base64url::encode(digest.as_bytes()) == hash { "unchanged" } else { "changed" }
}

#[tokio::test]
async fn oidcc_session_management_rp_initiated_logout() {
    let suite = Suite::new(Mode::QUERY).await;
    let mut browser = Browser::default();
    let back = browser.authorize(&suite, &suite.request(&[])).await;
    let session_state = back.param("session_state").unwrap();
    let (_, tokens) = suite.token(&back.code()).await;
    let frame = browser.get(&suite, "/check-session").await;
    assert_eq!(frame.status(), StatusCode::OK);
    assert_eq!(frame.headers().get("x-frame-options"), None, "it is made to be framed");
    assert_eq!(check_session(&browser, &session_state), "unchanged");
    let params = [
        ("id_token_hint", tokens["id_token"].as_str().unwrap()),
        ("post_logout_redirect_uri", AFTER_LOGOUT),
        ("state", "l0gout"),
    ];
    let back = sign_out(&suite, &mut browser, &params).await.unwrap();
    assert_eq!(back, format!("{AFTER_LOGOUT}?state=l0gout"));
    assert_eq!(check_session(&browser, &session_state), "changed");
    // Signed in again: another session is another state.
    let again = browser.authorize(&suite, &suite.request(&[])).await;
    assert_eq!(check_session(&browser, &session_state), "changed");
    assert_eq!(check_session(&browser, &again.param("session_state").unwrap()), "unchanged");
    // An error says nothing of a session, and a request without `openid` neither.
    let error = browser.authorize(&suite, &suite.request(&[("scope", "unknown")])).await;
    assert_eq!(error.param("session_state"), None);
}

#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    const FRONTCHANNEL: &str = "https://suite.example/frontchannel_logout";
    let suite = Suite::new(Mode::QUERY).await;
    suite
        .change_client(|client| {
            client.frontchannel_logout_uri = Some(FRONTCHANNEL.to_owned());
            client.frontchannel_logout_session_required = true;
        })
        .await;
    let mut browser = Browser::default();
    let flow = suite.flow(&mut browser, &[]).await;
    let page = sign_out(&suite, &mut browser, &request(&flow, &[])).await.unwrap();
    let page = browser.get(&suite, page.strip_prefix(ISSUER).unwrap()).await;
    let body = std::str::from_utf8(page.body()).unwrap();
    let frame = body.split("<iframe src=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert!(frame.starts_with(&format!("{FRONTCHANNEL}?")), "{frame}");
    assert_eq!(value_in(&frame, "iss").as_deref(), Some(ISSUER));
    assert_eq!(value_in(&frame, "sid").as_deref(), flow.claims["sid"].as_str());
    assert_eq!(url::Url::parse(&frame).unwrap().query_pairs().count(), 2, "no unexpected parameters");
    // And then the browser goes where the client wanted it.
    let next = body.split("url=").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(next, format!("{AFTER_LOGOUT}?state=l0gout"));
    assert!(is_signed_out(&suite, &mut browser).await);
}
