//! A scripted provider, and a relying party that is its client.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, Params, ParamsLimits};
use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner, TokenType, Verifier};
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::dpop::{DpopChecker, ProofRequest};
use ciam_oauth::pkce::{CodeChallenge, CodeVerifier};
use ciam_oidc::rp::{Authentication, RelyingParty, RelyingPartyConfig, SignInError, SignInOptions, SignedIn};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use crate::world::claims_of;

pub(super) const ISSUER: &str = "https://op.example";
pub(super) const CALLBACK: &str = "https://rp.example/callback";
pub(super) const SECRET: &str = "0123456789012345678901234567890123456789abc";
pub(super) const RSA: &[u8] = include_bytes!("../../../data/rsa-2048.pk8");
pub(super) const RSA_B: &[u8] = include_bytes!("../../../data/rsa-2048-b.pk8");

pub(super) type Change = Box<dyn Fn(&mut Value) + Send + Sync>;
type Both = Box<dyn Fn(&mut Value, &mut Value) + Send + Sync>;
type Answer = Box<dyn Fn(&mut Vec<(String, String)>) + Send + Sync>;

/// Where the provider strays from the standard.
pub(super) struct Twists {
    pub(super) metadata: Change,
    /// The header and the claims of an ID token, before it is signed.
    pub(super) header: Change,
    pub(super) claims: Change,
    /// A signed token, after it was signed: the ID token, or the response.
    pub(super) signed: Box<dyn Fn(&str) -> String + Send + Sync>,
    pub(super) tokens: Change,
    pub(super) userinfo: Change,
    /// What goes back through the browser.
    pub(super) answer: Answer,
    /// The header and the claims of a signed response.
    pub(super) jarm: Both,
    /// Who says what in a challenge for a nonce.
    pub(super) challenge: &'static str,
    /// The nonce that proofs must have.
    pub(super) nonce: Option<&'static str>,
    /// The resource refuses every token.
    pub(super) refuses_tokens: bool,
}

impl Default for Twists {
    fn default() -> Self {
        let nothing = || -> Change { Box::new(|_| {}) };
        Self {
            metadata: nothing(),
            header: nothing(),
            claims: nothing(),
            signed: Box::new(str::to_owned),
            tokens: nothing(),
            userinfo: nothing(),
            answer: Box::new(|_| {}),
            jarm: Box::new(|_, _| {}),
            challenge: "DPoP",
            nonce: None,
            refuses_tokens: false,
        }
    }
}

/// What the provider knows of a code.
#[derive(Clone, Debug)]
struct Grant {
    params: HashMap<String, String>,
}

pub(super) struct Op {
    pub(super) ports: Ports,
    /// Signs; its kind says with which algorithm.
    pub(super) signer: Mutex<LocalSigner>,
    /// What is published; the signer alone when nothing else is said.
    pub(super) published: Mutex<Option<Value>>,
    pub(super) twists: Mutex<Twists>,
    pub(super) userinfo_is_signed: Mutex<bool>,
    /// The keys of the client: for assertions, and for request objects.
    pub(super) client_key: Mutex<Option<LocalSigner>>,
    grants: Mutex<HashMap<String, Grant>>,
    pub(super) log: Mutex<Vec<Request<Bytes>>>,
    pub(super) party: OnceLock<RelyingParty>,
    checker: DpopChecker,
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Op")
    }
}

