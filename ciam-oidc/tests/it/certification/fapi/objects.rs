//! Signed request objects: FAPI 2.0 Message Signing, section 5.3.

use ciam_core::jose::sign;
use http::StatusCode;
use serde_json::{Value, json};

use super::super::suite::Browser;
use super::bank::{Bank, broken, unsigned};
use super::in_plans;

in_plans!([signing: Signing] [
    fapi2_security_profile_final_ensure_request_object_with_multiple_aud_succeeds,
    fapi2_security_profile_final_ensure_request_object_without_exp_fails,
    fapi2_security_profile_final_ensure_request_object_without_nbf_fails,
    fapi2_security_profile_final_ensure_expired_request_object_fails,
    fapi2_security_profile_final_ensure_request_object_with_bad_aud_fails,
    fapi2_security_profile_final_ensure_request_object_with_exp_over_60_fails,
    fapi2_security_profile_final_ensure_request_object_with_nbf_over_60_fails,
    fapi2_security_profile_final_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted,
    fapi2_security_profile_final_ensure_signed_request_object_with_rs256_fails,
    fapi2_security_profile_final_ensure_request_object_signature_algorithm_is_not_none,
    fapi2_security_profile_final_ensure_request_object_with_invalid_signature_fails,
    fapi2_security_profile_final_ensure_matching_key_in_authorization_request,
    fapi2_security_profile_final_ensure_unsigned_request_at_par_endpoint_fails,
    fapi2_security_profile_final_par_authorization_request_containing_request_uri,
    fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object,
    fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object,
    fapi2_security_profile_final_state_only_outside_request_object_not_used,
    fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails,
]);

const REFUSED: [&str; 1] = ["invalid_request_object"];

/// Pushes an object with changed claims; the answer is an error of these.
async fn refused(bank: &Bank, changes: Value, codes: &[&str]) {
    let object = bank.object(&bank.params(&json!({})), &changes).await;
    bank.push_object(&object, &[], None).await.is_error(&[400], codes);
    // It is the change that was refused.
    bank.pushed(&json!({})).await;
}

async fn fapi2_security_profile_final_ensure_request_object_with_multiple_aud_succeeds(bank: &Bank) {
    let changes = json!({ "aud": ["https://id.example", "https://other.example"] });
    let object = bank.object(&bank.params(&json!({})), &changes).await;
    let pushed = bank.push_object(&object, &[], None).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    let code = bank.authorize(&mut Browser::default(), &pushed.text("request_uri")).await.code();
    bank.tokens(&code, &json!({})).await;
}

async fn fapi2_security_profile_final_ensure_request_object_without_exp_fails(bank: &Bank) {
    refused(bank, json!({ "exp": null }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_request_object_without_nbf_fails(bank: &Bank) {
    refused(bank, json!({ "nbf": null }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_expired_request_object_fails(bank: &Bank) {
    refused(bank, json!({ "exp": bank.now() - 5 * 60 }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_request_object_with_bad_aud_fails(bank: &Bank) {
    refused(bank, json!({ "aud": "https://other.example" }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_request_object_with_exp_over_60_fails(bank: &Bank) {
    refused(bank, json!({ "exp": bank.now() + 70 * 60 }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_request_object_with_nbf_over_60_fails(bank: &Bank) {
    refused(bank, json!({ "nbf": bank.now() - 70 * 60 }), &REFUSED).await;
}

async fn fapi2_security_profile_final_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    bank: &Bank,
) {
    let object = bank.object(&bank.params(&json!({})), &json!({ "nbf": bank.now() + 8 })).await;
    let pushed = bank.push_object(&object, &[], None).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
}

async fn fapi2_security_profile_final_ensure_signed_request_object_with_rs256_fails(bank: &Bank) {
    let claims = bank.object_claims(&bank.params(&json!({})), &json!({}));
    let object = sign(&bank.rsa, "oauth-authz-req+jwt", &claims).await.unwrap();
    bank.push_object(&object, &[], None).await.is_error(&[400], &REFUSED);
}

async fn fapi2_security_profile_final_ensure_request_object_signature_algorithm_is_not_none(bank: &Bank) {
    let object = unsigned(&bank.object_claims(&bank.params(&json!({})), &json!({})));
    bank.push_object(&object, &[], None).await.is_error(&[400], &REFUSED);
}

async fn fapi2_security_profile_final_ensure_request_object_with_invalid_signature_fails(bank: &Bank) {
    let object = broken(&bank.object(&bank.params(&json!({})), &json!({})).await);
    bank.push_object(&object, &[], None).await.is_error(&[400], &REFUSED);
}

/// The object of the first client, signed by the second.
async fn fapi2_security_profile_final_ensure_matching_key_in_authorization_request(bank: &Bank) {
    let claims = bank.object_claims(&bank.params(&json!({})), &json!({}));
    let object = sign(&bank.keys[1], "oauth-authz-req+jwt", &claims).await.unwrap();
    bank.push_object(&object, &[], None)
        .await
        .is_error(&[400], &["invalid_request", "invalid_request_object"]);
}

async fn fapi2_security_profile_final_ensure_unsigned_request_at_par_endpoint_fails(bank: &Bank) {
    let params = bank.params(&json!({}));
    let owned: Vec<(String, String)> =
        params.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    let form: Vec<(&str, &str)> = owned.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    bank.post_as("bank1", "/par", &form, None).await.is_error(&[400], &["invalid_request"]);
}

/// A request object inside which there is another one by reference.
async fn fapi2_security_profile_final_par_authorization_request_containing_request_uri(bank: &Bank) {
    refused(bank, json!({ "request_uri": "urn:ietf:params:oauth:request_uri:bad" }), &REFUSED).await;
}

/// What is outside is ignored (RFC 9101, section 6.3).
async fn fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let beside = [("nonce", "another")];
    let code = bank.authorize_with(&mut Browser::default(), &request_uri, &beside).await.code();
    bank.tokens(&code, &json!({})).await;
}

async fn fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let beside = [("state", "another")];
    let back = bank.authorize_with(&mut Browser::default(), &request_uri, &beside).await;
    assert_eq!(back.param("state").as_deref(), Some("st4te"));
    bank.tokens(&back.code(), &json!({})).await;
}

async fn fapi2_security_profile_final_state_only_outside_request_object_not_used(bank: &Bank) {
    let object = bank.object(&bank.params(&json!({ "state": null })), &json!({})).await;
    let pushed = bank.push_object(&object, &[("state", "outside")], None).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    let beside = [("state", "outside")];
    let request_uri = pushed.text("request_uri");
    let back = bank.authorize_with(&mut Browser::default(), &request_uri, &beside).await;
    assert_eq!(back.param("state"), None);
    bank.tokens(&back.code(), &json!({})).await;
}

async fn fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails(bank: &Bank) {
    refused(bank, json!({ "redirect_uri": null }), &["invalid_request", "invalid_request_object"]).await;
}
