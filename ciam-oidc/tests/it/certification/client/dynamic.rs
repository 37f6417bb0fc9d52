//! `oidcc-client-dynamic-certification-test-plan` and `oidcc-client-config-certification-test-plan`: what a client finds out by
//! itself, and registers by itself.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::jose::Algorithm;
use ciam_core::memory::MemoryHttpClient;
use ciam_core::outbound::Outbound;
use ciam_oidc::rp::{
    DiscoveryError, Registration, RegistrationError, RelyingParty, RequestObjects, SignInError,
    WebFingerError, issuer_of,
};
use http::Response;
use serde_json::{Value, json};
use time::Duration;

use super::op::{
    CALLBACK, Conversation, ISSUER, RSA, RSA_B, broken, es256, no_unsigned_id_token_is_believed, query_of,
    rsa, set, unsigned,
};

/// Finds the issuer of what somebody types.
async fn found(identifier: &str, resource: &str, document: &Value) -> Result<String, WebFingerError> {
    let outside = MemoryHttpClient::new();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("resource", resource)
        .append_pair("rel", "http://openid.net/specs/connect/1.0/issuer")
        .finish();
    let response = Response::builder().header("content-type", "application/jrd+json");
    let response = response.body(Bytes::from(document.to_string())).unwrap();
    outside.answer(&format!("https://op.example/.well-known/webfinger?{query}"), response);
    let ports = ciam_core::memory::ports().with_http_client(Arc::new(outside));
    issuer_of(&Outbound::new(ports), identifier).await
}

fn document(issuer: &str) -> Value {
    json!({ "subject": "acct:ada@op.example", "links": [
        { "rel": "http://webfinger.net/rel/avatar", "href": "https://op.example/ada.png" },
        { "rel": "http://openid.net/specs/connect/1.0/issuer", "href": issuer },
    ]})
}

#[tokio::test]
async fn oidcc_client_test_discovery_webfinger_acct() {
    let issuer = "https://op.example/a7f3";
    let found = found("acct:ada@op.example", "acct:ada@op.example", &document(issuer)).await.unwrap();
    assert_eq!(found, issuer);
}

#[tokio::test]
async fn oidcc_client_test_discovery_webfinger_url() {
    let issuer = "https://op.example/a7f3";
    let url = "https://op.example/people/ada";
    assert_eq!(found(url, url, &document(issuer)).await.unwrap(), issuer);
}

/// Beside the plan: what is no issuer is not followed.
#[tokio::test]
async fn webfinger_2_2_what_is_no_issuer() {
    for issuer in
        ["http://op.example", "https://op.example/?x", "https://op.example/#x", "op.example", "javascript:1"]
    {
        let refused = found("ada@op.example", "acct:ada@op.example", &document(issuer)).await;
        assert!(matches!(refused, Err(WebFingerError::NoIssuer)), "{issuer}: {refused:?}");
    }
    let refused = found("ada@op.example", "acct:ada@op.example", &json!({})).await;
    assert!(matches!(refused, Err(WebFingerError::NoIssuer)), "{refused:?}");
}

#[tokio::test]
async fn oidcc_client_test_discovery_openid_config() {
    let conversation = Conversation::new();
    let metadata = conversation.party.metadata().await.unwrap();
    assert_eq!(metadata.issuer, ISSUER);
    assert_eq!(metadata.token_endpoint, format!("{ISSUER}/token"));
    assert_eq!(metadata.userinfo_endpoint.as_deref(), Some("https://op.example/userinfo"));
}

/// The keys are where the document says, and are used.
#[tokio::test]
async fn oidcc_client_test_discovery_jwks_uri_keys() {
    let conversation = Conversation::new();
    conversation.sign_in().await.unwrap();
    assert_eq!(conversation.op.requests_to("/jwks").len(), 1);
}

#[tokio::test]
async fn oidcc_client_test_discovery_issuer_mismatch() {
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.metadata = set("issuer", json!("https://op.example/INVALID")));
    let refused = conversation.sign_in().await.unwrap_err();
    assert!(matches!(refused, SignInError::Discovery(DiscoveryError::OtherIssuer)), "{refused:?}");
    assert!(conversation.op.requests_to("/token").is_empty());
}