impl Op {
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(&self.signer.lock().unwrap(), header, claims)
    }

    /// The header of what the provider signs.
    pub(super) fn header(&self) -> Value {
        use ciam_core::jose::Signer as _;
        let signer = self.signer.lock().unwrap();
        json!({ "alg": signer.algorithm(), "kid": signer.kid() })
    }

    fn now(&self) -> i64 {
        self.ports.now().unix_timestamp()
    }

    pub(super) fn requests_to(&self, path: &str) -> Vec<Request<Bytes>> {
        self.log.lock().unwrap().iter().filter(|request| request.uri().path() == path).cloned().collect()
    }

    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/authorize"),
            "token_endpoint": format!("{ISSUER}/token"),
            "userinfo_endpoint": format!("{ISSUER}/userinfo"),
            "end_session_endpoint": format!("{ISSUER}/end"),
            "registration_endpoint": format!("{ISSUER}/register"),
            "pushed_authorization_request_endpoint": format!("{ISSUER}/par"),
            "jwks_uri": format!("{ISSUER}/jwks"),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        });
        (self.twists.lock().unwrap().metadata)(&mut metadata);
        metadata
    }

    fn keys(&self) -> Value {
        let published = self.published.lock().unwrap().clone();
        published.unwrap_or_else(|| json!({ "keys": [self.signer.lock().unwrap().public_jwk().unwrap()] }))
    }

    /// The person signs in and agrees: what goes back to the redirect URI.
    pub(super) async fn authorize(&self, url: &str) -> Params {
        let url = Url::parse(url).unwrap();
        assert_eq!(url.path(), "/authorize");
        let mut params: HashMap<String, String> = url.query_pairs().into_owned().collect();
        if let Some(uri) = params.get("request_uri").cloned() {
            params = if let Some(pushed) = self.grants.lock().unwrap().remove(&uri) {
                assert_eq!(pushed.params["client_id"], params["client_id"]);
                pushed.params
            } else {
                let name = uri.strip_prefix("https://rp.example/request/").unwrap();
                let object = self.party.get().unwrap().request_object(name).await.unwrap().unwrap();
                self.with_object(&params, &object)
            };
        } else if let Some(object) = params.get("request").cloned() {
            params = self.with_object(&params, &object);
        }
        assert_eq!(params["response_type"], "code");
        assert_eq!(params["redirect_uri"], CALLBACK);
        assert!(params["scope"].split(' ').any(|value| value == "openid"));
        let code = format!("code-{}", self.grants.lock().unwrap().len());
        let mut answer = vec![("code".to_owned(), code.clone()), ("iss".to_owned(), ISSUER.to_owned())];
        answer.extend(params.get("state").map(|state| ("state".to_owned(), state.clone())));
        let (mode, client) = (params.get("response_mode").cloned(), params["client_id"].clone());
        self.grants.lock().unwrap().insert(code, Grant { params });
        let twists = self.twists.lock().unwrap();
        (twists.answer)(&mut answer);
        if mode.is_some_and(|mode| mode.ends_with("jwt")) {
            let members = answer.into_iter().map(|(name, value)| (name, json!(value)));
            let mut claims = Value::Object(members.collect::<Map<_, _>>());
            claims["aud"] = json!(client);
            claims["exp"] = json!(self.now() + 300);
            let mut header = self.header();
            (twists.jarm)(&mut header, &mut claims);
            let token = (twists.signed)(&self.sign(&header, &claims));
            answer = vec![("response".to_owned(), token)];
        }
        Params::from_pairs(answer)
    }

    /// RFC 9101, section 6: the signature of the client, this provider as audience, and the parameters of the object alone.
    fn with_object(&self, outer: &HashMap<String, String>, object: &str) -> HashMap<String, String> {
        let key = self.client_key.lock().unwrap().clone().unwrap();
        let keys = KeySet::from(key.verification_key(&*crypto::ring()).unwrap());
        let typ = TokenType::exactly("oauth-authz-req+jwt");
        let verified = Verifier::new(AlgorithmSet::ASYMMETRIC, typ).verify(object, &keys).unwrap();
        let claims: Map<String, Value> = verified.claims().unwrap();
        assert_eq!((&claims["iss"], &claims["aud"]), (&claims["client_id"], &json!(ISSUER)));
        let (now, number) = (self.now(), |name: &str| claims[name].as_i64().unwrap());
        assert!(number("nbf") <= now && number("exp") > now && number("exp") - number("nbf") <= 3_600);
        if let Some(client) = outer.get("client_id") {
            assert_eq!(claims["client_id"], **client);
        }
        claims
            .into_iter()
            .filter(|(name, _)| !matches!(name.as_str(), "iss" | "aud" | "exp" | "nbf" | "iat" | "jti"))
            .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect()
    }

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.log.lock().unwrap().push(request.clone());
        let form: HashMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        match request.uri().path() {
            "/.well-known/openid-configuration" => answer(200, &self.metadata()),
            "/jwks" => answer(200, &self.keys()),
            "/par" => self.pushed(&request, form).await,
            "/token" => self.token(&request, &form).await,
            "/userinfo" => self.userinfo(&request).await,
            "/register" => register(&request),
            path => panic!("nobody asks for {path}"),
        }
    }

    async fn pushed(&self, request: &Request<Bytes>, form: HashMap<String, String>) -> Response<Bytes> {
        let client = self.client_of(request, &form);
        if let Some(refused) = self.nonce_is_wanted(request, 400) {
            return refused;
        }
        let mut params = match form.get("request") {
            Some(object) => self.with_object(&form, object),
            None => form,
        };
        params.insert("client_id".to_owned(), client);
        assert!(!params.contains_key("request_uri"), "RFC 9126, section 2.1");
        let uri = format!("urn:ietf:params:oauth:request_uri:{}", self.grants.lock().unwrap().len());
        self.grants.lock().unwrap().insert(uri.clone(), Grant { params });
        answer(201, &json!({ "request_uri": uri, "expires_in": 60 }))
    }

    async fn token(&self, request: &Request<Bytes>, form: &HashMap<String, String>) -> Response<Bytes> {
        let client = self.client_of(request, form);
        if let Some(refused) = self.nonce_is_wanted(request, 400) {
            return refused;
        }
        let mut body =
            json!({ "access_token": "the-access-token", "token_type": "Bearer", "expires_in": 60 });
        if request.headers().contains_key("dpop") {
            let (method, url) = (request.method().clone(), format!("{ISSUER}/token"));
            let proven =
                self.checker.check(request.headers(), &ProofRequest::new(&method, &url)).await.unwrap();
            if let Some(grant) =
                form.get("code").and_then(|code| self.grants.lock().unwrap().get(code).cloned())
            {
                assert_eq!(grant.params["dpop_jkt"], proven.thumbprint().to_string());
            }
            body["token_type"] = json!("DPoP");
        }
        let mut nonce = None;
        if form["grant_type"] == "authorization_code" {
            let Some(grant) = self.grants.lock().unwrap().remove(&form["code"]) else {
                return answer(400, &json!({ "error": "invalid_grant" }));
            };
            let verifier = CodeVerifier::new(form["code_verifier"].clone().into()).unwrap();
            let challenge: CodeChallenge = grant.params["code_challenge"].parse().unwrap();
            assert!(challenge.matches(&verifier) && grant.params["client_id"] == client);
            assert_eq!(form["redirect_uri"], CALLBACK);
            nonce = grant.params.get("nonce").cloned();
        } else {
            assert_eq!(form["grant_type"], "refresh_token");
            assert_eq!(form["refresh_token"], "the-refresh-token");
            body["access_token"] = json!("the-second-access-token");
        }
        body["refresh_token"] = json!("the-refresh-token");
        let mut claims = json!({
            "iss": ISSUER, "aud": client, "sub": "ada", "iat": self.now(), "exp": self.now() + 300, "sid": "s1",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        let twists = self.twists.lock().unwrap();
        let mut header = self.header();
        (twists.header)(&mut header);
        (twists.claims)(&mut claims);
        body["id_token"] = json!((twists.signed)(&self.sign(&header, &claims)));
        (twists.tokens)(&mut body);
        answer(200, &body)
    }

    async fn userinfo(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let authorization = request.headers()[AUTHORIZATION].to_str().unwrap();
        let (scheme, token) = authorization.split_once(' ').unwrap();
        if self.twists.lock().unwrap().refuses_tokens && token == "the-access-token" {
            return challenge("DPoP error=\"invalid_token\"");
        }
        if request.headers().contains_key("dpop") {
            assert_eq!(scheme, "DPoP");
            if let Some(refused) = self.nonce_is_wanted(request, 401) {
                return refused;
            }
            let (method, url) = (request.method().clone(), format!("{ISSUER}/userinfo"));
            let proof = ProofRequest::new(&method, &url).with_token(token);
            self.checker.check(request.headers(), &proof).await.unwrap();
        } else {
            assert_eq!(scheme, "Bearer");
        }
        let mut claims = json!({ "sub": "ada", "name": "Ada Lovelace", "email": "ada@example.com" });
        let twists = self.twists.lock().unwrap();
        if *self.userinfo_is_signed.lock().unwrap() {
            claims["iss"] = json!(ISSUER);
            claims["aud"] = json!("rp");
            (twists.userinfo)(&mut claims);
            let token = (twists.signed)(&self.sign(&self.header(), &claims));
            return Response::builder()
                .header(CONTENT_TYPE, "application/jwt")
                .body(Bytes::from(token))
                .unwrap();
        }
        (twists.userinfo)(&mut claims);
        answer(200, &claims)
    }

    fn nonce_is_wanted(&self, request: &Request<Bytes>, status: u16) -> Option<Response<Bytes>> {
        let twists = self.twists.lock().unwrap();
        let (wanted, proof) = (twists.nonce?, request.headers().get("dpop")?);
        if claims_of(proof.to_str().unwrap())["nonce"] == wanted {
            return None;
        }
        let mut refused = if status == 401 {
            challenge(&format!("{} error=\"use_dpop_nonce\"", twists.challenge))
        } else {
            answer(status, &json!({ "error": "use_dpop_nonce" }))
        };
        refused.headers_mut().insert("dpop-nonce", wanted.parse().unwrap());
        Some(refused)
    }

    /// A secret as Apple wants it: by the key of the team, for the client.
    fn signed_secret(&self, key: &LocalSigner, secret: &str) {
        let keys = KeySet::from(key.verification_key(&*crypto::ring()).unwrap());
        let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("JWT"));
        let claims: Map<String, Value> = verifier.verify(secret, &keys).unwrap().claims().unwrap();
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("TEAM"), &json!("rp")));
        assert_eq!(claims["aud"], "https://appleid.example");
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 60);
    }

    /// The client that a request authenticates, however it does.
    fn client_of(&self, request: &Request<Bytes>, form: &HashMap<String, String>) -> String {
        if let Some(basic) = request.headers().get(AUTHORIZATION) {
            assert!(!form.contains_key("client_secret") && !form.contains_key("client_assertion"));
            let pair = basic.to_str().unwrap().strip_prefix("Basic ").unwrap();
            let pair = base64::engine::general_purpose::STANDARD.decode(pair).unwrap();
            let (client, secret) = std::str::from_utf8(&pair).unwrap().split_once(':').unwrap();
            assert_eq!(secret, SECRET);
            return client.to_owned();
        }
        if let Some(secret) = form.get("client_secret") {
            if let Some(key) = self.client_key.lock().unwrap().clone() {
                self.signed_secret(&key, secret);
            } else {
                assert_eq!(secret, SECRET);
            }
            return form["client_id"].clone();
        }
        let Some(assertion) = form.get("client_assertion") else {
            return form["client_id"].clone();
        };
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let ring = crypto::ring();
        let secret = LocalSigner::from_secret(&*ring, &SecretBytes::new(SECRET.as_bytes().to_vec())).unwrap();
        let key = self.client_key.lock().unwrap().clone().unwrap_or(secret);
        let keys = KeySet::from(key.verification_key(&*ring).unwrap());
        let algorithms: AlgorithmSet = Algorithm::ALL.into_iter().collect();
        let typ = TokenType::exactly("client-authentication+jwt");
        let verified = Verifier::new(algorithms, typ).verify(assertion, &keys).unwrap();
        let claims: Map<String, Value> = verified.claims().unwrap();
        assert_eq!(claims["aud"], json!(ISSUER), "the issuer, as a string");
        assert_eq!(claims["iss"], claims["sub"]);
        let jti = claims["jti"].as_str().unwrap().to_owned();
        let again = self.grants.lock().unwrap().insert(jti, Grant { params: HashMap::new() });
        assert!(again.is_none(), "an assertion is good for one request");
        claims["sub"].as_str().unwrap().to_owned()
    }
}

