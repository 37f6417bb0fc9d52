//! The metadata of protected resources, signed and read: RFC 9728.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::jose::sign;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::resource::ResourceIndicator;
use ciam_oauth::validate::{ResourceDiscovery, ResourceDiscoveryError, ResourceMetadata};
use serde_json::{Value, json};

use super::validate::{NOW, keys, signer};
use super::{claims, header};

const RESOURCE: &str = "https://api.example/orders";
const PLACE: &str = "https://api.example/.well-known/oauth-protected-resource/orders";

fn metadata() -> ResourceMetadata {
    ResourceMetadata::new(RESOURCE.parse().unwrap(), "https://id.example".parse().unwrap())
        .with_scopes("orders:read".parse().unwrap())
        .with_jwks_uri("https://api.example/jwks")
}

fn discovery() -> (MemoryHttpClient, ResourceDiscovery) {
    let outside = MemoryHttpClient::new();
    let ports = memory::ports_with(Arc::new(ManualClock::new(NOW)), Arc::new(SeededEntropy::new(1)))
        .with_http_client(Arc::new(outside.clone()));
    (outside, ResourceDiscovery::new(ports))
}

fn serve(outside: &MemoryHttpClient, url: &str, document: &Value) {
    let response = http::Response::builder().header("content-type", "application/json");
    outside.answer(url, response.body(Bytes::from(document.to_string())).unwrap());
}

fn resource() -> ResourceIndicator {
    RESOURCE.parse().unwrap()
}

/// Sections 2.2 and 3.2: the same in a JWT, by whoever attests it.
#[tokio::test]
async fn rfc9728_2_2_signed_metadata_say_the_same() {
    let key = signer();
    let document = metadata().to_signed_json(&key, RESOURCE, NOW).await.unwrap();
    let jwt = document["signed_metadata"].as_str().unwrap();
    let signed = claims(jwt);
    assert_eq!(header(jwt)["alg"], "ES256");
    assert_eq!((&signed["iss"], &signed["iat"]), (&json!(RESOURCE), &json!(NOW.unix_timestamp())));
    assert!(signed.get("signed_metadata").is_none());
    for (name, value) in metadata().to_json().as_object().unwrap() {
        assert_eq!((&document[name], &signed[name]), (value, value), "{name}");
    }
    assert_eq!(document["jwks_uri"], "https://api.example/jwks");
    let response = metadata().signed_response(&key, RESOURCE, NOW).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let published: Value = serde_json::from_slice(response.body()).unwrap();
    assert!(published["signed_metadata"].is_string());
}

/// Sections 3.1 and 3.3: found at the place that the name makes, and believed only when it is about this resource.
#[tokio::test]
async fn rfc9728_3_3_metadata_of_another_resource_are_not_used() {
    let (outside, discovery) = discovery();
    serve(&outside, PLACE, &metadata().to_json());
    let found = discovery.discover(&resource()).await.unwrap();
    assert_eq!(found.authorization_servers, ["https://id.example".parse().unwrap()]);
    assert_eq!(found.get("scopes_supported"), Some(&json!(["orders:read"])));
    assert!(!found.attested);
    for other in [
        json!("https://api.example"),
        json!("https://api.example/orders/"),
        json!("https://API.example/orders"),
        json!("https://evil.example/orders"),
        json!([RESOURCE]),
        Value::Null,
    ] {
        let mut document = metadata().to_json();
        document["resource"] = other.clone();
        serve(&outside, PLACE, &document);
        let refused = discovery.discover(&resource()).await.unwrap_err();
        assert!(matches!(refused, ResourceDiscoveryError::OtherResource), "{other}");
    }
    // The address of the metadata may be another's choice; what they are about is not.
    let elsewhere = "https://cdn.example/metadata";
    serve(&outside, elsewhere, &metadata().to_json());
    assert!(discovery.discover_at(&resource(), elsewhere).await.is_ok());
    let asked: ResourceIndicator = "https://api.example/payments".parse().unwrap();
    let refused = discovery.discover_at(&asked, elsewhere).await.unwrap_err();
    assert!(matches!(refused, ResourceDiscoveryError::OtherResource));
}

