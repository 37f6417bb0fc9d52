//! A certification client, its person and its browser.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use ciam_core::account::{Account, AccountStatus, Identifier, IdentifierKey};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::http::{Params, ParamsLimits, Peer};
use ciam_core::id::AccountId;
use ciam_core::interaction::{Ask, InteractionHandle};
use ciam_core::jose::Algorithm;
use ciam_core::keys::KeyRing;
use ciam_core::memory::{self, MemoryHttpClient};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::store::{Batch, Versioned, Write};
use ciam_core::testkit::{ManualClock, SeededEntropy};
use ciam_oauth::authorize::{ConsentDecision, ResponseType, Visitor};
use ciam_oauth::client::{Client, ClientAuthentication, ClientSecret, GrantType};
use ciam_oauth::server::Profile;
use ciam_oauth::{AuthorizationServer, ServerBuilder};
use ciam_oidc::{OpenIdProvider, ProviderConfig};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;
use url::Url;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const CALLBACK: &str = "https://suite.example/callback";
pub(super) const AFTER_LOGOUT: &str = "https://suite.example/post_logout";
pub(super) const SECRET: &str = "0123456789012345678901234567890123456789abc";
const RSA: &[u8] = include_bytes!("../../data/rsa-2048.pk8");

/// What is asked for, and how the response comes: the plans for `form_post` are the others with another mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) kind: ResponseType,
    pub(super) form_post: bool,
}

impl Mode {
    pub(super) const QUERY: Self = Self { kind: ResponseType::Code, form_post: false };
    pub(super) const FORM_POST: Self = Self { kind: ResponseType::Code, form_post: true };
    pub(super) const HYBRID: Self = Self { kind: ResponseType::CodeIdToken, form_post: false };
    pub(super) const HYBRID_FORM_POST: Self = Self { kind: ResponseType::CodeIdToken, form_post: true };
    pub(super) const IMPLICIT: Self = Self { kind: ResponseType::IdToken, form_post: false };
    pub(super) const IMPLICIT_FORM_POST: Self = Self { kind: ResponseType::IdToken, form_post: true };
}

/// Makes a test of each module for each mode.
macro_rules! in_modes {
    ([$($name:ident: $mode:ident),+] $modules:tt) => {
        $(in_modes!(@one $name $mode $modules);)+
    };
    (@one $name:ident $mode:ident [$($module:ident),+ $(,)?]) => {
        mod $name {
            use super::super::suite::{Mode, Suite};

            $(#[tokio::test]
            async fn $module() {
                super::$module(&Suite::new(Mode::$mode).await).await;
            })+
        }
    };
}
pub(super) use in_modes;

pub(super) struct Suite {
    pub(super) server: AuthorizationServer,
    pub(super) provider: Arc<OpenIdProvider>,
    pub(super) ports: Ports,
    pub(super) clock: Arc<ManualClock>,
    pub(super) outside: MemoryHttpClient,
    pub(super) person: Versioned<Account>,
    pub(super) mode: Mode,
}

impl Suite {
    pub(super) async fn new(mode: Mode) -> Self {
        Self::with(mode, |builder| builder).await
    }

    /// With more of the server.
    pub(super) async fn with(mode: Mode, configure: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::signing(mode, &[Algorithm::Es256, Algorithm::Rs256], configure).await
    }

