//! Proofs of keys: FAPI 2.0 Security Profile, section 5.3.2.1, by RFC 9449.

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::{Algorithm, LocalSigner, sign_with_header};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::super::suite::{Browser, ISSUER};
use super::bank::{Answer, Bank, dpop_key, token_form};
use super::in_plans;

in_plans!([security: Security, signing: Signing] [
    fapi2_security_profile_final_access_token_type_header_case_sensitivity,
    fapi2_security_profile_final_check_dpop_proof_nbf_exp,
    fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds,
    fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds,
    fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails,
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt,
    fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt,
    fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success,
    fapi2_security_profile_final_ensure_dpop_auth_code_binding_success,
    fapi2_security_profile_final_ensure_holder_of_key_required,
    fapi2_security_profile_final_dpop_negative_tests,
]);

/// A key, and the proofs that it is used for, with whatever they are to say.
struct Handmade {
    key: LocalSigner,
    jwk: Value,
}

impl Handmade {
    fn new() -> Self {
        let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
        let jwk = serde_json::to_value(key.public_jwk().unwrap()).unwrap();
        let numbers = ["kty", "crv", "x", "y"].map(|name| (name.to_owned(), jwk[name].clone()));
        Self { key, jwk: Value::Object(numbers.into_iter().collect()) }
    }

    async fn proof(&self, bank: &Bank, method: &Method, path: &str, changes: &Value) -> String {
        let jti = ciam_core::secret::Secret::random(bank.suite.ports.entropy()).unwrap();
        let mut claims = json!({
            "jti": jti.expose(), "htm": method.as_str(), "htu": format!("{ISSUER}{path}"), "iat": bank.now(),
        });
        let mut header = Map::from_iter([("jwk".to_owned(), self.jwk.clone())]);
        for (name, value) in changes.as_object().unwrap() {
            match (name.as_str(), value) {
                ("jwk", jwk) => drop(header.insert("jwk".to_owned(), jwk.clone())),
                (name, Value::Null) => drop(claims.as_object_mut().unwrap().remove(name)),
                (name, value) => claims[name] = value.clone(),
            }
        }
        sign_with_header(&self.key, "dpop+jwt", &header, &claims).await.unwrap()
    }

    /// Exchanges a code with a proof that says something else.
    async fn exchange(&self, bank: &Bank, changes: &Value) -> Answer {
        let code = bank.code(&json!({})).await;
        let assertion = bank.assertion("bank1", &json!({})).await;
        let mut form = token_form(&code, &[("client_id", "bank1")]);
        form.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        form.push(("client_assertion", &assertion));
        let proof = self.proof(bank, &Method::POST, "/token", changes).await;
        bank.post("/token", &form, Some(&proof), None).await
    }

    /// Calls the resource with a proof that says something else.
    async fn call(&self, bank: &Bank, scheme: &str, token: &str, changes: &Value) -> StatusCode {
        let hash = base64url::encode(&crypto::sha256(token.as_bytes()));
        let mut all = json!({ "ath": hash });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let proof = self.proof(bank, &Method::GET, "/userinfo", &all).await;
        bank.resource_with(scheme, token, Some(&proof)).await.status()
    }
}

/// RFC 9110, section 11.1: a scheme has no case.
async fn fapi2_security_profile_final_access_token_type_header_case_sensitivity(bank: &Bank) {
    let tokens = bank.flow(&json!({})).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    for scheme in ["DPoP", "dPOp", "dpop", "DPOP"] {
        assert_eq!(bank.resource_by(scheme, access_token).await.status(), StatusCode::OK, "{scheme}");
    }
}

/// A proof may say how long it is good, and is taken while it is.
async fn fapi2_security_profile_final_check_dpop_proof_nbf_exp(bank: &Bank) {
    let hand = Handmade::new();
    let times = json!({ "nbf": bank.now(), "exp": bank.now() + 300 });
    let answer = hand.exchange(bank, &times).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let token = answer.text("access_token");
    assert_eq!(hand.call(bank, "DPoP", &token, &times).await, StatusCode::OK);
}

async fn iat(bank: &Bank, seconds: i64) {
    let hand = Handmade::new();
    let at = json!({ "iat": bank.now() + seconds });
    let answer = hand.exchange(bank, &at).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let token = answer.text("access_token");
    assert_eq!(hand.call(bank, "DPoP", &token, &at).await, StatusCode::OK);
}

async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds(bank: &Bank) {
    iat(bank, -10).await;
}

/// Eight seconds, as the module sends.
async fn fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds(bank: &Bank) {
    iat(bank, 8).await;
}