#[tokio::test]
async fn metadata_that_cannot_be_had_or_read() {
    let (outside, discovery) = discovery();
    assert!(matches!(discovery.discover(&resource()).await, Err(ResourceDiscoveryError::Fetch(_))));
    let no_web = discovery.discover(&"urn:example:api".parse().unwrap()).await;
    assert!(matches!(no_web, Err(ResourceDiscoveryError::NotWeb)));
    let plain = discovery.discover(&"http://api.example".parse().unwrap()).await;
    assert!(matches!(plain, Err(ResourceDiscoveryError::Fetch(_))), "https only");
    for (bad, why) in [
        (json!([]), "malformed"),
        (json!({ "resource": RESOURCE, "authorization_servers": "https://id.example" }), "malformed"),
    ] {
        serve(&outside, PLACE, &bad);
        let found = discovery.discover(&resource()).await;
        assert!(matches!(found, Err(ResourceDiscoveryError::Malformed)), "{why}");
    }
    serve(
        &outside,
        PLACE,
        &json!({ "resource": RESOURCE, "authorization_servers": ["javascript:x", 7, "https://id.example"] }),
    );
    let found = discovery.discover(&resource()).await.unwrap();
    assert_eq!(found.authorization_servers.len(), 1, "what is no issuer is none");
}

/// Section 2.2: who demands a signature takes what is signed, by the one whom it trusts, about this resource.
#[tokio::test]
async fn rfc9728_2_2_who_demands_a_signature() {
    let (attester, stranger) = (signer(), signer());
    let (outside, discovery) = discovery();
    let demanding = discovery.clone().with_attester("https://trust.example", keys(&attester));
    let claims = |change: &dyn Fn(&mut Value)| {
        let mut claims = metadata().to_json();
        claims["iss"] = "https://trust.example".into();
        claims["iat"] = NOW.unix_timestamp().into();
        change(&mut claims);
        claims
    };
    let document = async |signed: Option<String>| {
        let mut document = metadata().to_json();
        document["authorization_servers"] = json!(["https://evil.example"]);
        if let Some(signed) = signed {
            document["signed_metadata"] = signed.into();
        }
        document
    };
    let good = sign(&attester, "JWT", &claims(&|_| ())).await.unwrap();
    serve(&outside, PLACE, &document(Some(good.clone())).await);
    let found = demanding.discover(&resource()).await.unwrap();
    assert!(found.attested);
    assert_eq!(found.authorization_servers, ["https://id.example".parse().unwrap()], "what is signed counts");
    assert!(found.get("iss").is_none() && found.get("signed_metadata").is_none());

    let about = |name: &'static str, value: Value| claims(&move |it: &mut Value| it[name] = value.clone());
    let rows = [
        ("unsigned", None),
        ("no text", Some("x".to_owned())),
        ("a stranger's", Some(sign(&stranger, "JWT", &claims(&|_| ())).await.unwrap())),
        ("another kind of token", Some(sign(&attester, "at+jwt", &claims(&|_| ())).await.unwrap())),
        ("somebody else's word", Some(sign(&attester, "JWT", &about("iss", RESOURCE.into())).await.unwrap())),
        ("nobody's word", Some(sign(&attester, "JWT", &about("iss", Value::Null)).await.unwrap())),
        ("expired", Some(sign(&attester, "JWT", &about("exp", NOW.unix_timestamp().into())).await.unwrap())),
        (
            "not yet valid",
            Some(sign(&attester, "JWT", &about("nbf", (NOW.unix_timestamp() + 60).into())).await.unwrap()),
        ),
        ("no time", Some(sign(&attester, "JWT", &about("exp", "soon".into())).await.unwrap())),
        (
            "about another",
            Some(sign(&attester, "JWT", &about("resource", "https://api.example".into())).await.unwrap()),
        ),
    ];
    for (what, signed) in rows {
        serve(&outside, PLACE, &document(signed).await);
        assert!(demanding.discover(&resource()).await.is_err(), "{what}");
        assert!(
            discovery.discover(&resource()).await.is_ok(),
            "{what}: who does not demand one does not look"
        );
    }
    let read = demanding.read(&resource(), document(Some(good)).await).unwrap();
    assert!(read.attested, "the same for a document from elsewhere");
}
