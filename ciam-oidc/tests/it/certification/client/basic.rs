//! `oidcc-client-basic-certification-test-plan`. A discovery document, keys, the code flow and UserInfo, with whatever the module
//! changes in them. With it, the ways to authenticate that the suite's variants have.

use std::sync::Arc;

use ciam_oidc::rp::{Authentication, IdTokenError, SignInError};
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::op::{
    Change, Conversation, RSA, RSA_B, SECRET, broken, es256, id_token_error,
    no_unsigned_id_token_is_believed, rsa, set, without,
};

/// A sign-in whose ID token has claims that the provider changed.
async fn with_claims(change: Change) -> IdTokenError {
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.claims = change);
    id_token_error(conversation.sign_in().await)
}

#[tokio::test]
async fn oidcc_client_test() {
    let conversation = Conversation::new();
    let signed_in = conversation.sign_in().await.unwrap();
    assert_eq!(signed_in.tokens.claims.subject, "ada");
    let told = conversation.party.userinfo(&signed_in.tokens).await.unwrap();
    assert_eq!(told["sub"], "ada");
}

#[tokio::test]
async fn oidcc_client_test_invalid_iss() {
    assert_eq!(with_claims(set("iss", json!("https://op.example/1"))).await, IdTokenError::Issuer);
}

#[tokio::test]
async fn oidcc_client_test_missing_sub() {
    assert_eq!(with_claims(without("sub")).await, IdTokenError::Malformed);
}

#[tokio::test]
async fn oidcc_client_test_invalid_aud() {
    assert_eq!(with_claims(set("aud", json!("rp1"))).await, IdTokenError::Audience);
}

#[tokio::test]
async fn oidcc_client_test_missing_iat() {
    assert_eq!(with_claims(without("iat")).await, IdTokenError::Malformed);
}

fn nameless(pkcs8: &[u8]) -> Value {
    let mut jwk = serde_json::to_value(rsa(pkcs8).public_jwk().unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

#[tokio::test]
async fn oidcc_client_test_kid_absent_single_jwks() {
    let conversation = Conversation::new();
    *conversation.op.published.lock().unwrap() = Some(json!({ "keys": [nameless(RSA)] }));
    conversation.twist(|twists| twists.header = without("kid"));
    assert_eq!(conversation.sign_in().await.unwrap().tokens.claims.subject, "ada");
}

/// Several that could be meant: each is tried, the right one last.
#[tokio::test]
async fn oidcc_client_test_kid_absent_multiple_jwks() {
    let conversation = Conversation::new();
    *conversation.op.published.lock().unwrap() = Some(json!({ "keys": [nameless(RSA_B), nameless(RSA)] }));
    conversation.twist(|twists| twists.header = without("kid"));
    assert_eq!(conversation.sign_in().await.unwrap().tokens.claims.subject, "ada");
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_rs256() {
    let conversation = Conversation::new();
    conversation
        .twist(|twists| twists.metadata = set("id_token_signing_alg_values_supported", json!(["RS256"])));
    let signed_in = conversation.sign_in().await.unwrap();
    assert_eq!(crate::world::header_of(signed_in.tokens.id_token.expose())["alg"], "RS256");
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_none() {
    no_unsigned_id_token_is_believed().await;
}

#[tokio::test]
async fn oidcc_client_test_invalid_sig_rs256() {
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.signed = Box::new(broken));
    assert_eq!(id_token_error(conversation.sign_in().await), IdTokenError::Signature);
}

#[tokio::test]
async fn oidcc_client_test_userinfo_invalid_sub() {
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.userinfo = set("sub", json!("adainvalid")));
    let tokens = conversation.sign_in().await.unwrap().tokens;
    let refused = conversation.party.userinfo(&tokens).await.unwrap_err();
    assert!(matches!(refused, SignInError::OtherPerson), "{refused:?}");
}

#[tokio::test]
async fn oidcc_client_test_nonce_invalid() {
    assert_eq!(with_claims(set("nonce", json!("another"))).await, IdTokenError::Nonce);
}

#[tokio::test]
async fn oidcc_client_test_scope_userinfo_claims() {
    let conversation = Conversation::new();
    let tokens = conversation.sign_in().await.unwrap().tokens;
    assert!(conversation.party.config().scope.contains("profile"));
    let told = conversation.party.userinfo(&tokens).await.unwrap();
    assert_eq!((&told["name"], &told["email"]), (&json!("Ada Lovelace"), &json!("ada@example.com")));
}

/// How the token endpoint was asked: whether with the header, and with which fields.
async fn authenticated_with(authentication: Authentication, named: &'static str) {
    let key = es256("client");
    let by_key = matches!(authentication, Authentication::PrivateKeyJwt(_));
    let authentication =
        if by_key { Authentication::PrivateKeyJwt(Arc::new(key.clone())) } else { authentication };
    let conversation = Conversation::with(rsa(RSA), |mut config| {
        config.authentication = authentication;
        config
    });
    *conversation.op.client_key.lock().unwrap() = by_key.then_some(key);
    conversation.sign_in().await.unwrap();
    let requests = conversation.op.requests_to("/token");
    let body = std::str::from_utf8(requests[0].body()).unwrap();
    assert_eq!(requests[0].headers().contains_key(AUTHORIZATION), named == "basic", "{named}");
    assert_eq!(body.contains("client_secret="), named == "post", "{named}");
    assert_eq!(body.contains("client_assertion="), named == "jwt", "{named}");
}

#[tokio::test]
async fn oidcc_client_test_client_secret_basic() {
    authenticated_with(Authentication::SecretBasic(SECRET.into()), "basic").await;
}

/// The variants `client_secret_post`, `client_secret_jwt` and `private_key_jwt` of the plan; the provider checks them.
#[tokio::test]
async fn oidcc_client_test_other_client_authentication() {
    authenticated_with(Authentication::SecretPost(SECRET.into()), "post").await;
    authenticated_with(Authentication::SecretJwt(SECRET.into()), "jwt").await;
    authenticated_with(Authentication::PrivateKeyJwt(Arc::new(es256("client"))), "jwt").await;
    authenticated_with(Authentication::None, "none").await;
}
