//! What a resource server and its clients read of others: introspection answers, metadata of resources, plain and signed, and the header
//! with a token. Whatever they say, no panic, and nothing is believed that they do not say.
//!
//! The first byte chooses what the rest is.

#![no_main]

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::jose::{Algorithm, KeySet, LocalSigner};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::resource::ResourceIndicator;
use ciam_oauth::validate::{
    IntrospectionAuth, IntrospectionPolicy, Introspector, ResourceDescription, ResourceDiscovery, TokenRules,
    authorization,
};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Response};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const ATTESTER: &str = "https://trust.example";
const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

/// Answers every request with the same text.
#[derive(Debug, Default)]
struct Endpoint(Mutex<Bytes>);

#[async_trait]
impl HttpClient for Endpoint {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, _: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        let body = self.0.lock().map_or_else(|_| Bytes::new(), |body| body.clone());
        Response::builder()
            .header("content-type", "application/json")
            .body(body)
            .map_err(PortError::permanent)
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    ports: Ports,
    endpoint: Arc<Endpoint>,
    signer: LocalSigner,
    discovery: ResourceDiscovery,
    resource: ResourceIndicator,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

impl World {
    fn new() -> Self {
        let endpoint = Arc::new(Endpoint::default());
        let clock = Arc::new(ManualClock::new(NOW));
        let ports =
            memory::ports_with(clock, Arc::new(SeededEntropy::new(1))).with_http_client(endpoint.clone());
        // A key whose check costs little.
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::EdDsa).expect("a key");
        let keys = KeySet::from(signer.verification_key(&*crypto::ring()).expect("a public key"));
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().build().expect("a runtime"),
            discovery: ResourceDiscovery::new(ports.clone()).with_attester(ATTESTER, keys),
            resource: API.parse().expect("a resource"),
            ports,
            endpoint,
            signer,
        }
    }

    fn run(&self, data: &[u8]) {
        let Some((kind, rest)) = data.split_first() else { return };
        match kind % 4 {
            0 => self.introspected(rest),
            1 => self.described(rest),
            2 => self.attested(rest),
            _ => header(rest),
        }
    }

    /// A token that is let in is one that the answer calls active, for this resource, of this issuer, and not over.
    fn introspected(&self, answer: &[u8]) {
        if let Ok(mut body) = self.endpoint.0.lock() {
            *body = Bytes::copy_from_slice(answer);
        }
        // A new one each time: nothing is remembered from the answer before.
        let auth = IntrospectionAuth::Basic("api".parse().expect("an id"), "secret".into());
        let mut policy = IntrospectionPolicy::default();
        policy.capacity = 16;
        let introspector = Introspector::with_policy(
            self.ports.clone(),
            ISSUER.parse().expect("an issuer"),
            format!("{ISSUER}/introspect"),
            auth,
            TokenRules::new(API),
            policy,
        );
        let introspector = introspector.expect("entropy");
        let Ok(access) = self.runtime.block_on(introspector.validate("opaque", NOW)) else { return };
        let lax: Value = serde_json::from_slice(answer).expect("an accepted answer is JSON");
        assert_eq!(lax["active"], true);
        assert!(lax["aud"] == API || lax["aud"].as_array().is_some_and(|all| all.iter().any(|it| it == API)));
        assert!(lax.get("iss").is_none_or(|iss| iss == ISSUER));
        assert!(lax["exp"].as_f64().expect("a time") > NOW.unix_timestamp() as f64 - 60.0);
        assert_eq!(lax["client_id"], access.client_id());
        assert!(
            lax.get("cnf").is_none_or(|cnf| cnf.is_null() || cnf.as_object().is_some_and(|it| it.is_empty())),
            "bound, and shown without proof: {lax}"
        );
    }

    /// Metadata without a signature, where one is demanded, are none; without that demand they are about this resource.
    fn described(&self, document: &[u8]) {
        let Ok(document) = serde_json::from_slice::<Value>(document) else { return };
        let plain = ResourceDiscovery::new(self.ports.clone());
        if let Ok(found) = plain.read(&self.resource, document.clone()) {
            assert_eq!(document["resource"], API);
            assert!(!found.attested);
            self.are_issuers(&found);
        }
        if self.discovery.read(&self.resource, document.clone()).is_ok() {
            assert!(document["signed_metadata"].is_string());
        }
    }

    /// What is signed well is about this resource, by the one who is trusted, and of this time.
    fn attested(&self, claims: &[u8]) {
        let header = base64url::encode(br#"{"alg":"EdDSA","typ":"JWT"}"#);
        let input = format!("{header}.{}", base64url::encode(claims));
        let signature = self.signer.sign_now(input.as_bytes()).expect("signing");
        let signed = format!("{input}.{}", base64url::encode(&signature));
        let document = json!({ "resource": API, "signed_metadata": signed });
        let Ok(found) = self.discovery.read(&self.resource, document) else { return };
        let lax: Value = serde_json::from_slice(claims).expect("accepted claims are JSON");
        assert_eq!((&lax["iss"], &lax["resource"]), (&json!(ATTESTER), &json!(API)));
        let end = lax.get("exp").and_then(Value::as_f64);
        assert!(end.is_none_or(|end| end > NOW.unix_timestamp() as f64), "{lax}");
        assert!(found.attested && found.get("iss").is_none());
        self.are_issuers(&found);
    }

    fn are_issuers(&self, found: &ResourceDescription) {
        for issuer in &found.authorization_servers {
            assert!(
                issuer.as_str().starts_with("https://") || issuer.as_str().starts_with("http://"),
                "{issuer}"
            );
        }
    }
}

/// A token is one word behind its scheme.
fn header(value: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in value.split(|byte| *byte == b'\n').take(3) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    if let Ok((_, token)) = authorization(&headers) {
        assert_eq!(headers.get_all(AUTHORIZATION).iter().count(), 1);
        assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).run(data));
});