#[tokio::test]
async fn oidcc_client_test_dynamic_registration() {
    let conversation = Conversation::new();
    let (outbound, metadata) =
        (Outbound::new(conversation.ports.clone()), conversation.party.metadata().await.unwrap());
    let registration = Registration::new(CALLBACK).with("client_name", "Shop");
    let registered = registration.register(&outbound, &metadata, None).await.unwrap();
    assert_eq!(registered.client_secret_expires_at, None, "0 is never");
    // And it is a client that signs people in.
    let party = RelyingParty::new(conversation.ports.clone(), registered.config().unwrap());
    let url = party.begin(&conversation.browser, &Default::default(), None).await.unwrap();
    let answer = conversation.op.authorize(&url).await;
    party.finish(Some(&conversation.browser), &answer).await.unwrap();
    let sent: Value = serde_json::from_slice(conversation.op.requests_to("/register")[0].body()).unwrap();
    assert_eq!(sent["redirect_uris"], json!([CALLBACK]));
}

/// Beside the plan: what a provider may not do with a registration.
#[tokio::test]
async fn rfc7591_3_2_1_another_client_than_asked_for() {
    let outside = MemoryHttpClient::new();
    let outbound = Outbound::new(ciam_core::memory::ports().with_http_client(Arc::new(outside.clone())));
    let conversation = Conversation::new();
    let metadata = conversation.party.metadata().await.unwrap();
    let mut secretless = (*metadata).clone();
    secretless.registration_endpoint = None;
    let registration = Registration::new(CALLBACK);
    let nowhere = registration.register(&outbound, &secretless, None).await;
    assert!(matches!(nowhere, Err(RegistrationError::NotOffered)));
    for (status, body, code) in [
        (201, json!({ "client_id": "x", "redirect_uris": ["https://evil.example/"] }), "other"),
        (201, json!({ "client_id": "" }), "other"),
        (201, json!({}), "malformed"),
        (400, json!({ "error": "invalid_redirect_uri" }), "invalid_redirect_uri"),
        (400, json!({ "error": "<b>" }), "unknown"),
        (500, json!({}), "exchange"),
    ] {
        outside.answer("https://op.example/register", super::op::answer(status, &body));
        let found = match registration.register(&outbound, &metadata, Some(&"initial".into())).await {
            Err(RegistrationError::OtherClient) => "other".to_owned(),
            Err(RegistrationError::Malformed) => "malformed".to_owned(),
            Err(RegistrationError::Refused { code }) => code,
            Err(RegistrationError::Exchange(_)) => "exchange".to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, code, "{body}");
    }
    assert_eq!(outside.requests()[0].headers()["authorization"], "Bearer initial");
}

/// The object is served by the client, where the provider fetches it; its algorithm is what was registered.
#[tokio::test]
async fn oidcc_client_test_request_uri_signed_rs256() {
    let key = rsa(RSA_B);
    let objects = RequestObjects::new(Arc::new(key.clone())).served_at("https://rp.example/request/");
    let conversation = Conversation::with(rsa(RSA), |config| config.with_request_objects(objects));
    *conversation.op.client_key.lock().unwrap() = Some(key);
    conversation.sign_in().await.unwrap();
    // The address says nothing, and is nobody's to guess.
    let url = conversation.party.begin(&conversation.browser, &Default::default(), None).await.unwrap();
    let sent = query_of(&url);
    assert!(sent.one("state").unwrap().is_none() && sent.one("nonce").unwrap().is_none());
    let name = sent.one("request_uri").unwrap().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let object = conversation.party.request_object(&name).await.unwrap().unwrap();
    assert_eq!(crate::world::header_of(&object)["alg"], "RS256");
    assert_eq!(conversation.party.request_object("another").await.unwrap(), None);
    conversation.clock.advance(Duration::minutes(5));
    assert_eq!(conversation.party.request_object(&name).await.unwrap(), None, "it has expired");
}

#[tokio::test]
async fn oidcc_client_test_idtoken_sig_none() {
    no_unsigned_id_token_is_believed().await;
}