/// RFC 9449, section 10.1: the named key and the proved one are one key.
async fn fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails(bank: &Bank) {
    let named = json!({ "dpop_jkt": dpop_key().thumbprint().to_string() });
    let answer = bank.push_with(&bank.params(&named), Some(&bank.dpop)).await;
    answer.is_error(&[400], &["invalid_request", "invalid_dpop_proof"]);
}

const MISMATCH: [&str; 3] = ["invalid_request", "invalid_grant", "invalid_dpop_proof"];

/// Pushed with a proof by one key, exchanged with another.
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    bank: &Bank,
) {
    let pushed = bank.push_with(&bank.params(&json!({})), Some(&dpop_key())).await;
    let code = bank.authorize(&mut Browser::default(), &pushed.text("request_uri")).await.code();
    bank.exchange(&code, &[]).await.is_error(&[400], &MISMATCH);
}

/// Pushed with the name of one key, exchanged with another.
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(bank: &Bank) {
    let code = bank.code(&json!({ "dpop_jkt": dpop_key().thumbprint().to_string() })).await;
    bank.exchange(&code, &[]).await.is_error(&[400], &MISMATCH);
}

async fn fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success(bank: &Bank) {
    let pushed = bank.push_with(&bank.params(&json!({})), Some(&bank.dpop)).await;
    let code = bank.authorize(&mut Browser::default(), &pushed.text("request_uri")).await.code();
    let tokens = bank.tokens(&code, &json!({})).await;
    assert_eq!(bank.resource(tokens["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
}

async fn fapi2_security_profile_final_ensure_dpop_auth_code_binding_success(bank: &Bank) {
    let tokens = bank.flow(&json!({ "dpop_jkt": bank.dpop.thumbprint().to_string() })).await;
    assert_eq!(bank.resource(tokens["access_token"].as_str().unwrap()).await.status(), StatusCode::OK);
}

/// No token without a key to bind it to.
async fn fapi2_security_profile_final_ensure_holder_of_key_required(bank: &Bank) {
    let code = bank.code(&json!({})).await;
    let answer = bank.exchange_as("bank1", &code, &[], None).await;
    answer
        .is_error(&[400, 401], &["invalid_request", "invalid_grant", "invalid_dpop_proof", "invalid_client"]);
}

/// Everything that is wrong with a proof at a resource.
async fn fapi2_security_profile_final_dpop_negative_tests(bank: &Bank) {
    let hand = Handmade::new();
    let tokens = hand.exchange(bank, &json!({})).await;
    let token = tokens.text("access_token");
    assert_eq!(hand.call(bank, "DPoP", &token, &json!({})).await, StatusCode::OK);
    let mut private = hand.jwk.clone();
    private["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    for (what, changes) in [
        ("the hash of another token", json!({ "ath": base64url::encode(&crypto::sha256(b"another")) })),
        ("no hash", json!({ "ath": null })),
        ("a private key in the header", json!({ "jwk": private })),
        ("an hour ahead", json!({ "iat": bank.now() + 3600 })),
        ("an hour ago", json!({ "iat": bank.now() - 3600 })),
        ("another method", json!({ "htm": "POST" })),
        ("another address", json!({ "htu": format!("{ISSUER}/token") })),
        ("no method", json!({ "htm": null })),
        ("no address", json!({ "htu": null })),
        ("no name", json!({ "jti": null })),
        ("no time", json!({ "iat": null })),
        ("over", json!({ "exp": bank.now() - 120 })),
        ("another key", json!({ "jwk": Handmade::new().jwk })),
    ] {
        let status = hand.call(bank, "DPoP", &token, &changes).await;
        assert!([400, 401].contains(&status.as_u16()), "{what}: {status}");
    }
    // As a bearer token, with a proof and without; and with the proof of somebody else's key.
    for proof in [None, Some(hand.proof(bank, &Method::GET, "/userinfo", &json!({})).await)] {
        let status = bank.resource_with("Bearer", &token, proof.as_deref()).await.status();
        assert!([400, 401].contains(&status.as_u16()), "{status}");
    }
    assert_eq!(Handmade::new().call(bank, "DPoP", &token, &json!({})).await, StatusCode::UNAUTHORIZED);
    assert_eq!(bank.resource_with("DPoP", &token, None).await.status(), StatusCode::UNAUTHORIZED);
    // And once: the same proof again is nobody's.
    let hash = base64url::encode(&crypto::sha256(token.as_bytes()));
    let once = hand.proof(bank, &Method::GET, "/userinfo", &json!({ "ath": hash })).await;
    assert_eq!(bank.resource_with("DPoP", &token, Some(&once)).await.status(), StatusCode::OK);
    assert_eq!(bank.resource_with("DPoP", &token, Some(&once)).await.status(), StatusCode::UNAUTHORIZED);
}