    /// With keys of these algorithms.
    pub(super) async fn signing(
        mode: Mode,
        algorithms: &[Algorithm],
        configure: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let outside = MemoryHttpClient::new();
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(11)))
            .with_http_client(Arc::new(outside.clone()));
        let keys = KeyRing::builder(ports.clone(), algorithms.iter().copied()).open().await.unwrap();
        if algorithms.contains(&Algorithm::Rs256) {
            keys.import_pkcs8(Algorithm::Rs256, SecretBytes::new(RSA.to_vec())).await.unwrap();
        }
        if algorithms.contains(&Algorithm::Ps256) {
            let scheme = Algorithm::Ps256.scheme().unwrap();
            let key = ciam_core::crypto::aws_lc_rs().generate_signing_key(scheme).unwrap();
            keys.import_pkcs8(Algorithm::Ps256, key).await.unwrap();
        }
        let mut config = provider_config();
        config.id_token_algorithms = algorithms.to_vec();
        let provider = Arc::new(OpenIdProvider::new(config));
        let profile = if mode.kind == ResponseType::Code { Profile::OpenId } else { Profile::OpenIdHybrid };
        let builder = AuthorizationServer::builder(ports.clone())
            .issuer(ISSUER.parse().unwrap())
            .interaction_url(format!("{ISSUER}/interaction/"))
            .profile(profile)
            .keys(keys)
            .extension(provider.clone());
        let server = configure(builder).build().await.unwrap();
        let basic = ClientAuthentication::basic(&ClientSecret::new(SECRET).unwrap());
        let post = ClientAuthentication::post(&ClientSecret::new(SECRET).unwrap());
        for (id, authentication) in [("suite", basic.clone()), ("suite2", basic), ("post", post)] {
            let mut client = client(id, authentication);
            client.response_types.insert(mode.kind);
            server.clients().register(client).await.unwrap();
        }
        let person = person(&ports).await;
        Self { server, provider, ports, clock, outside, person, mode }
    }

    pub(super) async fn change_client(&self, change: impl FnOnce(&mut Client)) {
        let read = self.server.clients().get(&"suite".parse().unwrap()).await.unwrap().unwrap();
        let mut next = read.value.clone();
        change(&mut next);
        self.server.clients().update(&read, next).await.unwrap();
    }

    pub(super) async fn metadata(&self) -> Map<String, Value> {
        let response = self.send(Request::get("/.well-known/openid-configuration"), String::new()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        serde_json::from_slice(response.body()).unwrap()
    }

    pub(super) async fn send(&self, request: http::request::Builder, body: String) -> Response<Bytes> {
        let request = request.body(Bytes::from(body)).unwrap();
        self.server.handle(request, &Peer::new([192, 0, 2, 9].into())).await
    }

    /// The parameters of an authorization request, with changes; an empty value takes one away.
    pub(super) fn request<'a>(&self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut params = vec![
            ("client_id", "suite"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", "st4te"),
            ("nonce", "n0nce"),
            ("response_type", self.mode.kind.as_str()),
        ];
        if self.mode.form_post {
            params.push(("response_mode", "form_post"));
        }
        for (name, value) in changes {
            params.retain(|(known, _)| known != name);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        params
    }

    /// Exchanges a code, as the client authenticates.
    pub(super) async fn token(&self, code: &str) -> (StatusCode, Value) {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.token_request("suite", &form).await
    }

    pub(super) async fn token_request(&self, client: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{SECRET}"));
        let request = Request::post("/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, format!("Basic {pair}"));
        let response = self.send(request, encode(form)).await;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status(), serde_json::from_slice(response.body()).unwrap())
    }

    /// A whole sign-in: the response, the tokens, and the checks of OpenID Connect Core 3.1.3.7 on the ID token.
    pub(super) async fn flow(&self, browser: &mut Browser, changes: &[(&str, &str)]) -> Flow {
        let params = self.request(changes);
        let nonce = params.iter().find(|(name, _)| *name == "nonce").map(|(_, value)| *value);
        let back = browser.authorize(self, &params).await;
        let kind = self.mode.kind;
        let code = if kind.has_code() { back.code() } else { String::new() };
        let mut front = Value::Null;
        if kind.has_id_token() {
            let id_token = back.id_token();
            front = self.id_token(&id_token, nonce, None, Some(&code).filter(|code| !code.is_empty())).await;
            let state =
                ciam_oidc::id_token::half_hash(&*ciam_core::crypto::ring(), Algorithm::Rs256, "st4te");
            assert_eq!(front["s_hash"], state);
            if !kind.has_code() {
                return Flow { code, tokens: Value::Null, id_token, claims: front };
            }
        }
        let (status, tokens) = self.token(&code).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        let id_token = tokens["id_token"].as_str().unwrap().to_owned();
        let claims = self.id_token(&id_token, nonce, tokens["access_token"].as_str(), None).await;
        if kind.has_id_token() {
            // Core, section 3.3.3.6: the two are of the same person and issuer.
            assert_eq!((&front["iss"], &front["sub"]), (&claims["iss"], &claims["sub"]));
            assert_eq!(front["auth_time"], claims["auth_time"]);
        }
        assert_eq!(tokens["token_type"].as_str().unwrap().to_ascii_lowercase(), "bearer");
        assert!(tokens["expires_in"].as_u64().unwrap() > 0);
        Flow { code, tokens, id_token, claims }
    }

    /// Checks an ID token as the suite's client does, with the published keys.
    async fn id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
        access_token: Option<&str>,
        code: Option<&String>,
    ) -> Value {
        let header = crate::world::header_of(token);
        assert_eq!(header["alg"], "RS256");
        let response = self.send(Request::get("/jwks"), String::new()).await;
        let jwks: Value = serde_json::from_slice(response.body()).unwrap();
        let known = jwks["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == header["kid"]);
        assert_eq!(known.count(), 1, "the key is published under its name");
        let keys = self.server.keys().keys().await.unwrap();
        let verifier = ciam_core::jose::Verifier::new(
            ciam_core::jose::AlgorithmSet::of(&[Algorithm::Rs256]),
            ciam_core::jose::TokenType::exactly("JWT"),
        );
        let claims: Value = verifier.verify(token, keys.keys()).unwrap().claims().unwrap();
        let now = self.ports.now().unix_timestamp();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("suite")));
        assert!(claims["exp"].as_i64().unwrap() > now && claims["iat"].as_i64().unwrap() <= now);
        assert!(claims["sub"].as_str().is_some_and(|sub| !sub.is_empty() && sub.len() <= 255));
        assert_eq!(claims.get("nonce").and_then(Value::as_str), nonce);
        let crypto = ciam_core::crypto::ring();
        for (name, bound) in [("at_hash", access_token), ("c_hash", code.map(String::as_str))] {
            let hash = bound.map(|it| ciam_oidc::id_token::half_hash(&*crypto, Algorithm::Rs256, it));
            assert_eq!(claims.get(name).and_then(Value::as_str), hash.as_deref(), "{name}");
        }
        claims
    }

    pub(super) async fn userinfo(&self, access_token: &str) -> Response<Bytes> {
        let request = Request::get("/userinfo").header(AUTHORIZATION, format!("Bearer {access_token}"));
        self.send(request, String::new()).await
    }

    pub(super) async fn claims_of_userinfo(&self, flow: &Flow) -> Value {
        let response = self.userinfo(flow.access_token()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let claims: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(claims["sub"], flow.claims["sub"]);
        claims
    }

    pub(super) async fn pass(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }
}