/// The provider signs with a key that is published only now: the client, which has the old ones, fetches them again.
#[tokio::test]
async fn oidcc_client_test_signing_key_rotation_just_before_signing() {
    let conversation = Conversation::new();
    conversation.sign_in().await.unwrap();
    conversation.clock.advance(Duration::minutes(1));
    *conversation.op.signer.lock().unwrap() = rsa(RSA_B);
    conversation.sign_in().await.unwrap();
    assert_eq!(conversation.op.requests_to("/jwks").len(), 2);
}

/// Beside the plan: the same where no key has a name, so that a wrong signature is all there is to see.
#[tokio::test]
async fn core_10_1_1_keys_without_names_are_followed_too() {
    let nameless = |pkcs8: &[u8]| {
        let mut jwk = serde_json::to_value(rsa(pkcs8).public_jwk().unwrap()).unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        json!({ "keys": [jwk] })
    };
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.header = super::op::without("kid"));
    *conversation.op.published.lock().unwrap() = Some(nameless(RSA));
    conversation.sign_in().await.unwrap();
    conversation.clock.advance(Duration::minutes(1));
    *conversation.op.signer.lock().unwrap() = rsa(RSA_B);
    *conversation.op.published.lock().unwrap() = Some(nameless(RSA_B));
    conversation.sign_in().await.unwrap();
}

/// Two sign-ins with a rotation between them, where both keys stay published for a while.
#[tokio::test]
async fn oidcc_client_test_signing_key_rotation() {
    let conversation = Conversation::new();
    conversation.sign_in().await.unwrap();
    let (old, new) = (rsa(RSA).public_jwk().unwrap(), rsa(RSA_B).public_jwk().unwrap());
    *conversation.op.published.lock().unwrap() = Some(json!({ "keys": [new, old] }));
    *conversation.op.signer.lock().unwrap() = rsa(RSA_B);
    conversation.clock.advance(Duration::minutes(1));
    conversation.sign_in().await.unwrap();
    *conversation.op.signer.lock().unwrap() = rsa(RSA);
    conversation.sign_in().await.unwrap();
}

#[tokio::test]
async fn oidcc_client_test_userinfo_signed() {
    let conversation = Conversation::with(rsa(RSA), |config| {
        config.with_signed_userinfo().with_algorithms(&[Algorithm::Rs256])
    });
    *conversation.op.userinfo_is_signed.lock().unwrap() = true;
    let tokens = conversation.sign_in().await.unwrap().tokens;
    let told = conversation.party.userinfo(&tokens).await.unwrap();
    assert_eq!(told["name"], "Ada Lovelace");
    let now = conversation.ports.now().unix_timestamp();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("exp", json!(now - 60)),
        ("nbf", json!(now + 60)),
        // An ID token is no UserInfo.
        ("nonce", json!("n")),
    ] {
        conversation.twist(|twists| twists.userinfo = set(name, value));
        let refused = conversation.party.userinfo(&tokens).await.unwrap_err();
        assert!(matches!(refused, SignInError::UserInfo), "{name}: {refused:?}");
    }
    conversation.twist(|twists| twists.userinfo = set("sub", json!("eve")));
    assert!(matches!(conversation.party.userinfo(&tokens).await, Err(SignInError::OtherPerson)));
    conversation.twist(|twists| twists.userinfo = Box::new(|_| {}));
    for spoilt in [broken, unsigned] {
        conversation.twist(|twists| twists.signed = Box::new(spoilt));
        assert!(matches!(conversation.party.userinfo(&tokens).await, Err(SignInError::UserInfo)));
    }
    // Where a signature was agreed, plain claims are not what the provider sent.
    *conversation.op.userinfo_is_signed.lock().unwrap() = false;
    assert!(matches!(conversation.party.userinfo(&tokens).await, Err(SignInError::UserInfo)));
}

/// The configuration plan: a client that is registered by hand and finds the rest by itself. The keys of the plan's second key
/// type come the same way.
#[tokio::test]
async fn oidcc_client_config_another_key_type() {
    let conversation = Conversation::with(es256("op"), |config| config);
    conversation.sign_in().await.unwrap();
}
