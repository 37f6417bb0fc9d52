//! `oidcc-config-certification-test-plan`, and the discovery modules of the logout plans.

use http::Request;
use serde_json::{Value, json};

use super::suite::{ISSUER, Mode, Suite};

fn list<'a>(metadata: &'a serde_json::Map<String, Value>, name: &str) -> Vec<&'a str> {
    metadata[name].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let suite = Suite::new(Mode::QUERY).await;
    let metadata = suite.metadata().await;
    assert_eq!(metadata["issuer"], ISSUER);
    // Discovery, section 3: what is required.
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        assert!(metadata[name].as_str().unwrap().starts_with("https://"), "{name}");
    }
    for (name, value) in &metadata {
        if name.ends_with("_endpoint") || name.ends_with("_uri") && value.is_string() {
            assert!(value.as_str().unwrap().starts_with("https://"), "{name}: every endpoint is https");
        }
        if name.ends_with("_supported") {
            let is_right = value.is_boolean()
                || value
                    .as_array()
                    .is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_string));
            assert!(is_right, "{name}: {value}");
        }
    }
    assert_eq!(list(&metadata, "response_types_supported"), ["code"]);
    let subjects = list(&metadata, "subject_types_supported");
    assert!(!subjects.is_empty() && subjects.iter().all(|kind| ["public", "pairwise"].contains(kind)));
    assert!(list(&metadata, "id_token_signing_alg_values_supported").contains(&"RS256"));
    assert!(list(&metadata, "request_object_signing_alg_values_supported").contains(&"RS256"));
    assert!(list(&metadata, "userinfo_signing_alg_values_supported").contains(&"RS256"));
    assert!(list(&metadata, "scopes_supported").contains(&"openid"));
    assert!(list(&metadata, "grant_types_supported").contains(&"authorization_code"));
    assert!(list(&metadata, "code_challenge_methods_supported").contains(&"S256"));
    assert!(list(&metadata, "claims_supported").contains(&"sub"));
    assert!(list(&metadata, "response_modes_supported").contains(&"form_post"));
    assert_eq!(metadata["claims_parameter_supported"], true);
    assert_eq!(metadata["request_parameter_supported"], true);
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let response = suite.send(Request::get("/jwks"), String::new()).await;
    let keys: Value = serde_json::from_slice(response.body()).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let kids: std::collections::BTreeSet<&str> =
        keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), keys.len(), "every key has a name of its own");
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(key.get(private), None, "{private}");
        }
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let metadata = Suite::new(Mode::QUERY).await.metadata().await;
    assert_eq!(metadata["end_session_endpoint"], format!("{ISSUER}/logout"));
}

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let metadata = Suite::new(Mode::QUERY).await.metadata().await;
    assert_eq!(metadata["backchannel_logout_supported"], json!(true));
    assert_eq!(metadata["backchannel_logout_session_supported"], json!(true));
}

#[tokio::test]
async fn oidcc_session_management_discovery_endpoint_verification() {
    let metadata = Suite::new(Mode::QUERY).await.metadata().await;
    assert_eq!(metadata["check_session_iframe"], format!("{ISSUER}/check-session"));
    assert_eq!(metadata["end_session_endpoint"], format!("{ISSUER}/logout"));
}

#[tokio::test]
async fn oidcc_frontchannel_logout_discovery_endpoint_verification() {
    let metadata = Suite::new(Mode::QUERY).await.metadata().await;
    assert_eq!(metadata["frontchannel_logout_supported"], json!(true));
    assert_eq!(metadata["frontchannel_logout_session_supported"], json!(true));
}
