//! Beside the plans: providers that do something in their own way, each way as a conversation.

use std::sync::Arc;

use ciam_oidc::rp::{
    Authentication, IdTokenError, Issuers, MetadataSource, ProviderMetadata, RelyingPartyConfig,
    ResponseMode, SignInOptions, SignedSecret, Tenants,
};
use serde_json::{Value, json};

use super::op::{Conversation, ISSUER, RSA, es256, id_token_error, query_of, rsa, set, without};

/// A provider that wants a JWT for a secret, and answers with a form.
#[tokio::test]
async fn a_secret_that_the_client_signs_and_a_response_in_a_form() {
    let key = es256("KEY1");
    let secret = SignedSecret::new(Arc::new(key.clone()), "TEAM", "https://appleid.example");
    let conversation = Conversation::with(rsa(RSA), |mut config| {
        config.authentication = Authentication::SignedSecret(secret);
        config.with_response_mode(ResponseMode::FormPost)
    });
    *conversation.op.client_key.lock().unwrap() = Some(key);
    let url = conversation.party.begin(&conversation.browser, &SignInOptions::new(), None).await.unwrap();
    assert_eq!(query_of(&url).one("response_mode").unwrap(), Some("form_post"));
    let answer = conversation.op.authorize(&url).await;
    conversation.party.finish(Some(&conversation.browser), &answer).await.unwrap();
}

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const TEMPLATE: &str = "https://op.example/{tenantid}/v2.0";

fn tenants(tenants: Tenants) -> impl FnOnce(RelyingPartyConfig) -> RelyingPartyConfig {
    move |mut config| {
        config.issuer = TEMPLATE.to_owned();
        config.issuers = Issuers::Tenants(tenants);
        config
            .with_metadata(MetadataSource::DiscoveryAt(format!("{ISSUER}/.well-known/openid-configuration")))
    }
}

/// The outcome of a sign-in with a provider of many tenants, whose token says these.
async fn tenant(allowed: Tenants, iss: &str, tid: Option<&str>) -> Result<String, IdTokenError> {
    let conversation = Conversation::with(rsa(RSA), tenants(allowed));
    let (iss, tid) = (iss.to_owned(), tid.map(str::to_owned));
    conversation.twist(|twists| {
        twists.metadata = Box::new(|metadata| {
            metadata["issuer"] = json!(TEMPLATE);
            metadata["authorization_response_iss_parameter_supported"] = json!(false);
        });
        twists.answer = Box::new(|answer| answer.retain(|(name, _)| name != "iss"));
        twists.claims = Box::new(move |claims| {
            claims["iss"] = json!(iss);
            if let Some(tid) = &tid {
                claims["tid"] = json!(tid);
            }
        });
    });
    match conversation.sign_in().await {
        Ok(signed_in) => Ok(signed_in.tokens.claims.issuer),
        outcome => Err(id_token_error(outcome)),
    }
}

/// The identity is that of the tenant's issuer, which is made of the tenant that the token names and of nothing else.
#[tokio::test]
async fn a_provider_with_an_issuer_for_each_tenant() {
    let of = |tenant: &str| TEMPLATE.replace("{tenantid}", tenant);
    let only = || Tenants::Only(vec![TENANT.to_owned()]);
    assert_eq!(tenant(Tenants::Any, &of(TENANT), Some(TENANT)).await, Ok(of(TENANT)));
    assert_eq!(tenant(only(), &of(TENANT), Some(TENANT)).await, Ok(of(TENANT)));
    for (allowed, iss, tid) in [
        (only(), of(OTHER), Some(OTHER)),
        // One tenant speaks for another.
        (Tenants::Any, of(OTHER), Some(TENANT)),
        (Tenants::Any, TEMPLATE.to_owned(), Some(TENANT)),
        (Tenants::Any, TEMPLATE.to_owned(), Some("{tenantid}")),
        (Tenants::Any, of(TENANT), None),
        (Tenants::Any, of("x"), Some("x")),
    ] {
        assert_eq!(tenant(allowed, &iss, tid).await, Err(IdTokenError::Issuer), "{iss} {tid:?}");
    }
}

/// The issuer without its scheme is the same issuer, where that is known of a provider.
#[tokio::test]
async fn a_provider_that_writes_its_issuer_in_two_ways() {
    let also = |mut config: RelyingPartyConfig| {
        config.issuers = Issuers::Also(vec!["op.example".to_owned()]);
        config
    };
    for (iss, accepted) in [("op.example", true), (ISSUER, true), ("evil.example", false)] {
        let conversation = Conversation::with(rsa(RSA), also);
        conversation.twist(|twists| twists.claims = set("iss", json!(iss)));
        match conversation.sign_in().await {
            Ok(signed_in) => assert!(accepted && signed_in.tokens.claims.issuer == ISSUER, "{iss}"),
            outcome => assert!(!accepted && id_token_error(outcome) == IdTokenError::Issuer, "{iss}"),
        }
    }
}

/// A provider that is known not to repeat the `nonce`: none is taken, another is not.
#[tokio::test]
async fn a_provider_that_does_not_repeat_the_nonce() {
    let lax = |mut config: RelyingPartyConfig| {
        config.nonce_required = false;
        config.with_parameter("access_type", "offline")
    };
    let conversation = Conversation::with(rsa(RSA), lax);
    conversation.twist(|twists| twists.claims = without("nonce"));
    conversation.sign_in().await.unwrap();
    conversation.twist(|twists| twists.claims = set("nonce", json!("another")));
    assert_eq!(id_token_error(conversation.sign_in().await), IdTokenError::Nonce);
    // What the registration adds to every request is there.
    let url = conversation.party.begin(&conversation.browser, &SignInOptions::new(), None).await.unwrap();
    assert_eq!(query_of(&url).one("access_type").unwrap(), Some("offline"));
}

/// Metadata that the host brings: nothing is discovered. And refusals that come with status 200.
#[tokio::test]
async fn metadata_of_the_host_and_refusals_with_status_200() {
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/jwks"),
    });
    let metadata: ProviderMetadata = serde_json::from_value(document).unwrap();
    let conversation = Conversation::with(rsa(RSA), |config| {
        config.with_metadata(MetadataSource::Given(Arc::new(metadata)))
    });
    conversation.twist(|twists| twists.tokens = set("expires_in", json!("3600")));
    let tokens = conversation.sign_in().await.unwrap().tokens;
    assert_eq!(
        tokens.expires_at,
        Some(conversation.ports.now() + time::Duration::hours(1)),
        "a number in quotes"
    );
    assert!(conversation.op.requests_to("/.well-known/openid-configuration").is_empty());
    conversation.twist(|twists| {
        twists.tokens = Box::new(|body| *body = json!({ "ok": false, "error": "invalid_code" }));
    });
    let refused = conversation.sign_in().await.unwrap_err();
    assert_eq!(refused.to_string(), "the provider refused: invalid_code");
    conversation.twist(|twists| twists.tokens = Box::new(|body: &mut Value| *body = json!({})));
    assert!(matches!(conversation.sign_in().await, Err(ciam_oidc::rp::SignInError::Malformed)));
}
