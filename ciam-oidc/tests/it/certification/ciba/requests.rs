//! Signed requests and client authentication: what is refused.

use super::*;

in_variants!([poll_key: POLL_KEY, poll_mtls: POLL_MTLS, ping_key: PING_KEY, ping_mtls: PING_MTLS] [
    fapi_ciba_id1_ensure_request_object_missing_aud_fails,
    fapi_ciba_id1_ensure_request_object_bad_aud_fails,
    fapi_ciba_id1_ensure_request_object_missing_iss_fails,
    fapi_ciba_id1_ensure_request_object_bad_iss_fails,
    fapi_ciba_id1_ensure_request_object_missing_exp_fails,
    fapi_ciba_id1_ensure_request_object_expired_exp_fails,
    fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails,
    fapi_ciba_id1_ensure_request_object_missing_iat_fails,
    fapi_ciba_id1_ensure_request_object_missing_nbf_fails,
    fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails,
    fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails,
    fapi_ciba_id1_ensure_request_object_missing_jti_fails,
    fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails,
    fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails,
    fapi_ciba_id1_ensure_request_object_signature_algorithm_is_rs256_fails,
    fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails,
    fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails,
    fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request,
    fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails,
]);

// Not possible with private_key_jwt.
in_variants!([only_poll_mtls: POLL_MTLS, only_ping_mtls: PING_MTLS] [
    fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request,
    fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request,
    fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request,
]);

// Not possible with mutual TLS.
in_variants!([only_poll_key: POLL_KEY, only_ping_key: PING_KEY] [
    fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request,
    fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request,
    fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails,
    fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails,
    fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds,
]);

macro_rules! refused_with {
    ($($name:ident: $changes:expr),+ $(,)?) => {
        $(async fn $name(ciba: &Ciba) {
            let now = ciba.now();
            let changes: fn(i64) -> Value = $changes;
            ciba.refused(&changes(now), &["invalid_request"]).await;
            // It is the change that was refused.
            ciba.begun(&json!({})).await;
        })+
    };
}

refused_with!(
    fapi_ciba_id1_ensure_request_object_missing_aud_fails: |_| json!({ "aud": null }),
    fapi_ciba_id1_ensure_request_object_bad_aud_fails: |_| json!({ "aud": "https://other.example" }),
    fapi_ciba_id1_ensure_request_object_missing_iss_fails: |_| json!({ "iss": null }),
    fapi_ciba_id1_ensure_request_object_bad_iss_fails: |_| json!({ "iss": "bank2" }),
    fapi_ciba_id1_ensure_request_object_missing_exp_fails: |_| json!({ "exp": null }),
    fapi_ciba_id1_ensure_request_object_expired_exp_fails: |now| json!({ "exp": now - 300 }),
    fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails: |now| json!({ "exp": now + 70 * 60 }),
    fapi_ciba_id1_ensure_request_object_missing_iat_fails: |_| json!({ "iat": null }),
    fapi_ciba_id1_ensure_request_object_missing_nbf_fails: |_| json!({ "nbf": null }),
    fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails: |now| json!({ "nbf": now + 600, "exp": now + 900 }),
    fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails: |now| json!({ "nbf": now - 70 * 60 }),
    fapi_ciba_id1_ensure_request_object_missing_jti_fails: |_| json!({ "jti": null }),
    fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails: |_| json!({ "login_hint_token": "ada" }),
);

async fn with_request(ciba: &Ciba, request: &str) {
    let answer = ciba.post_as("bank1", "/bc-authorize", &[("request", request)]).await;
    answer.is_error(&[400], &["invalid_request"]);
}

async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(ciba: &Ciba) {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = Value::Object(ciba.claims(&json!({})));
    with_request(ciba, &format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims))).await;
}

/// A signature that is none.
async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(ciba: &Ciba) {
    let request = ciba.request(&json!({})).await;
    let (signed, signature) = request.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[7] ^= 0x55;
    with_request(ciba, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))).await;
}

async fn fapi_ciba_id1_ensure_request_object_signature_algorithm_is_rs256_fails(ciba: &Ciba) {
    with_request(ciba, &sign(&ciba.rsa, "JWT", &ciba.claims(&json!({}))).await.unwrap()).await;
}

