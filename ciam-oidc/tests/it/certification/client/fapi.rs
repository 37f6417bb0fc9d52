//! `fapi2-security-profile-final-client-test-plan`, with the variants OpenID Connect, `private_key_jwt`, DPoP, signed requests and
//! signed responses (JARM): the client of a bank.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::crypto::{self, DecryptionKeyKind};
use ciam_core::http::Params;
use ciam_core::jose::Algorithm;
use ciam_core::jose::jwe::{ContentEncryption, Decrypter, DecryptionKey, KeyManagement, Recipient, encrypt};
use ciam_oauth::dpop::DpopSigner;
use ciam_oidc::rp::{
    Authentication, DiscoveryError, IdTokenError, RelyingPartyConfig, RequestObjects, ResponseMode,
    ResponseTokenError, Scheme, SignInError, SignInOptions, SignedIn,
};
use http::Request;
use serde_json::{Value, json};

use super::op::{
    CALLBACK, Change, Conversation, ISSUER, RSA, broken, es256, id_token_error, query_of, rsa, set, sign,
    unsigned, without,
};
use crate::world::claims_of;

/// A client as the profile wants it.
fn bank(change: impl FnOnce(RelyingPartyConfig) -> RelyingPartyConfig) -> Conversation {
    let key = es256("client");
    let signer = Arc::new(key.clone());
    let conversation = Conversation::with(es256("bank"), |mut config| {
        config.authentication = Authentication::PrivateKeyJwt(signer.clone());
        change(
            config
                .with_pushed_requests()
                .with_dpop(DpopSigner::new(es256("dpop")).unwrap())
                .with_algorithms(&[Algorithm::Es256, Algorithm::Ps256])
                .requiring_iss(),
        )
    });
    *conversation.op.client_key.lock().unwrap() = Some(key);
    conversation
}

/// The same with messages that are signed in both directions.
fn signing_bank() -> Conversation {
    let key = es256("client");
    let objects = RequestObjects::new(Arc::new(key.clone()));
    let conversation = bank(|mut config| {
        config.authentication = Authentication::PrivateKeyJwt(objects.signer.clone());
        config.with_request_objects(objects).with_response_mode(ResponseMode::QueryJwt)
    });
    *conversation.op.client_key.lock().unwrap() = Some(key);
    conversation
}

/// The outcome where the provider changes the signed response; the code goes nowhere.
async fn response(change: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) -> ResponseTokenError {
    let conversation = signing_bank();
    conversation.twist(|twists| twists.jarm = Box::new(change));
    let outcome = conversation.sign_in().await;
    assert!(conversation.op.requests_to("/token").is_empty(), "the code was sent to nobody");
    response_error(outcome)
}

fn response_error(outcome: Result<SignedIn, SignInError>) -> ResponseTokenError {
    match outcome {
        Err(SignInError::ResponseToken(error)) => error,
        Ok(_) => panic!("it was believed"),
        Err(other) => panic!("another error: {other:?}"),
    }
}

fn drop_member(name: &'static str) -> impl Fn(&mut Value, &mut Value) + Send + Sync {
    let change = without(name);
    move |_, claims| change(claims)
}