/// What a whole sign-in gave.
pub(super) struct Flow {
    pub(super) code: String,
    pub(super) tokens: Value,
    pub(super) id_token: String,
    pub(super) claims: Value,
}

impl Flow {
    pub(super) fn access_token(&self) -> &str {
        self.tokens["access_token"].as_str().unwrap()
    }

    pub(super) fn auth_time(&self) -> i64 {
        self.claims["auth_time"].as_i64().unwrap()
    }
}

/// Where an authorization request ended.
#[derive(Debug)]
pub(super) enum Back {
    /// At the client, with these parameters.
    Client(Params),
    /// On a page of the server, with this status.
    Page(StatusCode),
}

impl Back {
    pub(super) fn param(&self, name: &str) -> Option<String> {
        match self {
            Self::Client(params) => params.one(name).unwrap().map(str::to_owned),
            Self::Page(_) => panic!("the person is on a page: {self:?}"),
        }
    }

    /// The code of a good response, of which `state` and `iss` are checked and nothing more is there.
    pub(super) fn code(&self) -> String {
        assert_eq!(self.param("error"), None, "{self:?}");
        assert_eq!(self.param("iss").as_deref(), Some(ISSUER));
        let Self::Client(params) = self else { panic!() };
        let known = ["code", "state", "iss", "session_state", "id_token"];
        assert!(params.pairs().iter().all(|(name, _)| known.contains(&name.as_str())), "{params:?}");
        self.param("code").unwrap()
    }

    pub(super) fn error(&self) -> String {
        assert_eq!(self.param("code"), None);
        assert_eq!(self.param("state").as_deref(), Some("st4te"));
        assert_eq!(self.param("iss").as_deref(), Some(ISSUER));
        let Self::Client(params) = self else { panic!() };
        let known = ["error", "error_description", "state", "iss"];
        assert!(params.pairs().iter().all(|(name, _)| known.contains(&name.as_str())), "{params:?}");
        self.param("error").unwrap()
    }