#[async_trait]
impl HttpClient for Op {
    async fn resolve(&self, _: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([93, 184, 215, 14], port))])
    }

    async fn send(&self, outbound: OutboundRequest) -> Result<Response<Bytes>, PortError> {
        // A network takes its time: others have their turn meanwhile.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        Ok(self.answer(outbound.request).await)
    }
}

fn register(request: &Request<Bytes>) -> Response<Bytes> {
    let mut told: Value = serde_json::from_slice(request.body()).unwrap();
    told["client_id"] = json!("rp");
    told["client_secret"] = json!(SECRET);
    told["client_secret_expires_at"] = json!(0);
    answer(201, &told)
}

fn challenge(text: &str) -> Response<Bytes> {
    let mut response = answer(401, &json!({}));
    response.headers_mut().insert(WWW_AUTHENTICATE, text.parse().unwrap());
    response
}

pub(super) fn answer(status: u16, body: &Value) -> Response<Bytes> {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    response.header(CONTENT_TYPE, "application/json").body(Bytes::from(body.to_string())).unwrap()
}

pub(super) fn sign(signer: &LocalSigner, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    format!("{input}.{}", base64url::encode(&signer.sign_now(input.as_bytes()).unwrap()))
}

/// Turns a bit of the signature.
pub(super) fn broken(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = base64url::decode(signature).unwrap();
    bytes[9] ^= 1;
    format!("{rest}.{}", base64url::encode(&bytes))
}

