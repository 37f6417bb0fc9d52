//! From the request to its tokens.

use super::*;

#[tokio::test]
async fn fapi_ciba_id1_discovery_end_point_verification() {
    let metadata = poll().await.suite.metadata().await;
    assert_eq!(metadata["backchannel_authentication_endpoint"], format!("{ISSUER}/bc-authorize"));
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping", "push"]));
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false);
    let algorithms = metadata["backchannel_authentication_request_signing_alg_values_supported"].as_array();
    let algorithms = algorithms.unwrap();
    assert!(algorithms.contains(&json!("ES256")) && !algorithms.contains(&json!("none")));
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(CIBA)));
}

#[tokio::test]
async fn fapi_ciba_id1() {
    for delivery in [Delivery::Poll, Delivery::Ping] {
        let ciba = Ciba::new(delivery).await;
        ciba.serve(204, "");
        let id = ciba.begun(&json!({ "requested_expiry": 300 })).await;
        ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
        ciba.approve().await;
        let pinged = ciba.relay().await.unwrap();
        assert_eq!(pinged, usize::from(delivery == Delivery::Ping));
        if delivery == Delivery::Ping {
            let request = ciba.suite.outside.requests().pop().unwrap();
            assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {NOTIFICATION_TOKEN}"));
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(body, json!({ "auth_req_id": id }), "that, and no token");
        }
        let tokens = ciba.tokens(&id).await;
        // Once: again is a replay, which ends what was given.
        ciba.poll(&id).await.is_error(&[400], &["invalid_grant"]);
        let access_token = tokens["access_token"].as_str().unwrap();
        assert!(ciba.suite.userinfo(access_token).await.status().is_client_error());
    }
}

#[tokio::test]
async fn fapi_ciba_id1_user_rejects_authentication() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    let mut browser = Browser::default();
    browser.refuses = true;
    let done = ciba.answer(&mut browser).await;
    assert!(done.ends_with("outcome=refused"), "{done}");
    ciba.poll(&id).await.is_error(&[400], &["access_denied"]);
}

/// Too often is told, and nobody is pinged who polls.
#[tokio::test]
async fn fapi_ciba_id1_multiple_call_to_token_endpoint() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.poll(&id).await.is_error(&[400], &["slow_down"]);
    ciba.approve().await;
    ciba.tokens(&id).await;
    assert_eq!(ciba.relay().await.unwrap(), 0);
    assert!(ciba.suite.outside.requests().is_empty());
}

#[tokio::test]
async fn fapi_ciba_id1_auth_req_id_expired() {
    let ciba = poll().await;
    let answer = ciba.begin(&json!({ "requested_expiry": 10 })).await;
    assert_eq!(answer.body["expires_in"], 10);
    ciba.suite.pass(15).await;
    ciba.poll(&answer.text("auth_req_id")).await.is_error(&[400], &["expired_token"]);
}

/// What the client shows is what the person is shown.
#[tokio::test]
async fn fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "binding_message": "1234" })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some("1234"));
    let mut browser = Browser::default();
    ciba.answer(&mut browser).await;
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_other_scope_order_succeeds() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "scope": "email openid" })).await;
    ciba.approve().await;
    ciba.tokens(&id).await;
}

#[tokio::test]
async fn fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds() {
    let ciba = poll().await;
    let answer = ciba.begin(&json!({ "requested_expiry": "30" })).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (StatusCode::OK, &json!(30)));
    for bad in [json!("0"), json!("-1"), json!("soon"), json!(1.5), json!("99999999999")] {
        ciba.begin(&json!({ "requested_expiry": bad })).await.is_error(&[400], &["invalid_request"]);
    }
}

/// Shown as it is, or refused: what cannot be shown on one line is refused.
#[tokio::test]
async fn fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message() {
    let ciba = poll().await;
    let odd = "1234 \u{1f44d}\u{1f3ff} \u{4f60}\u{597d} & <b> ' \"";
    ciba.begun(&json!({ "binding_message": odd })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some(odd));
    for bad in ["two\nlines", "\u{202e}drawkcab", &"x".repeat(129)] {
        ciba.begin(&json!({ "binding_message": bad })).await.is_error(&[400], &["invalid_binding_message"]);
    }
}