async fn fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(ciba: &Ciba) {
    with_request(ciba, &sign(&ciba.keys[1], "JWT", &ciba.claims(&json!({}))).await.unwrap()).await;
}

async fn fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(ciba: &Ciba) {
    ciba.begun(&json!({})).await;
    ciba.poll("made-up").await.is_error(&[400], &["invalid_grant"]);
}

/// Over the connection of one client, with its request, and another one is named.
async fn fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    ciba: &Ciba,
) {
    let request = ciba.request(&json!({})).await;
    let form = [("request", request.as_str()), ("client_id", "bank2")];
    ciba.post("/bc-authorize", &form, Some("bank1")).await.is_error(&[401], &["invalid_client"]);
}

async fn fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(ciba: &Ciba) {
    let id = ciba.begun(&json!({})).await;
    ciba.approve().await;
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str()), ("client_id", "bank2")];
    ciba.post("/token", &form, Some("bank1")).await.is_error(&[400, 401], &["invalid_client"]);
    // And the other client itself gets nothing, and uses nothing up.
    ciba.post_as("bank2", "/token", &form[..2]).await.is_error(&[400], &["invalid_grant"]);
    ciba.tokens(&id).await;
}

async fn fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request(ciba: &Ciba) {
    for (named, issuer) in [("bank2", "bank2"), ("nobody", "nobody")] {
        let request = ciba.request(&json!({ "iss": issuer })).await;
        let form = [("request", request.as_str()), ("client_id", named)];
        let answer = ciba.post("/bc-authorize", &form, Some("bank1")).await;
        answer.is_error(&[400, 401], &["invalid_client", "invalid_request"]);
    }
}

async fn fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request(ciba: &Ciba) {
    let id = ciba.begun(&json!({})).await;
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str()), ("client_id", "bank1")];
    ciba.post("/token", &form, Some("bank1"))
        .await
        .is_error(&[400, 401], &["invalid_client", "invalid_request"]);
}

async fn fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request(ciba: &Ciba) {
    let request = ciba.request(&json!({})).await;
    let form = [("request", request.as_str()), ("client_id", "bank1")];
    ciba.post("/bc-authorize", &form, None)
        .await
        .is_error(&[400, 401], &["invalid_client", "invalid_request"]);
}

async fn by_rs256(ciba: &Ciba, path: &str, form: &[(&str, &str)]) {
    let assertion = ciba.assertion_by(&ciba.rsa, "bank1", ISSUER).await;
    let mut form = form.to_vec();
    form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
    ciba.post(path, &form, Some("bank1")).await.is_error(&[400, 401], &["invalid_client"]);
}

async fn fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails(
    ciba: &Ciba,
) {
    let request = ciba.request(&json!({})).await;
    by_rs256(ciba, "/bc-authorize", &[("request", &request)]).await;
}

async fn fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails(
    ciba: &Ciba,
) {
    let id = ciba.begun(&json!({})).await;
    by_rs256(ciba, "/token", &[("grant_type", CIBA), ("auth_req_id", &id)]).await;
}

/// The audience of an assertion is the issuer, wherever it is sent.
async fn fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(ciba: &Ciba) {
    let id = ciba.begun(&json!({})).await;
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str())];
    let answer = ciba.post_for("bank1", "/token", &form, ISSUER).await;
    answer.is_error(&[400], &["authorization_pending", "slow_down"]);
}

async fn fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails(ciba: &Ciba) {
    let plain = [("scope", "openid email"), ("login_hint", "ada@example.com")];
    ciba.post_as("bank1", "/bc-authorize", &plain).await.is_error(&[400], &["invalid_request"]);
    // And nothing stands beside a signed one (CIBA Core, section 7.1.1).
    let request = ciba.request(&json!({})).await;
    let both = [("request", request.as_str()), ("scope", "openid")];
    ciba.post_as("bank1", "/bc-authorize", &both).await.is_error(&[400], &["invalid_request"]);
}

/// The same request again begins nothing.
#[tokio::test]
async fn s14_a_signed_request_is_taken_once() {
    let ciba = poll().await;
    let request = ciba.request(&json!({})).await;
    let first = ciba.post_as("bank1", "/bc-authorize", &[("request", &request)]).await;
    assert_eq!(first.status, StatusCode::OK);
    with_request(&ciba, &request).await;
}
