//! What the client's endpoint is told and sent.

use super::*;

/// The client's endpoint may answer what it likes, as long as it is no error of its own: nothing is sent twice.
async fn pinged(status: u16, body: &str) {
    let ciba = Ciba::new(Delivery::Ping).await;
    ciba.serve(status, body);
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    assert_eq!(ciba.suite.outside.requests().len(), 1);
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body() {
    pinged(200, "something").await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401() {
    pinged(401, "").await;
}

#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403() {
    pinged(403, "").await;
}

/// The relay has done with it: an error would make it try again.
#[tokio::test]
async fn fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry()
 {
    pinged(401, "").await;
}

/// A redirect is not followed.
#[tokio::test]
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request() {
    let ciba = Ciba::new(Delivery::Ping).await;
    let elsewhere = Response::builder().status(302).header(LOCATION, "https://suite.example/elsewhere");
    ciba.suite.outside.answer(NOTIFY, elsewhere.body(Bytes::new()).unwrap());
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    let asked: Vec<String> = ciba.suite.outside.requests().iter().map(|it| it.uri().to_string()).collect();
    assert_eq!(asked, [NOTIFY]);
    ciba.tokens(&id).await;
}

/// An error of the client's own is tried again: the relay is told.
#[tokio::test]
async fn a_client_that_fails_is_pinged_again() {
    let ciba = Ciba::new(Delivery::Ping).await;
    ciba.serve(503, "");
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert!(ciba.relay().await.is_err());
    ciba.serve(204, "");
    assert_eq!(ciba.relay().await.unwrap(), 1);
    ciba.tokens(&id).await;
}

/// Section 10.3: the tokens themselves, bound to their request, once; and a client that is pushed to does not ask.
#[tokio::test]
async fn ciba_10_3_pushed_tokens_are_bound_to_their_request() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["unauthorized_client"]);
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    let request = ciba.suite.outside.requests().pop().unwrap();
    assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {NOTIFICATION_TOKEN}"));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["auth_req_id"], json!(id));
    let claims = ciba.verified(body["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], json!(id));
    let hash = |text: &str| ciam_oidc::id_token::half_hash(&*crypto::ring(), Algorithm::Es256, text);
    assert_eq!(claims["at_hash"], hash(body["access_token"].as_str().unwrap()));
    let refresh = body["refresh_token"].as_str().unwrap();
    assert_eq!(claims["urn:openid:params:jwt:claim:rt_hash"], hash(refresh));
    assert_eq!(ciba.suite.userinfo(body["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
    // The same event again pushes nothing more.
    ciba.relay().await.unwrap();
    assert_eq!(ciba.suite.outside.requests().len(), 1);
}

#[tokio::test]
async fn ciba_12_a_refusal_is_pushed_too() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    let mut browser = Browser::default();
    browser.refuses = true;
    ciba.answer(&mut browser).await;
    ciba.relay().await.unwrap();
    let body: Value = serde_json::from_slice(ciba.suite.outside.requests().pop().unwrap().body()).unwrap();
    assert_eq!(body, json!({ "auth_req_id": id, "error": "access_denied" }));
}

/// Tokens that the client could not be sent nobody has: their grant is revoked.
#[tokio::test]
async fn pushed_tokens_that_do_not_arrive_are_revoked() {
    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(500, "");
    ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert!(ciba.relay().await.is_err());
    let sent = ciba.suite.outside.requests();
    assert_eq!(sent.len(), 3, "tried, and tried again");
    let body: Value = serde_json::from_slice(sent[0].body()).unwrap();
    let response = ciba.suite.userinfo(body["access_token"].as_str().unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// What the server no longer does is not done for a client that was registered for it before, nor for one that lost the grant, not
/// even where the person has already answered.
#[tokio::test]
async fn what_may_not_be_pushed_any_more_is_not_pushed() {
    let mut ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    ciba.begun(&json!({})).await;
    ciba.approve().await;
    let settings = BackchannelSettings::new(ciba.people.clone(), "/backchannel/done");
    ciba.suite.server = AuthorizationServer::builder(ciba.suite.ports.clone())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url(format!("{ISSUER}/interaction/"))
        .backchannel(settings)
        .require_sender_constraint(SenderConstraint::Dpop)
        .extension(ciba.suite.provider.clone())
        .build()
        .await
        .unwrap();
    assert_eq!(ciba.relay().await.unwrap(), 1);
    assert!(ciba.suite.outside.requests().is_empty(), "nobody could bind these tokens");
    ciba.begin(&json!({})).await.is_error(&[400], &["unauthorized_client"]);

    let ciba = Ciba::new(Delivery::Push).await;
    ciba.serve(204, "");
    ciba.begun(&json!({})).await;
    ciba.approve().await;
    let read = ciba.suite.server.clients().get(&"bank1".parse().unwrap()).await.unwrap().unwrap();
    let mut next = read.value.clone();
    next.grants.remove(&GrantType::Ciba);
    ciba.suite.server.clients().update(&read, next).await.unwrap();
    assert_eq!(ciba.relay().await.unwrap(), 1);
    assert!(ciba.suite.outside.requests().is_empty(), "the client lost the grant");
}