fn put_member(name: &'static str, value: Value) -> impl Fn(&mut Value, &mut Value) + Send + Sync {
    let change = set(name, value);
    move |_, claims| change(claims)
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_without_iss_fails() {
    assert_eq!(response(drop_member("iss")).await, ResponseTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_with_invalid_iss_fails() {
    assert_eq!(response(put_member("iss", json!("https://op.example/1"))).await, ResponseTokenError::Issuer);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_without_aud_fails() {
    assert_eq!(response(drop_member("aud")).await, ResponseTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_with_invalid_aud_fails() {
    assert_eq!(response(put_member("aud", json!("another"))).await, ResponseTokenError::Audience);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_without_exp_fails() {
    assert_eq!(response(drop_member("exp")).await, ResponseTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_with_expired_exp_fails() {
    let change = |_: &mut Value, claims: &mut Value| {
        let exp = claims["exp"].as_i64().unwrap();
        claims["exp"] = json!(exp - 300 - 31);
    };
    assert_eq!(response(change).await, ResponseTokenError::Time);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_with_invalid_sig_fails() {
    let conversation = signing_bank();
    conversation.twist(|twists| twists.signed = Box::new(broken));
    assert_eq!(response_error(conversation.sign_in().await), ResponseTokenError::Signature);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_jarm_signature_is_not_none() {
    let conversation = signing_bank();
    conversation.twist(|twists| twists.signed = Box::new(unsigned));
    assert_eq!(response_error(conversation.sign_in().await), ResponseTokenError::Signature);
}

/// Beside the plan: where signatures were agreed, plain parameters are nobody's; and the response is of the right sign-in.
#[tokio::test]
async fn jarm_2_4_plain_parameters_are_no_response() {
    let conversation = signing_bank();
    let url = conversation.party.begin(&conversation.browser, &SignInOptions::new(), None).await.unwrap();
    let signed = conversation.op.authorize(&url).await;
    let claims = claims_of(signed.one("response").unwrap().unwrap());
    let text = |name: &str| (name.to_owned(), claims[name].as_str().unwrap().to_owned());
    let plain = Params::from_pairs(vec![text("code"), text("state"), text("iss")]);
    let refused = conversation.party.finish(Some(&conversation.browser), &plain).await;
    assert!(matches!(refused, Err(SignInError::Malformed)));
    conversation.party.finish(Some(&conversation.browser), &signed).await.unwrap();
    let again = conversation.party.finish(Some(&conversation.browser), &signed).await;
    assert!(matches!(again, Err(SignInError::UnknownState)));
}

/// Pushed, signed, bound: nothing of the request goes through the browser.
#[tokio::test]
async fn fapi2_security_profile_final_client_test_happy_path() {
    let conversation = signing_bank();
    conversation.twist(|twists| twists.nonce = Some("n-1"));
    let signed_in = conversation.sign_in().await.unwrap();
    assert_eq!(signed_in.tokens.scheme, Scheme::Dpop);
    assert_eq!(conversation.party.userinfo(&signed_in.tokens).await.unwrap()["name"], "Ada Lovelace");
    let pushed = conversation.op.requests_to("/par");
    assert_eq!(pushed.len(), 2, "once more, with the nonce");
    let form: Vec<_> =
        url::form_urlencoded::parse(pushed[1].body()).map(|(name, _)| name.into_owned()).collect();
    let mut expected = vec!["request", "client_id", "client_assertion_type", "client_assertion"];
    expected.sort_unstable();
    let mut form: Vec<&str> = form.iter().map(String::as_str).collect();
    form.sort_unstable();
    assert_eq!(form, expected);
    // From then on the nonce is known.
    assert_eq!(conversation.op.requests_to("/token").len(), 1);
    let url = conversation.party.begin(&conversation.browser, &SignInOptions::new(), None).await.unwrap();
    let sent: Vec<String> = query_of(&url).pairs().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(sent, ["client_id", "request_uri"]);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_happy_path_no_dpop_nonce() {
    let conversation = bank(|config| config);
    conversation.sign_in().await.unwrap();
    assert_eq!(conversation.op.requests_to("/par").len(), 1);
}

/// Beside the plan: a server that never has enough nonces is asked twice, and a token that is bound to nothing is not taken.
#[tokio::test]
async fn rfc9449_what_a_client_does_not_put_up_with() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.tokens = set("token_type", json!("Bearer")));
    assert!(matches!(conversation.sign_in().await, Err(SignInError::NotBound)));
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.tokens = set("token_type", json!("DPoP")));
    assert!(matches!(conversation.sign_in().await, Err(SignInError::Malformed)), "there is no key");
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_discovery_issuer_mismatch() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.metadata = set("issuer", json!("https://op.example/INVALID")));
    let refused = conversation.sign_in().await.unwrap_err();
    assert!(matches!(refused, SignInError::Discovery(DiscoveryError::OtherIssuer)));
}

/// The outcome where the provider changes a claim of the ID token.
async fn id_token(change: Change) -> IdTokenError {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.claims = change);
    id_token_error(conversation.sign_in().await)
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_iss() {
    assert_eq!(id_token(set("iss", json!("https://op.example/1"))).await, IdTokenError::Issuer);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_aud() {
    assert_eq!(id_token(set("aud", json!("rp1"))).await, IdTokenError::Audience);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_secondary_aud() {
    assert_eq!(id_token(set("aud", json!(["rp", "https://other.example"]))).await, IdTokenError::Audience);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_null_alg() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.signed = Box::new(unsigned));
    assert_eq!(id_token_error(conversation.sign_in().await), IdTokenError::Signature);
}

/// RS256, by a key that the provider publishes too: the profile does not have it.
#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_alternate_alg() {
    let conversation = bank(|config| config);
    *conversation.op.signer.lock().unwrap() = rsa(RSA);
    assert_eq!(id_token_error(conversation.sign_in().await), IdTokenError::Signature);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_expired_exp() {
    let change: Change = Box::new(|claims| {
        let exp = claims["exp"].as_i64().unwrap();
        claims["exp"] = json!(exp - 300 - 31);
    });
    assert_eq!(id_token(change).await, IdTokenError::Time);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_missing_exp() {
    assert_eq!(id_token(without("exp")).await, IdTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_missing_aud() {
    assert_eq!(id_token(without("aud")).await, IdTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_missing_iss() {
    assert_eq!(id_token(without("iss")).await, IdTokenError::Malformed);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_valid_aud_as_array() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.claims = set("aud", json!(["rp"])));
    conversation.sign_in().await.unwrap();
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_nonce() {
    assert_eq!(id_token(set("nonce", json!("another"))).await, IdTokenError::Nonce);
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_missing_nonce() {
    assert_eq!(id_token(without("nonce")).await, IdTokenError::Nonce);
}

/// The outcome where the provider changes what goes back through the browser; the code goes nowhere.
async fn answer(change: fn(&mut Vec<(String, String)>)) -> SignInError {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.answer = Box::new(change));
    let refused = conversation.sign_in().await.unwrap_err();
    assert!(conversation.op.requests_to("/token").is_empty(), "the code was sent to nobody");
    refused
}

fn replace(answer: &mut [(String, String)], name: &str, value: &str) {
    for pair in answer.iter_mut().filter(|pair| pair.0 == name) {
        value.clone_into(&mut pair.1);
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_invalid_authorization_response_iss() {
    let refused = answer(|answer| replace(answer, "iss", "https://op.example/1")).await;
    assert!(matches!(refused, SignInError::OtherIssuer), "{refused:?}");
}

/// It is missing, and whether or not the metadata promised it, this client wants it.
#[tokio::test]
async fn fapi2_security_profile_final_client_test_remove_authorization_response_iss() {
    let refused = answer(|answer| answer.retain(|(name, _)| name != "iss")).await;
    assert!(matches!(refused, SignInError::OtherIssuer), "{refused:?}");
    let conversation = bank(|config| config);
    conversation.twist(|twists| {
        twists.answer = Box::new(|answer| answer.retain(|(name, _)| name != "iss"));
        twists.metadata = without("authorization_response_iss_parameter_supported");
    });
    assert!(matches!(conversation.sign_in().await, Err(SignInError::OtherIssuer)));
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_state_fails() {
    let refused = answer(|answer| replace(answer, "state", "another")).await;
    assert!(matches!(refused, SignInError::UnknownState), "{refused:?}");
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_ensure_authorization_response_with_invalid_missing_state_fails()
 {
    let refused = answer(|answer| answer.retain(|(name, _)| name != "state")).await;
    assert!(matches!(refused, SignInError::Malformed), "{refused:?}");
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_token_endpoint_response_without_expires_in() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.tokens = without("expires_in"));
    let tokens = conversation.sign_in().await.unwrap().tokens;
    assert_eq!(tokens.expires_at, None);
    conversation.party.userinfo(&tokens).await.unwrap();
}

#[tokio::test]
async fn fapi2_security_profile_final_client_test_token_type_case_insensitivity() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.tokens = set("token_type", json!("dpOp")));
    let tokens = conversation.sign_in().await.unwrap().tokens;
    conversation.party.userinfo(&tokens).await.unwrap();
}

/// The resource wants its nonce and writes the scheme in its own way.
#[tokio::test]
async fn fapi2_security_profile_final_client_test_rs_dpop_auth_scheme_case_insensitivity() {
    for scheme in ["dpOp", "DPOP", "dpop"] {
        let conversation = bank(|config| config);
        let tokens = conversation.sign_in().await.unwrap().tokens;
        conversation.twist(|twists| (twists.challenge, twists.nonce) = (scheme, Some("rs-nonce")));
        let request = Request::get(format!("{ISSUER}/userinfo")).body(Bytes::new()).unwrap();
        let response = conversation.party.call(&tokens, request).await.unwrap();
        assert_eq!(response.status(), 200, "{scheme}");
        assert_eq!(conversation.op.requests_to("/userinfo").len(), 2);
    }
}

/// The resource refuses the access token; a refresh gives one that it takes.
#[tokio::test]
async fn fapi2_security_profile_final_client_refresh_token_test() {
    let conversation = bank(|config| config);
    conversation.twist(|twists| twists.refuses_tokens = true);
    let tokens = conversation.sign_in().await.unwrap().tokens;
    assert!(conversation.party.userinfo(&tokens).await.is_err());
    let tokens = conversation.party.refresh(&tokens).await.unwrap();
    assert_eq!(conversation.party.userinfo(&tokens).await.unwrap()["sub"], "ada");
}

/// Beside the plan: of many who refresh at the same time one asks, and whoever gives up takes nothing from the others.
#[tokio::test]
async fn refreshes_of_one_token_at_the_same_time_are_one_request() {
    let conversation = Conversation::new();
    let tokens = conversation.sign_in().await.unwrap().tokens;
    let before = conversation.op.requests_to("/token").len();
    let party = &conversation.party;
    let gives_up = party.refresh(&tokens);
    let (one, two, three) =
        tokio::join!(party.refresh(&tokens), party.refresh(&tokens), party.refresh(&tokens));
    drop(gives_up);
    for refreshed in [one, two, three] {
        assert_eq!(refreshed.unwrap().access_token.expose(), "the-second-access-token");
    }
    assert_eq!(conversation.op.requests_to("/token").len(), before + 1);
    // Later it is another.
    party.refresh(&tokens).await.unwrap();
    assert_eq!(conversation.op.requests_to("/token").len(), before + 2);
}

/// Beside the plan: an encrypted ID token is opened; one in the clear, or for somebody else, is not taken.
#[tokio::test]
async fn core_10_2_encrypted_id_tokens() {
    let key = |kid: &str| {
        let crypto = crypto::ring();
        let pkcs8 = crypto.encryption().unwrap().generate_decryption_key(DecryptionKeyKind::P256).unwrap();
        DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEs, pkcs8.expose()).unwrap().with_kid(kid)
    };
    let (ours, theirs) = (key("e1"), key("e1"));
    for (recipient, expected) in [(Some(&ours), None), (Some(&theirs), Some(())), (None, Some(()))] {
        let decrypter = Arc::new(Decrypter::new(crypto::ring(), vec![ours.clone()]));
        let conversation = bank(|config| config.with_decrypter(decrypter));
        if let Some(recipient) = recipient {
            let jwk = recipient.public_jwk().unwrap();
            conversation.twist(|twists| {
                twists.signed = Box::new(move |token| {
                    let (way, content) = (KeyManagement::EcdhEs, ContentEncryption::A128CbcHs256);
                    let recipient = Recipient::new(&jwk, way, content).unwrap();
                    encrypt(&*crypto::ring(), &recipient, Some("JWT"), token.as_bytes()).unwrap()
                });
            });
        }
        let outcome = conversation.sign_in().await;
        match expected {
            None => assert_eq!(outcome.unwrap().tokens.claims.subject, "ada"),
            Some(()) => assert_eq!(id_token_error(outcome), IdTokenError::Encryption),
        }
    }
}

/// Beside the plan: a request object by value says the same as the request beside it, as numbers and lists where it must.
#[tokio::test]
async fn rfc9101_5_a_request_object_by_value() {
    let key = es256("client");
    let objects = RequestObjects::new(Arc::new(key.clone()));
    let conversation = Conversation::with(rsa(RSA), |config| config.with_request_objects(objects));
    *conversation.op.client_key.lock().unwrap() = Some(key.clone());
    let options = SignInOptions::new()
        .with_max_age(60)
        .with_resource("https://a.example")
        .with_resource("https://b.example");
    let url = conversation.party.begin(&conversation.browser, &options, None).await.unwrap();
    let sent = query_of(&url);
    let claims = claims_of(sent.one("request").unwrap().unwrap());
    assert_eq!(claims["max_age"], json!(60));
    assert_eq!(claims["resource"], json!(["https://a.example", "https://b.example"]));
    assert_eq!((&claims["redirect_uri"], &claims["aud"]), (&json!(CALLBACK), &json!(ISSUER)));
    assert!(sent.one("state").unwrap().is_none());
    assert_eq!(sent.one("response_type").unwrap(), Some("code"));
    // The provider of the script checks the signature; one by another key is not of this client.
    let forged = sign(&es256("client"), &json!({ "alg": "ES256", "typ": "oauth-authz-req+jwt" }), &claims);
    assert_ne!(forged, sent.one("request").unwrap().unwrap());
    conversation.op.authorize(&url).await;
}

/// Beside the plan: a client with a certificate is asked at the aliases.
#[tokio::test]
async fn rfc8705_5_a_client_with_a_certificate_uses_the_aliases() {
    let conversation = Conversation::with(rsa(RSA), |mut config| {
        config.authentication = Authentication::MutualTls;
        config.with_pushed_requests()
    });
    conversation.twist(|twists| {
        let aliases = json!({
            "token_endpoint": "https://mtls.op.example/token",
            "pushed_authorization_request_endpoint": "https://mtls.op.example/par",
        });
        twists.metadata = set("mtls_endpoint_aliases", aliases);
    });
    conversation.sign_in().await.unwrap();
    for path in ["/par", "/token"] {
        let request = &conversation.op.requests_to(path)[0];
        assert_eq!(request.uri().host(), Some("mtls.op.example"), "{path}");
        assert!(!request.headers().contains_key("authorization"));
    }
}
