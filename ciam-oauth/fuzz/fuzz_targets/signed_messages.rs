//! What clients, attesters and issuers sign for the server, and what a connection says of its client: whatever the claims under a good
//! signature, no panic, no server error, and nobody is taken for somebody whom the claims do not name.
//!
//! The first byte chooses what the rest is: the claims of a client assertion, of a JWT as a grant, of a request object, of a software
//! statement, of an attestation, or of an instance's proof; headers as they are; a certificate; or a name in one. `KEY` in claims stands
//! for the public key of the signer.

#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use ciam_core::jose::{Algorithm, LocalSigner};
use ciam_core::memory;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, GrantType, MessageProtection,
};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::jwt_bearer::{Assertion, AssertionPolicy, AssertionSubject, TrustedIssuer};
use ciam_oauth::mtls::{CertificateSubject, MutualTls};
use ciam_oauth::registration::RegistrationSettings;
use ciam_oauth::server::{Limits, SupportedScope};
use http::header::HeaderValue;
use http::{HeaderMap, Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use time::macros::datetime;
use url::form_urlencoded;

const ISSUER: &str = "https://id.example";
const SECRET: &str = "0123456789012345678901234567890123456789abc";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM: &str = "application/x-www-form-urlencoded";
const NOW: i64 = 1_795_435_200;

/// The issuer's word is known to be about nobody: what there is to see is that it was read.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl AssertionPolicy for Nobody {
    async fn subject(&self, asked: &Assertion<'_>) -> Result<AssertionSubject, PortError> {
        assert_eq!(asked.claims["sub"], asked.subject);
        assert_eq!(asked.claims["iss"], ISSUER_OF_GRANTS);
        Ok(AssertionSubject::Refuse)
    }
}

const ISSUER_OF_GRANTS: &str = "https://directory.example";

struct World {
    runtime: tokio::runtime::Runtime,
    server: AuthorizationServer,
    signer: LocalSigner,
    key: String,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

/// Everything comes from one address, as fast as it can.
fn without_counting() -> Limits {
    let mut limits = Limits::default();
    for counted in
        [&mut limits.registrations, &mut limits.registration_changes, &mut limits.code_presentations]
    {
        *counted = counted.clone().with_attempts(u64::MAX);
    }
    limits.pushed_requests_per_minute = u64::MAX;
    limits
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        // A key whose check costs little.
        let signer = LocalSigner::generate(&*crypto::ring(), Algorithm::EdDsa).expect("a key");
        let public = signer.public_jwk().expect("a public key");
        let key = serde_json::to_string(&public).expect("it is JSON");
        let server = runtime.block_on(Self::make(&json!({ "keys": [public] })));
        Self { runtime, server, signer, key }
    }

    async fn make(jwks: &Value) -> AuthorizationServer {
        let keys = || ClientKeys::Jwks(jwks.clone());
        let clock = Arc::new(ManualClock::new(datetime!(2026-11-23 12:00 UTC)));
        let ports = memory::ports_with(clock, Arc::new(SeededEntropy::new(1)));
        let store = TrustedIssuer::new("https://store.example", keys());
        let methods = [
            AuthMethod::ClientSecretBasic,
            AuthMethod::ClientSecretPost,
            AuthMethod::PrivateKeyJwt,
            AuthMethod::AttestJwtClientAuth,
            AuthMethod::TlsClientAuth,
            AuthMethod::None,
        ];
        let server = AuthorizationServer::builder(ports)
            .issuer(ISSUER.parse().expect("an issuer"))
            .interaction_url("/interaction/")
            .scope(SupportedScope::new("a".parse().expect("a scope"), "A"))
            .client_authentication(methods)
            .mutual_tls(MutualTls::new())
            .jwt_bearer([TrustedIssuer::new(ISSUER_OF_GRANTS, keys())], Arc::new(Nobody))
            .registration(RegistrationSettings::default().open().with_statements_of(store))
            .limits(without_counting())
            .build()
            .await
            .expect("a server");
        let secret = ClientSecret::new(SECRET).expect("a secret");
        let subject = CertificateSubject::Dns("client.example".to_owned());
        for (id, authentication) in [
            ("signs", ClientAuthentication::private_key_jwt(keys())),
            ("wallet", ClientAuthentication::attested(keys())),
            ("certified", ClientAuthentication::TlsClientAuth { subject }),
            ("basic", ClientAuthentication::basic(&secret)),
            ("post", ClientAuthentication::post(&secret)),
        ] {
            let client = Client::confidential(id.parse().expect("an id"), authentication)
                .with_redirect_uri("https://app.example/cb".parse().expect("a redirect URI"))
                .with_grant(GrantType::AuthorizationCode)
                .with_grant(GrantType::ClientCredentials)
                .with_grant(GrantType::JwtBearer)
                .with_messages(MessageProtection::new().with_keys(keys()))
                .with_scopes("a".parse().expect("scopes"));
            server.clients().put(client).await.expect("a client");
        }
        server
    }

