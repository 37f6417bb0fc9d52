//! The token endpoint and what authenticates a client: FAPI 2.0 Security Profile, section 5.3.2.1.

use ciam_core::jose::sign;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::suite::{Browser, ISSUER};
use super::bank::{Bank, dpop_key, token_form};
use super::in_plans;

in_plans!([security: Security, security_mtls: SecurityMtls, signing: Signing] [
    fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client,
    fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second,
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code,
    fapi2_security_profile_final_ensure_client_id_in_token_endpoint,
    fapi2_security_profile_final_refresh_token,
    fapi2_security_profile_final_ensure_pkce_code_verifier_required,
    fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected,
]);

// What is about client assertions, for the variants that have them.
in_plans!([security_assertion: Security, signing_assertion: Signing] [
    fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails,
    fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint,
    fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails,
    fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails,
    fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails,
    fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted,
    fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails,
    fapi2_security_profile_final_par_test_array_as_audience_fails,
    fapi2_security_profile_final_par_test_par_endpoint_url_as_audience_fails,
    fapi2_security_profile_final_par_test_token_endpoint_url_as_audience_fails,
]);

// The same without DPoP: a certificate is what the token would be bound to.
in_plans!([mtls: SecurityMtls] [
    fapi2_security_profile_final_ensure_holder_of_key_required,
    fapi2_security_profile_final_access_token_type_header_case_sensitivity,
]);

async fn fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    bank.exchange_as("bank2", &code, &[], Some(&bank.dpop)).await.is_error(&[400], &["invalid_grant"]);
    // S6: it was not used up by that.
    bank.tokens(&code, &json!({})).await;
}

async fn fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let tokens = bank.tokens(&code, &json!({})).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(bank.resource(access_token).await.status(), StatusCode::OK);
    bank.suite.pass(1).await;
    bank.exchange(&code, &[]).await.is_error(&[400], &["invalid_grant"]);
    // RFC 6749, section 4.1.2: what it was exchanged for is revoked.
    assert!(bank.resource(access_token).await.status().is_client_error());
}

/// Section 5.3.2.1: a code lives for at most 60 seconds.
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    bank.suite.pass(62).await;
    bank.exchange(&code, &[]).await.is_error(&[400], &["invalid_grant"]);
}

/// The id of another client beside the authentication of this one.
async fn fapi2_security_profile_final_ensure_client_id_in_token_endpoint(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let answer = bank.exchange(&code, &[("client_id", "bank2")]).await;
    answer.is_error(&[400, 401], &["invalid_client", "invalid_grant"]);
}

async fn fapi2_security_profile_final_refresh_token(bank: &Bank) {
    let changes = json!({ "scope": "openid email offline_access", "prompt": "consent" });
    let tokens = bank.flow(&changes).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    // RFC 6749, appendix A.17.
    assert!(refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    bank.suite.pass(1).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    let key = (!bank.plan.has_certificate()).then_some(&bank.dpop);
    let refreshed = bank.post_as("bank1", "/token", &form, key).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    assert_ne!(refreshed.body["access_token"], tokens["access_token"]);
    // Section 5.3.2.1: refresh tokens do not rotate.
    assert!(refreshed.body.get("refresh_token").is_none_or(|it| it == &json!(refresh_token)));
    let before = bank.verified(tokens["id_token"].as_str().unwrap()).await;
    let after = bank.verified(&refreshed.text("id_token")).await;
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(bank.resource(&refreshed.text("access_token")).await.status(), StatusCode::OK);
    // A scope value is less, never more.
    for (scope, status) in [("openid email", 200), ("openid email offline_access phone", 400)] {
        let form = [form[0], form[1], ("scope", scope)];
        let answer = bank.post_as("bank1", "/token", &form, key).await;
        assert_eq!(answer.status.as_u16(), status, "{scope}");
    }
    // Of another client, of nobody, and without a key to bind to.
    bank.post_as("bank2", "/token", &form, key).await.is_error(&[400], &["invalid_grant"]);
    let alone = [form[0], form[1], ("client_id", "bank1")];
    bank.post("/token", &alone, None, None)
        .await
        .is_error(&[400, 401], &["invalid_client", "invalid_request"]);
    if !bank.plan.has_certificate() {
        let codes = ["invalid_dpop_proof", "invalid_request", "invalid_grant"];
        bank.post_as("bank1", "/token", &form, None).await.is_error(&[400, 401], &codes);
        // A confidential client may come with a new key.
        assert_eq!(bank.post_as("bank1", "/token", &form, Some(&dpop_key())).await.status, StatusCode::OK);
    }
}

async fn fapi2_security_profile_final_ensure_pkce_code_verifier_required(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    bank.exchange(&code, &[("code_verifier", "")]).await.is_error(&[400], &["invalid_grant"]);
}

async fn fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let wrong = "w".repeat(43);
    bank.exchange(&code, &[("code_verifier", wrong.as_str())]).await.is_error(&[400], &["invalid_grant"]);
}

