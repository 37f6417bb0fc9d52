//! Server metadata (RFC 8414): what is on, and only that.

use ciam_oauth::Endpoint;
use ciam_oauth::client::GrantType;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Browser, World};

async fn document(world: &World) -> Value {
    let reply = Browser::new().get(world, "/.well-known/oauth-authorization-server").await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    serde_json::from_str(reply.body()).unwrap()
}

#[tokio::test]
async fn rfc8414_2_the_document_describes_the_server() {
    let world = World::new().await;
    let found = document(&world).await;
    for (member, value) in [
        ("issuer", json!("https://id.example")),
        ("authorization_endpoint", json!("https://id.example/authorize")),
        ("token_endpoint", json!("https://id.example/token")),
        ("jwks_uri", json!("https://id.example/jwks")),
        ("revocation_endpoint", json!("https://id.example/revoke")),
        ("introspection_endpoint", json!("https://id.example/introspect")),
        ("pushed_authorization_request_endpoint", json!("https://id.example/par")),
        ("require_pushed_authorization_requests", json!(false)),
        ("response_types_supported", json!(["code"])),
        (
            "response_modes_supported",
            json!([
                "query",
                "fragment",
                "form_post",
                "web_message",
                "query.jwt",
                "fragment.jwt",
                "form_post.jwt",
                "jwt"
            ]),
        ),
        ("grant_types_supported", json!(["authorization_code", "refresh_token", "client_credentials"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        (
            "token_endpoint_auth_methods_supported",
            json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]),
        ),
        ("authorization_signing_alg_values_supported", json!(["ES256"])),
        ("authorization_encryption_alg_values_supported", json!(["ECDH-ES", "ECDH-ES+A256KW"])),
        ("request_parameter_supported", json!(true)),
        ("require_signed_request_object", json!(false)),
        ("request_object_signing_alg_values_supported", json!(["ES256", "ES384", "EdDSA", "PS256", "RS256"])),
        ("request_object_encryption_alg_values_supported", json!(null)),
        ("request_uri_parameter_supported", json!(false)),
        (
            "scopes_supported",
            json!(["offline_access", "orders:read", "orders:write", "profile:read", "stock:read"]),
        ),
    ] {
        assert_eq!(found[member], value, "{member}");
    }
}

/// Every URL in the document is one that this server routes.
#[tokio::test]
async fn every_advertised_endpoint_is_routed() {
    let world = World::new().await;
    let found = document(&world).await;
    let mut urls = 0;
    for (member, value) in found.as_object().unwrap() {
        if member.ends_with("_endpoint") || member == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix("https://id.example").unwrap();
            assert!(Endpoint::route(world.server.issuer(), path).is_some(), "{member}");
            urls += 1;
        }
    }
    assert_eq!(urls, 6);
}

#[tokio::test]
async fn what_is_off_is_neither_advertised_nor_answered() {
    let off = [Endpoint::Revocation, Endpoint::Introspection, Endpoint::PushedAuthorizationRequest];
    let world =
        World::with(|builder| off.into_iter().fold(builder, |builder, endpoint| builder.without(endpoint)))
            .await;
    let found = document(&world).await;
    for member in ["revocation_endpoint", "introspection_endpoint", "pushed_authorization_request_endpoint"] {
        assert_eq!(found.get(member), None, "{member}");
    }
    for endpoint in off {
        let reply = Browser::new().post(&world, endpoint.path(), &[]).await;
        assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{endpoint:?}");
    }
}

#[tokio::test]
async fn required_pushing_is_advertised() {
    let world = World::with(|builder| builder.require_pushed_requests()).await;
    assert_eq!(document(&world).await["require_pushed_authorization_requests"], json!(true));
}

#[tokio::test]
async fn a_server_for_machines_only_has_no_authorization_endpoint() {
    use ciam_core::memory;
    let server = ciam_oauth::AuthorizationServer::builder(memory::ports())
        .issuer("https://id.example".parse().unwrap())
        .interaction_url("/interaction/")
        .grants([GrantType::ClientCredentials])
        .build()
        .await
        .unwrap();
    let found = server.metadata();
    assert_eq!(found.get("authorization_endpoint"), None);
    assert_eq!(found["response_types_supported"], json!([]));
    assert_eq!(found["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(found.get("pushed_authorization_request_endpoint"), None);
}

/// RFC 8414, section 2.1: the same is said by a JWT of the server, where it is turned on.
#[tokio::test]
async fn rfc8414_2_1_signed_metadata() {
    use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, PublicJwkSet, TokenType, Verifier};

    let world = World::with(|builder| builder.signed_metadata()).await;
    let mut found = document(&world).await;
    let signed = found.as_object_mut().unwrap().remove("signed_metadata").unwrap();
    let jwks = Browser::new().get(&world, "/jwks").await;
    let jwks: PublicJwkSet = serde_json::from_str(jwks.body()).unwrap();
    let keys = KeySet::from_jwks(world.ports.crypto(), &jwks).unwrap();
    let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::one_of(&["JWT"]));
    let verified = verifier.verify(signed.as_str().unwrap(), &keys).unwrap();
    let mut claims: Value = verified.claims().unwrap();
    assert_eq!(claims["iss"], "https://id.example");
    for own in ["iss", "iat"] {
        claims.as_object_mut().unwrap().remove(own).unwrap();
    }
    assert_eq!(claims, found);
    let off = document(&World::new().await).await;
    assert!(off.get("signed_metadata").is_none());
}
