//! A bank after FAPI 2.0, its client, and what the client sends.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::http::{Params, Peer};
use ciam_core::jose::{Algorithm, AlgorithmSet, LocalSigner, TokenType, Verifier, sign};
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::{Client, ClientAuthentication, ClientKeys, GrantType, MessageProtection};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::dpop::DpopSigner;
use ciam_oauth::mtls::MutualTls;
use ciam_oauth::server::Profile;
use ciam_oidc::OpenIdProvider;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::suite::{Back, Browser, CALLBACK, ISSUER, Mode, Suite, changed, person, provider_config};

const RSA: &[u8] = include_bytes!("../../../data/rsa-2048.pk8");
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The variants of the plans that are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Security Profile: `private_key_jwt`, DPoP, plain requests and responses.
    Security,
    /// Security Profile: a certificate, which the tokens are bound to.
    SecurityMtls,
    /// Message Signing: `private_key_jwt`, DPoP, signed requests and JARM.
    Signing,
}

impl Plan {
    pub(super) fn signs(self) -> bool {
        self == Self::Signing
    }

    pub(super) fn has_certificate(self) -> bool {
        self == Self::SecurityMtls
    }
}

/// The answer to a form.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Answer {
    /// An error of the standard, with this status and one of these codes, and a description that is one line of ASCII.
    pub(super) fn is_error(&self, statuses: &[u16], codes: &[&str]) {
        let code = self.body["error"].as_str().unwrap_or_default();
        assert!(statuses.contains(&self.status.as_u16()), "{} {}", self.status, self.body);
        assert!(codes.contains(&code), "{} {}", self.status, self.body);
        let description = self.body["error_description"].as_str().unwrap_or_default();
        assert!(description.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{description:?}");
        assert!(!description.contains(['"', '\\']), "{description:?}");
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.body)).to_owned()
    }
}

pub(super) struct Bank {
    pub(super) suite: Suite,
    pub(super) plan: Plan,
    /// The keys that sign for `bank1` and `bank2`.
    pub(super) keys: [LocalSigner; 2],
    /// The RSA key that `bank1` has too.
    pub(super) rsa: LocalSigner,
    pub(super) dpop: DpopSigner,
}

pub(super) fn dpop_key() -> DpopSigner {
    DpopSigner::new(LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()).unwrap()
}

fn certificate(client: &str) -> Vec<u8> {
    format!("the certificate of {client}").into_bytes()
}

