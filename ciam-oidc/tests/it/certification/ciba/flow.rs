//! From the request to its tokens.

use super::*;

in_variants!([poll_key: POLL_KEY, poll_mtls: POLL_MTLS, ping_key: PING_KEY, ping_mtls: PING_MTLS] [
    fapi_ciba_id1_discovery_end_point_verification,
    fapi_ciba_id1,
    fapi_ciba_id1_user_rejects_authentication,
    fapi_ciba_id1_multiple_call_to_token_endpoint,
    fapi_ciba_id1_auth_req_id_expired,
    fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds,
    fapi_ciba_id1_ensure_other_scope_order_succeeds,
    fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds,
    fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message,
    fapi_ciba_id1_refresh_token,
    fapi_ciba_id1_ensure_mtls_holder_of_key_required,
]);

async fn fapi_ciba_id1_discovery_end_point_verification(ciba: &Ciba) {
    let metadata = ciba.suite.metadata().await;
    assert_eq!(metadata["issuer"], ISSUER);
    assert!(metadata["jwks_uri"].as_str().unwrap().starts_with("https://"));
    for (name, path) in [
        ("backchannel_authentication_endpoint", "/bc-authorize"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/userinfo"),
    ] {
        assert_eq!(metadata[name], format!("{ISSUER}{path}"));
        assert_eq!(metadata["mtls_endpoint_aliases"][name], format!("{WITH_CERTIFICATE}{path}"));
    }
    assert!(metadata["mtls_endpoint_aliases"].get("authorization_endpoint").is_none());
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false);
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    let list = |name: &str| -> Vec<String> { serde_json::from_value(metadata[name].clone()).unwrap() };
    assert!(list("grant_types_supported").iter().any(|it| it == CIBA));
    let methods = list("token_endpoint_auth_methods_supported");
    for method in ["private_key_jwt", "self_signed_tls_client_auth", "tls_client_auth"] {
        assert!(methods.iter().any(|it| it == method), "{method}");
    }
    assert!(!methods.iter().any(|it| it.starts_with("client_secret")), "{methods:?}");
    for name in [
        "backchannel_authentication_request_signing_alg_values_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
    ] {
        let algorithms = list(name);
        assert!(algorithms.iter().any(|it| it == "ES256"), "{name} {algorithms:?}");
        assert!(algorithms.iter().all(|it| it == "ES256" || it == "PS256"), "{name} {algorithms:?}");
    }
}

/// Two clients, one after the other; the second with what else a request may have.
async fn fapi_ciba_id1(ciba: &Ciba) {
    ciba.serve(204, "");
    // Assertions are for the issuer, and those of the second client for the token endpoint.
    let request = ciba.request(&json!({})).await;
    let begun = ciba.post_for("bank1", "/bc-authorize", &[("request", &request)], ISSUER).await;
    let id = ciba.is_begun(&begun);
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.suite.pass(5).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.approve().await;
    ciba.is_told_of(&id, NOTIFICATION_TOKEN).await;
    let tokens = ciba.tokens(&id).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let interaction = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
    for accept in ["application/json;charset=UTF-8", "*/*"] {
        let headers = [
            (INTERACTION, interaction),
            ("x-fapi-auth-date", "Tue, 11 Sep 2012 19:43:31 GMT"),
            ("x-fapi-customer-ip-address", "2001:DB8::1893:25c8:1946"),
            ("accept", accept),
        ];
        let response = ciba.userinfo(access_token, Some("bank1"), &headers).await;
        assert_eq!(
            (response.status(), response.headers()[INTERACTION].to_str().unwrap()),
            (StatusCode::OK, interaction)
        );
    }
    let in_query = Request::get(format!("/userinfo?access_token={access_token}")).body(Bytes::new()).unwrap();
    let response = ciba.suite.server.handle(in_query, &peer(Some("bank1"))).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "a token is never in the address");

    let acr = ciba.suite.metadata().await["acr_values_supported"][0].clone();
    let (token, expiry) = (format!("{}=", "t".repeat(1023)), 300);
    let mut changes = json!({ "iss": "bank2", "requested_expiry": expiry, "acr_values": acr });
    if ciba.variant.delivery == Delivery::Ping {
        changes["client_notification_token"] = json!(token);
    }
    let request = sign(ciba.key("bank2"), "OautH-auThZ-REQ+jWt", &ciba.claims(&changes)).await.unwrap();
    let audience = format!("{ISSUER}/token");
    let begun = ciba.post_for("bank2", "/bc-authorize", &[("request", &request)], &audience).await;
    assert_eq!(begun.body["expires_in"], expiry);
    let id = ciba.is_begun(&begun);
    ciba.poll_as("bank2", &id).await.is_error(&[400], &["authorization_pending"]);
    ciba.approve().await;
    ciba.is_told_of(&id, &token).await;
    let tokens = ciba.tokens_as("bank2", &id).await;
    assert_eq!(ciba.verified(tokens["id_token"].as_str().unwrap()).await["acr"], acr);
    // With the certificate of the first client, and with none.
    let access_token = tokens["access_token"].as_str().unwrap();
    for other in [Some("bank1"), None] {
        assert!(ciba.userinfo(access_token, other, &[]).await.status().is_client_error());
    }
    // Once: again is a replay, which ends what was given.
    ciba.poll_as("bank2", &id).await.is_error(&[400], &["invalid_grant"]);
    assert!(ciba.userinfo(access_token, Some("bank2"), &[]).await.status().is_client_error());
}