async fn token_with(bank: &Bank, assertion: &str, codes: &[&str]) {
    let code = bank.code(&json!({})).await;
    let form = token_form(&code, &[("client_id", "bank1")]);
    bank.post_with_assertion("/token", &form, assertion).await.is_error(&[400, 401], codes);
    bank.tokens(&code, &json!({})).await;
}

const NOT_AUTHENTICATED: [&str; 2] = ["invalid_client", "invalid_request"];

async fn fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails(bank: &Bank) {
    let assertion = sign(&bank.rsa, "JWT", &bank.assertion_claims("bank1", &json!({}))).await.unwrap();
    token_with(bank, &assertion, &["invalid_client"]).await;
}

async fn fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let proof = bank.proof(&bank.dpop, &http::Method::POST, "/token", None).await;
    let form = token_form(&code, &[("client_id", "bank1")]);
    bank.post("/token", &form, Some(&proof), None).await.is_error(&[400, 401], &NOT_AUTHENTICATED);
}

async fn with_changes(bank: &Bank, changes: Value) {
    let assertion = bank.assertion("bank1", &changes).await;
    token_with(bank, &assertion, &NOT_AUTHENTICATED).await;
}

async fn fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    bank: &Bank,
) {
    with_changes(bank, json!({ "exp": bank.now() - 300 })).await;
}

async fn fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails(bank: &Bank) {
    with_changes(bank, json!({ "aud": "https://other.example" })).await;
}

async fn fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails(bank: &Bank) {
    with_changes(bank, json!({ "sub": null })).await;
}

/// Pushes with an assertion that says something else.
async fn push_with(bank: &Bank, changes: Value) -> super::bank::Answer {
    let params = bank.params(&json!({}));
    let assertion = bank.assertion("bank1", &changes).await;
    if bank.plan.signs() {
        let object = bank.object(&params, &json!({})).await;
        let form = [("client_id", "bank1"), ("request", object.as_str())];
        return bank.post_with_assertion("/par", &form, &assertion).await;
    }
    let owned: Vec<(String, String)> =
        params.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    let form: Vec<(&str, &str)> = owned.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    bank.post_with_assertion("/par", &form, &assertion).await
}

async fn fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    bank: &Bank,
) {
    let now = bank.now();
    let pushed = push_with(bank, json!({ "iat": now + 8, "nbf": now + 8 })).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    bank.authorize(&mut Browser::default(), &pushed.text("request_uri")).await.code();
}

async fn fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    bank: &Bank,
) {
    let now = bank.now();
    let pushed = push_with(bank, json!({ "iat": now + 70, "nbf": now + 70, "exp": now + 130 })).await;
    pushed.is_error(&[400, 401], &NOT_AUTHENTICATED);
}

async fn fapi2_security_profile_final_par_test_array_as_audience_fails(bank: &Bank) {
    let pushed = push_with(bank, json!({ "aud": [ISSUER, "https://other.example"] })).await;
    pushed.is_error(&[400, 401], &NOT_AUTHENTICATED);
    // Even alone in one (section 5.3.2.1, clause 8): a string.
    push_with(bank, json!({ "aud": [ISSUER] })).await.is_error(&[400, 401], &NOT_AUTHENTICATED);
}

async fn fapi2_security_profile_final_par_test_par_endpoint_url_as_audience_fails(bank: &Bank) {
    let pushed = push_with(bank, json!({ "aud": format!("{ISSUER}/par") })).await;
    pushed.is_error(&[400, 401], &NOT_AUTHENTICATED);
}

async fn fapi2_security_profile_final_par_test_token_endpoint_url_as_audience_fails(bank: &Bank) {
    let pushed = push_with(bank, json!({ "aud": format!("{ISSUER}/token") })).await;
    pushed.is_error(&[400, 401], &NOT_AUTHENTICATED);
}

/// No connection with a certificate, no token.
async fn fapi2_security_profile_final_ensure_holder_of_key_required(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let form = token_form(&code, &[("client_id", "bank1")]);
    let answer = bank.post("/token", &form, None, None).await;
    answer.is_error(&[400, 401], &["invalid_client", "invalid_request", "invalid_grant"]);
    let tokens = bank.tokens(&code, &json!({})).await;
    // And the token is for the one who has the certificate.
    let token = tokens["access_token"].as_str().unwrap();
    let request = http::Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
    assert_eq!(bank.suite.send(request, String::new()).await.status(), StatusCode::UNAUTHORIZED);
}

async fn fapi2_security_profile_final_access_token_type_header_case_sensitivity(bank: &Bank) {
    let tokens = bank.flow(&json!({})).await;
    let token = tokens["access_token"].as_str().unwrap();
    for scheme in ["Bearer", "bEARER", "bearer", "BEARER"] {
        assert_eq!(bank.resource_by(scheme, token).await.status(), StatusCode::OK, "{scheme}");
    }
}
