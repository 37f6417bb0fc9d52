//! Clients whose instances somebody attests: draft-ietf-oauth-attestation-based-client-auth-10.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::jose::{Algorithm, LocalSigner, sign};
use ciam_oauth::ServerBuilder;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientProblem, ClientsError, GrantType,
};
use ciam_oauth::registration::RegistrationSettings;
use http::Request;
use serde_json::{Value, json};
use time::Duration;

use super::{Answer, Person, Tokens, VERIFIER, basic, get, peer, person};
use crate::support::{CALLBACK, ISSUER, SECRET, World, query, request};

const WALLET: &str = "wallet";
const INVALID_CLIENT: (u16, &str) = (401, "invalid_client");

/// A world with a client whose instances `attester` attests, and two instances.
struct Attested {
    world: World,
    attester: LocalSigner,
    ours: LocalSigner,
    theirs: LocalSigner,
    proofs: AtomicU32,
}

fn key(kid: &str) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
}

fn set(signer: &LocalSigner) -> ClientKeys {
    ClientKeys::Jwks(json!({ "keys": [signer.public_jwk().unwrap()] }))
}

impl Attested {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let methods = [AuthMethod::AttestJwtClientAuth, AuthMethod::ClientSecretBasic, AuthMethod::None];
        let world = World::with(|builder| {
            let builder = builder.client_authentication(methods);
            configure(builder.registration(RegistrationSettings::default().open()))
        })
        .await;
        let attester = key("a");
        for id in [WALLET, "other"] {
            let client =
                Client::confidential(id.parse().unwrap(), ClientAuthentication::attested(set(&attester)))
                    .first_party()
                    .with_redirect_uri(CALLBACK.parse().unwrap())
                    .with_grant(GrantType::AuthorizationCode)
                    .with_grant(GrantType::RefreshToken)
                    .with_grant(GrantType::ClientCredentials)
                    .with_scopes("orders:read offline_access".parse().unwrap());
            world.server.clients().register(client).await.unwrap();
        }
        Self { world, attester, ours: key("i1"), theirs: key("i2"), proofs: AtomicU32::new(0) }
    }

    fn now(&self) -> i64 {
        self.world.ports.now().unix_timestamp()
    }

    fn statement(&self, instance: &LocalSigner) -> Value {
        let jwk = instance.public_jwk().unwrap();
        json!({ "sub": WALLET, "iat": self.now(), "exp": self.now() + 3600, "cnf": { "jwk": jwk } })
    }

    fn proof(&self) -> Value {
        let number = self.proofs.fetch_add(1, Ordering::Relaxed);
        json!({ "aud": ISSUER, "jti": format!("p{number}"), "iat": self.now() })
    }

    async fn attestation(&self, claims: &Value) -> String {
        sign(&self.attester, "oauth-client-attestation+jwt", claims).await.unwrap()
    }

    async fn pop(&self, instance: &LocalSigner, claims: &Value) -> String {
        sign(instance, "oauth-client-attestation-pop+jwt", claims).await.unwrap()
    }

    async fn headers(&self, instance: &LocalSigner) -> [(&'static str, String); 2] {
        let attestation = self.attestation(&self.statement(instance)).await;
        [(ATTESTATION, attestation), (POP, self.pop(instance, &self.proof()).await)]
    }

    async fn post(&self, path: &str, headers: &[(&'static str, String)], params: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Bytes::from(query(params))).unwrap();
        let (parts, body) = self.world.server.handle(request, &peer()).await.into_parts();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn own(&self, headers: &[(&'static str, String)]) -> Answer {
        self.post("/token", headers, &OWN).await
    }

    /// A client credentials request in which one of the two is changed.
    async fn changed(
        &self,
        statement: impl Fn(&mut Value) + Send,
        proof: impl Fn(&mut Value) + Send,
    ) -> Answer {
        let (mut said, mut proved) = (self.statement(&self.ours), self.proof());
        statement(&mut said);
        proof(&mut proved);
        let headers =
            [(ATTESTATION, self.attestation(&said).await), (POP, self.pop(&self.ours, &proved).await)];
        self.own(&headers).await
    }

    async fn exchange(&self, instance: &LocalSigner, code: &str) -> Answer {
        let params = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", &self.headers(instance).await, &params).await
    }

    async fn tokens(&self, person: &mut Person) -> Tokens {
        let code = person.code(&self.world, WALLET, "orders:read offline_access").await;
        self.exchange(&self.ours, &code).await.tokens()
    }
}

const ATTESTATION: &str = "oauth-client-attestation";
const POP: &str = "oauth-client-attestation-pop";
const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// Sections 4 to 7: the client is the one that the attester names, by its word and a proof of the instance's key; the word again,
/// the proof once.
#[tokio::test]
async fn attestation_7_an_attested_instance_is_authenticated() {
    let it = Attested::new().await;
    let attestation = it.attestation(&it.statement(&it.ours)).await;
    for _ in 0..2 {
        let headers = [(ATTESTATION, attestation.clone()), (POP, it.pop(&it.ours, &it.proof()).await)];
        assert!(it.own(&headers).await.is_ok());
        assert_eq!(it.own(&headers).await.error(), INVALID_CLIENT, "a proof is used once");
        let named = [OWN[0], ("client_id", WALLET)];
        let fresh = [(ATTESTATION, attestation.clone()), (POP, it.pop(&it.ours, &it.proof()).await)];
        assert!(it.post("/token", &fresh, &named).await.is_ok());
        let other = [OWN[0], ("client_id", "other")];
        let fresh = [(ATTESTATION, attestation.clone()), (POP, it.pop(&it.ours, &it.proof()).await)];
        assert_eq!(it.post("/token", &fresh, &other).await.error(), INVALID_CLIENT);
    }
}

/// Section 8: what is advertised.
#[tokio::test]
async fn attestation_8_it_is_advertised_where_it_is_on() {
    let it = Attested::new().await;
    let said = get(&it.world.server, "/.well-known/oauth-authorization-server").await.body;
    let methods = said["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("attest_jwt_client_auth")));
    for name in [
        "client_attestation_signing_alg_values_supported",
        "client_attestation_pop_signing_alg_values_supported",
    ] {
        assert!(said[name].as_array().unwrap().contains(&json!("ES256")), "{name}");
    }
    let off = World::new().await;
    let said = get(&off.server, "/.well-known/oauth-authorization-server").await.body;
    assert!(said.get("client_attestation_signing_alg_values_supported").is_none());
    let client =
        Client::confidential("w".parse().unwrap(), ClientAuthentication::attested(set(&it.attester)))
            .with_grant(GrantType::ClientCredentials);
    let refused = off.server.clients().register(client).await.unwrap_err();
    assert!(matches!(refused, ClientsError::Problem(ClientProblem::Method("attest_jwt_client_auth"))));
}

/// Section 7.1 and 7.2: everything that must be right.
#[tokio::test]
async fn attestation_7_1_and_7_2_what_is_refused() {
    let it = Attested::new().await;
    let now = it.now();
    let nothing = |_: &mut Value| {};
    type Change = Box<dyn Fn(&mut Value) + Send>;
    let set =
        |name: &'static str, value: Value| -> Change { Box::new(move |claims| claims[name] = value.clone()) };
    let private = json!({ "jwk": { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA" } });
    let theirs = json!({ "jwk": it.theirs.public_jwk().unwrap() });
    for (what, change) in [
        ("no client", set("sub", json!("nobody"))),
        ("no subject", set("sub", Value::Null)),
        ("no end", set("exp", Value::Null)),
        ("from the future", set("iat", json!(now + 61))),
        ("not yet", set("nbf", json!(now + 61))),
        ("no key", set("cnf", json!({}))),
        ("a thumbprint", set("cnf", json!({ "jkt": "x" }))),
        ("a private key", set("cnf", private)),
        ("another instance", set("cnf", theirs)),
    ] {
        assert_eq!(it.changed(change, nothing).await.error(), INVALID_CLIENT, "{what}");
    }
    for (what, change) in [
        ("another server", set("aud", json!("https://other.example"))),
        ("the token endpoint", set("aud", json!("https://id.example/token"))),
        ("two servers", set("aud", json!([ISSUER, "https://other.example"]))),
        ("no audience", set("aud", Value::Null)),
        ("old", set("iat", json!(now - 61))),
        ("from the future", set("iat", json!(now + 61))),
        ("no date", set("iat", Value::Null)),
        ("expired", set("exp", json!(now - 60))),
        ("no name", set("jti", json!(""))),
        ("a long name", set("jti", json!("x".repeat(513)))),
    ] {
        assert_eq!(it.changed(nothing, change).await.error(), INVALID_CLIENT, "{what}");
    }
    assert!(it.changed(nothing, set("aud", json!([ISSUER]))).await.is_ok());
    let stale = it.changed(set("exp", json!(now - 31)), nothing).await;
    assert_eq!(stale.error(), (401, "use_fresh_attestation"));
}

/// The attester's word is a word of its kind, by a registered key; the proof is one by the attested key.
#[tokio::test]
async fn attestation_s15_signatures_and_types() {
    let it = Attested::new().await;
    let (said, good) = (it.statement(&it.ours), it.attestation(&it.statement(&it.ours)).await);
    let pop = async |signer: &LocalSigner| it.pop(signer, &it.proof()).await;
    let stranger = sign(&key("a"), "oauth-client-attestation+jwt", &said).await.unwrap();
    let other_type = sign(&it.attester, "JWT", &said).await.unwrap();
    let swapped = sign(&it.ours, "oauth-client-attestation+jwt", &it.proof()).await.unwrap();
    for (what, attestation, proof) in [
        ("signed by a stranger", stranger, pop(&it.ours).await),
        ("of another type", other_type, pop(&it.ours).await),
        ("proved by another key", good.clone(), pop(&it.theirs).await),
        ("proved by a word of another type", good.clone(), swapped),
        ("the attester is no instance", good.clone(), pop(&it.attester).await),
        ("no JWT", "x.y.z".to_owned(), pop(&it.ours).await),
        ("no proof", good.clone(), "x".to_owned()),
        ("unsigned", format!("{}.", good.rsplit_once('.').unwrap().0), pop(&it.ours).await),
    ] {
        let answer = it.own(&[(ATTESTATION, attestation), (POP, proof)]).await;
        assert_eq!(answer.error(), INVALID_CLIENT, "{what}");
    }
}

/// Section 7.1, 1: both headers, each once; beside another method they are not looked at.
#[tokio::test]
async fn attestation_7_1_headers() {
    let it = Attested::new().await;
    let [attestation, pop] = it.headers(&it.ours).await;
    for headers in [
        vec![attestation.clone()],
        vec![pop.clone()],
        vec![attestation.clone(), attestation.clone(), pop.clone()],
        vec![attestation.clone(), pop.clone(), pop.clone()],
    ] {
        assert_eq!(it.own(&headers).await.error(), (400, "invalid_request"));
    }
    let bare = [OWN[0], ("client_id", WALLET)];
    assert_eq!(it.post("/token", &[], &bare).await.error(), INVALID_CLIENT);
    let secret = [("authorization", basic(WALLET, SECRET)), attestation, pop];
    assert_eq!(it.own(&secret).await.error(), INVALID_CLIENT, "it is registered for another method");
}

/// Section 9.3: a refresh token is the instance's to which it was given.
#[tokio::test]
async fn attestation_9_3_a_refresh_token_is_bound_to_the_instance() {
    let it = Attested::new().await;
    let mut person = person(&it.world).await;
    let tokens = it.tokens(&mut person).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    let refused = it.post("/token", &it.headers(&it.theirs).await, &form).await;
    assert_eq!(refused.error(), (400, "invalid_grant"));
    it.world.clock.advance(Duration::minutes(20));
    assert!(it.post("/token", &it.headers(&it.ours).await, &form).await.is_ok());
}

/// Section 9.4: a code whose request an instance pushed is that instance's.
#[tokio::test]
async fn attestation_9_4_a_pushed_code_is_bound_to_the_instance() {
    let it = Attested::new().await;
    let mut person = person(&it.world).await;
    let params = request(WALLET, &[("scope", Some("orders:read"))]);
    let pushed = it.post("/par", &it.headers(&it.ours).await, &params).await;
    let uri = pushed.body["request_uri"].as_str().unwrap();
    let code =
        person.browser.authorize(&it.world, &[("client_id", WALLET), ("request_uri", uri)]).await.code();
    assert_eq!(it.exchange(&it.theirs, &code).await.error(), (400, "invalid_grant"));
    assert!(it.exchange(&it.ours, &code).await.is_ok());
}

/// Who attests is not for a client to say that registers itself.
#[tokio::test]
async fn a_client_does_not_register_its_own_attester() {
    let it = Attested::new().await;
    let metadata = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "attest_jwt_client_auth",
        "jwks": { "keys": [it.ours.public_jwk().unwrap()] },
    });
    let request = Request::post("/register").header("content-type", "application/json");
    let request = request.body(Bytes::from(metadata.to_string())).unwrap();
    let response = it.world.server.handle(request, &peer()).await;
    assert_eq!(response.status(), 400);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["error"], "invalid_client_metadata");
}

/// Section 8: where challenges are demanded, a proof has one of lately; every answer to a proof has the next one.
#[tokio::test]
async fn section_8_a_proof_has_a_challenge() {
    const HEADER: &str = "oauth-client-attestation-challenge";
    let it = Attested::with(|builder| builder.attestation_challenges(Duration::MINUTE)).await;
    let said = get(&it.world.server, "/.well-known/oauth-authorization-server").await.body;
    assert_eq!(said["challenge_endpoint"], "https://id.example/attestation-challenge");
    let without = it.own(&it.headers(&it.ours).await).await;
    assert_eq!(without.error(), (401, "use_attestation_challenge"));
    let offered = without.headers[HEADER].to_str().unwrap().to_owned();
    let asked = it.post("/attestation-challenge", &[], &[]).await;
    assert_eq!((asked.status.as_u16(), asked.headers["cache-control"].to_str().unwrap()), (200, "no-store"));
    assert_eq!(asked.body["attestation_challenge"], offered.as_str());
    assert!(asked.headers.get(HEADER).is_none(), "it had no proof");
    let good = it.changed(|_| (), |it| it["challenge"] = offered.as_str().into()).await;
    assert!(good.is_ok(), "{good:?}");
    assert_eq!(good.headers[HEADER].to_str().unwrap(), offered);
    for bad in [json!("x"), json!(""), json!(null)] {
        let refused = it.changed(|_| (), |it| it["challenge"] = bad.clone()).await;
        assert_eq!(refused.error(), (401, "use_attestation_challenge"), "{bad}");
    }
    it.world.clock.advance(Duration::minutes(2));
    let late = it.changed(|_| (), |it| it["challenge"] = offered.as_str().into()).await;
    assert_eq!(late.error(), (401, "use_attestation_challenge"));
    let next = late.headers[HEADER].to_str().unwrap();
    assert_ne!(next, offered);
    assert!(it.changed(|_| (), |it| it["challenge"] = next.into()).await.is_ok());
    // What is wrong otherwise is not told to try again with a challenge.
    let astray = it.changed(|_| (), |it| it["aud"] = "https://other.example".into()).await;
    assert_eq!(astray.error(), INVALID_CLIENT);
}

/// A server gives none out unless it is told to.
#[tokio::test]
async fn section_8_without_challenges() {
    let it = Attested::new().await;
    let said = get(&it.world.server, "/.well-known/oauth-authorization-server").await.body;
    assert!(said.get("challenge_endpoint").is_none());
    assert_eq!(it.post("/attestation-challenge", &[], &[]).await.status, 404);
    let plain = it.own(&it.headers(&it.ours).await).await;
    assert!(plain.is_ok() && plain.headers.get("oauth-client-attestation-challenge").is_none());
}