    /// The ID token of a good response.
    pub(super) fn id_token(&self) -> String {
        assert_eq!(self.param("error"), None, "{self:?}");
        assert_eq!(self.param("access_token"), None, "no access token goes through the browser");
        self.param("id_token").unwrap()
    }

    /// The request was refused on a page, and nothing was sent anywhere.
    pub(super) fn is_error_page(&self) -> bool {
        matches!(self, Self::Page(status) if status.is_client_error())
    }
}

/// The person's browser.
#[derive(Default)]
pub(super) struct Browser {
    cookies: Vec<(String, String)>,
    /// How often the person was asked to sign in.
    pub(super) sign_ins: usize,
    /// What was asked when they were.
    pub(super) asked: Vec<Ask>,
    /// Whether the person says no when they are asked for something.
    pub(super) refuses: bool,
}

impl Browser {
    pub(super) fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub(super) fn keep(&mut self, response: &Response<Bytes>) {
        for set in response.headers().get_all(SET_COOKIE) {
            self.take(set.to_str().unwrap());
        }
    }

    fn take(&mut self, set: &str) {
        let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
        self.cookies.retain(|(known, _)| known != name);
        if !set.contains("Max-Age=0") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has_session(&self) -> bool {
        self.cookies.iter().any(|(name, _)| name == ciam_core::http::SESSION_COOKIE)
    }

    pub(super) async fn get(&mut self, suite: &Suite, path: &str) -> Response<Bytes> {
        let response =
            suite.send(Request::get(path).header(COOKIE, self.cookie_header()), String::new()).await;
        self.keep(&response);
        response
    }

    /// Sends an authorization request and does what the person is asked to.
    pub(super) async fn authorize(&mut self, suite: &Suite, params: &[(&str, &str)]) -> Back {
        let first = self.get(suite, &format!("/authorize?{}", encode(params))).await;
        self.follow(suite, first).await
    }

    pub(super) async fn follow(&mut self, suite: &Suite, first: Response<Bytes>) -> Back {
        let mut response = first;
        for _ in 0..8 {
            if response.status() == StatusCode::OK {
                return self.posted(suite, &response);
            }
            if response.status() != StatusCode::SEE_OTHER {
                return Back::Page(response.status());
            }
            let next = response.headers()[LOCATION].to_str().unwrap().to_owned();
            if let Some((mark, response)) =
                next.strip_prefix(CALLBACK).and_then(|rest| rest.split_at_checked(1))
            {
                assert!(!suite.mode.form_post, "nothing goes in the address of a form_post: {next}");
                let params = Params::parse(response, ParamsLimits::default()).unwrap();
                // A request that does not say what it wants is answered in the query.
                let in_query =
                    suite.mode.kind == ResponseType::Code || params.one("error").unwrap().is_some();
                assert!(mark == "#" || mark == "?" && in_query, "{next}");
                return Back::Client(params);
            }
            response = self.go_on(suite, next).await;
        }
        panic!("the flow does not end")
    }

    /// Goes where it is sent; first does what a page of ours asks for there.
    async fn go_on(&mut self, suite: &Suite, next: String) -> Response<Bytes> {
        let next = match next.strip_prefix(&format!("{ISSUER}/interaction/")) {
            Some(handle) => self.answer(suite, &InteractionHandle::from_text(handle)).await,
            None => next,
        };
        let path = next.strip_prefix(ISSUER).unwrap_or_else(|| panic!("led elsewhere: {next}"));
        self.get(suite, path).await
    }

    /// Follows until the browser is sent to an address that begins like this.
    pub(super) async fn until_client(&mut self, suite: &Suite, first: Response<Bytes>, to: &str) -> String {
        let mut response = first;
        for _ in 0..8 {
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            let next = response.headers()[LOCATION].to_str().unwrap().to_owned();
            if next.starts_with(to) {
                return next;
            }
            response = self.go_on(suite, next).await;
        }
        panic!("the flow does not end")
    }

    /// What a form posts to the client.
    fn posted(&self, suite: &Suite, response: &Response<Bytes>) -> Back {
        assert!(suite.mode.form_post);
        let body = std::str::from_utf8(response.body()).unwrap();
        assert!(body.contains(&format!("<form method=\"post\" action=\"{CALLBACK}\">")), "{body}");
        // Without scripts there is a button.
        assert!(body.contains("<noscript><button type=\"submit\">"), "{body}");
        let mut pairs = Vec::new();
        for field in body.split("<input type=\"hidden\" name=\"").skip(1) {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            let value = rest.split('"').next().unwrap();
            pairs.push((unescape(name), unescape(value)));
        }
        Back::Client(Params::from_pairs(pairs))
    }

    /// The host's pages: signs in, or allows what is asked for.
    async fn answer(&mut self, suite: &Suite, handle: &InteractionHandle) -> String {
        let mut headers = http::HeaderMap::new();
        headers.insert(COOKIE, self.cookie_header().parse().unwrap());
        let visitor = Visitor::from_headers(&suite.server, &headers).await.unwrap();
        let pending = suite.server.interaction(handle, visitor.browser.as_ref()).await.unwrap();
        self.asked.push(pending.ask.clone());
        if matches!(pending.ask, Ask::Consent(_)) {
            let said = if self.refuses { ConsentDecision::Deny } else { ConsentDecision::AllowAll };
            return suite.server.answer_consent(handle, &visitor, said).await.unwrap();
        }
        self.sign_ins += 1;
        let proof = Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], suite.ports.now());
        let context = AuthenticationContext::new([proof]);
        let started = match &visitor.signed_in {
            Some(current) => suite.server.sessions().renew(current, context.proofs).await.unwrap(),
            None => suite.server.sessions().start(&suite.person, context, None, None).await.unwrap(),
        };
        self.take(started.cookie.set_cookie(None).unwrap().to_str().unwrap());
        pending.resume_url
    }
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