impl Bank {
    pub(super) async fn new(plan: Plan) -> Self {
        let clock = Arc::new(ManualClock::default());
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(23)))
            .with_http_client(Arc::new(outside.clone()));
        let provider = Arc::new(OpenIdProvider::new(provider_config().with_only_algorithm(Algorithm::Es256)));
        let profile = if plan.signs() { Profile::Fapi2MessageSigning } else { Profile::Fapi2Security };
        let mut builder = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .profile(profile)
            .extension(provider.clone());
        if plan.has_certificate() {
            builder = builder.mutual_tls(MutualTls::new());
        }
        let server = builder.build().await.unwrap();
        let es = || LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap();
        let keys = [es().with_kid("c1"), es().with_kid("c2")];
        let ps256 = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Ps256, RSA).unwrap().with_kid("rsa");
        for (number, key) in ["bank1", "bank2"].into_iter().zip(&keys) {
            server.clients().register(client(number, plan, &[key, &ps256])).await.unwrap();
        }
        let rsa = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Rs256, RSA).unwrap().with_kid("rsa");
        let person = person(&ports).await;
        let suite = Suite { server, provider, ports, clock, outside, person, mode: Mode::QUERY };
        Self { suite, plan, keys, rsa, dpop: dpop_key() }
    }

    pub(super) fn now(&self) -> i64 {
        self.suite.ports.now().unix_timestamp()
    }

    fn key_of(&self, client: &str) -> &LocalSigner {
        if client == "bank1" { &self.keys[0] } else { &self.keys[1] }
    }

    /// The parameters of an authorization request, with changes; `null` takes one away.
    pub(super) fn params(&self, changes: &Value) -> Map<String, Value> {
        let mut params = json!({
            "client_id": "bank1", "redirect_uri": CALLBACK, "scope": "openid", "state": "st4te", "nonce": "n0nce",
            "response_type": "code", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        if self.plan.signs() {
            params["response_mode"] = json!("jwt");
        }
        changed(params, changes)
    }

    /// The claims of a request object around parameters, with changes.
    pub(super) fn object_claims(&self, params: &Map<String, Value>, changes: &Value) -> Map<String, Value> {
        let now = self.now();
        let mut claims = json!({
            "iss": params["client_id"], "aud": ISSUER, "nbf": now, "iat": now, "exp": now + 300, "jti": format!("o{now}"),
        });
        claims.as_object_mut().unwrap().extend(params.clone());
        changed(claims, changes)
    }

    pub(super) async fn object(&self, params: &Map<String, Value>, changes: &Value) -> String {
        let client = params["client_id"].as_str().unwrap();
        sign(self.key_of(client), "oauth-authz-req+jwt", &self.object_claims(params, changes)).await.unwrap()
    }

    /// The claims of a client assertion, with changes.
    pub(super) fn assertion_claims(&self, client: &str, changes: &Value) -> Map<String, Value> {
        let now = self.now();
        let jti = format!("{client}{}", self.suite.ports.clock().now().unix_timestamp_nanos());
        let jti = format!(
            "{jti}{}",
            ciam_core::secret::Secret::random(self.suite.ports.entropy()).unwrap().expose()
        );
        let claims = json!({
            "iss": client, "sub": client, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 60, "jti": jti,
        });
        changed(claims, changes)
    }

    pub(super) async fn assertion(&self, client: &str, changes: &Value) -> String {
        sign(self.key_of(client), "JWT", &self.assertion_claims(client, changes)).await.unwrap()
    }

    /// A form of a client that authenticates as it should.
    pub(super) async fn post_as(
        &self,
        client: &str,
        path: &str,
        form: &[(&str, &str)],
        dpop: Option<&DpopSigner>,
    ) -> Answer {
        let assertion = self.assertion(client, &json!({})).await;
        let mut form = form.to_vec();
        if !form.iter().any(|(name, _)| *name == "client_id") {
            form.push(("client_id", client));
        }
        if !self.plan.has_certificate() {
            form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())]);
        }
        let proof = match dpop {
            Some(key) => Some(self.proof(key, &Method::POST, path, None).await),
            None => None,
        };
        let certificate = self.plan.has_certificate().then_some(client);
        self.post(path, &form, proof.as_deref(), certificate).await
    }

    /// A form with a client assertion of its own.
    pub(super) async fn post_with_assertion(
        &self,
        path: &str,
        form: &[(&str, &str)],
        assertion: &str,
    ) -> Answer {
        let mut form = form.to_vec();
        form.extend([("client_assertion_type", ASSERTION), ("client_assertion", assertion)]);
        let proof = self.proof(&self.dpop, &Method::POST, path, None).await;
        let proof = (path == "/token").then_some(proof);
        self.post(path, &form, proof.as_deref(), None).await
    }

    /// A form as it is.
    pub(super) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
        certificate_of: Option<&str>,
    ) -> Answer {
        let mut request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let request = request.body(Bytes::from(super::super::suite::encode(form))).unwrap();
        let mut peer = Peer::new([192, 0, 2, 9].into());
        if let Some(client) = certificate_of {
            peer = peer.with_certificate(certificate(client));
        }
        let response = self.suite.server.handle(request, &peer).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json", "{path}");
        let body = serde_json::from_slice(response.body()).unwrap();
        Answer { status: response.status(), body }
    }

    pub(super) async fn proof(
        &self,
        key: &DpopSigner,
        method: &Method,
        path: &str,
        token: Option<&str>,
    ) -> String {
        key.proof(&self.suite.ports, method, &format!("{ISSUER}{path}"), None, token).await.unwrap()
    }

    /// Pushes parameters as the plan does: as they are, or in a request object.
    pub(super) async fn push(&self, params: &Map<String, Value>) -> Answer {
        self.push_with(params, None).await
    }

    pub(super) async fn push_with(&self, params: &Map<String, Value>, dpop: Option<&DpopSigner>) -> Answer {
        if self.plan.signs() {
            let object = self.object(params, &json!({})).await;
            return self.push_object(&object, &[], dpop).await;
        }
        let owned: Vec<(String, String)> = params
            .iter()
            .map(|(name, value)| {
                (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        let form: Vec<(&str, &str)> = owned.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let client = params.get("client_id").and_then(Value::as_str).unwrap_or("bank1").to_owned();
        self.post_as(&client, "/par", &form, dpop).await
    }

    pub(super) async fn push_object(
        &self,
        object: &str,
        beside: &[(&str, &str)],
        dpop: Option<&DpopSigner>,
    ) -> Answer {
        let mut form = vec![("request", object)];
        form.extend(beside);
        self.post_as("bank1", "/par", &form, dpop).await
    }

    /// Pushes, with success.
    pub(super) async fn pushed(&self, changes: &Value) -> String {
        let answer = self.push(&self.params(changes)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        // FAPI 2.0, section 5.3.2.2: less than ten minutes.
        assert!((1..600).contains(&answer.body["expires_in"].as_i64().unwrap()));
        answer.text("request_uri")
    }

    /// The browser goes to the authorization endpoint with a pushed request.
    pub(super) async fn authorize(&self, browser: &mut Browser, request_uri: &str) -> Back {
        self.authorize_with(browser, request_uri, &[]).await
    }

    pub(super) async fn authorize_with(
        &self,
        browser: &mut Browser,
        request_uri: &str,
        beside: &[(&str, &str)],
    ) -> Back {
        let mut params = vec![("client_id", "bank1"), ("request_uri", request_uri)];
        params.extend(beside);
        let back = browser.authorize(&self.suite, &params).await;
        self.opened(back).await
    }

    /// The response inside a JWT, if the plan has one ([JARM, sections 2.1 and 2.4](https://openid.net/specs/oauth-v2-jarm.html)).
    async fn opened(&self, back: Back) -> Back {
        let Back::Client(params) = &back else { return back };
        if !self.plan.signs() {
            return back;
        }
        let pairs: Vec<&str> = params.pairs().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(pairs, ["response"], "everything is inside");
        let claims = self.verified(params.one("response").unwrap().unwrap()).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("bank1")));
        let left = claims["exp"].as_i64().unwrap() - self.now();
        assert!((1..=600).contains(&left), "{left}");
        let inside = claims.as_object().unwrap().iter();
        let inside = inside.filter(|(name, _)| !["aud", "exp", "iat"].contains(&name.as_str()));
        let pairs = inside.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        Back::Client(Params::from_pairs(pairs))
    }

    /// The claims of a JWT of the bank, by what FAPI 2.0, section 5.4.1 allows.
    pub(super) async fn verified(&self, token: &str) -> Value {
        let keys = self.suite.server.keys().keys().await.unwrap();
        let allowed = AlgorithmSet::of(&[Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa]);
        let verifier = Verifier::new(allowed, TokenType::exactly("JWT"));
        verifier.verify(token, keys.keys()).unwrap().claims().unwrap()
    }

    pub(super) async fn code(&self, changes: &Value) -> String {
        let request_uri = self.pushed(changes).await;
        let code = self.authorize(&mut Browser::default(), &request_uri).await.code();
        // 128 bits at least; RFC 6749, section 10.10.
        assert!(code.len() >= 22, "{code}");
        code
    }

    pub(super) async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.exchange_as("bank1", code, changes, Some(&self.dpop)).await
    }

    pub(super) async fn exchange_as(
        &self,
        client: &str,
        code: &str,
        changes: &[(&str, &str)],
        dpop: Option<&DpopSigner>,
    ) -> Answer {
        let form = token_form(code, changes);
        let dpop = dpop.filter(|_| !self.plan.has_certificate());
        self.post_as(client, "/token", &form, dpop).await
    }

    /// A whole flow: the tokens, which are checked.
    pub(super) async fn flow(&self, changes: &Value) -> Value {
        let code = self.code(changes).await;
        self.tokens(&code, changes).await
    }

    /// Exchanges a code with success, and checks what comes.
    pub(super) async fn tokens(&self, code: &str, changes: &Value) -> Value {
        let answer = self.exchange(code, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let scheme = if self.plan.has_certificate() { "bearer" } else { "dpop" };
        assert_eq!(answer.text("token_type").to_ascii_lowercase(), scheme);
        assert!(answer.body["expires_in"].as_i64().unwrap() > 0);
        let claims = self.verified(&answer.text("id_token")).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("bank1")));
        let nonce = changes.get("nonce").cloned().unwrap_or_else(|| json!("n0nce"));
        assert_eq!(claims.get("nonce").cloned().unwrap_or(Value::Null), nonce);
        answer.body
    }

    /// Calls a protected resource, which UserInfo is, with the right proof of the sender.
    pub(super) async fn resource(&self, access_token: &str) -> Response<Bytes> {
        let scheme = if self.plan.has_certificate() { "Bearer" } else { "DPoP" };
        self.resource_by(scheme, access_token).await
    }

    pub(super) async fn resource_by(&self, scheme: &str, access_token: &str) -> Response<Bytes> {
        let proof = self.proof(&self.dpop, &Method::GET, "/userinfo", Some(access_token)).await;
        let proof = (!self.plan.has_certificate()).then_some(proof);
        self.resource_with(scheme, access_token, proof.as_deref()).await
    }

    pub(super) async fn resource_with(
        &self,
        scheme: &str,
        access_token: &str,
        proof: Option<&str>,
    ) -> Response<Bytes> {
        let mut request = Request::get("/userinfo").header(AUTHORIZATION, format!("{scheme} {access_token}"));
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        let mut peer = Peer::new([192, 0, 2, 9].into());
        if self.plan.has_certificate() {
            peer = peer.with_certificate(certificate("bank1"));
        }
        self.suite.server.handle(request.body(Bytes::new()).unwrap(), &peer).await
    }
}

