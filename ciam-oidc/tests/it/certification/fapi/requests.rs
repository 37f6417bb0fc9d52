//! Pushed requests and what comes of them: FAPI 2.0 Security Profile, section 5.3.2.2.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::super::suite::{Back, Browser, CALLBACK, ISSUER};
use super::bank::Bank;
use super::in_plans;

in_plans!([security: Security, security_mtls: SecurityMtls, signing: Signing] [
    fapi2_security_profile_final_discovery_end_point_verification,
    fapi2_security_profile_final_happy_flow,
    fapi2_security_profile_final_user_rejects_authentication,
    fapi2_security_profile_final_ensure_authorization_request_without_state_success,
    fapi2_security_profile_final_ensure_authorization_request_without_nonce_success,
    fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success,
    fapi2_security_profile_final_ensure_other_scope_order_succeeds,
    fapi2_security_profile_final_test_claims_parameter_identity_claims,
    fapi2_security_profile_final_ensure_authorization_request_with_long_nonce,
    fapi2_security_profile_final_ensure_authorization_request_with_long_state,
    fapi2_security_profile_final_ensure_registered_redirect_uri,
    fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri,
    fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails,
    fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request,
    fapi2_security_profile_final_ensure_response_type_code_idtoken_fails,
    fapi2_security_profile_final_ensure_response_type_token_fails,
    fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds,
    fapi2_security_profile_final_par_attempt_reuse_request_uri,
    fapi2_security_profile_final_par_attempt_to_use_expired_request_uri,
    fapi2_security_profile_final_par_attempt_to_use_request_uri_for_different_client,
    fapi2_security_profile_final_par_authorization_request_containing_request_uri_form_param,
    fapi2_security_profile_final_par_attempt_invalid_http_method,
    fapi2_security_profile_final_par_ensure_pkce_required,
    fapi2_security_profile_final_par_plain_pkce_rejected,
    fapi2_security_profile_final_par_without_duplicate_parameters,
]);

/// Pushes with changes; the answer is an error of these.
async fn refused(bank: &Bank, changes: Value, codes: &[&str]) {
    bank.push(&bank.params(&changes)).await.is_error(&[400], codes);
}

async fn fapi2_security_profile_final_discovery_end_point_verification(bank: &Bank) {
    let metadata = bank.suite.metadata().await;
    let list = |name: &str| -> Vec<String> {
        let items = metadata[name].as_array().unwrap_or_else(|| panic!("{name}"));
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(metadata["issuer"], ISSUER);
    for name in
        ["authorization_endpoint", "token_endpoint", "pushed_authorization_request_endpoint", "jwks_uri"]
    {
        assert!(metadata[name].as_str().unwrap().starts_with("https://"), "{name}");
    }
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(list("response_types_supported"), ["code"]);
    assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
    assert!(list("response_modes_supported").contains(&"jwt".to_owned()));
    assert!(list("scopes_supported").contains(&"openid".to_owned()));
    assert!(list("subject_types_supported").contains(&"public".to_owned()));
    // Section 5.4.1: PS256, ES256 and EdDSA, wherever something is signed.
    for name in [
        "request_object_signing_alg_values_supported",
        "authorization_signing_alg_values_supported",
        "id_token_signing_alg_values_supported",
    ] {
        assert!(list(name).iter().all(|alg| ["ES256", "PS256", "EdDSA"].contains(&alg.as_str())), "{name}");
    }
    for name in
        ["authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported"]
    {
        assert!(metadata.get(name).is_none_or(|value| value.is_array()), "{name}");
    }
    let methods = list("token_endpoint_auth_methods_supported");
    let proving = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];
    assert!(methods.iter().all(|method| proving.contains(&method.as_str())), "{methods:?}");
    if bank.plan.has_certificate() {
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    } else {
        assert!(list("dpop_signing_alg_values_supported").contains(&"ES256".to_owned()));
    }
}

async fn fapi2_security_profile_final_happy_flow(bank: &Bank) {
    // With the key named in the request, as the module does in its second flow.
    let jkt = bank.dpop.thumbprint().to_string();
    let named = if bank.plan.has_certificate() { json!({}) } else { json!({ "dpop_jkt": jkt }) };
    for changes in [json!({}), named] {
        let tokens = bank.flow(&changes).await;
        let access_token = tokens["access_token"].as_str().unwrap();
        assert_eq!(bank.resource(access_token).await.status(), StatusCode::OK);
        // Not in the query (section 5.3.4), and not without the proof of its sender.
        let in_query = format!("/userinfo?access_token={access_token}");
        let response = bank.suite.send(Request::get(in_query), String::new()).await;
        assert!(response.status().is_client_error());
        let claims = bank.verified(tokens["id_token"].as_str().unwrap()).await;
        for name in ["name", "email", "address", "phone_number", "birthdate"] {
            assert_eq!(claims.get(name), None, "not asked for: {name}");
        }
    }
}

