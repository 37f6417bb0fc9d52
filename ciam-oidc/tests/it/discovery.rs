//! Discovery: what is advertised works, what is off is not advertised.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_core::jose::Algorithm;
use ciam_core::memory;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{ISSUER, World};

async fn document(world: &World, path: &str) -> Value {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    let response = world.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn the_document_says_what_discovery_3_requires() {
    let world = World::new().await;
    let found = document(&world, "/.well-known/openid-configuration").await;
    assert_eq!(found["issuer"], ISSUER);
    assert_eq!(found["authorization_endpoint"], format!("{ISSUER}/authorize"));
    assert_eq!(found["userinfo_endpoint"], format!("{ISSUER}/userinfo"));
    assert_eq!(found["end_session_endpoint"], format!("{ISSUER}/logout"));
    assert_eq!(found["response_types_supported"], json!(["code"]));
    assert_eq!(found["subject_types_supported"], json!(["public", "pairwise"]));
    assert_eq!(found["id_token_signing_alg_values_supported"], json!(["ES256"]));
    assert_eq!(found["backchannel_logout_supported"], true);
    assert_eq!(found["backchannel_logout_session_supported"], true);
    assert_eq!(found["claims_parameter_supported"], true);
    assert_eq!(found["request_parameter_supported"], true);
    assert_eq!(found["request_uri_parameter_supported"], false);
    for scope in ["openid", "profile", "email", "address", "phone", "offline_access", "orders:read"] {
        assert!(found["scopes_supported"].as_array().unwrap().contains(&json!(scope)), "{scope}");
    }
    assert_eq!(found, document(&world, "/.well-known/oauth-authorization-server").await);
}

#[tokio::test]
async fn the_key_set_has_the_signing_keys_and_nothing_private() {
    let world = World::new().await;
    let keys = document(&world, "/jwks").await;
    let keys = keys["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(key["kid"].is_string() && key["alg"] == "ES256" && key["use"] == "sig", "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

#[tokio::test]
async fn a_provider_without_a_key_for_its_algorithm_is_not_built() {
    let config = ProviderConfig::new("https://id.example/a/", "https://id.example/b");
    let refused = AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url(format!("{ISSUER}/interaction/"))
        .extension(Arc::new(OpenIdProvider::new(config)))
        .build()
        .await;
    assert!(refused.is_err(), "RS256 keys have to be imported");
}

#[tokio::test]
async fn a_provider_whose_pages_are_nowhere_is_not_built() {
    let good = ("https://id.example/sign-out/", "https://id.example/signed-out");
    for ((sign_out, signed_out), refused) in [
        (good, false),
        (("https://id.example/sign-out?handle=", good.1), false),
        (("http://localhost:8080/sign-out/", "http://localhost:8080/"), false),
        (("nonsense", good.1), true),
        (("https://id.example/sign-out", good.1), true),
        (("/sign-out/", good.1), true),
        (("http://id.example/sign-out/", good.1), true),
        (("javascript:alert(1)/", good.1), true),
        ((good.0, "signed-out"), true),
        ((good.0, "https://id.example/signed-out#"), true),
    ] {
        let config = ProviderConfig::new(sign_out, signed_out).with_only_algorithm(Algorithm::Es256);
        let built = AuthorizationServer::builder(memory::ports())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .extension(Arc::new(OpenIdProvider::new(config)))
            .build()
            .await;
        assert_eq!(built.is_err(), refused, "{sign_out} {signed_out}");
    }
}

fn built(issuer: &str, change: impl FnOnce(ProviderConfig) -> ProviderConfig) -> ServerBuilder {
    let config = ProviderConfig::new(format!("{issuer}/sign-out/"), format!("{issuer}/signed-out"));
    let config = change(config.with_only_algorithm(Algorithm::Es256));
    AuthorizationServer::builder(memory::ports())
        .issuer(issuer.parse().unwrap())
        .interaction_url(format!("{issuer}/interaction/"))
        .extension(Arc::new(OpenIdProvider::new(config)))
}

async fn get(server: &AuthorizationServer, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    let response = server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
    (response.status(), serde_json::from_slice(response.body()).unwrap_or_default())
}

/// RFC 8414, section 5: clients of either standard find the document of an issuer with a path.
#[tokio::test]
async fn the_document_of_an_issuer_with_a_path_is_where_clients_look() {
    let server = built("https://id.example/shop", |config| config).signed_metadata().build().await.unwrap();
    for path in [
        "/shop/.well-known/openid-configuration",
        "/.well-known/openid-configuration/shop",
        "/.well-known/oauth-authorization-server/shop",
    ] {
        let (status, document) = get(&server, path).await;
        assert_eq!(
            (status, &document["issuer"]),
            (StatusCode::OK, &json!("https://id.example/shop")),
            "{path}"
        );
        assert!(document["signed_metadata"].is_string());
    }
    for path in ["/.well-known/openid-configuration", "/.well-known/openid-configuration/other"] {
        assert_eq!(get(&server, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

/// Discovery 1.0, section 2: an identifier of a domain leads to the provider, whoever it is of.
#[tokio::test]
async fn discovery_2_webfinger_names_the_provider_for_its_domains() {
    let rel = "http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer";
    let server = built("https://id.example/shop", |config| config.with_webfinger(["Example.com"]));
    let server = server.build().await.unwrap();
    let path = format!("/.well-known/webfinger?resource=acct%3Ajoe%40example.com&rel={rel}");
    let (status, found) = get(&server, &path).await;
    assert_eq!(status, StatusCode::OK);
    let link =
        json!({ "rel": "http://openid.net/specs/connect/1.0/issuer", "href": "https://id.example/shop" });
    assert_eq!(found, json!({ "subject": "acct:joe@example.com", "links": [link] }));
    let all = get(&server, "/.well-known/webfinger?resource=https%3A%2F%2Fexample.com%2Fjoe").await.1;
    assert_eq!(all["links"], json!([link]));
    let other = get(&server, "/.well-known/webfinger?resource=acct%3Ajoe%40example.com&rel=avatar").await.1;
    assert_eq!(other["links"], json!([]));
    for (query, status) in [
        ("?resource=acct%3Ajoe%40other.example", StatusCode::NOT_FOUND),
        ("", StatusCode::BAD_REQUEST),
        ("?resource=", StatusCode::BAD_REQUEST),
        ("?resource=joe", StatusCode::BAD_REQUEST),
        ("?resource=acct%3Aa%40example.com&resource=acct%3Ab%40example.com", StatusCode::BAD_REQUEST),
        ("?resource=%ff", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(get(&server, &format!("/.well-known/webfinger{query}")).await.0, status, "{query}");
    }
    let post = Request::post("/.well-known/webfinger").body(Bytes::new()).unwrap();
    let refused = server.handle(post, &Peer::new([192, 0, 2, 9].into())).await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    let off = built("https://id.example", |config| config).build().await.unwrap();
    assert_eq!(get(&off, &path).await.0, StatusCode::NOT_FOUND);
}

/// The rows of the manual of `ciam-oauth` that are of OpenID Connect: what a script of any origin reads, and what it does not.
#[tokio::test]
async fn every_endpoint_of_openid_connect_is_read_by_whom_the_manual_says() {
    let config = ProviderConfig::new("https://id.example/sign-out/", "https://id.example/signed-out")
        .with_only_algorithm(Algorithm::Es256)
        .with_session_management()
        .with_webfinger(["example.com".to_owned()]);
    let server = AuthorizationServer::builder(memory::ports())
        .issuer(ISSUER.parse().unwrap())
        .interaction_url("https://id.example/interaction/")
        .extension(Arc::new(OpenIdProvider::new(config)))
        .build()
        .await
        .unwrap();
    let mut wrong = Vec::new();
    for (path, readers) in [
        ("/.well-known/openid-configuration", Some("GET")),
        ("/.well-known/webfinger?resource=acct%3Aada%40example.com", Some("GET")),
        ("/userinfo", Some("GET, POST")),
        ("/logout", None),
        ("/check-session", None),
    ] {
        for method in ["GET", "OPTIONS"] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("origin", "https://evil.example")
                .header("access-control-request-method", "GET");
            let request = request.body(Bytes::new()).unwrap();
            let response = server.handle(request, &Peer::new([192, 0, 2, 9].into())).await;
            assert_ne!(response.status(), StatusCode::NOT_FOUND, "{path}");
            let header = |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
            if header("access-control-allow-origin").as_deref() != readers.map(|_| "*") {
                wrong.push((path, method));
            }
            assert_eq!(header("access-control-allow-credentials"), None, "{path}");
            if method == "OPTIONS" && readers.is_some() {
                assert_eq!(header("access-control-allow-methods").as_deref(), readers, "{path}");
                assert!(header("access-control-allow-headers").unwrap().contains("dpop"), "{path}");
            }
        }
    }
    assert_eq!(wrong, [], "every line that is not as the manual has it");
}