pub(super) fn token_form<'a>(code: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", crate::world::VERIFIER),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    form
}

/// A JWT that nobody signed.
pub(super) fn unsigned(claims: &Map<String, Value>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.",
        part(&json!({ "alg": "none", "typ": "oauth-authz-req+jwt" })),
        part(&Value::Object(claims.clone()))
    )
}

/// The same JWT with a signature that is none.
pub(super) fn broken(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[7] ^= 0x55;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn client(id: &str, plan: Plan, keys: &[&LocalSigner]) -> Client {
    let keys: Vec<Value> =
        keys.iter().map(|key| serde_json::to_value(key.public_jwk().unwrap()).unwrap()).collect();
    let keys = ClientKeys::Jwks(json!({ "keys": keys.iter().map(without_alg).collect::<Vec<_>>() }));
    let authentication = match plan.has_certificate() {
        true => ClientAuthentication::self_signed_tls([CertificateThumbprint::of(&certificate(id))]),
        false => ClientAuthentication::private_key_jwt(keys.clone()),
    };
    let mut client = Client::confidential(id.parse().unwrap(), authentication)
        .with_name("Bank client")
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid profile email address phone offline_access".parse().unwrap());
    if plan.has_certificate() {
        client =
            client.with_messages(MessageProtection::new().with_keys(keys)).with_certificate_bound_tokens();
    }
    client
}

/// The key for whatever algorithm it can do: it is the profile that refuses one.
fn without_alg(key: &Value) -> Value {
    let mut key = key.clone();
    key.as_object_mut().unwrap().remove("alg");
    key
}