async fn fapi2_security_profile_final_user_rejects_authentication(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let mut browser = Browser::default();
    browser.refuses = true;
    let back = bank.authorize(&mut browser, &request_uri).await;
    assert_eq!(back.error(), "access_denied");
}

async fn fapi2_security_profile_final_ensure_authorization_request_without_state_success(bank: &Bank) {
    let request_uri = bank.pushed(&json!({ "state": null })).await;
    let back = bank.authorize(&mut Browser::default(), &request_uri).await;
    assert_eq!(back.param("state"), None);
    bank.tokens(&back.code(), &json!({})).await;
}

async fn fapi2_security_profile_final_ensure_authorization_request_without_nonce_success(bank: &Bank) {
    bank.flow(&json!({ "nonce": null })).await;
}

async fn fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success(bank: &Bank) {
    bank.flow(&json!({ "nonce": "n".repeat(64) })).await;
}

async fn fapi2_security_profile_final_ensure_other_scope_order_succeeds(bank: &Bank) {
    let tokens = bank.flow(&json!({ "scope": "profile email openid" })).await;
    assert_eq!(tokens["scope"].as_str().unwrap().split(' ').count(), 3);
}

/// Every standard claim, in both places: what is known of the person is there, and nothing that was not asked for.
async fn fapi2_security_profile_final_test_claims_parameter_identity_claims(bank: &Bank) {
    let standard = [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "email_verified",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
        "phone_number_verified",
        "address",
        "updated_at",
    ];
    let asked: serde_json::Map<String, Value> =
        standard.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let random = json!({ "made_up_claim": null });
    let mut asked = json!({ "id_token": asked.clone(), "userinfo": asked });
    asked["id_token"].as_object_mut().unwrap().extend(random.as_object().unwrap().clone());
    let claims = if bank.plan.signs() { asked } else { json!(asked.to_string()) };
    let changes = json!({ "claims": claims, "scope": "openid profile email address phone" });
    let tokens = bank.flow(&changes).await;
    let id_token = bank.verified(tokens["id_token"].as_str().unwrap()).await;
    let response = bank.resource(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let userinfo: Value = serde_json::from_slice(response.body()).unwrap();
    for name in standard {
        assert!(!id_token[name].is_null(), "{name}");
        assert_eq!(id_token[name], userinfo[name], "{name}");
    }
    assert_eq!(id_token["sub"], userinfo["sub"]);
    assert!(userinfo["updated_at"].is_number());
    assert_eq!((id_token.get("made_up_claim"), userinfo.get("made_up_claim")), (None, None));
}

/// Accepted and given back whole, or refused at once: here accepted.
async fn fapi2_security_profile_final_ensure_authorization_request_with_long_nonce(bank: &Bank) {
    bank.flow(&json!({ "nonce": "n".repeat(384) })).await;
    refused(bank, json!({ "nonce": "n".repeat(4096) }), &["invalid_request"]).await;
}

async fn fapi2_security_profile_final_ensure_authorization_request_with_long_state(bank: &Bank) {
    let state = "s".repeat(384);
    let request_uri = bank.pushed(&json!({ "state": state })).await;
    let back = bank.authorize(&mut Browser::default(), &request_uri).await;
    assert_eq!(back.param("state"), Some(state));
    bank.tokens(&back.code(), &json!({})).await;
}

async fn fapi2_security_profile_final_ensure_registered_redirect_uri(bank: &Bank) {
    let codes = ["invalid_request", "invalid_request_object"];
    refused(bank, json!({ "redirect_uri": format!("{CALLBACK}/bad") }), &codes).await;
}

/// A server may take it from a client that authenticated; this one does not.
async fn fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri(bank: &Bank) {
    let codes = ["invalid_request", "invalid_request_object"];
    refused(bank, json!({ "redirect_uri": format!("{CALLBACK}?unregistered=1") }), &codes).await;
}

async fn fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails(
    bank: &Bank,
) {
    let params = bank.params(&json!({ "response_mode": null }));
    let pairs: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let back = Browser::default().authorize(&bank.suite, &pairs).await;
    assert_eq!(back.error(), "invalid_request");
}

async fn fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request(bank: &Bank) {
    refused(bank, json!({ "redirect_uri": null }), &["invalid_request", "invalid_request_object"]).await;
}

const OTHER_TYPE: [&str; 3] = ["unsupported_response_type", "invalid_request", "unauthorized_client"];

async fn fapi2_security_profile_final_ensure_response_type_code_idtoken_fails(bank: &Bank) {
    refused(bank, json!({ "response_type": "code id_token" }), &OTHER_TYPE).await;
}

async fn fapi2_security_profile_final_ensure_response_type_token_fails(bank: &Bank) {
    refused(bank, json!({ "response_type": "token" }), &OTHER_TYPE).await;
}

/// A person reloads, or comes back: the request is used up when the authorization completes (5.3.2.2, note 3).
async fn fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    bank: &Bank,
) {
    let request_uri = bank.pushed(&json!({})).await;
    let mut browser = Browser::default();
    let query = super::super::suite::encode(&[("client_id", "bank1"), ("request_uri", &request_uri)]);
    let first = browser.get(&bank.suite, &format!("/authorize?{query}")).await;
    assert_eq!(first.status(), StatusCode::SEE_OTHER, "the person is asked to sign in");
    let code = bank.authorize(&mut browser, &request_uri).await.code();
    bank.tokens(&code, &json!({})).await;
}

