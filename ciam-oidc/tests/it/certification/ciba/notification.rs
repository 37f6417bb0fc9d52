//! What the client's endpoint is told and sent.

use super::*;

in_variants!([ping_key: PING_KEY, ping_mtls: PING_MTLS] [
    fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body,
    fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401,
    fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403,
    fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry,
    fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request,
]);

/// The client's endpoint may answer what it likes, as long as it is no error of its own: nothing is sent twice.
async fn pinged(ciba: &Ciba, status: u16, body: &str) {
    ciba.serve(status, body);
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert_eq!(ciba.relay().await.unwrap(), 1);
    assert_eq!(ciba.suite.outside.requests().len(), 1);
    ciba.tokens(&id).await;
}

async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body(ciba: &Ciba) {
    pinged(ciba, 200, "something").await;
}

async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401(ciba: &Ciba) {
    pinged(ciba, 401, "").await;
}

async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403(ciba: &Ciba) {
    pinged(ciba, 403, "").await;
}

/// The relay has done with it: an error would make it try again.
async fn fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(
    ciba: &Ciba,
) {
    pinged(ciba, 401, "").await;
}

/// A redirect is not followed.
async fn fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request(ciba: &Ciba) {
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
    let ciba = Ciba::new(Variant::PING_KEY).await;
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
    let ciba = Ciba::new(Variant::PUSH).await;
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
    assert_eq!(
        ciba.userinfo(body["access_token"].as_str().unwrap(), None, &[]).await.status(),
        StatusCode::OK
    );
    // The same event again pushes nothing more.
    ciba.relay().await.unwrap();
    assert_eq!(ciba.suite.outside.requests().len(), 1);
}

#[tokio::test]
async fn ciba_12_a_refusal_is_pushed_too() {
    let ciba = Ciba::new(Variant::PUSH).await;
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    ciba.reject().await;
    ciba.relay().await.unwrap();
    let body: Value = serde_json::from_slice(ciba.suite.outside.requests().pop().unwrap().body()).unwrap();
    assert_eq!(body, json!({ "auth_req_id": id, "error": "access_denied" }));
}

/// Tokens that the client could not be sent nobody has: their grant is revoked.
#[tokio::test]
async fn pushed_tokens_that_do_not_arrive_are_revoked() {
    let ciba = Ciba::new(Variant::PUSH).await;
    ciba.serve(500, "");
    ciba.begun(&json!({})).await;
    ciba.approve().await;
    assert!(ciba.relay().await.is_err());
    let sent = ciba.suite.outside.requests();
    assert_eq!(sent.len(), 3, "tried, and tried again");
    let body: Value = serde_json::from_slice(sent[0].body()).unwrap();
    let response = ciba.userinfo(body["access_token"].as_str().unwrap(), None, &[]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// What the server no longer does is not done for a client that was registered for it before, nor for one that lost the grant, not
/// even where the person has already answered.
#[tokio::test]
async fn what_may_not_be_pushed_any_more_is_not_pushed() {
    let mut ciba = Ciba::new(Variant::PUSH).await;
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

    let ciba = Ciba::new(Variant::PUSH).await;
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

/// Section 12: a client that does not ask is told that nobody has answered in time, once, and not before.
#[tokio::test]
async fn ciba_12_a_request_that_nobody_answers_ends_with_a_push() {
    let ciba = Ciba::new(Variant::PUSH).await;
    ciba.serve(204, "");
    let end = async || ciba.suite.server.end_unanswered(100).await.unwrap();
    let late = ciba.begun(&json!({ "requested_expiry": 60 })).await;
    let later = ciba.begun(&json!({ "requested_expiry": 120 })).await;
    ciba.suite.pass(59).await;
    assert_eq!(end().await, 0, "there is a second left");
    ciba.suite.pass(1).await;
    assert_eq!(end().await, 1);
    assert_eq!(end().await, 0, "each ends once");
    // The client does not answer at first: it is told again.
    ciba.serve(503, "");
    assert!(ciba.relay().await.is_err());
    ciba.serve(204, "");
    ciba.relay().await.unwrap();
    ciba.relay().await.unwrap();
    let requests = ciba.suite.outside.requests();
    assert_eq!(requests.len(), 2, "and then no more");
    for request in &requests {
        assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {NOTIFICATION_TOKEN}"));
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body, json!({ "auth_req_id": late, "error": "expired_token" }));
    }
    // A server that slept for long tells them all the same.
    ciba.suite.clock.advance(Duration::hours(3));
    assert_eq!(end().await, 1);
    ciba.relay().await.unwrap();
    let body: Value = serde_json::from_slice(ciba.suite.outside.requests().pop().unwrap().body()).unwrap();
    assert_eq!(body["auth_req_id"], json!(later));
}

/// Whoever was told of an answer is not told that there was none; and whoever asks, or is told to, is not told at all.
#[tokio::test]
async fn what_was_answered_does_not_end() {
    let ciba = Ciba::new(Variant::PUSH).await;
    ciba.serve(204, "");
    ciba.begun(&json!({ "requested_expiry": 60 })).await;
    ciba.approve().await;
    ciba.relay().await.unwrap();
    ciba.begun(&json!({ "requested_expiry": 60 })).await;
    ciba.reject().await;
    ciba.relay().await.unwrap();
    // Answered, and the relay has not told the client yet.
    ciba.begun(&json!({ "requested_expiry": 60 })).await;
    ciba.reject().await;
    let told = ciba.suite.outside.requests().len();
    ciba.suite.pass(61).await;
    assert_eq!(ciba.suite.server.end_unanswered(100).await.unwrap(), 0);
    ciba.suite.clock.advance(Duration::hours(3));
    assert_eq!(ciba.suite.server.end_unanswered(100).await.unwrap(), 0);
    assert_eq!(ciba.suite.outside.requests().len(), told);
    for variant in [Variant::POLL_KEY, Variant::PING_KEY] {
        let ciba = Ciba::new(variant).await;
        ciba.begun(&json!({ "requested_expiry": 60 })).await;
        ciba.suite.pass(61).await;
        assert_eq!(ciba.suite.server.end_unanswered(100).await.unwrap(), 0);
    }
}

/// Two nodes look at the same time: the client is told once.
#[tokio::test]
async fn of_two_that_end_a_request_one_does() {
    let ciba = Ciba::new(Variant::PUSH).await;
    for _ in 0..5 {
        ciba.begun(&json!({ "requested_expiry": 60 })).await;
    }
    ciba.suite.pass(60).await;
    let server = &ciba.suite.server;
    assert_eq!(server.end_unanswered(2).await.unwrap(), 2, "a few at a time");
    let (one, other) = tokio::join!(server.end_unanswered(100), server.end_unanswered(100));
    assert_eq!(one.unwrap() + other.unwrap(), 3);
    let told = |event: &Event| event.data["record"].as_str().unwrap().to_owned();
    ciba.serve(204, "");
    ciba.relay().await.unwrap();
    let told: std::collections::BTreeSet<String> = ciba.events.lock().unwrap().iter().map(told).collect();
    assert_eq!((told.len(), ciba.suite.outside.requests().len()), (5, 5));
}