pub(super) fn encode(params: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

pub(super) fn value_in(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub(super) fn client(id: &str, authentication: ClientAuthentication) -> Client {
    Client::confidential(id.parse().unwrap(), authentication)
        .with_name("Suite")
        .with_redirect_uri(CALLBACK.parse().unwrap())
        .with_post_logout_redirect_uri(AFTER_LOGOUT.parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_grant(GrantType::RefreshToken)
        .with_scopes("openid profile email address phone offline_access".parse().unwrap())
}

/// Where the host's pages are.
pub(super) fn provider_config() -> ProviderConfig {
    ProviderConfig::new(format!("{ISSUER}/sign-out/"), format!("{ISSUER}/signed-out"))
        .with_backchannel_logout()
        .with_frontchannel_logout()
        .with_session_management()
}

pub(super) async fn person(ports: &Ports) -> Versioned<Account> {
    let id = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
    let now = ports.now();
    let mut account = Account::new(id, now);
    account.status = AccountStatus::Active;
    account.identifiers.push(Identifier::verified(IdentifierKey::email("ada@example.com").unwrap(), now));
    account.identifiers.push(Identifier::verified(IdentifierKey::phone("+442079460958").unwrap(), now));
    for (name, value) in [
        ("name", json!("Ada Lovelace")),
        ("given_name", json!("Ada")),
        ("family_name", json!("Lovelace")),
        ("middle_name", json!("King")),
        ("nickname", json!("Ada")),
        ("preferred_username", json!("ada")),
        ("profile", json!("https://ada.example")),
        ("picture", json!("https://ada.example/picture.png")),
        ("website", json!("https://ada.example")),
        ("gender", json!("female")),
        ("birthdate", json!("1815-12-10")),
        ("zoneinfo", json!("Europe/London")),
        ("locale", json!("en-GB")),
        ("address", json!({ "formatted": "St James's Square, London", "country": "UK" })),
    ] {
        account.profile.set(name, value).unwrap();
    }
    assert!(ports.store().commit(Batch::new().write(Write::PutAccount(account))).await.unwrap().is_applied());
    ports.store().account(id).await.unwrap().unwrap()
}

/// An object with other members; those that become null are taken out.
pub(super) fn changed(mut value: Value, changes: &Value) -> Map<String, Value> {
    let members = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => members.remove(name),
            other => members.insert(name.clone(), other.clone()),
        };
    }
    members.clone()
}