async fn fapi2_security_profile_final_par_attempt_reuse_request_uri(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let mut browser = Browser::default();
    bank.authorize(&mut browser, &request_uri).await.code();
    let again = bank.authorize(&mut browser, &request_uri).await;
    assert!(again.is_error_page(), "{again:?}");
}

async fn fapi2_security_profile_final_par_attempt_to_use_expired_request_uri(bank: &Bank) {
    let pushed = bank.push(&bank.params(&json!({}))).await;
    bank.suite.pass(pushed.body["expires_in"].as_i64().unwrap() + 1).await;
    let back = bank.authorize(&mut Browser::default(), &pushed.text("request_uri")).await;
    assert!(back.is_error_page(), "{back:?}");
}

async fn fapi2_security_profile_final_par_attempt_to_use_request_uri_for_different_client(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let params = [("client_id", "bank2"), ("request_uri", request_uri.as_str())];
    let back = Browser::default().authorize(&bank.suite, &params).await;
    assert!(back.is_error_page(), "{back:?}");
    // It is the first client's still.
    bank.authorize(&mut Browser::default(), &request_uri).await.code();
}

async fn fapi2_security_profile_final_par_authorization_request_containing_request_uri_form_param(
    bank: &Bank,
) {
    let object = bank.object(&bank.params(&json!({})), &json!({})).await;
    let uri = ("request_uri", "urn:ietf:params:oauth:request_uri:bad");
    let codes = ["invalid_request", "invalid_request_object", "request_uri_not_supported"];
    bank.push_object(&object, &[uri], None).await.is_error(&[400], &codes);
    bank.post_as("bank1", "/par", &[uri], None).await.is_error(&[400], &codes);
}

async fn fapi2_security_profile_final_par_attempt_invalid_http_method(bank: &Bank) {
    for request in [Request::get("/par"), Request::put("/par"), Request::delete("/par")] {
        let response = bank.suite.send(request, String::new()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

async fn fapi2_security_profile_final_par_ensure_pkce_required(bank: &Bank) {
    let changes = json!({ "code_challenge": null, "code_challenge_method": null });
    refused(bank, changes, &["invalid_request"]).await;
}

async fn fapi2_security_profile_final_par_plain_pkce_rejected(bank: &Bank) {
    for changes in [
        json!({ "code_challenge": crate::world::VERIFIER, "code_challenge_method": "plain" }),
        json!({ "code_challenge": crate::world::VERIFIER, "code_challenge_method": null }),
    ] {
        refused(bank, changes, &["invalid_request"]).await;
    }
}

/// Nothing beside `client_id` and `request_uri`.
async fn fapi2_security_profile_final_par_without_duplicate_parameters(bank: &Bank) {
    let request_uri = bank.pushed(&json!({})).await;
    let back = bank.authorize(&mut Browser::default(), &request_uri).await;
    assert!(matches!(back, Back::Client(_)));
    bank.tokens(&back.code(), &json!({})).await;
}