    fn run(&self, data: &[u8]) {
        let Some((kind, rest)) = data.split_first() else { return };
        match kind % 9 {
            0 => self.assertion(rest),
            1 => self.grant(rest),
            2 => self.object(rest),
            3 => self.statement(rest),
            4 => self.attestation(rest, proof().as_bytes(), rest),
            5 => self.attestation(self.attested().as_bytes(), rest, rest),
            6 => self.headers(rest),
            7 => self.certificate(rest),
            _ => name(rest),
        }
    }

    /// Whoever is authenticated is the one whom the assertion is of, at this server.
    fn assertion(&self, claims: &[u8]) {
        let assertion = self.sign("JWT", claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", &assertion),
        ];
        if self.post("/token", HeaderMap::new(), &form) == StatusCode::OK {
            let lax = lax(claims);
            assert_eq!((&lax["iss"], &lax["sub"]), (&json!("signs"), &json!("signs")), "{lax}");
            assert!(lax["aud"] == ISSUER || lax["aud"] == json!([ISSUER]), "{lax}");
            assert!(lax["exp"].as_f64().expect("a time") > (NOW - 60) as f64, "{lax}");
        }
    }

    fn grant(&self, claims: &[u8]) {
        let assertion = self.sign("JWT", claims);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
            ("client_id", "post"),
            ("client_secret", SECRET),
        ];
        assert_ne!(self.post("/token", HeaderMap::new(), &form), StatusCode::OK, "nobody is known");
    }

    /// What is pushed is of the client that signed it, for this server.
    fn object(&self, claims: &[u8]) {
        let object = self.sign("oauth-authz-req+jwt", claims);
        let form = [("client_id", "post"), ("client_secret", SECRET), ("request", object.as_str())];
        if self.post("/par", HeaderMap::new(), &form) == StatusCode::CREATED {
            let lax = lax(claims);
            assert_eq!((&lax["iss"], &lax["client_id"]), (&json!("post"), &json!("post")), "{lax}");
            assert_eq!(
                lax["redirect_uri"].as_str().unwrap_or("https://app.example/cb"),
                "https://app.example/cb"
            );
            assert!(lax.get("request").is_none() && lax.get("request_uri").is_none(), "{lax}");
        }
    }

    /// What a statement says is registered like everything else: checked.
    fn statement(&self, claims: &[u8]) {
        let statement = self.sign("JWT", claims);
        let body = json!({ "redirect_uris": ["https://app.example/cb"], "software_statement": statement });
        let request = Request::post("/register").header("content-type", "application/json");
        let response = self.send(request.body(Bytes::from(body.to_string())).expect("a request"), &peer());
        if response.status() == StatusCode::CREATED {
            let made: Value = serde_json::from_slice(response.body()).expect("JSON");
            assert_eq!(lax(claims)["iss"], "https://store.example");
            for uri in made["redirect_uris"].as_array().expect("a list") {
                // A scheme in other letters is the same scheme.
                let uri = uri.as_str().expect("a text").to_ascii_lowercase();
                assert!(uri.starts_with("https://") && !uri.contains('#'), "{uri}");
            }
        }
    }

    /// Who is authenticated is who was attested, and had the key; `fuzzed` is which of the two came from outside.
    fn attestation(&self, statement: &[u8], proof: &[u8], fuzzed: &[u8]) {
        let said = self.sign("oauth-client-attestation+jwt", statement);
        let proved = self.sign("oauth-client-attestation-pop+jwt", proof);
        let mut headers = HeaderMap::new();
        for (name, value) in [("oauth-client-attestation", said), ("oauth-client-attestation-pop", proved)] {
            headers.insert(name, HeaderValue::try_from(value).expect("a token is a header"));
        }
        if self.post("/token", headers, &[("grant_type", "client_credentials")]) == StatusCode::OK {
            let lax = lax(fuzzed);
            let ours = lax["sub"] == "wallet" || lax["aud"] == ISSUER || lax["aud"] == json!([ISSUER]);
            assert!(ours, "{lax}");
        }
    }

    /// A line for each of the headers that a client can authenticate or prove a key with.
    fn headers(&self, lines: &[u8]) {
        let mut headers = HeaderMap::new();
        let names = ["authorization", "dpop", "oauth-client-attestation", "oauth-client-attestation-pop"];
        for (name, line) in names.into_iter().zip(lines.split(|byte| *byte == b'\n')) {
            if let Ok(value) = HeaderValue::from_bytes(line)
                && !line.is_empty()
            {
                headers.insert(name, value);
            }
        }
        for path in ["/token", "/introspect", "/revoke", "/register/dyn"] {
            self.post(path, headers.clone(), &[("grant_type", "client_credentials"), ("token", "x")]);
        }
    }

    fn certificate(&self, der: &[u8]) {
        let _thumbprint = CertificateThumbprint::of(der);
        let form = [("grant_type", "client_credentials"), ("client_id", "certified")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request =
            Request::post("/token").header("content-type", FORM).body(Bytes::from(body)).expect("a request");
        let named = CertificateSubject::Dns("client.example".to_owned()).is_in(der);
        let shown = peer().with_certificate(der.to_vec());
        let response = self.send(request.clone(), &shown);
        assert_ne!(response.status(), StatusCode::OK, "nobody has verified its chain");
        let response = self.send(request, &shown.with_trusted_certificate(der.to_vec()));
        assert_eq!(response.status() == StatusCode::OK, named);
        for other in [
            CertificateSubject::DistinguishedName("CN=client,O=Example".to_owned()),
            CertificateSubject::Uri("https://client.example/".to_owned()),
            CertificateSubject::Email("client@client.example".to_owned()),
            CertificateSubject::Ip([192, 0, 2, 1].into()),
        ] {
            let _either = other.is_in(der);
        }
    }

    /// Of an instance that has the key.
    fn attested(&self) -> String {
        format!(r#"{{"sub":"wallet","iat":{NOW},"exp":{},"cnf":{{"jwk":KEY}}}}"#, NOW + 3600)
    }

    fn sign(&self, typ: &str, claims: &[u8]) -> String {
        let claims = match std::str::from_utf8(claims) {
            Ok(text) => text.replace("KEY", &self.key).into_bytes(),
            Err(_) => claims.to_vec(),
        };
        let header = json!({ "alg": "EdDSA", "typ": typ }).to_string();
        let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(&claims));
        let signature = self.signer.sign_now(input.as_bytes()).expect("signing");
        format!("{input}.{}", base64url::encode(&signature))
    }

    fn post(&self, path: &str, headers: HeaderMap, form: &[(&str, &str)]) -> StatusCode {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = Request::post(path).body(Bytes::from(body)).expect("a request");
        *request.headers_mut() = headers;
        request.headers_mut().insert("content-type", HeaderValue::from_static(FORM));
        self.send(request, &peer()).status()
    }

    fn send(&self, request: Request<Bytes>, peer: &Peer) -> http::Response<Bytes> {
        let response = self.runtime.block_on(self.server.handle(request, peer));
        assert!(!response.status().is_server_error(), "{response:?}");
        response
    }
}

fn peer() -> Peer {
    Peer::new([192, 0, 2, 1].into())
}

/// A proof of an instance, made now.
fn proof() -> String {
    json!({ "aud": ISSUER, "jti": "p", "iat": NOW }).to_string()
}

/// Claims as anybody reads them.
fn lax(claims: &[u8]) -> Value {
    let text = std::str::from_utf8(claims).expect("accepted claims are text").replace("KEY", "0");
    serde_json::from_str(&text).expect("accepted claims are JSON")
}

/// A name is compared as it was registered.
fn name(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for subject in [
        CertificateSubject::DistinguishedName(text.to_owned()),
        CertificateSubject::Dns(text.to_owned()),
        CertificateSubject::Uri(text.to_owned()),
        CertificateSubject::Email(text.to_owned()),
    ] {
        let _either = subject.is_well_formed();
    }
}

fuzz_target!(|data: &[u8]| {
    WORLD.with(|world| world.get_or_init(World::new).run(data));
});