async fn fapi_ciba_id1_user_rejects_authentication(ciba: &Ciba) {
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.reject().await;
    ciba.is_told_of(&id, NOTIFICATION_TOKEN).await;
    ciba.poll(&id).await.is_error(&[400], &["access_denied"]);
}

/// Too often is told, as often as it is too often, and nobody is pinged who polls.
async fn fapi_ciba_id1_multiple_call_to_token_endpoint(ciba: &Ciba) {
    ciba.serve(204, "");
    let id = ciba.begun(&json!({})).await;
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    for _ in 0..20 {
        ciba.poll(&id).await.is_error(&[400], &["slow_down"]);
    }
    ciba.approve().await;
    ciba.is_told_of(&id, NOTIFICATION_TOKEN).await;
    ciba.tokens(&id).await;
}

async fn fapi_ciba_id1_auth_req_id_expired(ciba: &Ciba) {
    let answer = ciba.begin(&json!({ "requested_expiry": 10 })).await;
    assert_eq!(answer.body["expires_in"], 10);
    let id = ciba.is_begun(&answer);
    ciba.poll(&id).await.is_error(&[400], &["authorization_pending"]);
    ciba.suite.pass(15).await;
    ciba.poll(&id).await.is_error(&[400], &["expired_token"]);
}

/// What the client shows is what the person is shown.
async fn fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(ciba: &Ciba) {
    let id = ciba.begun(&json!({ "binding_message": "1234" })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some("1234"));
    ciba.approve().await;
    ciba.tokens(&id).await;
}

async fn fapi_ciba_id1_ensure_other_scope_order_succeeds(ciba: &Ciba) {
    let id = ciba.begun(&json!({ "scope": "email openid" })).await;
    ciba.approve().await;
    ciba.tokens(&id).await;
}

async fn fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(ciba: &Ciba) {
    let answer = ciba.begin(&json!({ "requested_expiry": "30" })).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (StatusCode::OK, &json!(30)));
    for bad in [json!("0"), json!("-1"), json!("soon"), json!(1.5), json!("99999999999")] {
        ciba.begin(&json!({ "requested_expiry": bad })).await.is_error(&[400], &["invalid_request"]);
    }
    ciba.approve().await;
    ciba.tokens(&ciba.is_begun(&answer)).await;
}

/// Shown as it is, or refused: what cannot be shown on one line is refused, as the module's long one is.
async fn fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(ciba: &Ciba) {
    let odd = "1234 \u{1f44d}\u{1f3ff} \u{4f60}\u{597d} & <b> ' \"";
    ciba.begun(&json!({ "binding_message": odd })).await;
    assert_eq!(ciba.people.told.lock().unwrap()[0].1.as_deref(), Some(odd));
    let long = format!("{odd} {}", "word ".repeat(90));
    for bad in ["two\nlines", "\u{202e}drawkcab", &"x".repeat(129), long.trim_end()] {
        ciba.begin(&json!({ "binding_message": bad })).await.is_error(&[400], &["invalid_binding_message"]);
    }
}

async fn fapi_ciba_id1_refresh_token(ciba: &Ciba) {
    let grants = &ciba.suite.metadata().await["grant_types_supported"];
    assert!(grants.as_array().unwrap().contains(&json!("refresh_token")));
    let id = ciba.begun(&json!({ "scope": "openid email offline_access" })).await;
    ciba.approve().await;
    let tokens = ciba.tokens(&id).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert!(refresh_token.len() >= 22 && refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let refreshed = ciba.post_as("bank1", "/token", &form).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    let access_token = refreshed.text("access_token");
    assert_ne!(tokens["access_token"], access_token.as_str());
    assert_eq!(ciba.userinfo(&access_token, Some("bank1"), &[]).await.status(), StatusCode::OK);
    assert!(ciba.userinfo(&access_token, Some("bank2"), &[]).await.status().is_client_error());
    ciba.post_as("bank2", "/token", &form).await.is_error(&[400], &["invalid_grant"]);
}

/// A request that is good but for the certificate of its connection gets no token, and uses nothing up.
async fn fapi_ciba_id1_ensure_mtls_holder_of_key_required(ciba: &Ciba) {
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    let assertion = ciba.assertion_by(ciba.key("bank1"), "bank1", ISSUER).await;
    let mut form = vec![("grant_type", CIBA), ("auth_req_id", id.as_str())];
    if ciba.variant.mtls {
        form.push(("client_id", "bank1"));
        ciba.post("/token", &form, None).await.is_error(&[400, 401], &["invalid_client", "invalid_request"]);
    } else {
        form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
        let codes = ["invalid_client", "invalid_request", "invalid_grant"];
        ciba.post("/token", &form, None).await.is_error(&[400, 401], &codes);
    }
    ciba.tokens(&id).await;
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
    ciba.begun(&json!({ "requested_expiry": 60, "binding_message": null })).await;
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
    let ciba = Ciba::with(Variant::POLL_KEY, BackchannelSettings::with_user_codes).await;
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