/// Takes the signature and its algorithm away.
pub(super) fn unsigned(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    format!("{}.{payload}.", base64url::encode(br#"{"alg":"none"}"#))
}

/// `oidcc-client-test-idtoken-sig-none`, which several plans have. Skipped by the suite where the client does not ask for
/// `none`; this one never believes it.
pub(super) async fn no_unsigned_id_token_is_believed() {
    let conversation = Conversation::new();
    conversation.twist(|twists| twists.signed = Box::new(unsigned));
    assert_eq!(id_token_error(conversation.sign_in().await), ciam_oidc::rp::IdTokenError::Signature);
}

pub(super) fn set(name: &'static str, value: Value) -> Change {
    Box::new(move |claims| {
        claims.as_object_mut().unwrap().insert(name.to_owned(), value.clone());
    })
}

pub(super) fn without(name: &'static str) -> Change {
    Box::new(move |claims| {
        claims.as_object_mut().unwrap().remove(name);
    })
}

/// A relying party and its provider.
pub(super) struct Conversation {
    pub(super) op: Arc<Op>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) party: RelyingParty,
    pub(super) ports: Ports,
    pub(super) browser: BrowserId,
}

impl Conversation {
    /// The plainest client, of a provider that signs with RS256.
    pub(super) fn new() -> Self {
        Self::with(rsa(RSA), |config| config)
    }

    pub(super) fn with(
        signer: LocalSigner,
        change: impl FnOnce(RelyingPartyConfig) -> RelyingPartyConfig,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
        let op = Arc::new(Op {
            ports: ports.clone(),
            signer: Mutex::new(signer),
            published: Mutex::default(),
            twists: Mutex::default(),
            userinfo_is_signed: Mutex::default(),
            client_key: Mutex::default(),
            grants: Mutex::default(),
            log: Mutex::default(),
            party: OnceLock::new(),
            checker: DpopChecker::new(ports),
        });
        let ports =
            memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(4))).with_http_client(op.clone());
        let config =
            RelyingPartyConfig::new(ISSUER, "rp", Authentication::SecretBasic(SECRET.into()), CALLBACK)
                .with_scope("openid profile email");
        let party = RelyingParty::new(ports.clone(), change(config));
        let _first = op.party.set(party.clone());
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        Self { op, clock, party, ports, browser }
    }

    /// Makes the provider stray.
    pub(super) fn twist(&self, twist: impl FnOnce(&mut Twists)) {
        twist(&mut self.op.twists.lock().unwrap());
    }

    pub(super) async fn sign_in(&self) -> Result<SignedIn, SignInError> {
        let url = self.party.begin(&self.browser, &SignInOptions::new(), None).await?;
        let answer = self.op.authorize(&url).await;
        self.party.finish(Some(&self.browser), &answer).await
    }
}

pub(super) fn rsa(pkcs8: &[u8]) -> LocalSigner {
    LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Rs256, pkcs8).unwrap()
}

pub(super) fn es256(kid: &'static str) -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap().with_kid(kid)
}

pub(super) fn query_of(url: &str) -> Params {
    Params::parse(Url::parse(url).unwrap().query().unwrap(), ParamsLimits::default()).unwrap()
}

/// The error of an ID token that does not hold.
pub(super) fn id_token_error(outcome: Result<SignedIn, SignInError>) -> ciam_oidc::rp::IdTokenError {
    match outcome {
        Err(SignInError::IdToken(error)) => error,
        Ok(_) => panic!("it was believed"),
        Err(other) => panic!("another error: {other:?}"),
    }
}