#[tokio::test]
async fn fapi_ciba_id1_refresh_token() {
    let ciba = poll().await;
    let id = ciba.begun(&json!({ "scope": "openid email offline_access" })).await;
    ciba.approve().await;
    let tokens = ciba.tokens(&id).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert!(refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let refreshed = ciba.post_as("bank1", "/token", &form).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    ciba.post_as("bank2", "/token", &form).await.is_error(&[400], &["invalid_grant"]);
}

/// CIBA Core, section 13: whom nobody knows, and what has expired.
#[tokio::test]
async fn ciba_13_hints_that_name_nobody() {
    let ciba = poll().await;
    ciba.refused(&json!({ "login_hint": "grace@example.com" }), &["unknown_user_id"]).await;
    let token = |value: &str| json!({ "login_hint": null, "login_hint_token": value });
    ciba.refused(&token("old"), &["expired_login_hint_token"]).await;
    ciba.refused(&json!({ "login_hint": null }), &["invalid_request"]).await;
    ciba.refused(&json!({ "login_hint": null, "id_token_hint": "made.up.token" }), &["unknown_user_id"])
        .await;
    ciba.refused(&json!({ "scope": "email" }), &["invalid_scope"]).await;
    // An ID token of the client's own names its person.
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    let tokens = ciba.tokens(&id).await;
    let hint = json!({ "login_hint": null, "id_token_hint": tokens["id_token"] });
    ciba.begun(&hint).await;
}

/// What a host shows in a list is what the person is asked, until it is answered.
#[tokio::test]
async fn a_question_can_be_shown_until_it_is_answered() {
    let ciba = poll().await;
    ciba.begun(&json!({ "binding_message": "1234", "requested_expiry": 60 })).await;
    let asked = async || ciba.suite.server.backchannel_question(&ciba.handle()).await.unwrap();
    let question = asked().await.unwrap();
    assert_eq!(question.account, ciba.suite.person.value.id);
    assert_eq!((question.client.as_str(), question.binding_message.as_deref()), ("bank1", Some("1234")));
    assert_eq!(question.scopes.to_string(), "email openid");
    assert_eq!((question.expires_at - ciba.suite.ports.now()).whole_seconds(), 60);
    ciba.approve().await;
    assert_eq!(asked().await, None, "answered");
    ciba.begun(&json!({ "requested_expiry": 60 })).await;
    assert_eq!(asked().await.unwrap().binding_message, None);
    ciba.suite.clock.advance(Duration::seconds(60));
    assert_eq!(asked().await, None, "late");
    let nothing = ciba.suite.server.backchannel_question(&Secret::from("no-handle")).await.unwrap();
    assert_eq!(nothing, None);
}

/// Whoever asks: a person is asked so often in a while, and then left in peace.
#[tokio::test]
async fn people_are_not_flooded() {
    let ciba = poll().await;
    for _ in 0..10 {
        ciba.begun(&json!({})).await;
    }
    ciba.begin(&json!({})).await.is_error(&[429], &["temporarily_unavailable"]);
    let object = sign(&ciba.keys[1], "JWT", &ciba.claims(&json!({ "iss": "bank2" }))).await.unwrap();
    let other = ciba.post_as("bank2", "/bc-authorize", &[("request", &object)]).await;
    other.is_error(&[429], &["temporarily_unavailable"]);
    assert_eq!(ciba.people.told.lock().unwrap().len(), 10);
    ciba.suite.clock.advance(Duration::minutes(11));
    ciba.begun(&json!({})).await;
}

/// CIBA Core, sections 7.1 and 13: the code by which a person lets themselves be asked.
#[tokio::test]
async fn ciba_7_1_user_code() {
    let ciba = Ciba::with(Delivery::Poll, BackchannelSettings::with_user_codes).await;
    assert_eq!(ciba.suite.metadata().await["backchannel_user_code_parameter_supported"], true);
    // A client that does not ask for codes cannot know one, whatever it sends.
    ciba.refused(&json!({ "user_code": "4711" }), &["missing_user_code"]).await;
    for id in ["bank1", "bank2"] {
        let clients = ciba.suite.server.clients();
        let read = clients.get(&id.parse().unwrap()).await.unwrap().unwrap();
        let mut next = read.value.clone();
        next.backchannel = next.backchannel.map(BackchannelClient::with_user_codes);
        clients.update(&read, next).await.unwrap();
    }
    ciba.refused(&json!({}), &["missing_user_code"]).await;
    ciba.refused(&json!({ "user_code": "4712" }), &["invalid_user_code"]).await;
    ciba.refused(&json!({ "user_code": "x".repeat(129) }), &["invalid_request"]).await;
    ciba.begun(&json!({ "user_code": "4711" })).await;

    // Where people have no codes a client is not registered for them.
    let off = poll().await;
    let read = off.suite.server.clients().get(&"bank1".parse().unwrap()).await.unwrap().unwrap();
    let mut next = read.value.clone();
    next.backchannel = next.backchannel.map(BackchannelClient::with_user_codes);
    assert!(off.suite.server.clients().update(&read, next).await.is_err());
    off.begun(&json!({ "user_code": "ignored" })).await;
}
